"""Sums, medians and rank correlations of rows that are drawn so many times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from preceptor.statistics.prediction.outcomes import divided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["ClusterSums", "Sorted", "correlation"]


class ClusterSums:
    """Columns of numbers, added up by cluster once.

    Parameters
    ----------
    columns
        Shape (rows, columns).
    cluster
        Number of each row's cluster, below ``clusters``.
    """

    def __init__(self, columns: Floats, cluster: Places, clusters: int) -> None:
        self.table = np.stack(
            [np.bincount(cluster, each, clusters) for each in columns.T], axis=-1
        ).reshape(clusters, columns.shape[1])

    def of(self, drawn: Floats | None) -> Floats:
        """The sums of each column: shape (columns,) or (resamples, columns)."""
        return self.table.sum(axis=0) if drawn is None else drawn @ self.table


class Sorted:
    """Values in order, for medians and ranks of resamples."""

    def __init__(self, values: Floats) -> None:
        self.order: Places = np.argsort(values, kind="stable")
        self.values = values[self.order]
        new = np.concatenate([[True], np.diff(self.values) > 0]) if len(values) else np.empty(0)
        self.stretch: Places = np.cumsum(new).astype(np.intp) - 1

    def median(self, weight: Floats) -> Floats:
        """The median of the values, each there so many times; of two middle ones their mean."""
        total = np.cumsum(weight[..., self.order], axis=-1)
        n = total[..., -1:]
        found = [
            np.minimum((total <= np.floor(part)).sum(axis=-1), len(self.values) - 1)
            for part in ((n - 1) / 2, n / 2)
        ]
        middle: Floats = (self.values[found[0]] + self.values[found[1]]) / 2
        return np.where(n[..., 0] > 0, middle, np.nan)

    def ranks(self, weight: Floats) -> Floats:
        """Mid-rank of each row among all copies, in the order of the rows."""
        sorted_ = weight[..., self.order]
        count = int(self.stretch[-1]) + 1
        starts = np.searchsorted(self.stretch, np.arange(count))
        in_stretch = np.add.reduceat(sorted_, starts, axis=-1)
        before = np.cumsum(in_stretch, axis=-1) - in_stretch
        middle = before + (in_stretch + 1) / 2
        ranks = np.empty_like(sorted_)
        ranks[..., self.order] = middle[..., self.stretch]
        return ranks


def correlation(x: Floats, y: Floats, weight: Floats) -> Floats:
    """Pearson's correlation of rows that are there so many times."""
    n = weight.sum(axis=-1, keepdims=True)
    one = x - divided((weight * x).sum(axis=-1, keepdims=True), n)
    two = y - divided((weight * y).sum(axis=-1, keepdims=True), n)
    product = (weight * one * two).sum(axis=-1)
    spread = (weight * one**2).sum(axis=-1) * (weight * two**2).sum(axis=-1)
    return divided(product, np.sqrt(spread))
