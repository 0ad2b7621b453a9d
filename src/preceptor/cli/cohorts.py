"""Options of the commands that read a table of patients, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.errors import InputError

if TYPE_CHECKING:
    from preceptor.baselines.cohort import Cohort
    from preceptor.baselines.tables import Columns

__all__ = [
    "GroupColumns",
    "IdColumn",
    "LeftOut",
    "Outcome",
    "PatientColumn",
    "listed",
    "read_cohort",
]

Outcome = Annotated[
    str, typer.Option(metavar="COLUMN[,COLUMN]", help="Of a table: outcome; several are labels.")
]
IdColumn = Annotated[
    str | None,
    typer.Option("--id", metavar="COLUMN", help="Of a table. Default: id, else the line."),
]
PatientColumn = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Of a table: whose rows stay in one fold.")
]
GroupColumns = Annotated[
    str, typer.Option(metavar="COLUMN[,COLUMN]", help="Of a table: columns of groups.")
]
LeftOut = Annotated[str, typer.Option(metavar="COLUMN[,COLUMN]", help="Of a table: no features.")]


def listed(text: str) -> tuple[str, ...]:
    """The names in a text that commas part."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def read_cohort(path: Path, columns: Columns) -> Cohort:
    """The rows of a table, or of a folder of stays. Raises InputError, DataError."""
    from preceptor.baselines.stays import holds_stays, read_stays
    from preceptor.baselines.tables import read_table

    if holds_stays(path):
        named = _of_tables(columns)
        if named:
            raise InputError(f"--{named[0]}: {path} says it itself: leave it out")
        return read_stays(path, last=columns.last)
    if path.is_dir():
        raise InputError(f"{path}: expected sta.parquet, dyn.parquet and outc.parquet in it")
    return read_table(path, columns)


def _of_tables(columns: Columns) -> list[str]:
    return [
        name.replace("groups", "group").replace("_", "-")
        for name in ("outcome", "time", "event", "id", "patient", "groups", "leave_out")
        if getattr(columns, name)
    ]
