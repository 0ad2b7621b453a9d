"""Taking a person's work back, and erasing who they were."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import sqlalchemy as sa

from preceptor.errors import UnknownName, shorten
from preceptor.studio.database import Studio
from preceptor.studio.exchange.tables import releases
from preceptor.studio.items.commands import take_back
from preceptor.studio.items.tables import drafts, items, leases
from preceptor.studio.ledger.tables import event, payload
from preceptor.studio.people import credentials, members, sessions
from preceptor.studio.people.acts import Declared, Named
from preceptor.studio.people.tables import credentials as passwords
from preceptor.studio.people.tables import invitations, persons

__all__ = ["Withdrawn", "find_person", "withdraw_person"]


class Moved(msgspec.Struct, frozen=True):
    """A task that the person had a part in."""

    task: str
    before: str
    after: str


class Withdrawn(msgspec.Struct, frozen=True):
    """What a person's leaving changed.

    ``releases`` hold tasks that this concerns, as name and version; they stay as they are.
    ``erased`` is the number of payloads with a name, an address or interests; ``named`` are places
    where others wrote that name or address, which stays.
    """

    person: str
    tasks: tuple[Moved, ...]
    releases: tuple[str, ...]
    erased: int
    named: tuple[str, ...] = ()


def find_person(connection: sa.Connection, said: str) -> str:
    """The id of the person with that id or e-mail address. Raises UnknownName."""
    known = persons.c.email == credentials.email_of(said) if "@" in said else persons.c.id == said
    found = connection.scalar(sa.select(persons.c.id).where(known))
    if found is None:
        raise UnknownName(f"person {shorten(said)}: nobody has that id or e-mail address")
    return str(found)


def withdraw_person(studio: Studio, said: str, *, reason: str, erase: bool = False) -> Withdrawn:
    """A person takes part no more, and nothing that they did counts.

    Tasks of theirs are withdrawn or retired; those they reviewed or decided are open again. With
    ``erase`` their name, address and declared interests are removed for good; what they wrote
    about tasks stays.

    Raises
    ------
    InputError, UnknownName
        Nobody is called so, or they are the last lead.
    """
    found, seqs = studio.write_now(lambda connection: _take_out(connection, said, reason, erase))
    if seqs:
        studio.erase(seqs, None, reason)
    return found


def _take_out(
    connection: sa.Connection, said: str, reason: str, erase: bool
) -> tuple[Withdrawn, list[int]]:
    person = find_person(connection, said)
    name, email = connection.execute(
        sa.select(persons.c.name, persons.c.email).where(persons.c.id == person)
    ).one()
    states = connection.execute(sa.select(items.c.id, items.c.state))
    before = {row.id: row.state for row in states}
    members.deactivate(connection, person, by=None, reason=reason)
    moved = tuple(
        Moved(each.subject, before[each.subject], each.outcome)
        for each in take_back(connection, None, person)
    )
    sessions.end_all(connection, person)
    connection.execute(passwords.delete().where(passwords.c.person == person))
    connection.execute(leases.delete().where(leases.c.person == person))
    known = (invitations.c.person == person) | (invitations.c.email == (email or person))
    connection.execute(invitations.delete().where(known))
    seqs: list[int] = []
    named: tuple[str, ...] = ()
    if erase:
        connection.execute(drafts.delete().where(drafts.c.person == person))
        query = sa.select(event.c.seq).join(payload, payload.c.seq == event.c.seq)
        query = query.where(
            event.c.subject == person, event.c.kind.in_((Named.kind, Declared.kind))
        )
        seqs = list(connection.scalars(query))
        named = _places(connection, [each for each in (name, email) if each], seqs, before)
    touched = {each.task for each in moved}
    concerned = tuple(
        f"{row.name} {row.version}"
        for row in connection.execute(sa.select(releases).order_by(releases.c.seq))
        if touched & msgspec.json.decode(row.items, type=dict[str, int]).keys()
    )
    return Withdrawn(person, moved, concerned, len(seqs), named), seqs


def _places(
    connection: sa.Connection, texts: list[str], erased: list[int], tasks: Collection[str]
) -> tuple[str, ...]:
    """Tasks, or events about none, in which one of the texts stays; by when each came."""

    def has(column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        # As it is written and in small letters: SQLite makes small ones of ASCII alone.
        return sa.or_(
            *(column.contains(each, autoescape=True) for each in texts),
            *(sa.func.lower(column).contains(each.lower(), autoescape=True) for each in texts),
        )

    if not texts:
        return ()
    said = sa.select(event.c.seq, event.c.subject).outerjoin(payload, payload.c.seq == event.c.seq)
    said = said.where(has(payload.c.body) | has(event.c.reason), event.c.seq.not_in(erased))
    found = [
        next((f"task {each}" for each in subject.split() if each in tasks), f"event {seq}")
        for seq, subject in connection.execute(said.order_by(event.c.seq))
    ]
    under_way = sa.select(drafts.c.item).where(has(drafts.c.body)).order_by(drafts.c.item)
    found += [f"task {each}" for each in connection.scalars(under_way)]
    return tuple(dict.fromkeys(found))
