"""The author's pages: one's tasks, a new one, and one that is written or was handed in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args

import sqlalchemy as sa
from msgspec.structs import replace
from starlette.responses import Response

from preceptor.errors import InputError
from preceptor.studio.items import authoring, commands
from preceptor.studio.items.advice import advice, confirm, dismiss, heed, left_aside, mend
from preceptor.studio.items.authoring import Written
from preceptor.studio.items.content import Mode
from preceptor.studio.items.drafts import Stale
from preceptor.studio.items.writing import Writing, problems
from preceptor.studio.people.members import Member
from preceptor.studio.web.home import WORK, Work
from preceptor.studio.web.middleware import is_scripted
from preceptor.studio.web.render import Link, View
from preceptor.studio.web.screens import Screen, Visit, Web, see
from preceptor.studio.web.task_views import OPEN, STATES, view_of
from preceptor.studio.web.writing_form import read_writing

__all__ = ["screens"]

_AUTHOR = frozenset({"author"})
MODES = {
    "good_faith": "Good faith: ask as a clinician or patient would",
    "red_teaming": "Red team: try to lead the system into a mistake",
}


class NewTask(View, frozen=True, kw_only=True):
    """What a task begins with."""

    modes: dict[str, str]
    mode: str
    specialty: str
    language: str
    specialties: tuple[str, ...]
    languages: tuple[str, ...]


class Tasks(View, frozen=True, kw_only=True):
    """The reader's own tasks: name, state in words."""

    tasks: tuple[tuple[Link, str], ...]


def screens(web: Web) -> list[Screen]:
    return [
        Screen("/tasks", web, get=_list, roles=_AUTHOR),
        Screen("/tasks/new", web, get=_new, post=_begin, roles=_AUTHOR),
        Screen("/tasks/{item:str}", web, get=_open, post=_post, roles=_AUTHOR, said=_SAID),
    ]


_SAID = {
    "saved": "Saved.",
    "submitted": "The task is handed in.",
    "revised": "The task is handed in again.",
    "withdrawn": "The task is withdrawn.",
}


# One's tasks, and a new one


def _work(connection: sa.Connection, member: Member) -> Work:
    listed = authoring.listed(connection, member.id)
    return Work(
        role="author",
        about="Write tasks: a conversation, and the criteria of a good answer.",
        begin=Link("Write a new task", "/tasks/new"),
        under_way=tuple(
            Link(f"{each.name or 'A task without words'} ({STATES[each.state]})", _address(each.id))
            for each in listed
            if each.state in ("draft", "revising")
        ),
        rest=Link("All my tasks", "/tasks") if listed else None,
    )


WORK["author"] = _work


def _address(item: str) -> str:
    return f"/tasks/{item}"


async def _list(visit: Visit) -> View:
    listed = await visit.read(lambda connection: authoring.listed(connection, visit.member.id))
    return Tasks(
        title="My tasks",
        tasks=tuple(
            (Link(each.name or "A task without words", _address(each.id)), STATES[each.state])
            for each in listed
        ),
    )


async def _new(visit: Visit) -> View:
    given, offer = visit.given, visit.member.offer
    return NewTask(
        title="New task",
        modes=MODES,
        mode=given.raw("mode", "good_faith"),
        specialty=given.raw("specialty", next(iter(offer.specialties), "")),
        language=given.raw("language", next(iter(offer.languages), "en")),
        specialties=offer.specialties,
        languages=offer.languages,
    )


async def _begin(visit: Visit) -> Response:
    given, who = visit.given, visit.who
    if not visit.member.has_declared(visit.now):
        raise InputError("conflicts of interest: declare them on your account's page first")
    chosen = given.one("mode", MODES)
    mode = next(each for each in get_args(Mode) if each == chosen)
    specialty, language = given.line("specialty", most=100), given.line("language", most=40)
    item = await visit.write(
        lambda connection: commands.create(connection, who, mode, specialty, language.lower())
    )
    return see(_address(item))


# A task


async def _open(visit: Visit) -> View:
    found = await _read(visit)
    if visit.given and found.standing.state in OPEN:  # a form that was refused
        writing = read_writing(visit.given, found.writing, {}, checked=False)
        found = replace(found, writing=writing, rev=_rev(visit))
    return await _shown(visit, found)


async def _shown(visit: Visit, found: Written, **more: Any) -> View:
    return await visit.read(lambda connection: view_of(connection, found, **more))


async def _read(visit: Visit) -> Written:
    item, person = visit.place("item"), visit.member.id
    return await visit.read(lambda connection: authoring.written(connection, item, person))


def _rev(visit: Visit) -> int:
    found = visit.given.raw("rev")
    return int(found) if re.fullmatch(r"[0-9]{1,9}", found) else 0


async def _post(visit: Visit) -> View | Response:
    found = await _read(visit)
    verb, _, at = visit.given.raw("do").partition("-")
    if verb == "withdraw":
        return await _withdraw(visit, found)
    found.standing.expect("save", *OPEN)
    person, item = visit.member.id, found.standing.item
    writing = read_writing(visit.given, found.writing, {})
    if verb == "take":
        writing, focus = await _take(visit, writing, at)
    else:
        change = _CHANGES.get(verb)
        writing, focus = (writing, "") if change is None else change(writing, at)
    try:
        draft = await visit.write(
            lambda connection: authoring.keep(connection, item, person, writing, _rev(visit))
        )
    except Stale:
        return await _stale(visit, writing)
    found = replace(found, writing=writing, rev=draft.rev)
    if verb == "submit":
        return await _submit(visit, found)
    if is_scripted(visit.request):
        return await _shown(visit, found, focus=focus)
    return see(f"{_address(item)}#{focus}") if focus else see(_address(item), "saved")


async def _stale(visit: Visit, mine: Writing) -> Response:
    """Both texts: what this window sent in the form, what another one saved beside it."""
    now = await _read(visit)
    ours, theirs = _texts(mine), _texts(now.writing)
    labels = dict.fromkeys([*theirs, *ours])
    other = tuple(
        (label, theirs.get(label, ""))
        for label in labels
        if theirs.get(label, "") != ours.get(label, "")
    )
    visit.problem = "another window saved this task meanwhile: nothing was overwritten"
    return visit.page(await _shown(visit, replace(now, writing=mine), other=other), status=409)


def _texts(writing: Writing) -> dict[str, str]:
    """Label → text of all that can be typed."""
    found = {f"Turn {number}": line.text for number, line in enumerate(writing.lines, 1)}
    found["Answer"] = writing.answer
    for number, row in enumerate(writing.rows, 1):
        found[f"Criterion {number}"] = f"{row.points}: {row.text}"
    scores = ", ".join(f"{name} {score}" for name, score in writing.scores.items())
    return {
        **found,
        "Use case": writing.use_case,
        "Specialty": writing.specialty,
        "Language": writing.language,
        "Strategies": ", ".join(writing.strategies),
        "Rating": scores,
        "Declared": ", ".join(writing.attested),
        "Reply": writing.reply,
    }


async def _submit(visit: Visit, found: Written) -> Response:
    who, writing = visit.who, found.writing
    item, mode, revising = found.standing.item, found.standing.mode, _revises(found)
    wrong = len(problems(writing, None, revising=revising))
    wrong += sum(each.blocks for each in advice(writing))
    if wrong:
        places = "one place says" if wrong == 1 else f"{wrong} places say"
        visit.problem = f"the task is saved, and not handed in: {places} why"
        return visit.page(await _shown(visit, found, tried=True), status=422)
    content = writing.content(mode)

    def submit(connection: sa.Connection) -> None:
        if revising:
            commands.revise(connection, who, item, content, writing.reply)
            return
        commands.submit(
            connection,
            who,
            item,
            content,
            writing.rating(None),
            attested=writing.attested,
            dismissed=left_aside(writing),
        )

    await visit.write(submit)
    return see(_address(item), "revised" if revising else "submitted")


def _revises(found: Written) -> bool:
    return found.standing.state == "revising"


async def _take(visit: Visit, writing: Writing, what: str) -> tuple[Writing, str]:
    """Do what a reviewer proposes: ``NUMBER-CRITERION``."""
    number, _, id = what.partition("-")
    item = visit.place("item")
    reviews = await visit.read(lambda connection: commands.counted_reviews(connection, item))
    for place, review in enumerate(reviews.values()):
        if number == str(place):
            writing = writing.take(review, id)
    return writing, f"c-{id}-text" if any(row.id == id for row in writing.rows) else "add"


async def _withdraw(visit: Visit, found: Written) -> Response:
    item, reason = found.standing.item, visit.given.line("reason", most=1_000)
    await visit.write(lambda connection: commands.withdraw(connection, visit.who, item, reason))
    return see(_address(item), "withdrawn")


Change = Callable[[Writing, str], tuple[Writing, str]]


def _add(writing: Writing, _: str) -> tuple[Writing, str]:
    writing = writing.add()
    return writing, f"c-{writing.rows[-1].id}-text"


def _turn(writing: Writing, _: str) -> tuple[Writing, str]:
    writing = writing.go_on(None)
    return writing, f"t-{len(writing.lines) - 1}"


def _fork(writing: Writing, at: str) -> tuple[Writing, str]:
    return writing.fork(int(at)) if at.isdecimal() else writing, f"t-{at}"


def _switch(writing: Writing, at: str) -> tuple[Writing, str]:
    return writing.switch(int(at)) if at.isdecimal() else writing, "conversation"


def _beside(key: str) -> str:
    """The field of a finding."""
    criterion = key.partition(".")[2].rpartition(".")[0]
    return f"c-{criterion}-text" if criterion else "add"


#: Button → what is written then, and the field that it leads to.
_CHANGES: dict[str, Change] = {
    "add": _add,
    "remove": lambda writing, id: (writing.remove(id), "add"),
    "back": lambda writing, id: (writing.put_back(id), f"c-{id}-text"),
    "up": lambda writing, id: (writing.shift(id, -1), f"up-{id}"),
    "down": lambda writing, id: (writing.shift(id, 1), f"down-{id}"),
    "fix": lambda writing, key: (mend(writing, key), _beside(key)),
    "dismiss": lambda writing, key: (dismiss(writing, key), _beside(key)),
    "heed": lambda writing, key: (heed(writing, key), _beside(key)),
    "confirm": lambda writing, id: (confirm(writing, id), f"c-{id}-text"),
    "turn": _turn,
    "fork": _fork,
    "switch": _switch,
}
