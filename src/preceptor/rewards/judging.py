"""Judging of answers outside any run, inside a rewarder's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from preceptor.engine.backlog import Backlog
from preceptor.engine.budget import Budget
from preceptor.engine.calls import Turn
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
#: Index of a verdict outside any run: it is stored under its key alone.
_NO_RUN = (0, 0)
#: Minimum number of questions ready when a call ends.
_MIN_SPARE = 32


class Judging:
    """A grader with an open store that judges answers.

    Questions have the same keys as in a run: stored verdicts are reused, and equal questions are
    asked once at a time. A verdict is on disk before it counts.
    """

    def __init__(self, grader: Grader, protocol: Protocol, budget: Budget, where: str) -> None:
        self.grader, self.protocol, self.budget = grader, protocol, budget
        self.where = where
        budget.may_start = self._check_open
        self.progress = Progress(0, 0, budget)
        self.progress.retries = [system.failures for system in grader.systems]
        self.progress.limiters = [each.limiter for each in grader.systems if each.limiter]
        # The user's own code may change: its verdicts are reused only while this is open.
        self._scope = f"rewards-{secrets.token_hex(8)}"
        # Calls wait here and not in the endpoint, so that closing can reject them.
        self._limiters = {
            each: each.limiter or Limiter(each.concurrency) for each in grader.systems
        }
        self._backlog = Backlog(self._most_ready)
        self._under_way: set[asyncio.Task[Any]] = set()
        self._opened = contextlib.AsyncExitStack()
        self._context: GradingContext | None = None

    async def open(self) -> None:
        """Open the store and the grader's systems. Raises StoreError, Unavailable."""
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
            self._context = GradingContext(
                *(store, writer, *told), turn=self._turn, go_on=self._check_open, warn=warn
            )
            self._opened = opened.pop_all()

    async def close(self) -> None:
        """Finish and store the calls under way, reject those that wait, and close everything."""
        self.progress.stopping = self.progress.stopping or "closed"
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._opened.aclose()

    async def all(self, pairs: Sequence[tuple[Example, str]]) -> list[tuple[Verdict | None, ...]]:
        """Judge each (example, answer's text); one verdict per criterion.

        If the caller is cancelled, the judging continues and is stored.

        Raises
        ------
        BudgetExceeded, EndpointRefused, StoreError
            Judging cannot continue; raised after all calls under way have ended.
        """
        return await self._shielded(together(*(self._one(*pair) for pair in pairs)))

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        # Others may wait for the same verdict, and calls under way are already paid for.
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, since no caller may be waiting for it

    async def _one(self, example: Example, text: str) -> tuple[Verdict | None, ...]:
        assert self._context is not None
        conversation = (*self.protocol.messages(example), Message("assistant", text))
        case = Case(conversation, dict(enumerate(example.criteria)), self._scope)
        places = range(len(example.criteria))
        async with self._backlog.room(len(places)):
            recorder = VerdictRecorder(self._context, _NO_RUN)
            try:
                found = await self.grader.grade(case, places, recorder)
            finally:
                recorder.close()
        self.progress.answers += 1
        return tuple(found.get(place) for place in places)

    def _most_ready(self) -> int:
        """Number of questions that keeps the endpoints busy, with some to spare."""
        at_once = sum(limiter.limit for limiter in self._limiters.values())
        return at_once + max(at_once // 4, _MIN_SPARE)

    def _check_open(self) -> None:
        if self.progress.stopping is not None:
            raise Unavailable("the rewarder was closed before this answer was judged")

    def _turn(self, system: System | None) -> Turn:
        limiter = self._limiters[system] if system else None
        return Turn(limiter, self._check_open, self.progress)
