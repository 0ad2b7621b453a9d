"""Signatures: people prove once more who they are; the event has what they sign.

The signature is in the event's hash, so it cannot be moved to another record. At the first signing
of a session address and password are asked for, then the password (as in 21 CFR 11.200). Who has
no password signs in at the provider anew, each time.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from msgspec.structs import replace
from starlette.responses import Response

from preceptor.errors import InputError
from preceptor.studio.ledger.tables import event as events
from preceptor.studio.people import members
from preceptor.studio.people.credentials import own_credential
from preceptor.studio.people.identities import Attempt, Awaited, has_account
from preceptor.studio.people.project import project
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import Visit, leave_for

__all__ = ["MEANINGS", "Sign", "signed_back", "write_signed"]

#: What a signature means → the words under which it is given.
MEANINGS = {
    "authorship": "I wrote this task, and hand it in.",
    "review": "I reviewed this task.",
    "approval": "I decided about this task.",
}


class Sign(View, frozen=True, kw_only=True):
    """The page that asks for a signature: the form that was sent, and who signs.

    ``host`` is the provider at which they prove who they are, where they have no password;
    ``proof`` is there once they did.
    """

    address: str
    fields: tuple[tuple[str, str], ...]
    words: str
    name: str
    is_first: bool
    has_password: bool
    host: str = ""
    proof: str = ""


class _Unsigned(Exception):
    """Only the signature is missing."""


async def write_signed(
    visit: Visit, meaning: str, command: Callable[[sa.Connection, str], object]
) -> Response | None:
    """Do what ends a piece of work, signed where the project asks for it.

    The page that asks for the signature is returned where it is missing; nothing is done then. The
    command raises what it raises without one, too.
    """
    asks = await visit.read(lambda connection: project(connection).signatures)
    signature = ""
    if asks and visit.given.raw("prove") == "provider":
        return await _to_provider(visit, meaning)
    if asks:
        try:
            signature = await _prove(visit, meaning)
        except InputError as error:
            visit.problem = str(error)
            visit.status = 422
            return visit.page(await _page(visit, meaning, visit.given.kept))

    def act(connection: sa.Connection) -> None:
        command(connection, signature)
        if asks and not signature:
            raise _Unsigned

    try:
        await visit.write(act)
    except _Unsigned:
        return visit.page(await _page(visit, meaning, visit.given.kept))
    return None


async def _prove(visit: Visit, meaning: str) -> str:
    """What was signed and how; empty where nothing proves it yet. Raises InputError."""
    given, session, sso = visit.given, visit.session, visit.web.sso
    assert session is not None
    if given.raw("proof") and sso is not None:
        await sso.use(given.raw("proof"), visit.secret, session, meaning)
        return f"{meaning} by account at {sso.name}"
    if not given.raw("password"):
        return ""
    first = await visit.read(lambda connection: _is_first(connection, session.id))
    email = given.raw("sign_email") if first else None
    await visit.web.accounts.prove(session, given.raw("password"), visit.network, email=email)
    return f"{meaning} by password"


async def _to_provider(visit: Visit, meaning: str) -> Response:
    """To the provider, where one signs in anew; what was sent waits for it."""
    attempt = Attempt(
        next=visit.request.url.path,
        kept=visit.given.kept,
        signs=meaning,
        session=visit.who.session,
    )
    return await leave_for(visit, attempt)


async def signed_back(visit: Visit, awaited: Awaited, reply: dict[str, str]) -> Response:
    """The page that signs with one button, for who comes back from the provider."""
    attempt, session, sso = awaited.attempt, visit.session, visit.web.sso
    assert sso is not None
    if session is None:
        raise InputError("signature: your session is over: sign in, and hand in again")
    proof = ""
    try:
        proof = await sso.prove(awaited, reply, session, visit.secret, visit.network)
    except InputError as error:
        visit.problem, visit.status = str(error), 422
    page = await _page(visit, attempt.signs, attempt.kept)
    return visit.page(replace(page, address=attempt.next, proof=proof))


async def _page(visit: Visit, meaning: str, fields: tuple[tuple[str, str], ...]) -> Sign:
    who, sso = visit.who, visit.web.sso

    def ask(connection: sa.Connection) -> Sign:
        bound = sso is not None and has_account(connection, who.person)
        return Sign(
            title="Sign",
            address=visit.request.url.path,
            fields=fields,
            words=MEANINGS[meaning],
            name=members.person(connection, who.person).name,
            is_first=_is_first(connection, who.session),
            has_password=own_credential(connection, who.person) is not None,
            host=sso.name if bound and sso is not None else "",
        )

    return await visit.read(ask)


def _is_first(connection: sa.Connection, session: str) -> bool:
    signed = (events.c.session == session) & (events.c.signature != "")
    return connection.scalar(sa.select(events.c.seq).where(signed).limit(1)) is None
