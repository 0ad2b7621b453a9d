"""For leads: drawing the tasks that are reviewed, with a table before anything moves."""

from __future__ import annotations

import secrets
from collections import Counter

import sqlalchemy as sa
from starlette.responses import Response

from preceptor.errors import InputError
from preceptor.studio.oversight import sampler
from preceptor.studio.oversight.sampler import Candidate, Line, Plan, Preview
from preceptor.studio.web.forms import Given
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import LEAD, Screen, Visit, Web, see

__all__ = ["screens"]


class Sampling(View, frozen=True, kw_only=True):
    """The form of a draw as it was filled in, and the tasks; with a preview, those drawn."""

    size: str
    ratio: str
    seed: str
    parked: bool
    only_hard_attacks: bool
    submitted: int
    waiting: int
    lines: tuple[Line, ...]
    preview: Preview | None


def screens(web: Web) -> list[Screen]:
    return [Screen("/sampling", web, get=_sampling, post=_draw, roles=LEAD, said=_SAID)]


_SAID = {"drawn": "The tasks that were drawn are queued for review, and the others parked."}


async def _sampling(visit: Visit) -> View:
    try:  # of a form that was refused, the table as it is now
        return await _page(visit, _plan(visit.given) if visit.given else None)
    except InputError:
        return await _page(visit, None)


async def _draw(visit: Visit) -> View | Response:
    given, who = visit.given, visit.who
    done, plan = given.one("do", ("preview", "draw")), _plan(given)
    if done == "preview":
        return await _page(visit, plan)
    await visit.write(lambda connection: sampler.sample(connection, who, plan, given.line("seen")))
    return see("/sampling", "drawn")


def _plan(given: Given) -> Plan:
    return Plan(
        size=given.whole("size", 1, 1_000_000),
        ratio=given.number("ratio", 0.1, 100, label="how many times as likely"),
        seed=given.whole("seed", 0, 999_999_999),
        parked=bool(given.raw("parked")),
        only_hard_attacks=bool(given.raw("only_hard_attacks")),
    )


async def _page(visit: Visit, plan: Plan | None) -> View:
    given = visit.given
    parked = bool(given.raw("parked")) if given else True
    only_hard = bool(given.raw("only_hard_attacks")) if given else True
    shown = plan or Plan(size=1, parked=parked, only_hard_attacks=only_hard)

    def ask(connection: sa.Connection) -> list[Candidate]:
        return sampler.candidates(connection, shown)

    found = await visit.read(ask)
    preview = sampler.preview(found, plan) if plan else None
    counts = Counter(each.stratum for each in found)
    return Sampling(
        title="Sample",
        size=given.raw("size", str(len(found) // 2)),
        ratio=given.raw("ratio", f"{sampler.RATIO:g}"),
        seed=given.raw("seed", str(secrets.randbelow(1_000_000))),
        parked=parked,
        only_hard_attacks=only_hard,
        submitted=sum(each.state == "submitted" for each in found),
        waiting=len(found),
        lines=preview.lines
        if preview
        else tuple(Line(*each, 0) for each in sorted(counts.items())),
        preview=preview,
    )
