"""The log: events as sentences, the latest first, and what reviewers noted of the guideline."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.studio.items.tables import items, notes
from preceptor.studio.ledger.acts import read_act
from preceptor.studio.ledger.chain import recorded
from preceptor.studio.ledger.tables import event as events
from preceptor.studio.people.members import Member
from preceptor.studio.people.tables import persons

__all__ = ["PAGE", "Entry", "Note", "Signed", "entries", "guideline_notes", "kinds", "signed"]

_ENDED = ("accepted", "rejected", "withdrawn", "retired")
#: Events of one page.
PAGE = 50


class Entry(msgspec.Struct, frozen=True):
    """An event for people to read."""

    seq: int
    at: str
    kind: str
    sentence: str


class Note(msgspec.Struct, frozen=True):
    """A question that the guideline leaves open."""

    seq: int
    at: str
    item: str
    text: str


class Signed(msgspec.Struct, frozen=True):
    """A signature, with the event whose hash holds it; the name is empty once it is erased."""

    seq: int
    at: str
    kind: str
    subject: str
    signature: str
    person: str
    hash: str
    name: str


def signed(connection: sa.Connection) -> list[Signed]:
    """All signatures with names, the earliest first: for the command line."""
    columns = [events.c[name] for name in Signed.__struct_fields__[:-1]]
    rows = connection.execute(
        sa.select(*columns, sa.func.coalesce(persons.c.name, "").label("name"))
        .outerjoin_from(events, persons, persons.c.id == events.c.person)
        .where(events.c.signature != "")
        .order_by(events.c.seq)
    )
    return [Signed(**row) for row in rows.mappings()]


def entries(
    connection: sa.Connection,
    reader: Member,
    *,
    kind: str = "",
    about: str = "",
    before: int | None = None,
) -> list[Entry]:
    """At most one more than :data:`PAGE`, so that it is known whether there are others.

    ``about`` is the id of a task or person, as subject or as who did it. Left out is what would
    tell the reader of a task that they wrote or may still review, or of labels that they may give.
    """
    query = sa.select(events.c.seq).order_by(events.c.seq.desc()).limit(PAGE + 1)
    query = query.where(events.c.subject.not_in(_kept_from(reader)))
    if "labeller" in reader.offer.roles:
        query = query.where(events.c.kind.not_in(("labelled", "gold-set", "practised")))
    if kind:
        query = query.where(events.c.kind == kind)
    if about:
        is_subject = events.c.subject.contains(about, autoescape=True)
        query = query.where(is_subject | (events.c.person == about))
    if before is not None:
        query = query.where(events.c.seq < before)
    found = [
        Entry(event.seq, event.at, event.kind, read_act(event.kind, body).sentence(event))
        for event, _, body in recorded(
            connection, events.c.seq.in_(list(connection.scalars(query)))
        )
    ]
    return found[::-1]


def _kept_from(reader: Member) -> sa.Select[Any]:
    """Tasks under way that the reader wrote, or may still review."""
    hidden = items.c.author == reader.id
    if "reviewer" in reader.offer.roles:
        hidden |= items.c.state != "adjudicating"
    return sa.select(items.c.id).where(hidden, items.c.state.not_in(_ENDED))


def kinds(connection: sa.Connection) -> list[str]:
    """Kinds of the events that there are."""
    return sorted(connection.scalars(sa.select(events.c.kind).distinct()))


def guideline_notes(connection: sa.Connection) -> list[Note]:
    """All notes, the latest first."""
    rows = connection.execute(
        sa.select(notes.c.seq, events.c.at, notes.c.item, notes.c.text)
        .join(events, events.c.seq == notes.c.seq)
        .order_by(notes.c.seq.desc())
    )
    return [Note(*row) for row in rows]
