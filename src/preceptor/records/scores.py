"""Numbers: of one response, and of a run."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Metric", "Score"]


class Score(msgspec.Struct, frozen=True, gc=False):
    """Numbers for one response.

    Attributes
    ----------
    values
        Metric name → score, for those that are defined: ``overall_score``, ``axis:accuracy``, …
        May be negative, is never clipped.
    low, high
        The same names, plus those whose value the missing verdicts leave undecided: the lowest and
        the highest score that the missing verdicts allow. Equal to the value where none is missing.
    counts
        The same names → (verdicts given, verdicts asked for).
    length
        Characters of the answer, None where there is no answer.
    prediction
        What was read out of the answer, as JSON, where the protocol reads one; None where nothing
        could be read.
    """

    example_id: str
    repeat: int
    values: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    counts: dict[str, tuple[int, int]]
    length: int | None
    prediction: Any = None


class Metric(msgspec.Struct, frozen=True):
    """One number of a run, never without n, interval and coverage.

    Attributes
    ----------
    value
        ``raw_mean`` clipped to [0, 1], as the reference implementation prints it; None where no
        example defines it.
    raw_mean
        Mean over examples, before clipping.
    n
        Examples whose score is complete (every verdict of theirs is there).
    ci95
        95 % interval of ``value``; ``raw_ci95`` of ``raw_mean``, which is the one that is printed.
        None where none can be given: of one unit, or where all units are equal.
    bootstrap_std
        Standard deviation of the clipped mean over 1,000 seeded resamples of the examples.
    coverage
        Share of the verdicts under this metric that were given, 0 to 1.
    bounds
        Lowest and highest value of the clipped mean over all examples that the missing verdicts
        allow (all met or not met, by sign); None where nothing is missing.
    bootstrap_ci95
        95 % interval of ``raw_mean`` by the BCa bootstrap over units; None where it cannot be
        given.
    wilson_ci95
        Wilson's 95 % interval, for a metric that is a share by its protocol: every answer scores 0
        or 1. None for others.
    unit
        ``share`` for what goes from 0 to 1 and is printed times 100; else what it is counted in.
        Only a share is clipped.
    higher_is_better
        Whether more is better.
    units
        Number of units among the ``n`` examples: intervals count units. ``units_are`` is their name
        in the plural: ``videos``.
    tag
        The example tag whose slice it is; None for others.
    """

    value: float | None
    raw_mean: float | None
    n: int
    ci95: tuple[float, float] | None
    raw_ci95: tuple[float, float] | None
    bootstrap_std: float | None
    coverage: float
    bounds: tuple[float, float] | None = None
    bootstrap_ci95: tuple[float, float] | None = None
    wilson_ci95: tuple[float, float] | None = None
    unit: str = "share"
    higher_is_better: bool = True
    units: int = 0
    units_are: str = "units"
    tag: str | None = None
