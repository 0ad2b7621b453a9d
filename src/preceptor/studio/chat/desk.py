"""Live answers of a project's systems to what authors write: kept whole, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import secrets
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping

import msgspec
import sqlalchemy as sa

from preceptor.engine.keys import former_key, response_key
from preceptor.engine.responses import failed_response, response_of
from preceptor.errors import (
    EndpointError,
    EndpointRefused,
    InputError,
    PreceptorError,
    StoreError,
    UnknownName,
    shorten,
)
from preceptor.records import Completion, Response
from preceptor.store import Store
from preceptor.store.lookup import Lookup
from preceptor.store.writer import Batch, Writer
from preceptor.studio.chat.jobs import ENDED, Job, Keeper, State, put, read, unfinished
from preceptor.studio.chat.pieces import Live, Since, since_of
from preceptor.systems import resolve
from preceptor.systems.base import DECLINED, Ask, Parameters, System, without_text
from preceptor.systems.limiter import Limiter
from preceptor.systems.streaming import Restarted

__all__ = ["Desk", "Finished", "Limits"]

#: Called in the transaction that ends a job with its answer.
Finished = Callable[[sa.Connection, Job, Response], None]


class Limits(msgspec.Struct, frozen=True):
    """Bounds of live answers.

    Attributes
    ----------
    at_once
        Answers at once in the whole project; more wait.
    time_s
        Seconds of one answer, waiting left out.
    characters
        Characters of one answer.
    heartbeat_s
        Seconds between signs of life where nothing is new.
    remembered
        Jobs whose pieces stay in memory.
    """

    at_once: int = 8
    time_s: float = 300.0
    characters: int = 200_000
    heartbeat_s: float = 10.0
    remembered: int = 500


class Desk:
    """Asks a project's systems live, one answer at a time for each person.

    An answer is in the run store under its usual key before it counts; a text that is not whole is
    kept nowhere. What was under way when the process ended is ``interrupted`` afterwards, or
    ``done`` where its answer was stored.

    Parameters
    ----------
    store
        The run store.
    keeper
        The studio's database, for what becomes of jobs.
    allowed
        Addresses of the project's systems, each with its parameters.
    finished
        Is given each answer, once, in the transaction in which its job ends.
    """

    def __init__(
        self,
        store: Store,
        keeper: Keeper,
        allowed: Mapping[str, Parameters],
        finished: Finished,
        *,
        limits: Limits = Limits(),  # noqa: B008  frozen
    ) -> None:
        self._store, self._keeper, self._allowed = store, keeper, allowed
        self._finished, self._limits = finished, limits
        self._lookup = Lookup(store)
        # The user's own code may change: its answers are reused only while this is open.
        self._scope = f"studio-{secrets.token_hex(8)}"
        self._room = asyncio.Semaphore(limits.at_once)
        self._live: dict[str, Live] = {}
        self._systems: dict[str, System] = {}
        self._turns: dict[System, Limiter] = {}
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._opened = contextlib.AsyncExitStack()
        self._writer: Writer | None = None

    async def open(self) -> None:
        """Begin, and settle what an earlier process left. Raises StoreError."""
        self._writer = Writer(self._store)
        self._opened.push_async_callback(self._writer.close)
        with self._keeper.read() as connection:
            left = unfinished(connection)
        for job in left:
            response = self._store.find_responses([job.key]).get(job.key) if job.key else None
            if response is not None and response.text.strip():
                await self._done(job, response)
            else:
                await self._keep(msgspec.structs.replace(job, state="interrupted"))

    async def close(self) -> None:
        """Interrupt what is under way, and close the systems."""
        tasks = [live.task for live in self._live.values() if live.task and not live.task.done()]
        for live in self._live.values():
            self._cancel(live, "interrupted")
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._opened.aclose()

    # What a person does

    async def start(self, task: str, person: str, address: str, ask: Ask) -> str:
        """Begin an answer, and return the id of its job.

        For another answer to the same conversation, ``ask.repeat`` is another number.

        Raises
        ------
        InputError
            The address is none of the project's, or an answer for this person is under way.
        """
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        job = Job(secrets.token_urlsafe(9), task, person, address, at)
        return await self._begin(Live(job, ask))

    async def retry(self, id_: str, person: str, ask: Ask | None = None) -> str:
        """Ask again after a job that ended without an answer; its id stays.

        ``ask`` is needed where another process had begun it. Raises as :meth:`start` does, and
        UnknownName.
        """
        live = self._live.get(id_)
        job = self._job(id_, person)
        if job.state in ("done", "waiting", "running"):
            raise InputError(f"job {id_}: expected one without an answer, found one {job.state}")
        ask = ask or (live.ask if live else None)
        if ask is None:
            raise InputError(f"job {id_}: was begun before a restart: give its conversation")
        if job.failure in DECLINED:  # that is what the system says to this question each time
            ask = msgspec.structs.replace(ask, repeat=ask.repeat + 1)
        job = msgspec.structs.replace(job, state="waiting", failure="", detail="", key="")
        again = Live(job, ask)
        again.pieces = [*(live.pieces if live else ()), Restarted("retry")]
        return await self._begin(again)

    async def stop(self, id_: str, person: str) -> None:
        """End an answer under way; one that is whole stays. Raises UnknownName."""
        self._job(id_, person)
        live = self._live.get(id_)
        if live is not None and live.task is not None:
            self._cancel(live, "stopped")
            await asyncio.gather(live.task, return_exceptions=True)

    def pieces(self, id_: str, person: str, after: int = 0) -> Since:
        """What came after that index. Raises UnknownName."""
        job, live = self._job(id_, person), self._live.get(id_)
        if live is not None:
            return live.since(after)
        response = self._store.find_responses([job.key]).get(job.key) if job.key else None
        whole = response is not None and job.state == "done"
        return since_of(job, response.text if response and whole else "", 0, anew=whole)

    async def events(
        self, id_: str, person: str, after: int = 0
    ) -> AsyncGenerator[Since | None, None]:
        """The same as it comes, until the job has ended; None is a sign of life.

        Raises UnknownName.
        """
        since = self.pieces(id_, person, after)
        yield since
        while not since.ended and (live := self._live.get(id_)) is not None:
            # No await between this look and the wait, or news might be missed.
            news, now = live.news, live.since(since.after)
            if (now.after, now.state) != (since.after, since.state):
                since = now
                yield since
                continue
            try:
                async with asyncio.timeout(self._limits.heartbeat_s):
                    await news.wait()
            except TimeoutError:
                yield None
        if not since.ended:
            yield self.pieces(id_, person, since.after)

    # A job

    def _job(self, id_: str, person: str) -> Job:
        live = self._live.get(id_)
        if live is not None:
            job: Job | None = live.job
        else:
            with self._keeper.read() as connection:
                job = read(connection, id_)
        if job is None or job.person != person:
            raise UnknownName(f"job {shorten(id_)}: no such job of this person")
        return job

    async def _begin(self, live: Live) -> str:
        job = live.job
        if job.address not in self._allowed:
            raise InputError(
                f"system {shorten(job.address)}: expected one of the {len(self._allowed)} of the "
                f"project: the lead adds others"
            )
        if any(
            each.job.person == job.person and each.job.state not in ENDED
            for each in self._live.values()
        ):
            raise InputError("an answer is under way for you: wait until it has come, or stop it")
        before = self._live.get(job.id)
        self._live[job.id] = live
        try:
            await self._keep(job)
        except BaseException:
            del self._live[job.id]
            if before is not None:
                self._live[job.id] = before
            raise
        live.task = asyncio.create_task(self._run(live))
        await asyncio.sleep(0)  # one that has not begun would be cancelled without a trace
        self._forget()
        return job.id

    def _forget(self) -> None:
        """Drop the pieces of the oldest jobs that have ended: what counts of them is stored."""
        ended = [id_ for id_, live in self._live.items() if live.job.state in ENDED]
        for id_ in ended[: max(0, len(self._live) - self._limits.remembered)]:
            del self._live[id_]

    def _cancel(self, live: Live, state: State) -> None:
        if live.task is not None and live.cancelled is not None:
            live.cancelled = state
            live.task.cancel()

    async def _run(self, live: Live) -> None:
        """One job to its end, whatever happens: it never stays under way."""
        failure, detail = "", ""
        state: State = "failed"
        try:
            async with self._room, asyncio.timeout(self._limits.time_s):
                response, fresh = await self._answer(live)
            live.cancelled = None  # what was paid for is kept
            if fresh:
                response = await self._stored(response)
            if response.failure is not None or not response.text.strip():
                failure = response.failure or response.finish_reason
                detail = response.detail or "the answer has no text"
            else:
                if live.text != response.text:
                    live.add(Restarted("stored"))
                    live.add(response.text)
                live.become(await self._done(live.job, response))
                return
        except asyncio.CancelledError:
            state = live.cancelled or "interrupted"
            failure = state
        except TimeoutError:
            failure, detail = "timeout", f"no whole answer within {self._limits.time_s:g} s"
        except EndpointError as error:
            failure, detail = error.kind, str(error)
            if isinstance(error, EndpointRefused):  # a retry asks with what is set then
                self._systems.pop(live.job.address, None)
        except StoreError as error:
            failure, detail = "store", str(error)
        except PreceptorError as error:
            failure, detail = "unavailable", str(error)
        except Exception as error:  # whatever it is, the person must hear of it
            failure, detail = "internal", type(error).__name__
        ended = msgspec.structs.replace(live.job, state=state, failure=failure, detail=detail)
        try:
            await self._keep(ended)
        finally:
            live.become(ended)

    async def _answer(self, live: Live) -> tuple[Response, bool]:
        """The response, and whether it is not in the store."""
        system = await self._system(live.job.address)
        key = response_key(system, live.ask, self._scope)
        job = msgspec.structs.replace(live.job, key=key, state="running")
        await self._keep(job)
        live.become(job)
        former = former_key(system, live.ask, self._scope)
        known = self._lookup.responses({key: former}).get(key)
        if known is not None:
            return known, False
        completion = await self._completion(live, system)
        if without_text(completion) is not None:
            return failed_response(key, [completion]), True
        return response_of(key, completion), True

    async def _completion(self, live: Live, system: System) -> Completion:
        most = self._limits.characters
        async with self._turns[system].turn(), contextlib.aclosing(system.stream(live.ask)) as said:
            async for piece in said:
                if isinstance(piece, Completion):
                    return piece
                live.add(piece)
                if live.length > most:
                    raise EndpointError("too_large", f"the answer is over {most:,} characters")
        raise EndpointError("malformed", "the stream ended without a completion")

    async def _system(self, address: str) -> System:
        async with self._opening[address]:
            if address not in self._systems:
                system = resolve(address, self._allowed[address])
                self._opened.push_async_callback(system.close)
                await system.open()
                self._turns[system] = system.limiter or Limiter(system.concurrency)
                self._systems[address] = system
            return self._systems[address]

    async def _stored(self, response: Response) -> Response:
        """The response as the store has it: another process may have been first."""
        assert self._writer is not None
        elsewhere = await self._writer.put(Batch(answers=((0, 0, response, False),)))
        return elsewhere.get(response.key, response)

    async def _keep(self, job: Job) -> None:
        await self._keeper.write(lambda connection: put(connection, job))

    async def _done(self, job: Job, response: Response) -> Job:
        done = msgspec.structs.replace(job, state="done", key=response.key)

        def command(connection: sa.Connection) -> None:
            put(connection, done)
            self._finished(connection, done, response)

        await self._keeper.write(command)
        return done
