"""Intervals by formula: of a mean over examples, and of a share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["mean_interval", "wilson_interval"]

_Z95 = 1.959963984540054


def mean_interval(scores: NDArray[np.float64]) -> tuple[float, tuple[float, float] | None]:
    """Mean over examples and its 95 % interval, examples and repeats being random.

    HealthBench Professional (arXiv 2604.27470)::

        mean ± 1.96·√(τ²/n + σ²/(n·m))

    with σ² the mean variance within an example, m the mean number of repeats and
    τ² = max(0, Var(example means) − σ²/m). With one repeat this is the usual standard error.

    Parameters
    ----------
    scores
        Shape (n examples, repeats); NaN where a repeat is missing. Each row has at least one score.

    Returns
    -------
    mean, (low, high)
        The mean of the example means, unclipped; the interval is None for a single example.
    """
    present = ~np.isnan(scores)
    repeats = present.sum(axis=1)
    if scores.size == 0 or not repeats.all():
        raise ValueError("mean_interval: every example needs at least one score")
    means = np.nansum(scores, axis=1) / repeats
    n = len(means)
    mean = float(means.mean())
    if n < 2:
        return mean, None
    m = float(repeats.mean())
    several = repeats > 1
    within = float(np.nanvar(scores[several], axis=1, ddof=1).mean()) if several.any() else 0.0
    between = max(0.0, float(means.var(ddof=1)) - within / m)
    half = 1.96 * math.sqrt(between / n + within / (n * m))
    return mean, (mean - half, mean + half)


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share: the shares that a score test does not reject.

    Wilson (1927), J. Am. Stat. Assoc. 22:209. It stays within [0, 1] and has a width also where
    all or none of n succeed. Counts being whole, its coverage is 95 % on average over true shares,
    not at each: 92.8 to 97.7 % for n = 100 and shares of 0.02 to 0.98.

    Parameters
    ----------
    successes, n
        0 ≤ successes ≤ n, and n ≥ 1; else ValueError.
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"wilson_interval: need 0 ≤ successes ≤ n and n ≥ 1, got {successes}/{n}")
    share, z2 = successes / n, _Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # At the ends the exact bound is 0 or 1, which rounding misses by 1e-17.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return low, high
