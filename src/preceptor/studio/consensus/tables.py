"""Tables of categories and votes. Both are projections."""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.studio.ledger.tables import metadata, projection

__all__ = ["categories", "votes"]

categories = projection(
    sa.Table(
        "category",
        metadata,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),  # JSON of Category
    )
)

votes = projection(
    sa.Table(
        "category_vote",
        metadata,
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("names", sa.Text, nullable=False),  # a list in JSON
    )
)
