"""Table of the answers that were asked for live: not chained, and without any text."""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.studio.ledger.tables import metadata

__all__ = ["chat_jobs"]


chat_jobs = sa.Table(
    "chat_job",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("task", sa.Text, nullable=False, index=True),
    sa.Column("person", sa.Text, nullable=False),
    # Of the system; only the lead may see it.
    sa.Column("address", sa.Text, nullable=False),
    # Of the answer in the run store; empty before it is known.
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    # Kind of the failure, and its words for the lead: they may name the system.
    sa.Column("failure", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)
