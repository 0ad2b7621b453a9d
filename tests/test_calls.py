"""Calls under way: two processes that ask the same at the same moment pay once."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from children import Child
from preceptor.records import Verdict
from preceptor.store import Store, calls, database, schema
from preceptor.store.lease import STALE_AFTER_S, Owner
from preceptor.testing import FakeEndpoint

A, B = "a" * 32, "b" * 32


def start(fake: FakeEndpoint, store: Path, *options: str) -> Child:
    who = ["--system", fake.address("m"), "--grader", fake.address("judge")]
    return Child("run", "starter", *options, *who, "--store", store)


def finish(process: Child) -> None:
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said


def test_two_processes_pay_once(tmp_path: Path) -> None:
    """Two runs of the same questions, begun at once: each question is asked by one of them."""
    store = tmp_path / "work.db"
    with Store(store), FakeEndpoint(latency=0.05) as fake:
        processes = [start(fake, store) for _ in range(2)]
        for process in processes:
            finish(process)
        assert fake.calls.total() == 184
    with Store(store) as opened, opened.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.calls)) == 0
        assert [run.status for run in opened.runs()] == ["done", "done"]


def test_questions_of_a_killed_process_are_asked_by_the_other(tmp_path: Path) -> None:
    """Its claims lapse with it."""
    store = tmp_path / "work.db"
    with Store(store) as opened, FakeEndpoint(latency=1.5) as fake:
        killed = start(fake, store)
        while not fake.calls.total():
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        with opened.reading() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(schema.calls))
        finish(start(fake, store))
    with Store(store) as opened:
        run = opened.runs()[-1]
        assert all(all(item.verdicts) for item in opened.graded(run))


def claim(store: Store, owner: Owner, *groups: list[str]) -> list[bool]:
    with database.writing(store.engine) as connection:
        return calls.claim(connection, groups, owner)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "work.db")


def test_claim_is_one_processs_until_the_result_is_there(store: Store) -> None:
    """All keys of a group or none; then nobody claims what is in the store."""
    one, two = Owner.me(), Owner.me()
    with one.at_work(), two.at_work():
        assert claim(store, one, [A]) == [True]
        assert claim(store, two, [A, B], [B]) == [False, True]
        store.write(None, [], [(0, 0, 0, Verdict(A, True), False)])
        assert claim(store, two, [A]) == [False]
    assert claim(store, two, [B]) == [True]


def test_claim_of_the_dead_lapses(store: Store) -> None:
    """Of a process that is gone from this machine, or has given no sign of life."""
    far = Owner("elsewhere", os.getpid(), "t")
    gone = Owner.me()
    assert claim(store, gone, [A]) == [True]
    assert claim(store, far, [A, B]) == [True]
    me = Owner.me()
    with me.at_work():
        assert claim(store, me, [A]) == [False]
        late = time.time() - 2 * STALE_AFTER_S
        with database.writing(store.engine) as connection:
            connection.execute(schema.calls.update().values(since=late))
        assert claim(store, me, [A]) == [True]


def test_what_failed_can_be_claimed_again(store: Store) -> None:
    """A failure ends the claim, and is asked again."""
    one, two = Owner.me(), Owner.me()
    with one.at_work(), two.at_work():
        assert claim(store, one, [A]) == [True]
        store.write(None, [], [(0, 0, 0, Verdict(A, None, reason="timeout"), False)])
        assert claim(store, two, [A]) == [True]
