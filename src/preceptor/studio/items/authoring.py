"""What an author has written: the draft of a task, or the version it begins with."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from preceptor.errors import UnknownName, shorten
from preceptor.store.statements import Question
from preceptor.studio.items.commands import standing, version
from preceptor.studio.items.content import Content
from preceptor.studio.items.drafts import draft_of, save
from preceptor.studio.items.tables import answers, decisions, drafts, items
from preceptor.studio.items.workflow import Standing
from preceptor.studio.items.writing import Answer, Writing, begun
from preceptor.studio.ledger.chain import now

__all__ = [
    "Decided",
    "Mine",
    "Written",
    "answers_to",
    "decided",
    "keep",
    "listed",
    "mine",
    "written",
]

#: Kind of an author's draft.
_KIND = "author"
_encode = msgspec.json.encode
#: Characters of a task's name in a list.
_NAME = 70


class Written(msgspec.Struct, frozen=True):
    """Where a task stands, what is written of it, how many times that was saved; its answers."""

    standing: Standing
    writing: Writing
    rev: int
    answers: tuple[Answer, ...] = ()

    @property
    def live(self) -> Answer | None:
        """The live answer to the last turn."""
        return self.writing.live(self.answers)


class Mine(msgspec.Struct, frozen=True):
    """A task in its author's list. ``name`` is how it begins; ``at`` when it was last worked on."""

    id: str
    name: str
    state: str
    at: str


class Decided(msgspec.Struct, frozen=True):
    """What an adjudicator decided, with the version that holds it."""

    decision: str
    comment: str
    version: int


def decided(connection: sa.Connection, item: str) -> Decided | None:
    """The last decision on a task."""
    row = connection.execute(
        sa.select(decisions.c.decision, decisions.c.comment, decisions.c.version)
        .where(decisions.c.item == item)
        .order_by(decisions.c.seq.desc())
        .limit(1)
    ).first()
    return None if row is None else Decided(*row)


def mine(connection: sa.Connection, item: str, person: str) -> Standing:
    """Where one's own task stands. Raises UnknownName, also for another's."""
    found = standing(connection, item)
    if found.author != person:
        raise UnknownName(f"task {shorten(item)}: you have none of that id")
    return found


def written(connection: sa.Connection, item: str, person: str) -> Written:
    """A task of one's own as it was left. Raises UnknownName."""
    found = mine(connection, item, person)
    live = answers_to(connection, item)
    draft = draft_of(connection, item, person, _KIND)
    if draft is not None:
        return Written(found, msgspec.json.decode(draft.body, type=Writing), draft.rev, live)
    if found.version:
        last = version(connection, item)
        return Written(found, begun(last.content, last.rating, live), 0, live)
    row = connection.execute(sa.select(items).where(items.c.id == item)).one()
    begins = Content(specialty=row.specialty, language=row.language)
    return Written(found, begun(begins), 0, live)


_ANSWERS = Question(
    sa.select(*(answers.c[name] for name in Answer.__struct_fields__))
    .where(answers.c.item == sa.bindparam("of"))
    .order_by(answers.c.at)
)


def answers_to(connection: sa.Connection, item: str) -> tuple[Answer, ...]:
    """The live answers to a task's conversations, in the order they were asked for."""
    return tuple(Answer(**row._asdict()) for row in _ANSWERS(connection, {"of": item}))


def keep(
    connection: sa.Connection,
    item: str,
    person: str,
    change: Callable[[Written], Writing],
    rev: int,
) -> Written:
    """Save what ``change`` makes of a draft over its revision ``rev``; the task as it is then.

    Raises Refused, Stale, UnknownName.
    """
    found = written(connection, item, person)
    found.standing.expect("save", "draft", "revising")
    writing = change(found)
    body = _encode(writing).decode()
    draft = save(connection, item, person, _KIND, rev=rev, body=body, at=now())
    return replace(found, writing=writing, rev=draft.rev)


def listed(connection: sa.Connection, person: str) -> list[Mine]:
    """A person's own tasks; those worked on last come first."""
    of_person = (drafts.c.item == items.c.id) & (drafts.c.person == person)
    rows = connection.execute(
        sa.select(items.c.id, items.c.state, items.c.since, items.c.version, drafts)
        .outerjoin(drafts, of_person & (drafts.c.kind == _KIND))
        .where(items.c.author == person)
    ).all()
    found = []
    for row in rows:
        if row.body:
            messages = msgspec.json.decode(row.body, type=Writing).messages
        else:
            messages = version(connection, row.id).content.messages if row.version else ()
        begins = " ".join(messages[0].text.split()) if messages else ""
        name = begins if len(begins) <= _NAME else f"{begins[:_NAME].rstrip()}…"
        found.append((row.at or "", row.since, Mine(row.id, name, row.state, row.at or "")))
    return [each for *_, each in sorted(found, key=lambda each: each[:2], reverse=True)]
