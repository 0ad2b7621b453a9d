"""What an author sees of a task, in each of its states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from preceptor.studio.differences import Piece, differences
from preceptor.studio.ids import new_id
from preceptor.studio.items import authoring, commands
from preceptor.studio.items.advice import Advice, advice
from preceptor.studio.items.authoring import Written
from preceptor.studio.items.changes import Changed, changes
from preceptor.studio.items.content import (
    HIGHEST,
    SCORES,
    STRATEGIES,
    Content,
    Mode,
    Rating,
    Review,
)
from preceptor.studio.items.workflow import State
from preceptor.studio.items.writing import (
    ATTESTATIONS,
    USE_CASES,
    Answer,
    Row,
    Writing,
    number_of,
    problems,
)
from preceptor.studio.people.project import project
from preceptor.studio.web.chatting import Chats, Pending
from preceptor.studio.web.previewing import PreviewBox, preview_box
from preceptor.studio.web.render import Saved, View

__all__ = [
    "OPEN",
    "STATES",
    "HandedIn",
    "Note",
    "Outcome",
    "Proposal",
    "RevisionForm",
    "TaskForm",
    "TaskSaved",
    "asked_of",
    "saved_of",
    "view_of",
]

#: States in which the author writes.
OPEN: tuple[State, ...] = ("draft", "revising")
#: Rows for criteria that a form has at least.
_ROWS = 3
#: What authors, reviewers and adjudicators read of a task's state.
STATES = {
    "draft": "not handed in yet",
    "submitted": "handed in",
    "parked": "handed in, set aside by a lead",
    "in_review": "in review",
    "revising": "to be revised",
    "adjudicating": "waits for a decision",
    "accepted": "accepted",
    "rejected": "rejected",
    "withdrawn": "withdrawn",
    "retired": "retired",
}


class Lists(msgspec.Struct, frozen=True):
    """The words of a form's choices."""

    use_cases: tuple[tuple[str, str], ...] = tuple(USE_CASES.items())
    strategies: tuple[str, ...] = STRATEGIES
    dimensions: tuple[str, ...] = SCORES
    scale: tuple[int, ...] = tuple(range(1, HIGHEST + 1))
    attestations: tuple[tuple[str, str], ...] = tuple(ATTESTATIONS.items())


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer says of a criterion, against the text as it is now.

    Attributes
    ----------
    by
        ``R1``, ``R2``: never a name.
    take
        What follows ``take-`` in the button that does it; empty where it is done already.
    points
        The reviewer's, where they differ.
    """

    by: str
    criterion: str
    decision: str
    reason: str = ""
    comment: str = ""
    pieces: tuple[Piece, ...] = ()
    points: int | None = None
    take: str = ""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer says of the whole task."""

    by: str
    realistic: bool | None
    flaw: bool | None
    approve: bool | None
    comment: str


class TaskForm(View, frozen=True, kw_only=True):
    """A task that its author writes.

    Attributes
    ----------
    systems
        Aliases of those that can be asked.
    answer, others
        The live answer to the last turn, and the other ones to it.
    pending
        An answer on its way, or one that failed.
    scores
        Of the answer that is shown.
    problems
        Field → why the task cannot be handed in; beside the fields once that was ``tried``.
    focus
        Id of the field that a button leads to.
    preview
        What the grader said of the rubric; None where this task has no preview.
    other
        Where another window saved meanwhile: what each text is there.
    """

    item: str
    mode: Mode
    rev: int
    writing: Writing
    systems: tuple[str, ...] = ()
    answer: Answer | None = None
    others: tuple[Answer, ...] = ()
    pending: Pending | None = None
    scores: dict[str, str]
    problems: dict[str, str]
    tried: bool = False
    focus: str = ""
    other: tuple[tuple[str, str], ...] = ()
    proposals: tuple[Proposal, ...] = ()
    advice: tuple[Advice, ...] = ()
    preview: PreviewBox | None = None
    revises: bool = False
    lists: Lists = Lists()


class TaskSaved(Saved, frozen=True, kw_only=True):
    """What changes in the form once it is saved. ``unanswered``: a system is to be asked yet."""

    advice: tuple[Advice, ...]
    preview: PreviewBox | None
    unanswered: bool


class RevisionForm(TaskForm, frozen=True, kw_only=True):
    """The same after its reviews. ``decision`` is the words with which it was sent back."""

    notes: tuple[Note, ...]
    decision: str
    rating: Rating


class HandedIn(View, frozen=True, kw_only=True):
    """A task of the reader's that others work on, or nobody any more."""

    item: str
    state: str
    may_withdraw: bool
    content: Content
    rating: Rating
    #: Where its reader, who is a lead, too, queues it for review.
    board: str = ""


class Outcome(HandedIn, frozen=True, kw_only=True):
    """The same after the decision: what was changed, and what the reviewers said."""

    comment: str
    changes: tuple[Changed, ...]
    difficult: bool
    notes: tuple[Note, ...]
    proposals: tuple[Proposal, ...]


def view_of(
    connection: sa.Connection,
    found: Written,
    chats: Chats | None,
    *,
    focus: str = "",
    tried: bool = False,
    other: tuple[tuple[str, str], ...] = (),
) -> View:
    """The author's view of a task."""
    standing = found.standing
    if standing.state not in OPEN:
        return _handed_in(connection, found)
    writing, revising = found.writing, standing.state == "revising"
    # Before the answers: what ends between the two is one of them.
    pending = chats.pending(connection, found) if chats else None
    found = replace(found, answers=authoring.answers_to(connection, standing.item))
    live = found.live
    rating = writing.rating(live)
    shared: dict[str, Any] = {
        "title": "Task",
        "item": standing.item,
        "mode": standing.mode,
        "rev": found.rev,
        "writing": _with_blanks(writing),
        "scores": writing.scores if rating.overall or rating.dimensions else {},
        "problems": problems(writing, live, revising=revising),
        "systems": tuple(project(connection).aliases(standing.item)) if chats else (),
        "preview": preview_box(connection, found, chats),
        "answer": None if live is None else replace(live, system="", key=""),
        "others": tuple(
            replace(e, system="", key="")
            for e in found.answers
            if e.asked == writing.asked and e != live
        ),
        "pending": pending,
        "advice": tuple(advice(writing)),
        "tried": tried,
        "focus": focus,
        "other": other,
    }
    if not revising:
        return TaskForm(**shared)
    reviews = list(commands.counted_reviews(connection, standing.item).values())
    decision = authoring.decided(connection, standing.item)
    return RevisionForm(
        **shared,
        revises=True,
        proposals=tuple(_proposals(reviews, writing.rows)),
        notes=_notes(reviews),
        decision="" if decision is None else decision.comment,
        rating=_unnamed(commands.version(connection, standing.item).rating),
    )


def saved_of(
    found: Written, preview: PreviewBox | None = None, *, unanswered: bool = False
) -> TaskSaved:
    """The author's view of a task that is saved while it is written on."""
    return TaskSaved(
        rev=found.rev,
        advice=tuple(advice(found.writing)),
        preview=preview,
        unanswered=unanswered,
    )


def asked_of(
    connection: sa.Connection, found: Written, chats: Chats
) -> tuple[PreviewBox | None, bool]:
    """The box of a task whose project has systems, and whether one is to be asked yet."""
    unanswered = not found.writing.answer
    if unanswered:
        answers = authoring.answers_to(connection, found.standing.item)
        unanswered = found.writing.live(answers) is None
    return preview_box(connection, found, chats), unanswered


def _with_blanks(writing: Writing) -> Writing:
    """The same, with rows that wait to be filled: one that stays empty is no criterion."""
    blanks = (Row(new_id()) for _ in range(_ROWS - len(writing.rows)))
    return replace(writing, rows=(*writing.rows, *blanks))


def _unnamed(rating: Rating) -> Rating:
    """The rating without the system's address: an author knows its alias alone."""
    return replace(rating, system="", response_key="")


def _handed_in(connection: sa.Connection, found: Written) -> View:
    standing, writing = found.standing, found.writing
    content, rating = writing.content(standing.mode), Rating()
    if standing.version:
        version = commands.version(connection, standing.item)
        content, rating = version.content, version.rating
    shared: dict[str, Any] = {
        "title": "Task",
        "item": standing.item,
        "state": STATES[standing.state],
        "may_withdraw": standing.state in ("submitted", "parked"),
        "content": content,
        "rating": _unnamed(rating),
    }
    decision = authoring.decided(connection, standing.item)
    if standing.state not in ("accepted", "rejected", "retired") or decision is None:
        return HandedIn(**shared)
    before = commands.version(connection, standing.item, decision.version - 1).content
    reviews = list(commands.counted_reviews(connection, standing.item).values())
    rows = tuple(Row(each.id, each.text, str(each.points)) for each in before.criteria)
    return Outcome(
        **shared,
        comment=decision.comment,
        changes=tuple(changes(before, content)),
        difficult=standing.difficult,
        notes=_notes(reviews),
        proposals=tuple(_proposals(reviews, rows)),
    )


def _notes(reviews: list[Review]) -> tuple[Note, ...]:
    return tuple(
        Note(
            by=f"R{number}",
            realistic=review.realistic,
            flaw=review.flaw,
            approve=review.approve,
            comment=review.comment,
        )
        for number, review in enumerate(reviews, 1)
    )


def _proposals(reviews: list[Review], rows: tuple[Row, ...]) -> Iterator[Proposal]:
    """All that reviewers say of the criteria that there are, and those that they add."""
    by_id = {row.id: row for row in rows}
    for number, review in enumerate(reviews, 1):
        for said in review.criteria:
            row = by_id.get(said.criterion)
            if row is None or (said.decision == "keep" and not said.comment):
                continue
            edited = said.decision == "edit"
            done = said.decision == "keep" or (
                edited and (row.text, number_of(row.points)) == (said.text, said.points)
            )
            yield Proposal(
                by=f"R{number}",
                criterion=row.id,
                decision=said.decision,
                reason=said.reason,
                comment=said.comment,
                pieces=tuple(differences(row.text, said.text)) if edited else (),
                points=said.points if edited and said.points != number_of(row.points) else None,
                take="" if done else f"{number - 1}-{row.id}",
            )
        for new in review.added:
            yield Proposal(
                by=f"R{number}",
                criterion="",
                decision="add",
                pieces=(Piece("added", new.text),),
                points=new.points,
                take="" if new.id in by_id else f"{number - 1}-{new.id}",
            )
