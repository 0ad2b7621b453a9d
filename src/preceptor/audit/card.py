"""Card of one grader: test material, agreement, failures and cost."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from preceptor.audit.agreement import Estimate
from preceptor.audit.failures import Confusion, Slice
from preceptor.audit.meta_eval import Band
from preceptor.audit.repeat import Repetition
from preceptor.audit.report import Audit
from preceptor.records import Verdict
from preceptor.statistics.correction import Corrected

__all__ = ["Check", "Cost", "GraderCard", "card", "cost_of"]

#: Slices with fewer pairs cannot be among the worst.
LEAST_PAIRS = 30
_WORST = 5


class Cost(msgspec.Struct, frozen=True):
    """Cost of 1,000 verdicts.

    Attributes
    ----------
    verdicts
        Number of verdicts that the figures come from.
    input_tokens, output_tokens, usd
        Per 1,000 verdicts; ``usd`` is None if a price is unknown.
    """

    verdicts: int
    input_tokens: float
    output_tokens: float
    usd: float | None


class Check(msgspec.Struct, frozen=True):
    """What people's marks on one run's answers say of the run's grader.

    Attributes
    ----------
    run, system, benchmark
        Whose answers were marked.
    raters
        Number of people.
    verdicts, met
        Verdicts of the run, and those of them that are met.
    marked, marks, agreed
        Criteria with a mark of met or not met, the marks on them, and those that agree with the
        grader.
    agreement
        Share of the run's verdicts on which grader and a person agree.
    confusion
        Counts of marks.
    cannot_tell
        Marks of somebody who could not tell; they count for neither.
    score, corrected
        Mean score by the grader, 0–1 scale, and as the people would have given it; None where that
        cannot be said.
    """

    run: str
    system: str
    benchmark: str
    raters: int
    verdicts: int
    met: int
    marked: int
    marks: int
    agreed: int
    agreement: Estimate
    confusion: Confusion
    cannot_tell: int
    score: float | None
    corrected: Corrected | None


class GraderCard(msgspec.Struct, frozen=True):
    """Summary of a grader's audit.

    Attributes
    ----------
    source, judged, rows, prompts, physicians, labels
        Test material.
    macro_f1, kappa, ac1, chance
        Agreement with each physician, and macro F1 by chance.
    among_physicians
        Macro F1 of physicians with each other; ``gap`` is the grader's macro F1 minus this.
    themes
        Rank among the physicians by theme, if the file has HealthBench's themes.
    worst
        Up to five themes or categories with the lowest macro F1, at least 30 pairs each.
    by_points, by_length
        Slices by sign of the points and by length of the criterion.
    repeat, cost
        None if unknown.
    check
        Of the run that the card is from, where people marked its answers.
    """

    grader: str
    source: str
    rows: int
    judged: int
    prompts: int
    physicians: int
    labels: int
    macro_f1: Estimate
    kappa: Estimate
    ac1: Estimate
    chance: float | None
    among_physicians: Estimate | None
    gap: Estimate
    themes: list[Band]
    worst: list[Slice]
    by_points: list[Slice]
    by_length: list[Slice]
    repeat: Repetition | None
    cost: Cost | None
    check: Check | None = None


def card(audit: Audit, cost: Cost | None = None) -> GraderCard:
    """Build the card of an audited grader."""
    found = audit.agreement
    among = found.among_physicians
    return GraderCard(
        grader=found.grader,
        source=found.source,
        rows=found.rows,
        judged=found.judged,
        prompts=found.prompts,
        physicians=found.physicians,
        labels=found.labels,
        macro_f1=found.pairwise.macro_f1,
        kappa=found.pairwise.kappa,
        ac1=found.pairwise.ac1,
        chance=found.chance,
        among_physicians=None if among is None else among.macro_f1,
        gap=found.gap,
        themes=found.themes,
        worst=_worst(found.slices),
        by_points=[one for one in found.slices if one.kind == "points"],
        by_length=[one for one in found.slices if one.kind == "length"],
        repeat=found.repeat,
        cost=cost,
    )


def _worst(slices: Iterable[Slice]) -> list[Slice]:
    """Choose the worst categories, or themes if no category is large enough."""
    large = [
        (one.macro_f1.value, one)
        for one in slices
        if one.pairs >= LEAST_PAIRS and one.macro_f1.value is not None
    ]
    for kind in ("category", "theme"):
        found = sorted((pair for pair in large if pair[1].kind == kind), key=lambda pair: pair[0])
        if found:
            return [one for _, one in found[:_WORST]]
    return []


def cost_of(verdicts: Iterable[Verdict]) -> Cost | None:
    """Compute tokens and dollars per 1,000 verdicts; None if no tokens were counted."""
    listed = list(verdicts)
    tokens_in = sum(one.usage.input_tokens for one in listed)
    tokens_out = sum(one.usage.output_tokens for one in listed)
    if not tokens_in + tokens_out:
        return None
    prices = [one.cost_usd for one in listed]
    paid = None if None in prices else sum(price for price in prices if price is not None)
    scale = 1_000 / len(listed)
    return Cost(
        len(listed), tokens_in * scale, tokens_out * scale, None if paid is None else paid * scale
    )
