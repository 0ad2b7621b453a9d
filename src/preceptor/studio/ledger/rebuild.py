"""The projections as the events make them, and how those of a studio differ."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.store.statements import plain
from preceptor.studio.ledger.acts import read_act
from preceptor.studio.ledger.chain import BLOCK, STREAM, recorded
from preceptor.studio.ledger.tables import PROJECTIONS, metadata

__all__ = ["Difference", "differences", "differences_of", "fresh", "ordered", "rebuild"]


class Difference(msgspec.Struct, frozen=True):
    """A row of a projection that is not as the events make it.

    Rows are None where there is none.
    """

    table: str
    key: tuple[Any, ...]
    found: tuple[Any, ...] | None
    expected: tuple[Any, ...] | None

    def __str__(self) -> str:
        place = f"table {self.table}, row {' '.join(map(str, self.key))}"
        if self.found is None:
            return f"{place}: is missing: the events have it"
        if self.expected is None:
            return f"{place}: no event made it"
        columns = PROJECTIONS[self.table].columns.keys()
        rows = zip(columns, self.found, self.expected, strict=True)
        names = ", ".join(name for name, found, expected in rows if found != expected)
        return f"{place}, column {names}: is not what the events make it"


@contextlib.contextmanager
def fresh() -> Iterator[sa.Connection]:
    """A database in memory with the projections, all empty, and no index but their keys."""
    engine = sa.create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")
            connection.exec_driver_sql("PRAGMA journal_mode = OFF")  # nothing is undone
            connection.exec_driver_sql("PRAGMA secure_delete = OFF")  # on by default in Debian
            connection.exec_driver_sql("PRAGMA page_size = 32768")  # a task takes much of 4,096
            for table in ordered():
                connection.execute(sa.schema.CreateTable(table))
            yield connection
    finally:
        engine.dispose()


def ordered() -> list[sa.Table]:
    """The projections, each after those that it refers to."""
    return [table for table in metadata.sorted_tables if table.name in PROJECTIONS]


def differences(found: sa.Connection, expected: sa.Connection) -> Iterator[Difference]:
    """How the projections of a studio differ from those of another, by table and key."""
    for table in ordered():
        yield from differences_of(table, found, expected)


def differences_of(
    table: sa.Table, found: sa.Connection, expected: sa.Connection
) -> Iterator[Difference]:
    if _lie_alike(table, found, expected):
        return
    places = [list(table.columns).index(column) for column in table.primary_key]
    ours, theirs = _rows(table, found), _rows(table, expected)
    mine, other = next(ours, None), next(theirs, None)
    while mine is not None or other is not None:
        if mine == other:  # nearly always
            mine, other = next(ours, None), next(theirs, None)
            continue
        our, their = (each and tuple(each[place] for place in places) for each in (mine, other))
        if our is not None and (their is None or _order(our) < _order(their)):
            yield Difference(table.name, our, mine, None)
            mine = next(ours, None)
        elif their is not None and (our is None or _order(their) < _order(our)):
            yield Difference(table.name, their, None, other)
            other = next(theirs, None)
        elif our is not None:
            yield Difference(table.name, our, mine, other)
            mine, other = next(ours, None), next(theirs, None)


def _lie_alike(table: sa.Table, *connections: sa.Connection) -> bool:
    """Whether databases of SQLite have the same rows in the same order: nearly always.

    To read a table as it lies takes a third of the time of reading it by its keys.
    """
    if any(plain(connection) is None for connection in connections):
        return False
    found = [connection.execute(sa.select(table)) for connection in connections]
    pages = (iter(functools.partial(each.cursor.fetchmany, BLOCK), []) for each in found)
    same = all(one == other for one, other in itertools.zip_longest(*pages))
    for each in found:
        each.close()
    return same


def _rows(table: sa.Table, connection: sa.Connection) -> Iterator[tuple[Any, ...]]:
    """Rows in the order of their keys: by bytes, as SQLite has it."""
    by = [
        column.collate("C")
        if connection.dialect.name == "postgresql" and isinstance(column.type, sa.String)
        else column
        for column in table.primary_key
    ]
    query = sa.select(table).order_by(*by)
    yield from map(tuple, connection.execute(query, execution_options=STREAM))


#: As SQLite sorts: nothing, numbers, texts, bytes.
_RANKS: dict[type, int] = {type(None): 0, bool: 1, int: 1, float: 1, str: 2, bytes: 3}


def _order(key: tuple[Any, ...]) -> list[tuple[int, Any]]:
    return [(_RANKS.get(type(value), 4), value or 0 if value is None else value) for value in key]


def rebuild(connection: sa.Connection) -> int:
    """Make the projections what the events make them; how many rows were not."""
    with fresh() as made:
        for event, _, body in recorded(connection):
            read_act(event.kind, body).apply(made, event)
        changes = list(differences(connection, made))
    tables = {table: place for place, table in enumerate(map(str, ordered()))}
    changes.sort(key=lambda each: tables[each.table])
    for change in reversed(changes):
        if change.expected is None:
            connection.execute(_at(change, PROJECTIONS[change.table].delete()))
    for change in changes:
        table = PROJECTIONS[change.table]
        row = dict(zip(table.columns.keys(), change.expected or (), strict=False))
        if change.found is None:
            connection.execute(table.insert().values(row))
        elif change.expected is not None:
            connection.execute(_at(change, table.update().values(row)))
    return len(changes)


def _at(change: Difference, statement: Any) -> Any:
    columns = PROJECTIONS[change.table].primary_key
    for column, value in zip(columns, change.key, strict=True):
        statement = statement.where(column == value)
    return statement
