"""A folder of stays as YAIB makes it: ``sta``, ``dyn`` and ``outc`` in parquet files.

Format: https://github.com/rvandewater/YAIB, van de Water et al. 2024 (ICLR).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from preceptor.baselines.cohort import LARGEST, Cohort, age_group
from preceptor.errors import InputError
from preceptor.installation import MissingExtra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["holds_stays", "read_stays"]

_PARTS = ("sta", "dyn", "outc")
_STAY, _TIME, _LABEL = "stay_id", "time", "label"


def holds_stays(path: Path) -> bool:
    return path.is_dir() and all((path / f"{part}.parquet").is_file() for part in _PARTS)


def read_stays(path: Path, *, last: str | None = None) -> Cohort:
    """The stays of a folder: one row a stay, or one an hour where labels have a time.

    A stay's features are last, least, greatest and mean value and the number of values of each
    dynamic column; an hour's are the last value and the number of values until then. Age, sex and
    weight are beside them, a stay's height too.

    Parameters
    ----------
    last
        The dynamic column that the outcome is a later value of.

    Raises
    ------
    InputError
        A file lacks a column, or stays do not fit.
    """
    static, dynamic, outcome = (_columns(path / f"{part}.parquet") for part in _PARTS)
    hourly = _TIME in outcome
    need = (
        ("sta", static, (_STAY, "age", "sex", "weight")),
        ("dyn", dynamic, (_STAY, _TIME)),
        ("outc", outcome, (_STAY, _LABEL)),
    )
    for part, columns, needed in need:
        for name in needed:
            if name not in columns:
                file, there = path / f"{part}.parquet", ", ".join(list(columns)[:12])
                raise InputError(f"{file}: expected a column {name}, found {there}")
        _check_numbers(path / f"{part}.parquet", columns)
    order = np.lexsort((dynamic[_TIME], dynamic[_STAY]))
    stay, hour = dynamic[_STAY][order].astype(np.int64), dynamic[_TIME][order] / 3600
    names = [name for name in dynamic if name not in (_STAY, _TIME)]
    values = np.column_stack([dynamic[name][order] for name in names])
    if last is not None and last not in names:
        raise InputError(f"--last {last}: {path}/dyn.parquet has the columns {', '.join(names)}")
    starts = np.flatnonzero(np.r_[True, stay[1:] != stay[:-1]])
    label = outcome[_LABEL]
    if hourly:
        features, x = _hourly(names, values, starts)
        times = outcome[_TIME] / 3600
        key = np.lexsort((times, outcome[_STAY]))
        _same(path, stay, outcome[_STAY][key], hour, times[key])
        rows, label = stay, label[key]
    else:
        features, x = _per_stay(names, values, starts)
        key = np.argsort(outcome[_STAY], kind="stable")
        rows, label = stay[starts], label[key]
        _same(path, rows, outcome[_STAY][key])
    found = (rows, hour if hourly else None)
    return _cohort(path, static, found, label, features, x, last, names)


def _columns(path: Path) -> dict[str, Any]:
    """The columns of a file as floats, times in seconds; texts as objects."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtra(f"{path}: reading parquet needs pyarrow", "parquet") from None
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError):
        raise InputError(f"{path}: expected a parquet file, found something else") from None
    found: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pyarrow.types.is_duration(column.type):
            nanoseconds = column.cast(pyarrow.duration("ns")).cast(pyarrow.int64())
            found[name] = nanoseconds.to_numpy().astype(np.float64) / 1e9
        elif pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type):
            found[name] = np.array(column.to_pylist(), dtype=object)
        else:
            try:
                found[name] = column.to_numpy().astype(np.float64)
            except (ValueError, TypeError):
                raise InputError(f"{path}: column {name}: expected numbers") from None
    return found


def _check_numbers(file: Path, columns: Mapping[str, Any]) -> None:
    """Raises InputError for a number that no model takes, and for a stay without its number."""
    for name, values in columns.items():
        text = values.dtype == object
        if name == _STAY and (text or np.isnan(values).any()):
            raise InputError(f"{file}: column {name}: expected a number in every row")
        if not text and (np.abs(values) > LARGEST).any():
            raise InputError(f"{file}: column {name}: expected finite numbers up to {LARGEST:g}")


def _same(path: Path, stay: Any, other: Any, hour: Any = None, at: Any = None) -> None:
    """Raises InputError where the rows of dyn and of outc are not the same stays and times."""
    same = len(stay) == len(other) and bool((stay == other).all())
    if same and hour is not None:
        same = bool((hour == at).all())
    if not same:
        raise InputError(
            f"{path}: expected the same stays{' and hours' if hour is not None else ''} in dyn and "
            f"outc, each once: found {len(stay):,} and {len(other):,} rows that differ"
        )


def _per_stay(names: list[str], values: Floats, starts: Places) -> tuple[list[str], Floats]:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        low = np.fmin.reduceat(values, starts)
        high = np.fmax.reduceat(values, starts)
    count = np.add.reduceat(known.astype(np.float64), starts)
    total = np.add.reduceat(np.where(known, values, 0.0), starts)
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    ends = np.r_[starts[1:], len(values)] - 1
    kinds = {"last": _forward(values, starts)[ends], "min": low, "max": high, "mean": mean}
    columns = [f"{name}_{kind}" for kind in (*kinds, "count") for name in names]
    return columns, np.column_stack([*kinds.values(), count])


def _hourly(names: list[str], values: Floats, starts: Places) -> tuple[list[str], Floats]:
    known = (~np.isnan(values)).astype(np.float64)
    count = np.cumsum(known, axis=0)
    before = np.vstack([np.zeros((1, values.shape[1])), count])[starts]
    sizes = np.diff(np.r_[starts, len(values)])
    count = count - np.repeat(before, sizes, axis=0)
    columns = [f"{name}_{kind}" for kind in ("last", "count") for name in names]
    return columns, np.column_stack([_forward(values, starts), count])


def _forward(values: Floats, starts: Places) -> Floats:
    """Each value, or the last known one of the same stay before it."""
    number = np.arange(len(values))[:, None]
    begin = np.repeat(starts, np.diff(np.r_[starts, len(values)]))[:, None]
    source = np.maximum.accumulate(np.where(np.isnan(values), -1, number), axis=0)
    filled = np.take_along_axis(values, np.maximum(source, begin), axis=0)
    return np.asarray(np.where(source >= begin, filled, np.nan))


def _cohort(  # noqa: PLR0917
    path: Path,
    static: Mapping[str, Any],
    rows: tuple[Any, Any],
    label: Any,
    features: list[str],
    x: Floats,
    last: str | None,
    series: list[str],
) -> Cohort:
    stay, hour = rows
    known = {int(each): place for place, each in enumerate(static[_STAY])}
    missing = [int(each) for each in stay if int(each) not in known]
    if missing:
        raise InputError(f"{path}/sta.parquet: expected stay {missing[0]}, which dyn has")
    place = np.array([known[int(each)] for each in stay], dtype=np.intp)
    sex, age = static["sex"][place], static["age"][place]
    extra = {"age": age, "male": (sex == "Male").astype(np.float64)}
    if hour is None:
        extra |= {"height": static["height"][place]} if "height" in static else {}
    else:
        extra = {"hour": hour, **extra}
    extra["weight"] = static["weight"][place]
    if np.isnan(label).any():
        raise InputError(f"{path}/outc.parquet: expected a label in every row, found empty ones")
    binary = bool(np.isin(label, (0, 1)).all())
    ids = [str(int(each)) for each in stay]
    column = None if last is None else x[:, features.index(f"{last}_last")]
    return Cohort(
        name=f"{path.resolve().parent.name}-{path.resolve().name}",
        kind="binary" if binary else "regression",
        id=ids,
        unit=ids,
        hour=None if hour is None else hour.tolist(),
        features=[*features, *extra],
        x=np.column_stack([x, *extra.values()]),
        y={"y_true": label},
        groups={"sex": list(sex), "age_group": [age_group(each) for each in age.tolist()]},
        last=column,
        series=tuple(series),
    )
