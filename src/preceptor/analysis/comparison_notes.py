"""What must be known beside a comparison: what differs on its sides, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.results.pool import Side
from preceptor.results.values import values_of
from preceptor.scoring.answers import LEAST_READ, poorly_read, share_read
from preceptor.statistics.ranks import undivided

if TYPE_CHECKING:
    from preceptor.analysis.comparison import Contrast

__all__ = ["LEVEL", "not_told_apart", "notes_on"]

#: The level of the test behind a conclusion.
LEVEL = 0.05


def notes_on(sides: Sequence[Side], contrasts: Sequence[Contrast]) -> list[str]:
    """One sentence each."""
    notes = ["Differences are of means before clipping; the scores of the runs clip the mean."]
    if any(contrast.tests.as_if_independent for contrast in contrasts):
        notes.append(
            "Prompts repeat. The test counts each example once, by the mean of its answers. As if "
            "every answer were independent, it would claim a larger study than was made; clustered "
            "by prompt, it allows for what answers to one prompt share. By answer, a prompt counts "
            "as often as it was asked, so the difference itself is another."
        )
    if any(contrast.prompts < contrast.common for contrast in contrasts):
        only = " McNemar's takes them as independent." if any(c.mcnemar for c in contrasts) else ""
        notes.append(
            "Several examples have one prompt or are one question (in other orders, or another "
            f"language): the tests are clustered by it.{only}"
        )
    if any(contrast.tests.signed_rank for contrast in contrasts):
        notes.append(
            "p is that of Wilcoxon's signed-rank test, two-sided; intervals are of the mean "
            "difference (--methods has the Hodges–Lehmann estimate)."
        )
    graders = {side.result.info.grader for side in sides}
    if len(graders) > 1:
        notes.append("The sides have different graders: a difference may be theirs.")
    names = sorted({side.result.info.benchmark for side in sides})
    if len(names) > 1:
        notes.append(f"The sides ask about the same cases in other ways: {', '.join(names)}.")
    patients = {side.result.info.settings.patient for side in sides} - {None}
    if len(patients) > 1:
        notes.append("The sides have different patients: a difference may be theirs.")
    incomplete = [side.label for side in sides if side.result.coverage < 1]
    if incomplete:
        notes.append(
            f"Not every verdict was given in {', '.join(incomplete)}: an example that is not "
            "completely graded is left out, not counted as failed."
        )
    unread = [side.label for side in sides if poorly_read(share_read(side.result.scores))]
    if unread:
        notes.append(
            f"† Less than {LEAST_READ:.0%} of the answers could be read in {', '.join(unread)}: "
            "the score counts the others as wrong."
        )
    return notes


def not_told_apart(
    sides: Sequence[Side], contrasts: Sequence[Contrast], metric: str
) -> list[list[str]]:
    """Sets of sides of which no adjusted test tells two apart, by family.

    Sides are put in order by their means over the examples that all of a family have; a set is of
    neighbours in this order.
    """
    found: list[list[str]] = []
    for family in dict.fromkeys(side.family for side in sides):
        own = [side for side in sides if side.family == family]
        values = [values_of(side.result, metric) for side in own]
        common = set.intersection(*(set(each) for each in values))
        means = [np.mean([np.mean(each[name]) for name in sorted(common)]) for each in values]
        labels = [own[place].label for place in np.argsort(-np.array(means), kind="stable")]
        place = {label: at for at, label in enumerate(labels)}
        apart = np.zeros((len(labels), len(labels)), dtype=np.bool_)
        for contrast in contrasts:
            p = contrast.overall.p_holm
            if contrast.family == family and p is not None and p < LEVEL:
                pair = place[contrast.reference], place[contrast.contender]
                apart[pair] = apart[pair[::-1]] = True
        found += [[labels[at] for at in run] for run in undivided(len(labels), apart)]
    return found
