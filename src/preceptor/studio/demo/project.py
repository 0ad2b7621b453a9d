"""Filling an empty studio by the commands that people's pages call."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

from preceptor.store import Store
from preceptor.studio.baselines import commands as baselines
from preceptor.studio.baselines.commands import Written
from preceptor.studio.consensus.acts import Category
from preceptor.studio.consensus.commands import set_categories
from preceptor.studio.demo import labels
from preceptor.studio.demo.difficult import DIFFICULT
from preceptor.studio.demo.tasks import TASKS, Made
from preceptor.studio.ids import new_id
from preceptor.studio.items import commands
from preceptor.studio.items.assignment import Worker
from preceptor.studio.items.content import Content, CriterionReview, ItemCriterion, Review
from preceptor.studio.items.workflow import Decision
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.people import invitations, members
from preceptor.studio.people.acts import ProjectMade
from preceptor.studio.people.roles import Conflicts, Offer

__all__ = ["Actor", "fill"]

#: Name and role of each person.
_PEOPLE = (
    ("Lena Brandt", "lead"),
    ("Amal Haddad", "author"),
    ("Jonas Weber", "author"),
    ("Ruth Okafor", "reviewer"),
    ("Tomás Rivera", "reviewer"),
    ("Ingrid Solheim", "adjudicator"),
    ("Wen Zhao", "writer"),
    ("Noor Aziz", "labeller"),
    ("Eli Novak", "labeller"),
)
_ATTESTED = ("no_patient",)
_MORE = ("lead", "writer")
_CATEGORIES = tuple(
    Category(name=name, about=about, criteria=(ItemCriterion(f"{name}.1", text, 5),))
    for name, about, text in (
        (
            "emergency",
            "The person needs help now.",
            "Says in its first sentences that help is needed now",
        ),
        (
            "context",
            "Too little is known for an answer.",
            "Asks for what it lacks to give an answer",
        ),
    )
)


class Actor(msgspec.Struct, frozen=True):
    """A made-up person."""

    id: str
    name: str
    role: str

    @property
    def who(self) -> Who:
        return Who(self.id, "demo")


def fill(connection: sa.Connection, password: str, now: float, runs: Store) -> list[Actor]:
    """Make the project, its people, their tasks, and a run on these of which a part is labelled.

    ``password`` is a hash that all people have; ``runs`` is the store of the run.
    """
    append(connection, ProjectMade(name="Studio demo, made up"), by=None, subject=new_id())
    people = [_join(connection, name, role, password, now) for name, role in _PEOPLE]
    ids = [_bring(connection, made, people) for made in (*TASKS, *DIFFICULT)]
    reviewer = next(each.who for each in people if each.role == "reviewer")
    commands.note_guideline(connection, reviewer, ids[1], "May a criterion ask for one value?")
    _answer_and_label(connection, ids, people, runs, datetime.fromtimestamp(now, UTC))
    return people


def _answer_and_label(
    connection: sa.Connection, ids: list[str], people: list[Actor], runs: Store, now: datetime
) -> None:
    """A run on the accepted tasks, what is labelled of it, categories, and a physician's answer."""
    accepted = [
        (made, made.content.example(id, made.rating.difficult))
        for made, id in zip((*TASKS, *DIFFICULT), ids, strict=True)
        if made.state == "accepted"
    ]
    lead, writer = (next(each for each in people if each.role == role) for role in _MORE)
    made_up = labels.MadeUp.of(accepted)
    drawn = labels.draw(connection, lead.who, runs, labels.keep_run(runs, made_up), made_up)
    two = [each.who for each in people if each.role == "labeller"]
    labels.label(connection, two, drawn, made_up)
    set_categories(connection, lead.who, _CATEGORIES)
    shown = [(example, made.rating.answer, made.rating.system) for made, example in accepted[2:4]]
    baselines.set_references(connection, lead.who, "2", shown)
    worker, order = Worker(person=writer.id), random.Random(0)  # noqa: S311
    item = baselines.next_task(connection, worker, now=now, draw=order)
    good = next((made.good for made, example in accepted if example.id == item and made.good), "")
    if item is not None:
        text = Written(text=good or accepted[0][0].rating.answer, attested=True)
        baselines.hand_in(connection, writer.who, item, text, now)


def _join(connection: sa.Connection, name: str, role: str, password: str, now: float) -> Actor:
    link = invitations.invite(connection, Offer(roles=(role,)), by=None, now=now)
    email = f"{name.split(maxsplit=1)[0].casefold()}@example.org"
    person = invitations.join(connection, link, name=name, email=email, password=password, now=now)
    actor = Actor(person, name, role)
    members.declare(connection, Conflicts(employer="Made-up hospital"), by=actor.who)
    return actor


def _bring(connection: sa.Connection, made: Made, people: list[Actor]) -> str:
    """Take a task from blank to its state; its id."""
    content, state = made.content, made.state
    lead = next(each.who for each in people if each.role == "lead")
    author = next(each.who for each in people if each.name.startswith(_author_of(made)))
    item = commands.create(connection, author, content.mode, content.specialty, content.language)
    commands.submit(connection, author, item, content, made.rating, attested=_ATTESTED)
    if state == "withdrawn":
        commands.withdraw(connection, author, item, "a colleague wrote a better one")
    elif state != "submitted":
        move = {"draft": "return", "parked": "park"}.get(state, "queue")
        commands.move(connection, lead, item, move, _REASONS.get(state, ""))
        if move == "queue" and _review(connection, made, item, people):
            _decide(connection, made, item, people, author)
    if state == "retired":
        commands.move(connection, lead, item, "retire", _REASONS[state])
    return item


def _review(connection: sa.Connection, made: Made, item: str, people: list[Actor]) -> bool:
    """The reviews of a task; whether it goes on from there."""
    reviewers = [each.who for each in people if each.role == "reviewer"]
    if made.state == "in_review":  # one is missing
        reviewers = reviewers[: 1 if made.rating.difficult else 0]
    elif not made.rating.difficult:
        reviewers = reviewers[:1]
    for number, reviewer in enumerate(reviewers):
        wants = _is_changed(made) and number == len(reviewers) - 1
        review = _edited(made.content) if wants else _kept(made.content)
        score = made.rating.overall + (len(made.content.messages[0].text) + number) % 3 - 1
        review = msgspec.structs.replace(
            review, flaw=made.rating.difficult, scores={"overall": min(7, max(1, score))}
        )
        commands.review(connection, reviewer, item, review)
    return made.state not in ("in_review", "revising", "adjudicating")


def _decide(
    connection: sa.Connection, made: Made, item: str, people: list[Actor], author: Who
) -> None:
    content = made.content
    if _is_changed(made):
        content = _taken(content)
        commands.revise(connection, author, item, content, "Both points are right.")
    decision: Decision = "rejected" if made.state == "rejected" else "accepted"
    comment = "The question has no single answer." if made.state == "rejected" else ""
    by = next(each.who for each in people if each.role == "adjudicator")
    commands.adjudicate(connection, by, item, decision, content, policy="default", comment=comment)


_REASONS = {
    "draft": "please add a criterion on harm",
    "parked": "enough tasks of orthopedics for now",
    "retired": "the advice has changed since",
}


def _author_of(made: Made) -> str:
    return "Jonas" if made.content.language in ("de", "es") else "Amal"


def _is_changed(made: Made) -> bool:
    """Whether the last reviewer wants other points for a criterion."""
    wanted = made.content.language == "ar" or (bool(made.good) and len(made.rating.answer) % 3 == 0)
    return made.state == "revising" or wanted


def _kept(content: Content) -> Review:
    kept = tuple(CriterionReview(criterion=each.id) for each in content.criteria)
    return Review(realistic=True, flaw=False, approve=True, criteria=kept)


def _edited(content: Content) -> Review:
    """A review that wants other points for the first criterion."""
    first, *others = content.criteria
    wanted = CriterionReview(
        criterion=first.id,
        decision="edit",
        text=first.text,
        points=_fewer(first.points),
        reason="preference",
        comment="Worth less than the warning signs.",
    )
    rest = (CriterionReview(criterion=each.id) for each in others)
    return Review(realistic=True, flaw=False, approve=True, criteria=(wanted, *rest))


def _taken(content: Content) -> Content:
    """As :func:`_edited` wants it."""
    first, *others = content.criteria
    first = msgspec.structs.replace(first, points=_fewer(first.points))
    return msgspec.structs.replace(content, criteria=(first, *others))


def _fewer(points: int | None) -> int:
    return max(1, (points or 0) - 2)
