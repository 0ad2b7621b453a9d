"""Pages of qualification: what was right, for the person; how far each is, for leads."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from starlette.responses import Response

from preceptor.studio.labelling.qualifying import (
    ATTEMPTS,
    Attempt,
    Stage,
    attempts,
    explained,
    let_begin,
    stage,
)
from preceptor.studio.labelling.tables import units
from preceptor.studio.people.members import with_role
from preceptor.studio.people.project import project
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import LEAD, Screen, Visit, Web, see

__all__ = ["screens"]

_SAID = {"begin": "This person may label now."}


class QualificationResult(View, frozen=True, kw_only=True):
    """The reader's own attempts, the last first, and how far they are."""

    attempts: tuple[Attempt, ...]
    stage: Stage
    most: int


class Labeller(msgspec.Struct, frozen=True):
    """A labeller by id, what came of each attempt, and how far they are."""

    person: str
    attempts: tuple[str, ...]
    stage: Stage


class Qualifications(View, frozen=True, kw_only=True):
    """All labellers, what the project asks for, and how many units it has for that."""

    people: tuple[Labeller, ...]
    units: int
    most: int
    percent: str
    known: int
    reason: str


def screens(web: Web) -> list[Screen]:
    labeller = frozenset({"labeller"})
    return [
        Screen("/labels/qualification", web, get=_result, roles=labeller),
        Screen("/qualification", web, get=_all, post=_let, roles=LEAD, said=_SAID),
    ]


async def _result(visit: Visit) -> View:
    person = visit.member.id

    def ask(connection: sa.Connection) -> View:
        return QualificationResult(
            title="Qualification",
            attempts=explained(connection, person)[::-1],
            stage=stage(connection, person),
            most=ATTEMPTS,
        )

    return await visit.read(ask)


async def _all(visit: Visit) -> View:
    reason = visit.given.raw("reason")

    def ask(connection: sa.Connection) -> View:
        found, known = project(connection), units.c.gold.is_not(None)
        return Qualifications(
            title="Qualification",
            people=tuple(
                Labeller(
                    each.id,
                    tuple(map(_words, attempts(connection, each.id))),
                    stage(connection, each.id),
                )
                for each in with_role(connection, "labeller")
            ),
            units=found.qualify,
            most=ATTEMPTS,
            percent=f"{100 * found.pass_share:g}",
            known=connection.scalar(sa.select(sa.func.count()).where(known)) or 0,
            reason=reason,
        )

    return await visit.read(ask)


def _words(attempt: Attempt) -> str:
    if not attempt.units:
        return "a lead let them begin"
    return f"{attempt.outcome}, {attempt.right} of {attempt.units} right"


async def _let(visit: Visit) -> Response:
    who, person = visit.who, visit.given.line("person", most=40)
    reason = visit.given.line("reason", most=1_000)
    await visit.write(lambda connection: let_begin(connection, who, person, reason))
    return see("/qualification", "begin")
