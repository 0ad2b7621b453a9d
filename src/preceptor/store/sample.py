"""Some answers of earlier runs: what an estimate of the next run is measured on."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from preceptor.records import Example, Response, RunInfo
from preceptor.store import schema as t
from preceptor.store.rows import ANSWER, read_example, read_response
from preceptor.store.store import Store

__all__ = ["Sampled", "sample_answers"]


class Sampled(msgspec.Struct, frozen=True):
    """An answer, the example that it is to, and its run."""

    run: RunInfo
    example: Example
    response: Response


def sample_answers(store: Store, runs: Iterable[RunInfo], most: int) -> list[Sampled]:
    """Up to ``most`` answers, no failures, from the first of these runs and then the next."""
    found: list[Sampled] = []
    for run in runs:
        query = (
            sa.select(t.examples.c.data, *ANSWER)
            .select_from(t.run_responses)
            .join(t.responses)
            .join(
                t.run_examples,
                sa.and_(
                    t.run_examples.c.run_id == t.run_responses.c.run_id,
                    t.run_examples.c.position == t.run_responses.c.position,
                ),
            )
            .join(t.examples)
            .where(t.run_responses.c.run_id == run.id, t.responses.c.failure.is_(None))
            .order_by(t.run_responses.c.position, t.run_responses.c.repeat)
            .limit(most - len(found))
        )
        with store.reading() as connection:
            rows = connection.execute(query).mappings().all()
            found += [Sampled(run, read_example(row["data"]), read_response(row)) for row in rows]
        if len(found) >= most:
            break
    return found
