"""A thread that writes: many small results, few transactions, each acknowledged once on disk."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.errors import StoreBusy, StoreError
from preceptor.records import Response, RunInfo, Verdict
from preceptor.store.calls import beat_calls, claim, give_back, release_calls
from preceptor.store.database import writing
from preceptor.store.lease import HEARTBEAT_S, Owner, beat
from preceptor.store.postgres import retried
from preceptor.store.rows import Vote
from preceptor.store.store import Store

__all__ = ["Batch", "Writer"]

_MOST_AT_ONCE = 2000


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
    It also gives the run's sign of life. Without a run, and so without an owner, verdicts are kept
    under their keys alone.
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
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="preceptor-writer", daemon=True)
        self._thread.start()

    async def put(self, batch: Batch) -> Elsewhere:
        """Returns what :meth:`preceptor.store.Store.write` does.

        Raises StoreError if it could not be written; then nothing of the batch was.
        """
        future: asyncio.Future[Elsewhere] = self._loop.create_future()
        self._queue.put((batch, future))
        return await future

    def claim(self, keys: Collection[str]) -> asyncio.Future[bool]:
        """Whether these keys are now ours to ask for: all, and nobody else asks for one.

        False where another process does, or one is in the store by now.
        """
        future: asyncio.Future[bool] = self._loop.create_future()
        self._queue.put((_Claim(tuple(keys)), future))
        return future

    def give_back(self, keys: Collection[str]) -> None:
        """Let others ask for keys that were claimed."""
        self._queue.put((_Claim(tuple(keys), back=True), self._loop.create_future()))

    async def close(self) -> None:
        """Write what is left, and stop."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        beaten = time.monotonic()
        open_ = True
        while open_:
            entries, open_ = self._collect()
            results = [entry for entry in entries if isinstance(entry[0], Batch)]
            if results:
                outcome = self._write([batch for batch, _ in results])  # type: ignore[misc]
                self._settle([(future, outcome) for _, future in results])
            claims = [entry for entry in entries if isinstance(entry[0], _Claim)]
            if claims:
                outcomes = self._claim([each for each, _ in claims])  # type: ignore[misc]
                futures = (future for _, future in claims)
                self._settle(list(zip(futures, outcomes, strict=True)))
            if time.monotonic() - beaten > HEARTBEAT_S:
                beaten = time.monotonic()
                self._beat()
        self._alive.close()
        with contextlib.suppress(sa.exc.DBAPIError), self._hasty() as connection:
            release_calls(connection, self._me)

    def _hasty(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """A transaction whose loss harms nobody: claims die with their process."""
        return writing(self._store.engine, lasting=False)

    def _claim(self, claims: list[_Claim]) -> list[Any]:
        def once() -> list[Any]:
            with self._hasty() as connection:
                give_back(
                    connection, [k for each in claims if each.back for k in each.keys], self._me
                )
                wanted = [each.keys for each in claims if not each.back]
                granted = iter(claim(connection, wanted, self._me) if wanted else ())
                return [None if each.back else next(granted) for each in claims]

        try:
            with self._store.words():
                return retried(once)
        except StoreError as error:
            # Nobody waits for a claim that is given back: it lapses with its process.
            return [None if each.back else error for each in claims]

    def _collect(self) -> tuple[list[_Entry], bool]:
        entries: list[_Entry] = []
        try:
            entry = self._queue.get(timeout=HEARTBEAT_S)
            while entry is not None:
                entries.append(entry)
                if len(entries) >= _MOST_AT_ONCE:
                    return entries, True
                entry = self._queue.get_nowait()
        except queue.Empty:
            return entries, True
        return entries, False

    def _write(self, batches: list[Batch]) -> Elsewhere | StoreError:
        answers = [answer for batch in batches for answer in batch.answers]
        verdicts = [verdict for batch in batches for verdict in batch.verdicts]
        votes = [vote for batch in batches for vote in batch.votes]
        turns = [turn for batch in batches for turn in batch.turns]
        try:
            elsewhere = self._store.write(self._run, answers, verdicts, votes, turns=turns)
            return self._lost or elsewhere
        except StoreError as error:
            return error
        except Exception as error:  # whatever it is, the waiting side must hear of it
            return StoreError(f"store {self._store.where}: {type(error).__name__}: {error}")

    def _settle(self, outcomes: list[tuple[asyncio.Future[Any], Any]]) -> None:
        def settle() -> None:
            for future, outcome in outcomes:
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
        except sa.exc.DBAPIError as error:
            # A missed beat matters only after a minute; a real fault shows at the next write.
            del error
