"""What a run's answers and verdicts took, by system, grader and example."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.billing import Bill, Usage
from preceptor.records import RunInfo
from preceptor.store import schema as t
from preceptor.store.said import Took, read_said
from preceptor.store.statements import driver_rows
from preceptor.store.store import Store

__all__ = ["bills"]

_TOKENS = Usage.__struct_fields__


def bills(store: Store, run: RunInfo, took: Took | None = None) -> tuple[Bill, ...]:
    """Those of the system, its patient, each grader or member of one, and each example.

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
        answers = took.answers
        if answers is None:
            answers = dict(_sums(connection, run, t.run_responses, t.responses))
        patient = _by_patient(connection, run) if run.settings.patient else {}
        member = (t.run_votes.c.member, t.run_votes.c.grader)
        judged = list(_sums(connection, run, t.run_votes, t.verdicts, *member))
    #: By part and name: what was paid, and what was reused.
    found: dict[tuple[str, str], list[list[Any]]] = {}

    def add(part: str, name: str, position: int, reused: bool, sums: Sequence[Any]) -> None:
        for key in ((part, name), ("example", ids[position])):
            if key not in found:
                found[key] = [[0] * len(t.TOOK), [0] * len(t.TOOK)]
            known = found[key][reused]
            known[:] = map(operator.add, known, sums)

    for (position, reused), sums in sorted(answers.items()):
        own, theirs = list(sums), patient.get((position, reused))
        if theirs is not None:
            add("patient", run.settings.patient or "", position, reused, theirs)
            # An interaction is kept with what all its turns took.
            own[1:] = (max(0, a - b) for a, b in zip(sums[1:], theirs[1:], strict=True))
            own[2] = sums[2]  # what it took is unknown where any of its turns has no price
        add("system", run.system, position, reused, own)
    if judged:
        for (position, reused, _, grader), sums in judged:
            add("grader", grader, position, reused, sums)
    else:
        for (position, reused), sums in sorted(took.verdicts.items()):
            add("grader", run.grader, position, reused, sums)
    order = ("system", "patient", "grader", "example")
    return tuple(
        _bill(*key, *found[key]) for key in sorted(found, key=lambda key: order.index(key[0]))
    )


def _ids(connection: sa.Connection, run: RunInfo) -> dict[int, str]:
    """The examples' ids by position."""
    names = (
        sa.select(t.run_examples.c.position, t.examples.c.example_id)
        .join(t.examples)
        .where(t.run_examples.c.run_id == run.id)
    )
    return dict(driver_rows(connection.execute(names)))


def _sums(
    connection: sa.Connection, run: RunInfo, link: sa.Table, results: sa.Table, *by: sa.Column[Any]
) -> Iterator[tuple[Any, list[Any]]]:
    """((position, reused, and ``by``), what was paid or what was reused), in the run's order."""
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
        count, cost, *rest = row[len(groups) :]
        yield row[: len(groups)], [count, cost or 0.0, *map(int, rest)]


class _Turn(msgspec.Struct):
    """What a stored turn took."""

    party: str = "system"
    usage: Usage = Usage()
    cost_usd: float | None = None


def _by_patient(connection: sa.Connection, run: RunInfo) -> dict[tuple[int, bool], list[Any]]:
    """(position, reused) → what the patient's turns took."""
    query = (
        sa.select(t.run_responses.c.position, t.run_responses.c.reused, t.turns.c.data)
        .join(t.turns, t.turns.c.response_id == t.run_responses.c.response_id)
        .where(t.run_responses.c.run_id == run.id)
    )
    found: dict[tuple[int, bool], list[Any]] = {}
    for position, reused, data in connection.execute(query):
        turn = msgspec.json.decode(data, type=_Turn)
        if turn.party == "patient":
            took = (1, turn.cost_usd or 0.0, int(turn.cost_usd is None))
            sums = found.setdefault((position, reused), [0] * len(t.TOOK))
            sums[:] = map(operator.add, sums, (*took, *msgspec.structs.astuple(turn.usage)))
    return found


def _bill(part: str, name: str, paid: Sequence[Any], reused: Sequence[Any]) -> Bill:
    (count, cost, unpriced, *tokens), (again, saved, unknown, *others) = paid, reused
    return Bill(
        *(part, name, int(count), int(again)),
        *(Usage(*map(int, tokens)), Usage(*map(int, others))),
        None if unpriced else float(cost),
        None if unknown else float(saved),
    )
