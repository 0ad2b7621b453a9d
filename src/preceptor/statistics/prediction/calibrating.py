"""Whether predicted probabilities are right on average, and at each level."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from preceptor.statistics.intervals import Z95
from preceptor.statistics.prediction.outcomes import Sums, divided

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "Bins",
    "Recalibration",
    "brier",
    "brier_scaled",
    "calibration_error",
    "equal_mass",
    "equal_width",
    "largest_error",
    "log_loss",
    "observed_expected",
    "recalibration",
]

_CLIP = 1e-12
_STEPS, _TOLERANCE = 50, 1e-10


def brier(sums: Sums) -> Floats:
    """Mean squared difference of probability and outcome, 0 to 1 (Brier 1950)."""
    return divided(sums.brier, sums.n)


def brier_scaled(sums: Sums) -> Floats:
    """1 − Brier / (π(1 − π)): 0 for a model that always says the prevalence π, 1 at best."""
    share = divided(sums.cases, sums.n)
    return 1 - divided(brier(sums), share * (1 - share))


def log_loss(sums: Sums) -> Floats:
    """Mean −log of the probability given to what happened, in nats."""
    return divided(sums.log_loss, sums.n)


def observed_expected(sums: Sums) -> Floats:
    """Observed positive rows for each expected one; 1 at best."""
    return divided(sums.cases, sums.expected)


class Bins(NamedTuple):
    """Rows by level of their probability, NaN in an empty bin: shape (bins,)."""

    n: Floats
    observed: Floats
    predicted: Floats

    @property
    def gaps(self) -> Floats:
        return np.abs(self.observed - self.predicted)


def _bins(rows: Floats, positives: Floats, scores: Floats) -> Bins:
    n = np.diff(rows, axis=-1)
    observed, predicted = (divided(np.diff(each, axis=-1), n) for each in (positives, scores))
    return Bins(n, observed, predicted)


def equal_width(sums: Sums, bins: int = 10) -> Bins:
    """Bins of equal width: bin = min(⌊bins · p⌋, bins − 1)."""
    level = np.minimum(np.floor(bins * sums.of.score), bins - 1)
    places = np.searchsorted(level, np.arange(bins + 1))
    rows, scores = (each[..., places] for each in (sums.rows, sums.scores))
    return _bins(rows, sums.positives_at(places), scores)


def equal_mass(sums: Sums, bins: int = 10) -> Bins:
    """Bins of equally many rows, the first ones larger by a row, as ``numpy.array_split``."""
    n = np.atleast_1d(np.round(sums.n))[:, None]
    places = np.arange(bins + 1)
    ends = places * (n // bins) + np.minimum(places, n % bins)
    # Within the copies of a row that a resample drew, the sums are straight lines.
    tables = [np.atleast_2d(each) for each in (sums.rows, sums.positives, sums.scores)]
    positives, scores = (
        np.array([np.interp(*each) for each in zip(ends, tables[0], table, strict=True)])
        for table in tables[1:]
    )
    shape = (*sums.n.shape, bins + 1)
    return _bins(ends.reshape(shape), positives.reshape(shape), scores.reshape(shape))


def calibration_error(bins: Bins) -> Floats:
    """Σ n_b/n · |ȳ_b − p̄_b| (Naeini et al. 2015, AAAI); noise alone makes it larger than 0."""
    return divided(np.nansum(bins.n * bins.gaps, axis=-1), bins.n.sum(axis=-1))


def largest_error(bins: Bins) -> Floats:
    """The largest gap of a bin: says little where bins are small."""
    largest: Floats = np.nan_to_num(bins.gaps, nan=-1.0).max(axis=-1)
    return np.where(largest < 0, np.nan, largest)


class Recalibration(NamedTuple):
    """Logistic regression of the outcome on the logit of the probability.

    Slope 1 and intercept 0 at best. ``large`` is the intercept with the slope fixed at 1. The
    intervals allow for clusters (sandwich); None with too few clusters.
    """

    slope: float
    intercept: float
    large: float
    slope_ci95: tuple[float, float] | None
    intercept_ci95: tuple[float, float] | None
    large_ci95: tuple[float, float] | None


def recalibration(
    y: ArrayLike, p: ArrayLike, cluster: ArrayLike | None = None
) -> Recalibration | None:
    """Calibration slope, intercept, and calibration in the large.

    Cox (1958), Biometrika 45:562; Van Calster et al. (2016), J. Clin. Epidemiol. 74:167. Without
    penalty, by Newton's method; probabilities are clipped at 1e-12. None with one class only, or
    where it does not converge, as with scores that separate the classes.
    """
    truth = np.asarray(y, dtype=np.float64)
    chance = np.clip(np.asarray(p, dtype=np.float64), _CLIP, 1 - _CLIP)
    logit = np.log(chance) - np.log1p(-chance)
    codes = np.arange(len(truth)) if cluster is None else np.unique(cluster, return_inverse=True)[1]
    if not 0 < truth.sum() < len(truth):
        return None
    one = np.ones((len(truth), 1))
    large = _logistic(one, truth, logit, codes)
    both = _logistic(np.column_stack([logit, one]), truth, np.zeros(len(truth)), codes)
    if large is None or both is None:
        return None
    (slope, intercept), widths = both
    return Recalibration(
        slope=float(slope),
        intercept=float(intercept),
        large=float(large[0][0]),
        slope_ci95=_around(float(slope), float(widths[0])),
        intercept_ci95=_around(float(intercept), float(widths[1])),
        large_ci95=_around(float(large[0][0]), float(large[1][0])),
    )


def _around(value: float, se: float) -> tuple[float, float] | None:
    return (value - Z95 * se, value + Z95 * se) if np.isfinite(se) else None


def _logistic(
    x: Floats, y: Floats, offset: Floats, cluster: NDArray[np.intp]
) -> tuple[Floats, Floats] | None:
    """Coefficients and their cluster-robust standard errors (CR1)."""
    from scipy.special import expit

    beta = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        mean = expit(x @ beta + offset)
        weight = mean * (1 - mean)
        try:
            step = np.linalg.solve((x * weight[:, None]).T @ x, x.T @ (y - mean))
        except np.linalg.LinAlgError:
            return None
        # A long step overshoots where most outcomes are alike.
        beta = beta + step / max(1.0, float(np.abs(step).max()) / 5)
        if float(np.abs(step).max()) < _TOLERANCE:
            break
    else:
        return None
    mean = expit(x @ beta + offset)
    bread = np.linalg.inv((x * (mean * (1 - mean))[:, None]).T @ x)
    scores = x * (y - mean)[:, None]
    number = int(cluster.max()) + 1
    summed = np.column_stack([np.bincount(cluster, each, number) for each in scores.T])
    if number < 2:
        return beta, np.full(len(beta), np.nan)
    covariance = bread @ (summed.T @ summed) @ bread * number / (number - 1)
    return beta, np.sqrt(np.diag(covariance))
