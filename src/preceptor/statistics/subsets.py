"""Drawing some examples of a benchmark with care: by stratum, enriched, or spread over a pilot.

`stratified` estimates the mean over all examples from such a sample. W. G. Cochran, Sampling
Techniques, 3rd ed. 1977, chapter 5.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.statistics.stratified import Strata, counts_of, members_of, parts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "allocate",
    "enriched_sample",
    "quantile_strata",
    "sample_weights",
    "stratified_sample",
    "stratum_spread",
]


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
    sizes = counts_of(is_rich)
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
    return _draw(strata, allocate(counts_of(strata), size, spread=spread), seed)


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
        for stratum, part in parts_of(values, strata, "stratum_spread").items()
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
    population = counts_of(strata)
    sampled = counts_of([strata[position] for position in chosen])
    for stratum in population:
        if stratum not in sampled:
            raise ValueError(f"sample_weights: no example of stratum {stratum!r} is in the sample")
    return np.array([population[strata[i]] / sampled[strata[i]] for i in chosen])


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
    members = members_of(strata)
    drawn = (rng.choice(members[h], size=size, replace=False) for h, size in sizes.items())
    return sorted(int(position) for part in drawn for position in part)
