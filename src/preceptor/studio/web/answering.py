"""The writer's pages: answering an accepted task as a physician, without its rubric."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import sqlalchemy as sa
from starlette.responses import Response

from preceptor.errors import InputError, UnknownName
from preceptor.studio.baselines import commands
from preceptor.studio.baselines.commands import Written
from preceptor.studio.baselines.workflow import ATTESTATION
from preceptor.studio.items.assignment import Worker
from preceptor.studio.items.commands import version
from preceptor.studio.items.content import Turn
from preceptor.studio.items.drafts import Draft, Stale
from preceptor.studio.people.members import Member
from preceptor.studio.web.home import WORK, Work
from preceptor.studio.web.middleware import is_autosave, is_scripted
from preceptor.studio.web.render import Link, Saved, View
from preceptor.studio.web.screens import Screen, Visit, Web, see

__all__ = ["screens"]

_WRITER = frozenset({"writer"})
_ADDRESS = "/answers"
_NAME = 70


class AnswerForm(View, frozen=True, kw_only=True):
    """A task that a physician answers.

    Attributes
    ----------
    references
        Answers of systems that they see; none for most.
    other
        Where another window saved meanwhile: what each field is there.
    """

    item: str
    turns: tuple[Turn, ...]
    references: tuple[str, ...]
    written: Written
    rev: int
    attestation: str
    other: tuple[tuple[str, str], ...] = ()


class AnswerStart(View, frozen=True, kw_only=True):
    """What the writer has not handed in."""

    under_way: tuple[Link, ...]


def screens(web: Web) -> list[Screen]:
    return [
        Screen(_ADDRESS, web, get=_start, post=_next, roles=_WRITER, said=_SAID),
        Screen(f"{_ADDRESS}/{{item:str}}", web, get=_open, post=_post, roles=_WRITER, said=_SAID),
    ]


_SAID = {
    "none": "No task waits for your answer now.",
    "saved": "Saved.",
    "handed-in": "The answer is handed in.",
    "skipped": "The task is given back.",
}


def _work(connection: sa.Connection, member: Member) -> Work:
    now = datetime.now(UTC)
    return Work(
        role="writer",
        about="Write the answer that a good physician would give.",
        begin=Link("Answer the next task", _ADDRESS),
        under_way=_links(connection, member.id, now),
    )


WORK["writer"] = _work


def _links(connection: sa.Connection, person: str, now: datetime) -> tuple[Link, ...]:
    def name(item: str) -> str:
        text = " ".join(version(connection, item).content.messages[0].text.split())
        return text if len(text) <= _NAME else f"{text[:_NAME].rstrip()}…"

    found = commands.under_way(connection, person, now)
    return tuple(Link(name(item), f"{_ADDRESS}/{item}") for item in found)


async def _start(visit: Visit) -> View:
    person, now = visit.member.id, _now(visit)
    links = await visit.read(lambda connection: _links(connection, person, now))
    return AnswerStart(title="Answer tasks", under_way=links)


async def _next(visit: Visit) -> Response:
    if not visit.member.has_declared(visit.now):
        raise InputError("conflicts of interest: declare them on your account's page first")
    worker, now = Worker.of(visit.member), _now(visit)
    item = await visit.write(
        lambda connection: commands.next_task(
            connection, worker, now=now, draw=random.SystemRandom()
        )
    )
    return see(_ADDRESS, "none") if item is None else see(f"{_ADDRESS}/{item}")


async def _open(visit: Visit) -> View:
    typed = _typed(visit, checked=False) if visit.given else None
    return await _shown(visit, typed)


async def _shown(visit: Visit, typed: Written | None, *, stale: bool = False) -> View:
    item, person, now = visit.place("item"), visit.member.id, _now(visit)

    def ask(connection: sa.Connection) -> View:
        found = commands.seat(connection, person, item, now)
        if found is None:
            raise UnknownName("task: is not yours to answer, or no more: begin at the first page")
        saved, rev = commands.written(connection, person, item)
        return AnswerForm(
            title="Answer",
            item=item,
            turns=version(connection, item).content.messages,
            references=commands.shown(connection, item, found[0]),
            written=saved if typed is None else typed,
            rev=rev if typed is None or stale else _rev(visit),
            attestation=ATTESTATION,
            other=(("Answer", saved.text), ("Sources", saved.sources)) if stale else (),
        )

    return await visit.read(ask)


async def _post(visit: Visit) -> View | Response:
    item, who, now, verb = visit.place("item"), visit.who, _now(visit), visit.given.raw("do")
    if verb == "skip":
        reason = visit.given.line("reason", most=1_000)
        await visit.write(lambda connection: commands.skip(connection, who, item, reason, now))
        return see(_ADDRESS, "skipped")
    typed, rev = _typed(visit), _rev(visit)

    def save(connection: sa.Connection) -> Draft:
        kept = commands.keep(connection, who, item, typed, rev=rev, now=now)
        if verb == "submit":
            commands.hand_in(connection, who, item, typed, now)
        return kept

    try:
        kept = await visit.write(save)
    except Stale:
        visit.problem = "another window saved this answer meanwhile: nothing was overwritten"
        return visit.page(await _shown(visit, typed, stale=True), status=409)
    if verb == "submit":
        return see(_ADDRESS, "handed-in")
    if is_autosave(visit.request):
        return Saved(rev=kept.rev)
    if is_scripted(visit.request):
        return await _shown(visit, None)
    return see(f"{_ADDRESS}/{item}", "saved")


def _typed(visit: Visit, *, checked: bool = True) -> Written:
    given = visit.given
    read = given.text if checked else lambda name, **_: given.raw(name)
    return Written(
        text=read("text", most=50_000, label="answer"),
        sources=read("sources", most=10_000),
        web=bool(given.raw("web")),
        attested=bool(given.raw("attested")),
    )


def _rev(visit: Visit) -> int:
    found = visit.given.raw("rev")
    return int(found) if found.isdecimal() and len(found) < 9 else 0


def _now(visit: Visit) -> datetime:
    return datetime.fromtimestamp(visit.now, UTC)
