"""The log: events as sentences, the latest first, and what reviewers noted of the guideline."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.studio.items.tables import notes
from preceptor.studio.ledger.acts import read_act
from preceptor.studio.ledger.chain import recorded
from preceptor.studio.ledger.tables import event as events

__all__ = ["PAGE", "Entry", "Note", "entries", "guideline_notes", "kinds"]

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


def entries(
    connection: sa.Connection, *, kind: str = "", about: str = "", before: int | None = None
) -> list[Entry]:
    """At most one more than :data:`PAGE`, so that it is known whether there are others.

    ``about`` is the id of a task or person, as subject or as who did it.
    """
    query = sa.select(events.c.seq).order_by(events.c.seq.desc()).limit(PAGE + 1)
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
