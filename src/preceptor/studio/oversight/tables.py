"""Tables of the lead's work: what a drawn task stands for, and active time.

``active_time`` is no projection: a figure every 15 seconds is no act that anybody has to prove.
"""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.studio.ledger.tables import metadata, projection

__all__ = ["active_time", "sample_weights"]

sample_weights = projection(
    sa.Table(
        "sample_weight",
        metadata,
        sa.Column("item", sa.Text, primary_key=True),
        # How many tasks of those that were drawn from it stands for.
        sa.Column("weight", sa.Float, nullable=False),
        # Event of the draw.
        sa.Column("seq", sa.Integer, nullable=False),
    )
)

active_time = sa.Table(
    "active_time",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("work", sa.Text, primary_key=True),
    # The task; empty for what is of no task.
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),  # UTC
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("last", sa.Float, nullable=False),  # seconds since 1970
)
