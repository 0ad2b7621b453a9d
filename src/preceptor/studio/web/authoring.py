"""The author's pages: one's tasks, a new one, and one that is written or was handed in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace
from starlette.responses import Response

from preceptor.errors import InputError, UnknownName
from preceptor.studio.items import authoring, commands
from preceptor.studio.items.advice import advice, confirm, dismiss, heed, left_aside, mend
from preceptor.studio.items.authoring import Written
from preceptor.studio.items.content import Mode
from preceptor.studio.items.drafts import Stale
from preceptor.studio.items.writing import ATTESTATIONS, USE_CASES, Writing, problems
from preceptor.studio.people.members import Member
from preceptor.studio.preview.marking import mark
from preceptor.studio.web.chatting import events, since
from preceptor.studio.web.forms import Given
from preceptor.studio.web.home import WORK, Work
from preceptor.studio.web.middleware import is_autosave, is_scripted
from preceptor.studio.web.render import Link, View
from preceptor.studio.web.screens import Screen, Visit, Web, see
from preceptor.studio.web.signing import write_signed
from preceptor.studio.web.task_views import (
    OPEN,
    STATES,
    HandedIn,
    asked_of,
    saved_of,
    view_of,
)
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
        Screen(
            "/tasks/{item:str}/answers/{job:str}", web, get=_answer, roles=_AUTHOR, passive=True
        ),
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
            Link(each.name or "A task without words", _address(each.id), note=STATES[each.state])
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
        writing = read_writing(visit.given, found, checked=False)
        found = replace(found, writing=writing, rev=_rev(visit))
    return await _shown(visit, found)


async def _shown(visit: Visit, found: Written, **more: Any) -> View:
    chats = visit.web.chats
    view = await visit.read(lambda connection: view_of(connection, found, chats, **more))
    waits = found.standing.state in ("submitted", "parked")
    if isinstance(view, HandedIn) and waits and "lead" in visit.member.offer.roles:
        return replace(view, board=f"/board/{found.standing.item}")
    return view


async def _read(visit: Visit) -> Written:
    item, person = visit.place("item"), visit.member.id
    return await visit.read(lambda connection: authoring.written(connection, item, person))


def _rev(visit: Visit) -> int:
    return max(0, _index(visit.given.raw("rev")))


async def _post(visit: Visit) -> View | Response:
    try:
        return await (_autosave if is_autosave(visit.request) else _pressed)(visit)
    except Stale as stale:
        return await _stale(visit, msgspec.json.decode(stale.mine, type=Writing))


async def _autosave(visit: Visit) -> View:
    """Save at a pause in typing, which is very often: all in the one transaction that writes."""
    chats = visit.web.chats
    found = await _keep(visit, lambda saved: read_writing(visit.given, saved))
    if chats is None:
        return saved_of(found)
    preview, unanswered = await visit.read(lambda connection: asked_of(connection, found, chats))
    return saved_of(found, preview, unanswered=unanswered)


async def _keep(visit: Visit, change: Callable[[Written], Writing]) -> Written:
    """Save over what the form goes on from; the task as it is then. Raises Stale."""
    item, person, rev = visit.place("item"), visit.member.id, _rev(visit)
    return await visit.write(
        lambda connection: authoring.keep(connection, item, person, change, rev)
    )


async def _pressed(visit: Visit) -> View | Response:
    found = await _read(visit)
    verb, _, at = visit.given.raw("do").partition("-")
    if verb == "withdraw":
        return await _withdraw(visit, found)
    found.standing.expect("save", *OPEN)
    item = found.standing.item
    found = replace(found, writing=read_writing(visit.given, found))
    if verb == "take":
        writing, focus = await _take(visit, found.writing, at)
    else:
        change = _CHANGES.get(verb)
        writing, focus = (found.writing, "") if change is None else change(found, at)
    found = await _keep(visit, lambda _: writing)
    if verb == "submit":
        return await _submit(visit, found)
    if verb == "mark":
        focus = f"mark-{at.partition('-')[2]}"
        await visit.write(lambda connection: mark(connection, visit.who, item, at))
    if verb in ("ask", "stop", "retry", "preview"):
        alias, visit.given = visit.given.raw("system"), Given()  # a refusal shows what is saved
        await _chat(visit, found, verb, at, alias)
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
    scores = ", ".join(f"{_words(name)} {score}" for name, score in writing.scores.items())
    return {
        **found,
        "Use case": USE_CASES.get(writing.use_case, writing.use_case),
        "Specialty": writing.specialty,
        "Language": writing.language,
        "Strategies": ", ".join(map(_words, writing.strategies)),
        "Rating": scores,
        "Declared": "; ".join(ATTESTATIONS[name] for name in writing.attested),
        "Reply": writing.reply,
    }


def _words(name: str) -> str:
    """The name of a choice as the form has it."""
    return name.replace("_", " ").capitalize()


async def _submit(visit: Visit, found: Written) -> Response:
    who, writing = visit.who, found.writing
    item, mode, revising = found.standing.item, found.standing.mode, _revises(found)
    wrong = len(problems(writing, found.live, revising=revising))
    wrong += sum(each.blocks for each in advice(writing))
    if wrong:
        places = "one place says" if wrong == 1 else f"{wrong} places say"
        visit.problem = f"the task is saved, and not handed in: {places} why"
        return visit.page(await _shown(visit, found, tried=True), status=422)
    content = writing.content(mode)

    def submit(connection: sa.Connection, signature: str) -> None:
        if revising:
            commands.revise(connection, who, item, content, writing.reply, signature=signature)
            return
        commands.submit(
            connection,
            who,
            item,
            content,
            writing.rating(found.live),
            attested=writing.attested,
            dismissed=left_aside(writing),
            signature=signature,
        )

    sign = await write_signed(visit, "authorship", submit)
    if sign is not None:
        return sign
    return see(_address(item), "revised" if revising else "submitted")


async def _chat(visit: Visit, found: Written, verb: str, job: str, alias: str) -> None:
    """Ask a system, or end that. Raises InputError."""
    chats = visit.web.chats
    if chats is None:
        raise InputError("systems: this project has none that can be asked")
    if verb == "ask":
        await chats.ask(found, alias)
    elif verb == "preview":
        await chats.preview(found, visit.who)
    elif verb == "stop":
        await chats.stop(found, job)
    else:
        await chats.retry(found, job)


async def _answer(visit: Visit) -> Response:
    """What there is of an answer: as it comes, or since the last time that was asked."""
    chats, job, person = visit.web.chats, visit.place("job"), visit.member.id
    if chats is None:
        raise UnknownName("no such page: this project has no systems that can be asked")
    index, desk = max(0, _index(visit.asked("after"))), await chats.desk()
    if visit.asked("poll"):
        return since(desk, job, person, index)
    return await events(desk, job, person, index)


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


Change = Callable[[Written, str], tuple[Writing, str]]


def _add(found: Written, _: str) -> tuple[Writing, str]:
    writing = found.writing.add()
    return writing, f"c-{writing.rows[-1].id}-text"


def _turn(found: Written, _: str) -> tuple[Writing, str]:
    writing = found.writing.go_on(found.live)
    return writing, f"t-{len(writing.lines) - 1}"


def _beside(key: str) -> str:
    """The field of a finding."""
    criterion = key.partition(".")[2].rpartition(".")[0]
    return f"c-{criterion}-text" if criterion else "add"


def _index(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1


#: Button → what is written then, and the field that it leads to.
_CHANGES: dict[str, Change] = {
    "add": _add,
    "remove": lambda found, id: (found.writing.remove(id), "add"),
    "back": lambda found, id: (found.writing.put_back(id), f"c-{id}-text"),
    "up": lambda found, id: (found.writing.shift(id, -1), f"up-{id}"),
    "down": lambda found, id: (found.writing.shift(id, 1), f"down-{id}"),
    "fix": lambda found, key: (mend(found.writing, key), _beside(key)),
    "dismiss": lambda found, key: (dismiss(found.writing, key), _beside(key)),
    "heed": lambda found, key: (heed(found.writing, key), _beside(key)),
    "confirm": lambda found, id: (confirm(found.writing, id), f"c-{id}-text"),
    "turn": _turn,
    "fork": lambda found, at: (found.writing.fork(_index(at)), f"t-{at}"),
    "switch": lambda found, at: (found.writing.switch(_index(at)), "conversation"),
    "choose": lambda found, id: (replace(found.writing, chosen=id), "answering"),
    "ask": lambda found, _: (replace(found.writing, chosen=""), "answering"),
    "retry": lambda found, _: (found.writing, "answering"),
    "stop": lambda found, _: (found.writing, "answering"),
    "preview": lambda found, _: (found.writing, "preview"),
}
