"""What a person's work came to: one's own, and for leads that of a person without the name."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.errors import UnknownName
from preceptor.studio.baselines.commands import own_scores
from preceptor.studio.items.commands import version
from preceptor.studio.oversight import scores
from preceptor.studio.oversight.scores import Measure
from preceptor.studio.people.members import member
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import LEAD, Screen, Visit, Web
from preceptor.studio.web.seats import brief

__all__ = ["screens"]


class Figure(msgspec.Struct, frozen=True):
    """One figure as text; ``value`` is empty while there are too few."""

    name: str
    of: str
    n: int
    value: str
    interval: str


class AnswerScore(msgspec.Struct, frozen=True):
    """What a run gave an answer that the reader wrote, of 100."""

    task: str
    run: str
    score: str


class Score(View, frozen=True, kw_only=True):
    """The figures of one person; ``person`` is empty where it is the reader."""

    person: str
    figures: tuple[Figure, ...]
    least: int
    answers: tuple[AnswerScore, ...] = ()


def screens(web: Web) -> list[Screen]:
    return [
        Screen("/score", web, get=_own),
        Screen("/scores/{person:str}", web, get=_of, roles=LEAD),
    ]


async def _own(visit: Visit) -> View:
    person = visit.who.person
    score = await _score(visit, person, "")

    def ask(connection: sa.Connection) -> tuple[AnswerScore, ...]:
        return tuple(
            AnswerScore(brief(version(connection, item).content), run, f"{100 * given:.0f}")
            for item, run, given in own_scores(connection, person)
        )

    return msgspec.structs.replace(score, answers=await visit.read(ask))


async def _of(visit: Visit) -> View:
    person = visit.place("person")
    if await visit.read(lambda connection: member(connection, person)) is None:
        raise UnknownName(f"person {person[:20]!r}: nobody has that id")
    return await _score(visit, person, person)


async def _score(visit: Visit, person: str, shown: str) -> Score:
    found = await visit.read(lambda connection: scores.scores(connection, person))
    return Score(
        title="Score" if shown else "My score",
        person=shown,
        figures=tuple(map(_figure, found)),
        least=scores.LEAST,
    )


def _figure(found: Measure) -> Figure:
    value = "" if found.value is None else _words(found, found.value)
    low, high = (_words(found, each) for each in found.ci95 or (0.0, 0.0))
    interval = f"{low} to {high}" if found.ci95 else ""
    return Figure(found.name, found.of, found.n, value, interval)


def _words(found: Measure, value: float) -> str:
    return f"{100 * value:.0f} %" if found.kind == "share" else f"{value / 60:.1f} min"
