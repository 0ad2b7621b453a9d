"""What is released: accepted tasks, and what people made of them. Each part has one function."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.records import PhysicianAnswer
from preceptor.studio.baselines.commands import baseline_rows
from preceptor.studio.consensus.commands import consensus_criteria
from preceptor.studio.items.commands import Version, version
from preceptor.studio.items.tables import decisions, imports, items, reviews, versions
from preceptor.studio.labelling.rows import labels_rows, meta_eval_rows
from preceptor.studio.labelling.tables import labels as labels_table
from preceptor.studio.labelling.tables import units
from preceptor.studio.oversight import sampler
from preceptor.studio.oversight.agreement import Agreed, agreed, of_ratings, of_reviews
from preceptor.studio.preview.findings import Preview
from preceptor.studio.preview.tables import previews

__all__ = [
    "FILTERS",
    "Baseline",
    "Task",
    "agreement",
    "baselines",
    "contributors",
    "labels",
    "meta_eval",
    "preview_graders",
    "preview_systems",
    "tasks",
    "weights",
]

#: Fields by which tasks are chosen.
FILTERS = ("use_case", "specialty", "language", "mode")


class Task(msgspec.Struct, frozen=True):
    """An accepted task.

    ``difficult`` is None where nobody rated an answer to it. ``previewed`` says whether its author
    saw what a grader said of the rubric: ``yes``, ``no``; empty where no author of the project did.
    """

    id: str
    version: Version
    difficult: bool | None
    system: str
    tags: tuple[str, ...] = ()
    source: str = ""
    previewed: str = ""


class Baseline(msgspec.Struct, frozen=True):
    """A physician's answer to a task. ``person`` is None for one that came with the task."""

    item: str
    answer: PhysicianAnswer
    person: str | None = None


def tasks(connection: sa.Connection, filters: Mapping[str, Collection[str]]) -> list[Task]:
    """Accepted tasks with these values, in the order of their ids."""
    query = sa.select(items, imports.c.tags, imports.c.source).select_from(
        items.outerjoin(imports, imports.c.item == items.c.id)
    )
    query = query.where(items.c.state == "accepted").order_by(items.c.id)
    for field, values in filters.items():
        query = query.where(items.c[field].in_(values))
    found = []
    shown = _previewed(connection)
    for row in connection.execute(query).mappings():
        last = _with_consensus(connection, row["id"], version(connection, row["id"]))
        found.append(
            Task(
                row["id"],
                last,
                row["difficult"] if last.rating.overall else None,
                row["system"],
                () if row["tags"] is None else tuple(msgspec.json.decode(row["tags"])),
                row["source"] or "",
                "" if not shown else "yes" if row["id"] in shown else "no",
            )
        )
    return found


def _previewed(connection: sa.Connection) -> set[str]:
    """Tasks whose author saw a preview before handing in a version."""
    query = (
        sa.select(previews.c.item)
        .join(items, items.c.id == previews.c.item)
        .join(versions, (versions.c.item == items.c.id) & (versions.c.person == items.c.author))
        .where(previews.c.seq < versions.c.seq)
    )
    return set(connection.scalars(query))


def _with_consensus(connection: sa.Connection, item: str, last: Version) -> Version:
    """The text as it was accepted, and the criteria of the categories that people put it in."""
    content = last.content
    there = {each.text for each in content.criteria}
    more = tuple(each for each in consensus_criteria(connection, item) if each.text not in there)
    content = msgspec.structs.replace(content, criteria=(*content.criteria, *more))
    return msgspec.structs.replace(last, content=content)


def baselines(connection: sa.Connection, ids: Collection[str]) -> list[Baseline]:
    """Physicians' answers to these tasks: those that files brought, then those written here."""
    found = connection.execute(sa.select(imports.c.item, imports.c.physician)).all()
    answers = [
        (item, msgspec.json.decode(body, type=PhysicianAnswer | None))
        for item, body in found
        if item in ids
    ]
    brought = [Baseline(item, answer) for item, answer in answers if answer is not None]
    return brought + [
        Baseline(
            row["id"],
            PhysicianAnswer(row["response"], row["group"], tuple(row["references"])),
            row["writer"],
        )
        for row in baseline_rows(connection)
        if row["id"] in ids
    ]


def labels(connection: sa.Connection, ids: Collection[str]) -> list[dict[str, Any]]:
    """People's verdicts on answers to these tasks, as ``import graded`` reads them."""
    return list(labels_rows(connection, tasks=ids))


def meta_eval(connection: sa.Connection, ids: Collection[str]) -> list[dict[str, Any]]:
    """The same in the form of HealthBench's meta-evaluation."""
    return list(meta_eval_rows(connection, tasks=ids))


def weights(connection: sa.Connection, ids: Collection[str]) -> dict[str, float]:
    """Id of a task → how many it stands for, where a sample was drawn."""
    return {item: weight for item, weight in sampler.weights(connection).items() if item in ids}


def preview_systems(connection: sa.Connection, ids: Collection[str]) -> dict[str, int]:
    """System → tasks whose rubric was tried on its answers."""
    found: dict[str, set[str]] = {}
    for item, preview in _previews(connection, ids):
        for each in preview.judged:
            if each.system:
                found.setdefault(each.system, set()).add(item)
    return {system: len(items_) for system, items_ in found.items()}


def preview_graders(connection: sa.Connection, ids: Collection[str]) -> list[str]:
    """Graders that judged these rubrics while they were written."""
    return sorted({preview.grader for _, preview in _previews(connection, ids)})


def _previews(connection: sa.Connection, ids: Collection[str]) -> Iterator[tuple[str, Preview]]:
    query = sa.select(previews.c.item, previews.c.body).order_by(previews.c.seq)
    for item, body in connection.execute(query):
        if item in ids:
            yield item, msgspec.json.decode(body, type=Preview)


def contributors(connection: sa.Connection, ids: Collection[str]) -> dict[str, set[str]]:
    """Role → those who had it for one of these tasks."""
    asked = {
        "author": sa.select(items.c.author, items.c.id),
        "reviewer": sa.select(reviews.c.person, reviews.c.item).where(reviews.c.counts),
        "adjudicator": sa.select(decisions.c.person, decisions.c.item),
        "labeller": sa.select(labels_table.c.person, units.c.item).join(
            units, units.c.id == labels_table.c.unit
        ),
    }
    found = {
        role: {person for person, item in connection.execute(query) if item in ids and person}
        for role, query in asked.items()
    }
    found["writer"] = {each.person for each in baselines(connection, ids) if each.person}
    return found


def agreement(connection: sa.Connection, ids: Collection[str]) -> list[Agreed]:
    """How far those who wrote and reviewed these tasks agree, on each question."""
    said = chain(of_ratings(connection), of_reviews(connection))
    # Without groups and lengths: a release shows none, and each has its own resampling.
    whole = (msgspec.structs.replace(each, groups=(), words=0) for each in said if each.task in ids)
    return agreed(whole)
