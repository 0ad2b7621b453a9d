"""The tables of the events, and which of the studio's others are their projections."""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["PROJECTIONS", "about", "anchor", "event", "metadata", "payload", "projection"]

#: Of every table of the studio.
metadata = sa.MetaData()
#: By name: the tables that only :meth:`Act.apply` writes.
PROJECTIONS: dict[str, sa.Table] = {}

_Number = sa.Integer().with_variant(sa.BigInteger, "postgresql")


def projection(table: sa.Table) -> sa.Table:
    """Register a table that the events alone make, so that it can be rebuilt from them.

    Its primary key comes from the event, not from a counter of the database. It refers to no table
    that is no projection.
    """
    if not table.primary_key.columns:
        raise TypeError(f"table {table.name}: a projection needs a primary key")
    PROJECTIONS[table.name] = table
    return table


def _number() -> sa.Column[int]:
    return sa.Column("seq", _Number, primary_key=True, autoincrement=False)


#: What the file is: its row ``format``. Not chained.
about = sa.Table(
    "studio",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

#: All that ever happened, in order. ``hash`` = SHA-256(``prev`` ‖ the other columns as JSON with
#: sorted keys and no spaces). What is in it stays for ever: no personal data.
event = sa.Table(
    "event",
    metadata,
    _number(),  # from 1, without gaps
    sa.Column("at", sa.Text, nullable=False),  # UTC
    sa.Column("person", sa.Text),
    sa.Column("session", sa.Text),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("payload_hash", sa.Text, nullable=False),  # SHA-256(salt ‖ body)
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Column("prev", sa.Text, nullable=False),  # the hash of the one before; 64 zeros
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("event_subject", "subject", "seq"),
)

#: What each event says, as JSON. Erasing takes the row away, and the chain stays whole.
payload = sa.Table(
    "payload",
    metadata,
    sa.Column("seq", _Number, sa.ForeignKey("event.seq"), primary_key=True, autoincrement=False),
    sa.Column("salt", sa.Text, nullable=False),  # 32 hex digits
    sa.Column("body", sa.Text, nullable=False),
)

#: Heads that were given out. Not chained: the copy that counts is kept elsewhere.
anchor = sa.Table(
    "anchor",
    metadata,
    _number(),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)
