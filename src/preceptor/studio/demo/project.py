"""Filling an empty studio by the commands that people's pages call."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.studio.demo.tasks import TASKS, Made
from preceptor.studio.ids import new_id
from preceptor.studio.items import commands
from preceptor.studio.items.content import Content, CriterionReview, Review
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
)
_ATTESTED = ("no_patient",)


class Actor(msgspec.Struct, frozen=True):
    """A made-up person."""

    id: str
    name: str
    role: str

    @property
    def who(self) -> Who:
        return Who(self.id, "demo")


def fill(connection: sa.Connection, password: str, now: float) -> list[Actor]:
    """Make the project, its people and their tasks; ``password`` is a hash that all have."""
    append(connection, ProjectMade(name="Studio demo, made up"), by=None, subject=new_id())
    people = [_join(connection, name, role, password, now) for name, role in _PEOPLE]
    for made in TASKS:
        _bring(connection, made, people)
    return people


def _join(connection: sa.Connection, name: str, role: str, password: str, now: float) -> Actor:
    link = invitations.invite(connection, Offer(roles=(role,)), by=None, now=now)
    email = f"{name.split(maxsplit=1)[0].casefold()}@example.org"
    person = invitations.join(connection, link, name=name, email=email, password=password, now=now)
    actor = Actor(person, name, role)
    members.declare(connection, Conflicts(employer="Made-up hospital"), by=actor.who)
    return actor


def _bring(connection: sa.Connection, made: Made, people: list[Actor]) -> None:
    """Take a task from blank to its state."""
    roles = {actor.role: actor.who for actor in reversed(people)}
    lead, reviewers = roles["lead"], [each.who for each in people if each.role == "reviewer"]
    author = next(each for each in people if each.name.startswith(_author_of(made))).who
    content, state = made.content, made.state
    item = commands.create(connection, author, content.mode, content.specialty, content.language)
    commands.submit(connection, author, item, content, made.rating, attested=_ATTESTED)
    if state == "submitted":
        return
    if state == "withdrawn":
        commands.withdraw(connection, author, item, "a colleague wrote a better one")
        return
    early = {"draft": "return", "parked": "park"}
    commands.move(connection, lead, item, early.get(state, "queue"), _REASONS.get(state, ""))
    if state in early:
        return
    if state == "in_review":  # one of the two reviews that it needs
        commands.review(connection, reviewers[0], item, _kept(content, flaw=True))
        return
    flawed = made.rating.difficult
    wants = state == "revising" or content.language == "ar"
    for reviewer in reviewers if flawed else reviewers[:1]:
        found = _edited(content) if wants else _kept(content, flaw=flawed)
        commands.review(connection, reviewer, item, found)
    if state in ("revising", "adjudicating"):
        return
    if wants:
        content = _taken(content)
        commands.revise(connection, author, item, content, "Both points are right.")
    decision: Decision = "rejected" if state == "rejected" else "accepted"
    comment = "The question has no single answer." if state == "rejected" else ""
    commands.adjudicate(
        connection,
        roles["adjudicator"],
        item,
        decision,
        content,
        policy="default",
        comment=comment,
    )
    if state == "retired":
        commands.move(connection, lead, item, "retire", _REASONS[state])


_REASONS = {
    "draft": "please add a criterion on harm",
    "parked": "enough tasks of orthopedics for now",
    "retired": "the advice has changed since",
}


def _author_of(made: Made) -> str:
    return "Jonas" if made.content.language in ("de", "es") else "Amal"


def _kept(content: Content, *, flaw: bool) -> Review:
    kept = tuple(CriterionReview(criterion=each.id) for each in content.criteria)
    return Review(realistic=True, flaw=flaw, approve=True, criteria=kept)


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
