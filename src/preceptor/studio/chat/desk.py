"""Live answers of a project's systems to what authors write: kept whole, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

import msgspec
import sqlalchemy as sa

from preceptor.engine.keys import former_key, response_key
from preceptor.engine.responses import failed_response, response_of
from preceptor.errors import (
    BudgetExceeded,
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
from preceptor.studio.chat.jobs import (
    ENDED,
    Job,
    Keeper,
    NoAnswer,
    State,
    new_job,
    put,
    read,
    unfinished,
    whole,
)
from preceptor.studio.chat.pieces import Live, Since, since_of
from preceptor.studio.chat.spending import Spending
from preceptor.systems import resolve
from preceptor.systems.base import DECLINED, Ask, Parameters, System, without_text
from preceptor.systems.limiter import Limiter
from preceptor.systems.streaming import Restarted

__all__ = ["Desk", "Finished", "Limits", "Work"]

#: Called in the transaction that ends a job with its answer.
Finished = Callable[[sa.Connection, Job, Response], None]
#: Does what a job is for, and returns the job as it was kept at the end.
Work = Callable[[Live], Awaitable[Job]]


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
    """Asks a project's systems live, one answer and one preview at a time for each person.

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
        Addresses of the project's systems, each with its parameters; may be replaced.
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
        self._store, self._keeper, self.allowed = store, keeper, allowed
        #: Counts all calls, with the project's cap.
        self.spending = Spending(keeper)
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
        await self.spending.close()

    # What a person does

    async def start(self, task: str, person: str, address: str, ask: Ask) -> str:
        """Begin an answer, and return the id of its job.

        For another answer to the same conversation, ``ask.repeat`` is another number.

        Raises
        ------
        InputError
            The address is none of the project's, or an answer for this person is under way.
        """
        self._check(address)
        return await self._begin(Live(new_job(task, person, address), ask), self._answering)

    async def work(self, task: str, person: str, doing: Work) -> str:
        """Begin a job of more than one answer, and return its id.

        Raises InputError where one of its kind is under way for this person.
        """
        return await self._begin(Live(new_job(task, person, "")), doing)

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
        self._check(job.address)
        job = msgspec.structs.replace(job, state="waiting", failure="", detail="", key="")
        again = Live(job, ask)
        again.pieces = [*(live.pieces if live else ()), Restarted("retry")]
        return await self._begin(again, self._answering)

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

    def _check(self, address: str) -> None:
        if address not in self.allowed:
            raise InputError(
                f"system {shorten(address)}: expected one of the {len(self.allowed)} of the "
                f"project: the lead adds others"
            )

    async def _begin(self, live: Live, work: Work) -> str:
        job = live.job
        if any(
            (each.job.person, each.job.kind) == (job.person, job.kind)
            and each.job.state not in ENDED
            for each in self._live.values()
        ):
            a = "a preview" if job.kind == "preview" else "an answer"
            raise InputError(f"{a} is under way for you: wait until it has come, or stop it")
        before = self._live.get(job.id)
        self._live[job.id] = live
        try:
            await self._keep(job)
        except BaseException:
            del self._live[job.id]
            if before is not None:
                self._live[job.id] = before
            raise
        live.task = asyncio.create_task(self._run(live, work))
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

    async def _run(self, live: Live, work: Work) -> None:
        """One job to its end, whatever happens: it never stays under way."""
        failure, detail = "", ""
        state: State = "failed"
        try:
            live.become(await work(live))
            return
        except asyncio.CancelledError:
            state = live.cancelled or "interrupted"
            failure = state
        except NoAnswer as error:
            failure, detail = error.kind, str(error)
        except TimeoutError:
            failure, detail = "timeout", f"no whole answer within {self._limits.time_s:g} s"
        except BudgetExceeded as error:
            failure, detail = "cap", str(error)
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

    async def _answering(self, live: Live) -> Job:
        """The work of a job that is one answer."""
        assert live.ask is not None
        response = await self.answer(live.job.address, live.ask, live)
        live.cancelled = None
        if live.text != response.text:
            live.add(Restarted("stored"))
            live.add(response.text)
        return await self._done(live.job, response)

    async def answer(self, address: str, ask: Ask, live: Live | None = None) -> Response:
        """A whole answer, which is in the store; ``live`` is told its pieces.

        Raises NoAnswer, TimeoutError, BudgetExceeded, EndpointError, StoreError, Unavailable.
        """
        async with self._room, asyncio.timeout(self._limits.time_s):
            system = await self._system(address)
            key = response_key(system, ask, self._scope)
            if live is not None:
                await self.begun(live, key)
            known = self._lookup.responses({key: former_key(system, ask, self._scope)}).get(key)
            if known is not None:
                return whole(known)
            completion = await self._completion(system, ask, live)
        if live is not None:
            live.cancelled = None  # what was paid for is kept
        if without_text(completion) is not None:
            return whole(await self._stored(failed_response(key, [completion])))
        return whole(await self._stored(response_of(key, completion)))

    async def begun(self, live: Live, key: str = "") -> None:
        """Record that a job is running."""
        job = msgspec.structs.replace(live.job, key=key, state="running")
        await self._keep(job)
        live.become(job)

    async def _completion(self, system: System, ask: Ask, live: Live | None) -> Completion:
        most, length = self._limits.characters, 0
        async with (
            self._turns[system].turn(),
            self.spending.call(system, ask) as count,
            contextlib.aclosing(system.stream(ask)) as said,
        ):
            async for piece in said:
                if isinstance(piece, Completion):
                    count(piece)
                    return piece
                length = 0 if isinstance(piece, Restarted) else length + len(piece)
                if live is not None:
                    live.add(piece)
                if length > most:
                    raise EndpointError("too_large", f"the answer is over {most:,} characters")
        raise EndpointError("malformed", "the stream ended without a completion")

    async def _system(self, address: str) -> System:
        async with self._opening[address]:
            if address not in self._systems:
                system = resolve(address, self.allowed[address])
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
