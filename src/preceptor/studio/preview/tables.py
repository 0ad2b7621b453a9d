"""Tables of previews, and of verdicts that authors call wrong: projections."""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.studio.ledger.tables import metadata, projection

__all__ = ["marks", "previews"]

previews = projection(
    sa.Table(
        "preview",
        metadata,
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("item", sa.Text, nullable=False, index=True),
        sa.Column("body", sa.Text, nullable=False),  # JSON of Preview
    )
)

#: What an author says of a criterion and an answer of a preview, where the grader is wrong.
marks = projection(
    sa.Table(
        "preview_mark",
        metadata,
        sa.Column("preview", sa.Integer, primary_key=True),  # its event
        sa.Column("answer", sa.Integer, primary_key=True),  # from 0, of those that were judged
        sa.Column("criterion", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("said", sa.Text, nullable=False),  # met, not_met
    )
)
