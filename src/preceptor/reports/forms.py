"""Two forms of rating, as a table for a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from preceptor.audit.forms import FormComparison
from preceptor.reports.tables import plain_table
from preceptor.wording import count, plural

if TYPE_CHECKING:
    from rich.table import Table

    from preceptor.audit.agreement import Estimate

__all__ = ["forms_sentences", "forms_table"]


def forms_table(found: FormComparison) -> Table:
    """A row for each form, and the first less the second."""
    interval = "95 % interval"
    headings = ["raters", "ratings", "ICC(2,1)", interval, "ICC(3,k)", interval]
    headings += ["seconds an answer", interval]
    table = plain_table("Two forms of rating", ("form",), headings)
    for form in found.forms:
        numbers = (*_cells(form.single), *_cells(form.average), *_cells(form.seconds, 1))
        name = Path(form.source).name
        table.add_row(name, count(len(form.raters)), count(form.ratings), *numbers)
    table.add_section()
    apart = (*_cells(found.single), *_cells(found.average), *_cells(found.seconds, 1))
    table.add_row("first less second", "", "", *apart)
    return table


def _cells(estimate: Estimate | None, digits: int = 3) -> tuple[str, str]:
    if estimate is None or estimate.value is None:
        return "–", "–"
    low, high = estimate.ci95 or (None, None)
    both = "–" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}"
    return f"{estimate.value:.{digits}f}".replace("-", "−"), both.replace("-", "−")


def forms_sentences(found: FormComparison) -> list[str]:
    """What must be said beside the table."""
    left = f"; {plural(found.left_out, 'answer')} without every rating left out"
    said = [
        f"{plural(found.answers, 'answer')} on {plural(found.prompts, 'prompt')} that all raters "
        f"of both forms rated{left if found.left_out else ''}. Intervals draw whole prompts.",
        "A rater's score of an answer is the mean of their labels on it. ICC(2,1): one rater, for "
        "whom a constant offset is disagreement. ICC(3,k): the mean of all raters of that form, "
        "without it; more raters raise it.",
    ]
    for form in found.forms:
        pairs = found.answers * len(form.raters)
        if 0 < form.timed < pairs:
            name = Path(form.source).name
            said.append(f"{name}: seconds are of {count(form.timed)} of {count(pairs)} ratings.")
    return said
