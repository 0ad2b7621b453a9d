"""Labels as rows of files: for `preceptor import graded`, and as HealthBench's meta-evaluation.

The rater in a row is the person's id: who gives rows away puts an alias in its place. Units that
were not drawn, but are there to check people, are in neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.audit.marks import CANNOT_TELL
from preceptor.audit.stored import category_of
from preceptor.records import Criterion, Example
from preceptor.studio.labelling.acts import PulledAnswer
from preceptor.studio.labelling.queue import REASONS
from preceptor.studio.labelling.tables import answers, labels, pulls, units

__all__ = [
    "MAJORITY",
    "NOT_ASKED",
    "answer_row",
    "labels_rows",
    "meta_eval_rows",
    "raters",
    "verdict_row",
]

#: The rater of the rows in which each criterion has what most people say.
MAJORITY = "physicians"
_MET = {"met": True, "not_met": False, "cannot_tell": None}
#: Reason of a criterion that was not drawn, or that nobody has labelled yet.
NOT_ASKED = "not_asked"


class _Said(msgspec.Struct, frozen=True):
    person: str
    said: str
    reason: str
    comment: str

    @property
    def met(self) -> bool | None:
        return _MET[self.said]

    @property
    def explanation(self) -> str:
        why = f"{REASONS.get(self.reason, '')}: " if self.reason and self.comment else ""
        return why + self.comment if self.comment else REASONS.get(self.reason, "")


class _Unit(msgspec.Struct, frozen=True):
    criterion: int
    met: bool | None
    probability: float | None
    chance: float
    said: tuple[_Said, ...]


class _Answer(msgspec.Struct, frozen=True):
    """An answer of a run, with what was said of it. ``run`` is a row of the pulls."""

    run: sa.RowMapping
    answer: PulledAnswer
    units: list[_Unit]


def labels_rows(
    connection: sa.Connection, run: str | None = None, tasks: Collection[str] | None = None
) -> Iterator[dict[str, Any]]:
    """A row for each answer of each rater, and of the majority; one run for each.

    With ``tasks``, ids of this studio, only answers to these, under these ids.
    A criterion without a label is null, with the reason why: nobody was asked, or the rater cannot
    tell. ``inclusion_probabilities`` says with which chance each criterion was drawn.
    """
    for each in _labelled(connection, run, tasks):
        by_person: dict[str, dict[int, _Said]] = {}
        for unit in each.units:
            for said in unit.said:
                by_person.setdefault(said.person, {})[unit.criterion] = said
            if unit.said:
                by_person.setdefault(MAJORITY, {})[unit.criterion] = _majority(unit)
        for person, found in by_person.items():
            yield _row(each, person, found)


def meta_eval_rows(
    connection: sa.Connection, run: str | None = None, tasks: Collection[str] | None = None
) -> Iterator[dict[str, Any]]:
    """A row for each criterion of each answer that somebody could judge, with the grader's word."""
    for each in _labelled(connection, run, tasks):
        example = each.answer.example
        for unit in each.units:
            if all(said.met is None for said in unit.said):
                continue
            criterion, graders = example.criteria[unit.criterion], {}
            if unit.met is not None:
                word = {"criteria_met": unit.met, "probability": unit.probability}
                graders = {each.run["grader"]: word}
            key, text, model = each.answer.key, each.answer.text, each.run["system"]
            yield {
                **verdict_row(example, criterion, key, text, model),
                "binary_labels": [said.met for said in unit.said],
                "anonymized_physician_ids": [said.person for said in unit.said],
                "graders": graders,
                "inclusion_probability": unit.chance,
            }


def verdict_row(
    example: Example, criterion: Criterion, key: str, text: str, model: str
) -> dict[str, Any]:
    """Of a row of the meta-evaluation, what is known before anybody judges the answer."""
    return {
        "prompt_id": example.id,
        "completion_id": key,
        "prompt": msgspec.to_builtins(example.messages),
        "completion": text,
        "rubric": criterion.text,
        "category": category_of(criterion),
        "points": criterion.points,
        "model": model,
        "example_tags": list(example.tags),
    }


def answer_row(
    example: Example, run: str, benchmark: str, model: str, grader: str
) -> dict[str, Any]:
    """Of a row for `import graded`, what is known before the answer and its labels."""
    return {
        "run": run,
        "benchmark": benchmark,
        "model": model,
        "grader": grader,
        "prompt_id": example.id,
        "prompt": msgspec.to_builtins(example.messages),
        "example_tags": list(example.tags),
        "rubrics": [
            {"criterion": criterion.text, "points": criterion.points, "tags": list(criterion.tags)}
            for criterion in example.criteria
        ],
    }


def raters(connection: sa.Connection) -> list[str]:
    """Everybody who has labelled, the first first."""
    first = sa.select(labels.c.person).group_by(labels.c.person)
    return list(connection.scalars(first.order_by(sa.func.min(labels.c.seq))))


def _labelled(
    connection: sa.Connection, run: str | None, tasks: Collection[str] | None
) -> list[_Answer]:
    """Answers that were drawn, in the order in which they were, whatever the number of draws."""
    by_unit: dict[str, list[_Said]] = {}
    for unit, *rest in connection.execute(
        sa.select(*(labels.c[name] for name in ("unit", "person", "said", "reason", "comment")))
        .where(labels.c.said != "")
        .order_by(labels.c.seq)
    ):
        by_unit.setdefault(unit, []).append(_Said(*rest))
    query = (
        sa.select(units, pulls.c.scope, pulls.c.run, pulls.c.benchmark, pulls.c.system)
        .add_columns(pulls.c.grader, answers.c.body)
        .join(pulls, pulls.c.id == units.c.pull)
        .join(answers, answers.c.id == units.c.answer)
        .where(units.c.chance.is_not(None))
        .order_by(pulls.c.seq, answers.c.number, units.c.criterion)
    )
    if run is not None:
        query = query.where(pulls.c.run == run)
    found: dict[tuple[str, str, str], _Answer] = {}
    for row in connection.execute(query).mappings():
        answer = msgspec.json.decode(row["body"], type=PulledAnswer)
        if tasks is not None:
            if row["item"] not in tasks:
                continue
            example = msgspec.structs.replace(answer.example, id=row["item"])
            answer = msgspec.structs.replace(answer, example=example)
        key = (row["scope"], answer.key, answer.example.id)
        of = found.setdefault(key, _Answer(row, answer, []))
        said = tuple(by_unit.get(row["id"], ()))
        shown = (row["criterion"], row["met"], row["probability"], row["chance"])
        of.units.append(_Unit(*shown, said))
    return list(found.values())


def _majority(unit: _Unit) -> _Said:
    """What most of those say who can tell; at a tie, or where nobody can, that none can."""
    votes = Counter(said.said for said in unit.said if said.met is not None)
    first = votes.most_common(2)
    tied = len(first) == 2 and first[0][1] == first[1][1]
    return _Said(MAJORITY, "cannot_tell" if tied or not first else first[0][0], "", "")


def _row(each: _Answer, person: str, found: dict[int, _Said]) -> dict[str, Any]:
    example, run = each.answer.example, each.run
    said = [found.get(place) for place in range(len(example.criteria))]
    chances = {unit.criterion: unit.chance for unit in each.units}
    name = f"{person}-{run['run']}" if person == MAJORITY else f"rater-{person}-{run['run']}"
    row = {
        **answer_row(example, name, run["benchmark"], run["system"], person),
        "response": each.answer.text,
        "criteria_met": [None if one is None else one.met for one in said],
        "reasons": [
            NOT_ASKED if one is None else CANNOT_TELL if one.met is None else None for one in said
        ],
        "explanations": ["" if one is None else one.explanation for one in said],
        "inclusion_probabilities": [chances.get(place) for place in range(len(said))],
    }
    if example.target is not msgspec.UNSET:
        row["target"] = example.target
    return row
