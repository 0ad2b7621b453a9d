"""The runs of a store in a file, listed without SQLAlchemy, which takes longer to import."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from preceptor.errors import shorten
from preceptor.records import RunInfo, RunSettings, reading_settings

__all__ = ["FORMAT", "read_run", "runs_in_file"]

#: Version of the tables. A change of them is a new number and an entry in MIGRATIONS.
FORMAT = 7
_COLUMNS = RunInfo.__struct_fields__
_RUNS = f"SELECT {', '.join(_COLUMNS)} FROM runs ORDER BY id"  # noqa: S608
_FORMAT = "SELECT value FROM preceptor WHERE key = 'format'"


def runs_in_file(where: str) -> list[RunInfo] | None:
    """All runs of the store at that path, oldest first.

    None where :class:`preceptor.store.Store` has to look: it is no SQLite file of this format, or
    cannot be read as one.

    Raises
    ------
    StoreError
        The settings of a run are damaged.
    """
    if "://" in where or not Path(where).is_file():
        return None
    place = f"{Path(where).absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(place, uri=True)) as connection:
            if connection.execute(_FORMAT).fetchone() != (str(FORMAT),):
                return None
            rows = connection.execute(_RUNS).fetchall()
    except sqlite3.Error:
        return None
    try:
        return [read_run(dict(zip(_COLUMNS, row, strict=True)), where) for row in rows]
    except msgspec.MsgspecError:
        return None


def read_run(row: Mapping[Any, Any], where: str) -> RunInfo:
    """The run of a row of the store at that place. Raises StoreError for damaged settings."""
    values = {name: row[name] for name in RunInfo.__struct_fields__}
    with reading_settings(f"store {where}: run {shorten(str(row['name']))}"):
        stated = msgspec.json.decode(row["settings"], type=dict[str, Any])
        settings = RunSettings.of(stated)
    return msgspec.convert(values | {"settings": settings}, RunInfo)
