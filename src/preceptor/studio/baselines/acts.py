"""What happens to physicians' answers, each with what it changes. The outcome is the group."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.store.statements import Prepared
from preceptor.studio.baselines.tables import baselines, references, scores
from preceptor.studio.ledger.acts import Act, Event

__all__ = ["Answer", "BaselineWritten", "BaselinesScored", "Reference", "ReferencesSet"]

_BASELINE = Prepared(baselines.insert())


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A physician's answer.

    Attributes
    ----------
    sources
        What they looked at, one each.
    web
        Whether they searched the web, which they may.
    references
        The answers of systems that they were shown.
    """

    text: str = ""
    sources: tuple[str, ...] = ()
    web: bool = False
    references: tuple[str, ...] = ()


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A system's answer to a task."""

    item: str
    text: str
    system: str


class ReferencesSet(Act, frozen=True, kw_only=True):
    """A lead asked for answers by people who see these of systems; the outcome is the group."""

    says = "Answers of systems for physicians to see set"
    outcome_says = ", for group {}"

    answers: tuple[Reference, ...] = ()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        group = references.c.group == event.outcome
        for item in {each.item for each in self.answers}:
            connection.execute(references.delete().where(group, references.c.item == item))
        rows = [
            {"group": event.outcome, "number": number, **msgspec.structs.asdict(each)}
            for number, each in enumerate(self.answers)
        ]
        if rows:
            connection.execute(references.insert(), rows)


class BaselinesScored(Act, frozen=True, kw_only=True):
    """A run graded physicians' answers; the outcome is the run.

    ``scores`` are of task and person, from 0 to 1 or below.
    """

    says = "Scores of physicians' answers taken over"
    outcome_says = ", from run {}"

    scores: tuple[tuple[str, str, float], ...] = ()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        connection.execute(scores.delete().where(scores.c.run == event.outcome))
        rows = [
            {"item": item, "person": person, "run": event.outcome, "score": score}
            for item, person, score in self.scores
        ]
        if rows:
            connection.execute(scores.insert(), rows)


class BaselineWritten(Act, frozen=True, kw_only=True):
    """A physician answered a task. ``attested`` is what they declared."""

    says = "Physician's answer to task {} handed in"
    outcome_says = ", of group {}"

    answer: Answer = Answer()
    attested: tuple[str, ...] = ()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = {
            "item": event.subject,
            "person": event.person or "",
            "seq": event.seq,
            "group": event.outcome,
            "body": msgspec.json.encode(self.answer).decode(),
        }
        _BASELINE(connection, row)
