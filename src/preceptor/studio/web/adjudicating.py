"""Adjudicating: the task, its versions, what was said of it, and the decision, without names."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import sqlalchemy as sa
from starlette.responses import Response

from preceptor.studio.items import commands
from preceptor.studio.items.assignment import Lease
from preceptor.studio.items.content import Turn
from preceptor.studio.items.drafts import Stale
from preceptor.studio.items.tables import decisions, items
from preceptor.studio.items.workflow import Decision, Standing
from preceptor.studio.people.members import Member
from preceptor.studio.web import home, seats
from preceptor.studio.web.adjudication_fields import (
    DECISIONS,
    Change,
    Slot,
    agreement,
    changes,
    decided,
    labels,
    slots,
)
from preceptor.studio.web.fields import NewRow, new_rows
from preceptor.studio.web.forms import Given
from preceptor.studio.web.judgements import Opinion, Rated, opinions, rated
from preceptor.studio.web.previewing import PreviewShown, preview_of
from preceptor.studio.web.render import Link, View
from preceptor.studio.web.review_fields import Typed, typed
from preceptor.studio.web.reviewing import Done
from preceptor.studio.web.screens import Screen, Visit, Web
from preceptor.studio.web.task_views import STATES

__all__ = ["screens", "version_changes"]


class Changed(msgspec.Struct, frozen=True):
    """A version, who wrote it, and what it changes."""

    number: int
    by: str
    changes: tuple[Change, ...]


class Adjudications(View, frozen=True, kw_only=True):
    """A person's decisions: under way, and made."""

    under_way: tuple[Link, ...]
    done: tuple[Done, ...]


class AdjudicationForm(View, frozen=True, kw_only=True):
    """All that is known of a task, but for who wrote what; and the form of a decision."""

    item: str
    version: int
    rev: int
    messages: tuple[Turn, ...]
    alias: str
    answer: str
    rated: Rated
    difficult: bool
    opinions: tuple[Opinion, ...]
    agreement: tuple[int, int] | None
    versions: tuple[Changed, ...]
    slots: tuple[Slot, ...]
    added: tuple[NewRow, ...]
    decisions: dict[str, str]
    comment: str
    opened: bool
    problems: dict[str, str]
    other: tuple[Typed, ...] | None
    preview: PreviewShown | None


class Decided(View, frozen=True, kw_only=True):
    """What a person decided."""

    state: str
    comment: str
    messages: tuple[Turn, ...]
    changes: tuple[Change, ...]
    criteria: tuple[tuple[str, int | None], ...]


_ADJUDICATOR = frozenset({"adjudicator"})
_SAID = {
    "none": "No task waits for your decision now.",
    "skipped": "The task is given back. You are not offered it again.",
}
_SAID_OF_ONE = {"saved": "Saved.", "handed-in": "Your decision is made."}


def screens(web: Web) -> list[Screen]:
    return [
        Screen("/adjudications", web, get=_list, post=_next, roles=_ADJUDICATOR, said=_SAID),
        Screen(
            "/adjudications/{item:str}",
            web,
            get=_open,
            post=_post,
            roles=_ADJUDICATOR,
            said=_SAID_OF_ONE,
        ),
    ]


def _work(connection: sa.Connection, member: Member) -> home.Work:
    return home.Work(
        role="adjudicator",
        about="Decide about tasks that were reviewed.",
        ask=Link("Next decision", "/adjudications"),
        under_way=seats.under_way(connection, member, "adjudicate"),
    )


home.WORK["adjudicator"] = _work


async def _list(visit: Visit) -> View:
    member = visit.member

    def ask(connection: sa.Connection) -> View:
        mine = sa.select(decisions.c.item).where(decisions.c.person == member.id)
        found = connection.execute(
            sa.select(items.c.id, items.c.state)
            .where(items.c.id.in_(mine))
            .order_by(items.c.since.desc())
        )
        done = tuple(
            Done(
                Link(
                    seats.brief(commands.version(connection, item).content),
                    f"/adjudications/{item}",
                ),
                STATES[state],
            )
            for item, state in found
        )
        under_way = seats.under_way(connection, member, "adjudicate")
        return Adjudications(title="Decisions", under_way=under_way, done=done)

    return await visit.read(ask)


async def _next(visit: Visit) -> Response:
    return await seats.next_work(visit, "adjudicate")


async def _open(visit: Visit) -> View:
    return await visit.read(lambda connection: _show(connection, visit, None))


async def _post(visit: Visit) -> View | Response:
    return await seats.posted(visit, "adjudicate", _show, _hand_in)


def _hand_in(connection: sa.Connection, visit: Visit, signature: str) -> None:
    item, who = visit.place("item"), visit.who
    content = commands.version(connection, item).content
    reviews = commands.counted_reviews(connection, item)
    found = slots(visit.given, content, reviews, who.person, 0)
    decision, comment, final, fields = decided(visit.given, content, found)
    fields.raise_first("decision", labels(found))
    commands.adjudicate(
        connection,
        who,
        item,
        cast(Decision, decision),
        final,
        policy=visit.web.project.policy,
        comment=comment,
        signature=signature,
    )


def _show(connection: sa.Connection, visit: Visit, stale: Stale | None) -> View:
    item, person = visit.place("item"), visit.who.person
    standing = commands.standing(connection, item)
    seat, paper = seats.paper(connection, visit, "adjudicate", standing, stale)
    if seat is not None:
        return _form(connection, visit, standing, paper, seat)
    if paper is not None:
        content = commands.version(connection, item).content
        reviews = commands.counted_reviews(connection, item)
        return seats.lapsed(paper, labels(slots(paper.given, content, reviews, person, 0)))
    mine = (decisions.c.item == item) & (decisions.c.person == person)
    query = sa.select(decisions).where(mine).order_by(decisions.c.seq.desc()).limit(1)
    made = connection.execute(query).mappings().first()
    if made is None:
        raise commands.unknown(item)
    return _made(connection, item, made)


def _form(
    connection: sa.Connection,
    visit: Visit,
    standing: Standing,
    paper: seats.Paper | None,
    seat: Lease,
) -> AdjudicationForm:
    item, person = standing.item, visit.who.person
    now = commands.version(connection, item)
    reviews = commands.counted_reviews(connection, item)
    given = Given() if paper is None else paper.given
    found = slots(given, now.content, reviews, person, seat.seed)
    tried = bool(visit.problem) and visit.given.raw("do") == "hand-in"
    saved = None if paper is None else paper.saved
    return AdjudicationForm(
        title="Decision",
        item=item,
        version=now.number,
        rev=0 if paper is None else paper.rev,
        messages=now.content.messages,
        alias=seats.alias_of(item),
        answer=now.rating.answer,
        rated=rated(now),
        difficult=standing.difficult,
        opinions=opinions(reviews, person),
        agreement=agreement(list(reviews.values())),
        versions=version_changes(connection, standing),
        slots=found,
        added=new_rows(given, more=visit.given.raw("do") == "more"),
        decisions=DECISIONS,
        comment=given.raw("comment"),
        opened=visit.given.raw("do") == "more",
        problems=decided(given, now.content, found)[3].problems if tried else {},
        other=None if saved is None else typed(saved, labels(found), but=given),
        preview=preview_of(connection, item, now.number, now.content),
    )


def version_changes(connection: sa.Connection, standing: Standing) -> tuple[Changed, ...]:
    """What each version after the first changes, and which role wrote it."""
    found = []
    before = commands.version(connection, standing.item, 1)
    for number in range(2, standing.version + 1):
        after = commands.version(connection, standing.item, number)
        by = "the author" if after.person == standing.author else "an adjudicator or lead"
        found.append(Changed(number, by, changes(before.content, after.content)))
        before = after
    return tuple(found)


def _made(connection: sa.Connection, item: str, made: Any) -> Decided:
    after = commands.version(connection, item, made["version"]).content
    before = commands.version(connection, item, made["version"] - 1).content
    return Decided(
        title="Your decision",
        state=made["decision"].replace("revising", "sent back"),
        comment=made["comment"],
        messages=after.messages,
        changes=changes(before, after),
        criteria=tuple((each.text, each.points) for each in after.criteria),
    )
