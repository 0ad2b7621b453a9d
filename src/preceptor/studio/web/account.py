"""One's own account: roles, conflicts of interest, sessions, password."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa
from starlette.responses import Response

from preceptor.errors import InputError
from preceptor.studio.oversight import active_time
from preceptor.studio.oversight.active_time import Worked
from preceptor.studio.people import members, sessions
from preceptor.studio.people.credentials import own_credential
from preceptor.studio.people.passwords import LEAST
from preceptor.studio.people.roles import Conflicts
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import Screen, Visit, Web, see

__all__ = ["screens"]


class Signed(msgspec.Struct, frozen=True):
    """One of the person's own sessions."""

    id: str
    begun: str
    seen: str
    here: bool


class Account(View, frozen=True, kw_only=True):
    """What the studio knows of the reader."""

    name: str
    email: str
    roles: tuple[str, ...]
    specialties: tuple[str, ...]
    languages: tuple[str, ...]
    declared: str
    employer: str
    vendors: str
    products: str
    sessions: tuple[Signed, ...]
    worked: tuple[Worked, ...]
    has_password: bool
    least: int


def screens(web: Web) -> list[Screen]:
    return [Screen("/account", web, get=_account, post=_change, said=_SAID)]


_SAID = {
    "first": "Declare your conflicts of interest first: tasks are chosen by them.",
    "declared": "Your declaration is saved.",
    "password": "Your password is changed. Other browsers are signed out.",
    "ended": "That browser is signed out.",
}


async def _account(visit: Visit) -> View:
    who, now, limits, given = visit.who, visit.now, visit.web.accounts.limits, visit.given

    def ask(
        connection: sa.Connection,
    ) -> tuple[members.Person, tuple[Signed, ...], tuple[Worked, ...], bool]:
        rows = sessions.of(connection, who.person, now, limits)
        signed = tuple(
            Signed(row.id, _time(row.begun), _time(row.seen), row.id == who.session) for row in rows
        )
        worked = active_time.totals(active_time.slices(connection, who.person))
        has_password = own_credential(connection, who.person) is not None
        return members.person(connection, who.person), signed, tuple(worked), has_password

    person, signed, worked, has_password = await visit.read(ask)
    member, conflicts = person.member, person.member.conflicts
    return Account(
        title="Account",
        name=person.name,
        email=person.email,
        roles=member.offer.roles,
        specialties=member.offer.specialties,
        languages=member.offer.languages,
        declared=member.declared[:10],
        employer=given.raw("employer", conflicts.employer),
        vendors=given.raw("vendors", "\n".join(conflicts.vendors)),
        products=given.raw("products", "\n".join(conflicts.products)),
        sessions=signed,
        worked=worked,
        has_password=has_password,
        least=LEAST,
    )


async def _change(visit: Visit) -> Response:
    given, who = visit.given, visit.who
    done = given.one("do", ("declared", "password", "ended"))
    if done == "declared":
        conflicts = Conflicts(
            employer=given.line("employer"),
            vendors=given.lines("vendors"),
            products=given.lines("products", label="products tested"),
        )
        await visit.write(lambda connection: members.declare(connection, conflicts, by=who))
        return see("/account", done)
    if done == "ended":
        identity = given.line("session")
        await visit.write(lambda connection: sessions.end(connection, who.person, identity))
        return see("/account", done)
    if given.raw("password") != given.raw("again"):
        raise InputError("new password: the two are not the same: type it twice")
    assert visit.session is not None
    await visit.web.accounts.change_password(
        visit.session, given.raw("present"), given.raw("password"), visit.network
    )
    return see("/account", done)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
