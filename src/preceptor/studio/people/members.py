"""Who takes part: reading them, and what a lead and they themselves change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, UnknownName
from preceptor.store.statements import Question
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.people.acts import (
    Declared,
    NamesRead,
    PersonLeft,
    PersonReturned,
    RolesSet,
)
from preceptor.studio.people.roles import DECLARED_DAYS, ROLES, Conflicts, Offer, Role
from preceptor.studio.people.tables import memberships, persons

__all__ = [
    "Member",
    "Person",
    "checked",
    "deactivate",
    "declare",
    "member",
    "people",
    "person",
    "reactivate",
    "read_person",
    "set_roles",
    "with_role",
]


class Member(msgspec.Struct, frozen=True):
    """A person without a name: what tasks and pages are chosen by."""

    id: str
    active: bool
    offer: Offer
    conflicts: Conflicts
    declared: str

    def has_declared(self, now: float) -> bool:
        """Whether conflicts of interest were declared within the last year."""
        if not self.declared:
            return False
        oldest = datetime.fromtimestamp(now, UTC) - timedelta(days=DECLARED_DAYS)
        return datetime.fromisoformat(self.declared) > oldest


class Person(msgspec.Struct, frozen=True):
    """A member with a name: for the person, and for leads on a page that is logged."""

    name: str
    email: str
    joined: str
    member: Member


_MEMBER = Question(sa.select(memberships).where(memberships.c.person == sa.bindparam("who")))


def member(connection: sa.Connection, identity: str) -> Member | None:
    """The member with that id."""
    row = _MEMBER.one(connection, {"who": identity})
    return None if row is None else _member(row)


def with_role(connection: sa.Connection, role: Role) -> list[Member]:
    """Those who have a role and have not left, by their ids."""
    query = sa.select(memberships).where(memberships.c.active).order_by(memberships.c.person)
    return [each for each in map(_member, connection.execute(query)) if role in each.offer.roles]


def person(connection: sa.Connection, identity: str) -> Person:
    """The person with that id. Raises UnknownName."""
    found = next(iter(_people(connection, persons.c.id == identity)), None)
    if found is None:
        raise UnknownName(f"person {identity[:20]!r}: nobody has that id")
    return found


def people(connection: sa.Connection, by: Who) -> list[Person]:
    """All people with their names, in the order they joined. That a lead looked is an event."""
    append(connection, NamesRead(), by=by, subject="people")
    return _people(connection, sa.true())


def read_person(connection: sa.Connection, identity: str, by: Who) -> Person:
    """The person with that id, for a lead: an event, too. Raises UnknownName."""
    found = person(connection, identity)
    append(connection, NamesRead(), by=by, subject=identity)
    return found


def _people(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[Person]:
    rows = connection.execute(
        sa.select(persons, memberships)
        .join(memberships, memberships.c.person == persons.c.id)
        .where(which)
        .order_by(persons.c.joined, persons.c.id)
    )
    return [Person(row.name, row.email, row.joined, _member(row)) for row in rows]


def _member(row: sa.Row[tuple[object, ...]]) -> Member:
    offer = Offer(
        **{
            name: msgspec.json.decode(getattr(row, name), type=tuple[str, ...])
            for name in Offer.__struct_fields__
        }
    )
    conflicts = msgspec.json.decode(row.conflicts, type=Conflicts)
    return Member(row.person, row.active, offer, conflicts, row.declared)


def checked(offer: Offer) -> Offer:
    """The offer, with known roles in their order and everything else once. Raises InputError."""
    if unknown := sorted(set(offer.roles) - set(ROLES)):
        raise InputError(f"role: expected {', '.join(ROLES)}, found {unknown[0]!r}")
    if not offer.roles:
        raise InputError("roles: choose one or more")
    return Offer(
        roles=tuple(role for role in ROLES if role in offer.roles),
        specialties=_once(offer.specialties),
        languages=_once(language.lower() for language in offer.languages),
    )


def set_roles(
    connection: sa.Connection, identity: str, offer: Offer, *, by: Who | None, reason: str = ""
) -> None:
    """Set what a person may do. Raises InputError, UnknownName."""
    found = person(connection, identity).member
    offer = checked(offer)
    if "lead" not in offer.roles:
        _keep_a_lead(connection, found)
    if offer != found.offer:
        append(connection, RolesSet(offer=offer), by=by, subject=identity, reason=reason)


def declare(connection: sa.Connection, conflicts: Conflicts, *, by: Who) -> None:
    """Declare one's own conflicts of interest, or that there are none."""
    conflicts = Conflicts(
        employer=conflicts.employer.strip(),
        vendors=_once(conflicts.vendors),
        products=_once(conflicts.products),
    )
    append(connection, Declared(conflicts=conflicts), by=by, subject=by.person)


def deactivate(
    connection: sa.Connection, identity: str, *, by: Who | None, reason: str = ""
) -> None:
    """The person takes part no more, and is signed out. Raises InputError, UnknownName."""
    found = person(connection, identity).member
    if found.active:
        _keep_a_lead(connection, found)
        append(connection, PersonLeft(), by=by, subject=identity, reason=reason)


def reactivate(
    connection: sa.Connection, identity: str, *, by: Who | None, reason: str = ""
) -> None:
    """The person takes part again. Raises UnknownName."""
    if not person(connection, identity).member.active:
        append(connection, PersonReturned(), by=by, subject=identity, reason=reason)


def _keep_a_lead(connection: sa.Connection, leaving: Member) -> None:
    if "lead" not in leaving.offer.roles:
        return
    if not any(each.id != leaving.id for each in with_role(connection, "lead")):
        raise InputError("roles: the project needs a lead: make another person lead first")


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for each in words if (word := " ".join(each.split()))))
