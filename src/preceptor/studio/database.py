"""The studio's database: one project, in a SQLite file or on PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import sqlite3
import tempfile
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, PreceptorError, StoreError
from preceptor.store.committer import Command, Committer
from preceptor.store.database import Plan, explain, open_engine, prepare
from preceptor.store.postgres import redacted
from preceptor.studio.ledger.acts import Event, Who
from preceptor.studio.ledger.chain import head, now
from preceptor.studio.ledger.erase import erase
from preceptor.studio.ledger.rebuild import rebuild
from preceptor.studio.ledger.tables import PROJECTIONS, about, anchor, metadata, payload
from preceptor.studio.ledger.verify import Verified, verify

__all__ = ["PLAN", "Studio"]

T = TypeVar("T")

_ANOTHER = "name another"


def _renew(connection: sa.Connection) -> None:
    """From format 1: projections with other columns, and new tables, from the events."""
    PROJECTIONS["project"].drop(connection)
    metadata.create_all(connection)
    rebuild(connection)


#: A change of the tables is a new format, with a step from the one before.
PLAN = Plan(
    noun="studio",
    format=3,
    about=about,
    create_tables=metadata.create_all,
    migrations={1: _renew, 2: metadata.create_all},
    first="make it with `preceptor studio init`",
    another=_ANOTHER,
    update="serve it once with this Preceptor",
)


class Studio:
    """An open project.

    :meth:`write` and :meth:`write_now` take commands: functions of a connection that read, refuse
    or append. A command may be called again where its transaction is, so it has no other effect.
    """

    def __init__(self, where: str | Path, *, create: bool = False) -> None:
        _import_tables()
        #: As it was given, perhaps with a password; ``where`` is for messages.
        self.address = str(where)
        self.where = redacted(self.address)
        self.engine = open_engine(PLAN, self.address, create)
        self._committer = Committer(self.engine, f"studio {self.where}")
        if self.is_file:
            sa.event.listen(self.engine, "connect", _overwrite)
        try:
            with self._words():
                prepare(PLAN, self.engine, self.where, create)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, where: str | Path, *, create: bool = False) -> Studio:
        """Raises StoreError: there is none, or it is no studio, or of a later Preceptor."""
        return cls(where, create=create)

    @property
    def is_file(self) -> bool:
        """Whether it is on SQLite, and so on this machine."""
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        """What waits is written first."""
        self._committer.close()
        self.engine.dispose()

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def write(self, command: Command[T]) -> T:
        """What the command returns, once what it wrote is on disk; what it raises is raised."""
        return await asyncio.wrap_future(self._committer.submit(command))

    def write_now(self, command: Command[T]) -> T:
        """The same, where no event loop runs."""
        return self._committer.submit(command).result()

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that only reads: one state, however long it takes."""
        with self._words(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except PreceptorError:
            raise
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            raise StoreError(f"studio {self.where}: {explain(error, _ANOTHER)}") from error

    def anchor(self) -> str:
        """The head of the chain as a line of JSON. Kept elsewhere, :func:`verify` takes it."""

        def give_out(connection: sa.Connection) -> str:
            last, at = head(connection), now()
            if not connection.scalar(sa.select(anchor.c.seq).where(anchor.c.seq == last.seq)):
                connection.execute(anchor.insert().values(seq=last.seq, hash=last.hash, at=at))
            return msgspec.json.encode({"seq": last.seq, "hash": last.hash, "at": at}).decode()

        return self.write_now(give_out)

    def erase(self, seqs: Collection[int], by: Who | None, reason: str) -> Event:
        """Remove the payloads of events, from the file too."""
        made = self.write_now(lambda connection: erase(connection, seqs, by, reason))
        self.scrub()
        return made

    def scrub(self) -> None:
        """Take out of the file and its log the bytes of what was deleted.

        Raises StoreError where a reader still needs them: then once more later.
        """
        on_server = self.engine.dialect.name == "postgresql"
        options = {"isolation_level": "AUTOCOMMIT"} if on_server else {"preceptor_looks": True}
        with self._words(), self.engine.execution_options(**options).connect() as connection:
            if on_server:
                for table in (payload, *PROJECTIONS.values()):
                    connection.exec_driver_sql(f'VACUUM FULL "{table.name}"')
                return
            # Pages have leftovers of rows that were moved, whatever `secure_delete` says.
            connection.exec_driver_sql("VACUUM")
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if busy:
            raise StoreError(
                f"studio {self.where}: erased, but its log has the bytes while a reader is at "
                f"work: scrub it when that has ended"
            )

    def backup(self, path: str | Path) -> Verified:
        """Copy the database to a new file while others write to it, and verify the copy.

        Raises
        ------
        InputError
            The file is there, or the database is PostgreSQL.
        StoreError
            The copy cannot be written.
        """
        if self.engine.dialect.name == "postgresql":
            raise InputError(f"studio {self.where}: is on PostgreSQL: back it up with `pg_dump`")
        path = Path(path)
        if path.exists():
            raise InputError(f"backup {path}: exists already: name a new file")
        draft = None
        try:
            handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
            os.close(handle)
            with self.engine.connect() as connection, closing(sqlite3.connect(draft)) as copy:
                source: Any = connection.connection.dbapi_connection
                source.backup(copy)
            with Studio(draft) as studio:
                found = verify(studio)
            os.replace(draft, path)
        except (OSError, sqlite3.Error) as error:
            words = getattr(error, "strerror", None) or error
            raise StoreError(f"backup {path}: cannot be written: {words}") from None
        finally:
            if draft is not None:
                Path(draft).unlink(missing_ok=True)
        return found


def _overwrite(connection: Any, _: object) -> None:
    connection.execute("PRAGMA secure_delete = ON")


def _import_tables() -> None:
    """Import ``tables.py`` and ``acts.py`` of every room: an open studio knows all of them."""
    here = Path(__file__).parent
    for path in sorted([*here.glob("*/tables.py"), *here.glob("*/acts.py")]):
        importlib.import_module(f"preceptor.studio.{path.parent.name}.{path.stem}")
