"""Invitations: a link that is used once, and lapses. One of another kind sets a password anew."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, UnknownName
from preceptor.studio.ids import digest, new_id
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.people import sessions
from preceptor.studio.people.acts import Invited, Joined, Named, PasswordSet, ResetOffered
from preceptor.studio.people.claims import Proven
from preceptor.studio.people.credentials import email_of, remove_password, set_password
from preceptor.studio.people.identities import bind
from preceptor.studio.people.members import checked, person
from preceptor.studio.people.roles import Offer
from preceptor.studio.people.tables import invitations, persons

__all__ = ["LASTS_S", "Invitation", "accept", "invite", "join", "look", "renew", "reset"]

#: Seconds.
LASTS_S = 7 * 86_400


class Invitation(msgspec.Struct, frozen=True):
    """What a link is good for."""

    id: str
    person: str
    email: str
    offer: Offer


def invite(
    connection: sa.Connection, offer: Offer, *, by: Who | None, now: float, email: str = ""
) -> str:
    """The secret of a link with which somebody joins. Raises InputError."""
    offer = checked(offer)
    email = email_of(email) if email.strip() else ""
    if email:
        _expect_new(connection, email)
    identity, secret = _keep(connection, Invitation("", "", email, offer), now)
    append(connection, Invited(offer=offer), by=by, subject=identity)
    return secret


def reset(connection: sa.Connection, identity: str, *, by: Who | None, now: float) -> str:
    """The secret of a link with which a person sets a new password. Raises UnknownName."""
    found = person(connection, identity)
    connection.execute(invitations.delete().where(invitations.c.person == identity))
    link, secret = _keep(connection, Invitation("", identity, found.email, Offer()), now)
    append(connection, ResetOffered(), by=by, subject=f"{link} {identity}")
    return secret


def look(connection: sa.Connection, secret: str, now: float) -> Invitation:
    """What a link is good for. Raises UnknownName for one that was used, has lapsed or is none."""
    return _look(connection, invitations.c.digest == digest(secret), now)


def _look(connection: sa.Connection, which: sa.ColumnElement[bool], now: float) -> Invitation:
    row = connection.execute(
        sa.select(invitations).where(which, invitations.c.lapses > now)
    ).one_or_none()
    if row is None:
        raise UnknownName("link: used already, or older than 7 days: ask a lead for another")
    offer = msgspec.json.decode(row.offer, type=Offer)
    return Invitation(row.id, row.person, row.email, offer)


def join(
    connection: sa.Connection, secret: str, *, name: str, email: str, password: str, now: float
) -> str:
    """Come in by a link; the id of the new person. ``password`` is a hash.

    Raises InputError, UnknownName.
    """
    found = look(connection, secret, now)
    if found.person:
        raise InputError("link: it sets a password anew: nobody joins with it")
    identity = _come_in(connection, found, name, email)
    set_password(connection, identity, password)
    _use(connection, found)
    return identity


def accept(connection: sa.Connection, link: str, who: Proven, *, name: str, now: float) -> str:
    """Come in by an invitation's id with an account at a provider; the id of the person.

    Where the link sets a password anew, the account is instead of it, and the person is signed out
    everywhere. Raises InputError, UnknownName.
    """
    found = _look(connection, invitations.c.id == link, now)
    identity = found.person or _come_in(connection, found, name or who.name, who.email)
    bind(connection, identity, who.account, by=Who(identity, found.id))
    if found.person:
        remove_password(connection, identity)
        sessions.end_all(connection, identity)
    _use(connection, found)
    return identity


def _come_in(connection: sa.Connection, found: Invitation, name: str, email: str) -> str:
    name, email = " ".join(name.split()), email_of(email)
    if not name:
        raise InputError("name: expected your name, found nothing")
    _expect_new(connection, email)
    identity = new_id()
    by = Who(identity, found.id)
    append(connection, Joined(offer=found.offer), by=by, subject=identity)
    append(connection, Named(name=name, email=email), by=by, subject=identity)
    return identity


def renew(connection: sa.Connection, secret: str, *, password: str, now: float) -> str:
    """Set a password by a link, and sign out everywhere; the person. ``password`` is a hash."""
    found = look(connection, secret, now)
    if not found.person:
        raise InputError("link: it is for somebody who is to join")
    set_password(connection, found.person, password)
    sessions.end_all(connection, found.person)
    append(connection, PasswordSet(), by=Who(found.person, found.id), subject=found.person)
    _use(connection, found)
    return found.person


def _expect_new(connection: sa.Connection, email: str) -> None:
    if connection.scalar(sa.select(persons.c.id).where(persons.c.email == email)):
        raise InputError("e-mail: somebody of this project has that address: sign in instead")


def _keep(connection: sa.Connection, what: Invitation, now: float) -> tuple[str, str]:
    connection.execute(invitations.delete().where(invitations.c.lapses <= now))
    identity, secret = new_id(), sessions.new_secret()
    connection.execute(
        invitations.insert().values(
            id=identity,
            digest=digest(secret),
            person=what.person,
            email=what.email,
            offer=msgspec.json.encode(what.offer).decode(),
            lapses=now + LASTS_S,
        )
    )
    return identity, secret


def _use(connection: sa.Connection, found: Invitation) -> None:
    used = connection.execute(invitations.delete().where(invitations.c.id == found.id))
    if used.rowcount != 1:  # another was faster
        raise UnknownName("link: used already: ask a lead for another")
