"""A thread that commits: what waits goes into one transaction, acknowledged once on disk."""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import sqlalchemy as sa

from preceptor.errors import StoreError
from preceptor.store.database import explain, writing
from preceptor.store.postgres import alone, is_passing, retried
from preceptor.store.statements import plain

__all__ = ["Command", "Committer", "waiting"]

T = TypeVar("T")
E = TypeVar("E")
#: A function of the connection, which may be called again where the transaction is. It has no other
#: effect than what it writes there.
Command = Callable[[sa.Connection], T]
_Entry = tuple[Command[Any], "Future[Any]"]
_REFUSALS = (sa.exc.DBAPIError, sqlite3.Error)
_MOST_AT_ONCE = 500


class Committer:
    """``submit(command)`` is done when what the command wrote is on disk.

    All that waits is one transaction, in which each command has a savepoint: one that raises undoes
    nothing of the others', and what it raised is raised where it is waited for. Commands of several
    processes come one after the other: what one reads is still so when it writes.

    Parameters
    ----------
    where
        Of messages: "store preceptor.db".
    """

    def __init__(self, engine: sa.Engine, where: str) -> None:
        self._engine, self._where = engine, where
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, command: Command[T]) -> Future[T]:
        """Raises StoreError, here or there, if nothing could be written."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise StoreError(f"{self._where}: is closed: open it again")
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="preceptor-committer", daemon=True
                )
                self._thread.start()
            self._queue.put((command, future))
        return future

    def close(self) -> None:
        """Commit what waits, and stop."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
            self._queue.put(None)
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        open_ = True
        while open_:
            entries, open_ = waiting(self._queue, _MOST_AT_ONCE)
            # Whoever does not wait any more, before it was begun, has not asked.
            entries = [each for each in entries if each[1].set_running_or_notify_cancel()]
            if not entries:
                continue
            outcomes = self._done([command for command, _ in entries])
            for (_, future), (value, error) in zip(entries, outcomes, strict=True):
                if error is None:
                    future.set_result(value)
                else:
                    future.set_exception(error)

    def _done(self, commands: list[Command[Any]]) -> list[tuple[Any, BaseException | None]]:
        """The value of each command, or what it raised."""

        def once() -> list[tuple[Any, BaseException | None]]:
            with writing(self._engine) as connection:
                alone(connection)
                return [self._tried(connection, command) for command in commands]

        try:
            return retried(once)
        except Exception as error:  # whatever it is, those who wait must hear of it
            return [(None, self._worded(error))] * len(commands)

    def _tried(
        self, connection: sa.Connection, command: Command[Any]
    ) -> tuple[Any, BaseException | None]:
        raw = plain(connection)
        savepoint = connection.begin_nested() if raw is None else _Savepoint(raw)
        try:
            value = command(connection)
            savepoint.commit()
        except BaseException as error:
            if _is_lost(connection, error):
                raise
            savepoint.rollback()
            return None, self._worded(error) if isinstance(error, _REFUSALS) else error
        return value, None

    def _worded(self, error: Exception) -> StoreError:
        known = isinstance(error, _REFUSALS)
        words = explain(error) if known else f"{type(error).__name__}: {error}"
        worded = StoreError(f"{self._where}: {words}")
        worded.__cause__ = error
        return worded


class _Savepoint:
    """A savepoint of SQLite; SQLAlchemy makes each of its statements anew."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        raw.execute("SAVEPOINT command")

    def commit(self) -> None:
        self._raw.execute("RELEASE command")

    def rollback(self) -> None:
        self._raw.execute("ROLLBACK TO command")
        self.commit()


def waiting(
    entries: queue.SimpleQueue[E | None], most: int, patience_s: float | None = None
) -> tuple[list[E], bool]:
    """All that waits, once something does, and whether more may come: not after a None."""
    found: list[E] = []
    with contextlib.suppress(queue.Empty):
        entry = entries.get(timeout=patience_s)
        while entry is not None:
            found.append(entry)
            if len(found) >= most:
                return found, True
            entry = entries.get_nowait()
        return found, False
    return found, True


def _is_lost(connection: sa.Connection, error: BaseException) -> bool:
    """Whether the transaction went with the command: the database undid it, or must begin again."""
    raw = plain(connection) if not connection.invalidated else None
    if raw is not None:
        return not raw.in_transaction
    return connection.invalidated or is_passing(error)
