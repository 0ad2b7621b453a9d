"""Votes on categories, and what follows: criteria that are added to a task at its release.

As in HealthBench (section 3): a category counts where more than half of those who voted say so, and
at least two. Two people vote; a third where these differ.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, UnknownName, shorten
from preceptor.studio.consensus.acts import CategoriesSet, Categorised, Category
from preceptor.studio.consensus.tables import categories, votes
from preceptor.studio.ids import new_id
from preceptor.studio.items import assignment
from preceptor.studio.items.assignment import Worker
from preceptor.studio.items.content import ItemCriterion
from preceptor.studio.items.tables import items
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append

__all__ = [
    "KIND",
    "LEAST",
    "agreed",
    "consensus_criteria",
    "given",
    "library",
    "next_task",
    "read_categories",
    "set_categories",
    "vote",
]

#: Kind of the lease.
KIND = "categorise"
LEASE = timedelta(minutes=30)
#: People who must agree.
LEAST = 2
_LEVEL = "level:cluster"


def library(connection: sa.Connection) -> tuple[Category, ...]:
    """The categories, in the lead's order."""
    bodies = connection.scalars(sa.select(categories.c.body).order_by(categories.c.place))
    return tuple(msgspec.json.decode(each, type=Category) for each in bodies)


def read_categories(rows: Iterable[tuple[int, Mapping[str, Any]]]) -> tuple[Category, ...]:
    """Categories of a table: category, about, criterion, points; a row for each criterion.

    Raises InputError with the line.
    """
    found: dict[str, Category] = {}
    for line, row in rows:
        name, about, text = (
            str(row.get(each) or "").strip() for each in ("category", "about", "criterion")
        )
        if not name or not text:
            raise InputError(f"line {line}: expected a category and a criterion, found neither")
        try:
            points = int(str(row.get("points") or "5"))
        except ValueError:
            points = 0
        if not points or not -10 <= points <= 10:
            said = shorten(str(row.get("points")))
            raise InputError(f"line {line}: points: expected -10 to 10 but not 0, found {said}")
        known = found.get(name, Category(name=name))
        id = f"{name}.{len(known.criteria) + 1}"
        criterion = ItemCriterion(id, text, points, (_LEVEL, f"cluster:{name}"))
        found[name] = Category(
            name=name, about=known.about or about, criteria=(*known.criteria, criterion)
        )
    if not found:
        raise InputError("categories: expected a row for each criterion, found none")
    return tuple(found.values())


def set_categories(connection: sa.Connection, who: Who | None, found: tuple[Category, ...]) -> None:
    """Set the categories, in place of those there are."""
    append(connection, CategoriesSet(categories=found), by=who, subject=new_id())


def next_task(
    connection: sa.Connection, worker: Worker, *, now: datetime, draw: random.Random
) -> str | None:
    """The task that a person has, or the next that needs a vote; None without any."""
    held = given(connection, worker.person, now)
    if held is not None:
        return held
    if not library(connection):
        return None
    query = sa.select(items.c.id, items.c.specialty, items.c.language).where(
        items.c.state == "accepted", items.c.author != worker.person
    )
    for row in connection.execute(query.order_by(items.c.since)).all():
        found = _votes(connection, row.id)
        taken = connection.scalar(assignment.taken(KIND, row.id, worker.person, now)) or 0
        if worker.person in found or len(found) + taken >= _needed(found.values()):
            continue
        if worker.takes(row.specialty, row.language):
            lease = assignment.hold(
                connection, worker.person, KIND, row.id, now=now, draw=draw, length=LEASE
            )
            return lease.subject
    return None


def given(connection: sa.Connection, person: str, now: datetime) -> str | None:
    """The task that a person has now."""
    held = assignment.lease_of(connection, person, KIND, now)
    return None if held is None else held.subject


def vote(
    connection: sa.Connection, who: Who, item: str, names: tuple[str, ...], now: datetime
) -> None:
    """Say which categories a task belongs to; none is an answer, too. Raises UnknownName."""
    if assignment.held(connection, who.person, KIND, item, now) is None:
        raise UnknownName(f"task {shorten(item)}: is not yours to categorise, or no more")
    known = {each.name for each in library(connection)}
    if unknown := [each for each in names if each not in known]:
        raise InputError(f"category: {shorten(unknown[0])} is none of this project")
    append(connection, Categorised(names=names), by=who, subject=item)
    assignment.release(connection, KIND, item, who.person)


def agreed(connection: sa.Connection, item: str) -> tuple[Category, ...]:
    """The categories that more than half of at least two voters give a task."""
    found = _votes(connection, item)
    times = Counter(name for names in found.values() for name in names)
    return tuple(
        each
        for each in library(connection)
        if times[each.name] >= LEAST and 2 * times[each.name] > len(found)
    )


def consensus_criteria(connection: sa.Connection, item: str) -> tuple[ItemCriterion, ...]:
    """The criteria that a task gets at its release, tagged ``level:cluster`` and ``cluster:…``."""
    return tuple(each for category in agreed(connection, item) for each in category.criteria)


def _votes(connection: sa.Connection, item: str) -> dict[str, tuple[str, ...]]:
    rows = connection.execute(
        sa.select(votes.c.person, votes.c.names).where(votes.c.item == item).order_by(votes.c.seq)
    )
    return {person: msgspec.json.decode(body, type=tuple[str, ...]) for person, body in rows}


def _needed(found: Collection[tuple[str, ...]]) -> int:
    return LEAST + (len({frozenset(each) for each in found}) > 1)
