"""Score against what an answer takes: which systems are worth their money, or their time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from preceptor.records import Replies, Result, replies_of
from preceptor.scoring.efficiency import beaten

__all__ = ["MEASURES", "Measure", "mean_taken", "on_front", "taken_by"]

Measure = Literal["usd", "tokens", "seconds"]
MEASURES: tuple[Measure, ...] = ("tokens", "seconds", "usd")

# Nought tokens or seconds are what nobody counted; an answer may well be free.
_TAKEN: dict[Measure, Callable[[Replies], NDArray[np.float64]]] = {
    "usd": lambda replies: replies.cost_usd,
    "tokens": lambda replies: _counted(replies.tokens[:, :2].sum(axis=1)),
    "seconds": lambda replies: _counted(replies.latency_s),
}


def _counted(amounts: NDArray[Any]) -> NDArray[np.float64]:
    return np.where(amounts == 0, np.nan, amounts)


def taken_by(replies: Replies, measure: Measure) -> NDArray[np.float64]:
    """What each reply took, shape (replies,); NaN where it is not known."""
    return _TAKEN[measure](replies)


def mean_taken(result: Result, measure: Measure) -> float | None:
    """US dollars, tokens (in and out) or seconds of a mean answer of a run, without its grading.

    None where that is not known of every answer. Calls that failed do not count.
    """
    replies = replies_of(result.graded)
    answered = [failure is None for failure in replies.failure]
    taken = taken_by(replies, measure)[answered].tolist()
    if not taken or any(map(math.isnan, taken)):
        return None
    return float(sum(taken)) / len(taken)


def on_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Of each (what it takes, score): that none takes as little and is better, or less and is as
    good (the Pareto front). Of several alike the first is on it.
    """
    if not points:
        return []
    by = beaten([(-taken, score) for taken, score in points])
    return [by[at] is None and points.index(point) == at for at, point in enumerate(points)]
