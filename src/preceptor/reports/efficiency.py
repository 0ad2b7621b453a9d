"""Score for tokens, seconds and dollars, as tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from preceptor.analysis.efficiency import Efficiency, SideEfficiency
from preceptor.reports.format import interval, points
from preceptor.reports.tables import plain_table
from preceptor.wording import count, plural

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["efficiency_sentences", "efficiency_table", "ratio_table"]

_NONE = "–"
#: Measure → what an answer takes, and for how many of them points are given.
_WORDS = {"tokens": ("tokens", 1000), "seconds": ("seconds", 1), "usd": ("US dollars", 1)}


def efficiency_table(found: Efficiency) -> Table:
    """Each side on the common examples, a row for each measure that is known of it."""
    size = plural(found.common, "common example")
    if found.units < found.common:
        size += f" ({plural(found.units, 'unit')})"
    table = plain_table(
        f"{found.title}: score and what it takes, on {size}",
        ("side",),
        ("score", "95 % interval"),
    )
    table.add_column("an answer takes")
    for heading in ("", "95 % interval", "points for it", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("front", justify="center")
    for side in found.sides:
        table.add_section()
        for row in _rows(side):
            table.add_row(*row)
    return table


def _rows(side: SideEfficiency) -> Iterator[tuple[str, ...]]:
    about = (side.label, points(side.score), interval(side.score_ci95))
    if not side.taken:
        yield *about, *[_NONE] * 6
    for measure, taken in side.taken.items():
        words, many = _WORDS[measure]
        scale = 100 * many
        share, ends = taken.score_per_unit, taken.score_per_unit_ci95
        yield (
            *about,
            words,
            _amount(taken.per_answer),
            _pair(taken.per_answer_ci95),
            _NONE if share is None else _amount(share * scale),
            _pair(None if ends is None else (ends[0] * scale, ends[1] * scale)),
            "yes" if taken.on_front else "no",
        )
        about = ("", "", "")


def ratio_table(found: Efficiency) -> Table:
    """What each side takes for right answers, as a multiple of the first side's."""
    table = plain_table(
        f"Times as much as {found.sides[0].label} takes, where both are right",
        ("side", "takes"),
        ("times", "95 % interval", "both right", "common"),
    )
    for ratio in found.ratios:
        table.add_row(
            ratio.contender,
            _WORDS[ratio.measure][0],
            _NONE if ratio.ratio is None else _amount(ratio.ratio),
            _pair(ratio.ci95),
            count(ratio.n),
            count(ratio.common),
        )
    return table


def efficiency_sentences(found: Efficiency) -> Iterator[str]:
    """What is right, what the front is, and what is left out."""
    if any(side.taken for side in found.sides):
        yield "Points are for 1,000 tokens, a second or a US dollar, without the grading."
        yield (
            "Front: no other side takes as little and scores more. Differences may be chance: "
            "compare the sides."
        )
    if found.ratios:
        yield f"Right is a score of {points(found.right)} or more."
    yield from found.notes


def _amount(value: float) -> str:
    """Three digits that count, and whole numbers above 1,000."""
    if abs(value) >= 1000:
        return count(round(value))
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(0, digits)}f}"


def _pair(ends: tuple[float, float] | None) -> str:
    return _NONE if ends is None else f"{_amount(ends[0])}–{_amount(ends[1])}"
