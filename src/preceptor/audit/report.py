"""Audit of one grader on one file of labels."""

from __future__ import annotations

import msgspec

from preceptor.audit.agreement import (
    Agreement,
    Estimate,
    agreement,
    chance_f1,
    gap,
    grader_pairs,
    majority_pairs,
    physician_pairs,
)
from preceptor.audit.failures import SelfPreference, Slice, self_preference, slices
from preceptor.audit.labels import Labels
from preceptor.audit.meta_eval import Band, category_bands, metrics, theme_bands
from preceptor.audit.repeat import Repetition, repetition
from preceptor.errors import InputError, shorten

__all__ = ["Audit", "GraderAgreement", "audit"]


class GraderAgreement(msgspec.Struct, frozen=True):
    """Agreement of a grader with physicians, beyond the reference's metrics.

    Attributes
    ----------
    source, grader
        The file and the grader.
    rows, judged
        All rows, and those that the grader judged; everything below uses the latter.
    prompts, physicians, labels
        Distinct prompts, named physicians, and labels of the judged rows.
    chance
        Expected macro F1 of random verdicts with the grader's own share of met.
    pairwise
        The grader with each physician.
    majority, ties
        The grader with the physicians' majority; tied rows are counted and left out.
    among_physicians
        Each physician with every other of the same row; None if no row has two.
    gap
        Macro F1 of ``pairwise`` minus that of ``among_physicians``.
    themes, categories
        Rank among the physicians, as in HealthBench's table 5.
    slices
        Agreement by kind of row.
    self_preference, repeat
        None if the file does not show it.
    """

    source: str
    grader: str
    rows: int
    judged: int
    prompts: int
    physicians: int
    labels: int
    chance: float | None
    pairwise: Agreement
    majority: Agreement | None
    ties: int
    among_physicians: Agreement | None
    gap: Estimate
    themes: list[Band]
    categories: list[Band]
    slices: list[Slice]
    self_preference: SelfPreference | None
    repeat: Repetition | None


class Audit(msgspec.Struct, frozen=True):
    """Audit of a grader: the reference's score and metrics, and our own."""

    score: float | None
    metrics: dict[str, float]
    agreement: GraderAgreement


def audit(labels: Labels, grader: str, again: str | None = None, *, seed: int = 0) -> Audit:
    """Audit one grader of a file; ``again`` names its second pass or next version.

    Raises InputError if the grader has no verdict in the file.
    """
    rows = [row for row in labels.rows if grader in row.verdicts]
    if not rows:
        raise InputError(f"{labels.source}: no verdicts of {shorten(grader)}")
    pairs = grader_pairs(rows, grader)
    majority, ties = majority_pairs(rows, grader)
    physicians = physician_pairs(rows)
    official = metrics(rows, grader, seed=seed)
    found = GraderAgreement(
        source=labels.source,
        grader=grader,
        rows=len(labels.rows),
        judged=len(rows),
        prompts=len({row.prompt for row in rows}),
        physicians=len({name for row in rows for name in row.physicians if name}),
        labels=len(pairs.ratings),
        chance=chance_f1(pairs),
        pairwise=agreement(pairs, seed=seed),
        majority=agreement(majority, seed=seed) if len(majority.ratings) else None,
        ties=ties,
        among_physicians=agreement(physicians, seed=seed) if len(physicians.ratings) else None,
        gap=gap(rows, grader, seed=seed),
        themes=theme_bands(rows, grader),
        categories=category_bands(rows, grader),
        slices=slices(rows, grader, seed=seed),
        self_preference=self_preference(rows, grader, seed=seed),
        repeat=None if again is None else repetition(labels.rows, grader, again, seed=seed),
    )
    return Audit(official.get("score"), official, found)
