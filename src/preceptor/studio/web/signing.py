"""Signatures: people prove once more who they are; the event has what they sign.

The signature is in the event's hash, so it cannot be moved to another record. At the first signing
of a session address and password are asked for, then the password (as in 21 CFR 11.200).
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from preceptor.errors import InputError
from preceptor.studio.ledger.tables import event as events
from preceptor.studio.people import members
from preceptor.studio.people.credentials import own_credential
from preceptor.studio.people.project import project
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import Visit

__all__ = ["MEANINGS", "Sign", "write_signed"]

#: What a signature means → the words under which it is given.
MEANINGS = {
    "authorship": "I wrote this task, and hand it in.",
    "review": "I reviewed this task.",
    "approval": "I decided about this task.",
}


class Sign(View, frozen=True, kw_only=True):
    """The page that asks for a signature: the form that was sent, and who signs."""

    address: str
    fields: tuple[tuple[str, str], ...]
    words: str
    name: str
    is_first: bool
    has_password: bool


class _Unsigned(Exception):
    """Only the signature is missing."""


async def write_signed(
    visit: Visit, meaning: str, command: Callable[[sa.Connection, str], object]
) -> Sign | None:
    """Do what ends a piece of work, signed where the project asks for it.

    The page that asks for the signature is returned where it is missing; nothing is done then. The
    command raises what it raises without one, too. Raises InputError where a proof is wrong.
    """
    asks = await visit.read(lambda connection: project(connection).signatures)
    signature = ""
    if asks and visit.given.raw("password"):
        try:
            await _prove(visit)
            signature = f"{meaning} by password"
        except InputError as error:
            visit.problem = str(error)
            visit.status = 422
            return await _page(visit, meaning)

    def act(connection: sa.Connection) -> None:
        command(connection, signature)
        if asks and not signature:
            raise _Unsigned

    try:
        await visit.write(act)
    except _Unsigned:
        return await _page(visit, meaning)
    return None


async def _prove(visit: Visit) -> None:
    first = await visit.read(lambda connection: _is_first(connection, visit.who.session))
    assert visit.session is not None
    await visit.web.accounts.prove(
        visit.session,
        visit.given.raw("password"),
        visit.network,
        email=visit.given.raw("sign_email") if first else None,
    )


async def _page(visit: Visit, meaning: str) -> Sign:
    who, fields = visit.who, visit.given.kept

    def ask(connection: sa.Connection) -> Sign:
        return Sign(
            title="Sign",
            address=visit.request.url.path,
            fields=tuple(each for each in fields if each[0] != "sign_email"),
            words=MEANINGS[meaning],
            name=members.person(connection, who.person).name,
            is_first=_is_first(connection, who.session),
            has_password=own_credential(connection, who.person) is not None,
        )

    return await visit.read(ask)


def _is_first(connection: sa.Connection, session: str) -> bool:
    signed = (events.c.session == session) & (events.c.signature != "")
    return connection.scalar(sa.select(events.c.seq).where(signed).limit(1)) is None
