"""A corrected score as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preceptor.claims.correcting import Correction
from preceptor.reports.tables import plain_table
from preceptor.reports.wording import count, interval, percent, plural, points

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["correction_sentences", "correction_table", "next_table"]


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
