"""Score against what an answer takes: which systems are worth their money, or their time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from preceptor.records import Response, Result

__all__ = ["Measure", "mean_taken", "on_front"]

Measure = Literal["usd", "tokens", "seconds"]

# Nought tokens or seconds are what nobody counted; an answer may well be free.
_TAKEN: dict[Measure, Callable[[Response], float | None]] = {
    "usd": lambda answer: answer.cost_usd,
    "tokens": lambda answer: answer.usage.total or None,
    "seconds": lambda answer: answer.latency_s or None,
}


def mean_taken(result: Result, measure: Measure) -> float | None:
    """US dollars, tokens (in and out) or seconds of a mean answer of a run, without its grading.

    None where that is not known of every answer. Calls that failed do not count.
    """
    answers = [
        item.response
        for item in result.graded
        if item.response is not None and item.response.failure is None
    ]
    taken = [amount for each in answers if (amount := _TAKEN[measure](each)) is not None]
    if not taken or len(taken) < len(answers):
        return None
    return sum(taken) / len(taken)


def on_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Of each (what it takes, score): that none takes as little and is better, or less and is as
    good (the Pareto front). Of several alike the first is on it.
    """
    order = sorted(range(len(points)), key=lambda place: (points[place][0], -points[place][1]))
    found = [False] * len(points)
    best = float("-inf")
    for place in order:
        if points[place][1] > best:
            best = points[place][1]
            found[place] = True
    return found
