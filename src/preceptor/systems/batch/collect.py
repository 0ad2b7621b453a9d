"""From the result files of a batch to those who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from preceptor.errors import EndpointError, EndpointRefused, shorten
from preceptor.records import Completion
from preceptor.systems.batch.wire import Look, Outcome, Wire, failure
from preceptor.systems.batch.work import Batch, Waiting, ago
from preceptor.systems.endpoint import ErrorInReply, NotThere
from preceptor.systems.wire import parsed

__all__ = ["Persist", "collect"]

#: How often the files are read where a result is missing.
_READS = 4
#: Requests that a provider refused, with none answered, that show a wrong parameter.
_HOPELESS = 3


class Persist(Protocol):
    """Does what costs nothing until it succeeds."""

    async def __call__(self, call: Callable[[], Awaitable[None]], /) -> None: ...


class _Collection:
    """What has been read of one batch so far."""

    def __init__(self, wire: Wire, batch: Batch) -> None:
        self.wire, self.batch = wire, batch
        self.seconds = ago(batch.info.submitted_at)
        #: Who waited as the reading began: others may come, whose results have gone by.
        self.expected = set(batch.waiting)
        self.failed: dict[str, Outcome] = {}
        self.unrun: set[str] = set()
        self.answered = 0
        self.strange = 0
        self.ours = False

    def left(self) -> set[str]:
        """Custom ids of which nothing was read yet."""
        return (self.expected & self.batch.waiting.keys()) - self.failed.keys() - self.unrun

    async def read(self, file: str) -> None:
        """One file, result by result. Raises EndpointError, NotThere."""
        ours = set(self.batch.info.custom_ids)
        async for outcome in self.wire.outcomes(file, self.batch.info.size):
            if outcome.custom_id in ours:
                self.ours = True
            elif outcome.custom_id not in self.expected:
                self.strange += 1
                continue
            self.sort(outcome)

    def sort(self, outcome: Outcome) -> None:
        """Hand out an answer; keep the rest until all is known."""
        if outcome.kind in ("expired", "cancelled"):
            self.unrun.add(outcome.custom_id)
        elif outcome.kind == "ok":
            self.answered += 1
            waiting = self.batch.waiting.pop(outcome.custom_id, None)
            if waiting is not None:
                self.answer(outcome.custom_id, waiting, outcome.body)
        elif outcome.kind == "content_filter":
            waiting = self.batch.waiting.pop(outcome.custom_id, None)
            if waiting is not None:
                waiting.give(Completion("", finish_reason="content_filter"), self.seconds)
        else:
            self.failed[outcome.custom_id] = outcome

    def answer(self, custom_id: str, waiting: Waiting, body: bytes) -> None:
        try:
            completion = parsed(body, waiting.parse)
        except ErrorInReply as error:
            self.failed[custom_id] = failure(custom_id, error.status, error.content)
            self.batch.waiting[custom_id] = waiting
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            begin = shorten(body[:60].decode("utf-8", "replace"), 70)
            words = f"{self.name}: expected a completion, found {begin} ({error})"
            waiting.fail(EndpointError("malformed", words))
        else:
            waiting.give(completion, self.seconds)

    @property
    def name(self) -> str:
        return f"{self.wire.endpoint.base_url}: batch {self.batch.info.batch_id}"

    def fail(self) -> None:
        """Tell those whose requests failed."""
        hopeless = not self.answered and len(self.failed) >= _HOPELESS
        hopeless = hopeless and all(outcome.telling for outcome in self.failed.values())
        for custom_id, outcome in self.failed.items():
            waiting = self.batch.waiting.pop(custom_id, None)
            if waiting is None:
                continue
            self.wire.endpoint.failures[outcome.kind] += 1
            if hopeless:
                words = f"{self.name}: every request is refused: {outcome.words}"
                waiting.fail(EndpointRefused(outcome.kind, words))
            else:
                waiting.fail(EndpointError(outcome.kind, f"{self.name}: {outcome.words}"))


async def collect(
    wire: Wire, batch: Batch, look: Look, persist: Persist, pause_s: float
) -> dict[str, Waiting]:
    """Give those who wait what the batch has for them; the others, whose requests did not run.

    Files in which a result is missing are read again after a pause.

    Raises
    ------
    NotThere
        The results are gone, or another's.
    EndpointError
        They cannot be read.
    """
    found = _Collection(wire, batch)
    for read in range(_READS):
        if read:
            await asyncio.sleep(pause_s)
        for file in look.files:

            async def once(file: str = file) -> None:
                await found.read(file)

            await persist(once)
        if look.state != "ended" or not found.left():
            break
    if found.strange and not found.ours:
        raise NotThere("refused", f"{found.name}: holds the requests of another")
    found.fail()
    unrun = found.unrun | (set() if look.state == "ended" else found.left())
    for custom_id in found.left() - unrun:
        words = f"{found.name}: has no result for one of its requests"
        batch.waiting.pop(custom_id).fail(EndpointError("malformed", words))
    return {each: batch.waiting.pop(each) for each in unrun if each in batch.waiting}
