"""What the verdicts that were given say of each metric, and what the missing ones leave open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from preceptor.records import Graded, Score
from preceptor.scoring.answers import answered

__all__ = ["Bounds", "bounded", "scored"]


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
    return scored(
        graded,
        {name: each.low for name, each in metrics.items() if each.given == each.asked},
        {name: each.low for name, each in metrics.items()},
        {name: each.high for name, each in metrics.items()},
        {name: (each.given, each.asked) for name, each in metrics.items()},
    )


def scored(
    graded: Graded,
    values: dict[str, float],
    low: dict[str, float],
    high: dict[str, float],
    counts: dict[str, tuple[int, int]],
) -> Score:
    """The score with these numbers; several of them may be one object."""
    text = answered(graded)
    length = None if text is None else len(text) if graded.length is None else graded.length
    return Score(graded.example.id, graded.repeat, values, low, high, counts, length)
