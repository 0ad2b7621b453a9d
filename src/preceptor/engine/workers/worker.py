"""A worker of a run: the ordinary pipeline over one shard, told by its driver what to do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import msgspec

from preceptor.engine.collector import rare_collections
from preceptor.engine.pipeline import Pipeline, Share
from preceptor.engine.reopening import reopen
from preceptor.engine.workers.messages import (
    Begin,
    Channel,
    Counts,
    Drop,
    Ended,
    Grant,
    Stop,
    encode,
    read_from_driver,
)
from preceptor.engine.workers.shares import GrantedBudget
from preceptor.errors import InputError, StoreError
from preceptor.store import Store
from preceptor.store.lease import Owner
from preceptor.version import VERSION

__all__ = ["work"]

_EVERY_S = 0.25
_DRIVER_GONE = "the process that began the run is gone"


def work(channel: Channel) -> None:
    """Do what the driver says first, tell how it goes, and how it ended."""
    first = channel.receive()
    begin = None if first is None else read_from_driver(first)
    if not isinstance(begin, Begin):  # the driver died before it could say what to do
        return
    counts = Counts()
    try:
        _check(begin)
        with Store(begin.store, create=False) as store:
            allowance = GrantedBudget(begin.capped, lambda more: channel.send(encode(more)))
            job = _Job(_pipeline(store, begin, allowance), allowance, channel)
            try:
                with rare_collections:
                    asyncio.run(job.main())
            finally:
                counts = job.counts()
    except BaseException as error:  # the driver raises it in the place where it is waited for
        channel.send(encode(Ended.by(counts, error)))
    else:
        channel.send(encode(Ended(counts)))


def _check(begin: Begin) -> None:
    if begin.version != VERSION:
        raise InputError(
            f"a worker on {socket.gethostname()} has Preceptor {VERSION}, the run was begun with "
            f"{begin.version}: install the same version everywhere"
        )
    if begin.host not in (None, socket.gethostname()):
        raise StoreError(
            f"store {begin.store}: is a file on {begin.host}, which {socket.gethostname()} does "
            f"not see: name a PostgreSQL database with --store"
        )


def _pipeline(store: Store, begin: Begin, allowance: GrantedBudget) -> Pipeline:
    owner = msgspec.json.decode(begin.owner, type=Owner)
    share = Share(begin.positions, owner, begin.workers)
    [run] = [run for run in store.runs() if run.name == begin.run]
    return reopen(store, run, share=share, budget=allowance)


class _Job:
    """One shard at work, in an event loop, while a thread listens to the driver."""

    def __init__(self, pipeline: Pipeline, allowance: GrantedBudget, channel: Channel) -> None:
        self.pipeline, self.allowance, self.channel = pipeline, allowance, channel

    async def main(self) -> None:
        loop = asyncio.get_running_loop()
        work = asyncio.ensure_future(self.pipeline.execute())
        threading.Thread(target=self._listen, args=(loop, work), daemon=True).start()
        telling = asyncio.ensure_future(self._tell())
        try:
            await work
        finally:
            telling.cancel()

    def counts(self) -> Counts:
        progress = self.pipeline.progress
        return Counts(
            answers=progress.answers,
            verdicts=progress.verdicts,
            fresh=progress.fresh,
            calls=progress.calls,
            in_flight=progress.in_flight,
            ungraded=dict(progress.ungraded),
            failed=dict(progress.failed_attempts()),
            cost=self.allowance.cost,
            tokens=self.allowance.tokens,
            warnings=tuple(progress.warnings),
        )

    async def _tell(self) -> None:
        while True:
            self.channel.send(encode(self.counts()))
            await asyncio.sleep(_EVERY_S)

    def _listen(self, loop: asyncio.AbstractEventLoop, work: asyncio.Future[None]) -> None:
        while True:
            frame = self.channel.receive()
            message = Stop(_DRIVER_GONE) if frame is None else read_from_driver(frame)
            if isinstance(message, Grant):
                self.allowance.replies.put(message)
            elif isinstance(message, Stop):
                self.pipeline.stop(message.why)
            elif isinstance(message, Drop):
                with contextlib.suppress(RuntimeError):  # it has just ended by itself
                    loop.call_soon_threadsafe(work.cancel)
            if frame is None:
                self.allowance.replies.put(Grant(refusal=_DRIVER_GONE))
                return
