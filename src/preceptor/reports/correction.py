"""A corrected score as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preceptor.analysis.cascading import CascadeCorrection
from preceptor.analysis.correcting import Correction
from preceptor.analysis.thresholds import CascadePlan
from preceptor.reports.format import interval, percent, points
from preceptor.reports.tables import plain_table
from preceptor.wording import count, plural

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "cascade_plan_sentences",
    "cascade_plan_table",
    "cascade_sentences",
    "cascade_table",
    "correction_sentences",
    "correction_table",
    "next_table",
]


def correction_table(found: Correction) -> Table:
    """The score as it is, from the labels alone, and corrected."""
    table = plain_table(
        f"{found.cheap_side}, corrected by {found.strong_side}",
        ("score",),
        ("mean", "95 %, this run", "95 %, the system", "examples", "labelled"),
    )
    table.add_row(
        "by the run's own grader",
        points(found.cheap),
        "",
        interval(found.cheap_ci95),
        count(found.examples),
        "0",
    )
    for name, one in (
        ("labels alone", found.labels_alone),
        ("corrected (prediction-powered)", found.corrected),
    ):
        if one is not None:
            table.add_row(
                name,
                points(one.value),
                interval(one.run_ci95),
                interval(one.ci95),
                count(one.n),
                count(one.labelled),
            )
    table.add_row(
        "expected score (isotonic)",
        points(found.calibrated),
        "",
        interval(found.calibrated_ci95),
        count(found.examples),
        count(found.labelled),
    )
    return table


def next_table(found: Correction) -> Table:
    """The verdicts to label next."""
    table = plain_table(
        "To label next", ("example",), ("answer", "criterion", "points", "chance of met")
    )
    for item in found.next_items:
        table.add_row(
            item.example_id,
            count(item.repeat + 1),
            count(item.criterion + 1),
            f"{item.points:+d}".replace("-", "−"),
            f"{item.probability:.2f}",
        )
    return table


def correction_sentences(found: Correction) -> list[str]:
    """What the graders agree on, what the labels are worth, and what is taken for granted."""
    said = []
    if found.agreement is not None:
        said.append(f"The graders agree on {percent(found.agreement)} of the labelled verdicts.")
    for share in found.shares:
        kind = "positive" if share.positive else "negative"
        text = (
            f"Of {plural(share.judged, 'criterion', 'criteria')} with {kind} points "
            f"{percent(share.cheap)} are met by the run's grader"
        )
        if share.corrected is None:
            said.append(f"{text}; too little is labelled, or it is no better than chance.")
            continue
        low, high = share.corrected.ci95
        said.append(
            f"{text}, {percent(share.corrected.value)} ({percent(low)} to {percent(high)}) by "
            f"Rogan and Gladen: sensitivity {percent(share.corrected.sensitivity)}, specificity "
            f"{percent(share.corrected.specificity)} on the labelled."
        )
    if found.half_width is not None:
        many = "all are not enough" if found.needed is None else f"label {count(found.needed)}"
        said.append(f"For ± {points(found.half_width)} points of this run's score: {many}.")
    if found.unmatched:
        said.append(
            f"{plural(found.unmatched, 'labelled answer')} left out: not in {found.cheap_side}."
        )
    said.append("The labelled answers are taken to be a random sample, as --limit draws one.")
    return said


def cascade_table(found: CascadeCorrection) -> Table:
    """The score as the run has it, and as the strong grader would have given it."""
    table = plain_table(
        f"{found.side}, corrected by its audit",
        ("score",),
        ("mean", "95 %, this run", "95 %, the system", "examples", "verdicts", "by the strong"),
    )
    one = found.corrected
    asked = found.verdicts - found.decided
    table.add_row(
        "as the run has it",
        points(found.mean),
        "",
        interval(found.ci95),
        count(found.examples),
        count(found.verdicts),
        count(asked),
    )
    table.add_row(
        "corrected",
        points(one.value),
        interval(one.run_ci95),
        interval(one.ci95),
        count(found.examples),
        count(found.verdicts),
        count(asked + found.audited),
    )
    return table


def cascade_sentences(found: CascadeCorrection) -> list[str]:
    """What the audit shows, and where it shows too little."""
    said = [
        f"{found.cheap} decided {count(found.decided)} of {plural(found.verdicts, 'verdict')}; "
        f"{found.strong} judged {count(found.audited)} of these too (audit_share "
        f"{found.audit_share:g})."
    ]
    if found.failed:
        said.append(
            f"It failed at {plural(found.failed, 'more verdict')} of the audit; they are taken to "
            "be like the rest of it."
        )
    if found.agreement is not None and found.bound is not None:
        said.append(
            f"The two agree on {percent(found.agreement)} of the audited, and at the least on "
            f"{percent(found.bound)} of all that were decided so (95 % confidence)."
        )
    if found.agreement == 1 and found.audited < found.decided:
        said.append(
            "No audited verdict was wrong, so the interval for this run may be too narrow: what "
            "is rarely wrong was not drawn."
        )
    if found.corrected.run_ci95 is None:
        said.append("Too few verdicts were audited for an interval: raise audit_share.")
    return said


def cascade_plan_table(found: CascadePlan) -> Table:
    """The thresholds, and what they are worth on held-out prompts."""
    table = plain_table(
        f"{found.cheap_side} before {found.strong_side}, agreement {percent(found.wanted)}",
        (),
        ("low", "high", "sent on", "agreement", "at least", "verdicts", "prompts"),
    )
    made = found.thresholds
    table.add_row(
        "never" if made.low < 0 else f"{made.low:.4g}",
        "never" if made.high > 1 else f"{made.high:.4g}",
        percent(made.sent),
        "–" if made.agreement is None else percent(made.agreement),
        "–" if made.bound is None else percent(made.bound),
        count(made.n),
        count(made.groups),
    )
    return table


def cascade_plan_sentences(found: CascadePlan) -> list[str]:
    """What the thresholds promise, and for what."""
    made = found.thresholds
    if made.agreement is None:
        return [
            f"No thresholds hold an agreement of {percent(found.wanted)} on {made.groups} held-out "
            "prompts: everything is to be judged by the strong grader, or more prompts labelled."
        ]
    said = [
        f"Of {plural(found.verdicts, 'verdict')} on {plural(found.prompts, 'prompt')}, half of the "
        "prompts chose the thresholds, and the other half, which the table is of, tested them.",
        f"“At least” is a lower bound with {percent(made.confidence)} confidence, for new prompts "
        "and answers like these.",
    ]
    if found.grader is None:
        said.append(
            f"The two graders cannot be one cascade: use {' and '.join(found.parameters)} with "
            "another strong grader."
        )
    else:
        said.append(
            "Add -P audit_share=0.1, and `preceptor correct` can correct the score of such a run; "
            "and the two graders' own parameters, as -P cheap.KEY=… and -P strong.KEY=…"
        )
    return said
