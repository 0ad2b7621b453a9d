"""Do longer answers score higher? Slopes of score on length, and the penalty derived from them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import scipy  # its parts are imported where they are first used

from preceptor.statistics.bootstrap import resampled_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "LengthFit",
    "LengthPoint",
    "Penalty",
    "derive_penalty",
    "length_fit",
    "penalty_interval",
]

#: Slopes are given for this many characters, as the system cards do.
_UNIT = 500.0


class LengthFit(msgspec.Struct, frozen=True):
    """The slope of score on length.

    Attributes
    ----------
    per_500
        Score (0–1 scale) for each further 500 characters; ``ci95`` its 95 % interval.
    p
        Two-sided, of no slope, from a t distribution with groups − 1 degrees of freedom.
    n
        Answers that bear on the slope.
    groups
        Groups they are in.
    correlation
        Pearson's r of score and length, −1 to 1; for a fit within groups, of the deviations from
        the group means. None where the scores do not vary.
    """

    per_500: float
    ci95: tuple[float, float]
    p: float
    n: int
    groups: int
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
        The slope of each setting, also for 500 characters.
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
    *,
    within: bool = True,
) -> LengthFit | None:
    """Ordinary least squares of score on length, within groups or across all answers.

    With groups = examples it answers "do longer answers to the same question score higher?": each
    group has its own intercept (fixed effects). With ``within=False`` there is one intercept for
    all: "do longer answers score higher?", where harder questions may get longer answers.

    Either way the standard error is robust to dependence within groups: the jackknife that leaves
    out one of the G groups at a time (CV3 of MacKinnon, Nielsen & Webb 2023)::

        se² = (G−1)/G · Σ_g (β_(g) − β)²,   t with G−1 degrees of freedom

    With many groups it is that of the usual sandwich (Liang & Zeger 1986); with few, or with some
    much longer answers, the sandwich's interval is too narrow. In simulations with 20 groups of 1
    to 5 answers this one covered 93 to 94 %, the sandwich's 89 to 93 %. Within groups, G counts
    those whose answers differ in length, as only they bear on the slope.

    Parameters
    ----------
    scores, lengths
        Shape (N answers,); lengths in characters. No NaN.
    groups
        Shape (N,). Without it every answer is its own group, and the fit is across answers; the
        standard error is then √((N−1)/N) times HC3 (MacKinnon & White 1985).
    within
        Whether each group has its own intercept.

    Returns
    -------
    LengthFit or None
        None where the data say nothing of a slope or its error: within, fewer than two groups with
        answers of different lengths; across, fewer than three groups, or a slope that rests on
        one group alone.
    """
    y, x = np.asarray(scores, dtype=np.float64), np.asarray(lengths, dtype=np.float64) / _UNIT
    if y.ndim != 1 or y.shape != x.shape or (groups is not None and len(groups) != len(y)):
        raise ValueError("length_fit: scores, lengths and groups must be equally many")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise ValueError("length_fit: scores and lengths must be finite")
    if len(y) == 0:
        return None
    if groups is None:
        return _across(y, x, np.arange(len(y)))
    names: dict[Hashable, int] = {}
    labels = np.array([names.setdefault(group, len(names)) for group in groups], dtype=np.intp)
    return _within(y, x, labels) if within else _across(y, x, labels)


def _within(
    y: NDArray[np.float64], x: NDArray[np.float64], labels: NDArray[np.intp]
) -> LengthFit | None:
    lowest, highest = np.full(labels.max() + 1, np.inf), np.full(labels.max() + 1, -np.inf)
    np.minimum.at(lowest, labels, x)
    np.maximum.at(highest, labels, x)
    rows = (highest > lowest)[labels]
    if not rows.any():
        return None
    y, x, labels = y[rows], x[rows], np.unique(labels[rows], return_inverse=True)[1]
    sizes = np.bincount(labels)
    y = y - (np.bincount(labels, weights=y) / sizes)[labels]
    x = x - (np.bincount(labels, weights=x) / sizes)[labels]
    xx, xy = np.bincount(labels, weights=x * x), np.bincount(labels, weights=x * y)
    if len(xx) < 2:
        return None
    return _fit(y, x, (xy.sum() - xy) / (xx.sum() - xx))


def _across(
    y: NDArray[np.float64], x: NDArray[np.float64], labels: NDArray[np.intp]
) -> LengthFit | None:
    if labels.max() < 2:
        return None
    y, x = y - y.mean(), x - x.mean()
    sums = (np.bincount(labels, weights=each) for each in (np.ones_like(x), x, y, x * x, x * y))
    n, sx, sy, sxx, sxy = (part.sum() - part for part in sums)
    xx = sxx - sx**2 / n
    if xx.min() <= 1e-9 * float(x @ x):  # without one group, all lengths are equal
        return None
    return _fit(y, x, (sxy - sx * sy / n) / xx)


def _fit(
    y: NDArray[np.float64], x: NDArray[np.float64], left_out: NDArray[np.float64]
) -> LengthFit:
    """The fit to centred data; ``left_out`` are the slopes with one group left out each."""
    groups = len(left_out)
    spread = float(x @ x)
    slope = float(x @ y) / spread
    deviations = left_out - slope
    error = math.sqrt((groups - 1) / groups * float(deviations @ deviations))
    half = float(scipy.special.stdtrit(groups - 1, 0.975)) * error
    scale = math.sqrt(spread * float(y @ y))
    return LengthFit(
        per_500=slope,
        ci95=(slope - half, slope + half),
        p=_two_sided(slope, error, groups - 1),
        n=len(y),
        groups=groups,
        correlation=max(-1.0, min(1.0, float(x @ y) / scale)) if scale > 0 else None,
    )


def _two_sided(slope: float, error: float, df: int) -> float:
    if error > 0:
        return 2 * float(scipy.special.stdtr(df, -abs(slope) / error))
    return 1.0 if slope == 0 else 0.0


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


def penalty_interval(
    scores: NDArray[np.float64],
    lengths: NDArray[np.float64],
    settings: Sequence[str],
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """95 % interval of `derive_penalty` over the examples: percentiles of the bootstrap.

    The examples are drawn with replacement, the same ones for all levels and settings, and the
    slopes fitted to each draw's mean scores and mean lengths.

    Parameters
    ----------
    scores, lengths
        Shape (n examples, levels): of each example at each level; lengths in characters. No NaN.
    settings
        The setting of each level, those that `derive_penalty` used, and only levels that it used.

    Returns
    -------
    low, high
        For 500 characters; None for fewer than two examples, or where some draw has one length at
        all levels of a setting.
    """
    if scores.shape != lengths.shape or scores.shape[1] != len(settings):
        raise ValueError("penalty_interval: scores, lengths and settings must be equally many")
    if len(scores) < 2:
        return None
    drawn = resampled_means(np.hstack([scores, lengths / _UNIT]), resamples=resamples, seed=seed)
    y, x = drawn[:, : len(settings)], drawn[:, len(settings) :]
    slopes = []
    for setting in dict.fromkeys(settings):
        own = [place for place, name in enumerate(settings) if name == setting]
        dx = x[:, own] - x[:, own].mean(axis=1, keepdims=True)
        dy = y[:, own] - y[:, own].mean(axis=1, keepdims=True)
        spread = (dx**2).sum(axis=1)
        if (spread <= 0).any():
            return None
        slopes.append((dx * dy).sum(axis=1) / spread)
    low, high = np.quantile(np.mean(slopes, axis=0), (0.025, 0.975))
    return float(low), float(high)
