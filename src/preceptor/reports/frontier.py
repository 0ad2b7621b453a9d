"""Several graders as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preceptor.audit.frontier import Frontier, Point, Unit, amount
from preceptor.reports.agreement_view import decimal, decimals, signed_decimal
from preceptor.reports.tables import plain_table
from preceptor.wording import count, plural

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["cost_words", "frontier_table"]

_NONE = "–"


def frontier_table(found: Frontier) -> Table:
    """Graders, the highest agreement first, with what 1,000 of their verdicts cost."""
    table = plain_table(
        f"{plural(len(found.points), 'grader')} on {plural(found.rows, 'row')}",
        ("grader",),
        (
            "rows",
            "macro F1",
            "95 % interval",
            "minus physicians",
            "95 % interval",
            "tokens per 1,000" if found.unit == "tokens" else "per 1,000 verdicts",
            "front",
        ),
    )
    for point in found.points:
        table.add_row(*_row(point, found))
    if found.coin is not None:
        table.add_row("the toss of a coin", "", decimal(found.coin), *[""] * 5)
    return table


def _row(point: Point, found: Frontier) -> tuple[str, ...]:
    return (
        point.grader,
        count(point.rows),
        decimal(point.macro_f1.value),
        decimals(point.macro_f1.ci95),
        signed_decimal(point.gap.value),
        decimals(point.gap.ci95),
        cost_words(point, found.unit) or _NONE,
        "yes" if point.on_front else "",
    )


def cost_words(point: Point, unit: Unit | None) -> str:
    """Of 1,000 verdicts, with ``≈`` where tokens were estimated; "" where unknown."""
    number = amount(point, unit)
    if number is None:
        return ""
    about = "≈ " if point.estimated else ""
    return f"{about}${number:,.2f}" if unit == "usd" else f"{about}{count(number)}"
