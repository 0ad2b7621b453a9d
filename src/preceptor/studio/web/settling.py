"""Pages that settle what is right of labelled units, without names or the grader's verdict."""

from __future__ import annotations

from starlette.responses import Response

from preceptor.studio.labelling.settling import Dispute, Listed, dispute, listed, settle
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import LEAD, Screen, Visit, Web, see

__all__ = ["screens"]

_SAID = {"settled": "Settled. From now on this unit checks people."}


class Gold(View, frozen=True, kw_only=True):
    """Units to be settled: those on which labellers differ, or ``every`` one they labelled."""

    units: tuple[Listed, ...]
    every: bool


class GoldUnit(View, frozen=True, kw_only=True):
    """One of them, and the form."""

    found: Dispute
    choice: str
    explanation: str


def screens(web: Web) -> list[Screen]:
    roles = LEAD | {"adjudicator"}
    return [
        Screen("/known", web, get=_list, roles=roles, said=_SAID),
        Screen("/known/{unit:str}", web, get=_open, post=_settle, roles=roles),
    ]


async def _list(visit: Visit) -> View:
    member, every = visit.member, bool(visit.asked("every"))
    found = await visit.read(lambda connection: listed(connection, member, every=every))
    return Gold(title="Known answers", units=tuple(found), every=every)


async def _open(visit: Visit) -> View:
    member, unit, given = visit.member, visit.place("unit"), visit.given
    found = await visit.read(lambda connection: dispute(connection, member, unit))
    settled = {None: "", True: "met", False: "not_met"}[found.gold]
    return GoldUnit(
        title="Known answer",
        found=found,
        choice=given.raw("said", settled),
        explanation=given.raw("explanation", found.explanation),
    )


async def _settle(visit: Visit) -> Response:
    given, who, member, unit = visit.given, visit.who, visit.member, visit.place("unit")
    met = given.one("said", ("met", "not_met"), label="what is right") == "met"
    explanation = given.text("explanation", most=5_000).strip()
    await visit.write(
        lambda connection: settle(connection, who, member, unit, met=met, explanation=explanation)
    )
    return see("/known", "settled")
