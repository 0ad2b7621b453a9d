"""What failed in a run, in the words that were kept."""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.records import RunInfo
from preceptor.store import schema as t

__all__ = ["failures"]


def failures(connection: sa.Connection, run: RunInfo) -> list[tuple[str, str]]:
    """Kind and words of each failed answer and ungraded verdict, the most frequent first."""
    pairs = (
        (t.run_responses, t.responses, t.responses.c.failure, ~t.answered),
        (t.run_verdicts, t.verdicts, t.verdicts.c.reason, ~t.given),
    )
    counted = sa.union_all(
        *(
            sa.select(kind.label("kind"), table.c.detail.label("words"), sa.func.count().label("n"))
            .join_from(link, table)
            .where(link.c.run_id == run.id, failed)
            .group_by(kind, table.c.detail)
            for link, table, kind, failed in pairs
        )
    ).subquery()
    rows = connection.execute(sa.select(counted).order_by(counted.c.n.desc()))
    return [(kind or "", words) for kind, words, _ in rows]
