"""What the verdicts that were given say of each metric, and what the missing ones leave open."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import NamedTuple

from preceptor.records import Graded, Score
from preceptor.scoring.answers import answered

__all__ = ["Bounds", "bounded"]


class Bounds(NamedTuple):
    """One metric of one response.

    Attributes
    ----------
    given
        How many of the verdicts under it were given,
    asked
        of how many.
    low
        The metric's value if every missing verdict were the worst there is,
    high
        and if each were the best. The same as ``low`` where none is missing.
    """

    given: int
    asked: int
    low: float
    high: float


def bounded(graded: Graded, metrics: Mapping[str, Bounds]) -> Score:
    """The score of a judged response: a metric has a value only if every verdict was given.

    A missing verdict is not "not met": the metric is then not in ``values``, and ``low`` and
    ``high`` say what it can be.
    """
    text = answered(graded)
    low = {name: each.low for name, each in metrics.items()}
    complete = all(each.given == each.asked for each in metrics.values())
    return Score(
        example_id=graded.example.id,
        repeat=graded.repeat,
        # Where nothing is missing all three are the same: a run may have very many scores.
        values=low
        if complete
        else {name: each.low for name, each in metrics.items() if each.given == each.asked},
        low=low,
        high=low if complete else {name: each.high for name, each in metrics.items()},
        counts=_counts(tuple((name, each.given, each.asked) for name, each in metrics.items())),
        length=None if text is None else len(text) if graded.length is None else graded.length,
    )


@functools.lru_cache(maxsize=1024)
def _counts(counts: tuple[tuple[str, int, int], ...]) -> dict[str, tuple[int, int]]:
    """The same for answers that have the same, for which there is no need of another."""
    return {name: (given, asked) for name, given, asked in counts}
