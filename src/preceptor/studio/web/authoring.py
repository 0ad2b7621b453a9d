"""The author's pages: one's tasks, a new one, and one that is written or was handed in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args

import msgspec
import sqlalchemy as sa
from starlette.responses import Response

from preceptor.errors import InputError
from preceptor.studio.items import authoring, commands
from preceptor.studio.items.authoring import Written
from preceptor.studio.items.content import DIMENSIONS, STRATEGIES, Content, Mode, Rating
from preceptor.studio.items.drafts import Stale
from preceptor.studio.items.writing import (
    ATTESTATIONS,
    HIGHEST,
    USE_CASES,
    Writing,
    problems,
)
from preceptor.studio.people.members import Member
from preceptor.studio.web.home import WORK, Work
from preceptor.studio.web.middleware import is_scripted
from preceptor.studio.web.render import Link, View
from preceptor.studio.web.screens import Screen, Visit, Web, see
from preceptor.studio.web.writing_form import read_writing

__all__ = ["screens"]

_AUTHOR = frozenset({"author"})
MODES = {
    "good_faith": "Good faith: ask as a clinician or patient would",
    "red_teaming": "Red team: try to lead the system into a mistake",
}
#: What an author reads of a task's state.
STATES = {
    "draft": "not handed in yet",
    "submitted": "handed in",
    "parked": "handed in, set aside by a lead",
    "in_review": "in review",
    "revising": "to be revised",
    "adjudicating": "waits for a decision",
    "accepted": "accepted",
    "rejected": "rejected",
    "withdrawn": "withdrawn",
    "retired": "retired",
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


class Lists(msgspec.Struct, frozen=True):
    """The words of a form's choices."""

    use_cases: tuple[tuple[str, str], ...] = tuple(USE_CASES.items())
    strategies: tuple[str, ...] = STRATEGIES
    dimensions: tuple[str, ...] = ("overall", *DIMENSIONS)
    scale: tuple[int, ...] = tuple(range(1, HIGHEST + 1))
    attestations: tuple[tuple[str, str], ...] = tuple(ATTESTATIONS.items())


class TaskForm(View, frozen=True, kw_only=True):
    """A task that its author writes.

    Attributes
    ----------
    scores
        Of the answer that is shown.
    problems
        Field → why the task cannot be handed in; beside the fields once that was tried.
    focus
        Id of the field that a button leads to.
    other
        Where another window saved meanwhile: what each text was there.
    """

    item: str
    mode: Mode
    rev: int
    writing: Writing
    scores: dict[str, str]
    problems: dict[str, str]
    tried: bool = False
    focus: str = ""
    other: tuple[tuple[str, str], ...] = ()
    lists: Lists = Lists()


class HandedIn(View, frozen=True, kw_only=True):
    """A task of the reader's that others work on, or nobody any more."""

    item: str
    state: str
    may_withdraw: bool
    content: Content
    rating: Rating


def screens(web: Web) -> list[Screen]:
    return [
        Screen("/tasks", web, get=_list, roles=_AUTHOR),
        Screen("/tasks/new", web, get=_new, post=_begin, roles=_AUTHOR),
        Screen("/tasks/{item:str}", web, get=_open, post=_post, roles=_AUTHOR, said=_SAID),
    ]


_SAID = {
    "saved": "Saved.",
    "submitted": "The task is handed in.",
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
    if visit.given and found.standing.state in ("draft", "revising"):  # a form that was refused
        writing = read_writing(visit.given, found.writing, {}, checked=False)
        return _form(msgspec.structs.replace(found, writing=writing, rev=_rev(visit)))
    return await _view(visit, found)


async def _read(visit: Visit) -> Written:
    item, person = visit.place("item"), visit.member.id
    return await visit.read(lambda connection: authoring.written(connection, item, person))


async def _view(visit: Visit, found: Written) -> View:
    standing = found.standing
    if standing.state in ("draft", "revising"):
        return _form(found)
    if not standing.version:  # withdrawn before it was handed in
        content, rating = found.writing.content(standing.mode), Rating()
    else:
        version = await visit.read(lambda connection: commands.version(connection, standing.item))
        content, rating = version.content, version.rating
    return HandedIn(
        title="Task",
        item=standing.item,
        state=STATES[standing.state],
        may_withdraw=standing.state in ("submitted", "parked"),
        content=content,
        rating=rating,
    )


def _form(
    found: Written,
    *,
    focus: str = "",
    tried: bool = False,
    other: tuple[tuple[str, str], ...] = (),
) -> TaskForm:
    writing = found.writing
    rating = writing.rating(None)
    return TaskForm(
        title="Task",
        item=found.standing.item,
        mode=found.standing.mode,
        rev=found.rev,
        writing=writing,
        scores=writing.scores if rating.overall or rating.dimensions else {},
        problems=problems(writing, None),
        tried=tried,
        focus=focus,
        other=other,
    )


def _rev(visit: Visit) -> int:
    found = visit.given.raw("rev")
    return int(found) if re.fullmatch(r"[0-9]{1,9}", found) else 0


async def _post(visit: Visit) -> View | Response:
    found = await _read(visit)
    verb, _, at = visit.given.raw("do").partition("-")
    if verb == "withdraw":
        return await _withdraw(visit, found)
    found.standing.expect("save", "draft", "revising")
    writing = read_writing(visit.given, found.writing, {})
    change = _CHANGES.get(verb)
    writing, focus = (writing, "") if change is None else change(writing, at)
    person, item = visit.member.id, found.standing.item
    try:
        draft = await visit.write(
            lambda connection: authoring.keep(connection, item, person, writing, _rev(visit))
        )
    except Stale:
        return await _stale(visit, writing)
    found = msgspec.structs.replace(found, writing=writing, rev=draft.rev)
    if verb == "submit":
        return await _submit(visit, found)
    if is_scripted(visit.request):
        return _form(found, focus=focus)
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
    return visit.page(
        _form(msgspec.structs.replace(now, writing=mine), other=other or (("All", ""),)), status=409
    )


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
    who, item, writing = visit.who, found.standing.item, found.writing
    if wrong := problems(writing, None):
        fields = "one field says" if len(wrong) == 1 else f"{len(wrong)} fields say"
        visit.problem = f"the task is saved, and not handed in: {fields} what is missing"
        return visit.page(_form(found, tried=True), status=422)
    content, rating = writing.content(found.standing.mode), writing.rating(None)
    await visit.write(
        lambda connection: commands.submit(
            connection,
            who,
            item,
            content,
            rating,
            attested=writing.attested,
            dismissed=writing.dismissed,
        )
    )
    return see(_address(item), "submitted")


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


#: Button → what is written then, and the field that it leads to.
_CHANGES: dict[str, Change] = {
    "add": _add,
    "remove": lambda writing, id: (writing.remove(id), "add"),
    "back": lambda writing, id: (writing.put_back(id), f"c-{id}-text"),
    "up": lambda writing, id: (writing.shift(id, -1), f"up-{id}"),
    "down": lambda writing, id: (writing.shift(id, 1), f"down-{id}"),
    "turn": _turn,
    "fork": _fork,
    "switch": _switch,
}
