"""What happens to labels, each with what it changes; a label itself is the event's outcome."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from preceptor.records import Example
from preceptor.store.statements import Prepared
from preceptor.studio.labelling.tables import (
    answers,
    labels,
    practices,
    pulls,
    qualifications,
    units,
)
from preceptor.studio.ledger.acts import Act, Event

__all__ = [
    "GoldSet",
    "Labelled",
    "Practised",
    "Pulled",
    "PulledAnswer",
    "PulledUnit",
    "QualificationEnded",
    "Said",
    "Unlabelled",
]

Said = Literal["met", "not_met", "cannot_tell"]

#: Most events are labels.
_LABEL = Prepared(labels.insert())
_UNLABEL = Prepared(
    labels.delete().where(
        (labels.c.unit == sa.bindparam("of")) & (labels.c.person == sa.bindparam("who"))
    )
)
_UNIT = Prepared(units.update().where(units.c.id == sa.bindparam("of")))
_PRACTICE = Prepared(practices.insert())


class PulledAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, with the task that it is an answer to.

    ``item`` is the id of a task of this studio; empty where it is of no task here.
    """

    example: Example
    text: str
    key: str
    item: str = ""

    def tagged(self, name: str) -> str:
        """The value of a tag of the task; empty without one."""
        tags = (tag.partition(":") for tag in self.example.tags)
        return next((value for known, _, value in tags if known == name), "")


class PulledUnit(msgspec.Struct, frozen=True, kw_only=True):
    """One criterion of one answer; ``answer`` and ``criterion`` are places in their lists.

    Attributes
    ----------
    mark
        The same in every run that has the answer and the criterion.
    met, probability
        What the grader says.
    chance
        With which chance it was drawn; None where it was not drawn.
    seats
        How many people label it.
    gold
        What is right, where the unit is there to check people.
    """

    id: str
    answer: int
    criterion: int
    mark: str
    met: bool | None = None
    probability: float | None = None
    chance: float | None = None
    seats: int = 1
    gold: bool | None = None
    explanation: str = ""


class Pulled(Act, frozen=True, kw_only=True):
    """Criteria of answers of a run were drawn, to be labelled.

    ``chances`` are those of units that an earlier, smaller draw of the run has: unit, chance.
    """

    says = "Criteria to be labelled drawn as {}"

    scope: str = ""
    run: str = ""
    benchmark: str = ""
    system: str = ""
    grader: str = ""
    way: str = ""
    answers: tuple[PulledAnswer, ...] = ()
    units: tuple[PulledUnit, ...] = ()
    chances: tuple[tuple[str, float], ...] = ()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        pull = event.subject
        names = ("scope", "run", "benchmark", "system", "grader", "way")
        about = {name: getattr(self, name) for name in names}
        connection.execute(pulls.insert().values(id=pull, seq=event.seq, **about))
        if self.answers:
            connection.execute(answers.insert(), list(self._answers(pull)))
        if self.units:
            connection.execute(units.insert(), list(self._units(pull)))
        for unit, chance in self.chances:
            _UNIT(connection, {"of": unit, "chance": chance})

    def _answers(self, pull: str) -> Any:
        for number, answer in enumerate(self.answers):
            body = msgspec.json.encode(answer).decode()
            yield {"id": f"{pull}.{number}", "pull": pull, "number": number, "body": body}

    def _units(self, pull: str) -> Any:
        for place, unit in enumerate(self.units):
            answer = self.answers[unit.answer]
            yield {
                **msgspec.structs.asdict(unit),
                "pull": pull,
                "place": place,
                "answer": f"{pull}.{unit.answer}",
                "item": answer.item,
                "specialty": answer.tagged("specialty"),
                "language": answer.tagged("language"),
            }


class Labelled(Act, frozen=True, kw_only=True):
    """A person said whether an answer meets a criterion; why they cannot tell, and a comment."""

    says = "Unit {} labelled"

    reason: str = ""
    comment: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = {
            "unit": event.subject,
            "person": event.person or "",
            "seq": event.seq,
            "said": event.outcome,
            "reason": self.reason,
            "comment": self.comment,
        }
        _LABEL(connection, row)


class Unlabelled(Act, frozen=True, kw_only=True):
    """A person took back their last label."""

    says = "Label of unit {} taken back"

    def apply(self, connection: sa.Connection, event: Event) -> None:
        _UNLABEL(connection, {"of": event.subject, "who": event.person or ""})


class GoldSet(Act, frozen=True, kw_only=True):
    """A lead decided what is right: from now on the unit checks people."""

    says = "Unit {} set to check people"

    explanation: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        right = {"gold": event.outcome == "met", "explanation": self.explanation}
        _UNIT(connection, {"of": event.subject, **right})


class Practised(Act, frozen=True, kw_only=True):
    """A person said something of a unit with a known answer, to qualify."""

    says = "Unit {} labelled to qualify"

    reason: str = ""
    attempt: int = 0

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = {
            "unit": event.subject,
            "person": event.person or "",
            "seq": event.seq,
            "attempt": self.attempt,
            "said": event.outcome,
            "reason": self.reason,
        }
        _PRACTICE(connection, row)


class QualificationEnded(Act, frozen=True, kw_only=True):
    """A person's attempt to qualify as a labeller ended; or a lead let them begin."""

    says = "Qualification of person {} ended"

    right: int = 0
    units: int = 0

    def apply(self, connection: sa.Connection, event: Event) -> None:
        connection.execute(
            qualifications.insert().values(
                seq=event.seq,
                person=event.subject,
                outcome=event.outcome,
                right=self.right,
                units=self.units,
            )
        )
