"""Table of previews: a projection."""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.studio.ledger.tables import metadata, projection

__all__ = ["previews"]

previews = projection(
    sa.Table(
        "preview",
        metadata,
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("item", sa.Text, nullable=False, index=True),
        sa.Column("body", sa.Text, nullable=False),  # JSON of Preview
    )
)
