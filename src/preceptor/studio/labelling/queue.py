"""Who labels what next: one criterion at a time, for fifteen minutes.

A person labels no answer to a task of their own, none of a vendor they have declared, and nothing
twice. Units that check people come as all others do, one in twenty.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import get_args

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, UnknownName, shorten
from preceptor.records import content_key
from preceptor.studio.items import assignment
from preceptor.studio.items.assignment import Worker
from preceptor.studio.items.tables import items
from preceptor.studio.items.workflow import Refused
from preceptor.studio.labelling.acts import GoldSet, Labelled, PulledAnswer, Said, Unlabelled
from preceptor.studio.labelling.tables import answers, labels, practices, pulls, units
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append

__all__ = [
    "GOLD",
    "KIND",
    "LEASE",
    "REASONS",
    "Label",
    "Unit",
    "check_said",
    "done",
    "given",
    "keep",
    "known_units",
    "label",
    "last_label",
    "next_unit",
    "set_gold",
    "shown",
    "undo",
]

#: Kind of the lease.
KIND = "label"
LEASE = timedelta(minutes=15)
#: Share of what a person is given that checks them.
GOLD = 0.05
#: Why nobody can tell.
REASONS = {
    "criterion": "The criterion is unclear",
    "answer": "The answer leaves it open",
    "field": "It is outside my field",
    "other": "Another reason",
}


class Unit(msgspec.Struct, frozen=True):
    """What a labeller is shown: a conversation with its answer, and one criterion."""

    id: str
    turns: tuple[tuple[str, str], ...]
    answer: str
    criterion: str


class Label(msgspec.Struct, frozen=True):
    """A person's label; ``criterion`` is the text of what it is about."""

    unit: str
    said: str
    criterion: str


def next_unit(
    connection: sa.Connection, worker: Worker, *, now: datetime, draw: random.Random
) -> str | None:
    """The unit that a person has, or the next; None where none waits for them."""
    held = assignment.lease_of(connection, worker.person, KIND, now)
    if held is not None:
        return assignment.extend(connection, held, now, LEASE).subject
    found = _due(connection, worker) or next(_open(connection, worker, now), None)
    return None if found is None else keep(connection, worker.person, found, now, draw)


def given(connection: sa.Connection, person: str, now: datetime) -> str | None:
    """The unit that a person has now."""
    held = assignment.lease_of(connection, person, KIND, now)
    return None if held is None else held.subject


def shown(connection: sa.Connection, unit: str) -> Unit:
    """What there is to label. Raises UnknownName."""
    criterion, answer = _read(connection, unit)
    return Unit(
        unit,
        tuple((each.role, each.shown) for each in answer.example.messages),
        answer.text,
        answer.example.criteria[criterion].text,
    )


def label(
    connection: sa.Connection,
    worker: Worker,
    who: Who,
    unit: str,
    said: Said,
    *,
    reason: str = "",
    comment: str = "",
    now: datetime,
) -> None:
    """Say whether the answer meets the criterion. The same said twice is said once.

    Raises Refused: another label of this unit is theirs, or it is not theirs to label.
    """
    check_said(said, reason)
    mine = (labels.c.unit == unit) & (labels.c.person == who.person)
    before = connection.scalar(sa.select(labels.c.said).where(mine))
    if before is not None:
        if before == said:
            return
        raise Refused(f"label: you said {_words(before)} before: undo that first")
    held = assignment.held(connection, who.person, KIND, unit, now)
    if held is None and unit not in {*_open(connection, worker, now), *_gold(connection, worker)}:
        raise Refused("label: your 15 minutes were over, and others have it now: go on here")
    assignment.release(connection, KIND, unit, who.person)
    act = Labelled(reason=reason, comment=comment)
    append(connection, act, by=who, subject=unit, outcome=said)


def check_said(said: str, reason: str) -> None:
    """Raise InputError unless it is a label, with a reason exactly where nobody can tell."""
    if said not in get_args(Said):
        raise InputError("label: choose met, not met or cannot tell")
    if (said == "cannot_tell") != (reason in REASONS):
        raise InputError("cannot tell: choose why")


def known_units(connection: sa.Connection, worker: Worker) -> list[str]:
    """Units with a known answer that a person may be given, in an order of their own."""
    return sorted(_gold(connection, worker), key=lambda unit: content_key(worker.person, unit))


def done(connection: sa.Connection, person: str) -> int:
    """How many units a person has labelled."""
    mine = sa.select(sa.func.count()).where(labels.c.person == person)
    return connection.scalar(mine) or 0


def last_label(connection: sa.Connection, person: str) -> Label | None:
    """What a person labelled last."""
    row = connection.execute(
        sa.select(labels.c.unit, labels.c.said)
        .where(labels.c.person == person)
        .order_by(labels.c.seq.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    criterion, answer = _read(connection, row.unit)
    return Label(row.unit, row.said, answer.example.criteria[criterion].text)


def undo(
    connection: sa.Connection, who: Who, unit: str, *, now: datetime, draw: random.Random
) -> None:
    """Take one's last label back, and have its unit again. Raises Refused."""
    last = last_label(connection, who.person)
    if last is None or last.unit != unit:
        raise Refused("undo: only what you labelled last can be taken back")
    append(connection, Unlabelled(), by=who, subject=unit)
    held = assignment.lease_of(connection, who.person, KIND, now)
    if held is not None:
        assignment.release(connection, KIND, held.subject, who.person)
    keep(connection, who.person, unit, now, draw)


def set_gold(
    connection: sa.Connection, who: Who | None, unit: str, met: bool, explanation: str
) -> None:
    """Decide what is right: from now on the unit checks people. Raises UnknownName."""
    _read(connection, unit)
    outcome = "met" if met else "not_met"
    append(connection, GoldSet(explanation=explanation), by=who, subject=unit, outcome=outcome)


def keep(
    connection: sa.Connection, person: str, unit: str, now: datetime, draw: random.Random
) -> str:
    """Hold a unit for a person."""
    lease = assignment.hold(connection, person, KIND, unit, now=now, draw=draw, length=LEASE)
    return lease.subject


def _read(connection: sa.Connection, unit: str) -> tuple[int, PulledAnswer]:
    row = connection.execute(
        sa.select(units.c.criterion, answers.c.body)
        .join(answers, answers.c.id == units.c.answer)
        .where(units.c.id == unit)
    ).first()
    if row is None:
        raise UnknownName(f"label {shorten(unit)}: there is nothing of that id")
    return row.criterion, msgspec.json.decode(row.body, type=PulledAnswer)


def _due(connection: sa.Connection, worker: Worker) -> str | None:
    """A unit that checks the person, where one is due by now."""
    number = done(connection, worker.person)
    if int(content_key("gold", worker.person, number)[:12], 16) / 16**12 >= GOLD:
        return None
    return next(iter(known_units(connection, worker)), None)


def _gold(connection: sa.Connection, worker: Worker) -> Iterator[str]:
    return _for(connection, worker, units.c.gold.is_not(None))


def _open(connection: sa.Connection, worker: Worker, now: datetime) -> Iterator[str]:
    """Units with a seat for this person, in their order."""
    # Whoever calls it outside their field leaves the seat to another.
    counts = (labels.c.unit == units.c.id) & (labels.c.reason != "field")
    given = sa.select(sa.func.count()).where(counts).correlate(units).scalar_subquery()
    taken = assignment.taken(KIND, units.c.id, worker.person, now).correlate(units)
    seated = units.c.seats > given + taken.scalar_subquery()
    return _for(connection, worker, units.c.chance.is_not(None) & seated)


def _for(connection: sa.Connection, worker: Worker, which: sa.ColumnElement[bool]) -> Iterator[str]:
    """Units of this kind that are the person's to label, and that they have not labelled."""
    mine = sa.union(
        sa.select(labels.c.unit).where(labels.c.person == worker.person),
        sa.select(practices.c.unit).where(practices.c.person == worker.person),
    )
    own = sa.select(items.c.id).where(items.c.author == worker.person)
    rows = connection.execute(
        sa.select(units.c.id, units.c.specialty, units.c.language, pulls.c.system)
        .join(pulls, pulls.c.id == units.c.pull)
        .where(which, units.c.id.not_in(mine), units.c.item.not_in(own))
        .order_by(pulls.c.seq, units.c.place)
    ).all()
    for row in rows:
        if worker.takes(row.specialty, row.language, row.system):
            yield row.id


def _words(said: str) -> str:
    return said.replace("_", " ")
