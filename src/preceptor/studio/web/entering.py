"""Coming in: signing in and out, and the links of invitations."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from starlette.responses import Response

from preceptor.errors import InputError
from preceptor.studio.people import invitations, sessions
from preceptor.studio.people.identities import Attempt
from preceptor.studio.people.passwords import LEAST
from preceptor.studio.web.forms import Given
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import (
    NOBODY,
    Keep,
    Screen,
    SignIn,
    Visit,
    Web,
    leave_for,
    see,
)
from preceptor.studio.web.signing import signed_back

__all__ = ["BACK", "enter", "screens"]

#: Where a provider sends the browser back.
BACK = "/login/back"

#: What fields of a kept form are called in the form for signing in.
_KEPT = "kept:"


class Join(View, frozen=True, kw_only=True):
    """The form of an invitation; ``renews`` where it only sets a password anew."""

    address: str
    renews: bool
    roles: tuple[str, ...]
    least: int
    name: str
    email: str


def screens(web: Web) -> list[Screen]:
    back = [Screen(BACK, web, get=_back, roles=NOBODY)] if web.sso else []
    return [
        *back,
        Screen("/login", web, get=_login, post=_sign_in, roles=NOBODY, said=_SAID),
        Screen("/join/{link:str}", web, get=_invited, post=_join, roles=NOBODY),
        Screen("/sign-out", web, post=_sign_out),
        Screen("/session", web, get=_seconds_left, post=_stay, passive=True),
    ]


_SAID = {"out": "You are signed out.", "everywhere": "You are signed out everywhere."}


async def _login(visit: Visit) -> View | Response:
    if visit.session is not None and not visit.problem:
        return see(_next(visit.asked("next")))
    return SignIn(
        title="Sign in",
        next=_next(visit.given.raw("next") or visit.asked("next")),
        email=visit.given.raw("email")[:300],
        kept=_unpacked(visit.given),
    )


async def _sign_in(visit: Visit) -> View | Response:
    given, accounts = visit.given, visit.web.accounts
    if _by_provider(given):
        attempt = Attempt(next=_next(given.raw("next")), kept=_unpacked(given))
        return await leave_for(visit, attempt)
    email, password = given.line("email", label="e-mail"), given.raw("password")
    secret = await accounts.sign_in(email, password, visit.network)
    kept = _unpacked(given)
    address = _next(given.raw("next"))
    return await enter(visit, secret, Keep(title="Not sent yet", address=address, fields=kept))


def _by_provider(given: Given) -> bool:
    return given.raw("do") == "provider"


async def _back(visit: Visit) -> View | Response:
    """What the provider says. Where it is no, what a form had sent is kept for another try."""
    sso, reply = visit.web.sso, dict(visit.request.query_params)
    assert sso is not None
    awaited = await sso.take(reply.get("state", ""), visit.secret)
    attempt = awaited.attempt
    if attempt.signs:
        return await signed_back(visit, awaited, reply)
    try:
        secret = await sso.enter(awaited, reply, visit.secret, visit.network)
    except InputError as error:
        if attempt.invitation:
            raise
        visit.problem, visit.status = str(error), 422
        return SignIn(title="Sign in", next=attempt.next, kept=attempt.kept)
    keep = Keep(title="Not sent yet", address=attempt.next, fields=attempt.kept)
    return await enter(visit, secret, keep)


async def enter(visit: Visit, secret: str, then: Keep) -> Response:
    """Give the new session to the browser; the one it had ends."""
    now, limits = visit.now, visit.web.accounts.limits
    if (old := visit.session) is not None:
        person = old.member.id
        await visit.write(lambda connection: sessions.end(connection, person, old.id))
    if then.fields:
        visit.secret = secret
        visit.session = await visit.read(
            lambda connection: sessions.find(connection, secret, now, limits)
        )
        response = visit.page(then)
    else:
        response = see(then.address)
    visit.web.cookie.give(response, secret)
    return response


def _next(wanted: str) -> str:
    """A page of ours: a path, and no other site's address."""
    whole = wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/login"))
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if whole and plain and len(wanted) < 2_000 else "/"


def _unpacked(given: Given) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.removeprefix(_KEPT), value) for name, value in given.kept if name.startswith(_KEPT)
    )


async def _invited(visit: Visit) -> View:
    link, now = visit.place("link"), visit.now
    found = await visit.read(lambda connection: invitations.look(connection, link, now))
    return Join(
        title="New password" if found.person else "Join",
        address=f"/join/{link}",
        renews=bool(found.person),
        roles=found.offer.roles,
        least=LEAST,
        name=visit.given.raw("name"),
        email=visit.given.raw("email", found.email),
    )


async def _join(visit: Visit) -> View | Response:
    link, given, accounts, now = visit.place("link"), visit.given, visit.web.accounts, visit.now
    if _by_provider(given):
        found = await visit.read(lambda connection: invitations.look(connection, link, now))
        return await leave_for(visit, Attempt(invitation=found.id, name=given.line("name")))
    if given.raw("password") != given.raw("again"):
        raise InputError("password: the two are not the same: type it twice")
    if "name" in dict(given.kept):
        secret = await accounts.join(
            link,
            name=given.line("name"),
            email=given.line("email", label="e-mail"),
            password=given.raw("password"),
        )
    else:
        secret = await accounts.renew(link, password=given.raw("password"))
    return await enter(visit, secret, Keep(title="", address="/", fields=()))


async def _sign_out(visit: Visit) -> Response:
    person, session = visit.who.person, visit.who.session
    everywhere = visit.given.raw("do") == "everywhere"

    def leave(connection: sa.Connection) -> None:
        if everywhere:
            sessions.end_all(connection, person)
        else:
            sessions.end(connection, person, session)

    await visit.write(leave)
    response = see("/login", "everywhere" if everywhere else "out")
    visit.web.cookie.give(response, sessions.new_secret())
    return response


async def _seconds_left(visit: Visit) -> Response:
    """Seconds until the session ends, for the page's warning; asking does not extend it."""
    limits, session = visit.web.accounts.limits, visit.session
    assert session is not None
    left = min(session.seen + limits.idle_s, session.begun + limits.most_s) - visit.now
    return Response(msgspec.json.encode({"left": max(0, int(left))}), media_type="application/json")


async def _stay(visit: Visit) -> Response:
    session, now = visit.who.session, visit.now
    await visit.write(lambda connection: sessions.mark(connection, session, now))
    return Response(status_code=204)
