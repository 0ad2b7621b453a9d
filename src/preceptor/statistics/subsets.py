"""Estimating the score on all examples from some of them, drawn and weighted with care.

The target of every estimate here is the score that the *same* N examples would have given had all
of them been run, with the answers and verdicts as they fall. So the finite-population correction
1 − n/N belongs in each interval, and with all examples run it has no width. Whether the benchmark's
examples stand for others is another question, which `mean_interval` answers.

W. G. Cochran, Sampling Techniques, 3rd ed. 1977: chapters 5 (strata) and 7 (regression).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import scipy  # its parts are imported where they are first used

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Estimate",
    "allocate",
    "control_variate_estimate",
    "enriched_sample",
    "quantile_strata",
    "sample_weights",
    "stratified_mean",
    "stratified_sample",
    "stratum_spread",
]

Strata = Sequence[Hashable]


class Estimate(msgspec.Struct, frozen=True):
    """The mean over N examples, estimated from n of them.

    Attributes
    ----------
    value
        Unclipped.
    ci95
        95 % interval from Student's t; None, with ``se``, where the sample cannot give one.
    se
        Standard error, with the finite-population correction.
    n, n_total
        Examples of the sample, and of the whole.
    slope
        β of a control variate; None for other estimates.
    """

    value: float
    ci95: tuple[float, float] | None
    se: float | None
    n: int
    n_total: int
    slope: float | None = None


def enriched_sample(
    strata: Strata, rich: Hashable, factor: float, size: int, seed: int = 0
) -> list[int]:
    """Draw examples without replacement, those of one stratum ``factor`` times as likely.

    HealthBench Professional (arXiv 2604.27470) enriches difficult examples about 3.5 times. The
    number of rich examples is fixed, not left to chance: with N_r of them among N::

        n_r = size · factor·N_r / (factor·N_r + N − N_r)

    rounded, at most N_r, and at least two on either side where there are as many. Within the rich
    stratum, and within all others taken together, every example has the same chance, so
    `sample_weights` by rich or not undoes the enrichment.

    Parameters
    ----------
    strata
        The stratum of each of the N examples.
    rich
        The stratum to enrich.
    factor
        Above 0; 1 is proportional, below 1 thins the stratum out.
    size
        Examples to draw, 1 to N.

    Returns
    -------
    Positions of the sample, ascending.

    Raises
    ------
    ValueError
        If no example is in the stratum, or size or factor is out of range.
    """
    if not (factor > 0 and math.isfinite(factor)):
        raise ValueError(f"enriched_sample: the factor must be above 0 (got {factor})")
    is_rich = [stratum == rich for stratum in strata]
    if not any(is_rich):
        raise ValueError(f"enriched_sample: no example is in the stratum {rich!r}")
    sizes = _counts(is_rich)
    appeal = {side: count * (factor if side else 1.0) for side, count in sizes.items()}
    return _draw(is_rich, _divide(sizes, appeal, size), seed)


def stratified_sample(
    strata: Strata,
    size: int,
    *,
    spread: Mapping[Hashable, float] | None = None,
    seed: int = 0,
) -> list[int]:
    """Draw examples without replacement, a fixed number from each stratum: see `allocate`.

    Returns
    -------
    Positions of the sample, ascending.
    """
    return _draw(strata, allocate(_counts(strata), size, spread=spread), seed)


def allocate(
    population: Mapping[Hashable, int],
    size: int,
    *,
    spread: Mapping[Hashable, float] | None = None,
) -> dict[Hashable, int]:
    """How many examples to draw from each stratum.

    In proportion to N_h, or, with the standard deviations S_h of the scores, to N_h·S_h, which
    makes the variance of the estimate smallest (Neyman; Cochran, section 5.5). At least two from
    each stratum where ``size`` allows, so that its variance can be estimated.

    Parameters
    ----------
    population
        Stratum → N_h.
    size
        Examples to draw, 1 to ΣN_h.
    spread
        Stratum → S_h, 0 or more, as a pilot gives it (`stratum_spread`).
    """
    if spread is None:
        return _divide(population, {h: float(count) for h, count in population.items()}, size)
    for stratum in population:
        if not (math.isfinite(spread.get(stratum, math.nan)) and spread[stratum] >= 0):
            raise ValueError(f"allocate: stratum {stratum!r} needs a spread of 0 or more")
    return _divide(population, {h: count * spread[h] for h, count in population.items()}, size)


def quantile_strata(pilot: NDArray[np.float64], bins: int) -> list[int]:
    """Stratum 0 (lowest) to bins − 1 of each example, equally many in each, by a pilot's score.

    Ties are split by position, so that strata stay equal in size.
    """
    scores = np.asarray(pilot, dtype=np.float64)
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise ValueError("quantile_strata: expected one finite score for each example")
    if not 1 <= bins <= len(scores):
        raise ValueError(f"quantile_strata: expected 1 to {len(scores)} bins, got {bins}")
    ranks = np.empty(len(scores), dtype=np.intp)
    ranks[np.argsort(scores, kind="stable")] = np.arange(len(scores))
    return [int(rank) * bins // len(scores) for rank in ranks]


def stratum_spread(values: NDArray[np.float64], strata: Strata) -> dict[Hashable, float]:
    """Standard deviation (n−1) of the values in each stratum; 0 for a stratum of one."""
    return {
        stratum: float(part.std(ddof=1)) if len(part) > 1 else 0.0
        for stratum, part in _parts(values, strata, "stratum_spread").items()
    }


def sample_weights(strata: Strata, chosen: Sequence[int]) -> NDArray[np.float64]:
    """N_h/n_h for each example of a sample: how many of all examples it stands for.

    Parameters
    ----------
    strata
        The stratum of each of the N examples, as the sample was drawn by.
    chosen
        Positions of the sample.

    Returns
    -------
    Shape (len(chosen),), with the sum N. The mean of scores with these weights estimates the mean
    over all N examples without bias.

    Raises
    ------
    ValueError
        If a stratum has no example in the sample: nothing can stand for it.
    """
    population = _counts(strata)
    sampled = _counts([strata[position] for position in chosen])
    for stratum in population:
        if stratum not in sampled:
            raise ValueError(f"sample_weights: no example of stratum {stratum!r} is in the sample")
    return np.array([population[strata[i]] / sampled[strata[i]] for i in chosen])


def stratified_mean(
    values: NDArray[np.float64], strata: Strata, population: Mapping[Hashable, int]
) -> Estimate:
    """The mean over all examples, from a sample of each stratum (Cochran, sections 5.3 and 5.4).

    With W_h = N_h/N, and s_h the standard deviation in the sample of stratum h::

        ȳ = Σ W_h·ȳ_h,   se² = Σ W_h²·(1 − n_h/N_h)·s_h²/n_h

    and Satterthwaite's degrees of freedom. One stratum is a simple random sample.

    Parameters
    ----------
    values
        Shape (n,): the score of each example of the sample (the mean of its repeats).
    strata
        Its stratum.
    population
        Stratum → N_h, examples of the whole. A stratum with N_h = 0 may be missing in the sample.

    Returns
    -------
    Estimate
        Without interval where a stratum has one example of several in the sample.

    Raises
    ------
    ValueError
        If a stratum has no value, or more than N_h.
    """
    parts = _parts(values, strata, "stratified_mean")
    _check_parts(parts, population)
    return _estimate(parts, population)


def control_variate_estimate(
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    x_all: NDArray[np.float64],
    *,
    strata: Strata | None = None,
    strata_all: Strata | None = None,
) -> Estimate:
    """The mean of an expensive score over all examples, helped by a cheap one that all have.

    The regression estimator (Cochran, section 7.1; with strata the combined one, 7.10)::

        ȳ_reg = β·X̄ + mean(y − β·x)

    with β fitted in the sample by least squares, and the stratified mean where there are strata.
    Its variance is that of the residuals y − βx, one degree of freedom paid for β. The cheap score
    may be biased or on another scale: it makes the interval narrower, by √(1 − r²), or not at all;
    it does not move what is estimated. The bias of the fitted β is of the order 1/n: from some 20
    examples on, interval and error are right, unless a few of the N examples lie far out.

    Parameters
    ----------
    y, x
        Shape (n,): expensive and cheap score of the examples of the sample.
    x_all
        Shape (N,): the cheap score of all examples, those of the sample included.
    strata, strata_all
        The stratum of each example of the sample and of the whole; both or neither.

    Returns
    -------
    Estimate
        With ``slope``; without interval for fewer than two examples beyond the strata.
    """
    everywhere = np.asarray(x_all, dtype=np.float64)
    if (strata is None) != (strata_all is None):
        raise ValueError("control_variate_estimate: give strata of the sample and of the whole")
    inside = [0] * len(y) if strata is None else strata
    population = _counts([0] * len(everywhere) if strata_all is None else strata_all)
    if len(y) != len(x) or sum(population.values()) != len(everywhere):
        raise ValueError("control_variate_estimate: y, x and strata must be equally many")
    if not np.isfinite(everywhere).all():
        raise ValueError("control_variate_estimate: the cheap score must be finite everywhere")
    ys, xs = (_parts(each, inside, "control_variate_estimate") for each in (y, x))
    _check_parts(ys, population)
    slope = _combined_slope(ys, xs, population)
    residuals = {h: ys[h] - slope * xs[h] for h in ys}
    return _estimate(residuals, population, slope, slope * float(everywhere.mean()))


_Parts = dict[Hashable, "NDArray[np.float64]"]


def _combined_slope(ys: _Parts, xs: _Parts, population: Mapping[Hashable, int]) -> float:
    """The β that makes the estimated variance of the combined estimator smallest."""
    above = below = 0.0
    for h, x in xs.items():
        if len(x) > 1:
            scale = population[h] ** 2 * (1 - len(x) / population[h]) / (len(x) * (len(x) - 1))
            centred = x - x.mean()
            above += scale * float(centred @ (ys[h] - ys[h].mean()))
            below += scale * float(centred @ centred)
    return above / below if below > 0 else 0.0


def _estimate(
    parts: _Parts,
    population: Mapping[Hashable, int],
    slope: float | None = None,
    known: float = 0.0,
) -> Estimate:
    """``known`` plus the stratified mean of ``parts``, with its standard error and interval."""
    total, n = sum(population.values()), sum(map(len, parts.values()))
    value = known + sum(population[h] / total * float(part.mean()) for h, part in parts.items())
    sampled = {h: part for h, part in parts.items() if len(part) < population[h]}
    # One degree of freedom is paid for a fitted slope.
    spare, paid = sum(len(part) - 1 for part in sampled.values()), 0 if slope is None else 1
    if sampled and (spare <= paid or any(len(part) == 1 for part in sampled.values())):
        return Estimate(value, None, None, n, total, slope)
    terms = {}
    for h, part in sampled.items():
        share = (population[h] / total) ** 2 * (1 - len(part) / population[h]) / len(part)
        terms[h] = share * float(part.var(ddof=1)) * spare / (spare - paid)
    variance = sum(terms.values())
    se, half = math.sqrt(variance), 0.0
    if variance > 0:
        shares = {h: term / variance for h, term in terms.items()}
        df = 1 / sum(share**2 / (len(sampled[h]) - 1) for h, share in shares.items()) - paid
        half = float(scipy.special.stdtrit(max(1.0, df), 0.975)) * se
    return Estimate(value, (value - half, value + half), se, n, total, slope)


def _divide(
    population: Mapping[Hashable, int], appeal: Mapping[Hashable, float], size: int
) -> dict[Hashable, int]:
    """Whole numbers in proportion to ``appeal``, within the strata's sizes, with the sum ``size``.

    n_h = λ·appeal_h, held between the least and N_h, with the one λ that makes the sum right;
    then the largest remainders are rounded up.
    """
    names = [h for h, count in population.items() if count > 0]
    most = np.array([population[h] for h in names], dtype=np.float64)
    if not 1 <= size <= most.sum():
        raise ValueError(f"expected a sample of 1 to {int(most.sum())} examples, got {size}")
    weight = np.array([appeal[h] for h in names], dtype=np.float64)
    # A stratum without spread still gives examples once the others are exhausted.
    weight = np.maximum(weight / (weight.max() or 1.0), 1e-9)
    least = next(
        floor for floor in (np.minimum(each, most) for each in (2, 1, 0)) if floor.sum() <= size
    )
    low, high = 0.0, float((most / weight).max())
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if np.clip(middle * weight, least, most).sum() < size:
            low = middle
        else:
            high = middle
    wanted = np.clip(high * weight, least, most)
    given = np.floor(wanted + 1e-9)
    room = np.where(given < most, wanted - given, -np.inf)
    missing = size - int(given.sum())
    given[np.argsort(-room, kind="stable")[:missing]] += 1
    return {h: int(count) for h, count in zip(names, given, strict=True)}


def _draw(strata: Strata, sizes: Mapping[Hashable, int], seed: int) -> list[int]:
    rng = np.random.default_rng(seed)
    members = _members(strata)
    drawn = (rng.choice(members[h], size=size, replace=False) for h, size in sizes.items())
    return sorted(int(position) for part in drawn for position in part)


def _members(strata: Strata) -> dict[Hashable, list[int]]:
    members: dict[Hashable, list[int]] = {}
    for position, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(position)
    return members


def _counts(strata: Strata) -> dict[Hashable, int]:
    return {stratum: len(positions) for stratum, positions in _members(strata).items()}


def _parts(values: NDArray[np.float64], strata: Strata, name: str) -> _Parts:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) != len(strata) or len(array) == 0:
        raise ValueError(f"{name}: expected one value and one stratum for each example")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: values must be finite")
    return {stratum: array[positions] for stratum, positions in _members(strata).items()}


def _check_parts(parts: _Parts, population: Mapping[Hashable, int]) -> None:
    for stratum, part in parts.items():
        if len(part) > population.get(stratum, 0):
            raise ValueError(
                f"stratum {stratum!r} has {len(part)} values of {population.get(stratum, 0)}"
            )
    for stratum, count in population.items():
        if count > 0 and stratum not in parts:
            raise ValueError(f"stratum {stratum!r} has {count} examples and no value")
