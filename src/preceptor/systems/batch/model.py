"""A model that is asked through its provider's batch API: half the price, within a day."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import Counter
from collections.abc import Collection, Coroutine
from typing import Any

import msgspec

from preceptor.errors import BudgetExceeded, EndpointError, StoreError
from preceptor.records import Completion, Message, Usage, content_key
from preceptor.systems.base import Ask, Postponed, System
from preceptor.systems.batch.anthropic import AnthropicBatches
from preceptor.systems.batch.openai import OpenAIBatches
from preceptor.systems.batch.post import Post, drop
from preceptor.systems.batch.wire import Wire
from preceptor.systems.batch.work import Again, Batch, Draft, Held, Pace, Waiting, Work, ago
from preceptor.systems.http_model import HttpModel
from preceptor.systems.prices import Price
from preceptor.systems.reserving import Calls, Reserved, Size, prompt_bytes, prompt_tokens

__all__ = ["BATCHED", "BatchModel", "batched", "in_batch"]

#: A model's provider → its batch API.
_WIRES: dict[str, type[Wire]] = {"openai": OpenAIBatches, "anthropic": AnthropicBatches}
#: Addresses that have one, for messages.
BATCHED = ("openai/MODEL", "anthropic/MODEL")
#: Requests that may wait in batches at once, where the user does not say.
_MOST_WAITING = 100_000
#: Where nothing is known of a model's answers yet: tokens of one.
_ANSWER_TOKENS = 4096


def batched(system: System) -> System:
    """The same model through its provider's batch API, where that has one; else the system."""
    if isinstance(system, HttpModel) and system.provider in _WIRES:
        return BatchModel(system)
    return system


class BatchModel(System):
    """Gathers questions, submits them together, and gives each the answer that comes back for it.

    A request is known by a hash of what is posted, its repeat, and how often this process has asked
    it before. So a process that comes after this one finds what it asks in the batches of the
    ledger, and submits only what is in none.
    """

    pace = Pace()
    slow = True

    def __init__(self, inner: HttpModel) -> None:
        self.inner, self.address = inner, inner.address
        self.capabilities = inner.capabilities
        #: What its calls are for, in the run's words: answers, or verdicts.
        self.role = "answers"
        path = inner.exchange(Ask((Message("user", ""),))).path
        self.wire = _WIRES[inner.provider](inner.endpoint, path)
        self.concurrency = inner.parameters.concurrency or _MOST_WAITING
        inner.price = in_batch(inner.price, self.wire.share)
        self.failures, self.server = inner.failures, inner.server
        self.sampled = inner.sampled
        #: Calls that wait for a batch, whether it is submitted or not.
        self.waiting = 0
        most = min(self.wire.most_requests, self.concurrency)
        self.post = Post(
            inner.address, inner.provider, self.wire, most=most, pace=self.pace, spawn=self._spawn
        )
        most = inner.max_tokens or _ANSWER_TOKENS
        self._calls = Calls(self._took(Usage(output_tokens=most)))
        self._asked: Counter[str] = Counter()
        self._draft: Draft | None = None
        self._quiet_since = 0.0
        self._held: Held = Held()
        self._stir = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unkept: dict[asyncio.Task[Any], list[str]] = {}
        #: Why nothing is asked any more.
        self._over: Exception | None = None
        self._work: Work | None = None

    def identity(self) -> dict[str, Any]:
        return self.inner.identity()

    def media_tokens(self, messages: Collection[Message]) -> int:
        return self.inner.media_tokens(messages)

    @property
    def price(self) -> Price | None:
        """That of a call in a batch."""
        return self.inner.price

    @price.setter
    def price(self, price: Price | None) -> None:
        self.inner.price = price

    # Life

    def join(self, work: Work) -> None:
        """Whose requests these are; before :meth:`open`."""
        self._work = work

    @property
    def work(self) -> Work:
        assert self._work is not None, "a model in batches works for a run"
        return self._work

    async def open(self) -> None:
        await self.inner.open()
        await self.post.open(self.work.ledger)
        self._spawn(self._tend())

    def _leave(self) -> None:
        self._fail_all(Postponed())  # they go on at the provider
        for task in self._tasks:
            task.cancel()

    def finished(self) -> None:
        """The run has all it wants: of its batches nothing else is needed."""
        for batch in self.post.batches:
            if batch.info.own and batch.needed:
                batch.needed.clear()
                batch.unwritten = True

    async def close(self) -> None:
        self._leave()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for batch in self.post.batches:
            self._write_needed(batch)
        await self.inner.close()

    def describe(self) -> list[str]:
        """A line for each open batch, and for what is gathered for the next."""
        lines = []
        for batch in self.post.batches:
            if batch.open:
                done = f"{batch.done:,} of {batch.info.size:,} done"
                minutes = f"{ago(batch.info.submitted_at) / 60:,.0f} min ago"
                lines.append(f"batch {batch.number} of {self.role}: {done}, submitted {minutes}")
        if (draft := self._draft) is not None:
            lines.append(f"{len(draft.waiting):,} {self.role} gathered for the next batch")
        return [f"{self.address}: {line}" for line in lines]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._fail_all(error)  # else they would wait for ever

    def _fail_all(self, error: Exception) -> None:
        self._over = self._over or error
        if self._draft is not None:
            drop(self._draft, error)
            self._draft = None
        for batch in self.post.batches:
            for waiting in batch.take():
                waiting.fail(error)
        self._fail_held(error)

    def _fail_held(self, error: Exception) -> None:
        for future, _ in self._held:
            if not future.done():
                future.set_exception(error)
        self._held.clear()

    # One question

    async def answer(self, ask: Ask) -> Completion:
        digest = self._digest(ask)
        custom_id = f"{digest}-{self._asked[digest]}"
        self._asked[digest] += 1
        self._watch(custom_id)
        self.waiting += 1
        try:
            return await self._result(custom_id, ask)
        finally:
            self.waiting -= 1

    def _digest(self, ask: Ask) -> str:
        exchange = self.inner.exchange(ask)
        return content_key(exchange.path, exchange.payload, ask.repeat)

    async def _result(self, custom_id: str, ask: Ask) -> Completion:
        while True:
            call, future = await self._request(custom_id, ask)
            self._calls.begin(call)
            try:
                found, seconds = await future
            except Again:
                continue
            finally:
                self._calls.end(call)
                asyncio.get_running_loop().call_soon(self.work.freed)  # once the cost is counted
            completion = self.inner.completed(ask, found, seconds)
            self._calls.learn(call, self._took(completion.usage))
            return completion

    def _took(self, usage: Usage) -> Size:
        return Size(0.0 if self.price is None else self.price.cost(usage), usage.total)

    @property
    def reserved(self) -> Size:
        """Estimate of its open requests."""
        return self._calls.at_worst()

    async def _request(
        self, custom_id: str, ask: Ask
    ) -> tuple[Reserved, asyncio.Future[tuple[Completion, float]]]:
        """Put a request into a batch, unless it is in one; its size, and where its result comes.

        A function of its own so that nothing of a prompt stays in memory while the result is
        waited for.
        """
        if self._over is not None:
            raise self._over
        exchange = self.inner.exchange(ask)
        line = self.wire.line(custom_id, exchange)
        tokens = prompt_tokens(prompt_bytes(self.inner.sent(ask.messages), ask.tools))
        tokens += self.media_tokens(ask.messages)
        call = Reserved(self._took(Usage(input_tokens=tokens)))
        waiting = Waiting(asyncio.get_running_loop().create_future(), exchange.parse)
        batch = self.post.batch_of.get(custom_id)
        if batch is None:
            await self._admitted(call)
            self._gather(custom_id, line, waiting)
        else:
            batch.waiting[custom_id] = waiting
            batch.asked_at = time.monotonic()
            self.post.follow(batch)
        return call, waiting.future

    def _needs(self, call: Reserved) -> Size:
        """How much more is reserved with one more request."""
        return self._calls.at_worst(call) - self.reserved

    async def _admitted(self, call: Reserved) -> None:
        """Wait until there is room under the caps. Raises BudgetExceeded if there never will."""
        if not self._held and self.work.room().fits(self._needs(call)):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.append((future, call))
        self._stir.set()
        await future
        self._calls.end(call)  # reserved as it was let in, so that the next saw it

    def _watch(self, custom_id: str) -> None:
        """Know when the result is kept: when the task that asked for it has ended well."""
        task = asyncio.current_task()
        assert task is not None
        if task not in self._unkept:
            self._unkept[task] = []
            task.add_done_callback(self._kept)
        self._unkept[task].append(custom_id)

    def _kept(self, task: asyncio.Task[Any]) -> None:
        custom_ids = self._unkept.pop(task)
        if task.cancelled() or task.exception() is not None:
            return
        for custom_id in custom_ids:
            batch = self.post.batch_of.pop(custom_id, None)
            if batch is not None:
                batch.needed.discard(custom_id)
                batch.unwritten = True
                if not batch.needed:
                    self._write_needed(batch)

    def _write_needed(self, batch: Batch) -> None:
        if batch.unwritten:
            batch.unwritten = False
            # Where that cannot be written, a resumed run reads the results once more.
            with contextlib.suppress(StoreError):
                self.work.ledger.needed(batch.info.mark, batch.needed)

    # The next batch

    def _gather(self, custom_id: str, line: bytes, waiting: Waiting) -> None:
        if len(line) > self.wire.most_bytes:
            raise EndpointError("too_large", f"{self.address}: too long a prompt for a batch")
        draft = self._draft
        if draft is not None and self._full(draft, len(line)):
            self._spawn(self.post.submit(draft))
            draft = None
        if draft is None:
            mark = uuid.uuid4().hex
            draft = self._draft = Draft(mark, self.wire.spool(mark), {})
        draft.spool.add(custom_id, line)
        draft.waiting[custom_id] = waiting
        self._quiet_since = time.monotonic()
        self._stir.set()

    def _full(self, draft: Draft, length: int) -> bool:
        longer = draft.spool.size + length + 2
        return len(draft.waiting) >= self.post.most or longer > self.wire.most_bytes

    async def _tend(self) -> None:
        """Let in what there is room for, and submit when nothing more comes."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.pace.gather):  # to see whether to leave
                    await self._stir.wait()
            await asyncio.sleep(self.pace.gather / 4)
            if self.work.leaving():
                self._leave()
            if self.work.stopping():
                self._leave_draft()
            self._admit()
            if self.work.busy():
                self._quiet_since = time.monotonic()
            quiet = time.monotonic() - self._quiet_since >= self.pace.gather
            if self._draft is not None and quiet:
                draft, self._draft = self._draft, None
                if self.work.room().fits(Size()):
                    self._spawn(self.post.submit(draft))
                else:  # what came back meanwhile took more than was thought
                    drop(draft, Again())
            if self._draft is None and not self._held:
                self._stir.clear()

    def _leave_draft(self) -> None:
        if self._draft is not None:
            drop(self._draft, Postponed())
            self._draft = None
        self._fail_held(Postponed())

    def _admit(self) -> None:
        while self._held and self.work.room().fits(self._needs(self._held[0][1])):
            future, call = self._held.popleft()
            if not future.done():
                self._calls.begin(call)
                future.set_result(None)
        room = self.work.room()
        if self._held and not room.pending:
            size = self._needs(self._held[0][1])
            if room.dollars is not None and size.dollars > room.dollars:
                option = "--max-cost"
                words = f"${max(0, room.dollars):.4f}, and the next request may take"
                words = f"{words} ${size.dollars:.4f}"
            else:
                option = "--max-total-tokens"
                words = f"{max(0, room.tokens or 0):,.0f} tokens, and the next request may take"
                words = f"{words} {size.tokens:,.0f}"
            self._fail_held(
                BudgetExceeded(f"the cap leaves {words}: resume with a higher {option}")
            )


def in_batch(price: Price | None, share: float) -> Price | None:
    """The price of a call in a batch: its own share of the price, or else the provider's."""
    if price is None:
        return None
    share = share if price.batch is None else price.batch
    names = ("input", "output", "cached", "cache_write")
    values = {name: getattr(price, name) for name in names}
    scaled = {name: None if value is None else value * share for name, value in values.items()}
    return msgspec.structs.replace(price, **scaled, batch=None)
