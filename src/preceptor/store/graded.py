"""A run's responses with their verdicts, put together again from the tables."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from preceptor.records import Example, Graded, Response, RunInfo, Usage, Verdict
from preceptor.store import schema as t
from preceptor.store.rows import read_example, read_response, read_verdict

__all__ = ["read_graded"]


def read_graded(connection: sa.Connection, run: RunInfo) -> list[Graded]:
    """Every response of a run with its verdicts, in the run's order, repeat by repeat."""
    examples = connection.execute(
        sa.select(t.run_examples.c.position, t.run_examples.c.repeats, t.examples.c.data)
        .join(t.examples)
        .where(t.run_examples.c.run_id == run.id)
        .order_by(t.run_examples.c.position)
    ).all()
    answers = {
        (row["position"], row["repeat"]): read_response(row)
        for row in connection.execute(
            sa.select(t.run_responses.c.position, t.run_responses.c.repeat, t.responses)
            .join(t.responses)
            .where(t.run_responses.c.run_id == run.id)
        ).mappings()
    }
    judged: dict[tuple[int, int], dict[int, Verdict]] = {}
    for row in connection.execute(
        sa.select(
            t.run_verdicts.c.position,
            t.run_verdicts.c.repeat,
            t.run_verdicts.c.criterion,
            t.verdicts,
        )
        .join(t.verdicts)
        .where(t.run_verdicts.c.run_id == run.id)
    ).mappings():
        place = judged.setdefault((row["position"], row["repeat"]), {})
        place[row["criterion"]] = read_verdict(row)
    _add_votes(connection, run, judged)
    return [
        _graded(read_example(data), repeat, answers, judged, position)
        for position, repeats, data in examples
        for repeat in range(repeats)
    ]


def _add_votes(
    connection: sa.Connection,
    run: RunInfo,
    judged: Mapping[tuple[int, int], dict[int, Verdict]],
) -> None:
    """Count to a verdict that follows from votes what these took."""
    link, verdicts = t.run_votes.c, t.verdicts.c
    where = (link.position, link.repeat, link.criterion)
    sums = [sa.func.sum(verdicts[name]) for name in (*Usage.__struct_fields__, "latency_s")]
    unpriced = sa.func.sum(sa.case((verdicts.cost_usd.is_(None), 1), else_=0))
    query = (
        sa.select(*where, *sums, sa.func.sum(verdicts.cost_usd), unpriced)
        .join_from(t.run_votes, t.verdicts)
        .where(link.run_id == run.id)
        .group_by(*where)
    )
    for position, repeat, criterion, *tokens, latency, cost, unknown in connection.execute(query):
        place = judged.get((position, repeat), {})
        if criterion in place:
            place[criterion] = msgspec.structs.replace(
                place[criterion],
                usage=Usage(*tokens),
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
