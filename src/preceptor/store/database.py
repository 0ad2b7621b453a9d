"""Opening the database under the store, whichever it is."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from preceptor.errors import StoreError, shorten
from preceptor.store import postgres, schema
from preceptor.store.migrations import MIGRATIONS
from preceptor.store.schema import create_tables, stored
from preceptor.store.views import create_views, drop_views

__all__ = [
    "AT_ONCE",
    "UNREADABLE",
    "Upsert",
    "explain",
    "open_engine",
    "plain",
    "prepare",
    "present",
    "upsert",
    "writing",
]

#: Seconds that one process waits for another's write.
_PATIENCE_S = 30
#: Keys in one question.
AT_ONCE = 500


DAMAGED = (
    "damaged, or another program changed it: go back to a copy, or save what can be read of it "
    "with `sqlite3 DAMAGED .recover | sqlite3 NEW`"
)
#: What SQLite says → that in words that say what to do, around its own.
_COMPLAINTS = {
    ("full", "disk I/O error"): "{}: free some space and resume; all that was acknowledged is kept",
    ("readonly", "unable to open"): "{}: check that the file and its folder can be written",
    ("malformed",): f"{{}}: the file is {DAMAGED}",
    ("no such", "has no column"): f"{{}}: the file is {DAMAGED}",
    ("decode to UTF-8",): f"holds a text that is not UTF-8: the file is {DAMAGED}",
    ("not a database",): "is not a SQLite file: name another with --store",
    ("locked",): "another process holds it: wait for that and try again",
}


def prepare(engine: sa.Engine, where: str, create: bool) -> None:
    """Make the tables where there are none, and bring an older format up to date.

    Raises StoreError for another program's database, or a format from the future.
    """
    with engine.connect() as connection:
        found = _format(connection, where)
    if found == schema.FORMAT:
        return
    if found is None and not create:
        raise StoreError(f"store {where}: is empty: run or import something first")
    with writing(engine) as connection:
        postgres.alone(connection)
        # Looked at again, now that no other process can be at it at the same time.
        found = _format(connection, where)
        if found is None:
            create_tables(connection)
            return
        drop_views(connection)
        for step in range(found, schema.FORMAT):
            MIGRATIONS[step](connection)
        create_views(connection)
        connection.execute(
            stored.update().where(stored.c.key == "format").values(value=str(schema.FORMAT))
        )


def _format(connection: sa.Connection, where: str) -> int | None:
    """The format of the workspace; None for an empty database."""
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        return None
    found = None
    if stored.name in tables:
        found = connection.scalar(sa.select(stored.c.value).where(stored.c.key == "format"))
    if found is None or not found.isdecimal():
        raise StoreError(f"store {where}: is another program's database: name another with --store")
    if int(found) > schema.FORMAT:
        raise StoreError(
            f"store {where}: has format {found}, this Preceptor knows formats up to "
            f"{schema.FORMAT}: pip install --upgrade preceptor"
        )
    return int(found)


def writing(engine: sa.Engine, *, lasting: bool = True) -> AbstractContextManager[sa.Connection]:
    """A transaction that writes: all of it, or nothing. On SQLite one at a time.

    One that is not ``lasting`` does not wait for the disk: a power cut may undo it.
    """
    options: dict[str, Any] = {"preceptor_writes": "FULL" if lasting else "NORMAL"}
    if engine.dialect.name == "postgresql":
        # What others have written meanwhile is seen, and no reason to begin again.
        options["isolation_level"] = "READ COMMITTED"
    return engine.execution_options(**options).begin()


class Upsert:
    """Inserts rows; where one with the key is there, replaces it if ``replace`` holds for it.

    The key is the columns ``by``, or else the primary key. ``values`` are expressions for columns
    that are not in the rows.

    The numbers in the columns ``add`` are then added up instead of replaced; the truth values in
    the columns ``both`` stay true where both are.
    """

    def __init__(
        self,
        table: sa.Table,
        *,
        by: Sequence[str] = (),
        values: Mapping[str, Any] | None = None,
        replace: sa.ColumnElement[bool] | None = None,
        add: Sequence[str] = (),
        both: Sequence[str] = (),
    ) -> None:
        self._table, self._values, self._replace = table, values, replace
        self._primary = [column.name for column in table.primary_key]
        self._by = list(by or self._primary)
        self._add, self._both = add, both
        #: On SQLite, by the columns of the rows: the statement, and how to make each value.
        self._plain: dict[tuple[str, ...], tuple[str, list[tuple[str, Any]]]] = {}

    def __call__(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        if connection.dialect.name == "postgresql":
            # Two that write the same rows wait for each other, and not in a circle.
            rows = sorted(rows, key=lambda row: [row[name] for name in self._by])
            connection.execute(self._statement(postgresql.insert(self._table)), list(rows))
            return
        columns = tuple(rows[0])
        if columns not in self._plain:
            self._plain[columns] = self._compiled(connection.dialect, columns)
        text, values = self._plain[columns]
        plain(connection).executemany(
            text,
            [[made(row[name]) if made else row[name] for name, made in values] for row in rows],
        )

    def _compiled(
        self, dialect: sa.Dialect, columns: Sequence[str]
    ) -> tuple[str, list[tuple[str, Any]]]:
        """Rows are very many: SQLAlchemy would look at each of their values."""
        statement = self._statement(sqlite.insert(self._table))
        compiled = statement.compile(dialect=dialect, column_keys=list(columns))
        assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
        types = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}
        values = [
            (name, types[name].bind_processor(dialect)) for name in compiled.positiontup or ()
        ]
        return str(compiled), values

    def _statement(self, insert: Any) -> Any:
        if self._values:
            insert = insert.values(self._values)
        if self._replace is None:
            return insert.on_conflict_do_nothing(index_elements=self._by)
        new: dict[str, Any] = {
            column.name: insert.excluded[column.name]
            for column in self._table.columns
            if column.name not in self._primary and column.name not in self._by
        }
        for name in self._add:
            new[name] = self._table.c[name] + insert.excluded[name]
        for name in self._both:
            new[name] = sa.and_(self._table.c[name], insert.excluded[name])
        return insert.on_conflict_do_update(index_elements=self._by, set_=new, where=self._replace)


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose primary keys are not there yet."""
    Upsert(table)(connection, rows)


def present(
    connection: sa.Connection, table: str, where: str, keys: Sequence[Any], *values: Any
) -> set[Any]:
    """Those of the keys, as they are stored, that are in a table, in rows where that holds.

    ``values`` are those of each ``?`` in it.
    """
    found: set[Any] = set()
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        signs = ", ".join("?" * len(some))
        query = f"SELECT key FROM {table} WHERE {where} AND key IN ({signs})"  # noqa: S608
        raw = plain(connection)
        if raw is not None:
            rows = raw.execute(query, (*values, *some))
        else:
            rows = connection.exec_driver_sql(query.replace("?", "%s"), (*values, *some))
        found.update(bytes(key) for (key,) in rows)
    return found


def plain(connection: sa.Connection) -> Any:
    """SQLite's own connection, or None: SQLAlchemy takes ten times as long for a question."""
    on_sqlite = connection.dialect.name == "sqlite"
    return connection.connection.dbapi_connection if on_sqlite else None


def open_engine(where: str, create: bool) -> sa.Engine:
    """The engine of a path or a URL. Nothing is read yet; a missing file is made."""
    try:
        url = sa.make_url(where) if "://" in where else sa.URL.create("sqlite", database=where)
        if postgres.is_postgres(url):
            return postgres.open_server(url)
        if url.drivername != "sqlite":
            raise ValueError("another database")
        engine = sa.create_engine(url, hide_parameters=True)
    except (sa.exc.ArgumentError, ValueError):  # their words may hold a password
        raise StoreError(
            f"--store {shorten(postgres.redacted(where))}: not a database URL that can be opened: "
            f"expected a file, sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        ) from None
    if url.database not in (None, "", ":memory:"):
        _look_for_file(Path(url.database), create)
    sa.event.listen(engine, "connect", _tune_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _look_for_file(path: Path, create: bool) -> None:
    if path.is_dir():
        raise StoreError(f"store {path}: is a folder: name a file with --store")
    if path.exists():
        return
    if not create:
        raise StoreError(f"store {path}: no such file: run or import something first")
    _make_sqlite(path)


def _make_sqlite(path: Path) -> None:
    """Make the file, all at once: others find none, or one that is ready.

    Made here and not by SQLite, so that nobody else can read it for even a moment. Write-ahead
    logging is a property of the file: it is not set on one that may be another program's.
    """
    draft = None
    try:
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        os.close(handle)
        with closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        _publish(draft, path)
    except (OSError, sqlite3.Error) as error:
        words = getattr(error, "strerror", None) or error
        raise StoreError(f"store {path}: cannot be made: {words}") from None
    finally:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)


def _publish(draft: str, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:  # another process was faster
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            os.replace(draft, path)


def _tune_sqlite(connection: Any, _: object) -> None:
    # Python's own idea of when a transaction begins leaves out reads and changes of tables.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_PATIENCE_S * 1000}")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
    connection.create_function("sqlar_uncompress", 2, _uncompress, deterministic=True)


def _uncompress(value: Any, size: int) -> Any:
    """As the function of that name in the shell of SQLite: for the view ``explained``."""
    return zlib.decompress(value) if isinstance(value, bytes) and size != len(value) else value


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer waits its turn here. A reader that starts to write later would be turned away.
    options = connection.get_execution_options()
    if synchronous := options.get("preceptor_writes"):
        connection.exec_driver_sql(f"PRAGMA synchronous = {synchronous}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif not options.get("preceptor_looks"):
        # Takes no lock, so it cannot fail.
        raw: Any = connection.connection.dbapi_connection
        raw.execute("BEGIN")


#: What reading a row raises that is not as it was written.
UNREADABLE = (
    *(sa.exc.SQLAlchemyError, sqlite3.Error, msgspec.MsgspecError),
    *(zlib.error, ValueError, TypeError, LookupError, AttributeError, OverflowError),
)


def explain(error: BaseException) -> str:
    """A database's complaint, or what is wrong with a row, in words that say what to do."""
    found = getattr(error, "orig", error)
    if hasattr(found, "sqlstate") and isinstance(error, sa.exc.DBAPIError):
        return postgres.explain(error)
    if not isinstance(found, sqlite3.Error):
        return f"holds a value that Preceptor does not write there: it is {DAMAGED}"
    said = str(found)
    signs = (words for signs, words in _COMPLAINTS.items() if any(sign in said for sign in signs))
    words = next(signs, None)
    return shorten(said, 200) if words is None else words.format(said)
