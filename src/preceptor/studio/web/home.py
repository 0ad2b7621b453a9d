"""The first page: what a person goes on with, and lists of work by role."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from preceptor.studio.people.members import Member
from preceptor.studio.web.render import Link, View
from preceptor.studio.web.screens import Screen, Visit, Web

__all__ = ["WORK", "Work", "screens"]


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """The work of one role: what it is, how to begin, what is under way, where the rest is.

    ``ask`` is a button that gets a task, ``begin`` a link to a page; ``waits`` is what this role
    should see to.
    """

    role: str
    about: str
    begin: Link | None = None
    ask: Link | None = None
    under_way: tuple[Link, ...] = ()
    waits: tuple[Link, ...] = ()
    rest: Link | None = None


class Home(View, frozen=True, kw_only=True):
    """``go_on`` leads to where the person stopped."""

    go_on: Link | None
    works: tuple[Work, ...]
    declared: bool


#: Role → what its list shows to a member. A screen of a role puts its own here.
WORK: dict[str, Callable[[sa.Connection, Member], Work]] = {}
_ABOUT = {
    "author": "Write tasks: a conversation, and the criteria of a good answer.",
    "reviewer": "Review tasks of others, without seeing who wrote them.",
    "adjudicator": "Decide about tasks that were reviewed.",
    "writer": "Write the answer that a good physician would give.",
    "labeller": "Say which criteria an answer meets.",
    "lead": "Invite people, and see how far the project is.",
}
_BEGIN = {"lead": Link("People", "/people")}


def screens(web: Web) -> list[Screen]:
    return [Screen("/", web, get=_home)]


async def _home(visit: Visit) -> View:
    member = visit.member

    def ask(connection: sa.Connection) -> tuple[Work, ...]:
        return tuple(
            WORK[role](connection, member)
            if role in WORK
            else Work(role=role, about=_ABOUT.get(role, ""), begin=_BEGIN.get(role))
            for role in member.offer.roles
        )

    works = await visit.read(ask)
    # The first of what is under way is the one that was worked on last.
    under_way = [link for work in works for link in work.under_way]
    return Home(
        title="My work",
        go_on=next(iter(under_way), None),
        works=works,
        declared=member.has_declared(visit.now),
    )
