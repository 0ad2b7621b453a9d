"""Resamples of whole patients: how often each is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from preceptor.statistics.prediction.outcomes import Outcomes, Sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Spread", "draws", "resampled", "spread_of"]

#: Fewer defined resamples than this say nothing of a spread.
_FEWEST = 20
#: Numbers in memory at a time, for each of a few tables.
_AT_ONCE = 250_000


def draws(clusters: int, resamples: int, seed: int, at_once: int) -> Iterator[Floats]:
    """How often each cluster is drawn: shape (up to ``at_once``, clusters).

    The same for one seed, however many are drawn at once.
    """
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, at_once):
        number = min(at_once, resamples - start)
        picked = rng.integers(0, clusters, size=(number, clusters))
        picked += np.arange(number)[:, None] * clusters
        counts = np.bincount(picked.ravel(), minlength=number * clusters)
        yield counts.reshape(number, clusters).astype(np.float64)


def resampled(
    parts: Sequence[Outcomes],
    statistic: Callable[[list[Sums]], Sequence[Floats]],
    clusters: int,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Floats:
    """Statistics of resamples of whole clusters, shape (resamples, statistics).

    The percentile bootstrap (Efron & Tibshirani 1993, chapter 13). All ``parts`` are of the same
    clusters, which are numbered alike in each: what is drawn is drawn in all.

    Parameters
    ----------
    statistic
        The sums of each part → an array for each statistic, NaN where it is not defined.
    """
    most = max(max(map(len, parts), default=1), clusters, 1)
    at_once = max(1, _AT_ONCE // most)
    found = [
        np.stack(np.broadcast_arrays(*statistic([part.sums(drawn) for part in parts])), axis=-1)
        for drawn in draws(clusters, resamples, seed, at_once)
    ]
    return np.concatenate(found)


class Spread(NamedTuple):
    """The 95 % percentile interval and standard deviation of resamples.

    ``ci95`` is None where fewer than 20 are defined, or all are equal. ``undefined`` counts those
    that were skipped, such as resamples with one class only.
    """

    ci95: tuple[float, float] | None
    sd: float | None
    undefined: int


def spread_of(values: Floats) -> Spread:
    """The spread of one statistic's resamples, shape (resamples,)."""
    known = values[~np.isnan(values)]
    if len(known) < _FEWEST:
        return Spread(None, None, len(values) - len(known))
    low, high = np.quantile(known, [0.025, 0.975])
    even = high - low <= 1e-12 * max(1.0, abs(high))
    interval = None if even else (float(low), float(high))
    return Spread(interval, float(known.std(ddof=1)), len(values) - len(known))
