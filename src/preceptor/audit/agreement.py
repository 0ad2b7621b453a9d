"""How far a grader agrees with physicians, and physicians with each other, with intervals."""

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
from preceptor.statistics.sums import Statistic, difference, intervals

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
    """A value, None where it is not defined, with its 95 % interval over prompts."""

    value: float | None
    ci95: tuple[float, float] | None


class Agreement(msgspec.Struct, frozen=True):
    """Of pairs of judgements on the same row.

    Attributes
    ----------
    pairs, prompts
        Pairs, and different prompts they are on: the interval draws whole prompts.
    observed
        Share of the pairs that agree.
    macro_f1, kappa, ac1, alpha
        Mean F1 of both classes; Cohen's, Gwet's and Krippendorff's correction for chance.
    """

    pairs: int
    prompts: int
    observed: Estimate
    macro_f1: Estimate
    kappa: Estimate
    ac1: Estimate
    alpha: Estimate


class Pairs(msgspec.Struct, frozen=True):
    """Pairs of judgements: ``ratings`` (n, 2) of 0 and 1, ``prompts`` (n,) as whole numbers."""

    ratings: NDArray[np.float64]
    prompts: NDArray[np.int64]


def grader_pairs(rows: Iterable[Judged], grader: str) -> Pairs:
    """The grader's verdict beside each physician's label."""
    return _pairs(
        (row.prompt, float(row.verdicts[grader]), float(label))
        for row in rows
        if grader in row.verdicts
        for label in row.labels
    )


def majority_pairs(rows: Iterable[Judged], grader: str) -> tuple[Pairs, int]:
    """The grader's verdict beside the physicians' majority; and how many rows have a tie."""
    judged = [row for row in rows if grader in row.verdicts]
    decided = [row for row in judged if 2 * sum(row.labels) != len(row.labels)]
    pairs = _pairs(
        (row.prompt, float(row.verdicts[grader]), float(2 * sum(row.labels) > len(row.labels)))
        for row in decided
    )
    return pairs, len(judged) - len(decided)


def physician_pairs(rows: Iterable[Judged]) -> Pairs:
    """Each physician's label beside every other's of the same row, both ways round."""
    return _pairs(
        (row.prompt, float(one), float(other))
        for row in rows
        for i, one in enumerate(row.labels)
        for j, other in enumerate(row.labels)
        if i != j
    )


def _pairs(found: Iterable[tuple[str, float, float]]) -> Pairs:
    listed = list(found)
    known: dict[str, int] = {}
    prompts = np.array([known.setdefault(prompt, len(known)) for prompt, _, _ in listed], dtype=int)
    ratings = np.array([pair for _, *pair in listed], dtype=np.float64).reshape(-1, 2)
    return Pairs(ratings, prompts)


def agreement(pairs: Pairs, *, seed: int = 0) -> Agreement:
    """All measures of one set of pairs.

    Alpha takes each pair for a unit with two ratings. The percentile bootstrap draws prompts.
    """
    statistics = [
        observed_agreement(pairs.ratings),
        macro_f1(pairs.ratings),
        cohen_kappa(pairs.ratings),
        gwet_ac1(pairs.ratings, (0.0, 1.0)),
        krippendorff_alpha(pairs.ratings),
    ]
    found = estimates(statistics, pairs.prompts, seed=seed)
    return Agreement(len(pairs.ratings), len(np.unique(pairs.prompts)), *found)


def estimates(
    statistics: Sequence[Statistic], clusters: NDArray[np.int64], *, seed: int = 0
) -> list[Estimate]:
    """Values and intervals of statistics of the same units."""
    bounds = intervals(statistics, clusters, seed=seed)
    return [
        Estimate(None, None) if math.isnan(value) else Estimate(value, each)
        for value, each in zip((one.value for one in statistics), bounds, strict=True)
    ]


def estimate(statistic: Statistic, clusters: NDArray[np.int64], *, seed: int = 0) -> Estimate:
    """Value and interval of one statistic."""
    return estimates([statistic], clusters, seed=seed)[0]


def gap(rows: Sequence[Judged], grader: str, *, seed: int = 0) -> Estimate:
    """Macro F1 of grader and physicians minus that of physicians among themselves.

    Both on the rows that the grader judged; the interval draws prompts for both at once.
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
    return estimate(
        difference(macro_f1(ours.ratings), macro_f1(theirs.ratings)), clusters, seed=seed
    )


def chance_f1(pairs: Pairs) -> float | None:
    """Expected macro F1 of verdicts dealt at random in the grader's own share of met.

    With share g of the grader and q of the labels: (2gq/(g+q) + 2(1−g)(1−q)/(2−g−q)) / 2, the F1
    of expected counts. For g = ½ on HealthBench's labels it is the paper's ≈ 0.5.
    """
    if not len(pairs.ratings):
        return None
    g, q = pairs.ratings.mean(axis=0)
    if not 0 < g + q < 2:
        return None
    return float(g * q / (g + q) + (1 - g) * (1 - q) / (2 - g - q))
