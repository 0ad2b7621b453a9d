"""Settle what is right of a unit; from then on it checks people.

Nobody settles a unit of their own task, or one that they may still label.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, UnknownName, shorten
from preceptor.studio.items.tables import items
from preceptor.studio.labelling.queue import REASONS, Unit, set_gold, shown
from preceptor.studio.labelling.tables import labels, units
from preceptor.studio.ledger.acts import Who
from preceptor.studio.people.members import Member

__all__ = ["MOST", "Dispute", "Listed", "Vote", "dispute", "listed", "settle"]

#: Most units in a list.
MOST = 100


class Listed(msgspec.Struct, frozen=True):
    """A unit that people labelled, by its criterion; ``gold`` is what is right, once settled."""

    unit: str
    criterion: str
    met: int
    not_met: int
    cannot_tell: int
    gold: bool | None


class Vote(msgspec.Struct, frozen=True):
    """One label, without its labeller."""

    said: str
    why: str
    comment: str


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A unit, all that was said of it, and what is right, where that is settled."""

    unit: Unit
    votes: tuple[Vote, ...]
    gold: bool | None
    explanation: str


def listed(connection: sa.Connection, reader: Member, *, every: bool = False) -> list[Listed]:
    """Units on which labellers differ and that nobody has settled; or ``every`` labelled one."""
    said = {
        name: sa.func.sum(sa.case((labels.c.said == name, 1), else_=0)).label(name)
        for name in ("met", "not_met", "cannot_tell")
    }
    query = (
        sa.select(units.c.id, units.c.gold, *said.values())
        .join(labels, labels.c.unit == units.c.id)
        .where(_for(reader))
        .group_by(units.c.id, units.c.gold)
    )
    if not every:
        query = query.where(units.c.gold.is_(None)).having(
            (said["met"] > 0) & (said["not_met"] > 0)
        )
    rows = connection.execute(query.order_by(sa.func.min(labels.c.seq)).limit(MOST)).all()
    return [
        Listed(
            row.id,
            shown(connection, row.id).criterion,
            *(row.met, row.not_met, row.cannot_tell, row.gold),
        )
        for row in rows
    ]


def dispute(connection: sa.Connection, reader: Member, unit: str) -> Dispute:
    """A unit to settle. Raises UnknownName, also where this reader may not settle it."""
    row = connection.execute(
        sa.select(units.c.gold, units.c.explanation).where(units.c.id == unit, _for(reader))
    ).first()
    votes = connection.execute(
        sa.select(labels.c.said, labels.c.reason, labels.c.comment)
        .where(labels.c.unit == unit)
        .order_by(labels.c.seq)
    ).all()
    if row is None or not votes:
        raise UnknownName(f"unit {shorten(unit)}: you have none of that id to settle")
    return Dispute(
        unit=shown(connection, unit),
        votes=tuple(Vote(said, REASONS.get(why, ""), comment) for said, why, comment in votes),
        gold=row.gold,
        explanation=row.explanation,
    )


def settle(
    connection: sa.Connection, who: Who, reader: Member, unit: str, *, met: bool, explanation: str
) -> None:
    """Decide what is right, and why; people checked with it read that. Raises InputError."""
    dispute(connection, reader, unit)
    if not explanation:
        raise InputError(
            "explanation: say why in a sentence: labellers checked with this unit read it"
        )
    set_gold(connection, who, unit, met, explanation)


def _for(reader: Member) -> sa.ColumnElement[bool]:
    own = sa.select(items.c.id).where(items.c.author == reader.id)
    allowed: sa.ColumnElement[bool] = units.c.item.not_in(own)
    if "labeller" in reader.offer.roles:
        mine = sa.select(labels.c.unit).where(labels.c.person == reader.id)
        allowed &= units.c.id.in_(mine)
    return allowed
