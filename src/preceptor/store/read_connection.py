"""Look-ups: of very many small questions to the database, each answered from one connection."""

from __future__ import annotations

import threading

import sqlalchemy as sa

__all__ = ["ReadConnection"]


class ReadConnection:
    """Reads the latest committed state. Not shared between threads: use as a context manager."""

    def __init__(self, engine: sa.Engine) -> None:
        on_sqlite = engine.dialect.name == "sqlite"
        options = {"preceptor_looks": True} if on_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._engine = engine.execution_options(**options)
        self._lock = threading.Lock()
        self._connection: sa.Connection | None = None

    def __enter__(self) -> sa.Connection:
        self._lock.acquire()
        try:
            if self._connection is None or self._connection.invalidated:
                self._connection = self._engine.connect()
        except BaseException:
            self._lock.release()
            raise
        return self._connection

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is not None:  # nothing is known of the connection: the next gets a new one
                self._drop()
        finally:
            self._lock.release()

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
