"""Statistics that are formulas of sums over units, and their bootstrap by whole clusters.

A resample of clusters needs only the sums of each cluster, so that thousands of resamples of tens
of thousands of ratings take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from preceptor.statistics.bootstrap import resampled_means

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "Statistic",
    "checked_ratings",
    "difference",
    "intervals",
    "mean",
    "midranks",
    "over",
    "weighted",
]

#: A statistic undefined in more resamples than this has no interval.
_MOST_UNDEFINED = 0.05


class Statistic(msgspec.Struct, frozen=True):
    """A statistic of sums over units.

    Attributes
    ----------
    terms
        Shape (n units, c): what each unit adds to the sums.
    formula
        Sums of shape (…, c) → values of shape (…,); NaN where they do not define it.
    """

    terms: Any
    formula: Callable[[Any], Any]

    @property
    def value(self) -> float:
        """NaN where it is not defined."""
        return float(self.formula(self.terms.sum(axis=0)))

    def interval(
        self, clusters: ArrayLike | None = None, *, resamples: int = 2_000, seed: int = 0
    ) -> tuple[float, float] | None:
        """See `intervals`."""
        return intervals([self], clusters, resamples=resamples, seed=seed)[0]


def intervals(
    statistics: Sequence[Statistic],
    clusters: ArrayLike | None = None,
    *,
    resamples: int = 2_000,
    seed: int = 0,
) -> list[tuple[float, float] | None]:
    """95 % percentile bootstrap intervals of statistics of the same units, in one draw.

    Parameters
    ----------
    clusters
        Shape (n units,): labels of what is drawn as a whole; None where each unit is its own.

    Returns
    -------
    For each statistic (low, high); None for fewer than 2 clusters, and where more than 5 % of the
    resamples do not define it.
    """
    if not statistics:
        return []
    together = np.concatenate([one.terms for one in statistics], axis=1)
    labels = np.arange(len(together))
    if clusters is not None:
        labels = np.unique(np.asarray(clusters), return_inverse=True)[1].ravel()
    if len(np.unique(labels)) < 2:
        return [None] * len(statistics)
    means = resampled_means(together, clusters=labels, resamples=resamples, seed=seed)
    # Sums on the scale of the whole; what is 0 but for rounding is 0, so that it is undefined.
    sums = means * len(together)
    sums[np.abs(sums) < 1e-7] = 0.0
    ends = np.cumsum([one.terms.shape[1] for one in statistics])[:-1]
    parts = np.split(sums, ends, axis=1)
    return [_bounds(one.formula(part)) for one, part in zip(statistics, parts, strict=True)]


def _bounds(values: Floats) -> tuple[float, float] | None:
    defined = values[~np.isnan(values)]
    if len(defined) < (1 - _MOST_UNDEFINED) * len(values):
        return None
    low, high = np.quantile(defined, (0.025, 0.975))
    # A resampled sum is rounded at its last digit: 0 is to be 0.
    return round(float(low), 12) + 0.0, round(float(high), 12) + 0.0


def mean(values: Floats) -> Statistic:
    """Mean of values, shape (n,)."""
    terms = np.column_stack([values, np.ones(len(values))])
    return Statistic(terms, lambda sums: sums[..., 0] / sums[..., 1])


def difference(a: Statistic, b: Statistic) -> Statistic:
    """a − b, where b's units come after a's: the clusters of both, one after the other."""
    width = a.terms.shape[1]
    terms = np.zeros((len(a.terms) + len(b.terms), width + b.terms.shape[1]))
    terms[: len(a.terms), :width] = a.terms
    terms[len(a.terms) :, width:] = b.terms

    def formula(sums: Floats) -> Floats:
        found: Floats = a.formula(sums[..., :width]) - b.formula(sums[..., width:])
        return found

    return Statistic(terms, formula)


def weighted(statistic: Statistic, weights: Floats) -> Statistic:
    """The statistic where each unit counts as often as its weight says, shape (n units,)."""
    return Statistic(statistic.terms * weights[:, None], statistic.formula)


def over(numerator: Any, denominator: Any) -> Floats:
    """Division with NaN, not a warning, for a denominator of 0."""
    below = np.asarray(denominator, dtype=np.float64)
    found: Floats = np.asarray(numerator) / np.where(below == 0, np.nan, below)
    return found


def checked_ratings(ratings: ArrayLike, columns: int | None = None) -> Floats:
    """Ratings as floats of shape (n, 2 or more), or (n, columns). Raises ValueError for others."""
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or (columns and table.shape[1] != columns):
        wanted = columns or "two or more"
        raise ValueError(f"agreement: expected ratings of shape (n, {wanted}), got {table.shape}")
    if np.isinf(table).any():
        raise ValueError("agreement: expected finite ratings, NaN where missing")
    return table


def midranks(totals: Floats) -> Floats:
    """Mean rank of each value, from how often each occurs, in order."""
    found: Floats = np.cumsum(totals, axis=-1) - totals / 2
    return found
