"""Tables of records, real and synthetic → columns of numbers and of categories."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from preceptor.cells import is_missing, read_number
from preceptor.errors import InputError, shorten
from preceptor.files import read_rows
from preceptor.scoring.synthetic_tables import Column

__all__ = ["read_columns"]

#: A column with so few numbers is one of categories; one of texts with more than 50 is refused.
_FEW, _MANY = 10, 50
_FEWEST_ROWS = 10


def read_columns(
    real: Path, other: Path, holdout: Path | None = None, *, ignored: Collection[str] = ()
) -> tuple[list[Column], list[Column] | None]:
    """The columns of both tables, and those of real rows that were kept out.

    Raises
    ------
    InputError
        Other columns, too few rows, or a column of texts that all differ.
    """
    paths = [real, other, *([holdout] if holdout else [])]
    tables = [_read(path) for path in paths]
    names = [name for name in tables[0] if name not in ignored]
    for name in ignored:
        if name not in tables[0]:
            raise InputError(f"--ignore {shorten(name)}: {real} has no such column")
    for path, table in zip(paths, tables, strict=True):
        missing = [name for name in names if name not in table]
        more = [name for name in table if name not in names and name not in ignored]
        if missing or more:
            what = f"no column {missing[0]}" if missing else f"a column {more[0]} more"
            raise InputError(f"{path}: expected the columns of {real}, found {shorten(what)}")
        if len(table[names[0]] if names else ()) < _FEWEST_ROWS:
            raise InputError(f"{path}: expected {_FEWEST_ROWS} rows or more")
    made = [_column(name, [table[name] for table in tables], paths) for name in names]
    if not made:
        raise InputError(f"{real}: expected a column that is not ignored, found none")
    pairs = [Column(name, parts[0], parts[1], kinds) for name, parts, kinds in made]
    if holdout is None:
        return pairs, None
    return pairs, [Column(name, parts[0], parts[2], kinds) for name, parts, kinds in made]


def _read(path: Path) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for number, (_, row) in enumerate(read_rows(path)):
        for name in row:
            columns.setdefault(name, [None] * number)
        for name, values in columns.items():
            values.append(row.get(name))
    if not columns:
        raise InputError(f"{path}: expected a table of records, found no row")
    return columns


def _column(
    name: str, parts: Sequence[Sequence[Any]], paths: Sequence[Path]
) -> tuple[str, list[Any], tuple[str, ...] | None]:
    numbers = [[_number(value, {name: value}) for value in values] for values in parts]
    known = [value for values in numbers for value in values if value is not None]
    finite = [value for value in known if not math.isnan(value)]
    if len(known) == sum(map(len, parts)) and len({*finite}) > _FEW:
        return name, [np.array(values, dtype=np.float64) for values in numbers], None
    texts = [[None if is_missing(v) else str(v).strip() for v in values] for values in parts]
    found = sorted({text for values in texts for text in values if text is not None})
    if len(found) > _MANY:
        raise InputError(
            f"{paths[0]}: column {shorten(name)}: expected numbers, or at most {_MANY} categories, "
            f"found {len(found):,}: leave it out with --ignore"
        )
    place = {text: number for number, text in enumerate(found)}
    codes = [np.array([-1 if t is None else place[t] for t in values]) for values in texts]
    return name, codes, tuple(found)


def _number(value: Any, row: Mapping[str, Any]) -> float | None:
    """The number, NaN where missing; None where it is none."""
    if is_missing(value):
        return math.nan
    if isinstance(value, bool):
        return None
    try:
        found = float(value) if not isinstance(value, str) else read_number(value, row)
    except (OverflowError, TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None
