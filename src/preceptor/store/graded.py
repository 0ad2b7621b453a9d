"""A run's responses with their verdicts, put together again from the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.records import Criterion, Example, Graded, Response, RunInfo, Usage, Verdict
from preceptor.store import schema as t
from preceptor.store.packs import keys_of, packed_answers
from preceptor.store.rows import ANSWER, VERDICT, read_example, read_response, verdict_of

__all__ = ["read_answers", "read_examples", "read_graded", "read_worded"]

#: Databases take a limited number of values in one question.
_AT_ONCE = 5000
#: Examples whose answers are read together, where not all are.
_PART = 50
#: Verdicts by place of the criterion, by position of the example and repeat.
_Judged = dict[tuple[int, int], dict[int, Verdict]]


class _Worded(msgspec.Struct, array_like=True, gc=False):
    """What a verdict says, as checked when it is read, and of what."""

    position: int
    repeat: int
    criterion: int
    met: bool | int | None
    explanation: str
    reason: str | None
    detail: str
    probability: float | None
    label: str | None


def read_graded(
    connection: sa.Connection, run: RunInfo, only: Sequence[int] | None = None
) -> list[Graded]:
    """Every response of a run with its verdicts, in the run's order, repeat by repeat.

    With ``only`` of the examples at these positions.
    """
    if only is None:
        return _read(connection, run, None)
    positions = sorted(only)
    return [
        graded
        for start in range(0, len(positions), _AT_ONCE)
        for graded in _read(connection, run, positions[start : start + _AT_ONCE])
    ]


def read_worded(connection: sa.Connection, run: RunInfo) -> Iterator[Graded]:
    """The same, one after the other, with verdicts that say all and nothing of what they took."""
    columns = _Worded.__struct_fields__[3:]
    for start in range(0, run.n_examples, _PART):
        part = range(start, min(start + _PART, run.n_examples))
        judged: _Judged = {}
        # As the driver gives them: SQLAlchemy takes as long as all the rest.
        found = connection.execute(_verdicts(run, part, columns))
        for row in msgspec.convert(found.cursor.fetchall(), list[_Worded]):
            judged.setdefault((row.position, row.repeat), {})[row.criterion] = Verdict(
                *("", t.truth(row.met), row.explanation, row.reason, row.detail, row.probability),
                label=row.label,
            )
        found.close()
        for place, _, rows in packed_answers(connection, run.id, part):
            judged[place] = {
                criterion: Verdict(
                    *("", row.met, row.explanation, row.reason, row.detail, row.probability),
                    label=row.label,
                )
                for criterion, row in enumerate(rows)
            }
        yield from _together(connection, run, part, judged)


def _of(table: sa.Table, run: RunInfo, only: Sequence[int] | None) -> sa.ColumnElement[bool]:
    """The rows of a run, or of some of its examples."""
    mine = table.c.run_id == run.id
    if only is None:
        return mine
    if isinstance(only, range):  # a question with thousands of values takes long to write
        return sa.and_(mine, table.c.position.between(only[0], only[-1]))
    return sa.and_(mine, table.c.position.in_(only))


def _read(connection: sa.Connection, run: RunInfo, only: Sequence[int] | None) -> list[Graded]:
    judged: _Judged = {}
    found = connection.execute(_verdicts(run, only, VERDICT))
    for position, repeat, criterion, *verdict in found:
        judged.setdefault((position, repeat), {})[criterion] = verdict_of(verdict)
    packed = list(packed_answers(connection, run.id, only))
    keys = keys_of(connection, {number for _, (number, _), _ in packed})
    for place, (number, first), rows in packed:
        judged[place] = {
            criterion: row.verdict(row.key or t.key_text(keys[number, first + criterion]))
            for criterion, row in enumerate(rows)
        }
    _add_votes(connection, run, judged, only)
    return list(_together(connection, run, only, judged))


def _verdicts(run: RunInfo, only: Sequence[int] | None, columns: Sequence[str]) -> sa.Select[Any]:
    """The question for position, repeat, criterion and these columns of each verdict."""
    link = t.run_verdicts.c
    return (
        sa.select(
            *(link.position, link.repeat, link.criterion),
            *(t.verdicts.c[name] for name in columns),
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
    found = connection.execute(
        sa.select(t.run_responses.c.position, t.run_responses.c.repeat, *ANSWER)
        .join_from(t.run_responses, t.responses)
        .where(_of(t.run_responses, run, only), *where)
    )
    # As the driver gives them: by SQLAlchemy's rows each takes twice as long.
    names = tuple(found.keys())
    answers = {}
    for values in found.cursor.fetchall():
        row = dict(zip(names, values, strict=True))
        row |= {"key": t.key_text(row["key"]), "text": t.unpacked_text(row["text"])}
        answers[row["position"], row["repeat"]] = read_response(row)
    found.close()
    return answers


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
    aligned = tuple(verdicts.get(index) for index in range(len(example.criteria)))
    return Graded(example, repeat, answers.get((position, repeat)), aligned)
