"""A run's responses with their verdicts, put together again from the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.records import Criterion, Example, Graded, Response, RunInfo, Usage, Verdict
from preceptor.store import schema as t
from preceptor.store.column_types import key_text
from preceptor.store.packs import keys_of, packed_answers
from preceptor.store.rows import ANSWER, VERDICT, read_example, response_of, verdict_of
from preceptor.store.statements import driver_rows

__all__ = ["read_answers", "read_examples", "read_graded", "read_worded"]

#: Databases take a limited number of values in one question.
_AT_ONCE = 5000
#: Examples whose answers are read together, where not all are.
_PART = 50
#: Verdicts by place of the criterion, by position of the example and repeat.
_Judged = dict[tuple[int, int], dict[int, Verdict]]


def read_graded(
    connection: sa.Connection,
    run: RunInfo,
    only: Sequence[int] | None = None,
    *,
    keys: bool = True,
) -> list[Graded]:
    """Every response of a run with its verdicts, in the run's order, repeat by repeat.

    With ``only`` of the examples at these positions. Without ``keys`` a packed verdict has none,
    and the store is not looked through for them.
    """
    if only is None:
        return _read(connection, run, None, keys)
    positions = sorted(only)
    return [
        graded
        for start in range(0, len(positions), _AT_ONCE)
        for graded in _read(connection, run, positions[start : start + _AT_ONCE], keys)
    ]


def read_worded(connection: sa.Connection, run: RunInfo) -> Iterator[Graded]:
    """The same, one after the other; a verdict that is packed has no key."""
    for start in range(0, run.n_examples, _PART):
        part = range(start, min(start + _PART, run.n_examples))
        yield from _read(connection, run, part, False)


def _of(table: sa.Table, run: RunInfo, only: Sequence[int] | None) -> sa.ColumnElement[bool]:
    """The rows of a run, or of some of its examples."""
    mine = table.c.run_id == run.id
    if only is None:
        return mine
    if isinstance(only, range):  # a question with thousands of values takes long to write
        return sa.and_(mine, table.c.position.between(only[0], only[-1]))
    return sa.and_(mine, table.c.position.in_(only))


def _read(
    connection: sa.Connection, run: RunInfo, only: Sequence[int] | None, keys: bool
) -> list[Graded]:
    judged: _Judged = {}
    for position, repeat, criterion, *verdict in _verdicts(connection, run, only):
        judged.setdefault((position, repeat), {})[criterion] = verdict_of(verdict)
    packed = list(packed_answers(connection, run.id, only))
    known = keys_of(connection, {number for _, (number, _), _ in packed}) if keys else {}
    for at, (number, first), rows in packed:
        if keys:
            verdicts = [
                row.verdict(row.key or key_text(known[number, first + place]))
                for place, row in enumerate(rows)
            ]
        else:
            verdicts = [row.verdict(row.key) for row in rows]
        judged[at] = dict(enumerate(verdicts))
    _add_votes(connection, run, judged, only)
    return list(_together(connection, run, only, judged))


def _verdicts(connection: sa.Connection, run: RunInfo, only: Sequence[int] | None) -> Iterable[Any]:
    """Position, repeat, criterion and the columns VERDICT of each verdict."""
    link = t.run_verdicts.c
    return connection.execute(
        sa.select(
            *(link.position, link.repeat, link.criterion),
            *(t.verdicts.c[name] for name in VERDICT),
        )
        .join_from(t.run_verdicts, t.verdicts)
        .where(_of(t.run_verdicts, run, only))
    )


def _together(
    connection: sa.Connection, run: RunInfo, only: Sequence[int] | None, judged: _Judged
) -> Iterator[Graded]:
    """The verdicts with the examples and answers that they are about."""
    answers = read_answers(connection, run, only)
    return (
        _graded(example, repeat, answers, judged, position)
        for position, example, repeats in read_examples(connection, run, only)
        for repeat in range(repeats)
    )


def read_examples(
    connection: sa.Connection,
    run: RunInfo,
    only: Sequence[int] | None,
    known: dict[str, Example] | None = None,
) -> Iterator[tuple[int, Example, int]]:
    """Position, example, and the number of answers asked for, in the run's order.

    Examples that are ``known`` by key are the same objects; others become known.
    """
    examples = {} if known is None else known
    rows = connection.execute(
        sa.select(t.run_examples, t.examples.c.data)
        .join(t.examples)
        .where(_of(t.run_examples, run, only))
        .order_by(t.run_examples.c.position)
    ).all()
    wanted = range(run.n_examples) if only is None else [at for at in only if at < run.n_examples]
    if len(rows) != len(wanted):
        raise LookupError("examples of the run are not there")
    tags: dict[tuple[str, ...], tuple[str, ...]] = {}
    for row in rows:
        example = examples.get(row.example_key)
        if example is None:
            example = examples[row.example_key] = _sharing(read_example(row.data), tags)
        yield row.position, example, row.repeats


def _sharing(example: Example, known: dict[tuple[str, ...], tuple[str, ...]]) -> Example:
    """The example, with tags that many criteria have in memory once."""
    criteria = tuple(
        Criterion(each.text, each.points, known.setdefault(each.tags, each.tags))
        for each in example.criteria
    )
    return msgspec.structs.replace(example, criteria=criteria)


def read_answers(
    connection: sa.Connection,
    run: RunInfo,
    only: Sequence[int] | None,
    *where: sa.ColumnElement[bool],
) -> dict[tuple[int, int], Response]:
    """The answers by position and repeat."""
    rows = connection.execute(
        sa.select(t.run_responses.c.position, t.run_responses.c.repeat, *ANSWER)
        .join_from(t.run_responses, t.responses)
        .where(_of(t.run_responses, run, only), *where)
    )
    return {(at, repeat): response_of(row) for at, repeat, *row in driver_rows(rows)}


def _add_votes(
    connection: sa.Connection,
    run: RunInfo,
    judged: Mapping[tuple[int, int], dict[int, Verdict]],
    only: Sequence[int] | None,
) -> None:
    """Count to a verdict that follows from votes what these took."""
    link, verdicts = t.run_votes.c, t.verdicts.c
    where = (link.position, link.repeat, link.criterion)
    sums = [sa.func.sum(verdicts[name]) for name in (*Usage.__struct_fields__, "latency_s")]
    unpriced = sa.func.sum(sa.case((verdicts.cost_usd.is_(None), 1), else_=0))
    query = (
        sa.select(*where, *sums, sa.func.sum(verdicts.cost_usd), unpriced)
        .join_from(t.run_votes, t.verdicts)
        .where(_of(t.run_votes, run, only))
        .group_by(*where)
    )
    for position, repeat, criterion, *tokens, latency, cost, unknown in connection.execute(query):
        place = judged.get((position, repeat), {})
        if criterion in place:
            place[criterion] = msgspec.structs.replace(
                place[criterion],
                usage=Usage(*map(int, tokens)),
                latency_s=latency,
                cost_usd=None if unknown else cost,
            )


def _graded(
    example: Example,
    repeat: int,
    answers: Mapping[tuple[int, int], Response],
    judged: Mapping[tuple[int, int], Mapping[int, Verdict]],
    position: int,
) -> Graded:
    verdicts = judged.get((position, repeat), {})
    aligned = tuple(map(verdicts.get, range(len(example.criteria))))
    return Graded(example, repeat, answers.get((position, repeat)), aligned)
