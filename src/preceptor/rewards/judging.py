"""Judging answers that belong to no run: what a rewarder does inside its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, TypeVar

from preceptor.engine.backlog import Backlog
from preceptor.engine.budget import Budget
from preceptor.engine.grading import GradingContext, VerdictRecorder
from preceptor.engine.progress import Progress
from preceptor.errors import Unavailable
from preceptor.graders import Grader
from preceptor.graders.base import Case, together
from preceptor.protocols.base import Protocol
from preceptor.records import Example, Message, Verdict
from preceptor.store import Store
from preceptor.store.writer import Writer
from preceptor.systems import System
from preceptor.systems.limiter import Limiter

__all__ = ["Judging"]

T = TypeVar("T")
#: No place in a run: a verdict is kept under its key alone.
_NOWHERE = (0, 0)
#: Questions that are ready when a call ends, at the least.
_NEXT = 32


class Judging:
    """Has answers judged by a grader, with one store, for as long as it is open.

    A question is looked up in the store before it is asked, with the key that it has in a run, and
    the very same question is asked once at a time. A verdict is on disk before it counts.
    """

    def __init__(self, grader: Grader, protocol: Protocol, budget: Budget, where: str) -> None:
        self.grader, self.protocol, self.budget = grader, protocol, budget
        self.where = where
        budget.may_start = self._check_open
        self.progress = Progress(0, 0, budget)
        self.progress.retries = [system.failures for system in grader.systems]
        self.progress.limiters = [each.limiter for each in grader.systems if each.limiter]
        # The user's own code may be another the next time: its verdicts are found as long as this.
        self._scope = f"rewards-{secrets.token_hex(8)}"
        # Calls wait for their turn here, not in the endpoint where closing could not reach them.
        self._limiters = {
            each: each.limiter or Limiter(each.concurrency) for each in grader.systems
        }
        self._backlog = Backlog(self._most_ready)
        self._under_way: set[asyncio.Task[Any]] = set()
        self._opened = contextlib.AsyncExitStack()
        self._office: GradingContext | None = None

    async def open(self) -> None:
        """Open the store and what the grader calls. Raises StoreError, Unavailable."""
        async with contextlib.AsyncExitStack() as opened:
            store = Store(self.where)
            opened.callback(store.close)
            for system in self.grader.systems:
                opened.push_async_callback(system.close)
                await system.open()
            writer = Writer(store)
            opened.push_async_callback(writer.close)
            told = self.budget, self.progress
            warn = self.progress.warn
            self._office = GradingContext(
                *(store, writer, *told), turn=self._turn, go_on=self._check_open, warn=warn
            )
            self._opened = opened.pop_all()

    async def close(self) -> None:
        """Finish and keep the calls under way, give up those that wait, and let go of all."""
        self.progress.stopping = self.progress.stopping or "closed"
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._opened.aclose()

    async def all(self, pairs: Sequence[tuple[Example, str]]) -> list[tuple[Verdict | None, ...]]:
        """The verdicts on each answer's text, one for each criterion of its example.

        A caller that is cancelled stops waiting; the judging goes on and is kept.

        Raises
        ------
        BudgetExceeded, EndpointRefused, StoreError
            What made going on impossible, after all that was begun has ended.
        """
        return await self._shielded(together(*(self._one(*pair) for pair in pairs)))

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        # Others may wait for the same verdict, and what is under way is paid for.
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be waiting for it any more

    async def _one(self, example: Example, text: str) -> tuple[Verdict | None, ...]:
        assert self._office is not None
        conversation = (*self.protocol.messages(example), Message("assistant", text))
        case = Case(conversation, dict(enumerate(example.criteria)), self._scope)
        places = range(len(example.criteria))
        async with self._backlog.room(len(places)):
            recorder = VerdictRecorder(self._office, _NOWHERE)
            try:
                found = await self.grader.grade(case, places, recorder)
            finally:
                recorder.close()
        self.progress.answers += 1
        return tuple(found.get(place) for place in places)

    def _most_ready(self) -> int:
        """As many questions at once as keep the endpoints busy, and some to follow."""
        at_once = sum(limiter.limit for limiter in self._limiters.values())
        return at_once + max(at_once // 4, _NEXT)

    def _check_open(self) -> None:
        if self.progress.stopping is not None:
            raise Unavailable("the rewarder was closed before this answer was judged")

    @contextlib.asynccontextmanager
    async def _turn(self, system: System | None) -> AsyncIterator[None]:
        """A call that may start: there is room for it, and nothing speaks against it."""
        async with self._limiters[system].turn() if system else contextlib.nullcontext():
            self._check_open()
            self.progress.in_flight += 1
            try:
                yield
            finally:
                self.progress.in_flight -= 1
