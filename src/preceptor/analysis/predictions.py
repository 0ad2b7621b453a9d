"""Predictions of several models on the same rows: differences, and ranks."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.errors import InputError, shorten
from preceptor.protocols.predictions import predicted_of
from preceptor.records import Result, RunInfo, examples_of
from preceptor.results.pool import Side
from preceptor.scoring.predicted.kinds import resamples_for
from preceptor.scoring.predicted.metrics import is_less_better, measures_of
from preceptor.scoring.predicted.table import Predicted, unit_word
from preceptor.statistics.multiplicity import holm
from preceptor.statistics.prediction.delong import delong_difference
from preceptor.statistics.prediction.resampling import resampled, spread_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "Change",
    "PredictionComparison",
    "PredictionContrast",
    "are_predictions",
    "compare_predictions",
    "other_outcome",
    "table_of",
]

_Interval = tuple[float, float]


class Change(msgspec.Struct, frozen=True):
    """Contender less reference under one metric.

    ``p`` is two-sided: DeLong's for the AUROC of independent rows, else of the bootstrap, which
    cannot be below 2/1,001. ``p_holm`` is adjusted over the contrasts, for the headline alone.
    """

    metric: str
    reference: float | None
    contender: float | None
    difference: float | None
    ci95: _Interval | None
    p: float | None
    p_holm: float | None = None


class PredictionContrast(msgspec.Struct, frozen=True):
    """A side against the first, on the ``n`` rows that both predict, of ``units`` patients.

    ``left_out`` are rows that only one side predicts: of the reference, of the contender.
    """

    reference: str
    contender: str
    n: int
    units: int
    left_out: tuple[int, int]
    changes: list[Change]
    units_are: str = "patient"


class PredictionComparison(msgspec.Struct, frozen=True):
    """All contrasts, with the names of the metrics and what must be said beside them."""

    benchmark: str
    labels: dict[str, str]
    lower_is_better: list[str]
    contrasts: list[PredictionContrast]
    notes: list[str]


def are_predictions(runs: Sequence[RunInfo]) -> bool:
    """Whether all of these runs are files of predictions with outcomes.

    Raises InputError where only some are.
    """
    own = [run.holds_predictions for run in runs]
    if any(own) and not all(own):
        other = runs[own.index(False)].name
        raise InputError(f"{other}: holds no predictions with outcomes, and the others do")
    return bool(own) and all(own)


def table_of(result: Result) -> Predicted:
    """The rows of a run in arrays. Raises InputError without any."""
    found = predicted_of(list(result.scores), list(examples_of(result.graded).values()))
    if found is None:
        raise InputError(f"run {result.info.name}: has no rows")
    return found


def compare_predictions(
    sides: Sequence[Side], *, resamples: int = 1000, seed: int = 0
) -> PredictionComparison:
    """Compare each side with the first, on the rows that both predict.

    Raises
    ------
    InputError
        Fewer than two sides, no common row, or a row with two outcomes.
    """
    if len(sides) < 2:
        raise InputError("compare: expected two or more sides, found one")
    tables = [table_of(side.result) for side in sides]
    found = [
        _contrast((sides[0].label, side.label), (tables[0], table), resamples=resamples, seed=seed)
        for side, table in zip(sides[1:], tables[1:], strict=True)
    ]
    adjusted = holm([each.changes[0].p for each in found])
    contrasts = [
        msgspec.structs.replace(
            each, changes=[msgspec.structs.replace(each.changes[0], p_holm=p), *each.changes[1:]]
        )
        for each, p in zip(found, adjusted, strict=True)
    ]
    first = sides[0].result
    return PredictionComparison(
        benchmark=first.info.benchmark,
        labels=dict(first.labels),
        lower_is_better=[
            change.metric
            for change in contrasts[0].changes
            if is_less_better(tables[0].kind, change.metric)
        ],
        contrasts=contrasts,
        notes=_notes(contrasts, len(sides), tables[0].kind),
    )


def _notes(contrasts: Sequence[PredictionContrast], sides: int, kind: str) -> list[str]:
    clustered = any(each.units < each.n for each in contrasts)
    notes = [
        "Differences are on common rows: patients are drawn with replacement, with all their rows "
        "and for both sides alike."
    ]
    if kind == "binary" and not clustered:
        notes.append("Each row is another patient: the AUROC is tested by DeLong's paired test.")
    if sides > 2:
        notes.append("Holm: p of the headline with all comparisons.")
    return notes


def _contrast(
    labels: tuple[str, str],
    tables: tuple[Predicted, Predicted],
    *,
    resamples: int,
    seed: int,
) -> PredictionContrast:
    one, two = _aligned(labels, tables)
    measures = [measures_of(table) for table in (one, two)]
    resamples = resamples_for(one.kind, len(one), resamples)
    drawn = resampled(measures, len(one.units), resamples=resamples, seed=seed)
    differences = drawn[1] - drawn[0]
    sides = zip(measures[0].names, measures[0].values(), measures[1].values(), strict=True)
    changes = [
        _change(name, left, right, differences[:, place])
        for place, (name, left, right) in enumerate(sides)
    ]
    if one.kind == "binary" and len(one.units) == len(one):
        exact = delong_difference(one.outcome["y_true"], one.said["y_score"], two.said["y_score"])
        # With one row of a class alone, resamples do not know how much that row matters.
        interval, p = (None, None) if exact is None else (exact.ci95, exact.p)
        changes[0] = msgspec.structs.replace(changes[0], ci95=interval, p=p)
    common = len(one)
    return PredictionContrast(
        reference=labels[0],
        contender=labels[1],
        n=common,
        units=len(one.units),
        left_out=(len(tables[0]) - common, len(tables[1]) - common),
        changes=changes,
        units_are=unit_word(one.kind),
    )


def _aligned(
    labels: tuple[str, str], tables: tuple[Predicted, Predicted]
) -> tuple[Predicted, Predicted]:
    """The rows that both predict, in one order, with patients numbered alike."""
    one, two = tables
    if one.kind == two.kind == "regression":  # of one alone may have quantiles, or a naive value
        one, two = (_predicting(each, [*one.said], [*two.said]) for each in (one, two))
    if one.kind != two.kind or one.labels != two.labels or list(one.said) != list(two.said):
        raise InputError(
            f"compare: {shorten(labels[0])} and {shorten(labels[1])} have other outcomes or "
            f"predictions: {one.kind} ({', '.join(one.said)}) and {two.kind} "
            f"({', '.join(two.said)})"
        )
    place = {key: row for row, key in enumerate(two.keys) if two.known[row]}
    known = one.known
    pairs = [(row, place[key]) for row, key in enumerate(one.keys) if known[row] and key in place]
    if not pairs:
        raise InputError(
            f"compare: {shorten(labels[0])} and {shorten(labels[1])} predict no row in common: "
            f"rows are the same by id, time and repeat, such as {' '.join(one.keys[0])} and "
            f"{' '.join(two.keys[0])}"
        )
    left, right = one.rows([pair[0] for pair in pairs]), two.rows([pair[1] for pair in pairs])
    if (other := other_outcome(left, right)) is not None:
        name, row = other
        raise InputError(
            f"compare: row {shorten(left.ids[row])} has another {name} in {shorten(labels[1])} "
            f"({right.outcome[name][row]:g}) than in {shorten(labels[0])} "
            f"({left.outcome[name][row]:g})"
        )
    # One side may not have said who the patients are.
    right.units, right.unit = left.units, left.unit
    return left, right


def _predicting(table: Predicted, *columns: list[str]) -> Predicted:
    """The table with only what all of these columns have."""
    some = copy.copy(table)
    some.said = {
        name: values for name, values in table.said.items() if all(name in each for each in columns)
    }
    return some


def other_outcome(left: Predicted, right: Predicted) -> tuple[str, int] | None:
    """The first outcome that is not the same for the same row, and the row."""
    for name, values in left.outcome.items():
        differs = np.flatnonzero(values != right.outcome[name])
        if len(differs):
            return name, int(differs[0])
    return None


def _change(name: str, left: float, right: float, drawn: Floats) -> Change:
    known = drawn[~np.isnan(drawn)]
    p = None
    if len(known) > 1:
        below, above = (known <= 0).sum() + 1, (known >= 0).sum() + 1
        p = min(1.0, float(2 * min(below, above) / (len(known) + 1)))
    difference = _defined(right - left)
    interval = None if difference is None else spread_of(drawn).ci95
    return Change(
        metric=name,
        reference=_defined(left),
        contender=_defined(right),
        difference=difference,
        ci95=interval,
        p=None if interval is None else p,
    )


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value
