"""Tables of releases; a projection."""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.studio.ledger.tables import metadata, projection

__all__ = ["releases"]

releases = projection(
    sa.Table(
        "release",
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        # JSON: id of a task → its version.
        sa.Column("items", sa.Text, nullable=False),
    )
)
