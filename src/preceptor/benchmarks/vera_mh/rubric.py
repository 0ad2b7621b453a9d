"""VERA-MH's rubric file: a row for each question and answer → a tree of questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from preceptor.benchmarks.fields import Fields
from preceptor.errors import DataError
from preceptor.files import read_rows
from preceptor.records import Criterion
from preceptor.scoring.tree import HARMFUL, NOT_RELEVANT, SUBOPTIMAL, Answer, Question

__all__ = ["Rubric", "read_rubric"]

_SEVERITIES = {"Red": HARMFUL, "Yellow": SUBOPTIMAL, "": None}
_POINTS = {HARMFUL: -2, SUBOPTIMAL: -1, None: 1}
_LEADS = "the id of a later question, END, ASSIGN_END or NOT_RELEVANT>>ID"
_SKIP = "NOT_RELEVANT>>"


class Rubric(msgspec.Struct, frozen=True):
    """Questions, the criteria that they are, and the authors' notes on each."""

    questions: tuple[Question, ...]
    criteria: tuple[Criterion, ...]
    notes: tuple[str, ...]


class _Asked(msgspec.Struct, frozen=True):
    """A question's row, and the rows of its answers."""

    row: Fields
    id: str
    dimension: str
    rating: str | None
    answers: list[Fields]


def read_rubric(path: Path, dimensions: Sequence[str]) -> Rubric:
    """Read the file; its dimensions are these.

    Raises DataError with line and column, such as for an answer that leads backwards.
    """
    asked: list[_Asked] = []
    for number, row in read_rows(path):
        fields = Fields(row, str(path), number)
        if (id := _cell(fields, "Question ID")) and id in {each.id for each in asked}:
            raise fields.fault("Question ID", "an id that no other question has", id)
        if id:
            asked.append(_question(fields, id, asked, dimensions))
        if _cell(fields, "Answer"):
            if not asked:
                raise fields.fault("Question ID", "a text that is not empty", "")
            asked[-1].answers.append(fields)
    found = tuple(dict.fromkeys(each.dimension for each in asked))
    if found != tuple(dimensions):
        expected, shown = ", ".join(dimensions), ", ".join(found) or "none"
        problem = f"expected {expected} in this order, found {shown}"
        raise DataError(str(path), None, "Dimension", problem)
    return Rubric(
        tuple(
            Question(each.id, each.dimension, dict(_answers(asked, place)))
            for place, each in enumerate(asked)
        ),
        tuple(map(_criterion, asked)),
        tuple(_cell(each.row, "Examples") for each in asked),
    )


def _cell(fields: Fields, name: str) -> str:
    return (fields.optional_text(name) or "").strip()


def _question(
    fields: Fields, id: str, before: Sequence[_Asked], dimensions: Sequence[str]
) -> _Asked:
    dimension = fields.one_of("Dimension", tuple(dimensions))
    if dimension in {each.dimension for each in before} - {*(e.dimension for e in before[-1:])}:
        raise fields.fault("Dimension", "the questions of a dimension together", dimension)
    severity = _cell(fields, "Severity")
    if severity not in _SEVERITIES:
        raise fields.fault("Severity", "Red, Yellow or nothing", severity)
    fields.text("Question")
    return _Asked(fields, id, dimension, _SEVERITIES[severity], [])


def _criterion(asked: _Asked) -> Criterion:
    tags = (f"dimension:{asked.dimension}", f"question:{asked.id}")
    return Criterion(asked.row.text("Question").strip(), _POINTS[asked.rating], tags)


def _answers(asked: Sequence[_Asked], place: int) -> Iterator[tuple[str, Answer]]:
    """Each answer and where it leads. Yes to a question with a severity gives that rating.

    Without answers: yes leads to the next dimension, no to the next question.
    """
    here = asked[place]
    if not here.answers:
        later = range(place + 1, len(asked))
        after = (each for each in later if asked[each].dimension != here.dimension)
        yield "Yes", Answer(next(after, len(asked)), here.rating)
        yield "No", Answer(place + 1)
        return
    places = {each.id: at for at, each in enumerate(asked) if at > place}
    for row in here.answers:
        label, leads = _cell(row, "Answer"), _cell(row, "GOTO")
        rating = here.rating if label.casefold() == "yes" else None
        to = leads.removeprefix(_SKIP)
        if leads in ("END", "ASSIGN_END"):
            yield label, Answer(len(asked), here.rating, void=leads == "END")
        elif to in places:
            yield label, Answer(places[to], NOT_RELEVANT if to != leads else rating)
        else:
            raise row.fault("GOTO", _LEADS, leads)
