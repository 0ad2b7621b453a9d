"""Two sides on their common examples: the scores side by side, their difference and its tests."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor import benchmarks
from preceptor.analysis.alignment import Alignment
from preceptor.results.pool import Side
from preceptor.results.values import Table, table_of
from preceptor.scoring import OVERALL
from preceptor.scoring.columns import Scores
from preceptor.statistics.bootstrap import bca_intervals
from preceptor.statistics.comparisons import (
    Difference,
    McNemar,
    clustered_difference,
    mcnemar,
    paired_difference,
    permutation_p,
)
from preceptor.statistics.ranks import SignedRank, signed_rank, signed_rank_p

__all__ = [
    "FEWEST",
    "Paired",
    "SliceDifference",
    "Tests",
    "binary_test",
    "slice_difference",
    "tests",
]

#: A slice of fewer common examples has a difference, but no test: it is in no family.
FEWEST = 10


class SliceDifference(msgspec.Struct, frozen=True):
    """Contender minus reference under one metric, on the ``n`` examples that both have a score for.

    ``reference`` and ``contender`` are means over these, unclipped, on the 0–1 scale. ``p`` is
    two-sided, of Wilcoxon's test where that is the custom of the field; ``p_holm`` and ``p_bh`` are
    adjusted within the declared family, and None outside it.
    """

    metric: str
    n: int
    reference: float | None
    contender: float | None
    difference: float | None
    ci95: tuple[float, float] | None
    p: float | None
    p_holm: float | None = None
    p_bh: float | None = None


class Tests(msgspec.Struct, frozen=True):
    """The overall difference, tested in several ways.

    Attributes
    ----------
    paired
        One difference an example: the reference method.
    as_if_independent
        One difference an answer, repeats of a prompt taken as independent: too sure of itself.
        None where no prompt repeats.
    clustered
        One difference an answer, errors robust to what answers to one prompt share.
    permutation_p
        Two-sided, of the mean over examples, by flipping signs.
    bootstrap_ci95
        BCa over examples, by prompt.
    signed_rank
        Wilcoxon's test, where it is the custom of the field; None elsewhere, and where several
        examples are one unit, for it takes them as independent.
    """

    paired: Difference | None
    as_if_independent: Difference | None
    clustered: Difference | None
    permutation_p: float | None
    bootstrap_ci95: tuple[float, float] | None
    signed_rank: SignedRank | None = None


class Paired(msgspec.Struct, frozen=True):
    """Scores of both sides on the examples that have one on each: (examples, repeats), NaN.

    ``ranks`` says whether the field tests them by their signed ranks.
    """

    ids: tuple[str, ...]
    units: tuple[str, ...]
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    ranks: bool = False

    @classmethod
    def of(cls, reference: Side, contender: Side, metric: str, aligned: Alignment) -> Paired:
        left, right = (table_of(side.result, metric) for side in (reference, contender))
        scored = {*left.ids} & {*right.ids}
        ids = tuple(name for name in aligned.ids if name in scored)
        units = tuple(aligned.units[name] for name in ids)
        ranks = benchmarks.of(reference.result.info).protocol.scoring.rank_tests
        return cls(ids, units, left.of_examples(ids), right.of_examples(ids), ranks)

    def means(self) -> tuple[float, float]:
        left, right = np.nanmean(self.left, axis=1), np.nanmean(self.right, axis=1)
        return float(left.mean()), float(right.mean())

    def differences(self) -> NDArray[np.float64]:
        difference: NDArray[np.float64] = np.nanmean(self.right, axis=1) - np.nanmean(
            self.left, axis=1
        )
        return difference

    def clusters(self) -> NDArray[np.int64]:
        return np.unique(np.array(self.units), return_inverse=True)[1].astype(np.int64)

    def by_answer(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Differences of the first, second, … answers of both sides, and the prompt of each."""
        width = min(self.left.shape[1], self.right.shape[1])
        pairs = self.right[:, :width] - self.left[:, :width]
        clusters = np.broadcast_to(self.clusters()[:, None], pairs.shape)
        present = ~np.isnan(pairs)
        return pairs[present], clusters[present]

    def signed_rank(self) -> SignedRank | None:
        """Wilcoxon's test, where it applies."""
        return signed_rank(self.differences()) if self._by_ranks() else None

    def signed_rank_p(self) -> float | None:
        """The p of that test alone."""
        return signed_rank_p(self.differences()) if self._by_ranks() else None

    def _by_ranks(self) -> bool:
        return self.ranks and len(set(self.units)) == len(self.units)

    def lengths(self, reference: Side, contender: Side) -> tuple[NDArray[np.float64], ...]:
        """Characters of the answers behind ``left`` and ``right``."""
        found = []
        for side in (reference, contender):
            scores = Scores.of(side.result.scores)
            part = scores.columns[OVERALL]
            rows = part.rows[part.known]
            found.append(Table.of(scores, rows, scores.length[rows]).of_examples(self.ids))
        return tuple(found)


def _test(scored: Paired) -> Difference | None:
    """The reference method; where several examples have one prompt, robust to what they share."""
    differences, clusters = scored.differences(), scored.clusters()
    if len(set(clusters)) < len(clusters):
        return clustered_difference(differences, clusters)
    return paired_difference(differences)


def slice_difference(metric: str, scored: Paired, fewest: int = FEWEST) -> SliceDifference:
    """Contender minus reference, with the test where there are examples enough."""
    if not scored.ids:
        return SliceDifference(metric, 0, None, None, None, None, None)
    left, right = scored.means()
    tested, ranked = _test(scored), scored.signed_rank_p()
    p = ranked
    if ranked is None and tested is not None:
        p = tested.p
    return SliceDifference(
        metric=metric,
        n=len(scored.ids),
        reference=left,
        contender=right,
        difference=right - left,
        ci95=None if tested is None else _wide(tested.ci95),
        p=None if len(scored.ids) < fewest else p,
    )


def tests(scored: Paired, seed: int) -> Tests:
    """The difference, tested in all ways."""
    differences, clusters = scored.differences(), scored.clusters()
    answers, prompts = scored.by_answer()
    repeated = len(answers) > len(set(prompts.tolist()))
    low, high = bca_intervals(differences[:, None], clusters=clusters, seed=seed)[0]
    return Tests(
        paired=paired_difference(differences),
        as_if_independent=paired_difference(answers) if repeated else None,
        clustered=clustered_difference(answers, prompts) if repeated else None,
        permutation_p=permutation_p(differences, clusters=clusters, seed=seed),
        bootstrap_ci95=_wide((float(low), float(high))),
        signed_rank=scored.signed_rank(),
    )


def _wide(interval: tuple[float, float]) -> tuple[float, float] | None:
    """The interval; None where all differences are equal, so that it cannot be estimated."""
    return interval if interval[0] < interval[1] else None


def binary_test(scored: Paired) -> McNemar | None:
    """For one answer an example, each wholly right or wrong."""
    if scored.left.shape[1] != 1 or scored.right.shape[1] != 1:
        return None
    left, right = scored.left[:, 0], scored.right[:, 0]
    if not np.isin(np.concatenate([left, right]), (0.0, 1.0)).all():
        return None
    return mcnemar(right == 1.0, left == 1.0)
