"""The mean over all examples from some of them, stratum by stratum.

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

from preceptor.statistics.quantiles import t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Estimate",
    "Strata",
    "control_variate_estimate",
    "counts_of",
    "members_of",
    "parts_of",
    "stratified_mean",
]

#: The stratum of each example.
Strata = Sequence[Hashable]
_Parts = dict[Hashable, "NDArray[np.float64]"]


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
    parts = parts_of(values, strata, "stratified_mean")
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
    population = counts_of([0] * len(everywhere) if strata_all is None else strata_all)
    if len(y) != len(x) or sum(population.values()) != len(everywhere):
        raise ValueError("control_variate_estimate: y, x and strata must be equally many")
    if not np.isfinite(everywhere).all():
        raise ValueError("control_variate_estimate: the cheap score must be finite everywhere")
    ys, xs = (parts_of(each, inside, "control_variate_estimate") for each in (y, x))
    _check_parts(ys, population)
    slope = _combined_slope(ys, xs, population)
    residuals = {h: ys[h] - slope * xs[h] for h in ys}
    return _estimate(residuals, population, slope, slope * float(everywhere.mean()))


def members_of(strata: Strata) -> dict[Hashable, list[int]]:
    """Stratum → positions of its examples."""
    members: dict[Hashable, list[int]] = {}
    for position, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(position)
    return members


def counts_of(strata: Strata) -> dict[Hashable, int]:
    """Stratum → number of its examples."""
    return {stratum: len(positions) for stratum, positions in members_of(strata).items()}


def parts_of(values: NDArray[np.float64], strata: Strata, name: str) -> _Parts:
    """Stratum → its values, for the function ``name``. Raises ValueError."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) != len(strata) or len(array) == 0:
        raise ValueError(f"{name}: expected one value and one stratum for each example")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: values must be finite")
    return {stratum: array[positions] for stratum, positions in members_of(strata).items()}


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
        half = t_quantile(max(1.0, df), 0.975) * se
    return Estimate(value, (value - half, value + half), se, n, total, slope)


def _check_parts(parts: _Parts, population: Mapping[Hashable, int]) -> None:
    for stratum, part in parts.items():
        if len(part) > population.get(stratum, 0):
            raise ValueError(
                f"stratum {stratum!r} has {len(part)} values of {population.get(stratum, 0)}"
            )
    for stratum, count in population.items():
        if count > 0 and stratum not in parts:
            raise ValueError(f"stratum {stratum!r} has {count} examples and no value")
