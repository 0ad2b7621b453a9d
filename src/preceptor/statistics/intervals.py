"""Intervals of a mean over examples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bootstrap_std", "mean_interval"]

_RESAMPLED_AT_ONCE = 4_000_000


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


def bootstrap_std(means: NDArray[np.float64], *, resamples: int = 1000, seed: int = 0) -> float:
    """Standard deviation of the clipped mean over resamples of the examples.

    What the reference implementation prints as ``:bootstrap_std``: `numpy.std` (population) of
    1,000 means, each of n examples drawn with replacement and clipped to [0, 1]. Seeded here.

    Parameters
    ----------
    means
        Shape (n examples,), unclipped.
    """
    n = len(means)
    if n == 0:
        raise ValueError("bootstrap_std: no examples")
    rng = np.random.default_rng(seed)
    step = max(1, _RESAMPLED_AT_ONCE // n)
    statistics = [
        means[rng.integers(0, n, size=(min(step, resamples - start), n))].mean(axis=1)
        for start in range(0, resamples, step)
    ]
    return float(np.clip(np.concatenate(statistics), 0.0, 1.0).std())
