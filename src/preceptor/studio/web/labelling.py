"""The labeller's page: one criterion of one answer at a time.

The grader's verdict, the system, and whether a unit is there to check people are in no view.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import get_args

import sqlalchemy as sa
from starlette.responses import Response

from preceptor.errors import InputError
from preceptor.studio.consensus.commands import library
from preceptor.studio.items.assignment import Worker
from preceptor.studio.labelling import queue
from preceptor.studio.labelling.acts import Said
from preceptor.studio.labelling.qualifying import Stage, next_practice, practise, stage
from preceptor.studio.labelling.queue import REASONS, Label, Unit
from preceptor.studio.people.members import Member
from preceptor.studio.web.home import WORK, Work
from preceptor.studio.web.render import Link, View
from preceptor.studio.web.screens import Screen, Visit, Web, see

__all__ = ["screens"]

_LABELLER = frozenset({"labeller"})
_ADDRESS = "/labels"


class LabelUnit(View, frozen=True, kw_only=True):
    """What a labeller decides.

    Attributes
    ----------
    asks_why
        They cannot tell, and are asked why.
    last
        What they labelled last, which can be undone.
    keys
        Whether single keys label; else buttons alone do.
    """

    unit: Unit
    asks_why: bool
    reasons: tuple[tuple[str, str], ...]
    comment: str
    done: int
    last: Label | None
    keys: bool
    stage: Stage


class LabelStart(View, frozen=True, kw_only=True):
    """Nothing is being labelled at the moment."""

    done: int
    last: Label | None
    keys: bool
    stage: Stage


def screens(web: Web) -> list[Screen]:
    return [Screen(_ADDRESS, web, get=_open, post=_post, roles=_LABELLER, said=_SAID)]


_SAID = {"none": "Nothing waits for you now: you have labelled all that you can."}


def _work(connection: sa.Connection, member: Member) -> Work:
    done = queue.done(connection, member.id)
    return Work(
        role="labeller",
        about=f"Say which criteria an answer meets. You have labelled {done:,}.",
        begin=Link("Label", _ADDRESS),
        rest=Link("Sort tasks into categories", "/categories") if library(connection) else None,
    )


WORK["labeller"] = _work


async def _open(visit: Visit) -> View:
    return await _shown(visit, asks_why=visit.given.raw("do") == "cannot_tell")


async def _shown(visit: Visit, *, asks_why: bool) -> View:
    person, now = visit.member.id, _now(visit)
    keys = "off" not in (visit.asked("keys"), visit.given.raw("keys"))
    comment = visit.given.raw("comment")[:5_000]

    def ask(connection: sa.Connection) -> View:
        unit = queue.given(connection, person, now)
        found = stage(connection, person)
        done, last = queue.done(connection, person), queue.last_label(connection, person)
        last = last if found.is_over else None
        if unit is None or found.state == "failed":
            return LabelStart(title="Label", done=done, last=last, keys=keys, stage=found)
        return LabelUnit(
            title="Label",
            unit=queue.shown(connection, unit),
            asks_why=asks_why,
            reasons=tuple(REASONS.items()),
            comment=comment if visit.given.raw("unit") == unit else "",
            done=done,
            last=last,
            keys=keys,
            stage=found,
        )

    return await visit.read(ask)


async def _post(visit: Visit) -> View | Response:
    given, who, now = visit.given, visit.who, _now(visit)
    if not visit.member.has_declared(visit.now):
        raise InputError("conflicts of interest: declare them on your account's page first")
    worker, draw = Worker.of(visit.member), random.SystemRandom()
    verb, _, rest = given.raw("do").partition("-")
    unit = given.raw("unit")[:40]
    if verb == "cannot_tell" and not rest:
        return await _shown(visit, asks_why=True)
    said = next((each for each in get_args(Said) if each == verb), None)
    if said is None and verb not in ("undo", "next"):
        return await _shown(visit, asks_why=False)
    comment = given.text("comment", most=5_000, label="note").strip()

    def act(connection: sa.Connection) -> str | None:
        before = stage(connection, who.person)
        if before.state == "failed":
            raise InputError("qualification: you have used all attempts: a lead may let you begin")
        if before.state == "open":
            now_ = before
            if said is not None:
                now_ = practise(connection, worker, who, unit, said, reason=rest, now=now)
            if now_.attempt != before.attempt or now_.is_over:
                return "ended"
            return next_practice(connection, worker, now=now, draw=draw)
        if verb == "undo":
            queue.undo(connection, who, rest, now=now, draw=draw)
        elif said is not None:
            queue.label(connection, worker, who, unit, said, reason=rest, comment=comment, now=now)
        return queue.next_unit(connection, worker, now=now, draw=draw)

    found = await visit.write(act)
    if found == "ended":
        return see("/labels/qualification")
    keys = "?keys=off" if given.raw("keys") == "off" else ""
    return see(_ADDRESS + keys) if found or keys else see(_ADDRESS, "none")


def _now(visit: Visit) -> datetime:
    return datetime.fromtimestamp(visit.now, UTC)
