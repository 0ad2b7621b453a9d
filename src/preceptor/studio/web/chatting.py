"""Live answers on the author's page: asking, stopping, asking again, and reading along."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import sqlalchemy as sa
from starlette.responses import Response as HttpResponse
from starlette.responses import StreamingResponse

from preceptor.errors import InputError, Unavailable, UnknownName
from preceptor.records import Message, Response
from preceptor.store import Store
from preceptor.store.lookup import Lookup
from preceptor.studio.chat import Desk, Job, Since
from preceptor.studio.chat.jobs import ENDED, latest, preview_task
from preceptor.studio.chat.pieces import since_of, words_of
from preceptor.studio.database import Studio
from preceptor.studio.items.advice import advice
from preceptor.studio.items.authoring import Written
from preceptor.studio.items.tables import answers
from preceptor.studio.items.writing import Writing
from preceptor.studio.ledger.acts import Who
from preceptor.studio.people.project import Project, project
from preceptor.studio.preview.planning import wanted
from preceptor.studio.preview.previewer import Previewer
from preceptor.studio.preview.quoting import Quote, quote
from preceptor.systems.base import Ask, Parameters

__all__ = ["Chats", "Pending", "events", "since"]

#: Somebody waits: a system that fails is asked again by hand.
_PARAMETERS = Parameters(retries=2)
_HEADERS = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
_BEAT = b"event: beat\ndata:\n\n"
_encode = msgspec.json.encode


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is asked for, and is not there. ``words`` say why, once it has failed."""

    job: str
    alias: str
    words: str = ""


class Chats:
    """Asks the systems and the grader of a project; what they say is stored.

    Which these are, and what they may cost, is read at each use: a lead may change it.

    Parameters
    ----------
    where
        The run store, for answers and verdicts.
    """

    def __init__(self, studio: Studio, where: str) -> None:
        self._studio, self._where = studio, where
        self._opening = asyncio.Lock()
        self._store: Store | None = None
        self._desk: Desk | None = None
        self._previewer: Previewer | None = None

    async def desk(self) -> Desk:
        """The desk; at the first call what an earlier process left is settled."""
        return (await self._ready())[1]

    async def _ready(self) -> tuple[Project, Desk]:
        """The project as it is now, and the desk set to it."""
        found = await self._project()
        async with self._opening:
            if self._desk is None:
                self._store = self._store or Store(self._where)
                desk = Desk(self._store, self._studio, {}, self._finished)
                await desk.open()
                self._desk = desk
                self._previewer = Previewer(desk, self._studio, self._where)
            self._desk.allowed = dict.fromkeys(found.systems, _PARAMETERS)
            self._desk.spending.max_cost = found.cap_usd
            return found, self._desk

    async def close(self) -> None:
        if self._desk is not None and self._previewer is not None:
            await self._desk.close()
            await self._previewer.close()
            await self._desk.spending.close()
            self._desk = None
        if self._store is not None:
            self._store.close()
            self._store = None

    async def settle(self) -> None:
        """Settle what an earlier process left, where the project has anything to ask.

        Raises StoreError.
        """
        found = await self._project()
        if found.systems or found.grader:
            await self.desk()

    async def preview(self, found: Written, who: Who) -> None:
        """Try the rubric that is written on answers. Raises InputError."""
        whose, desk = await self._ready()
        if not whose.previewed(found.standing.item):
            raise InputError("preview: this task has none")
        _check(found.writing, rubric=True)
        _afford(desk)
        assert self._previewer is not None
        await self._previewer.start(whose, wanted(found, whose.systems), who)

    def quote(self, connection: sa.Connection, found: Written) -> Quote | str | None:
        """What a preview will take, or why it cannot begin; None where this task has no previews.

        It takes some milliseconds: call it from a thread without an event loop.
        """
        whose, store = project(connection), self._store
        if not whose.previewed(found.standing.item):
            return None
        try:
            plan = wanted(found, whose.systems)
            lookup = None if store is None else Lookup(store)
            return asyncio.run(quote(whose, plan, lookup))
        except Unavailable:
            return words_of("unavailable")
        except InputError as error:
            return f"{error}"

    async def ask(self, found: Written, alias: str) -> None:
        """Ask a system what is written; each time for another answer. Raises InputError."""
        item, writing = found.standing.item, found.writing
        whose, desk = await self._ready()
        address = whose.aliases(item).get(alias)
        if address is None:
            raise InputError("system: choose one of the list")
        _check(writing)
        _afford(desk)
        earlier = [
            each for each in found.answers if (each.asked, each.system) == (writing.asked, address)
        ]
        ask = Ask(_messages(writing), repeat=len(earlier))
        await desk.start(f"{item} {writing.asked}", found.standing.author, address, ask)

    async def retry(self, found: Written, job: str) -> None:
        """Ask again where no answer came. Raises InputError, UnknownName."""
        _check(found.writing)
        await (await self.desk()).retry(job, found.standing.author, Ask(_messages(found.writing)))

    async def stop(self, found: Written, job: str) -> None:
        """End an answer under way. Raises UnknownName."""
        await (await self.desk()).stop(job, found.standing.author)

    def pending(self, connection: sa.Connection, found: Written) -> Pending | None:
        """The answer asked for last, where it is under way, or failed on this conversation."""
        item = found.standing.item
        job = latest(connection, item)
        if job is None or job.state == "done":
            return None
        ended = job.state in ENDED
        if ended and job.task != f"{item} {found.writing.asked}":
            return None
        words = since_of(job, "", 0, anew=False).words if ended else ""
        alias = project(connection).alias(item, job.address)
        return Pending(job=job.id, alias=alias, words=words)

    async def _project(self) -> Project:
        def ask() -> Project:
            with self._studio.read() as connection:
                return project(connection)

        return await asyncio.to_thread(ask)

    def previewing(self, connection: sa.Connection, item: str) -> Pending | None:
        """The preview begun last, where it is under way or ended without a result."""
        job = latest(connection, preview_task(item))
        if job is None or job.state == "done":
            return None
        words = since_of(job, "", 0, anew=False).words if job.state in ENDED else ""
        return Pending(job=job.id, alias="", words=words)

    def _finished(self, connection: sa.Connection, job: Job, response: Response) -> None:
        item, _, asked = job.task.partition(" ")
        connection.execute(answers.delete().where(answers.c.id == job.id))
        connection.execute(
            answers.insert().values(
                id=job.id,
                item=item,
                asked=asked,
                alias=project(connection).alias(item, job.address),
                text=response.text,
                key=response.key,
                system=job.address,
                at=job.at,
            )
        )


def _check(writing: Writing, *, rubric: bool = False) -> None:
    """Raise InputError for what no system is sent, nor, of the ``rubric``, a grader."""
    if not all(line.text.strip() for line in writing.lines):
        raise InputError("conversation: expected a text in each turn before a system is asked")
    for each in advice(writing):
        sent = rubric or not each.criterion
        if each.blocks and sent and each.rule == "personal-data":
            raise InputError(f"{each.problem}: take it out before a system is asked")


def _afford(desk: Desk) -> None:
    """Raises InputError where the project's cap is reached."""
    if desk.spending.reached:
        raise InputError(words_of("cap"))


def _messages(writing: Writing) -> tuple[Message, ...]:
    return tuple(Message(turn.role, turn.text) for turn in writing.messages)


def since(desk: Desk, job: str, person: str, after: int) -> HttpResponse:
    """What came after that index, for a page that polls. Raises UnknownName."""
    found = desk.pieces(job, person, after)
    return HttpResponse(_encode(found), media_type="application/json", headers=_HEADERS)


async def events(desk: Desk, job: str, person: str, after: int) -> HttpResponse:
    """The same as server-sent events, with signs of life. Raises UnknownName."""
    desk.pieces(job, person, after)  # whether it is this person's

    async def stream() -> AsyncIterator[bytes]:
        try:
            async for found in desk.events(job, person, after):
                yield _BEAT if found is None else _event(found)
        except UnknownName:  # forgotten meanwhile: the page asks anew
            return

    return StreamingResponse(stream(), media_type="text/event-stream", headers=_HEADERS)


def _event(found: Since) -> bytes:
    return b"data: " + _encode(found) + b"\n\n"
