"""The synchronous door: runs the asynchronous pipeline from a script, a terminal or a notebook."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import msgspec

from preceptor.engine.pipeline import Pipeline
from preceptor.engine.progress import Progress
from preceptor.errors import BudgetExceeded, StoreError

__all__ = ["Outcome", "drive"]


class Outcome(msgspec.Struct, frozen=True):
    """How a run ended: ``done``, ``incomplete`` or ``interrupted``, and why if not done."""

    status: str
    why: str | None = None


def drive(pipeline: Pipeline, watch: Callable[[Progress], None] | None = None) -> Outcome:
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
    while worker.is_alive():
        try:
            worker.join(0.2)
            if watch is not None:
                watch(pipeline.progress)
        except KeyboardInterrupt:
            interrupts += 1
            worker.interrupt(drop=interrupts > 1)
    return _settle(pipeline, worker, interrupts > 0)


def _settle(pipeline: Pipeline, worker: _Worker, interrupted: bool) -> Outcome:
    store, run = pipeline.store, pipeline.run
    error = worker.error
    if isinstance(error, asyncio.CancelledError | BudgetExceeded):
        error = None
    if interrupted:
        outcome = Outcome("interrupted", "stopped by you")
    elif pipeline.progress.coverage < run.settings["min_coverage"]:
        outcome = Outcome("incomplete", pipeline.progress.stopping)
    else:
        outcome = Outcome("done")
    if error is not None:
        if not isinstance(error, StoreError):
            store.set_status(run, "incomplete")
        raise error
    store.set_status(run, outcome.status)
    return outcome


class _Worker(threading.Thread):
    """The thread with the event loop."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(name="preceptor-engine", daemon=True)
        self.error: BaseException | None = None
        self._pipeline = pipeline
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # handed to the caller's thread
            self.error = error

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(self._pipeline.execute())
        await self._task

    def interrupt(self, *, drop: bool) -> None:
        if self._loop is None or self._task is None:
            return
        self._loop.call_soon_threadsafe(self._pipeline.stop, "stopped by you")
        if drop:
            self._loop.call_soon_threadsafe(self._task.cancel)
