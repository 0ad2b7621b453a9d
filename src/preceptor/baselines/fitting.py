"""Baselines out of fold, with few examples, and on another table: rows of files of predictions."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from preceptor.baselines.cohort import Cohort
from preceptor.baselines.models import predict
from preceptor.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["SHOTS", "Options", "few_shot", "horizons_of", "out_of_fold", "transfer", "write"]

FOLDS = 5
_SEED = 42
#: Examples of each class, and how often they are drawn (EHRSHOT, Wornow et al. 2023).
SHOTS = (1, 2, 4, 8, 16, 32)
_REPLICATES = 5
_FEW_PARTS, _FEW_TRAIN, _FEW_SEED = 10, 7, 7

Row = dict[str, Any]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How often the folds are drawn, and times at which survival is predicted."""

    repeats: int = 1
    horizons: tuple[float, ...] = ()


def out_of_fold(model: str, cohort: Cohort, options: Options) -> Iterator[Row]:
    """Predict each row by a model that was fitted without its fold; in 5 folds by unit.

    Folds of classes are stratified by each unit's greatest value.
    """
    for repeat in range(options.repeats):
        fold = _folds(cohort, repeat)
        found: dict[str, Floats] = {}
        for number in range(FOLDS):
            train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            for name, values in predict(model, cohort, train, test, options.horizons).items():
                column = found.setdefault(name, np.full(len(fold), np.nan))
                column[test] = values
        within = {"repeat": repeat} if options.repeats > 1 else {}
        for row in range(len(fold)):
            yield _row(cohort, row, {**within, "fold": int(fold[row])}, found, row)


def transfer(model: str, cohorts: Sequence[Cohort], options: Options) -> Iterator[Row]:
    """Fit on each table and predict each; a table's own rows out of fold."""
    for source in cohorts:
        for target in cohorts:
            place = {"model": model, "source": source.name, "target": target.name}
            if source is target:
                for row in out_of_fold(model, source, options):
                    yield {**place, **row}
                continue
            _same_features(source, target)
            train, test = np.arange(len(source.id)), np.arange(len(target.id))
            found = predict(model, source, train, test, options.horizons, other=target)
            for number in range(len(target.id)):
                yield {**place, **_row(target, number, {"fold": 0}, found, number)}


def _same_features(source: Cohort, target: Cohort) -> None:
    if source.kind != target.kind or source.features != target.features:
        other = [name for name in source.features if name not in target.features]
        raise InputError(
            f"--transfer: {source.name} and {target.name} have other columns or outcomes: "
            f"{other[0] if other else source.kind + ' and ' + target.kind}"
        )


def few_shot(model: str, cohort: Cohort, options: Options) -> Iterator[Row]:
    """Fit on k examples of each class, k from 1 to 32, drawn 5 times; 30 % of units are scored.

    A larger k contains the smaller one's examples. As EHRSHOT draws them: `numpy.random.seed` is
    the number of the replicate, for each class anew.

    Raises InputError for an outcome that is not binary, and for too few rows of a class.
    """
    if cohort.kind != "binary" or cohort.hour is not None or len(set(cohort.unit)) < len(cohort.id):
        raise InputError("--few-shot: expected a binary outcome with one row a patient")
    from sklearn.model_selection import StratifiedKFold

    _, unit = cohort.units
    order = np.argsort(unit, kind="stable")
    y = cohort.y["y_true"][order]
    parts = StratifiedKFold(_FEW_PARTS, shuffle=True, random_state=_FEW_SEED)
    tests = [test for _, test in _splits(parts, y, cohort.name)]
    train = np.sort(np.concatenate(tests[:_FEW_TRAIN]))
    test = np.concatenate(tests[_FEW_TRAIN:])
    for replicate in range(_REPLICATES):
        drawn = [_drawn(train[y[train] == label], replicate) for label in (0, 1)]
        for k in SHOTS:
            if min(map(len, drawn)) < k:
                break
            chosen = order[np.concatenate([each[:k] for each in drawn])]
            found = predict(model, cohort, chosen, order[test], c=1.0)
            for place, row in enumerate(order[test].tolist()):
                yield _row(cohort, row, {"k": k, "replicate": replicate}, found, place)


def _drawn(rows: Places, replicate: int) -> Places:
    state = np.random.RandomState(replicate)
    return state.choice(rows, min(max(SHOTS), len(rows)), replace=False)


def _folds(cohort: Cohort, repeat: int) -> Places:
    """The fold of each row; all rows of a unit are in one."""
    from sklearn.model_selection import KFold, StratifiedKFold

    names, unit = cohort.units
    if len(names) < FOLDS:
        raise InputError(f"{cohort.name}: expected {FOLDS} patients or more, found {len(names)}")
    label = _strata(cohort, unit, len(names))
    maker = KFold if label is None else StratifiedKFold
    made = maker(FOLDS, shuffle=True, random_state=_SEED + repeat)
    fold = np.zeros(len(names), dtype=np.intp)
    for number, (_, test) in enumerate(_splits(made, label, cohort.name, len(names))):
        fold[test] = number
    return fold[unit]


def _strata(cohort: Cohort, unit: Places, units: int) -> Floats | None:
    """Each unit's greatest class, or whether it has an event; None where folds are plain."""
    name = {"binary": "y_true", "multiclass": "y_true", "survival": "event"}.get(cohort.kind)
    if name is None:
        return None
    greatest = np.full(units, -np.inf)
    np.maximum.at(greatest, unit, cohort.y[name])
    return greatest


def _splits(maker: Any, label: Floats | None, name: str, units: int = 0) -> list[Any]:
    if label is not None:
        counts = np.unique(label, return_counts=True)[1]
        if len(counts) < 2 or counts.min() < maker.n_splits:
            raise InputError(
                f"{name}: expected {maker.n_splits} patients of each class or more, found "
                f"{int(counts.min()) if len(counts) > 1 else 0}"
            )
    return list(maker.split(np.zeros(units if label is None else len(label)), label))


def _row(cohort: Cohort, row: int, within: Row, found: dict[str, Floats], place: int) -> Row:
    """A row of the file: names, coordinates, outcome, what is predicted, groups."""
    said: Row = {"id": cohort.id[row]}
    if cohort.unit != cohort.id or cohort.hour is not None:
        said["group_id"] = cohort.unit[row]
    if cohort.hour is not None:
        said["hour"] = f"{cohort.hour[row]:g}"
    said |= within
    for name, values in cohort.y.items():
        classes = cohort.classes if cohort.kind == "multiclass" else ()
        said[name] = classes[int(values[row])] if classes else f"{values[row]:.12g}"
    for name, values in found.items():
        said[name] = "" if np.isnan(values[place]) else f"{values[place]:.12g}"
    return said | {name: values[row] or "" for name, values in cohort.groups.items()}


def horizons_of(cohort: Cohort) -> tuple[float, ...]:
    """Quarters of the time to the last event, where the user names no horizons."""
    if cohort.kind != "survival":
        return ()
    times = cohort.y["time"][cohort.y["event"] == 1]
    if not len(times):
        raise InputError(f"{cohort.name}: expected rows with an event, found none")
    return tuple(float(f"{value:.3g}") for value in np.quantile(times, (0.25, 0.5, 0.75)))


def write(path: Path, rows: Iterator[Row]) -> None:
    """Write the rows as CSV. A file that is there is replaced at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.part")
    try:
        with half.open("w", encoding="utf-8", newline="") as file:
            writer = None
            for row in rows:
                if writer is None:
                    writer = csv.DictWriter(file, list(row), lineterminator="\n")
                    writer.writeheader()
                writer.writerow(row)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
