"""The synchronous door: runs the asynchronous pipeline from a script, a terminal or a notebook."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Protocol

import msgspec

from preceptor.engine.progress import Progress
from preceptor.errors import BudgetExceeded, EndpointRefused, StoreError
from preceptor.records import RunInfo
from preceptor.results.record import record_scores
from preceptor.store import Store

__all__ = ["STOPPED", "Executable", "Outcome", "execute"]

#: Why a run stopped, if Ctrl-C is why.
STOPPED = "stopped by you"


class Executable(Protocol):
    """A pipeline, or several that share a run."""

    store: Store
    run: RunInfo
    progress: Progress

    def stop(self, why: str) -> None:
        """Start no further call; those under way are finished and kept."""

    async def execute(self) -> None:
        """Work until nothing is left or a stop is asked for."""


class Outcome(msgspec.Struct, frozen=True):
    """How a run ended: ``done``, ``incomplete`` or ``interrupted``, and why if not done.

    ``first``: what has to be done before resuming may bring what is missing.
    """

    status: str
    why: str | None = None
    first: str | None = None


def execute(pipeline: Executable, watch: Callable[[Progress], None] | None = None) -> Outcome:
    """Execute a pipeline in an event loop of its own, in a thread of its own.

    So it works inside a notebook, whose loop is already running. The first Ctrl-C stops cleanly:
    calls under way are finished and kept. The second drops them.

    Parameters
    ----------
    watch
        Called a few times a second with the progress, in the caller's thread.

    Raises
    ------
    EndpointRefused, StoreError, Unavailable
        What made going on impossible; what was acknowledged is kept.
    """
    worker = _Worker(pipeline)
    worker.start()
    interrupts = 0
    try:
        while not worker.ended.is_set():
            try:
                worker.ended.wait(0.2)
                if watch is not None:
                    watch(pipeline.progress)
            except KeyboardInterrupt:
                interrupts += 1
                worker.interrupt(drop=interrupts > 1)
    except BaseException:  # `watch` failed: nobody would ever stop the worker
        worker.interrupt(drop=True)
        worker.ended.wait()
        pipeline.store.set_status(pipeline.run, "interrupted")
        raise
    return _finish(pipeline, worker, interrupts > 0)


def _finish(pipeline: Executable, worker: _Worker, interrupted: bool) -> Outcome:
    store, run, progress = pipeline.store, pipeline.run, pipeline.progress
    error = worker.error
    if isinstance(error, asyncio.CancelledError | BudgetExceeded):
        error = None
    if interrupted and progress.done < progress.total:
        outcome = Outcome("interrupted", STOPPED)
    elif progress.coverage < (run.settings.min_coverage or 0):
        why, first = progress.obstacle or (progress.stopping, None)
        outcome = Outcome("incomplete", why, first)
    else:
        outcome = Outcome("done")
    if not isinstance(error, StoreError):
        store.set_status(run, outcome.status if error is None else "incomplete")
        record_scores(store, run)
    if error is not None:
        if isinstance(error, EndpointRefused) and progress.fresh:
            kept = f"what was done is kept: go on with: preceptor resume {run.name}"
            raise EndpointRefused(error.kind, f"{error}; {kept}") from None
        raise error
    return outcome


class _Worker(threading.Thread):
    """The thread with the event loop."""

    def __init__(self, pipeline: Executable) -> None:
        super().__init__(name="preceptor-engine", daemon=True)
        self.error: BaseException | None = None
        # Before Python 3.13, Ctrl-C during `join` with a time makes a thread that lives count as
        # ended: this tells the truth.
        self.ended = threading.Event()
        self._pipeline = pipeline
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # handed to the caller's thread
            self.error = error
        finally:
            self.ended.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(self._pipeline.execute())
        await self._task

    def interrupt(self, *, drop: bool) -> None:
        self._pipeline.stop(STOPPED)
        if drop and self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # it has just ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
