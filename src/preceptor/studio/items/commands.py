"""What people do to tasks: each reads where the task stands, asks the workflow, and appends."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.errors import UnknownName, shorten
from preceptor.store.statements import Question
from preceptor.studio.ids import new_id
from preceptor.studio.items import workflow
from preceptor.studio.items.acts import (
    Adjudicated,
    Created,
    GuidelineNoted,
    Moved,
    Reviewed,
    Revised,
    Submitted,
    Uncounted,
)
from preceptor.studio.items.content import Content, Mode, Rating, Review
from preceptor.studio.items.drafts import discard
from preceptor.studio.items.tables import decisions, items, reviews, versions
from preceptor.studio.items.workflow import Decision, Policy, Standing
from preceptor.studio.ledger.acts import Event, Who
from preceptor.studio.ledger.chain import append

__all__ = [
    "Version",
    "adjudicate",
    "counted_reviews",
    "create",
    "last_reviewed",
    "move",
    "note_guideline",
    "review",
    "reviews_of",
    "revise",
    "standing",
    "submit",
    "take_back",
    "unknown",
    "version",
    "withdraw",
]


class Version(msgspec.Struct, frozen=True):
    """A task's text at one time, and the rating of the model's answer to it."""

    number: int
    person: str | None
    content: Content
    rating: Rating


def create(connection: sa.Connection, who: Who, mode: Mode, specialty: str, language: str) -> str:
    """Begin a task; returns its id."""
    id = new_id()
    act = Created(mode=mode, specialty=specialty, language=language)
    append(connection, act, by=who, subject=id, outcome="draft")
    return id


def unknown(item: str) -> UnknownName:
    """There is no such task; nor is it said that there is one, to those whose it is not."""
    return UnknownName(f"task {shorten(item)}: there is none: begin at the first page")


#: Made once: each save of a form asks where its task stands.
_ITEM = Question(sa.select(items).where(items.c.id == sa.bindparam("item")))
_REVIEWED = Question(
    sa.select(reviews.c.person, reviews.c.counts)
    .where(reviews.c.item == sa.bindparam("item"))
    .order_by(reviews.c.seq)
)
_DECIDED = Question(
    sa.select(decisions.c.person)
    .where(decisions.c.item == sa.bindparam("item"))
    .order_by(decisions.c.seq.desc())
    .limit(1)
)


def standing(connection: sa.Connection, item: str) -> Standing:
    """Where a task stands. Raises UnknownName."""
    row = _ITEM.one(connection, {"item": item})
    if row is None:
        raise unknown(item)
    reviewed = _REVIEWED(connection, {"item": item})
    decided = _DECIDED.one(connection, {"item": item})
    return Standing(
        item=item,
        reviewers=tuple(person for person, counts in reviewed if counts),
        reviewed=tuple(dict.fromkeys(person for person, _ in reviewed)),
        adjudicator=decided and decided.person,
        author=row.author,
        state=row.state,
        mode=row.mode,
        difficult=row.difficult,
        version=row.version,
        rounds=row.rounds,
    )


def version(connection: sa.Connection, item: str, number: int | None = None) -> Version:
    """A version of a task, the latest by default. Raises UnknownName where it has none."""
    query = sa.select(versions).where(versions.c.item == item)
    if number is not None:
        query = query.where(versions.c.version == number)
    row = connection.execute(query.order_by(versions.c.version.desc()).limit(1)).mappings().first()
    if row is None:
        raise UnknownName(f"task {shorten(item)}: no such version: it was not handed in yet")
    return Version(
        row["version"],
        row["person"],
        msgspec.json.decode(row["content"], type=Content),
        msgspec.json.decode(row["rating"], type=Rating),
    )


def counted_reviews(connection: sa.Connection, item: str) -> dict[str, Review]:
    """Person → review, of those that count for the text as it is, in the order they came."""
    rows = connection.execute(
        sa.select(reviews.c.person, reviews.c.body)
        .where((reviews.c.item == item) & reviews.c.counts)
        .order_by(reviews.c.seq)
    )
    return {person: msgspec.json.decode(body, type=Review) for person, body in rows}


def reviews_of(connection: sa.Connection, item: str, number: int) -> dict[str, Review]:
    """Person → review of one version, in the order they came, also where it counts no more."""
    of_version = (reviews.c.item == item) & (reviews.c.version == number)
    rows = connection.execute(
        sa.select(reviews.c.person, reviews.c.body).where(of_version).order_by(reviews.c.seq)
    )
    return {person: msgspec.json.decode(body, type=Review) for person, body in rows}


def last_reviewed(connection: sa.Connection, item: str, person: str) -> int | None:
    """The latest version that a person has reviewed."""
    mine = (reviews.c.item == item) & (reviews.c.person == person)
    found: int | None = connection.scalar(sa.select(sa.func.max(reviews.c.version)).where(mine))
    return found


def submit(
    connection: sa.Connection,
    who: Who,
    item: str,
    content: Content,
    rating: Rating,
    *,
    attested: tuple[str, ...] = (),
    dismissed: tuple[str, ...] = (),
    signature: str = "",
) -> Event:
    """Hand in a draft, which is then gone. Raises Refused."""
    state = workflow.submitted(standing(connection, item), who.person, content)
    discard(connection, item, who.person, "author")
    act = Submitted(content=content, rating=rating, attested=attested, dismissed=dismissed)
    return append(connection, act, by=who, subject=item, outcome=state, signature=signature)


def move(
    connection: sa.Connection, who: Who | None, item: str, name: str, reason: str = ""
) -> Event:
    """Queue, park, return, retire, reopen or take over a task. Raises Refused."""
    state = workflow.moved(standing(connection, item), name)
    return append(connection, Moved(move=name), by=who, subject=item, outcome=state, reason=reason)


def withdraw(connection: sa.Connection, who: Who, item: str, reason: str) -> Event:
    """An author takes a task back. Raises Refused."""
    state = workflow.withdrawn(standing(connection, item), who.person)
    discard(connection, item, who.person, "author")
    act = Moved(move="withdraw")
    return append(connection, act, by=who, subject=item, outcome=state, reason=reason)


def review(
    connection: sa.Connection, who: Who, item: str, found: Review, *, signature: str = ""
) -> Event:
    """Hand in a review of the present version. Raises Refused."""
    now = standing(connection, item)
    earlier = tuple(counted_reviews(connection, item).values())
    content = version(connection, item).content
    state = workflow.reviewed(now, who.person, found, content, earlier)
    discard(connection, item, who.person, "review")
    act = Reviewed(review=found)
    return append(connection, act, by=who, subject=item, outcome=state, signature=signature)


def revise(
    connection: sa.Connection,
    who: Who,
    item: str,
    content: Content,
    reply: str = "",
    *,
    signature: str = "",
) -> Event:
    """Hand in another version after the reviews. Raises Refused."""
    now = standing(connection, item)
    before = version(connection, item)
    found = tuple(counted_reviews(connection, item).values())
    state = workflow.revised(now, who.person, content, found, before.content)
    discard(connection, item, who.person, "author")
    act = Revised(content=content, rating=before.rating, reply=reply)
    return append(connection, act, by=who, subject=item, outcome=state, signature=signature)


def adjudicate(
    connection: sa.Connection,
    who: Who,
    item: str,
    decision: Decision,
    content: Content,
    *,
    policy: Policy,
    comment: str = "",
    signature: str = "",
) -> Event:
    """Accept, reject or send back a task, with the text as decided. Raises Refused."""
    now = standing(connection, item)
    found = tuple(counted_reviews(connection, item).values())
    state, difficult = workflow.adjudicated(
        now, who.person, decision, content, found, policy=policy
    )
    discard(connection, item, who.person, "adjudicate")
    rating = version(connection, item).rating
    act = Adjudicated(content=content, rating=rating, difficult=difficult, comment=comment)
    return append(connection, act, by=who, subject=item, outcome=state, signature=signature)


def note_guideline(connection: sa.Connection, who: Who, item: str, text: str) -> Event:
    """Tell the lead that the guideline leaves a question open."""
    return append(connection, GuidelineNoted(text=text), by=who, subject=item)


def take_back(connection: sa.Connection, who: Who | None, person: str) -> list[Event]:
    """Take all that a person did for tasks out of account, and reopen what lacks a review then."""
    involved = sa.union(
        sa.select(items.c.id).where(items.c.author == person),
        sa.select(reviews.c.item).where((reviews.c.person == person) & reviews.c.counts),
        sa.select(decisions.c.item).where(decisions.c.person == person),
    )
    events = []
    for item in sorted(connection.scalars(involved)):
        state = workflow.uncounted(standing(connection, item), person)
        events.append(
            append(connection, Uncounted(person=person), by=who, subject=item, outcome=state)
        )
    return events
