"""A thread that writes: many small results, few transactions, each acknowledged once on disk."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.errors import StoreBusy, StoreError
from preceptor.records import Response, RunInfo, Verdict
from preceptor.store.calls import beat_calls, claim, give_back, release_calls
from preceptor.store.committer import waiting
from preceptor.store.database import writing
from preceptor.store.lease import HEARTBEAT_S, Owner, beat
from preceptor.store.postgres import retried
from preceptor.store.results import any_fresh
from preceptor.store.rows import Vote
from preceptor.store.store import Store

__all__ = ["Batch", "Writer"]

_MOST_AT_ONCE = 2000
#: After so many in one transaction more come at once, and are waited for: a transaction costs.
_MANY, _GATHERED_S = 16, 0.005


class Batch(msgspec.Struct, frozen=True):
    """Results that belong together."""

    answers: tuple[tuple[int, int, Response, bool], ...] = ()
    verdicts: tuple[tuple[int, int, int, Verdict, bool], ...] = ()
    votes: tuple[Vote, ...] = ()
    turns: tuple[Response, ...] = ()


class _Claim(msgspec.Struct, frozen=True):
    """Keys that are asked for; ``back`` where they are not any more."""

    keys: tuple[str, ...]
    back: bool = False


#: Answers that the store had first, by key.
Elsewhere = dict[str, Response]
_Entry = tuple[Batch | _Claim, asyncio.Future[Any]]


class Writer:
    """``await writer.put(batch)`` returns when the batch is on disk.

    All that waits is written in one transaction, so the more there is, the cheaper each result.
    It also gives the run's sign of life. Without a run, and so without an owner, answers and
    verdicts are kept under their keys alone.
    """

    def __init__(
        self, store: Store, run: RunInfo | None = None, owner: Owner | None = None
    ) -> None:
        self._store, self._run, self._owner = store, run, owner
        self._lost: StoreBusy | None = None
        #: Claims are this process's own, also where the run is another's.
        self._me = Owner.me()
        self._alive = contextlib.ExitStack()
        self._alive.enter_context(self._me.at_work())
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        #: What was put or claimed and nobody has heard of yet.
        self.under_way = 0
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="preceptor-writer", daemon=True)
        self._thread.start()

    async def put(self, batch: Batch) -> Elsewhere:
        """Returns what :meth:`preceptor.store.Store.write` does.

        Raises StoreError if it could not be written; then nothing of the batch was.
        """
        elsewhere: Elsewhere = await self._enter(batch)
        return elsewhere

    def claim(self, keys: Collection[str]) -> asyncio.Future[bool]:
        """Whether these keys are now ours to ask for: all, and nobody else asks for one.

        False where another process does, or one is in the store by now.
        """
        return self._enter(_Claim(tuple(keys)))

    def give_back(self, keys: Collection[str]) -> None:
        """Let others ask for keys that were claimed."""
        self._enter(_Claim(tuple(keys), back=True))

    def _enter(self, what: Batch | _Claim) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        self.under_way += 1
        self._queue.put((what, future))
        return future

    async def close(self) -> None:
        """Write what is left, and stop."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        beaten = time.monotonic()
        open_, many = True, False
        while open_:
            if many:
                time.sleep(_GATHERED_S)
            entries, open_ = waiting(self._queue, _MOST_AT_ONCE, HEARTBEAT_S)
            many = len(entries) >= _MANY
            if entries:
                self._settle(entries, self._done([entry for entry, _ in entries]))
            if time.monotonic() - beaten > HEARTBEAT_S:
                beaten = time.monotonic()
                self._beat()
        self._alive.close()
        with (
            contextlib.suppress(sa.exc.DBAPIError, sqlite3.Error),
            writing(self._store.engine, lasting=False) as connection,
        ):
            release_calls(connection, self._me)

    def _done(self, entries: list[Batch | _Claim]) -> list[Any]:
        """Write all in one transaction; what becomes of each."""

        def once() -> list[Any]:
            # Where nothing is written but claims, its loss harms nobody: they die with us.
            with writing(self._store.engine, lasting=results) as connection:
                elsewhere = self._write(connection, batches) if results else {}
                back = [key for each in claims if each.back for key in each.keys]
                give_back(connection, back, self._me)
                wanted = [each.keys for each in claims if not each.back]
                granted = iter(claim(connection, wanted, self._me) if wanted else ())
            kept = self._lost or elsewhere
            return [
                kept if isinstance(each, Batch) else None if each.back else next(granted)
                for each in entries
            ]

        batches = [each for each in entries if isinstance(each, Batch)]
        claims = [each for each in entries if isinstance(each, _Claim)]
        results = self._run is not None or any(
            each.answers or any_fresh(each.verdicts, each.votes) for each in batches
        )
        results = results and bool(batches)
        error: Exception
        try:
            with self._store.words():
                return retried(once)
        except StoreError as refusal:
            error = refusal
        except Exception as other:  # whatever it is, the waiting side must hear of it
            error = StoreError(f"store {self._store.where}: {type(other).__name__}: {other}")
        # Nobody waits for a claim that is given back: it lapses with its process.
        return [None if isinstance(each, _Claim) and each.back else error for each in entries]

    def _write(self, connection: sa.Connection, batches: list[Batch]) -> Elsewhere:
        return self._store.write_in(
            connection,
            self._run,
            [answer for batch in batches for answer in batch.answers],
            [verdict for batch in batches for verdict in batch.verdicts],
            [vote for batch in batches for vote in batch.votes],
            turns=[turn for batch in batches for turn in batch.turns],
        )

    def _settle(self, entries: list[_Entry], outcomes: list[Any]) -> None:
        def settle() -> None:
            self.under_way -= len(entries)
            for (_, future), outcome in zip(entries, outcomes, strict=True):
                if future.done():
                    continue
                if isinstance(outcome, StoreError):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

        self._loop.call_soon_threadsafe(settle)

    def _beat(self) -> None:
        try:
            with writing(self._store.engine) as connection:
                beat_calls(connection, self._me)
                if self._run is None or self._owner is None:
                    return
                if not beat(connection, self._run, self._owner):
                    self._lost = StoreBusy(
                        f"run {self._run.name}: another process has taken it over, for this one "
                        f"gave no sign of life; what it had done is kept"
                    )
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            # A missed beat matters only after a minute; a real fault shows at the next write.
            del error
