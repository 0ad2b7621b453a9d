"""A run of made-up answers with a grader's verdicts, and what two people labelled of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa

from preceptor.audit.marks import Mark, criteria_of
from preceptor.records import Example, Response, RunInfo, RunSettings, Verdict, content_key
from preceptor.store import Store
from preceptor.studio.demo.tasks import Made
from preceptor.studio.labelling.acts import Labelled, Pulled, Said
from preceptor.studio.labelling.drawing import pull
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append

__all__ = ["RUN", "MadeUp", "draw", "keep_run", "label"]

RUN, _SYSTEM, _GRADER = "made-up", "made-up/system", "made-up/grader"
_EVASIVE = "I cannot give medical advice. Please talk to a professional."
#: Share of the verdicts, and of the labels, that are wrong.
_WRONG_VERDICTS, _WRONG_LABELS = 0.25, 0.08
#: Criteria that are drawn, those that check people, and those that are labelled.
_DRAWN, _GOLD, _LABELLED = 75, 6, 57


class MadeUp(msgspec.Struct, frozen=True):
    """Answers to tasks: id of an example and text → what is right of each criterion."""

    examples: list[Example]
    right: dict[tuple[str, str], tuple[bool, ...]]

    @classmethod
    def of(cls, tasks: Iterable[tuple[Made, Example]]) -> MadeUp:
        """Three to each: the one its author rated, an evasive one, and a good one."""
        found = cls([], {})
        for made, example in tasks:
            points = [each.points for each in example.criteria]
            first = tuple(place == 0 for place in range(len(points)))
            bad = tuple(each < 0 for each in points)
            found.examples.append(example)
            found.right[example.id, made.rating.answer] = bad if made.rating.difficult else first
            found.right[example.id, _EVASIVE] = (False,) * len(points)
            if made.good:
                found.right[example.id, made.good] = first
        return found

    def answers(self, example: Example) -> list[tuple[str, tuple[bool, ...]]]:
        return [(text, met) for (id, text), met in self.right.items() if id == example.id]


def keep_run(store: Store, made_up: MadeUp) -> RunInfo:
    """A run whose grader is sometimes wrong."""
    examples: list[tuple[Example, int]] = []
    answers: list[tuple[int, int, Response, bool]] = []
    verdicts: list[tuple[int, int, int, Verdict, bool]] = []
    for place, example in enumerate(made_up.examples):
        found = made_up.answers(example)
        examples.append((example, len(found)))
        for repeat, (text, right) in enumerate(found):
            response = Response(content_key("made-up", example.id, text), text=text)
            answers.append((place, repeat, response, False))
            for index, met in enumerate(right):
                verdict = _verdict(example.criteria[index].text, response, met)
                verdicts.append((place, repeat, index, verdict, False))
    with store.transaction() as connection:
        run = store.create_run(
            name=RUN,
            benchmark="healthbench",
            system=_SYSTEM,
            grader=_GRADER,
            settings=RunSettings(notes=["Made up: neither system nor grader was asked."]),
            examples=examples,
            repeats=max(number for _, number in examples),
            status="done",
            within=connection,
        )
        store.write_in(connection, run, answers, verdicts)
    return run


def draw(
    connection: sa.Connection, lead: Who, store: Store, run: RunInfo, made_up: MadeUp
) -> Pulled:
    """Criteria to be labelled, some of which check people."""
    found = criteria_of(store, run)
    known = sorted(found, key=lambda item: _chance("gold", item.example.id, item.index))[:_GOLD]
    right = {
        item.id: Mark(made_up.right[item.example.id, item.response.text or ""][item.index], "")
        for item in known
    }
    return pull(connection, lead, found, way="audit", count=_DRAWN, gold=right)


def label(connection: sa.Connection, people: Sequence[Who], drawn: Pulled, made_up: MadeUp) -> None:
    """What two people have labelled: together where two are asked, else by turns."""
    for number, unit in enumerate(drawn.units[:_LABELLED]):
        answer = drawn.answers[unit.answer]
        right = made_up.right[answer.example.id, answer.text][unit.criterion]
        for place, person in enumerate(people):
            if unit.seats > 1 or number % 2 == place:
                met = right != (_chance("label", number, place) < _WRONG_LABELS)
                said: Said = "met" if met else "not_met"
                append(connection, Labelled(), by=person, subject=unit.id, outcome=said)


def _verdict(criterion: str, response: Response, met: bool) -> Verdict:
    about = criterion, response.text
    said = met != (_chance("grader", about) < _WRONG_VERDICTS)
    sure = round(0.6 + 0.4 * _chance("sure", about), 3)
    key = content_key("made-up", response.key, criterion)
    return Verdict(key, said, probability=sure if said else 1 - sure)


def _chance(*parts: object) -> float:
    """A number from 0 to below 1, always the same for the same parts."""
    return int(content_key(*parts)[:8], 16) / 16**8
