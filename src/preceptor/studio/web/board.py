"""For leads: every task by state, and one as a whole; names are on the pages of people alone.

A lead who may still review a task, or wrote it, sees of it what a reviewer does: the type of the
view says so.
"""

from __future__ import annotations

from typing import get_args

import msgspec
import sqlalchemy as sa
from starlette.responses import Response

from preceptor.errors import InputError
from preceptor.studio.items import commands
from preceptor.studio.items.commands import Version
from preceptor.studio.items.content import Turn
from preceptor.studio.items.tables import decisions, items, notes
from preceptor.studio.items.workflow import Standing, State, moves
from preceptor.studio.ledger.acts import ACTS, Act, Event
from preceptor.studio.ledger.tables import event as events
from preceptor.studio.people.members import Member
from preceptor.studio.web import home, seats
from preceptor.studio.web.adjudicating import Changed, version_changes
from preceptor.studio.web.judgements import Judged, Opinion, Rated, judged, opinions, rated
from preceptor.studio.web.previewing import PreviewShown, preview_of
from preceptor.studio.web.render import Link, View
from preceptor.studio.web.screens import Screen, Visit, Web, see

__all__ = ["screens"]

_STATES: tuple[State, ...] = get_args(State)
_ENDED = ("accepted", "rejected", "withdrawn", "retired")
#: Tasks of one list.
_MOST = 500


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A task in a list."""

    id: str
    name: str
    specialty: str
    language: str
    since: str


class Counted(msgspec.Struct, frozen=True):
    """A state, and the number of tasks in it."""

    state: State
    name: str
    tasks: int


class Board(View, frozen=True, kw_only=True):
    """Tasks by state, and those of one state, the longest waiting first."""

    counts: tuple[Counted, ...]
    state: State
    name: str
    tasks: tuple[Listed, ...]
    moves: tuple[str, ...]
    reason: str
    left_out: int


class Step(msgspec.Struct, frozen=True):
    """What happened to a task, without who did it."""

    day: str
    what: str
    reason: str


class BoardOutline(View, frozen=True, kw_only=True):
    """A task as far as a lead may see it who may still review it, or wrote it."""

    item: str
    state: str
    messages: tuple[Turn, ...]
    alias: str
    answer: str
    criteria: tuple[Judged, ...]
    moves: tuple[str, ...]
    reason: str


class BoardTask(View, frozen=True, kw_only=True):
    """All that is known of a task. ``author`` is an id: its page has the name, and is recorded."""

    item: str
    state: str
    messages: tuple[Turn, ...]
    alias: str
    answer: str
    criteria: tuple[Judged, ...]
    moves: tuple[str, ...]
    reason: str
    author: str
    system: str
    rated: Rated
    difficult: bool
    opinions: tuple[Opinion, ...]
    versions: tuple[Changed, ...]
    comments: tuple[str, ...]
    notes: tuple[str, ...]
    steps: tuple[Step, ...]
    preview: PreviewShown | None


_LEAD = frozenset({"lead"})
_SAID = {
    "queue": "Queued for review.",
    "park": "Parked.",
    "return": "Returned to the author.",
    "retire": "Retired.",
    "reopen": "Reopened: its author revises it.",
    "take_over": "Taken over: an adjudicator makes the changes.",
}


def screens(web: Web) -> list[Screen]:
    return [
        Screen("/board", web, get=_board, post=_move_many, roles=_LEAD, said=_SAID),
        Screen("/board/{item:str}", web, get=_task, post=_move, roles=_LEAD, said=_SAID),
    ]


def _work(connection: sa.Connection, member: Member) -> home.Work:
    del member
    numbers, asked = _numbers(connection), sa.select(sa.func.count()).select_from(notes)
    waits = [
        Link(f"{numbers[state]:,} {words}", f"/board?state={state}")
        for state, words in _WAITS.items()
        if numbers.get(state)
    ]
    if questions := connection.scalar(asked):
        waits.append(Link(f"{questions:,} asked about the guideline", "/notes"))
    return home.Work(
        role="lead",
        about="Queue tasks for review, invite people, and see how far the project is.",
        begin=Link("Tasks by state", "/board"),
        waits=tuple(waits),
    )


def _numbers(connection: sa.Connection) -> dict[str, int]:
    """State → tasks in it."""
    grouped = sa.select(items.c.state, sa.func.count().label("tasks")).group_by(items.c.state)
    return {row.state: row.tasks for row in connection.execute(grouped)}


#: State → what a lead does about tasks in it, after their number.
_WAITS = {
    "submitted": "handed in: queue, park or return them",
    "revising": "with their authors, to be revised",
    "accepted": "accepted: release them with preceptor studio export",
}


home.WORK["lead"] = _work


async def _board(visit: Visit) -> View:
    asked = visit.asked("state")
    state: State = next((each for each in _STATES if each == asked), "submitted")

    def ask(connection: sa.Connection) -> View:
        numbers = _numbers(connection)
        return Board(
            title="Board",
            counts=tuple(
                Counted(each, each.replace("_", " "), numbers.get(each, 0)) for each in _STATES
            ),
            state=state,
            name=state.replace("_", " "),
            tasks=_listed(connection, state),
            moves=moves(state),
            reason=visit.given.raw("reason"),
            left_out=max(0, numbers.get(state, 0) - _MOST),
        )

    return await visit.read(ask)


def _listed(connection: sa.Connection, state: State) -> tuple[Listed, ...]:
    found = connection.execute(
        sa.select(items, events.c.at)
        .join(events, events.c.seq == items.c.since)
        .where(items.c.state == state)
        .order_by(items.c.since)
        .limit(_MOST)
    )
    return tuple(
        Listed(
            id=row.id,
            name=seats.brief(commands.version(connection, row.id).content)
            if row.version
            else "not handed in yet",
            specialty=row.specialty,
            language=row.language,
            since=row.at[:10],
        )
        for row in found
    )


async def _move_many(visit: Visit) -> Response:
    move, reason = _asked(visit)
    chosen, who = visit.given.raws("item"), visit.who
    if not chosen:
        raise InputError("tasks: tick one or more")

    def do(connection: sa.Connection) -> None:
        for item in chosen:
            commands.move(connection, who, item, move, reason)

    await visit.write(do)
    return see("/board", move)


async def _move(visit: Visit) -> Response:
    move, reason = _asked(visit)
    item, who = visit.place("item"), visit.who
    await visit.write(lambda connection: commands.move(connection, who, item, move, reason))
    return see(f"/board/{item}", move)


def _asked(visit: Visit) -> tuple[str, str]:
    move = visit.given.one("do", _SAID)
    reason = visit.given.line("reason", most=1000)
    if move != "queue" and not reason:
        raise InputError(f"reason: say why, to {move} a task; it is recorded")
    return move, reason


async def _task(visit: Visit) -> View:
    item, member = visit.place("item"), visit.member

    def ask(connection: sa.Connection) -> View:
        standing = commands.standing(connection, item)
        if standing.version == 0:
            raise commands.unknown(item)
        now = commands.version(connection, item)
        show = _outline if _is_blind(standing, member) else _whole
        return show(connection, visit, standing, now)

    return await visit.read(ask)


def _is_blind(standing: Standing, member: Member) -> bool:
    """Whether a lead has another part in the task, or may have, that must not see all of it."""
    if member.id == standing.author:
        return standing.state not in _ENDED
    if "reviewer" not in member.offer.roles or standing.state in (*_ENDED, "adjudicating"):
        return False
    return standing.state == "in_review" or member.id not in standing.reviewed


def _outline(
    connection: sa.Connection, visit: Visit, standing: Standing, now: Version
) -> BoardOutline:
    del connection
    return BoardOutline(
        title="Task",
        item=standing.item,
        state=standing.state.replace("_", " "),
        messages=now.content.messages,
        alias=seats.alias_of(standing.item),
        answer=now.rating.answer,
        criteria=judged(now.content, {}, ""),
        moves=moves(standing.state),
        reason=visit.given.raw("reason"),
    )


def _whole(connection: sa.Connection, visit: Visit, standing: Standing, now: Version) -> BoardTask:
    item = standing.item
    reviews = commands.counted_reviews(connection, item)
    decided = sa.select(decisions.c.comment).where(decisions.c.item == item)
    noted = sa.select(notes.c.text).where(notes.c.item == item)
    return BoardTask(
        title="Task",
        item=item,
        state=standing.state.replace("_", " "),
        messages=now.content.messages,
        alias=seats.alias_of(item),
        answer=now.rating.answer,
        criteria=judged(now.content, reviews, ""),
        moves=moves(standing.state),
        reason=visit.given.raw("reason"),
        author=standing.author,
        system=now.rating.system,
        rated=rated(now),
        difficult=standing.difficult,
        opinions=opinions(reviews, ""),
        versions=version_changes(connection, standing),
        comments=tuple(each for each in connection.scalars(decided.order_by("seq")) if each),
        notes=tuple(connection.scalars(noted.order_by("seq"))),
        steps=_steps(connection, item),
        preview=preview_of(connection, item, now.number, now.content, to_lead=True),
    )


def _steps(connection: sa.Connection, item: str) -> tuple[Step, ...]:
    found = connection.execute(
        sa.select(events).where(events.c.subject == item).order_by(events.c.seq)
    )
    happened = (Event(*row) for row in found)
    return tuple(
        Step(each.at[:10], ACTS.get(each.kind, Act).happened_here(each), each.reason)
        for each in happened
    )
