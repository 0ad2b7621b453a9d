"""A table with a row a patient, or several: columns by the names that the user gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from preceptor.baselines.cohort import LARGEST, Cohort
from preceptor.cells import is_missing
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Columns", "read_table"]

#: A column of texts with more values is no feature.
_MOST_VALUES = 12
_MOST_CLASSES = 10


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of a table, as the user names them.

    Attributes
    ----------
    outcome
        One, or several that are labels of 0 and 1.
    time, event
        Of survival, instead of an outcome.
    leave_out
        Columns that are no features, such as what is only known later.
    """

    outcome: tuple[str, ...] = ()
    time: str | None = None
    event: str | None = None
    id: str | None = None
    patient: str | None = None
    groups: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    last: str | None = None


def read_table(path: Path, columns: Columns) -> Cohort:
    """The rows of a file; those without an outcome are left out, and counted in its remarks.

    A feature is a column of numbers as it is, and a column of up to 12 texts as one of 0 and 1 for
    each text but the first.

    Raises
    ------
    InputError, DataError
        A column is not there, or a cell is no number.
    """
    lines, rows = _rows(path)
    _check(path, list(rows[0]), columns)
    wanted = columns.outcome or (columns.time or "", columns.event or "")
    whole = [not any(is_missing(row.get(name)) for name in wanted) for row in rows]
    left = whole.count(False)
    rows = [row for row, there in zip(rows, whole, strict=True) if there]
    lines = [line for line, there in zip(lines, whole, strict=True) if there]
    if not rows:
        raise InputError(f"{path}: expected rows with {', '.join(wanted)}, found none")
    kind, y, classes = _outcomes(path, rows, lines, columns)
    id = columns.id or next((name for name in rows[0] if name.casefold() == "id"), None)
    ids = [
        str(line - 1) if id is None else str(row[id]) for line, row in zip(lines, rows, strict=True)
    ]
    _check_ids(path, ids, lines, id or "id")
    unit = ids if columns.patient is None else [str(row[columns.patient]) for row in rows]
    taken = {*wanted, *columns.leave_out, id, columns.patient}
    names = [name for name in rows[0] if name not in taken]
    features, x, dropped, texts = _features(path, rows, lines, names)
    if not features:
        raise InputError(f"{path}: expected columns of numbers beside the outcome, found none")
    remarks = [f"{left:,} rows without an outcome are left out"] if left else []
    return Cohort(
        name=path.name.partition(".")[0],
        kind=kind,
        id=ids,
        unit=unit,
        features=features,
        x=x,
        y=y,
        groups={name: [_group(row.get(name)) for row in rows] for name in columns.groups},
        classes=classes,
        last=None if columns.last is None else _numbers(path, rows, lines, columns.last),
        texts=texts,
        dropped=tuple(dropped),
        remarks=tuple(remarks),
    )


def _rows(path: Path) -> tuple[list[int], list[Mapping[str, Any]]]:
    found = list(read_rows(path))
    if not found:
        raise InputError(f"{path}: expected rows, found an empty file")
    return [line for line, _ in found], [row for _, row in found]


def _check(path: Path, names: Sequence[str], columns: Columns) -> None:
    if bool(columns.outcome) == bool(columns.time or columns.event) or (
        bool(columns.time) != bool(columns.event)
    ):
        raise InputError(
            f"{path}: name its outcome: --outcome COLUMN, or --time COLUMN and --event COLUMN: it "
            f"has {', '.join(names[:20])}"
        )
    for option, named in (
        ("--outcome", columns.outcome),
        ("--time", (columns.time,)),
        ("--event", (columns.event,)),
        ("--id", (columns.id,)),
        ("--patient", (columns.patient,)),
        ("--group", columns.groups),
        ("--leave-out", columns.leave_out),
        ("--last", (columns.last,)),
    ):
        for name in named:
            if name is not None and name not in names:
                there = ", ".join(names[:20])
                raise InputError(f"{option} {shorten(name)}: {path} has the columns {there}")


def _outcomes(
    path: Path, rows: Sequence[Mapping[str, Any]], lines: Sequence[int], columns: Columns
) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Kind, outcome columns as a file of predictions has them, and classes."""
    if columns.time is not None and columns.event is not None:
        time = _numbers(path, rows, lines, columns.time)
        event = _numbers(path, rows, lines, columns.event)
        for name, values, fits, expected in (
            (columns.time, time, time > 0, "a time above 0"),
            (columns.event, event, np.isin(event, (0, 1)), "0 or 1"),
        ):
            if not fits.all():
                row = int(np.flatnonzero(~fits)[0])
                problem = f"expected {expected}, found {values[row]:g}"
                raise DataError(str(path), lines[row], name, problem)
        return "survival", {"time": time, "event": event}, ()
    if len(columns.outcome) > 1:
        found = {f"y:{name}": _numbers(path, rows, lines, name) for name in columns.outcome}
        for name, values in found.items():
            if not np.isin(values, (0, 1)).all():
                row = int(np.flatnonzero(~np.isin(values, (0, 1)))[0])
                problem = f"expected 0 or 1, found {values[row]:g}"
                raise DataError(str(path), lines[row], name[2:], problem)
        return "multilabel", found, columns.outcome
    (name,) = columns.outcome
    texts = [str(row[name]).strip() for row in rows]
    numbers = [_number(text) for text in texts]
    if all(number is not None for number in numbers):
        values = _numbers(path, rows, lines, name)
        kind = "binary" if np.isin(values, (0, 1)).all() else "regression"
        return kind, {"y_true": values}, ()
    classes = tuple(dict.fromkeys(texts))
    if not 2 <= len(classes) <= _MOST_CLASSES:
        raise InputError(
            f"{path}: --outcome {name}: expected numbers, or 2 to {_MOST_CLASSES} classes, found "
            f"{len(classes):,} texts"
        )
    place = {label: float(number) for number, label in enumerate(classes)}
    return "multiclass", {"y_true": np.array([place[text] for text in texts])}, classes


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return float(value)
    try:
        return float(str(value))
    except ValueError:
        word = str(value).strip().casefold()
        return {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}.get(word)


def _numbers(
    path: Path, rows: Sequence[Mapping[str, Any]], lines: Sequence[int], name: str
) -> Floats:
    values = []
    for line, row in zip(lines, rows, strict=True):
        cell = row.get(name)
        number = np.nan if is_missing(cell) else _number(cell)
        if number is None or abs(number) > LARGEST:
            problem = f"expected a number, finite and at most {LARGEST:g}, found {shorten(cell)}"
            raise DataError(str(path), line, name, problem)
        values.append(number)
    return np.array(values, dtype=np.float64)


def _check_ids(path: Path, ids: Sequence[str], lines: Sequence[int], id: str) -> None:
    first: dict[str, int] = {}
    for name, line in zip(ids, lines, strict=True):
        if first.setdefault(name, line) != line:
            problem = f"{shorten(name)} is already on line {first[name]:,}: name another with --id"
            raise DataError(str(path), line, id, problem)


def _features(
    path: Path, rows: Sequence[Mapping[str, Any]], lines: Sequence[int], names: Sequence[str]
) -> tuple[list[str], Floats, list[str], dict[str, list[str | None]]]:
    found: dict[str, Sequence[float]] = {}
    texts: dict[str, list[str | None]] = {}
    dropped = []
    for name in names:
        cells = [None if is_missing(row.get(name)) else row.get(name) for row in rows]
        if all(cell is None or _number(cell) is not None for cell in cells):
            found[name] = _numbers(path, rows, lines, name).tolist()
            continue
        texts[name] = [None if cell is None else str(cell) for cell in cells]
        values = sorted({str(cell) for cell in cells if cell is not None})
        if len(values) > _MOST_VALUES:
            dropped.append(name)
            continue
        for value in values[1:]:
            found[f"{name}={value}"] = [
                np.nan if cell is None else float(str(cell) == value) for cell in cells
            ]
    x = np.array(list(found.values()), dtype=np.float64).T if found else np.empty((len(rows), 0))
    return list(found), x, dropped, texts


def _group(cell: object) -> str | None:
    if is_missing(cell):
        return None
    return f"{cell:g}" if isinstance(cell, float) else str(cell)
