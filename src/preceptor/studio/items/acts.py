"""What happens to a task, each with what it changes; an event's outcome is the state it brings."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.records import PhysicianAnswer
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
        version = 1 + (
            connection.scalar(sa.select(items.c.version).where(items.c.id == event.subject)) or 0
        )
        connection.execute(
            versions.insert().values(
                item=event.subject,
                version=version,
                person=event.person,
                seq=event.seq,
                content=msgspec.json.encode(self.content).decode(),
                rating=msgspec.json.encode(self.rating).decode(),
            )
        )
        _update(
            connection,
            event,
            version=version,
            mode=self.content.mode,
            use_case=self.content.use_case,
            specialty=self.content.specialty,
            language=self.content.language,
            system=self.rating.system,
            **self.more(),
        )

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
        connection.execute(
            imports.insert().values(
                item=event.subject,
                seq=event.seq,
                source=self.source,
                tags=msgspec.json.encode(self.tags).decode(),
                physician=msgspec.json.encode(self.physician).decode(),
            )
        )

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
            of_item = reviews.c.item == event.subject
            connection.execute(reviews.update().where(of_item).values(counts=False))

    def more(self) -> dict[str, Any]:
        return {"rounds": items.c.rounds + 1}


class Moved(Act, frozen=True, kw_only=True):
    """A task was queued, parked, returned, retired, reopened, taken over or withdrawn."""

    says = "Task {} moved"

    move: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        again = {"rounds": 0} if self.move == "reopen" else {}
        _update(connection, event, **again)


class Reviewed(Act, frozen=True, kw_only=True):
    """A reviewer handed in a review of the present version."""

    says = "Task {} reviewed"

    review: Review = Review()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        version = connection.scalar(sa.select(items.c.version).where(items.c.id == event.subject))
        connection.execute(
            reviews.insert().values(
                item=event.subject,
                version=version,
                person=event.person or "",
                seq=event.seq,
                body=msgspec.json.encode(self.review).decode(),
                counts=True,
            )
        )
        _update(connection, event)


class Adjudicated(_Handed, frozen=True, kw_only=True):
    """An adjudicator decided; the content is as it was decided."""

    says = "Task {} decided about"

    difficult: bool = False
    comment: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        super().apply(connection, event)
        connection.execute(
            decisions.insert().values(
                seq=event.seq,
                item=event.subject,
                version=connection.scalar(
                    sa.select(items.c.version).where(items.c.id == event.subject)
                ),
                person=event.person,
                decision=event.outcome,
                comment=self.comment,
            )
        )

    def more(self) -> dict[str, Any]:
        return {"difficult": self.difficult}


class Uncounted(Act, frozen=True, kw_only=True):
    """All that a person did for a task counts no more: ``person``'s reviews, or the task itself."""

    says = "Somebody's work on task {} taken out"

    person: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        mine = (reviews.c.item == event.subject) & (reviews.c.person == self.person)
        connection.execute(reviews.update().where(mine).values(counts=False))
        _update(connection, event)


class Skipped(Act, frozen=True, kw_only=True):
    """A person gave a task back that they were to work on."""

    says = "Task {} skipped"

    work: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = {"item": event.subject, "person": event.person or "", "work": self.work}
        connection.execute(skips.insert().values(**row, seq=event.seq))


class GuidelineNoted(Act, frozen=True, kw_only=True):
    """Somebody found that the guideline leaves a question open."""

    says = "Guideline: a question left open by task {}"

    text: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        connection.execute(
            notes.insert().values(
                seq=event.seq, item=event.subject, person=event.person, text=self.text
            )
        )


def _update(connection: sa.Connection, event: Event, **values: Any) -> None:
    connection.execute(
        items.update()
        .where(items.c.id == event.subject)
        .values(**values, state=event.outcome, since=event.seq)
    )


def _begin(  # noqa: PLR0917
    connection: sa.Connection,
    event: Event,
    author: str,
    mode: Mode,
    specialty: str,
    language: str,
) -> None:
    connection.execute(
        items.insert().values(
            id=event.subject,
            author=author,
            state="draft",
            mode=mode,
            use_case="",
            specialty=specialty,
            language=language,
            system="",
            difficult=False,
            version=0,
            rounds=0,
            since=event.seq,
        )
    )
