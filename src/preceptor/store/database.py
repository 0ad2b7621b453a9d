"""Opening the database under the store, whichever it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from preceptor.errors import StoreError, shorten
from preceptor.store.schema import FORMAT, create_tables, stored

__all__ = ["MIGRATIONS", "explain", "open_engine", "prepare", "upsert"]

#: Format n → how to make it n + 1.
MIGRATIONS: dict[int, Callable[[sa.Connection], None]] = {}


def prepare(engine: sa.Engine, where: str, create: bool) -> None:
    """Make the tables where there are none, and bring an older format up to date.

    Raises StoreError for another program's database, or a format from the future.
    """
    tables = sa.inspect(engine).get_table_names()
    if not tables:
        if not create:
            raise StoreError(f"store {where}: is empty: run or import something first")
        create_tables(engine)
        return
    if stored.name not in tables:
        raise StoreError(
            f"store {where}: is another program's database: name another file with --store"
        )
    with engine.begin() as connection:
        found = connection.scalar(sa.select(stored.c.value).where(stored.c.key == "format"))
        version = int(found or 0)
        if version > FORMAT:
            raise StoreError(
                f"store {where}: has format {version}, this Preceptor knows formats up to "
                f"{FORMAT}: pip install --upgrade preceptor"
            )
        for step in range(version, FORMAT):
            MIGRATIONS[step](connection)
        if version < FORMAT:
            connection.execute(
                stored.update().where(stored.c.key == "format").values(value=str(FORMAT))
            )


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    replace: sa.ColumnElement[bool] | None = None,
    add: Sequence[str] = (),
) -> None:
    """Insert rows; where one with the key is there, replace it if ``replace`` holds for it.

    The numbers in the columns ``add`` are then added up instead of replaced.
    """
    if not rows:
        return
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    primary = [column.name for column in table.primary_key]
    if replace is None:
        insert = insert.on_conflict_do_nothing(index_elements=primary)
    else:
        new: dict[str, Any] = {
            column.name: insert.excluded[column.name]
            for column in table.columns
            if column.name not in primary
        }
        for name in add:
            new[name] = table.c[name] + insert.excluded[name]
        insert = insert.on_conflict_do_update(index_elements=primary, set_=new, where=replace)
    connection.execute(insert, list(rows))


def open_engine(where: str, create: bool) -> sa.Engine:
    if "://" in where:
        try:
            return sa.create_engine(where)
        except (sa.exc.ArgumentError, ImportError) as error:
            raise StoreError(f"--store: not a database URL that can be opened: {error}") from None
    path = Path(where)
    if not path.exists():
        if not create:
            raise StoreError(f"store {where}: no such file: run or import something first")
        try:
            # Made here and not by SQLite, so that nobody else can read it for even a moment.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StoreError(f"store {where}: cannot be made: {error.strerror}") from None
    engine = sa.create_engine(sa.URL.create("sqlite", database=where))
    sa.event.listen(engine, "connect", _tune_sqlite)
    return engine


def _tune_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def explain(error: sa.exc.DBAPIError) -> str:
    """A database's complaint in words that say what to do."""
    said = str(error.orig)
    if "full" in said or "disk I/O error" in said:
        return f"{said}: free some space and resume; all that was acknowledged is kept"
    if "readonly" in said or "unable to open" in said:
        return f"{said}: check that the file and its folder can be written"
    if "not a database" in said:
        return "is not a SQLite file: name another with --store"
    if "locked" in said:
        return "another process holds it: wait for that and try again"
    return shorten(said, 200)
