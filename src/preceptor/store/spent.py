"""What a run has paid."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.records import RunInfo
from preceptor.store import schema as t

__all__ = ["Spent", "read_spent"]


class Spent(msgspec.Struct, frozen=True):
    """What a run has paid itself (not what earlier runs had paid for the same calls)."""

    cost_usd: float
    tokens: int
    priced: bool


def read_spent(connection: sa.Connection, run: RunInfo) -> Spent:
    """Sums over answers, votes and verdicts, as rows or packed."""
    cost, tokens, unpriced = 0.0, 0, 0
    pairs = (
        (t.run_responses, t.responses),
        (t.run_verdicts, t.verdicts),
        (t.run_votes, t.verdicts),
    )
    for link, table in pairs:
        total = sa.func.sum(table.c.input_tokens + table.c.output_tokens)
        row = connection.execute(
            sa.select(
                sa.func.sum(table.c.cost_usd),
                total,
                sa.func.sum(sa.case((table.c.cost_usd.is_(None), 1), else_=0)),
            )
            .join_from(link, table)
            .where(link.c.run_id == run.id, link.c.reused.is_(False))
        ).one()
        cost, tokens = cost + (row[0] or 0.0), tokens + int(row[1] or 0)
        unpriced += row[2] or 0
    packed = t.judged.c
    total = sa.func.sum(packed.input_tokens + packed.output_tokens)
    row = connection.execute(
        sa.select(sa.func.sum(packed.cost_usd), total, sa.func.sum(packed.unpriced)).where(
            packed.run_id == run.id, packed.pack_id.is_not(None)
        )
    ).one()
    cost, tokens = cost + (row[0] or 0.0), tokens + int(row[1] or 0)
    unpriced += row[2] or 0
    return Spent(cost, tokens, unpriced == 0)
