"""Do longer answers score higher? Slopes of score on length, and the penalty derived from them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from scipy.special import stdtr, stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LengthFit", "LengthPoint", "Penalty", "derive_penalty", "length_fit"]

#: Slopes are given for this many characters, as the system cards do.
_UNIT = 500.0


class LengthFit(msgspec.Struct, frozen=True):
    """The slope of score on length.

    Attributes
    ----------
    per_500
        Score (0–1 scale) for each further 500 characters; ``ci95`` its 95 % interval.
    p
        Two-sided, of no slope, from a t distribution with groups − 1 (or n − 2) degrees of freedom.
    n
        Answers that tell something of the slope.
    groups
        Groups they are in; None for a fit without groups.
    correlation
        Pearson's r of score and length, −1 to 1, within groups where there are groups; None where
        all scores are equal.
    """

    per_500: float
    ci95: tuple[float, float]
    p: float
    n: int
    groups: int | None
    correlation: float | None


class LengthPoint(msgspec.Struct, frozen=True):
    """A system at one level of verbosity: mean length in characters, mean score (0–1 scale).

    ``setting`` is what stays fixed while the verbosity changes: model and reasoning effort.
    """

    setting: str
    length: float
    score: float


class Penalty(msgspec.Struct, frozen=True):
    """What length is worth, to be taken off a score.

    Attributes
    ----------
    per_500
        Mean of the slopes, score (0–1 scale) for each 500 characters; times 100 it is the
        ``points_per_500`` of a LengthRule.
    slopes
        The slope of each setting, likewise for 500 characters.
    used, left_out
        Names of the settings; one is left out that has fewer than two levels of different length
        up to the longest.
    """

    per_500: float
    slopes: dict[str, float]
    used: tuple[str, ...]
    left_out: tuple[str, ...]


def length_fit(
    scores: NDArray[np.float64],
    lengths: NDArray[np.float64],
    groups: Sequence[Hashable] | NDArray[np.generic] | None = None,
) -> LengthFit | None:
    """Ordinary least squares of score on length, within groups where groups are given.

    With groups = examples it answers "do longer answers to the same question score higher?": each
    group has its own intercept (fixed effects), and the standard error is robust to dependence
    within groups, by Liang & Zeger's (1986) sandwich times G/(G−1), G the groups whose answers
    differ in length. The intercepts are not counted in that factor, as they are nested in the
    groups (Cameron & Miller 2015, section III.B). Below some 30 groups the interval is too narrow.

    Without groups the answers count as independent: one intercept, HC3 standard error
    (MacKinnon & White 1985).

    Parameters
    ----------
    scores, lengths
        Shape (N answers,); lengths in characters. No NaN.
    groups
        Shape (N,), or None.

    Returns
    -------
    LengthFit or None
        None where the data say nothing of a slope or its error: fewer than two groups with answers
        of different lengths; without groups, fewer than three answers, or a slope that rests on
        one answer alone.
    """
    y, x = np.asarray(scores, dtype=np.float64), np.asarray(lengths, dtype=np.float64) / _UNIT
    if y.ndim != 1 or y.shape != x.shape or (groups is not None and len(groups) != len(y)):
        raise ValueError("length_fit: scores, lengths and groups must be equally many")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise ValueError("length_fit: scores and lengths must be finite")
    return _pooled_fit(y, x) if groups is None else _within_fit(y, x, groups)


def _within_fit(
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    groups: Sequence[Hashable] | NDArray[np.generic],
) -> LengthFit | None:
    names: dict[Hashable, int] = {}
    labels = np.array([names.setdefault(group, len(names)) for group in groups], dtype=np.intp)
    if len(labels) == 0:
        return None
    lowest, highest = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    np.minimum.at(lowest, labels, x)
    np.maximum.at(highest, labels, x)
    telling = highest > lowest
    rows = telling[labels]
    y, x, labels = y[rows], x[rows], labels[rows]
    n_groups = int(telling.sum())
    if n_groups < 2:
        return None
    sizes = np.maximum(np.bincount(labels, minlength=len(names)), 1)
    y = y - (np.bincount(labels, weights=y, minlength=len(names)) / sizes)[labels]
    x = x - (np.bincount(labels, weights=x, minlength=len(names)) / sizes)[labels]
    spread = float(x @ x)
    slope = float(x @ y) / spread
    pushes = np.bincount(labels, weights=x * (y - slope * x))
    variance = n_groups / (n_groups - 1) * float(pushes @ pushes) / spread**2
    return _fit(slope, math.sqrt(variance), n_groups - 1, y, x, n_groups)


def _pooled_fit(y: NDArray[np.float64], x: NDArray[np.float64]) -> LengthFit | None:
    n = len(y)
    if n < 3 or x.min() == x.max():
        return None
    y, x = y - y.mean(), x - x.mean()
    spread = float(x @ x)
    slope = float(x @ y) / spread
    leverage = 1 / n + x**2 / spread
    if leverage.max() > 1 - 1e-9:
        return None
    meat = float((x**2 * ((y - slope * x) / (1 - leverage)) ** 2).sum())
    return _fit(slope, math.sqrt(meat) / spread, n - 2, y, x, None)


def _fit(
    slope: float,
    error: float,
    df: int,
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    groups: int | None,
) -> LengthFit:
    half = float(stdtrit(df, 0.975)) * error
    if error > 0:
        p = 2 * float(stdtr(df, -abs(slope) / error))
    else:
        p = 1.0 if slope == 0 else 0.0
    scale = math.sqrt(float(x @ x) * float(y @ y))
    r = max(-1.0, min(1.0, float(x @ y) / scale)) if scale > 0 else None
    return LengthFit(slope, (slope - half, slope + half), p, len(y), groups, r)


def derive_penalty(points: Sequence[LengthPoint], *, longest: float = 4000.0) -> Penalty | None:
    """What 500 characters are worth, from the same systems at several levels of verbosity.

    HealthBench Professional (arXiv 2604.27470): within each setting (model, reasoning effort)
    the mean score is regressed on the mean length over the levels of verbosity whose mean length
    is at most 4,000 characters; the penalty is the mean of the slopes.

    Parameters
    ----------
    points
        One for each setting and level of verbosity.
    longest
        Levels with a longer mean are not used, in characters.

    Returns
    -------
    Penalty or None
        None where no setting can be used. It may be negative: longer answers scored lower.

    Raises
    ------
    ValueError
        If a length or a score is not finite.
    """
    levels: dict[str, list[LengthPoint]] = {}
    for point in points:
        if not (math.isfinite(point.length) and math.isfinite(point.score)):
            raise ValueError(f"derive_penalty: {point.setting}: length and score must be finite")
        short = levels.setdefault(point.setting, [])
        if point.length <= longest:
            short.append(point)
    slopes = {
        setting: _slope(short)
        for setting, short in levels.items()
        if len({point.length for point in short}) > 1
    }
    if not slopes:
        return None
    return Penalty(
        per_500=sum(slopes.values()) / len(slopes),
        slopes=slopes,
        used=tuple(slopes),
        left_out=tuple(setting for setting in levels if setting not in slopes),
    )


def _slope(points: Sequence[LengthPoint]) -> float:
    x = np.array([point.length for point in points]) / _UNIT
    y = np.array([point.score for point in points])
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y) / float(x @ x)
