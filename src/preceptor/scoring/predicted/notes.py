"""What belongs beside the metrics of predictions, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from preceptor.scoring.predicted.kinds import MOST_FOR_INTERVALS
from preceptor.scoring.predicted.stays import stays
from preceptor.scoring.predicted.table import REPEATS, Predicted, unit_word
from preceptor.statistics.prediction.resampling import draws

__all__ = ["notes_of"]

#: Kind → what its numbers rest on.
_SAID = {
    "forecast": "Less is better. A forecast of .5 for everything has a Brier score of .25.",
    "multilabel": "A label is called at probability .5; a row without any label counts as right.",
    "survival": "Weights for censoring (Kaplan–Meier) are of these rows; an event comes before a "
    "censoring at the same time.",
    "start_stop": "At each event time its row is compared with those of other patients at risk "
    "then.",
}
#: With more patients of each class, a resample with one class only is out of the question.
_MANY = 40


def notes_of(table: Predicted, *, resamples: int = 1000, seed: int = 0) -> list[str]:
    """Which rows count, how intervals are made, what is optimistic."""
    return list(_notes(table, resamples, seed))


def _notes(table: Predicted, resamples: int, seed: int) -> Iterator[str]:
    known = table.known
    missing = int((~known).sum())
    if missing:
        yield (
            f"{missing:,} of {len(table):,} rows have no prediction: they are in no metric, and "
            "lower the coverage."
        )
    repeats, _ = table.place(REPEATS)
    several = len(repeats) > 1
    who = unit_word(table.kind)
    if len(table.units) < int(known.sum()):
        yield (
            f"Intervals by {who}: {resamples:,} resamples of {len(table.units):,} {who}s, each "
            "with all rows."
        )
    else:
        by = "AUROC by DeLong, others" if table.kind == "binary" else "all"
        yield (
            f"Rows taken as independent: no two are of one {who}. Intervals: {by} by the bootstrap."
        )
    if several:
        yield (
            f"Predictions were made {len(repeats)} times: each number is the mean over them, and "
            "its interval draws the same patients in all. `--where repeat=…` imports one alone."
        )
    if table.kind == "binary":
        yield from _binary(table, known, resamples, seed)
    of = stays(table) if table.kind == "binary" else None
    if of is not None:
        yield (
            f"ES and OSMAE: T = {of.of_dead:.6f}, the mean over patients who die of their longest "
            f"remaining stay; L = {of.long:.6f}, the 95th percentile over patients. A record is "
            "called above .5. Calling death always has ES 1: read the specificity beside it."
        )
    if table.numbers:
        yield (
            "Quartiles are of the rows that have a prediction; equal values stay in one. The slope "
            "is for one quartile up."
        )
    if table.kind in _SAID:
        yield _SAID[table.kind]
    if table.kind in ("survival", "start_stop"):
        events = int(table.outcome["event"][known].sum())
        yield f"{events:,} events in {int(known.sum()):,} rows."
        if int(known.sum()) > MOST_FOR_INTERVALS:
            yield f"More than {MOST_FOR_INTERVALS:,} rows: no interval is computed."


def _binary(
    table: Predicted, known: np.ndarray[tuple[int], np.dtype[np.bool_]], resamples: int, seed: int
) -> Iterator[str]:
    y = table.outcome["y_true"]
    cases, n = int(y[known].sum()), int(known.sum())
    if n:
        yield f"{cases:,} of {n:,} rows are positive ({cases / n:.1%})."
    skipped = _one_class(table, known, resamples, seed)
    if skipped:
        yield f"{skipped:,} of {resamples:,} resamples had one class only and were skipped."
    if table.rank:
        yield "Scores only rank rows: nothing is said of calibration."
    else:
        yield (
            "The prevalence as a threshold is that of the scored rows themselves: optimistic. The "
            "calibration error of a resample is biased upwards."
        )


def _one_class(
    table: Predicted, known: np.ndarray[tuple[int], np.dtype[np.bool_]], resamples: int, seed: int
) -> int:
    """How many of the resamples that intervals are made of have one class only."""
    number, unit, y = len(table.units), table.unit[known], table.outcome["y_true"][known]
    counts = [np.bincount(unit, each, number) for each in (y, 1 - y)]
    if min((each > 0).sum() for each in counts) > _MANY:
        return 0
    at_once = max(1, 250_000 // max(number, 1))
    return sum(
        int((np.minimum(*(drawn @ each for each in counts)) == 0).sum())
        for drawn in draws(number, resamples, seed, at_once)
    )
