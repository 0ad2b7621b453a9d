"""What a run's answers and verdicts took, by system, grader and example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from preceptor.billing import Bill, Usage
from preceptor.records import RunInfo
from preceptor.store import schema as t
from preceptor.store.said import Took, read_said
from preceptor.store.store import Store

__all__ = ["bills"]

_TOKENS = Usage.__struct_fields__


def bills(store: Store, run: RunInfo, took: Took | None = None) -> tuple[Bill, ...]:
    """The system's, that of each grader (of a jury or cascade each member's), and each example's.

    A verdict that follows from votes is on nobody's bill: the votes are.

    Parameters
    ----------
    took
        What the run's verdicts took, where that has been read already.
    """
    with store.reading() as connection:
        if took is None:
            _, took = read_said(connection, run)
        ids = _ids(connection, run)
        answers = list(_rows(connection, run, ids, t.run_responses, t.responses))
        member = (t.run_votes.c.member, t.run_votes.c.grader)
        judged = list(_rows(connection, run, ids, t.run_votes, t.verdicts, *member))
        if not judged:
            judged = [
                (ids[position], None, _bill(reused, *sums))
                for (position, reused), sums in sorted(took.items())
            ]
    found: dict[tuple[str, str], Bill] = {}

    def add(part: str, name: str, bill: Bill) -> None:
        known = found.get((part, name), Bill(part, name))
        found[part, name] = known + bill

    for example, _, bill in answers:
        add("system", run.system, bill)
        add("example", example, bill)
    for example, grader, bill in judged:
        add("grader", grader or run.grader, bill)
        add("example", example, bill)
    order = ("system", "grader", "example")
    return tuple(sorted(found.values(), key=lambda bill: order.index(bill.part)))


def _ids(connection: sa.Connection, run: RunInfo) -> dict[int, str]:
    """The examples' ids by position."""
    names = (
        sa.select(t.run_examples.c.position, t.examples.c.example_id)
        .join(t.examples)
        .where(t.run_examples.c.run_id == run.id)
    )
    return {row.position: row.example_id for row in connection.execute(names)}


def _rows(
    connection: sa.Connection,
    run: RunInfo,
    ids: Mapping[int, str],
    link: sa.Table,
    results: sa.Table,
    *by: sa.Column[Any],
) -> Iterator[tuple[str, str | None, Bill]]:
    """(example's id, grader if asked for, what was paid or what was reused), in the run's order."""
    unpriced = sa.func.sum(sa.case((results.c.cost_usd.is_(None), 1), else_=0))
    sums = [sa.func.sum(results.c[name]) for name in _TOKENS]
    groups = (link.c.position, link.c.reused, *by)
    query = (
        sa.select(*groups, sa.func.count(), sa.func.sum(results.c.cost_usd), unpriced, *sums)
        .join_from(link, results)
        .where(link.c.run_id == run.id)
        .group_by(*groups)
        .order_by(*by, link.c.position, link.c.reused)
    )
    for row in connection.execute(query):
        name = row[len(groups) - 1] if by else None
        yield ids[row[0]], name, _bill(row[1], *row[len(groups) :])


def _bill(reused: bool, count: int, cost: float | None, unknown: int, *tokens: int) -> Bill:
    usage = Usage(*map(int, tokens))
    dollars = None if unknown or cost is None else float(cost)
    if reused:
        return Bill("", "", 0, count, Usage(), usage, 0.0, dollars)
    return Bill("", "", count, 0, usage, Usage(), dollars, 0.0)
