"""What a model in batches works with: who is waiting, the store's ledger, the room under a cap."""

from __future__ import annotations

import asyncio
import datetime
from collections import deque
from collections.abc import Callable, Collection
from typing import Protocol

import msgspec

from preceptor.billing import BatchInfo
from preceptor.records import Completion
from preceptor.systems.batch.wire import Spool
from preceptor.systems.reserving import Reserved, Room

__all__ = [
    "Again",
    "Batch",
    "Draft",
    "Ledger",
    "Pace",
    "Waiting",
    "Work",
    "ago",
    "now",
]


class Again(Exception):
    """The request did not run: it is to be put into another batch."""


class Pace(msgspec.Struct, frozen=True):
    """Seconds.

    Attributes
    ----------
    gather
        Without a new request for so long, the batch is submitted.
    first_look, longest_look
        Between two looks at a batch; the pause grows from one to the other.
    grace
        How long a batch may take to be in the provider's list after it was submitted.
    """

    gather: float = 2.0
    first_look: float = 5.0
    longest_look: float = 120.0
    grace: float = 30.0


class Ledger(Protocol):
    """Where batches are remembered. :class:`preceptor.store.batches.Batches` has the words."""

    def intend(self, info: BatchInfo) -> None: ...
    def opened(self, mark: str, batch_id: str) -> None: ...
    def end(self, mark: str, state: str) -> None: ...
    def needed(self, mark: str, custom_ids: Collection[str]) -> None: ...
    def unsettled(self, provider: str, base_url: str) -> list[BatchInfo]: ...
    def known(self) -> set[str]: ...


class Work(msgspec.Struct, frozen=True):
    """The run at work, as a model in batches sees it.

    Attributes
    ----------
    room
        Under the caps; ``freed`` is called when less is reserved than before.
    busy
        Whether something is under way that may soon bring more requests.
    stopping
        Whether no further call may start.
    leaving
        Whether what is open is to be left to itself.
    """

    ledger: Ledger
    room: Callable[[], Room]
    freed: Callable[[], None]
    busy: Callable[[], bool]
    stopping: Callable[[], bool]
    leaving: Callable[[], bool]


class Waiting(msgspec.Struct):
    """Who waits for the result of one request, and how its body is read."""

    future: asyncio.Future[tuple[Completion, float]]
    parse: Callable[[bytes], Completion]

    def give(self, completion: Completion, seconds: float) -> None:
        if not self.future.done():
            self.future.set_result((completion, seconds))

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Draft(msgspec.Struct):
    """A batch in the making."""

    mark: str
    spool: Spool
    waiting: dict[str, Waiting]


class Batch:
    """A batch that the provider has.

    Attributes
    ----------
    waiting
        Custom id → who waits for its result.
    needed
        Custom ids whose results are not known to be kept.
    """

    def __init__(self, info: BatchInfo, number: int) -> None:
        self.info, self.number = info, number
        self.waiting: dict[str, Waiting] = {}
        self.needed = set(info.custom_ids)
        self.unwritten = False
        self.done = 0
        self.asked_at = 0.0
        self.following: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        return self.following is not None and not self.following.done()

    def take(self) -> list[Waiting]:
        """All who wait, who then wait for it no more."""
        waiting, self.waiting = list(self.waiting.values()), {}
        return waiting


#: Requests that wait for room under a cap, each with its reservation.
Held = deque[tuple[asyncio.Future[None], Reserved]]


def now() -> str:
    """UTC, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat()


def ago(moment: str) -> float:
    """Seconds since then, at least 0 whatever the clock did meanwhile."""
    past = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(moment)
    return max(0.0, past.total_seconds())
