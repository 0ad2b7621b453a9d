"""Intervals by formula: of a mean of scores, and of a share; units of several rows go together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from preceptor.statistics.quantiles import beta_quantile, t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Interval = tuple[float, float]

__all__ = [
    "ROUNDING",
    "Z95",
    "Estimate",
    "by_cluster",
    "effective_rows",
    "estimate",
    "mean_interval",
    "median_interval",
    "score_interval",
    "share_interval",
    "stratified_share",
    "wilson_interval",
]

Z95 = 1.959963984540054

#: Scores closer than this, relative to the largest or to 1, differ by rounding.
ROUNDING = 1e-12

#: The published formula holds from this many units, and this many times the squared skewness.
_ENOUGH, _SKEW_FACTOR = 30, 25


class Estimate(msgspec.Struct, frozen=True):
    """Mean, standard error (0 where nothing varies) and degrees of freedom; ``units`` vary."""

    mean: float
    error: float
    df: float
    units: int


def by_cluster(d: Floats, clusters: NDArray[Any]) -> tuple[Floats, Floats]:
    """Rows of each cluster, and their sum. Raises ValueError unless each row has one label."""
    if np.shape(clusters) != d.shape:
        raise ValueError(f"expected {len(d)} clusters, got {np.shape(clusters)}")
    _, inverse = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(inverse).astype(np.float64)
    return sizes, np.bincount(inverse, weights=d).astype(np.float64)


def estimate(d: Floats, clusters: NDArray[Any] | None) -> Estimate:
    """Mean of two or more rows with its cluster-robust standard error (CR2) and Satterthwaite df.

    See `comparisons.clustered_difference`, which has the formulas and their sources.
    """
    n, mean = len(d), float(d.mean())
    rounding = ROUNDING * max(1.0, float(np.abs(d).max()))
    if np.abs(d).max() <= rounding:
        mean = 0.0
    if clusters is None:
        error = 0.0 if np.ptp(d) <= rounding else float(d.std(ddof=1)) / math.sqrt(n)
        return Estimate(mean, error, n - 1.0, n)
    sizes, sums = by_cluster(d - mean, clusters)
    share = sizes / n
    error = math.sqrt(float((sums**2 / (1 - share)).sum())) / n
    if np.all(np.abs(sums) <= rounding * sizes):
        error = 0.0
    total = (share**2).sum() + (share**2 / (1 - share)).sum() ** 2
    df = 1 / (total - (share**4 / (1 - share) ** 2).sum())
    return Estimate(mean, error, float(df), len(sizes))


def mean_interval(scores: Floats) -> tuple[float, Interval | None]:
    """Mean over examples and its 95 % interval as published, examples and repeats being random.

    HealthBench Professional (arXiv 2604.27470)::

        mean ± 1.96·√(τ²/n + σ²/(n·m))

    with σ² the mean variance within an example, m the mean number of repeats and
    τ² = max(0, Var(example means) − σ²/m). With one repeat this is the usual standard error.
    `score_interval` is this where it holds.

    Parameters
    ----------
    scores
        Shape (n examples, repeats); NaN where a repeat is missing. Each row has at least one score.

    Returns
    -------
    mean, (low, high)
        The mean of the example means, unclipped; the interval is None for a single example.
    """
    means, repeats, within = _examples(scores)
    n, mean = len(means), float(means.mean())
    if n < 2:
        return mean, None
    m = float(repeats.mean())
    between = max(0.0, float(means.var(ddof=1)) - within / m)
    half = 1.96 * math.sqrt(between / n + within / (n * m))
    return mean, (mean - half, mean + half)


def score_interval(
    scores: Floats,
    clusters: NDArray[Any] | None = None,
    span: Interval = (-math.inf, math.inf),
) -> tuple[float, Interval | None]:
    """Mean of scores and a 95 % interval that holds from 20 units, also for skewed scores.

    Where units are examples, 30 or more, and n > 25·skewness² (Cochran 1977, Sampling Techniques,
    section 2.15), it is the published `mean_interval`. Else it is a t interval with the
    cluster-robust error of `estimate`, with fewer degrees of freedom where a few units are large
    and their rows alike, each end moved outwards where Hall's transformation for skewness lies
    further out (Hall 1992, J. R. Stat. Soc. B 54:221)::

        mean − SE·h(±t),   h(y) = 3/a·((1 + a·(y − a/6))^⅓ − 1),   a = skewness/√units

    Below 20 units it is the same, and covers less for skewed scores (``bench/coverage.py``).

    Parameters
    ----------
    scores
        As in `mean_interval`.
    clusters
        Shape (n examples,): the label of each example's unit; None where each is its own.
    span
        Lowest and highest possible score: intervals end there, except the published one.

    Returns
    -------
    The interval is None for a single unit, and where all units have the same mean: nothing is then
    known of the spread.
    """
    means, repeats, within = _examples(scores)
    clusters = _several(clusters)
    mean, published = mean_interval(scores)
    if (clusters is not None and len(np.unique(clusters)) < 2) or published is None:
        return mean, None
    found = _with_noise(estimate(means, clusters), within, int(repeats.sum()))
    if found.error == 0:
        return mean, None
    sums, df = means - mean, found.df
    if clusters is not None:
        sizes, sums = by_cluster(sums, clusters)
        df = min(df, _degrees(sizes, sums, float(means.var())))
    total = float((sums**2).sum())
    a = float((sums**3).sum()) / total**1.5 if total > 0 else 0.0
    if clusters is None and len(means) >= max(_ENOUGH, _SKEW_FACTOR * len(means) * a * a):
        return mean, published
    t = t_quantile(df, 0.975)
    low, high = max(t, _unskewed(t, a)), min(-t, _unskewed(-t, a))
    least, most = min(span[0], mean), max(span[1], mean)
    return mean, (max(least, mean - low * found.error), min(most, mean - high * found.error))


def share_interval(scores: Floats, clusters: NDArray[Any] | None = None) -> tuple[float, Interval]:
    """A share and its exact 95 % interval (Clopper & Pearson 1934, Biometrika 26:404).

    It covers at least 95 % at every true share. Where units have several rows or repeats it is that
    of `effective_rows` (Korn & Graubard 1998, Survey Methodology 24:193).

    Parameters
    ----------
    scores, clusters
        As in `score_interval`; each score is 0 or 1.

    Returns
    -------
    The interval is within [0, 1] and never of width zero.
    """
    share = float(_examples(scores)[0].mean())
    return share, _exact(share, effective_rows(scores, clusters))


def median_interval(values: Floats) -> tuple[float, Interval | None]:
    """The median and its 95 % interval from order statistics, whatever the distribution.

    From the k-th smallest to the k-th largest of n values, with the largest k for which that covers
    the median with at least 95 %, B being binomial (n, ½) (Conover 1999, Practical Nonparametric
    Statistics, section 3.2)::

        P(B < k) ≤ 0.025

    Parameters
    ----------
    values
        Shape (n,), independent.

    Returns
    -------
    Without an interval for fewer than 6 values.
    """
    from scipy.special import bdtr

    n, ordered = len(values), np.sort(values)
    ranks = np.arange(n)
    k = int((bdtr(ranks, n, 0.5) <= 0.025).sum())
    middle = float(np.median(ordered))
    return middle, (float(ordered[k - 1]), float(ordered[n - k])) if k else None


def stratified_share(
    hits: NDArray[np.bool_],
    strata: NDArray[Any],
    sizes: Mapping[Any, int],
    clusters: NDArray[Any] | None = None,
) -> tuple[float, Interval]:
    """A share of a whole, from a random sample of each of its strata, and its 95 % interval.

    The estimate weights each stratum's share by its size (post-stratification: Cochran 1977,
    Sampling Techniques, section 5A.9). The interval is the exact one at the effective number of
    rows (Korn & Graubard 1998): the smaller of Kish's for such weights and of that which the
    strata's own variances give, times what clusters take off by `effective_rows`.

    Parameters
    ----------
    hits, strata
        Shape (n,): whether each row has the property, and its stratum.
    sizes
        Stratum → number of rows in the whole. Each stratum that has any needs a row of the sample.
    clusters
        Shape (n,): labels of rows that are not independent; None where each row is its own.

    Raises
    ------
    ValueError
        There is no row, or none of a stratum.
    """
    total = sum(sizes.values())
    share = kish = variance = 0.0
    for stratum, size in sizes.items():
        if not size:
            continue
        own = hits[strata == stratum]
        if not len(own):
            raise ValueError(f"stratified_share: no row of stratum {stratum!r}")
        weight, part = size / total, float(own.mean())
        share += weight * part
        kish += weight**2 / len(own)
        variance += weight**2 * part * (1 - part) / len(own)
    rows = 1 / kish
    if variance > 0:
        rows = min(rows, share * (1 - share) / variance)
    together = effective_rows(hits.astype(np.float64)[:, None], clusters) / len(hits)
    return share, _exact(share, rows * together)


def _exact(share: float, rows: float) -> Interval:
    """Clopper and Pearson's interval; the number of rows need not be whole."""
    hits, misses = share * rows, (1 - share) * rows
    low = 0.0 if share <= ROUNDING else beta_quantile(hits, misses + 1, 0.025)
    high = 1.0 if share >= 1 - ROUNDING else beta_quantile(hits + 1, misses, 0.975)
    return low, high


def effective_rows(scores: Floats, clusters: NDArray[Any] | None = None) -> float:
    """Number of independent rows that tell as much about a share: n over the design effect.

    The effect is that of `estimate`'s error, scaled by t quantiles for its degrees of freedom:
    those of Satterthwaite, or fewer where the rarer outcome is in few units. The error is that of
    half a unit more, all of whose rows have the rarer outcome: a rare outcome may fill a unit and
    none of those seen. At worst, and where nothing varies, each unit counts once, by Kish's
    (Σm)²/Σm².

    Parameters
    ----------
    scores, clusters
        As in `share_interval`.
    """
    means, repeats, within = _examples(scores)
    clusters = _several(clusters)
    n, share = len(means), float(means.mean())
    if clusters is None and not (repeats > 1).any():
        return float(n)
    sizes = np.ones(n) if clusters is None else by_cluster(means, clusters)[0]
    least = n * n / float((sizes**2).sum())
    if len(sizes) < 2 or not ROUNDING < share < 1 - ROUNDING:
        return least
    found = _with_noise(estimate(means, clusters), within, int(repeats.sum()))
    if found.error == 0:
        return least
    both = min(_units_with(means > 0, clusters), _units_with(means < 1, clusters))
    error = math.hypot(found.error, max(share, 1 - share) / (2 * len(sizes)))
    rows = n * share * (1 - share) / (n - 1) / error**2
    degrees = n - 1, found.df, min(found.df, max(1, both - 1))
    whole, units, few = (t_quantile(df, 0.975) for df in degrees)
    known = rows * (whole / units) ** 2
    rows = max(rows * (whole / few) ** 2 if both > 1 else 0.0, min(least, known))
    return min(float(repeats.sum()), rows)


def wilson_interval(successes: float, n: float) -> Interval:
    """Wilson's 95 % score interval of a share: the shares that a score test does not reject.

    Wilson (1927), J. Am. Stat. Assoc. 22:209. It stays within [0, 1] and has a width also where
    all or none of n succeed. Counts being whole, its coverage is 95 % on average over true shares,
    not at each: 92.8 to 97.7 % for n = 100 and shares of 0.02 to 0.98.

    Parameters
    ----------
    successes, n
        0 ≤ successes ≤ n, and n > 0; else ValueError. They need not be whole: `effective_rows`.
    """
    if not 0 <= successes <= n or n <= 0:
        raise ValueError(f"wilson_interval: need 0 ≤ successes ≤ n and n > 0, got {successes}/{n}")
    share, z2 = successes / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # At the ends the exact bound is 0 or 1, which rounding misses by 1e-17.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return low, high


def _examples(scores: Floats) -> tuple[Floats, NDArray[np.intp], float]:
    """Each example's mean and number of repeats, and the mean variance within an example."""
    present = ~np.isnan(scores)
    repeats = present.sum(axis=1)
    if scores.size == 0 or not repeats.all():
        raise ValueError("an interval of a mean: every example needs at least one score")
    means = np.nansum(scores, axis=1) / repeats
    several = repeats > 1
    within = float(np.nanvar(scores[several], axis=1, ddof=1).mean()) if several.any() else 0.0
    return means, repeats, within


def _several(clusters: NDArray[Any] | None) -> NDArray[Any] | None:
    """The labels; None where each row is its own unit."""
    alone = clusters is None or len(np.unique(clusters)) == len(clusters)
    return None if alone else clusters


def _with_noise(found: Estimate, within: float, answers: int) -> Estimate:
    """The error is at least that of the noise between repeats, as in the published formula."""
    return msgspec.structs.replace(found, error=max(found.error, math.sqrt(within / answers)))


def _units_with(rows: NDArray[np.bool_], clusters: NDArray[Any] | None) -> int:
    """Number of units that have any of these rows."""
    return int(rows.sum()) if clusters is None else len(np.unique(clusters[rows]))


def _degrees(sizes: Floats, sums: Floats, variance: float) -> float:
    """Degrees of freedom of the units' spread, given how alike rows of one unit are.

    The variance of a unit's sum goes by v = m·(1 + (m − 1)·ρ), ρ being the share of the variance
    that is between units; (Σv)²/Σv² − 1 is G − 1 for G units of one size.
    """
    rows, units = float(sizes.sum()), len(sizes)
    within = (rows * variance - float((sums**2 / sizes).sum())) / (rows - units)
    alike = min(1.0, max(0.0, 1 - within / variance)) if variance > 0 else 1.0
    v = sizes * (1 + (sizes - 1) * alike)
    return max(1.0, float(v.sum()) ** 2 / float((v**2).sum()) - 1)


def _unskewed(t: float, a: float) -> float:
    return t if abs(a) < 1e-9 else 3 / a * (math.cbrt(1 + a * (t - a / 6)) - 1)
