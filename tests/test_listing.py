"""Runs are listed and finished ones resumed without what that does not need."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import preceptor
from preceptor.records.keys import Begun, content_key
from preceptor.store import Store
from preceptor.store.listing import runs_in_file
from preceptor.testing import FakeEndpoint

PARTS = st.lists(st.one_of(st.text(), st.integers(), st.booleans(), st.none()), max_size=4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one finished run."""
    path = tmp_path / "it's 100 %.db"
    with FakeEndpoint() as fake:
        addresses = {"system": fake.address("m"), "grader": fake.address("judge")}
        preceptor.run("starter", **addresses, limit=2, store=path)
    return path


def test_a_finished_run_is_listed_and_resumed_without_its_words(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is the store's own; resuming asks nobody and reads no verdict; SQLAlchemy is not
    imported for the list."""
    with Store(path) as store:
        runs = store.runs()
        assert runs_in_file(str(path)) == runs
    before = preceptor.load(store=path).score()
    monkeypatch.setattr(Store, "graded", None)
    done = preceptor.resume("latest", store=path)
    assert (done.outcome and done.outcome.status, done.score()) == ("done", before)
    said = "import sys; from preceptor.cli import main; main(['runs', '--store', sys.argv[1]])"
    command = [sys.executable, "-c", f"{said}; sys.exit('sqlalchemy' in sys.modules)", str(path)]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert runs[0].name in listed


def test_what_is_no_file_of_this_format_is_left_to_the_store(path: Path) -> None:
    """A URL, no file, another program's file, and an older format."""
    other = path.with_name("other.db")
    other.write_bytes(b"no database")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE preceptor SET value = '6'")
        connection.commit()
    places = (f"sqlite:///{path}", str(path.with_name("none.db")), str(other), str(path))
    assert [runs_in_file(place) for place in places] == [None] * 4


@given(PARTS, PARTS)
def test_a_key_that_is_begun_is_that_of_all_parts(first: list[object], rest: list[object]) -> None:
    """Hashing the first parts once changes no key; nor does a list item by item."""
    assert Begun(*first).key(*rest) == content_key(*first, *rest)
    assert Begun(*first).key_of(iter(rest)) == content_key(*first, rest)
