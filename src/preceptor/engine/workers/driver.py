"""The driver of a run that several workers share: deals out, merges, grants, replaces."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import sqlalchemy as sa

from preceptor.engine.pipeline import Pipeline
from preceptor.engine.workers.messages import (
    Begin,
    Counts,
    Drop,
    Ended,
    More,
    Stop,
    encode,
    read_from_worker,
)
from preceptor.engine.workers.shards import cut
from preceptor.engine.workers.shares import BudgetShares
from preceptor.errors import PreceptorError, StoreBusy
from preceptor.store.database import writing
from preceptor.store.lease import HEARTBEAT_S, Owner, beat
from preceptor.version import VERSION

__all__ = ["Transport", "WorkerDriver"]

#: So many workers in a row may die over a shard without anything done.
_FRUITLESS = 3
#: Seconds that workers have to let go of calls that are dropped.
_PATIENCE_S = 10.0


class Transport:
    """The driver's end of the line to one worker."""

    async def send(self, frame: bytes) -> None:
        """Say something; to a worker that is gone, in vain."""
        raise NotImplementedError

    async def receive(self) -> bytes | None:
        """What the worker says next; None if it is gone."""
        raise NotImplementedError

    async def close(self) -> str:
        """End the worker, if it has not ended; returns how it did."""
        raise NotImplementedError


class WorkerDriver:
    """Brings one run to its end with several workers, as a Pipeline does alone.

    Parameters
    ----------
    pipeline
        The run's own; it says what there is to do, and makes no call itself.
    hire
        Gives a new worker.
    workers
        How many, at the most.
    host
        The machine that workers must be on; None for any.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        hire: Callable[[], Awaitable[Transport]],
        workers: int,
        *,
        host: str | None = None,
    ) -> None:
        self.store, self.run, self.progress = pipeline.store, pipeline.run, pipeline.progress
        self._hire, self._host = hire, host
        self._shards = cut(pipeline.todo, pipeline.protocol, workers)
        self._bank = BudgetShares(pipeline.budget, max(1, len(self._shards)))
        self._lines: dict[int, Transport] = {}
        self._begun: set[int] = set()
        self._telling: set[asyncio.Task[object]] = set()
        #: What the worker of each shard has done, and what those before it had.
        self._now = [Counts() for _ in self._shards]
        self._before = [Counts() for _ in self._shards]
        self._error: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.progress.retries = [Counter()]
        self.progress.limiters = []  # each worker has its own

    def stop(self, why: str) -> None:
        """Start no further call; those under way are finished and kept."""
        self.progress.stopping = self.progress.stopping or why
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # all has just ended by itself
                self._loop.call_soon_threadsafe(self._pass_on, Stop(why))

    async def execute(self) -> None:
        """Work until nothing is left or a stop is asked for.

        Raises
        ------
        BudgetExceeded, EndpointRefused, StoreError
            What stopped it, after the calls under way were finished and kept.
        """
        with self.store.lease(self.run) as owner:
            self._loop = asyncio.get_running_loop()
            beating = asyncio.ensure_future(self._beat(owner))
            shards = [asyncio.ensure_future(self._see_to(n, owner)) for n in range(len(self._now))]
            try:
                await asyncio.gather(*(asyncio.shield(shard) for shard in shards))
            except asyncio.CancelledError:
                self.stop("dropped by you")
                self._pass_on(Drop())
                await asyncio.wait(shards, timeout=_PATIENCE_S)
                raise
            finally:
                self._loop = None
                for task in (beating, *shards):  # a shard's worker ends with it
                    task.cancel()
                await asyncio.gather(beating, *shards, *self._telling, return_exceptions=True)
        if self._error is not None:
            raise self._error

    async def _see_to(self, shard: int, owner: Owner) -> None:
        """One worker after the other, until the shard is done or all is to stop."""
        fruitless = 0
        while self.progress.stopping is None and self._error is None:
            done = self._now[shard].fresh
            try:
                line = self._lines[shard] = await self._hire()
                if await self._follow(shard, line, owner):
                    return
            except Exception as error:
                self._fail(error)
                return
            finally:
                self._begun.discard(shard)
                gone = self._lines.pop(shard, None)
                how = "" if gone is None else await gone.close()
            fruitless = fruitless + 1 if self._now[shard].fresh == done else 0
            self._bury(shard)
            if fruitless >= _FRUITLESS:
                self._fail(
                    PreceptorError(f"run {self.run.name}: {fruitless} workers died in a row: {how}")
                )

    async def _follow(self, shard: int, line: Transport, owner: Owner) -> bool:
        """Listen to a worker; False if it is gone before it has ended."""
        await line.send(encode(self._begin(shard, owner)))
        self._begun.add(shard)
        if self.progress.stopping is not None:
            await line.send(encode(Stop(self.progress.stopping)))
        while (frame := await line.receive()) is not None:
            message = read_from_worker(frame)
            if isinstance(message, More):
                await line.send(encode(self._bank.grant(shard, message)))
                continue
            counts = message.counts if isinstance(message, Ended) else message
            self._now[shard] = counts
            self._bank.note(shard, counts.cost, counts.tokens)
            self._show()
            if isinstance(message, Ended):
                self._bank.settle(shard)
                self._end(message)
                return True
        return False

    def _begin(self, shard: int, owner: Owner) -> Begin:
        database = self.store.engine.url.database
        on_sqlite = self.store.engine.dialect.name == "sqlite" and database is not None
        return Begin(
            version=VERSION,
            store=str(Path(database or "").absolute()) if on_sqlite else self.store.address,
            host=self._host,
            run=self.run.name,
            positions=self._shards[shard],
            owner=owner.encode(),
            workers=len(self._shards),
            capped=self._bank.capped,
        )

    def _end(self, ended: Ended) -> None:
        error = ended.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """None of the others starts a further call."""
        self._error = self._error or error
        self.stop(str(error))

    def _bury(self, shard: int) -> None:
        """What a worker had done that died: its calls count, its results are found in the store."""
        self._bank.settle(shard, lost=True)
        before, last = self._before[shard], self._now[shard]
        self._before[shard] = Counts(
            fresh=before.fresh + last.fresh,
            calls=before.calls + last.calls,
            failed=dict(Counter(before.failed) + Counter(last.failed)),
        )
        self._now[shard] = Counts()
        self._show()

    def _show(self) -> None:
        """Put together what all have done."""
        progress, every = self.progress, (*self._now, *self._before)
        for sentence in (sentence for counts in self._now for sentence in counts.warnings):
            progress.warn(sentence)
        progress.answers = sum(counts.answers for counts in self._now)
        progress.verdicts = sum(counts.verdicts for counts in self._now)
        progress.in_flight = sum(counts.in_flight for counts in self._now)
        progress.fresh = sum(counts.fresh for counts in every)
        progress.calls = sum(counts.calls for counts in every)
        progress.ungraded = sum((Counter(counts.ungraded) for counts in self._now), Counter())
        progress.retries = [sum((Counter(counts.failed) for counts in every), Counter())]

    def _pass_on(self, message: Stop | Drop) -> None:
        """Tell all workers; one that has not begun yet need not begin."""
        for shard, line in self._lines.items():
            work = line.send(encode(message)) if shard in self._begun else line.close()
            task: asyncio.Task[object] = asyncio.ensure_future(work)
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _beat(self, owner: Owner) -> None:
        """Show that the run is worked on, also while no worker is there yet."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if not await asyncio.to_thread(self._beaten, owner):
                self._fail(
                    StoreBusy(f"run {self.run.name}: another process has taken it over meanwhile")
                )

    def _beaten(self, owner: Owner) -> bool:
        try:
            with writing(self.store.engine) as connection:
                return beat(connection, self.run, owner)
        except sa.exc.DBAPIError:  # as in the writer: a real fault shows at the next write
            return True
