"""How alike two tables are: columns, correlations, what tells them apart, nearest records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from preceptor.statistics.prediction.outcomes import divided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Pooled", "correlations", "discriminator_scores", "nearest", "total_variation"]

_ROWS_AT_ONCE = 500


class Pooled:
    """Values of two sets in one order, for distances between their distributions.

    Parameters
    ----------
    one, two
        Finite values, shapes (n,) and (m,).
    """

    def __init__(self, one: Floats, two: Floats) -> None:
        self.first, self.second = (np.argsort(each, kind="stable") for each in (one, two))
        self.at = np.unique(np.concatenate([one, two]))
        self.ends = [
            np.searchsorted(each[order], self.at, side="right")
            for each, order in ((one, self.first), (two, self.second))
        ]

    def apart(self, one: Floats, two: Floats) -> tuple[Floats, Floats]:
        """Kolmogorov–Smirnov's distance, 0 to 1, and Wasserstein's, in the values' unit.

        ``one`` and ``two`` say how often each value is there, shapes (n,) or (resamples, n).
        """
        steps = []
        for weight, order, ends in zip(
            (one, two), (self.first, self.second), self.ends, strict=True
        ):
            sums = np.cumsum(weight[..., order], axis=-1)
            sums = np.concatenate([np.zeros((*sums.shape[:-1], 1)), sums], axis=-1)
            steps.append(divided(sums[..., ends], sums[..., -1:]))
        gap = np.abs(steps[0] - steps[1])
        return gap.max(axis=-1), (gap[..., :-1] * np.diff(self.at)).sum(axis=-1)


def total_variation(one: Floats, two: Floats) -> Floats:
    """½ Σ |p − q| over categories, 0 to 1; ``one`` and ``two`` count them along the last axis."""
    shares = [divided(each, each.sum(axis=-1, keepdims=True)) for each in (one, two)]
    apart: Floats = np.abs(shares[0] - shares[1]).sum(axis=-1) / 2
    return apart


def correlations(rows: Floats, weight: Floats) -> Floats:
    """Pearson's correlations of the columns, NaN left out pair by pair; undefined is 0.

    ``rows`` (n, d) with NaN where missing, ``weight`` (n,) → (d, d).
    """
    there = np.isfinite(rows).astype(np.float64)
    values = np.nan_to_num(rows)
    own = there * weight[:, None]
    n = own.T @ there
    sums, squares = (own * values).T @ there, (own * values**2).T @ there
    cross = (own * values).T @ values
    covariance = divided(cross, n) - divided(sums, n) * divided(sums.T, n)
    variance = divided(squares, n) - divided(sums, n) ** 2
    scale = np.sqrt(np.maximum(variance, 0) * np.maximum(variance.T, 0))
    found: Floats = np.nan_to_num(divided(covariance, scale))
    return found


def discriminator_scores(real: Floats, other: Floats, *, seed: int = 0) -> Floats:
    """Out-of-fold chance that each row is of ``other``: real rows first, then the others.

    Gradient boosting in five stratified folds; NaN is a value of its own.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    x = np.concatenate([real, other])
    y = np.repeat([0, 1], [len(real), len(other)])
    scores = np.empty(len(x))
    # Several threads on shared cores took seven times as long as one.
    with threadpool_limits(1):
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
            model = HistGradientBoostingClassifier(
                max_iter=100, learning_rate=0.1, max_leaf_nodes=15, random_state=seed
            ).fit(x[train], y[train])
            scores[test] = model.predict_proba(x[test])[:, 1]
    return scores


def nearest(rows: Floats, others: Floats, *, themselves: bool = False) -> Floats:
    """Euclidean distance of each row to the nearest of the others; ``themselves`` leaves out its
    own."""
    from scipy.spatial.distance import cdist

    found = []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        away = cdist(rows[start : start + _ROWS_AT_ONCE], others)
        if themselves:
            away[np.arange(len(away)), np.arange(start, start + len(away))] = np.inf
        found.append(away.min(axis=1))
    return np.concatenate(found)
