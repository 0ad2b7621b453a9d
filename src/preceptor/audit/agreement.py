"""Agreement of a grader with physicians, and of physicians with each other, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.audit.labels import Judged
from preceptor.statistics.agreement import (
    cohen_kappa,
    gwet_ac1,
    krippendorff_alpha,
    macro_f1,
    observed_agreement,
)
from preceptor.statistics.sums import Statistic, difference, intervals, weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Agreement",
    "Estimate",
    "Pairs",
    "agreement",
    "chance_f1",
    "estimate",
    "gap",
    "grader_pairs",
    "majority_pairs",
    "physician_pairs",
]


class Estimate(msgspec.Struct, frozen=True):
    """A value with its 95 % interval over prompts; None if undefined."""

    value: float | None
    ci95: tuple[float, float] | None


class Agreement(msgspec.Struct, frozen=True):
    """Measures of agreement over pairs of judgements on the same row.

    Attributes
    ----------
    pairs, prompts
        Number of pairs and of distinct prompts; intervals resample whole prompts.
    observed
        Share of the pairs that agree.
    macro_f1, kappa, ac1, alpha
        Mean F1 of both classes; the coefficients of Cohen, Gwet and Krippendorff.
    """

    pairs: int
    prompts: int
    observed: Estimate
    macro_f1: Estimate
    kappa: Estimate
    ac1: Estimate
    alpha: Estimate


class Pairs(msgspec.Struct, frozen=True):
    """Pairs of judgements.

    ``ratings`` (n, 2) of 0 and 1, ``prompts`` (n,) as integer labels, ``weights`` (n,).
    """

    ratings: NDArray[np.float64]
    prompts: NDArray[np.int64]
    weights: NDArray[np.float64]


def grader_pairs(rows: Iterable[Judged], grader: str) -> Pairs:
    """Pair the grader's verdict with each physician's label."""
    return _pairs(
        (row, float(row.verdicts[grader]), float(label))
        for row in rows
        if grader in row.verdicts
        for label in row.labels
    )


def majority_pairs(rows: Iterable[Judged], grader: str) -> tuple[Pairs, int]:
    """Pair the grader's verdict with the physicians' majority; also return the number of ties."""
    judged = [row for row in rows if grader in row.verdicts]
    decided = [row for row in judged if 2 * sum(row.labels) != len(row.labels)]
    pairs = _pairs(
        (row, float(row.verdicts[grader]), float(2 * sum(row.labels) > len(row.labels)))
        for row in decided
    )
    return pairs, len(judged) - len(decided)


def physician_pairs(rows: Iterable[Judged]) -> Pairs:
    """Pair each physician's label with every other of the same row, in both orders."""
    return _pairs(
        (row, float(one), float(other))
        for row in rows
        for i, one in enumerate(row.labels)
        for j, other in enumerate(row.labels)
        if i != j
    )


def _pairs(found: Iterable[tuple[Judged, float, float]]) -> Pairs:
    listed = list(found)
    known: dict[str, int] = {}
    prompts = [known.setdefault(row.prompt, len(known)) for row, _, _ in listed]
    ratings = np.array([pair for _, *pair in listed], dtype=np.float64).reshape(-1, 2)
    weights = np.array([row.weight for row, _, _ in listed], dtype=np.float64)
    return Pairs(ratings, np.array(prompts, dtype=int), weights)


def agreement(pairs: Pairs, *, seed: int = 0) -> Agreement:
    """Compute every measure of one set of pairs.

    For alpha each pair is a unit with two ratings. The percentile bootstrap resamples prompts.
    """
    statistics = [
        observed_agreement(pairs.ratings),
        macro_f1(pairs.ratings),
        cohen_kappa(pairs.ratings),
        gwet_ac1(pairs.ratings, (0.0, 1.0)),
        krippendorff_alpha(pairs.ratings),
    ]
    counted = [weighted(one, pairs.weights) for one in statistics]
    found = estimates(counted, pairs.prompts, seed=seed)
    return Agreement(len(pairs.ratings), len(np.unique(pairs.prompts)), *found)


def estimates(
    statistics: Sequence[Statistic], clusters: NDArray[np.int64], *, seed: int = 0
) -> list[Estimate]:
    """Compute values and intervals of several statistics of the same units."""
    bounds = intervals(statistics, clusters, seed=seed)
    return [
        Estimate(None, None) if math.isnan(value) else Estimate(value, each)
        for value, each in zip((one.value for one in statistics), bounds, strict=True)
    ]


def estimate(statistic: Statistic, clusters: NDArray[np.int64], *, seed: int = 0) -> Estimate:
    """Compute the value and interval of one statistic."""
    return estimates([statistic], clusters, seed=seed)[0]


def gap(rows: Sequence[Judged], grader: str, *, seed: int = 0) -> Estimate:
    """Macro F1 of the grader with physicians minus that of physicians with each other.

    Both use the rows that the grader judged; each resample draws the same prompts for both.
    """
    judged = [row for row in rows if grader in row.verdicts]
    ours, theirs = grader_pairs(judged, grader), physician_pairs(judged)
    numbers = {prompt: place for place, prompt in enumerate({row.prompt: 0 for row in judged})}
    clusters = np.array(
        [numbers[row.prompt] for row in judged for _ in row.labels]
        + [
            numbers[row.prompt]
            for row in judged
            for _ in range(len(row.labels) * (len(row.labels) - 1))
        ],
        dtype=int,
    )
    apart = difference(*(weighted(macro_f1(each.ratings), each.weights) for each in (ours, theirs)))
    return estimate(apart, clusters, seed=seed)


def chance_f1(pairs: Pairs) -> float | None:
    """Expected macro F1 of random verdicts with the grader's own share of met.

    With share g of the grader and q of the labels: (2gq/(g+q) + 2(1−g)(1−q)/(2−g−q)) / 2, the F1
    of expected counts. For g = ½ on HealthBench's labels it is the paper's ≈ 0.5.
    """
    if not len(pairs.ratings):
        return None
    g, q = np.average(pairs.ratings, axis=0, weights=pairs.weights)
    if not 0 < g + q < 2:
        return None
    return float(g * q / (g + q) + (1 - g) * (1 - q) / (2 - g - q))
