"""Qualification of labellers: they first do units with a known answer, explained afterwards.

An attempt makes no labels: no file has them, and they fill no seat.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from preceptor.errors import InputError, UnknownName, shorten
from preceptor.studio.items import assignment
from preceptor.studio.items.assignment import Worker
from preceptor.studio.items.workflow import Refused
from preceptor.studio.labelling.acts import Practised, QualificationEnded, Said
from preceptor.studio.labelling.queue import (
    KIND,
    Unit,
    check_said,
    keep,
    known_units,
    shown,
)
from preceptor.studio.labelling.tables import practices, qualifications, units
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.people.members import member
from preceptor.studio.people.project import project

__all__ = [
    "ATTEMPTS",
    "Attempt",
    "Known",
    "Stage",
    "attempts",
    "explained",
    "let_begin",
    "next_practice",
    "practise",
    "stage",
]

#: How often a person may try.
ATTEMPTS = 2


class Stage(msgspec.Struct, frozen=True):
    """How far a person is; ``open`` is an attempt that is under way or may begin.

    ``none`` where the project asks for no qualification.
    """

    state: Literal["none", "open", "passed", "failed"]
    attempt: int = 0
    done: int = 0
    units: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the person may label."""
        return self.state in ("none", "passed")


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A unit of an attempt that has ended: what the person said, what is right, and why."""

    unit: Unit
    said: str
    right: str
    explanation: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that has ended; without ``units`` where a lead let the person begin."""

    outcome: str
    right: int
    units: int
    known: tuple[Known, ...] = ()


def stage(connection: sa.Connection, person: str) -> Stage:
    """How far a person is."""
    wanted = project(connection).qualify
    ended = list(connection.scalars(_ended(person, qualifications.c.outcome)))
    if "passed" in ended:
        return Stage("passed")
    if not wanted:
        return Stage("none")
    if len(ended) >= ATTEMPTS:
        return Stage("failed", len(ended))
    now = (practices.c.person == person) & (practices.c.attempt == len(ended) + 1)
    done = connection.scalar(sa.select(sa.func.count()).where(now)) or 0
    return Stage("open", len(ended) + 1, done, wanted)


def next_practice(
    connection: sa.Connection, worker: Worker, *, now: datetime, draw: random.Random
) -> str:
    """The next unit of an attempt. Raises Refused where the project has too few."""
    found, left = stage(connection, worker.person), known_units(connection, worker)
    held = assignment.lease_of(connection, worker.person, KIND, now)
    if held is not None and held.subject in left:
        return held.subject
    if held is not None:
        assignment.release(connection, KIND, held.subject, worker.person)
    if len(left) < found.units - found.done:
        raise Refused(
            f"qualification: expected {found.units - found.done} units with a known answer for "
            f"you, found {len(left)}: tell a lead"
        )
    return keep(connection, worker.person, left[0], now, draw)


def practise(
    connection: sa.Connection,
    worker: Worker,
    who: Who,
    unit: str,
    said: Said,
    *,
    reason: str = "",
    now: datetime,
) -> Stage:
    """Say whether an answer meets a criterion; the last unit ends the attempt. Raises Refused."""
    check_said(said, reason)
    found = stage(connection, who.person)
    held = assignment.held(connection, who.person, KIND, unit, now)
    if found.state != "open" or held is None or unit not in known_units(connection, worker):
        raise Refused("qualification: you were given another unit: continue here")
    assignment.release(connection, KIND, unit, who.person)
    act = Practised(reason=reason, attempt=found.attempt)
    append(connection, act, by=who, subject=unit, outcome=said)
    if found.done + 1 >= found.units:
        _end(connection, who, found)
    return stage(connection, who.person)


def attempts(connection: sa.Connection, person: str) -> tuple[Attempt, ...]:
    """A person's attempts that have ended, without their units."""
    columns = (qualifications.c[name] for name in ("outcome", "right", "units"))
    rows = connection.execute(_ended(person, *columns)).mappings()
    return tuple(Attempt(**row) for row in rows)


def explained(connection: sa.Connection, person: str) -> tuple[Attempt, ...]:
    """A person's attempts that have ended, with what was right of each unit: for them alone."""
    return tuple(
        replace(each, known=_known(connection, person, number) if each.units else ())
        for number, each in enumerate(attempts(connection, person), 1)
    )


def let_begin(connection: sa.Connection, who: Who, person: str, reason: str) -> None:
    """A lead lets a person label who has not passed. Raises InputError, UnknownName."""
    found = member(connection, person)
    if found is None or "labeller" not in found.offer.roles:
        raise UnknownName(f"person {shorten(person)}: no labeller has that id")
    if person == who.person:
        raise InputError("qualification: another lead has to let you begin")
    if not reason:
        raise InputError("reason: say why, to let a person begin; it is recorded")
    act = QualificationEnded()
    append(connection, act, by=who, subject=person, outcome="passed", reason=reason)


def _ended(person: str, *what: sa.ColumnElement[Any]) -> sa.Select[Any]:
    mine = qualifications.c.person == person
    return sa.select(*what).where(mine).order_by(qualifications.c.seq)


def _end(connection: sa.Connection, who: Who, found: Stage) -> None:
    rows = _practised(connection, who.person, found.attempt)
    right = sum(row.said == _right(row.gold) for row in rows)
    passed = right >= project(connection).pass_share * len(rows)
    act = QualificationEnded(right=right, units=len(rows))
    outcome = "passed" if passed else "failed"
    append(connection, act, by=who, subject=who.person, outcome=outcome)


def _practised(connection: sa.Connection, person: str, attempt: int) -> Sequence[Any]:
    return connection.execute(
        sa.select(practices.c.unit, practices.c.said, units.c.gold, units.c.explanation)
        .join(units, units.c.id == practices.c.unit)
        .where(practices.c.person == person, practices.c.attempt == attempt)
        .order_by(practices.c.seq)
    ).all()


def _right(gold: bool) -> Said:
    return "met" if gold else "not_met"


def _known(connection: sa.Connection, person: str, attempt: int) -> tuple[Known, ...]:
    return tuple(
        Known(
            unit=shown(connection, row.unit),
            said=row.said,
            right=_right(row.gold),
            explanation=row.explanation,
        )
        for row in _practised(connection, person, attempt)
    )
