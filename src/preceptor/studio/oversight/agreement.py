"""Agreement of people with each other, on what each said without sight of the others.

The measures of yes and no are those of ``preceptor audit`` among physicians, and so are the
numbers: each pair of judgements of one unit, in both orders, with intervals that resample whole
tasks. Those of ratings are in `rated`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, combinations
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.audit.agreement import Agreement, agreement, grader_pairs, physician_pairs
from preceptor.audit.labels import Judged
from preceptor.studio.ids import digest
from preceptor.studio.items.content import Content, Rating, Review
from preceptor.studio.items.tables import items, reviews, versions
from preceptor.studio.labelling.rows import meta_eval_rows
from preceptor.studio.ledger.acts import read_act
from preceptor.studio.ledger.chain import recorded
from preceptor.studio.ledger.tables import event as events
from preceptor.studio.oversight.rated import ScaleAgreement, scale_agreement

__all__ = [
    "LEAST",
    "Agreed",
    "Judgement",
    "agreed",
    "agreed_with",
    "judged",
    "judgements",
    "of_labels",
    "of_ratings",
    "of_reviews",
    "rating_rows",
    "taken_back",
]

_MEETS = "The answer meets the criterion"
#: Units that two people judged: of fewer nothing is shown.
LEAST = 10


class Judgement(msgspec.Struct, frozen=True):
    """What one person said of one unit.

    Attributes
    ----------
    question
        What was asked, in words.
    task
        Judgements of one task are not independent.
    unit
        What was judged: of the same question, the same for all who saw the same.
    person
        Who said it.
    said
        Yes or no; or a rating, where it is of a ``scale``.
    groups
        Such as specialty and sign, in words: agreement is shown within each.
    words
        Number of words of the judged criterion; 0 where none was judged.
    """

    question: str
    task: str
    unit: str
    person: str
    said: int
    groups: tuple[str, ...] = ()
    words: int = 0
    scale: bool = False


#: Task and unit → person → what the person said.
_Units = dict[tuple[str, str], dict[str, Judgement]]


class Agreed(msgspec.Struct, frozen=True):
    """Agreement on one question, in all units or those of a group.

    ``units`` are those that two or more people judged.
    """

    question: str
    group: str
    units: int
    tasks: int
    found: Agreement | ScaleAgreement


def agreed(said: Iterable[Judgement]) -> list[Agreed]:
    """Agreement among all, by question and group, where there are enough units."""
    return _agreed(said)


def agreed_with(said: Iterable[Judgement], person: str) -> list[Agreed]:
    """Agreement of one person with each of the others, by question and group."""
    return _agreed(said, person)


def judged(said: Iterable[Judgement]) -> list[Judged]:
    """The units that two or more people judged, as rows of the audit; only first judgements."""
    return _rows(_units(said))


def _rows(units: _Units) -> list[Judged]:
    return [
        Judged(
            prompt=task,
            criterion=unit,
            category="",
            labels=tuple(bool(each.said) for each in found.values()),
            physicians=tuple(found),
            verdicts={},
        )
        for (task, unit), found in units.items()
    ]


def judgements(connection: sa.Connection) -> Iterator[Judgement]:
    """What authors, reviewers and labellers said."""
    yield from of_ratings(connection)
    yield from of_reviews(connection)
    yield from of_labels(meta_eval_rows(connection))


def of_labels(rows: Iterable[Mapping[str, Any]]) -> Iterator[Judgement]:
    """What labellers said, from rows of the meta-evaluation; who cannot tell said nothing."""
    for number, row in enumerate(rows):
        task = digest(msgspec.json.encode(row["prompt"]))
        named = [each.partition(":") for each in row["example_tags"]]
        specialties = [value for name, _, value in named if name == "specialty"]
        groups = (*_specialty(*specialties[:1]), _sign(row["points"]))
        words = len(row["rubric"].split())
        said = zip(row["anonymized_physician_ids"], row["binary_labels"], strict=True)
        for person, met in said:
            if met is not None:
                yield Judgement(_MEETS, task, str(number), person, met, groups, words)


def of_ratings(connection: sa.Connection) -> Iterator[Judgement]:
    """How authors rated the answers to their tasks, from 1 to 7, before anybody else did."""
    gone = taken_back(connection)
    query = (
        sa.select(items.c.id, items.c.author, versions.c.content, versions.c.rating)
        .join(versions, versions.c.item == items.c.id)
        .where(items.c.author != "")
        .order_by(items.c.id, versions.c.version)
    )
    for row in connection.execute(query):
        rating = msgspec.json.decode(row.rating, type=Rating)
        if rating.overall and (row.id, row.author) not in gone:
            content = msgspec.json.decode(row.content, type=Content)
            scores = {"overall": rating.overall, **rating.dimensions}
            yield from _of_scores(row.id, row.author, scores, content, rating.answer)


def _of_scores(
    item: str, person: str, scores: Mapping[str, int], content: Content, answer: str
) -> Iterator[Judgement]:
    unit = digest(msgspec.json.encode([content.messages, answer]))
    groups = _specialty(content.specialty)
    for name, score in scores.items():
        question = f"Rating of the answer, 1 to 7: {name.replace('_', ' ')}"
        yield Judgement(question, item, unit, person, score, groups, scale=True)


def rating_rows(connection: sa.Connection) -> list[tuple[str, str, str, int, str]]:
    """Answer, part of the rating, person, rating and task, for ``audit``; only first ratings."""
    found: dict[tuple[str, ...], tuple[str, str, str, int, str]] = {}
    for each in chain(of_ratings(connection), of_reviews(connection)):
        if each.scale:
            part = each.question.rpartition(": ")[2]
            answer = f"{each.task}.{each.unit[:12]}"  # two tasks may have one answer
            row = (answer, part, each.person, each.said, each.task)
            found.setdefault((answer, part, each.person), row)
    return list(found.values())


def of_reviews(connection: sa.Connection) -> Iterator[Judgement]:
    """What reviewers said, the earliest first, but for those whose work was taken back."""
    gone = taken_back(connection)
    query = (
        sa.select(reviews, versions.c.content, versions.c.rating)
        .join(
            versions,
            (versions.c.item == reviews.c.item) & (versions.c.version == reviews.c.version),
        )
        .order_by(reviews.c.seq)
    )
    for row in connection.execute(query):
        if (row.item, row.person) not in gone:
            review = msgspec.json.decode(row.body, type=Review)
            content = msgspec.json.decode(row.content, type=Content)
            yield from _of_review(row.item, row.person, review, content)
            answer = msgspec.json.decode(row.rating, type=Rating).answer
            yield from _of_scores(row.item, row.person, review.scores, content, answer)


def _of_review(item: str, person: str, review: Review, content: Content) -> Iterator[Judgement]:
    specialty = _specialty(content.specialty)
    text = digest(msgspec.json.encode(content.messages))
    for question, said in (
        ("The question is realistic", review.realistic),
        ("The answer has a serious flaw", review.flaw),
    ):
        if said is not None:
            yield Judgement(question, item, text, person, said, specialty)
    criteria = {each.id: each for each in content.criteria}
    for each in review.criteria:
        if (criterion := criteria.get(each.criterion)) is None:
            continue
        points = criterion.points or 0
        groups, words = (*specialty, _sign(points)), len(criterion.text.split())
        unit = digest(msgspec.json.encode([criterion.id, criterion.text, points]))
        for question, said in (
            ("The criterion stays, as it is or changed", each.decision != "drop"),
            ("The criterion stays as it is", each.decision == "keep"),
        ):
            yield Judgement(question, item, unit, person, said, groups, words)


def _specialty(name: str = "") -> tuple[str, ...]:
    return (f"Specialty: {name}",) if name else ()


def _sign(points: float) -> str:
    return "Points below 0" if points < 0 else "Points above 0"


def taken_back(connection: sa.Connection) -> set[tuple[str, str]]:
    """Task and person, where all that the person did for the task counts no more."""
    return {
        (event.subject, getattr(read_act(event.kind, body), "person", ""))
        for event, _, body in recorded(connection, events.c.kind == "uncounted")
    }


def _agreed(said: Iterable[Judgement], person: str | None = None) -> list[Agreed]:
    listed = list(said)
    lengths = _lengths(listed)
    slices: dict[tuple[str, str], list[Judgement]] = {}
    for each in listed:
        length = lengths.get((each.question, each.task, each.unit))
        for group in ("", *each.groups, *([length] if length else [])):
            slices.setdefault((each.question, group), []).append(each)
    found = []
    for (question, group), part in sorted(slices.items(), key=_order):
        units = {
            key: unit for key, unit in _units(part).items() if person is None or person in unit
        }
        if len(units) >= LEAST:
            tasks = len({task for task, _ in units})
            measured = _measured(units, person)
            found.append(Agreed(question, group, len(units), tasks, measured))
    return found


def _units(said: Iterable[Judgement]) -> _Units:
    """Task and unit → what each person said of it first, where two or more said something.

    Later ones may be made in sight of others'.
    """
    units: _Units = {}
    for each in said:
        units.setdefault((each.task, each.unit), {}).setdefault(each.person, each)
    return {key: unit for key, unit in units.items() if len(unit) > 1}


def _measured(units: _Units, person: str | None) -> Agreement | ScaleAgreement:
    if any(each.scale for unit in units.values() for each in unit.values()):
        return scale_agreement(_rating_pairs(units, person))
    rows = _rows(units)
    if person is None:
        return agreement(physician_pairs(rows))
    return agreement(grader_pairs([_against(row, person) for row in rows], person))


def _rating_pairs(units: _Units, person: str | None) -> Iterator[tuple[str, float, float]]:
    """Pairs of ratings: the earlier first, or that of ``person`` first."""
    for (task, _), unit in units.items():
        for one, other in combinations(unit.values(), 2):
            if person is None or one.person == person:
                yield task, one.said, other.said
            elif other.person == person:
                yield task, other.said, one.said


def _lengths(said: Iterable[Judgement]) -> dict[tuple[str, str, str], str]:
    """Question, task and unit → the third of the criteria it is in by its number of words.

    The thirds are of criteria that two or more people judged; equal lengths stay together.
    """
    by_question: dict[str, list[Judgement]] = {}
    for each in said:
        if each.words:
            by_question.setdefault(each.question, []).append(each)
    found = {}
    for question, part in by_question.items():
        words = {key: next(iter(unit.values())).words for key, unit in _units(part).items()}
        ordered = sorted(words.values())
        ends = [ordered[math.ceil(len(ordered) * third / 3) - 1] for third in (1, 2) if ordered]
        for (task, unit), count in words.items():
            found[question, task, unit] = _length(count, *ends)
    return found


def _length(words: int, first: int, second: int) -> str:
    if words <= first:
        return f"Words: 1 to {first}"
    if words <= second:
        return f"Words: {first + 1} to {second}"
    return f"Words: {second + 1} or more"


def _order(each: tuple[tuple[str, str], Any]) -> tuple[str, list[str | int]]:
    """By question and group, numbers in groups as numbers."""
    (question, group), _ = each
    return question, [int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", group)]


def _against(row: Judged, person: str) -> Judged:
    """The same unit, with one person as the rater, and the others."""
    place = row.physicians.index(person)
    rest = tuple(i for i in range(len(row.labels)) if i != place)
    return msgspec.structs.replace(
        row,
        labels=tuple(row.labels[i] for i in rest),
        physicians=tuple(row.physicians[i] for i in rest),
        verdicts={person: row.labels[place]},
    )
