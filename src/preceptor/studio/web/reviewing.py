"""Reviewing, blind: the view of a review has no rating, no mode, no other review and no author."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from starlette.responses import Response

from preceptor.studio.items import commands
from preceptor.studio.items.commands import Version
from preceptor.studio.items.content import HIGHEST, Content, Turn
from preceptor.studio.items.drafts import Stale
from preceptor.studio.items.tables import decisions, items, reviews
from preceptor.studio.items.workflow import Standing
from preceptor.studio.people.members import Member
from preceptor.studio.web import home, seats
from preceptor.studio.web.fields import NewRow, new_rows
from preceptor.studio.web.forms import Given
from preceptor.studio.web.judgements import Judged, Opinion, Rated, judged, opinions, rated
from preceptor.studio.web.previewing import PreviewShown, preview_of
from preceptor.studio.web.render import Link, View
from preceptor.studio.web.review_fields import (
    REASON_WORDS,
    Row,
    Score,
    Typed,
    carried,
    fields_of,
    labels,
    read_review,
    rows,
    score_fields,
    typed,
)
from preceptor.studio.web.screens import Screen, Visit, Web
from preceptor.studio.web.task_views import STATES

__all__ = ["ReviewForm", "screens"]


class Done(msgspec.Struct, frozen=True):
    """A task that one has had a part in, and its state."""

    link: Link
    state: str


class Reviews(View, frozen=True, kw_only=True):
    """A person's reviews: under way, and handed in."""

    under_way: tuple[Link, ...]
    done: tuple[Done, ...]


class ReviewForm(View, frozen=True, kw_only=True):
    """A task as its reviewer sees it before handing in.

    ``again`` where an earlier version was reviewed; ``other`` is what another window saved.
    """

    item: str
    version: int
    rev: int
    specialty: str
    language: str
    messages: tuple[Turn, ...]
    alias: str
    answer: str
    rows: tuple[Row, ...]
    answers: dict[str, str]
    scores: tuple[Score, ...]
    highest: int
    added: tuple[NewRow, ...]
    comment: str
    note: str
    reasons: dict[str, str]
    again: bool
    opened: bool
    problems: dict[str, str]
    other: tuple[Typed, ...] | None


class ReviewSent(View, frozen=True, kw_only=True):
    """One's own review, while others are not in."""

    messages: tuple[Turn, ...]
    alias: str
    answer: str
    criteria: tuple[Judged, ...]
    opinions: tuple[Opinion, ...]


class ReviewsIn(View, frozen=True, kw_only=True):
    """All reviews of a version, the author's rating and mode, and what was decided."""

    messages: tuple[Turn, ...]
    alias: str
    answer: str
    rated: Rated
    criteria: tuple[Judged, ...]
    opinions: tuple[Opinion, ...]
    state: str
    comment: str
    preview: PreviewShown | None


_REVIEWER = frozenset({"reviewer"})
_SAID = {
    "none": "No task waits for your review now.",
    "skipped": "The task is given back. You are not offered it again.",
}
_SAID_OF_ONE = {
    "saved": "Saved.",
    "handed-in": "Your review is handed in.",
}


def screens(web: Web) -> list[Screen]:
    return [
        Screen("/reviews", web, get=_list, post=_next, roles=_REVIEWER, said=_SAID),
        Screen(
            "/reviews/{item:str}",
            web,
            get=_open,
            post=_post,
            roles=_REVIEWER,
            said=_SAID_OF_ONE,
        ),
    ]


def _work(connection: sa.Connection, member: Member) -> home.Work:
    return home.Work(
        role="reviewer",
        about="Review tasks of others, without seeing who wrote them.",
        ask=Link("Next review", "/reviews"),
        under_way=seats.under_way(connection, member, "review"),
    )


home.WORK["reviewer"] = _work


async def _list(visit: Visit) -> View:
    member = visit.member

    def ask(connection: sa.Connection) -> View:
        found = connection.execute(
            sa.select(items.c.id, items.c.state)
            .where(items.c.id.in_(sa.select(reviews.c.item).where(reviews.c.person == member.id)))
            .order_by(items.c.since.desc())
        )
        done = tuple(
            Done(
                Link(seats.brief(commands.version(connection, item).content), f"/reviews/{item}"),
                STATES[state],
            )
            for item, state in found
        )
        under_way = seats.under_way(connection, member, "review")
        return Reviews(title="Reviews", under_way=under_way, done=done)

    return await visit.read(ask)


async def _next(visit: Visit) -> Response:
    return await seats.next_work(visit, "review")


async def _open(visit: Visit) -> View:
    return await visit.read(lambda connection: _show(connection, visit, None))


async def _post(visit: Visit) -> View | Response:
    return await seats.posted(visit, "review", _show, _hand_in)


def _hand_in(connection: sa.Connection, visit: Visit, signature: str) -> None:
    item, who = visit.place("item"), visit.who
    content = commands.version(connection, item).content
    review, fields = read_review(visit.given, content)
    note = fields.text("note")
    fields.raise_first("review", labels(content))
    commands.review(connection, who, item, review, signature=signature)
    if note:
        commands.note_guideline(connection, who, item, note)


def _show(connection: sa.Connection, visit: Visit, stale: Stale | None) -> View:
    """The page that a person may see of a task: its type says what is in it."""
    item, person = visit.place("item"), visit.who.person
    standing = commands.standing(connection, item)
    reviewed = commands.last_reviewed(connection, item, person)
    if person not in standing.reviewers:
        seat, paper = seats.paper(connection, visit, "review", standing, stale)
        if seat is not None:
            return _form(connection, visit, standing, paper, reviewed)
        if paper is not None:
            return seats.lapsed(paper, labels(commands.version(connection, item).content))
    if reviewed is None:
        raise commands.unknown(item)
    is_complete = standing.state != "in_review" or reviewed < standing.version
    show = _all if is_complete else _own
    return show(connection, standing, commands.version(connection, item, reviewed), person)


def _form(
    connection: sa.Connection,
    visit: Visit,
    standing: Standing,
    paper: seats.Paper | None,
    reviewed: int | None,
) -> ReviewForm:
    item, person = standing.item, visit.who.person
    now = commands.version(connection, item)
    given = Given() if paper is None else paper.given
    if paper is None and reviewed is not None:
        earlier = commands.reviews_of(connection, item, reviewed)[person]
        given = carried(fields_of(earlier), _content(connection, item, reviewed), now.content)
    elif paper is not None and 0 < paper.version < now.number:
        given = carried(given, _content(connection, item, paper.version), now.content)
    tried = bool(visit.problem) and visit.given.raw("do") == "hand-in"
    saved = None if paper is None else paper.saved
    return ReviewForm(
        title="Review",
        item=item,
        version=now.number,
        rev=0 if paper is None else paper.rev,
        specialty=now.content.specialty,
        language=now.content.language,
        messages=now.content.messages,
        alias=seats.alias_of(item),
        answer=now.rating.answer,
        rows=rows(given, now.content),
        answers={name: given.raw(name) for name in ("realistic", "flaw")},
        scores=score_fields(given),
        highest=HIGHEST,
        added=new_rows(given, more=visit.given.raw("do") == "more"),
        comment=given.raw("comment"),
        note=given.raw("note"),
        reasons=REASON_WORDS,
        again=reviewed is not None,
        opened=visit.given.raw("do") == "more",
        problems=read_review(given, now.content)[1].problems if tried else {},
        other=None if saved is None else typed(saved, labels(now.content), but=given),
    )


def _content(connection: sa.Connection, item: str, number: int) -> Content:
    return commands.version(connection, item, number).content


def _own(
    connection: sa.Connection, standing: Standing, version: Version, person: str
) -> ReviewSent:
    mine = commands.reviews_of(connection, standing.item, version.number)[person]
    return ReviewSent(
        title="Your review",
        messages=version.content.messages,
        alias=seats.alias_of(standing.item),
        answer=version.rating.answer,
        criteria=judged(version.content, {person: mine}, person),
        opinions=opinions({person: mine}, person),
    )


def _all(connection: sa.Connection, standing: Standing, version: Version, person: str) -> ReviewsIn:
    found = commands.reviews_of(connection, standing.item, version.number)
    last = (
        sa.select(decisions.c.comment)
        .where(decisions.c.item == standing.item)
        .order_by(decisions.c.seq.desc())
    )
    return ReviewsIn(
        title="The reviews",
        messages=version.content.messages,
        alias=seats.alias_of(standing.item),
        answer=version.rating.answer,
        rated=rated(version),
        criteria=judged(version.content, found, person),
        opinions=opinions(found, person),
        state=standing.state.replace("_", " "),
        comment=connection.scalar(last.limit(1)) or "",
        preview=preview_of(connection, standing.item, version.number, version.content),
    )
