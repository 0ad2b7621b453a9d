"""What a run paid, for its system, each grader and each example: as JSON and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.billing import Bill
from preceptor.records import Result
from preceptor.systems.prices import Price
from preceptor.wording import count

if TYPE_CHECKING:
    from preceptor.reports.view import RunView

__all__ = [
    "BillRow",
    "SpendingView",
    "dollars",
    "price_words",
    "spending_json",
    "spending_views",
    "spent",
]

_COSTLIEST = 10


def spending_json(result: Result, *, examples: bool = True) -> dict[str, Any]:
    """The documented form: docs/score-json.md lists the keys."""
    each = [_bill(bill) for bill in result.bills if bill.part == "example"] if examples else []
    return {
        "reused_usd": _sum([bill.reused_cost_usd for bill in _parts(result)]),
        "system": [_bill(bill) for bill in result.bills if bill.part == "system"],
        "patient": [_bill(bill) for bill in result.bills if bill.part == "patient"],
        "graders": [_bill(bill) for bill in result.bills if bill.part == "grader"],
        "examples": each,
    }


def _bill(bill: Bill) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(bill)
    del found["part"]
    return found


def _parts(result: Result) -> list[Bill]:
    return [bill for bill in result.bills if bill.part != "example"]


def _sum(costs: Sequence[float | None]) -> float | None:
    return None if None in costs else sum(cost for cost in costs if cost is not None)


class BillRow(msgspec.Struct, frozen=True):
    """A row of the page's table, in finished words."""

    what: str
    name: str
    price: str
    paid: str
    reused: str
    given: str
    cached: str
    made: str
    cost: str
    saved: str


class SpendingView(msgspec.Struct, frozen=True):
    """One run: its parts, its sum, and the examples that took most."""

    run: RunView
    rows: list[BillRow]
    total: str
    saved: str
    mean: str
    costliest: list[tuple[str, str, str]]
    examples: str


def spending_views(results: Sequence[Result], views: Sequence[RunView]) -> list[SpendingView]:
    """Those of the runs that took any tokens or were paid for."""
    return [
        _view(result, view)
        for result, view in zip(results, views, strict=False)
        if any(_took(bill) for bill in _parts(result))
    ]


def _took(bill: Bill) -> bool:
    return bool(bill.usage.total or bill.reused_usage.total or bill.cost_usd)


def _view(result: Result, view: RunView) -> SpendingView:
    prices = result.info.settings.prices or {}
    parts = _parts(result)
    examples = [bill for bill in result.bills if bill.part == "example"]
    costs = [bill.cost_usd for bill in examples]
    total, saved = (
        _sum([bill.cost_usd for bill in parts]),
        _sum([bill.reused_cost_usd for bill in parts]),
    )
    by_cost = sorted(examples, key=lambda bill: -_weight(bill))
    return SpendingView(
        run=view,
        rows=[_row(bill, prices.get(bill.name)) for bill in parts],
        total=dollars(total),
        saved=dollars(saved),
        mean=dollars(None if total is None or not costs else total / len(costs)),
        costliest=[
            (bill.name, dollars(bill.cost_usd), count(bill.usage.total))
            for bill in by_cost[:_COSTLIEST]
            if _weight(bill)
        ],
        examples=count(len(examples)),
    )


def _weight(bill: Bill) -> float:
    """By cost; where no price is known, by tokens."""
    return bill.usage.total if bill.cost_usd is None else bill.cost_usd


def _row(bill: Bill, price: Price | None) -> BillRow:
    given = bill.usage
    share = f"{given.cached_tokens / given.input_tokens:.0%}" if given.input_tokens else "–"
    return BillRow(
        what=bill.part.capitalize(),
        name=bill.name,
        price="" if price is None else price_words(price),
        paid=count(bill.paid),
        reused=count(bill.reused),
        given=count(given.input_tokens),
        cached=share,
        made=count(given.output_tokens),
        cost=dollars(bill.cost_usd),
        saved=dollars(bill.reused_cost_usd),
    )


def price_words(price: Price) -> str:
    """``$2 in, $8 out, $0.5 cached a million tokens (list price in …, 2026-10-14)``."""
    if not price.input and not price.output:
        return "free"
    cached = "" if price.cached is None else f", ${price.cached:g} cached"
    basis = ", ".join(text for text in (price.source, price.date) if text)
    whole = f"${price.input:g} in, ${price.output:g} out{cached} a million tokens"
    return f"{whole} ({basis})" if basis else whole


def dollars(amount: float | None) -> str:
    """Cents from a dollar up, four digits below: a verdict costs a thousandth of one."""
    if amount is None:
        return "–"
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.4f}"


def spent(amount: float | None) -> str:
    """What was paid, for a cell: ``nothing`` where all was free or paid for before."""
    if amount is None:
        return "unknown"
    return dollars(amount) if amount else "nothing"
