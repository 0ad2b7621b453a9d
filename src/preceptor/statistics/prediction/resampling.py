"""Resamples of whole patients: how often each is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Measures", "Spread", "averaged", "draws", "joined", "resampled", "spread_of"]

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


class Measures(NamedTuple):
    """Statistics of some rows, which can be resampled by cluster.

    Attributes
    ----------
    names
        Of the statistics.
    of
        How often each cluster is drawn, shape (resamples, clusters), or None for all once → for
        each statistic an array of shape (resamples,) or (); NaN where it is not defined.
    rows
        The most rows that are looked at together, which bounds the resamples in memory.
    """

    names: Sequence[str]
    of: Callable[[Floats | None], Sequence[Floats]]
    rows: int

    def values(self) -> list[float]:
        """The statistics of all rows."""
        return [float(each) for each in self.of(None)]

    def first(self) -> Measures:
        """The first statistic alone."""
        return Measures(self.names[:1], lambda drawn: list(self.of(drawn))[:1], self.rows)


def averaged(parts: Sequence[Measures]) -> Measures:
    """The mean of each statistic over repeats."""
    if len(parts) == 1:
        return parts[0]

    def of(drawn: Floats | None) -> list[Floats]:
        each = [part.of(drawn) for part in parts]
        return [np.mean(np.stack(values), axis=0) for values in zip(*each, strict=True)]

    return Measures(parts[0].names, of, max(part.rows for part in parts))


def joined(parts: Sequence[Measures]) -> Measures:
    """All statistics of the parts, one after the other."""
    names = [name for part in parts for name in part.names]
    return Measures(
        names,
        lambda drawn: [value for part in parts for value in part.of(drawn)],
        max(part.rows for part in parts),
    )


def resampled(
    measures: Sequence[Measures], clusters: int, *, resamples: int = 1000, seed: int = 0
) -> list[Floats]:
    """Statistics of resamples of whole clusters: for each of ``measures`` (resamples, statistics).

    The percentile bootstrap (Efron & Tibshirani 1993, chapter 13). All ``measures`` number the same
    clusters alike: what is drawn is drawn in all.
    """
    most = max(clusters, 1, *(each.rows for each in measures))
    found: list[list[Floats]] = [[] for _ in measures]
    for drawn in draws(clusters, resamples, seed, max(1, _AT_ONCE // most)):
        for mine, measure in zip(found, measures, strict=True):
            mine.append(np.stack(np.broadcast_arrays(*measure.of(drawn)), axis=-1))
    return [np.concatenate(mine) for mine in found]


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
