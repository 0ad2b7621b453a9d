"""Opening the database under the store, whichever it is."""

from __future__ import annotations

import functools
import os
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.errors import StoreError, shorten
from preceptor.store import postgres

__all__ = [
    "UNREADABLE",
    "Plan",
    "explain",
    "open_engine",
    "prepare",
    "writing",
]

#: Seconds that one process waits for another's write.
_PATIENCE_S = 30


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
    ("not a database",): "is not a SQLite file: {another}",
    ("locked",): "another process holds it: wait for that and try again",
}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a database of ours has in it, and the words for one that has not."""

    #: What it is called in messages.
    noun: str
    format: int
    #: Of keys and values; its row ``format`` says which one a database has.
    about: sa.Table
    create_tables: Callable[[sa.Connection], None]
    #: Format n → how to make it n + 1. The views are made anew after that.
    migrations: Mapping[int, Callable[[sa.Connection], None]] = {}
    create_views: Callable[[sa.Connection], None] = lambda connection: None
    drop_views: Callable[[sa.Connection], None] = lambda connection: None
    #: What to do where there is none, to name another, and to bring an old one up to date.
    first: str
    another: str
    update: str


def prepare(
    plan: Plan, engine: sa.Engine, where: str, create: bool, *, read_only: bool = False
) -> None:
    """Make the tables where there are none, and bring an older format up to date.

    Raises StoreError for another program's database, a format from the future, or, ``read_only``,
    an older one.
    """
    with engine.connect() as connection:
        found = _format(plan, connection, where)
    if found == plan.format:
        return
    if found is None and not create:
        raise StoreError(f"{plan.noun} {where}: is empty: {plan.first}")
    if read_only:
        raise StoreError(
            f"{plan.noun} {where}: has format {found}, this Preceptor reads format {plan.format}, "
            f"and opened it for reading only: {plan.update.format(where)}"
        )
    with writing(engine) as connection:
        postgres.alone(connection)
        # Looked at again, now that no other process can be at it at the same time.
        found = _format(plan, connection, where)
        if found is None:
            plan.create_tables(connection)
            plan.create_views(connection)
            connection.execute(plan.about.insert().values(key="format", value=str(plan.format)))
            return
        plan.drop_views(connection)
        for step in range(found, plan.format):
            plan.migrations[step](connection)
        plan.create_views(connection)
        connection.execute(
            plan.about.update().where(plan.about.c.key == "format").values(value=str(plan.format))
        )


def _format(plan: Plan, connection: sa.Connection, where: str) -> int | None:
    """The format of the database; None for an empty one."""
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        return None
    found = None
    if plan.about.name in tables:
        value = plan.about.c.value
        found = connection.scalar(sa.select(value).where(plan.about.c.key == "format"))
    if found is None or not found.isdecimal():
        raise StoreError(f"{plan.noun} {where}: is another program's database: {plan.another}")
    if int(found) > plan.format:
        raise StoreError(
            f"{plan.noun} {where}: has format {found}, this Preceptor knows formats up to "
            f"{plan.format}: pip install --upgrade preceptor"
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


def open_engine(plan: Plan, where: str, create: bool, *, read_only: bool = False) -> sa.Engine:
    """The engine of a path or a URL. Nothing is read yet; a missing file is made."""
    try:
        url = sa.make_url(where) if "://" in where else sa.URL.create("sqlite", database=where)
        if postgres.is_postgres(url):
            server = postgres.open_server(url)
            return server.execution_options(postgresql_readonly=True) if read_only else server
        if url.drivername != "sqlite":
            raise ValueError("another database")
        engine = _of_sqlite(url)
    except (sa.exc.ArgumentError, ValueError):  # their words may hold a password
        raise StoreError(
            f"--{plan.noun} {shorten(postgres.redacted(where))}: not a database URL that can be "
            f"opened: expected a file, sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        ) from None
    if url.database not in (None, "", ":memory:"):
        _look_for_file(plan, Path(url.database), create)
    sa.event.listen(engine, "connect", _tune_sqlite)
    if read_only:
        sa.event.listen(engine, "connect", _only_read)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


@functools.cache
def _shared() -> tuple[sa.Dialect, MutableMapping[Any, Any]]:
    """What all SQLite files have in common: the dialect, and the statements compiled for it.

    Each engine with those of its own would compile the same statements for every file.
    """
    engine = sa.create_engine("sqlite://")
    with engine.connect():  # the dialect learns what this SQLite can do
        return engine.dialect, sa.util.LRUCache(500)


def _of_sqlite(url: sa.URL) -> sa.Engine:
    dialect, compiled = _shared()
    words, options = dialect.create_connect_args(url)
    pool = dialect.get_dialect_pool_class(url)(
        lambda: dialect.connect(*words, **options), dialect=dialect
    )
    return sa.Engine(
        pool, dialect, url, hide_parameters=True, execution_options={"compiled_cache": compiled}
    )


def _look_for_file(plan: Plan, path: Path, create: bool) -> None:
    if path.is_dir():
        raise StoreError(f"{plan.noun} {path}: is a folder: {plan.another}")
    if path.exists():
        return
    if not create:
        raise StoreError(f"{plan.noun} {path}: no such file: {plan.first}")
    try:
        _make_sqlite(path)
    except (OSError, sqlite3.Error) as error:
        words = getattr(error, "strerror", None) or error
        raise StoreError(f"{plan.noun} {path}: cannot be made: {words}") from None


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


def _only_read(connection: Any, _: object) -> None:
    connection.execute("PRAGMA query_only = ON")


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


def explain(error: BaseException, another: str = "name another with --store") -> str:
    """A database's complaint, or what is wrong with a row, in words that say what to do.

    ``another``: where it is not a database of ours.
    """
    found = getattr(error, "orig", error)
    if hasattr(found, "sqlstate") and isinstance(error, sa.exc.DBAPIError):
        return postgres.explain(error)
    if not isinstance(found, sqlite3.Error):
        return f"holds a value that Preceptor does not write there: it is {DAMAGED}"
    said = str(found)
    signs = (words for signs, words in _COMPLAINTS.items() if any(sign in said for sign in signs))
    words = next(signs, None)
    return shorten(said, 200) if words is None else words.format(said, another=another)
