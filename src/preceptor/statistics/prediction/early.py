"""Predictions at each day of a stay: how early death is foreseen, and errors in the length of stay.

Gao et al. (2024), Patterns 5:100951 (the COVID-19 benchmark), whose definitions these are. A record
counts as called above .5. Times are in days, or any one unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from preceptor.statistics.prediction.outcomes import divided
from preceptor.statistics.prediction.resampling import Measures
from preceptor.statistics.prediction.weighted import ClusterSums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["Stays", "early_scores", "stay_errors", "stays_of"]

_HALF = 0.5
_LONG = 95


class Stays(NamedTuple):
    """What the scores are relative to, NaN without a death.

    Attributes
    ----------
    of_dead
        Mean over the patients who die of their longest remaining stay.
    long
        95th percentile over patients of their longest remaining stay.
    """

    of_dead: float
    long: float


def stays_of(y: Floats, los: Floats, cluster: Places, clusters: int) -> Stays:
    """The stays of these records; ``los`` is the true remaining stay at each."""
    most = np.full(clusters, -np.inf)
    np.maximum.at(most, cluster, los)
    dead = most.copy()
    dead[np.bincount(cluster, y, clusters) == 0] = -np.inf
    there, died = most[np.isfinite(most)], dead[np.isfinite(dead)]
    return Stays(
        float(died.mean()) if len(died) else np.nan,
        float(np.percentile(there, _LONG)) if len(there) else np.nan,
    )


def early_scores(  # noqa: PLR0917
    y: Floats,
    score: Floats,
    los: Floats,
    cluster: Places,
    clusters: int,
    thresholds: dict[str, float],
) -> Measures:
    """ES at each threshold, and the specificity beside it.

    Records of patients who die alone: a hit earns min(1, los/t), a miss min(1, los/t) − 1; a
    patient's sum is divided by the largest possible one and cut at −1 (nothing to earn is 1); ES is
    the mean over these patients, −1 to 1. Survivors are not in it: always calling death earns 1.
    """
    died = y > _HALF
    called = score > _HALF
    dead = np.bincount(cluster, died, clusters) > 0
    columns = [dead.astype(np.float64)]
    for threshold in thresholds.values():
        worth = np.minimum(1.0, los / threshold) if threshold > 0 else np.full(len(los), np.nan)
        earned = np.bincount(cluster, died * (worth - ~called), clusters)
        possible = np.bincount(cluster, died * worth, clusters)
        share = np.ones(clusters)
        np.divide(earned, possible, out=share, where=possible != 0)
        columns.append(np.where(dead, np.maximum(share, -1.0), 0.0))
    lived = ~died
    columns += [
        np.bincount(cluster, each, clusters).astype(np.float64) for each in (lived & ~called, lived)
    ]
    table = np.stack(columns, axis=1)

    def of(drawn: Floats | None) -> list[Floats]:
        sums = table.sum(axis=0) if drawn is None else drawn @ table
        count, *earned, spared, survivors = np.moveaxis(sums, -1, 0)
        return [*(divided(each, count) for each in earned), divided(spared, survivors)]

    return Measures([*(f"es_{name}" for name in thresholds), "specificity"], of, clusters)


def stay_errors(  # noqa: PLR0917
    y: Floats,
    score: Floats,
    los: Floats,
    predicted: Floats,
    cluster: Places,
    clusters: int,
    thresholds: dict[str, float],
    long: float,
) -> Measures:
    """OSMAE at each threshold, and the mean absolute error of the stay.

    With the outcome right a record's error is ε·|ŝ − s|, else ε·(max(0, L − ŝ) + max(0, L − s)).
    ε is 1 up to the threshold t and falls to 0 at the long stay L: max(0, (s − L)/(t − L)).
    """
    right = (score > _HALF) == (y > _HALF)
    plain = np.abs(predicted - los)
    lost = np.maximum(0, long - predicted) + np.maximum(0, long - los)
    columns = [np.ones(len(y)), plain]
    for threshold in thresholds.values():
        decay = (long - los) / (long - threshold) if long > threshold else np.zeros(len(los))
        weight = np.where(los <= threshold, 1.0, np.maximum(0.0, decay))
        columns.append(weight * np.where(right, plain, lost))
    sums = ClusterSums(np.stack(columns, axis=1), cluster, clusters)

    def of(drawn: Floats | None) -> list[Floats]:
        n, *rest = np.moveaxis(sums.of(drawn), -1, 0)
        return [divided(each, n) for each in rest]

    return Measures(["los_mae", *(f"osmae_{name}" for name in thresholds)], of, clusters)
