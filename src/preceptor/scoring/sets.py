"""Metrics of a whole set of responses: means over a part of it, and statistics such as macro-F1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.records import Metric
from preceptor.statistics.intervals import score_interval, share_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["mean_metric", "set_metric"]


def mean_metric(
    values: ArrayLike,
    ids: Sequence[str],
    units: Mapping[str, str] | None = None,
    *,
    share: bool = False,
    unit: str = "share",
    higher_is_better: bool = True,
    coverage: float = 1.0,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> Metric:
    """Mean over rows of a value that only some responses have, with its interval.

    Parameters
    ----------
    values
        One for each row.
    share
        Whether each is 0 or 1: the interval is then exact.
    ids, units, unit, coverage
        As in `set_metric`.
    lowest, highest
        The possible values' ends.
    """
    unit_of = units or {}
    labels = np.unique([unit_of.get(id, id) for id in ids], return_inverse=True)[1].ravel()
    column = np.asarray(values, dtype=np.float64).reshape(-1, 1)
    mean, interval = None, None
    if len(column) and share:
        mean, interval = share_interval(column, labels)
    elif len(column):
        mean, interval = score_interval(column, labels, (lowest, highest))
    return Metric(
        value=mean,
        raw_mean=mean,
        n=len(set(ids)),
        ci95=interval,
        raw_ci95=interval,
        bootstrap_std=None,
        coverage=coverage,
        unit=unit,
        higher_is_better=higher_is_better,
        units=len(set(labels.tolist())),
    )


def set_metric(
    statistic: Callable[[NDArray[np.intp]], float],
    ids: Sequence[str],
    units: Mapping[str, str] | None = None,
    *,
    unit: str = "share",
    higher_is_better: bool = True,
    coverage: float = 1.0,
    resamples: int = 1000,
    seed: int = 0,
) -> Metric:
    """A metric that is no mean over responses, with its interval.

    The percentile bootstrap over units (Efron & Tibshirani 1993, chapter 13): all rows of a unit
    are drawn together. A resample in which the statistic is not defined (NaN) is left out.

    Parameters
    ----------
    statistic
        Row numbers, shape (m,), of which some may be there twice → the metric on these rows; NaN
        where they do not define it.
    ids
        Example of each row.
    units
        Example id → what it is drawn together with; without it each example is its own.
    unit
        ``share`` for a metric from 0 to 1, else what it is counted in.
    coverage
        Share of the answers that were asked for that the rows are, 0 to 1.

    Returns
    -------
    ``bootstrap_std`` is the standard deviation over resamples. There is no interval where all
    resamples are equal: nothing is then known of the spread.
    """
    unit_of = units or {}
    labels, inverse = np.unique([unit_of.get(id, id) for id in ids], return_inverse=True)
    value = float(statistic(np.arange(len(inverse)))) if len(labels) else np.nan
    drawn = _drawn(statistic, inverse, resamples, seed) if len(labels) > 1 else np.empty(0)
    interval = spread = None
    if len(drawn) and not np.isnan(value):
        low, high = np.quantile(drawn, [0.025, 0.975])
        interval, spread = (float(low), float(high)), float(drawn.std())
        # Equal resamples may differ by the rounding of a sum.
        interval = None if high - low <= 1e-12 * max(1.0, abs(high)) else interval
    known = None if np.isnan(value) else value
    return Metric(
        value=known,
        raw_mean=known,
        n=len(set(ids)),
        ci95=interval,
        raw_ci95=interval,
        bootstrap_std=spread,
        coverage=coverage,
        bootstrap_ci95=interval,
        unit=unit,
        higher_is_better=higher_is_better,
        units=len(labels),
    )


def _drawn(
    statistic: Callable[[NDArray[np.intp]], float],
    unit_of: NDArray[np.intp],
    resamples: int,
    seed: int,
) -> NDArray[np.float64]:
    """The statistic of resamples of whole units, where it is defined."""
    order = np.argsort(unit_of, kind="stable")
    size = np.bincount(unit_of)
    start, n = np.cumsum(size) - size, len(size)
    rng = np.random.default_rng(seed)

    def rows() -> NDArray[np.intp]:
        """The rows of the drawn units, one unit after another."""
        picked = rng.integers(0, n, size=n)
        if len(order) == n:
            return np.asarray(order[picked])
        ends = np.cumsum(size[picked])
        first = np.repeat(start[picked] - ends + size[picked], size[picked])
        return np.asarray(order[first + np.arange(ends[-1])])

    drawn = np.array([statistic(rows()) for _ in range(resamples)])
    defined: NDArray[np.float64] = drawn[~np.isnan(drawn)]
    return defined
