"""Tables of physicians' answers. All are projections."""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.studio.ledger.tables import metadata, projection

__all__ = ["baselines", "references", "scores"]

#: Answers of systems that writers of a group see.
references = projection(
    sa.Table(
        "baseline_reference",
        metadata,
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("group", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
    )
)

baselines = projection(
    sa.Table(
        "baseline",
        metadata,
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("group", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),  # JSON of Answer
    )
)

#: What runs gave a person's answer: for that person alone.
scores = projection(
    sa.Table(
        "baseline_score",
        metadata,
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("score", sa.Float, nullable=False),
    )
)
