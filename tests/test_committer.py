"""Commands that wait are one transaction; one that fails undoes nothing of the others'."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from preceptor.errors import InputError, StoreError
from preceptor.store import Store, database
from preceptor.store.committer import Committer

WORDS = sa.Table("words", sa.MetaData(), sa.Column("word", sa.Text, primary_key=True))


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "work.db")


@pytest.fixture
def engine(path: str) -> Iterator[sa.Engine]:
    with Store(path) as store:
        with database.writing(store.engine) as connection:
            WORDS.create(connection)
        yield store.engine


def insert(connection: sa.Connection, word: str) -> str:
    connection.execute(WORDS.insert().values(word=word))
    return word


def words(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(WORDS.c.word).order_by(WORDS.c.word)))


def test_refused_command_undoes_nothing_of_the_others(engine: sa.Engine) -> None:
    """Each hears of its own outcome; all were one transaction."""
    begun, release = threading.Event(), threading.Event()
    transactions: list[object] = []

    def holds(connection: sa.Connection) -> None:
        begun.set()
        release.wait()

    def seen(connection: sa.Connection, word: str) -> str:
        transactions.append(connection.get_transaction())
        return insert(connection, word)

    def refused(connection: sa.Connection) -> None:
        seen(connection, "refused")
        raise InputError("no: not that")

    committer = Committer(engine, "store x")
    first = committer.submit(holds)
    begun.wait()
    dropped = committer.submit(lambda c: seen(c, "dropped"))
    assert dropped.cancel()
    waiting = [
        committer.submit(command)
        for command in (
            lambda c: seen(c, "a"),
            refused,
            lambda c: seen(c, "b"),
            lambda c: seen(c, "a"),
            lambda c: seen(c, "c"),
        )
    ]
    release.set()
    first.result()
    errors = [each.exception() for each in waiting]
    assert [type(error) for error in errors] == [
        type(None), InputError, type(None), StoreError, type(None)
    ]  # fmt: skip
    assert str(errors[3]).startswith("store x: ")
    assert words(engine) == ["a", "b", "c"]
    assert len(set(map(id, transactions))) == 1
    committer.close()
    with pytest.raises(StoreError, match="store x: is closed"):
        committer.submit(holds)


def test_transaction_that_fails_is_heard_of_by_all(engine: sa.Engine) -> None:
    """Where the database undid the whole, nobody is told that it was written; the next one is."""

    def undone(connection: sa.Connection) -> None:
        connection.connection.dbapi_connection.execute("ROLLBACK")  # type: ignore[union-attr]
        raise RuntimeError("the disk is full")

    committer = Committer(engine, "store x")
    begun, release = threading.Event(), threading.Event()
    committer.submit(lambda c: (begun.set(), release.wait()))
    begun.wait()
    waiting = [committer.submit(lambda c: insert(c, "a")), committer.submit(undone)]
    release.set()
    for each in waiting:
        with pytest.raises(StoreError, match="store x: RuntimeError: the disk is full"):
            each.result()
    assert committer.submit(lambda c: insert(c, "b")).result() == "b"
    assert words(engine) == ["b"]
    committer.close()
