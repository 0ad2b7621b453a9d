"""Predictions of an amount: errors, correlation, quantiles and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from preceptor.statistics.prediction.outcomes import divided
from preceptor.statistics.prediction.resampling import Measures
from preceptor.statistics.prediction.weighted import ClusterSums, Sorted, correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["errors", "intervals", "pinball"]

#: Within this share of the true amount.
_CLOSE = 0.2


def errors(
    y: Floats, predicted: Floats, cluster: NDArray[np.intp], clusters: int, *, brief: bool = False
) -> Measures:
    """MAE first, then RMSE, R² and others; ``brief`` leaves out what takes sorting.

    R² is 1 − Σ(y − ŷ)² / Σ(y − ȳ)², which is not a squared correlation. Bias is mean ŷ − y.
    """
    e = predicted - y
    close = np.abs(e) <= _CLOSE * np.abs(y)
    columns = np.stack([np.ones_like(e), np.abs(e), e**2, e, y, y**2, close.astype(float)], axis=1)
    sums = ClusterSums(columns, cluster, clusters)
    sizes, truths, said = Sorted(np.abs(e)), Sorted(y), Sorted(predicted)

    def of(drawn: Floats | None) -> list[Floats]:
        n, absolute, square, bias, total, squares, near = np.moveaxis(sums.of(drawn), -1, 0)
        variation = squares - divided(total**2, n)
        found = [
            divided(absolute, n),
            np.sqrt(divided(square, n)),
            1 - divided(square, variation),
        ]
        if brief:
            return found
        weight = np.ones(len(e)) if drawn is None else np.take(drawn, cluster, axis=-1)
        rank = correlation(truths.ranks(weight), said.ranks(weight), weight)
        return [*found, sizes.median(weight), divided(bias, n), rank, divided(near, n)]

    names = ["overall_score", "rmse", "r2"]
    names += [] if brief else ["median_absolute_error", "bias", "spearman", "within_20_percent"]
    return Measures(names, of, len(e))


def pinball(
    y: Floats, quantiles: Mapping[float, Floats], cluster: NDArray[np.intp], clusters: int
) -> Measures:
    """Mean loss of each quantile, the share of outcomes below it, and of rows that cross.

    Koenker & Bassett (1978), Econometrica 46:33.
    """
    levels = sorted(quantiles)
    columns = [np.ones_like(y)]
    for level in levels:
        gap = y - quantiles[level]
        columns += [np.maximum(level * gap, (level - 1) * gap), (gap <= 0).astype(float)]
    table = np.stack([quantiles[level] for level in levels], axis=1)
    columns.append((np.diff(table, axis=1) < 0).any(axis=1).astype(float))
    sums = ClusterSums(np.stack(columns, axis=1), cluster, clusters)

    def of(drawn: Floats | None) -> list[Floats]:
        n, *rest = np.moveaxis(sums.of(drawn), -1, 0)
        return [divided(each, n) for each in rest]

    names = [f"{kind}:{level:g}" for level in levels for kind in ("pinball", "below")]
    return Measures([*names, "quantiles_cross"], of, len(y))


def intervals(
    y: Floats,
    low: Floats,
    high: Floats,
    cluster: NDArray[np.intp],
    clusters: int,
    *,
    level: float,
    name: str,
) -> Measures:
    """Coverage, width, and Winkler's score of an interval that should hold a share ``level``.

    Winkler (1972), J. Am. Stat. Assoc. 67:187: width + 2/α · how far outside, α = 1 − level.
    """
    outside = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    width = high - low
    inside = (outside == 0).astype(float)
    winkler = width + 2 / (1 - level) * outside
    sums = ClusterSums(np.stack([np.ones_like(y), inside, width, winkler], 1), cluster, clusters)

    def of(drawn: Floats | None) -> list[Floats]:
        n, *rest = np.moveaxis(sums.of(drawn), -1, 0)
        return [divided(each, n) for each in rest]

    return Measures([f"{name}:coverage", f"{name}:width", f"{name}:winkler"], of, len(y))
