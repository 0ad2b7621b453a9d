"""What happens to a task, each with what it changes; an event's outcome is the state it brings."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import sqlalchemy as sa

from preceptor.records import PhysicianAnswer
from preceptor.store.statements import Prepared
from preceptor.studio.items.content import Content, Mode, Rating, Review
from preceptor.studio.items.tables import (
    decisions,
    imports,
    items,
    notes,
    reviews,
    skips,
    versions,
)
from preceptor.studio.ledger.acts import Act, Event

__all__ = [
    "Adjudicated",
    "Created",
    "GuidelineNoted",
    "Imported",
    "Moved",
    "Reviewed",
    "Revised",
    "Skipped",
    "Submitted",
    "Uncounted",
]

# Making a statement anew takes ten times as long as SQLite takes for it.
_OF: sa.BindParameter[str] = sa.bindparam("of")
_NONE, _ONE = (sa.literal_column(number, sa.Integer) for number in "01")
_THIS = items.c.id == _OF
_NUMBER = sa.select(items.c.version).where(_THIS).scalar_subquery()
_ITEM, _STATE = Prepared(items.insert()), Prepared(items.update().where(_THIS))
_NEXT = items.update().where(_THIS).values(version=items.c.version + _ONE)
_FOLLOWING = sa.func.coalesce(_NUMBER, _NONE) + _ONE
# `inline`: the number that was made is not read back.
_VERSION = Prepared(versions.insert().values(version=_FOLLOWING).inline())
_REVIEW = Prepared(reviews.insert().values(version=_NUMBER).inline())
_DECISION = Prepared(decisions.insert().values(version=_NUMBER).inline())
_IMPORT, _SKIP, _NOTE = (Prepared(table.insert()) for table in (imports, skips, notes))
_UNCOUNT_ALL = Prepared(reviews.update().where(reviews.c.item == _OF))
_UNCOUNT = Prepared(
    reviews.update().where((reviews.c.item == _OF) & (reviews.c.person == sa.bindparam("who")))
)


class Created(Act, frozen=True, kw_only=True):
    """An author began a task."""

    says = "Task {} begun"

    mode: Mode = "good_faith"
    specialty: str = ""
    language: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        author = event.person or ""
        _begin(connection, event, author, self.mode, self.specialty, self.language)


class _Handed(Act, frozen=True, kw_only=True):
    """A new version of a task."""

    content: Content = Content()
    rating: Rating = Rating()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        version = {
            "of": event.subject,
            "item": event.subject,
            "person": event.person,
            "seq": event.seq,
            "content": msgspec.json.encode(self.content).decode(),
            "rating": msgspec.json.encode(self.rating).decode(),
        }
        _VERSION(connection, version)
        now = {
            "mode": self.content.mode,
            "use_case": self.content.use_case,
            "specialty": self.content.specialty,
            "language": self.content.language,
            "system": self.rating.system,
        }
        self.change(connection, {**_now(event), **now, **self.more()})

    #: Of the task.
    change: ClassVar[Prepared] = Prepared(_NEXT)

    def more(self) -> dict[str, Any]:
        return {}


class Imported(_Handed, frozen=True, kw_only=True):
    """A task came from a file, in the state that was asked for.

    ``source`` is the file's name; ``tags`` and ``physician``'s answer are what the content has no
    place for. ``author`` is the person it was given to, if any.
    """

    says = "Task {} imported"

    source: str = ""
    tags: tuple[str, ...] = ()
    physician: PhysicianAnswer | None = None
    author: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        found = self.content
        _begin(connection, event, self.author, found.mode, found.specialty, found.language)
        super().apply(connection, event)
        row = {
            "item": event.subject,
            "seq": event.seq,
            "source": self.source,
            "tags": msgspec.json.encode(self.tags).decode(),
            "physician": msgspec.json.encode(self.physician).decode(),
        }
        _IMPORT(connection, row)

    def more(self) -> dict[str, Any]:
        return {"difficult": self.rating.difficult}


class Submitted(_Handed, frozen=True, kw_only=True):
    """An author handed in a task.

    ``attested`` is what the author declared; ``dismissed`` the linter's advice that was not taken.
    """

    says = "Task {} handed in"

    attested: tuple[str, ...] = ()
    dismissed: tuple[str, ...] = ()

    def more(self) -> dict[str, Any]:
        return {"difficult": self.rating.difficult}


class Revised(_Handed, frozen=True, kw_only=True):
    """An author handed in another version after the reviews."""

    says = "Task {} revised"

    reply: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        super().apply(connection, event)
        if event.outcome == "in_review":  # it is to be reviewed again
            _UNCOUNT_ALL(connection, {"of": event.subject, "counts": False})

    change = Prepared(_NEXT.values(rounds=items.c.rounds + _ONE))


class Moved(Act, frozen=True, kw_only=True):
    """A task was queued, parked, returned, retired, reopened, taken over or withdrawn."""

    says = "Task {} moved"

    move: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        again = {"rounds": 0} if self.move == "reopen" else {}
        _STATE(connection, {**_now(event), **again})


class Reviewed(Act, frozen=True, kw_only=True):
    """A reviewer handed in a review of the present version."""

    says = "Task {} reviewed"

    review: Review = Review()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = {
            "of": event.subject,
            "item": event.subject,
            "person": event.person or "",
            "seq": event.seq,
            "body": msgspec.json.encode(self.review).decode(),
            "counts": True,
        }
        _REVIEW(connection, row)
        _STATE(connection, _now(event))


class Adjudicated(_Handed, frozen=True, kw_only=True):
    """An adjudicator decided; the content is as it was decided."""

    says = "Task {} decided about"

    difficult: bool = False
    comment: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        super().apply(connection, event)
        row = {
            "of": event.subject,
            "seq": event.seq,
            "item": event.subject,
            "person": event.person,
            "decision": event.outcome,
            "comment": self.comment,
        }
        _DECISION(connection, row)

    def more(self) -> dict[str, Any]:
        return {"difficult": self.difficult}


class Uncounted(Act, frozen=True, kw_only=True):
    """All that a person did for a task counts no more: ``person``'s reviews, or the task itself."""

    says = "Somebody's work on task {} taken out"

    person: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        _UNCOUNT(connection, {"of": event.subject, "who": self.person, "counts": False})
        _STATE(connection, _now(event))


class Skipped(Act, frozen=True, kw_only=True):
    """A person gave a task back that they were to work on."""

    says = "Task {} skipped"

    work: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = {"item": event.subject, "person": event.person or "", "work": self.work}
        _SKIP(connection, {**row, "seq": event.seq})


class GuidelineNoted(Act, frozen=True, kw_only=True):
    """Somebody found that the guideline leaves a question open."""

    says = "Guideline: a question left open by task {}"

    text: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = {"seq": event.seq, "item": event.subject, "person": event.person}
        _NOTE(connection, {**row, "text": self.text})


def _now(event: Event) -> dict[str, Any]:
    """Of the task of an event: where it stands from now on."""
    return {"of": event.subject, "state": event.outcome, "since": event.seq}


def _begin(  # noqa: PLR0917
    connection: sa.Connection,
    event: Event,
    author: str,
    mode: Mode,
    specialty: str,
    language: str,
) -> None:
    row = {
        "id": event.subject,
        "author": author,
        "state": "draft",
        "mode": mode,
        "use_case": "",
        "specialty": specialty,
        "language": language,
        "system": "",
        "difficult": False,
        "version": 0,
        "rounds": 0,
        "since": event.seq,
    }
    _ITEM(connection, row)
