"""For leads: who takes part. Names are on these pages alone, and each look is an event."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from starlette.responses import Response

from preceptor.studio.ledger.acts import Who
from preceptor.studio.people import invitations, members, sessions
from preceptor.studio.people.roles import ROLES, Offer
from preceptor.studio.web.forms import Given
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import Screen, Visit, Web, see

__all__ = ["screens"]


class Row(msgspec.Struct, frozen=True):
    """A person in the list, and in the form."""

    id: str
    name: str
    email: str
    active: bool
    roles: tuple[str, ...]
    specialties: tuple[str, ...]
    languages: tuple[str, ...]
    joined: str
    declared: str


class Asked(msgspec.Struct, frozen=True):
    """What the form of an invitation holds."""

    email: str
    roles: tuple[str, ...]
    specialties: str
    languages: str


class People(View, frozen=True, kw_only=True):
    """All people, and the form of an invitation."""

    people: tuple[Row, ...]
    roles: tuple[str, ...]
    asked: Asked


class Profile(View, frozen=True, kw_only=True):
    """One person, and the form of what they may do."""

    person: Row
    roles: tuple[str, ...]
    asked: Asked
    employer: str
    vendors: tuple[str, ...]
    products: tuple[str, ...]
    self: bool


class Invited(View, frozen=True, kw_only=True):
    """A link, shown once: the database has its digest alone."""

    link: str
    renews: bool
    days: int


_LEAD = frozenset({"lead"})


def screens(web: Web) -> list[Screen]:
    return [
        Screen("/people", web, get=_people, post=_invite, roles=_LEAD),
        Screen("/people/{person:str}", web, get=_person, post=_change, roles=_LEAD, said=_SAID),
    ]


_SAID = {
    "roles": "The roles are saved.",
    "left": "This person takes part no more, and is signed out.",
    "returned": "This person takes part again.",
}


async def _people(visit: Visit) -> View:
    who, given = visit.who, visit.given
    found = await visit.write(lambda connection: members.people(connection, who))
    return People(
        title="People",
        people=tuple(map(_row, found)),
        roles=ROLES,
        asked=Asked(
            given.raw("email"),
            given.raws("roles"),
            given.raw("specialties"),
            given.raw("languages"),
        ),
    )


async def _invite(visit: Visit) -> View:
    given, who, now = visit.given, visit.who, visit.now
    offer, email = _offer(given), given.line("email", label="e-mail")
    secret = await visit.write(
        lambda connection: invitations.invite(connection, offer, by=who, now=now, email=email)
    )
    return _link(visit, secret, renews=False)


async def _person(visit: Visit) -> View:
    who, given, identity = visit.who, visit.given, visit.place("person")
    found = await visit.write(lambda connection: members.read_person(connection, identity, who))
    row, conflicts = _row(found), found.member.conflicts
    asked = Asked(
        "",
        given.raws("roles") if given else row.roles,
        given.raw("specialties", "\n".join(row.specialties)),
        given.raw("languages", "\n".join(row.languages)),
    )
    return Profile(
        title="Person",
        person=row,
        roles=ROLES,
        asked=asked,
        employer=conflicts.employer,
        vendors=conflicts.vendors,
        products=conflicts.products,
        self=identity == who.person,
    )


async def _change(visit: Visit) -> View | Response:
    given, who, now, identity = visit.given, visit.who, visit.now, visit.place("person")
    done = given.one("do", ("roles", "left", "returned", "reset"))
    reason = given.line("reason", most=1_000)
    if done == "reset":
        secret = await visit.write(
            lambda connection: invitations.reset(connection, identity, by=who, now=now)
        )
        return _link(visit, secret, renews=True)
    if done == "roles":
        offer = _offer(given)
        await visit.write(
            lambda connection: members.set_roles(connection, identity, offer, by=who, reason=reason)
        )
    elif done == "left":
        await visit.write(lambda connection: _leave(connection, identity, who, reason))
    else:
        await visit.write(
            lambda connection: members.reactivate(connection, identity, by=who, reason=reason)
        )
    return see(f"/people/{identity}", done)


def _leave(connection: sa.Connection, identity: str, who: Who, reason: str) -> None:
    members.deactivate(connection, identity, by=who, reason=reason)
    sessions.end_all(connection, identity)


def _offer(given: Given) -> Offer:
    return Offer(
        roles=given.many("roles", ROLES),
        specialties=given.lines("specialties"),
        languages=given.lines("languages"),
    )


def _link(visit: Visit, secret: str, *, renews: bool) -> View:
    return Invited(
        title="Link for a new password" if renews else "Invitation",
        link=f"{visit.web.address}/join/{secret}",
        renews=renews,
        days=invitations.LASTS_S // 86_400,
    )


def _row(found: members.Person) -> Row:
    member = found.member
    return Row(
        member.id,
        found.name or "(erased)",
        found.email,
        member.active,
        member.offer.roles,
        member.offer.specialties,
        member.offer.languages,
        found.joined[:10],
        member.declared[:10],
    )
