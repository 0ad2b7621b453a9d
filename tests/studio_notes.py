"""A small ledger for tests and measurements: notes on a board, and how many each writer has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import sqlalchemy as sa

from preceptor.store.statements import Prepared
from preceptor.studio.database import Studio
from preceptor.studio.ids import new_id
from preceptor.studio.ledger.acts import Act, Event, Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.ledger.tables import metadata, projection

__all__ = ["ANN", "COUNTS", "NOTES", "NoteMoved", "NoteRemoved", "NoteWritten", "note", "save"]

ANN = Who("ann", "s1")

NOTES = projection(
    sa.Table(
        "test_notes",
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("place", sa.Text, nullable=False, default=""),
        sa.Column("text", sa.Text, nullable=False),
    )
)
COUNTS = projection(
    sa.Table(
        "test_counts",
        metadata,
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("notes", sa.Integer, nullable=False),
    )
)

_WRITE = Prepared(NOTES.insert())
_COUNT = Prepared(
    COUNTS.update()
    .where(COUNTS.c.person == sa.bindparam("who"))
    .values(notes=COUNTS.c.notes + sa.bindparam("more"))
)


class NoteWritten(Act, frozen=True, kw_only=True):
    """A note."""

    text: str = ""
    tags: tuple[str, ...] = ()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = {"id": event.subject, "seq": event.seq, "text": self.text, "place": ""}
        _WRITE(connection, row)
        who = event.person or ""
        if not _COUNT(connection, {"who": who, "more": 1}):
            connection.execute(COUNTS.insert().values(person=who, notes=1))


class NoteMoved(Act, frozen=True, kw_only=True):
    """To another place."""

    to: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        connection.execute(NOTES.update().where(NOTES.c.id == event.subject).values(place=self.to))


class NoteRemoved(Act, frozen=True, kw_only=True):
    """From the board."""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        connection.execute(NOTES.delete().where(NOTES.c.id == event.subject))


def note(text: str, *, subject: str | None = None) -> Callable[[sa.Connection], Event]:
    """A command that writes a note."""
    name = subject or new_id()
    return lambda connection: append(connection, NoteWritten(text=text), by=ANN, subject=name)


def save(path: str, writers: int) -> None:
    """Write for ever, many at a time; print the subject of each note that is acknowledged."""

    async def write(studio: Studio, names: Iterator[str]) -> None:
        for name in names:
            await studio.write(note("x" * 200, subject=name))
            print(name, flush=True)

    async def together(studio: Studio) -> None:
        names = iter(new_id, "")
        await asyncio.gather(*(write(studio, names) for _ in range(writers)))

    with Studio.open(path) as studio:
        asyncio.run(together(studio))
