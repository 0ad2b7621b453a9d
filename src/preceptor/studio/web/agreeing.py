"""How far people agree: of all for a lead, with the others for oneself."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.audit.agreement import Estimate
from preceptor.studio.oversight import agreement
from preceptor.studio.oversight.agreement import Agreed
from preceptor.studio.oversight.rated import ScaleAgreement
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import LEAD, Screen, Visit, Web

__all__ = ["screens"]


class Line(msgspec.Struct, frozen=True):
    """Agreement on one question in one group, each measure as text."""

    group: str
    units: int
    tasks: int
    values: tuple[str, ...]


class Table(msgspec.Struct, frozen=True):
    """All lines of one question, and what their measures are called."""

    question: str
    measures: tuple[str, ...]
    lines: tuple[Line, ...]


class Agreement(View, frozen=True, kw_only=True):
    """Agreement of all (empty for those who are no lead), and of the reader with the others."""

    everybody: tuple[Table, ...] | None
    own: tuple[Table, ...] | None
    least: int


_JUDGING = frozenset({"reviewer", "labeller"})


def screens(web: Web) -> list[Screen]:
    return [Screen("/agreement", web, get=_agreement, roles=LEAD | _JUDGING)]


async def _agreement(visit: Visit) -> View:
    roles, person = visit.member.offer.roles, visit.who.person

    def ask(connection: sa.Connection) -> tuple[list[Agreed] | None, list[Agreed] | None]:
        said = list(agreement.judgements(connection))
        return (
            agreement.agreed(said) if "lead" in roles else None,
            agreement.agreed_with(said, person) if _JUDGING & set(roles) else None,
        )

    everybody, own = await visit.read(ask)
    return Agreement(
        title="Agreement",
        everybody=None if everybody is None else _tables(everybody),
        own=None if own is None else _tables(own),
        least=agreement.LEAST,
    )


def _tables(found: list[Agreed]) -> tuple[Table, ...]:
    by_question: dict[str, list[Agreed]] = {}
    for each in found:
        by_question.setdefault(each.question, []).append(each)
    return tuple(
        Table(question, tuple(_measures(part[0])), tuple(map(_line, part)))
        for question, part in by_question.items()
    )


def _measures(each: Agreed) -> dict[str, Estimate]:
    found = each.found
    if isinstance(found, ScaleAgreement):
        names = {"Weighted kappa": found.kappa, "ICC(2,1)": found.icc}
    else:
        names = {"AC1": found.ac1, "Kappa": found.kappa}
    return {"Say the same": found.observed, **names, "Alpha": found.alpha}


def _line(each: Agreed) -> Line:
    values = tuple(map(_words, _measures(each).values()))
    return Line(each.group or "All", each.units, each.tasks, values)


def _words(found: Estimate) -> str:
    if found.value is None:
        return "not defined: all said the same"
    between = "no interval" if found.ci95 is None else "{:.2f} to {:.2f}".format(*found.ci95)
    return f"{found.value:.2f} ({between})".replace("-", "\N{MINUS SIGN}")
