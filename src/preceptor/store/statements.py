"""Statements that are done very often, past SQLAlchemy where the database is SQLite."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

__all__ = [
    "AT_ONCE",
    "Prepared",
    "Question",
    "Upsert",
    "driver_rows",
    "plain",
    "present",
    "upsert",
]

#: Keys in one question.
AT_ONCE = 500
_CURSOR = "preceptor cursor"


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
            from sqlalchemy.dialects import postgresql  # as long to import as our own code

            # Two that write the same rows wait for each other, and not in a circle.
            # A number that the database looks up is sorted by the key that it is looked up by.
            by = ["of" if name in (self._values or ()) else name for name in self._by]
            rows = sorted(rows, key=lambda row: [row[name] for name in by])
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
        return _compiled(self._statement(sqlite.insert(self._table)), dialect, columns)

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


class Prepared:
    """A statement that writes a row; its SQL is made once.

    Called with all its values, it returns how many rows it wrote, changed or deleted. A value of
    the statement's own is a ``bindparam``, too.
    """

    def __init__(self, statement: sa.Insert | sa.Update | sa.Delete) -> None:
        self._statement = statement
        #: On SQLite, by the names of the values: the statement, and what makes them of a row.
        self._plain: dict[tuple[str, ...], tuple[str, _Values]] = {}

    def __call__(self, connection: sa.Connection, row: Mapping[str, Any]) -> int:
        cursor = _cursor(connection)
        if cursor is None:
            return connection.execute(self._statement, row).rowcount
        known = self._plain.get(names := tuple(row))
        if known is None:
            text, values = _compiled(self._statement, connection.dialect, names)
            known = self._plain[names] = text, _values_of(values)
        text, values_of = known
        cursor.execute(text, values_of(row))
        return int(cursor.rowcount)


class Question:
    """A question for rows; its SQL is made once.

    Called with the values of its ``bindparam``s, it returns rows with the names of its columns.
    """

    def __init__(self, statement: sa.Select[Any]) -> None:
        self._statement = statement
        self._row = _row_of(statement.selected_columns.keys())
        self._plain: tuple[str, _Values] | None = None
        self._own: dict[str, Any] = {}
        self._made: list[tuple[int, Any]] = []

    def __call__(self, connection: sa.Connection, values: Mapping[str, Any]) -> list[Any]:
        raw = plain(connection)
        if raw is None:
            return list(connection.execute(self._statement, values))
        if not connection.in_transaction():
            connection.begin()  # all that one connection reads is of one state
        text, values_of = self._plain or self._compiled(connection.dialect)
        rows = raw.execute(text, values_of({**self._own, **values}))
        return [self._row._make(self._read(row)) for row in rows]

    def one(self, connection: sa.Connection, values: Mapping[str, Any]) -> Any:
        """The first row, or None."""
        return next(iter(self(connection, values)), None)

    def _compiled(self, dialect: sa.Dialect) -> tuple[str, _Values]:
        types = [column.type.dialect_impl(dialect) for column in self._statement.selected_columns]
        made = [each.result_processor(dialect, None) for each in types]
        self._made = [(place, each) for place, each in enumerate(made) if each]
        self._own = dict(self._statement.compile(dialect=dialect).params)
        text, given = _compiled(self._statement, dialect, ())
        self._plain = text, _values_of(given)
        return self._plain

    def _read(self, row: tuple[Any, ...]) -> Sequence[Any]:
        if not self._made:
            return row
        found = list(row)
        for place, made in self._made:
            found[place] = made(found[place])
        return found


_Values = Callable[[Mapping[str, Any]], Sequence[Any]]


def _values_of(values: list[tuple[str, Any]]) -> _Values:
    """How the values of a statement are made of a row that has them by name."""
    if len(values) < 2:
        return lambda row: [made(row[name]) if made else row[name] for name, made in values]
    as_given = itemgetter(*(name for name, _ in values))
    changed = [(place, made) for place, (_, made) in enumerate(values) if made]
    if not changed:
        return as_given

    def values_of(row: Mapping[str, Any]) -> Sequence[Any]:
        found = list(as_given(row))
        for place, made in changed:
            found[place] = made(found[place])
        return found

    return values_of


def _row_of(names: Sequence[str]) -> Any:
    made: Any = namedtuple  # its names are not known before
    return made("Row", names)


def _compiled(
    statement: Any, dialect: sa.Dialect, names: Sequence[str]
) -> tuple[str, list[tuple[str, Any]]]:
    """The SQL and how each value is converted: with many rows, SQLAlchemy's own way is slow."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
    types = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}
    values = [(name, types[name].bind_processor(dialect)) for name in compiled.positiontup or ()]
    return str(compiled), values


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


def _cursor(connection: sa.Connection) -> Any:
    """SQLite's cursor for what writes, or None. To make one takes as long as to insert a row."""
    kept = connection.info  # of the driver's connection, and gone with it
    if _CURSOR not in kept:
        raw = plain(connection)
        kept[_CURSOR] = raw and raw.cursor()
    return kept[_CURSOR]


def driver_rows(found: sa.CursorResult[Any]) -> list[tuple[Any, ...]]:
    """Rows as the driver gives them: to convert a million takes seconds."""
    rows = list(found.cursor.fetchall())
    found.close()
    return rows
