"""Batches on their way: submitted once whatever happens, looked at, collected."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import msgspec

from preceptor.billing import BatchInfo
from preceptor.errors import EndpointError, EndpointRefused
from preceptor.systems.base import Postponed
from preceptor.systems.batch.collect import collect
from preceptor.systems.batch.wire import Look, Wire
from preceptor.systems.batch.work import Again, Batch, Draft, Ledger, Pace, ago, now
from preceptor.systems.endpoint import NotThere

__all__ = ["Post", "drop"]

T = TypeVar("T")

#: How often a batch is tried to be submitted; and a provider to be reached that never was.
_TRIES = 6
_UNREACHED_TRIES = 3
#: Of a batch that failed because too much was submitted at once.
_TOO_MUCH = ("token_limit_exceeded", "rate_limit_exceeded")


class Post:
    """The batches of one model, from a draft to what comes back for it.

    Attributes
    ----------
    batches
        All that were submitted, or are in the ledger from earlier.
    batch_of
        Custom id → the latest batch that has it.
    most
        Requests in one batch.
    collecting
        Batches that are being read at the moment.
    """

    def __init__(
        self,
        address: str,
        provider: str,
        wire: Wire,
        *,
        most: int,
        pace: Pace,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self.address, self.provider, self.wire = address, provider, wire
        self.most, self.pace = most, pace
        self.batches: list[Batch] = []
        self.batch_of: dict[str, Batch] = {}
        self.collecting = 0
        self.failures: Counter[str] = wire.endpoint.failures
        self._spawn = spawn
        self._ledger: Ledger | None = None
        self._one_by_one = False
        self._submitting = asyncio.Lock()
        self._reached = False

    async def open(self, ledger: Ledger) -> None:
        """Learn what earlier processes submitted."""
        self._ledger = ledger
        for info in ledger.unsettled(self.provider, self.wire.endpoint.base_url):
            found = info.batch_id or await self.recovered(info)
            if found is None:
                ledger.end(info.mark, "failed")
                continue
            batch = self.add(msgspec.structs.replace(info, batch_id=found))
            self.batch_of.update(dict.fromkeys(info.custom_ids, batch))

    @property
    def ledger(self) -> Ledger:
        assert self._ledger is not None, "not open"
        return self._ledger

    def follow(self, batch: Batch) -> None:
        """See to it that those who wait for the batch get what there is for them."""
        if not batch.open:
            batch.following = self._spawn(self._follow(batch))

    async def submit(self, draft: Draft) -> None:
        info = BatchInfo(
            mark=draft.mark,
            provider=self.provider,
            base_url=self.wire.endpoint.base_url,
            custom_ids=tuple(draft.spool.ids),
            size=len(draft.spool.ids),
            submitted_at=now(),
        )
        try:
            async with self._submitting:  # one at a time: else one could be taken for another
                if self._one_by_one:
                    await self._alone()
                if not self.wire.marked:
                    newest = await self._persist(self.wire.newest)
                    info = msgspec.structs.replace(info, after=newest)
                self.ledger.intend(info)
                found = await self._created(info, draft)
                self.ledger.opened(info.mark, found)
        except BaseException as error:
            gone = isinstance(error, asyncio.CancelledError)
            # A provider's failure is one of these requests; any other is everybody's.
            drop(draft, error if isinstance(error, Exception) and not gone else Postponed())
            if isinstance(error, EndpointError):
                return
            raise
        draft.spool.close()
        batch = self.add(msgspec.structs.replace(info, batch_id=found))
        self.batch_of.update(dict.fromkeys(draft.waiting, batch))
        batch.waiting.update(draft.waiting)
        self.follow(batch)

    async def _alone(self) -> None:
        """Wait until no other batch is open."""
        for batch in self.batches:
            if batch.following is not None:
                await asyncio.wait([batch.following])

    async def _created(self, info: BatchInfo, draft: Draft) -> str:
        """Submit until the provider has it, once. Raises EndpointError if it will not."""
        for attempt in range(_TRIES):
            try:
                return await self.wire.create(info.mark, draft.spool)
            except (EndpointRefused, NotThere) as error:
                self.ledger.end(info.mark, "failed")
                raise EndpointRefused("refused", str(error)) from None
            except EndpointError as error:
                if error.kind in ("bad_request", "too_large"):
                    self.ledger.end(info.mark, "failed")
                    raise EndpointRefused(error.kind, str(error)) from None
                self._check_reached(error, attempt)
                if attempt == _TRIES - 1:
                    raise
            # Whether it was submitted is not known: a second time would be paid for twice.
            await self._backoff(attempt)
            if found := await self._found(info):
                return found
        raise AssertionError("unreachable")

    async def _found(self, info: BatchInfo) -> str | None:
        known = self.ledger.known()

        async def find() -> str | None:
            return await self.wire.find(info.mark, info.after, info.size, known)

        return await self._persist(find)

    async def recovered(self, info: BatchInfo) -> str | None:
        """The provider's id of a batch of which an earlier process did not learn it."""
        deadline = time.monotonic() + max(0.0, self.pace.grace - ago(info.submitted_at))
        while True:
            found = await self._found(info)
            if found is not None:
                self.ledger.opened(info.mark, found)
            if found is not None or time.monotonic() >= deadline:
                return found
            await asyncio.sleep(self.pace.gather)

    def add(self, info: BatchInfo) -> Batch:
        batch = Batch(info, len(self.batches) + 1)
        self.batches.append(batch)
        return batch

    async def _quiet(self, batch: Batch) -> None:
        """Questions of a process that resumes a run come one after the other: wait for all."""
        while (left := batch.asked_at + self.pace.gather - time.monotonic()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)

    async def _follow(self, batch: Batch) -> None:
        """Look at a batch until it has ended, and give everybody what there is for them."""
        try:
            look = await self._awaited(batch)
            while batch.waiting:
                await self._quiet(batch)
                await self._collected(batch, look)
        except NotThere:
            self.ledger.end(batch.info.mark, "failed")
            self._ask_again(batch)
        except EndpointError as error:
            for waiting in batch.take():
                waiting.fail(error)

    async def _awaited(self, batch: Batch) -> Look:
        pause = self.pace.first_look
        while True:
            look = await self._persist(lambda: self.wire.look(str(batch.info.batch_id)))
            batch.done = look.done
            if look.state != "under_way":
                return look
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, self.pace.longest_look)

    async def _collected(self, batch: Batch, look: Look) -> None:
        if look.state == "failed":
            self._not_run(batch, look)
            return
        if look.state == "cancelled" and batch.info.state != "cancelled":
            batch.info = msgspec.structs.replace(batch.info, state="cancelled")
            self.ledger.end(batch.info.mark, "cancelled")
            stop = EndpointRefused(
                "refused",
                f"{self.address}: batch {batch.info.batch_id} was cancelled at the provider: "
                f"resume to ask again what it has no result for",
            )
        else:
            stop = None
        self.collecting += 1
        try:
            missing = await collect(self.wire, batch, look, self._persist, self.pace.gather)
        finally:
            self.collecting -= 1
        for custom_id, waiting in missing.items():
            if stop is not None:
                waiting.fail(stop)
            else:
                self.batch_of.pop(custom_id, None)
                batch.needed.discard(custom_id)
                waiting.fail(Again())

    def _not_run(self, batch: Batch, look: Look) -> None:
        """The provider found something wrong before it began; nothing is to be paid."""
        self.ledger.end(batch.info.mark, "failed")
        size = batch.info.size
        if look.code in _TOO_MUCH and size > 1:
            self.most, self._one_by_one = max(1, size // 2), True
            self.failures["rate_limit"] += 1
            self._ask_again(batch)
            return
        words = f"{self.address}: batch {batch.info.batch_id} failed: {look.why}"
        for waiting in batch.take():
            waiting.fail(EndpointRefused("refused", words))

    def _ask_again(self, batch: Batch) -> None:
        for custom_id in batch.info.custom_ids:
            self.batch_of.pop(custom_id, None)
        batch.needed.clear()
        for waiting in batch.take():
            waiting.fail(Again())

    async def _backoff(self, attempt: int) -> None:
        pause = self.pace.first_look * 2 ** min(attempt, 10)
        await asyncio.sleep(min(self.pace.longest_look, pause))

    async def _persist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Do what costs nothing until it succeeds. Raises EndpointRefused, NotThere."""
        attempt = 0
        while True:
            try:
                result = await call()
            except (EndpointRefused, NotThere):
                raise
            except EndpointError as error:
                if error.kind in ("bad_request", "too_large"):
                    raise
                self._check_reached(error, attempt)
            else:
                self._reached = True
                return result
            await self._backoff(attempt)
            attempt += 1

    def _check_reached(self, error: EndpointError, attempt: int) -> None:
        """Raises EndpointRefused if the provider was never reached in this many attempts."""
        unreached = error.kind == "connection" and not self._reached
        if unreached and attempt + 1 >= _UNREACHED_TRIES:
            raise EndpointRefused("connection", f"cannot be reached: {error}") from None


def drop(draft: Draft, error: Exception) -> None:
    """Let go of a draft, and tell those who wait why."""
    draft.spool.close()
    for waiting in draft.waiting.values():
        waiting.fail(error)
