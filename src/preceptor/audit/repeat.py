"""Consistency of a grader between two passes or two versions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from preceptor.audit.agreement import Estimate, estimate, estimates, grader_pairs
from preceptor.audit.labels import Judged
from preceptor.errors import InputError, shorten
from preceptor.statistics.agreement import cohen_kappa, macro_f1
from preceptor.statistics.sums import difference, mean

__all__ = ["Repetition", "repetition"]


class Repetition(msgspec.Struct, frozen=True):
    """Comparison of two passes or versions of a grader on the rows that both judged.

    Attributes
    ----------
    first, second
        Names of the graders.
    changed
        Share of the rows whose verdict changed; ``to_met`` and ``to_not_met`` are counts.
    kappa
        Cohen's kappa between the two.
    first_f1, second_f1
        Macro F1 of each with the physicians, on these rows.
    change
        ``second_f1`` minus ``first_f1``.
    """

    first: str
    second: str
    rows: int
    prompts: int
    changed: Estimate
    to_met: int
    to_not_met: int
    kappa: Estimate
    first_f1: Estimate
    second_f1: Estimate
    change: Estimate


def repetition(rows: Sequence[Judged], first: str, second: str, *, seed: int = 0) -> Repetition:
    """Compare two passes. Raises InputError if no row has both verdicts."""
    both = [row for row in rows if first in row.verdicts and second in row.verdicts]
    if not both:
        raise InputError(
            f"--again {shorten(second)}: no row has verdicts of both it and {shorten(first)}"
        )
    prompts = np.unique([row.prompt for row in both], return_inverse=True)[1]
    ratings = np.array([(row.verdicts[first], row.verdicts[second]) for row in both], dtype=float)
    other = (ratings[:, 0] != ratings[:, 1]).astype(np.float64)
    changed, kappa = estimates([mean(other), cohen_kappa(ratings)], prompts, seed=seed)
    one, two = grader_pairs(both, first), grader_pairs(both, second)
    scores = [macro_f1(pairs.ratings) for pairs in (one, two)]
    return Repetition(
        first=first,
        second=second,
        rows=len(both),
        prompts=len(np.unique(prompts)),
        changed=changed,
        to_met=int((ratings[:, 1] > ratings[:, 0]).sum()),
        to_not_met=int((ratings[:, 1] < ratings[:, 0]).sum()),
        kappa=kappa,
        first_f1=estimate(scores[0], one.prompts, seed=seed),
        second_f1=estimate(scores[1], two.prompts, seed=seed),
        change=estimate(
            difference(scores[1], scores[0]),
            np.concatenate([two.prompts, one.prompts]),
            seed=seed,
        ),
    )
