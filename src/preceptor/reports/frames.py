"""Answers and verdicts as data frames."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

from preceptor.errors import InputError, Unavailable, shorten
from preceptor.reports.export import COLUMNS, OF_ANSWER, Answers, parts, tables

__all__ = ["frame"]


def frame(runs: Iterable[Answers], rows: str, library: str | None) -> Any:
    """A data frame of pandas or polars with the columns of csv and parquet.

    Parameters
    ----------
    rows
        ``verdicts``, one row a verdict, or ``answers``, without the columns of criteria and
        verdicts.
    library
        ``pandas`` or ``polars``; None for the first of them that is installed.
    """
    if rows not in ("answers", "verdicts"):
        raise InputError(f"to_frame: expected answers or verdicts, found {shorten(rows)}")
    made = _frames(library)
    names = OF_ANSWER if rows == "answers" else COLUMNS
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for info, part in parts(runs):
        for group, values, places in tables(info, part):
            if rows == "verdicts" or group is OF_ANSWER:
                for name, column in zip(group, values, strict=True):
                    taken = column if rows == "answers" else map(column.__getitem__, places)
                    columns[name] += taken
    return made(columns)


def _frames(library: str | None) -> Callable[[dict[str, list[Any]]], Any]:
    """What makes a data frame of columns."""
    if library not in (None, "pandas", "polars"):
        raise InputError(f"to_frame: expected pandas or polars, found {shorten(library)}")
    if library != "polars":
        with contextlib.suppress(ImportError):
            import pandas

            types = {"int64": "Int64", "bool": "boolean", "double": "float64"}
            return lambda columns: pandas.DataFrame(
                {
                    name: pandas.Series(values, dtype=types.get(COLUMNS[name], "string"))
                    for name, values in columns.items()
                }
            )
    if library != "pandas":
        with contextlib.suppress(ImportError):
            import polars

            kinds = {"int64": polars.Int64, "bool": polars.Boolean, "double": polars.Float64}
            return lambda columns: polars.DataFrame(
                columns, {name: kinds.get(COLUMNS[name], polars.String) for name in columns}
            )
    needed = library or "pandas"
    raise Unavailable(f"to_frame needs {needed}: run pip install {needed}")
