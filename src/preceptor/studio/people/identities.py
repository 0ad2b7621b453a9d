"""Accounts at a provider that people of the project sign in with, and who is there just now."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError
from preceptor.studio.ids import digest
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.people.acts import IdentityBound
from preceptor.studio.people.tables import identities, memberships, sign_ins

__all__ = ["Attempt", "Awaited", "bind", "has_account", "leave", "person_of", "take"]

#: Seconds that somebody may be at the provider.
_LASTS_S = 600


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Why somebody is at the provider: to sign in, or to come in by the invitation with that id.

    Attributes
    ----------
    kept
        What a form had sent that was not sent yet; ``next`` is the page after.
    signs, session
        What a signature means that is to be given, in which session.
    proved
        Whether they were there, and proved it.
    """

    invitation: str = ""
    name: str = ""
    next: str = "/"
    kept: tuple[tuple[str, str], ...] = ()
    signs: str = ""
    session: str = ""
    proved: bool = False


class Awaited(msgspec.Struct, frozen=True):
    """What the reply of a provider has to fit to."""

    nonce: str
    verifier: str
    attempt: Attempt
    #: When they left; seconds since 1970.
    begun: float = 0.0


def bind(connection: sa.Connection, person: str, account: str, *, by: Who) -> None:
    """The person signs in with that account. Raises InputError where another does."""
    if connection.scalar(sa.select(identities.c.person).where(identities.c.account == account)) in (
        None,
        person,
    ):
        append(connection, IdentityBound(account=account), by=by, subject=person)
        return
    raise InputError("account: somebody of this project signs in with it: sign in instead")


def person_of(connection: sa.Connection, account: str) -> str | None:
    """Who takes part and signs in with that account."""
    found: str | None = connection.scalar(
        sa.select(identities.c.person)
        .join(memberships, memberships.c.person == identities.c.person)
        .where(identities.c.account == account, memberships.c.active)
    )
    return found


def has_account(connection: sa.Connection, person: str) -> bool:
    """Whether a person signs in at the provider."""
    mine = sa.select(identities.c.person).where(identities.c.person == person)
    return connection.scalar(mine) is not None


def leave(
    connection: sa.Connection, state: str, browser: str, what: Awaited, *, now: float
) -> None:
    """Note who went to the provider, in which browser, and why."""
    connection.execute(sign_ins.delete().where(sign_ins.c.begun <= now - _LASTS_S))
    connection.execute(
        sign_ins.insert().values(
            state=digest(state),
            browser=digest(browser),
            nonce=what.nonce,
            verifier=what.verifier,
            attempt=msgspec.json.encode(what.attempt).decode(),
            begun=now,
        )
    )


def take(connection: sa.Connection, state: str, browser: str, *, now: float) -> Awaited:
    """What was noted under a state; once, and for the browser that left. Raises InputError."""
    which = sa.and_(
        sign_ins.c.state == digest(state),
        sign_ins.c.browser == digest(browser),
        sign_ins.c.begun > now - _LASTS_S,
    )
    row = connection.execute(sa.select(sign_ins).where(which)).one_or_none()
    if row is None:
        raise InputError(
            "sign-in: begun in another browser, more than 10 minutes ago, or finished already: "
            "begin again"
        )
    connection.execute(sign_ins.delete().where(which))
    attempt = msgspec.json.decode(row.attempt, type=Attempt)
    return Awaited(row.nonce, row.verifier, attempt, row.begun)
