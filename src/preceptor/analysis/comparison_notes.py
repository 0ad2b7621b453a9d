"""What must be known beside a comparison: what differs on its sides, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from preceptor.results.pool import Side
from preceptor.scoring.answers import LEAST_READ, poorly_read, share_read

if TYPE_CHECKING:
    from preceptor.analysis.comparison import Contrast

__all__ = ["notes_on"]


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
