"""Sorting tasks into the project's categories, each by several people."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import sqlalchemy as sa
from starlette.responses import Response

from preceptor.errors import InputError
from preceptor.studio.consensus import commands
from preceptor.studio.items.assignment import Worker
from preceptor.studio.items.commands import version
from preceptor.studio.items.content import Turn
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import Screen, Visit, Web, see

__all__ = ["screens"]

_LABELLER = frozenset({"labeller"})
_ADDRESS = "/categories"


class CategoryForm(View, frozen=True, kw_only=True):
    """A conversation, and the categories that it may belong to: name, what it is about."""

    item: str
    turns: tuple[Turn, ...]
    categories: tuple[tuple[str, str], ...]
    chosen: tuple[str, ...]
    none: bool


class CategoryStart(View, frozen=True, kw_only=True):
    """Nothing is being sorted at the moment."""

    any: bool


def screens(web: Web) -> list[Screen]:
    return [Screen(_ADDRESS, web, get=_open, post=_post, roles=_LABELLER, said=_SAID)]


_SAID = {"none": "No task waits for your vote now."}


async def _open(visit: Visit) -> View:
    person, now, given = visit.member.id, _now(visit), visit.given

    def ask(connection: sa.Connection) -> View:
        known = commands.library(connection)
        item = commands.given(connection, person, now)
        if item is None:
            return CategoryStart(title="Categories", any=bool(known))
        return CategoryForm(
            title="Categories",
            item=item,
            turns=version(connection, item).content.messages,
            categories=tuple((each.name, each.about) for each in known),
            chosen=given.raws("names"),
            none=bool(given.raw("none")),
        )

    return await visit.read(ask)


async def _post(visit: Visit) -> Response:
    given, who, now = visit.given, visit.who, _now(visit)
    if not visit.member.has_declared(visit.now):
        raise InputError("conflicts of interest: declare them on your account's page first")
    worker, names, item = Worker.of(visit.member), given.raws("names"), given.raw("item")[:40]
    votes = given.raw("do") == "vote"
    if votes and bool(names) == bool(given.raw("none")):
        raise InputError("categories: choose those that fit, or that none does")

    def act(connection: sa.Connection) -> bool:
        if votes:
            commands.vote(connection, who, item, names, now)
        draw = random.SystemRandom()
        return commands.next_task(connection, worker, now=now, draw=draw) is not None

    return see(_ADDRESS, "" if await visit.write(act) else "none")


def _now(visit: Visit) -> datetime:
    return datetime.fromtimestamp(visit.now, UTC)
