"""Agreement of people with each other, on what each said without sight of the others.

The measures are those of ``preceptor audit`` among physicians, and so are the numbers: each pair
of judgements of one unit, in both orders, with intervals that resample whole tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.audit.agreement import Agreement, Pairs, agreement, grader_pairs, physician_pairs
from preceptor.audit.labels import Judged
from preceptor.studio.ids import digest
from preceptor.studio.items.content import Content, Review
from preceptor.studio.items.tables import reviews, versions
from preceptor.studio.labelling.rows import meta_eval_rows
from preceptor.studio.ledger.acts import read_act
from preceptor.studio.ledger.chain import recorded
from preceptor.studio.ledger.tables import event as events

__all__ = [
    "LEAST",
    "Agreed",
    "Judgement",
    "agreed",
    "agreed_with",
    "judged",
    "judgements",
    "of_labels",
    "of_reviews",
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
        Yes or no.
    groups
        Such as specialty and sign, in words: agreement is shown within each.
    """

    question: str
    task: str
    unit: str
    person: str
    said: bool
    groups: tuple[str, ...] = ()


class Agreed(msgspec.Struct, frozen=True):
    """Agreement on one question, in all units or those of a group.

    ``units`` are those that two or more people judged.
    """

    question: str
    group: str
    units: int
    tasks: int
    found: Agreement


def agreed(said: Iterable[Judgement]) -> list[Agreed]:
    """Agreement among all, by question and group, where there are enough units."""
    return _agreed(said, physician_pairs)


def agreed_with(said: Iterable[Judgement], person: str) -> list[Agreed]:
    """Agreement of one person with each of the others, by question and group."""
    return _agreed(
        said,
        lambda rows: grader_pairs(rows, person),
        lambda rows: [_against(row, person) for row in rows if person in row.physicians],
    )


def judged(said: Iterable[Judgement]) -> list[Judged]:
    """The units that two or more people judged, as the audit has them.

    The first word of each person counts: later ones may be said in sight of others'.
    """
    units: dict[tuple[str, str], dict[str, Judgement]] = {}
    for each in said:
        units.setdefault((each.task, each.unit), {}).setdefault(each.person, each)
    return [
        Judged(
            prompt=task,
            criterion=unit,
            category="",
            labels=tuple(each.said for each in found.values()),
            physicians=tuple(found),
            verdicts={},
        )
        for (task, unit), found in units.items()
        if len(found) > 1
    ]


def judgements(connection: sa.Connection) -> Iterator[Judgement]:
    """What reviewers and labellers said."""
    yield from of_reviews(connection)
    yield from of_labels(meta_eval_rows(connection))


def of_labels(rows: Iterable[Mapping[str, Any]]) -> Iterator[Judgement]:
    """What labellers said, from rows of the meta-evaluation; who cannot tell said nothing."""
    for number, row in enumerate(rows):
        task = digest(msgspec.json.encode(row["prompt"]))
        named = [each.partition(":") for each in row["example_tags"]]
        specialties = [value for name, _, value in named if name == "specialty"]
        groups = (*_specialty(*specialties[:1]), _sign(row["points"]))
        said = zip(row["anonymized_physician_ids"], row["binary_labels"], strict=True)
        for person, met in said:
            if met is not None:
                yield Judgement(_MEETS, task, str(number), person, met, groups)


def of_reviews(connection: sa.Connection) -> Iterator[Judgement]:
    """What reviewers said, the earliest first, but for those whose work was taken back."""
    gone = taken_back(connection)
    query = (
        sa.select(reviews, versions.c.content)
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
        groups = (*specialty, _sign(points))
        unit = digest(msgspec.json.encode([criterion.id, criterion.text, points]))
        for question, said in (
            ("The criterion stays, as it is or changed", each.decision != "drop"),
            ("The criterion stays as it is", each.decision == "keep"),
        ):
            yield Judgement(question, item, unit, person, said, groups)


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


def _agreed(
    said: Iterable[Judgement],
    pairs: Callable[[Sequence[Judged]], Pairs],
    prepared: Callable[[list[Judged]], list[Judged]] = list,
) -> list[Agreed]:
    slices: dict[tuple[str, str], list[Judgement]] = {}
    for each in said:
        for group in ("", *each.groups):
            slices.setdefault((each.question, group), []).append(each)
    found = []
    for (question, group), part in sorted(slices.items(), key=_order):
        rows = prepared(judged(part))
        if len(rows) >= LEAST:
            tasks = len({row.prompt for row in rows})
            found.append(Agreed(question, group, len(rows), tasks, agreement(pairs(rows))))
    return found


def _order(each: tuple[tuple[str, str], Any]) -> tuple[str, str]:
    return each[0]


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
