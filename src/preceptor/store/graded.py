"""A run's responses with their verdicts, put together again from the tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.records import Example, Graded, Response, RunInfo, Usage, Verdict
from preceptor.store import schema as t
from preceptor.store.rows import VERDICT, read_example, read_response, verdict_of

__all__ = ["Took", "read_graded", "read_said"]

#: Databases take a limited number of values in one question.
_AT_ONCE = 5000
#: Examples whose answers are read together.
_PART = 200
_TOKENS = Usage.__struct_fields__
#: What a verdict says, as checked when it is read: met, label, reason, probability.
_Said = tuple[bool | None, str | None, str | None, float | None]
#: Verdicts by place of the criterion, by position of the example and repeat.
_Judged = dict[tuple[int, int], dict[int, Verdict]]
#: What the verdicts about an example took, in the order of a bill: how many they are, dollars, how
#: many of them have no price, tokens by kind. By position, and whether they were reused.
Took = dict[tuple[int, bool], list[Any]]


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


def _of(table: sa.Table, run: RunInfo, only: Sequence[int] | None) -> sa.ColumnElement[bool]:
    """The rows of a run, or of some of its examples."""
    mine = table.c.run_id == run.id
    return mine if only is None else sa.and_(mine, table.c.position.in_(only))


def read_said(connection: sa.Connection, run: RunInfo) -> tuple[Iterator[Graded], Took]:
    """What scores are made from, and what it took, in one go through a run's verdicts.

    Of a verdict there is what it says: ``met``, ``label``, ``reason`` and ``probability``. Those
    that say the same are one object: a run may have a million. The answers are read while they are
    iterated over, so that not all of their texts need to be in memory at once.
    """
    link, verdicts = t.run_verdicts.c, t.verdicts.c
    # A database's truth values as they come: to convert each of a million takes a second.
    reused, met = sa.type_coerce(link.reused, sa.Integer), sa.type_coerce(verdicts.met, sa.Integer)
    query = (
        sa.select(
            *(link.position, link.repeat, link.criterion, reused),
            *(met, verdicts.label, verdicts.reason, verdicts.probability),
            *(verdicts.cost_usd, *(verdicts[name] for name in _TOKENS)),
        )
        .join_from(t.run_verdicts, t.verdicts)
        .where(link.run_id == run.id)
    )
    judged: _Judged = defaultdict(dict)
    took: Took = {}
    known: dict[tuple[Any, ...], Verdict] = {}
    rows = connection.execute(query)
    for at, repeat, place, again, yes, label, why, chance, cost, put, got, cached, thought in rows:
        said = (yes, label, why, chance)
        verdict = known.get(said)
        if verdict is None:
            verdict = known[said] = _verdict(*said)
        judged[at, repeat][place] = verdict
        sums = took.get((at, again))
        if sums is None:
            sums = took[at, bool(t.truth(again))] = [0, 0.0, 0, 0, 0, 0, 0]
        sums[0] += 1
        if cost is None:
            sums[2] += 1
        else:
            sums[1] += cost
        sums[3] += put
        sums[4] += got
        sums[5] += cached
        sums[6] += thought
    parts = (range(start, start + _PART) for start in range(0, run.n_examples, _PART))
    return (item for part in parts for item in _together(connection, run, part, judged)), took


def _verdict(
    met: object, label: str | None, reason: str | None, probability: float | None
) -> Verdict:
    yes, label, reason, probability = msgspec.convert(
        (t.truth(met), label, reason, probability), _Said
    )
    return Verdict("", yes, reason=reason, probability=probability, label=label)


def _read(connection: sa.Connection, run: RunInfo, only: Sequence[int] | None) -> list[Graded]:
    judged: _Judged = {}
    link = t.run_verdicts.c
    for position, repeat, criterion, *verdict in connection.execute(
        sa.select(
            link.position,
            link.repeat,
            link.criterion,
            *(t.verdicts.c[name] for name in VERDICT),
        )
        .join_from(t.run_verdicts, t.verdicts)
        .where(_of(t.run_verdicts, run, only))
    ):
        judged.setdefault((position, repeat), {})[criterion] = verdict_of(verdict)
    _add_votes(connection, run, judged, only)
    return _together(connection, run, only, judged)


def _together(
    connection: sa.Connection, run: RunInfo, only: Sequence[int] | None, judged: _Judged
) -> list[Graded]:
    """The verdicts with the examples and answers that they are about."""
    examples = connection.execute(
        sa.select(t.run_examples.c.position, t.run_examples.c.repeats, t.examples.c.data)
        .join(t.examples)
        .where(_of(t.run_examples, run, only))
        .order_by(t.run_examples.c.position)
    ).all()
    wanted = range(run.n_examples) if only is None else [at for at in only if at < run.n_examples]
    if len(examples) != len(wanted):
        raise LookupError("examples of the run are not there")
    answers = {
        (row["position"], row["repeat"]): read_response(row)
        for row in connection.execute(
            sa.select(t.run_responses.c.position, t.run_responses.c.repeat, t.responses)
            .join(t.responses)
            .where(_of(t.run_responses, run, only))
        ).mappings()
    }
    return [
        _graded(example, repeat, answers, judged, position)
        for position, repeats, data in examples
        for example in (read_example(data),)
        for repeat in range(repeats)
    ]


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
