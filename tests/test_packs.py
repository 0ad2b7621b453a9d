"""Verdicts of complete answers are compressed together, and are found as if they were not."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from preceptor.records import (
    Criterion,
    Example,
    Message,
    Response,
    RunInfo,
    RunSettings,
    Usage,
    Verdict,
)
from preceptor.store import Store, Vote
from preceptor.store.packs import unpack

EXAMPLES = [
    Example(f"e{n}", (Message("user", f"Question {n}"),), (Criterion("a", 5), Criterion("b", 3)))
    for n in range(10)
]
AT = "2026-11-30T00:00:00+00:00"
LONG = "Since the answer names both drugs and their doses, this is met. " * 9


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work.db"


@pytest.fixture
def store(path: Path) -> Store:
    return Store(path)


def new_run(store: Store) -> RunInfo:
    return store.create_run(
        name=None,
        benchmark="healthbench",
        system="openai/m",
        grader="openai/judge",
        settings=RunSettings(),
        examples=[(example, 1) for example in EXAMPLES],
        repeats=1,
    )


def answer(n: int) -> Response:
    return Response(f"{n:032x}", text=f"{n}: {LONG}", created_at=AT)


def verdict(n: int, criterion: int, met: bool | None = True) -> Verdict:
    return Verdict(
        f"{100 * n + criterion:032x}",
        met,
        f"{n}, {criterion}: {LONG}",
        probability=0.25,
        usage=Usage(9, 3, 2, 1),
        cost_usd=0.5,
        created_at=AT,
    )


def write(store: Store, run: RunInfo, *numbers: int, reused: bool = False) -> None:
    store.write(
        run,
        [(n, 0, answer(n), reused) for n in numbers],
        [(n, 0, c, verdict(n, c), reused) for n in numbers for c in (0, 1)],
    )


def count(store: Store, table: str) -> int:
    with store.reading() as connection:
        return int(connection.scalar(sa.text(f"SELECT count(*) FROM {table}")))


def test_a_complete_answer_is_packed_and_reads_the_same(store: Store) -> None:
    """Its verdicts are no rows any more; the run, its costs and look-ups by key say the same."""
    run = new_run(store)
    store.write(run, [(0, 0, answer(0), False)], [(0, 0, 0, verdict(0, 0), False)])
    assert (count(store, "verdicts"), count(store, "packed_verdicts")) == (1, 0)
    store.write(run, [], [(0, 0, 1, verdict(0, 1), False)])
    assert [count(store, name) for name in ("verdicts", "run_verdicts", "packed_keys")] == [0, 0, 2]
    both = (verdict(0, 0), verdict(0, 1))
    assert store.graded(run)[0].verdicts == both
    assert store.graded(run, [0])[0].response == answer(0)
    assert store.find_verdicts([each.key for each in both]) == {each.key: each for each in both}
    assert (store.spent(run).cost_usd, store.spent(run).tokens) == (1.0, 24)


def test_answers_that_are_complete_together_share_a_pack(store: Store, path: Path) -> None:
    """Up to eight; texts take a fraction of their length."""
    write(store, new_run(store), *range(10))
    assert count(store, "packed_verdicts") == 2
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute(
            "SELECT (SELECT sum(length(data)) FROM packed_verdicts) + sum(length(text)) "
            "FROM responses"
        ).fetchone()
    assert size < 30 * len(LONG) / 4


def test_another_run_with_the_same_verdicts_refers_to_the_same_pack(store: Store) -> None:
    """One that has only some of them, or others too, has a pack of its own."""
    first, second, third = (new_run(store) for _ in range(3))
    write(store, first, 0, 1)
    write(store, second, 1, reused=True)
    assert count(store, "packed_verdicts") == 1
    other = verdict(7, 1)
    store.write(
        third,
        [(1, 0, answer(1), True)],
        [(1, 0, 0, verdict(1, 0), True), (1, 0, 1, other, False)],
    )
    assert count(store, "packed_verdicts") == 2
    assert count(store, "verdicts") == 0
    assert store.graded(second)[1].verdicts == (verdict(1, 0), verdict(1, 1))
    assert store.graded(third)[1].verdicts == (verdict(1, 0), other)
    assert [store.spent(run).cost_usd for run in (first, second, third)] == [2, 0, 0.5]


def test_a_verdict_that_is_packed_is_not_written_over(store: Store) -> None:
    """Whoever writes another under its key has the one that was there first."""
    first, second = new_run(store), new_run(store)
    write(store, first, 0)
    late = [(0, 0, c, verdict(0, c, met=False), False) for c in (0, 1)]
    store.write(second, [(0, 0, answer(0), True)], late)
    assert store.graded(second)[0].verdicts == (verdict(0, 0), verdict(0, 1))


def test_an_answer_that_is_packed_can_be_judged_anew(store: Store) -> None:
    """It is packed again when it is complete; what the run did not pay for stays so."""
    write(store, new_run(store), 0)
    run = new_run(store)
    write(store, run, 0, reused=True)
    unclear = Verdict("f" * 32, None, reason="timeout", created_at=AT)
    store.write(run, [], [(0, 0, 1, unclear, False)])
    assert store.graded(run)[0].verdicts == (verdict(0, 0), unclear)
    new = verdict(8, 1)
    store.write(run, [], [(0, 0, 1, new, False)])
    assert store.graded(run)[0].verdicts == (verdict(0, 0), new)
    assert store.spent(run).cost_usd == 0.5
    assert count(store, "run_verdicts") == 0


def test_a_packed_verdict_can_be_a_vote(store: Store) -> None:
    """The verdict of a single grader is later that of a member of a jury."""
    write(store, new_run(store), 0)
    jury = new_run(store)
    vote = Vote(0, 0, 1, 0, "juror", "openai/judge", verdict(0, 1), True)
    store.write(jury, [(0, 0, answer(0), True)], [], [vote])
    assert store.votes(jury) == [vote]


def test_views_show_what_is_packed(store: Store, path: Path) -> None:
    """``graded`` in any tool, without its texts; ``explained`` where texts can be read."""
    run = new_run(store)
    write(store, run, 0)
    store.write(run, [(1, 0, answer(1), False)], [(1, 0, 0, verdict(1, 0), False)])
    with closing(sqlite3.connect(path)) as connection:
        rows = "SELECT example_id, criterion, met, explanation FROM graded ORDER BY 1, 2"
        assert connection.execute(rows).fetchall() == [
            ("e0", 0, 1, None),
            ("e0", 1, 1, None),
            ("e1", 0, 1, verdict(1, 0).explanation),
        ]
        with pytest.raises(sqlite3.OperationalError, match="no such function"):
            connection.execute("SELECT * FROM explained")
        connection.create_function("sqlar_uncompress", 2, lambda data, _: zlib.decompress(data))
        texts = connection.execute("SELECT explanation, response FROM explained ORDER BY 1")
        assert texts.fetchall() == [
            (verdict(n, c).explanation, answer(n).text) for n, c in ((0, 0), (0, 1), (1, 0))
        ]
    with store.reading() as connection:
        assert len(connection.execute(sa.text("SELECT * FROM explained")).all()) == 3


def test_a_store_of_format_6_opens(path: Path) -> None:
    """Its verdicts stay rows and say the same; what is judged from now on is packed."""
    with Store(path) as store:
        run = new_run(store)
        write(store, run, 0, 1)
        before = store.graded(run)
        with store.transaction() as connection:
            unpack(connection, run.id, [(0, 0), (1, 0)])
            for statement in (
                "DROP VIEW votes",
                "DROP VIEW explained",
                "DROP VIEW graded",
                "DROP VIEW criteria",
                "DROP INDEX ix_run_verdicts_verdict_id",
                "DROP INDEX ix_run_votes_verdict_id",
                "DROP TABLE judged",
                "DROP TABLE packed_keys",
                "DROP TABLE packed_verdicts",
                "UPDATE preceptor SET value = '6'",
            ):
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(JUDGED_OF_FORMAT_6)
    with Store(path) as store:
        assert store.graded(run) == before
        assert set(store.find_verdicts([verdict(1, 0).key])) == {verdict(1, 0).key}
        write(store, run, 2)
        assert (count(store, "verdicts"), count(store, "packed_keys")) == (4, 2)
        assert store.graded(run)[2].verdicts == (verdict(2, 0), verdict(2, 1))


JUDGED_OF_FORMAT_6 = """
CREATE TABLE judged (
    run_id INTEGER NOT NULL, position INTEGER NOT NULL, repeat INTEGER NOT NULL,
    met TEXT NOT NULL, more TEXT, asked INTEGER NOT NULL, cost_usd FLOAT NOT NULL,
    unpriced INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
    reused_asked INTEGER NOT NULL, reused_cost_usd FLOAT NOT NULL,
    reused_unpriced INTEGER NOT NULL, reused_input_tokens INTEGER NOT NULL,
    reused_output_tokens INTEGER NOT NULL, reused_cached_tokens INTEGER NOT NULL,
    reused_reasoning_tokens INTEGER NOT NULL, PRIMARY KEY (run_id, position, repeat))
"""


#: What a grader may say of two criteria: signs, labels, probabilities and prices of each kind.
SAID = [
    [verdict(0, 0), verdict(0, 1, met=False)],
    [
        Verdict("a" * 32, None, "Naïve \x00", label="2", cost_usd=0.1, created_at=AT),
        Verdict("b" * 32, True, reason="r", detail="d", probability=0.1 + 0.2, created_at=AT),
    ],
    [
        Verdict("short", False, usage=Usage(7, 6, 5, 4), latency_s=1, cost_usd=1, created_at=AT),
        Verdict("B" * 32, True, served_model="m", attempts=3, probability=1, created_at=AT),
    ],
]


def tables(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All rows of the store, packs as the JSON that is in them."""
    names = ("judged", "packed_keys", "packed_verdicts", "verdicts", "run_verdicts", "responses")
    with store.reading() as connection:
        rows = {name: connection.execute(sa.text(f"SELECT * FROM {name}")).all() for name in names}
    packs = [(number, zlib.decompress(data)) for number, data in rows["packed_verdicts"]]
    return {name: sorted(map(tuple, found)) for name, found in rows.items()} | {
        "packed_verdicts": packs
    }


def test_verdicts_that_come_at_once_are_kept_as_those_that_come_one_by_one(tmp_path: Path) -> None:
    """An answer that is complete in one transaction has the same rows in every table."""
    found = []
    for name, groups in {"at once": [(0, 1)], "one by one": [(0,), (1,)]}.items():
        with Store(tmp_path / name) as store:
            run = new_run(store)
            for group in groups:
                rows = [(n, 0, c, SAID[n][c], False) for n in range(len(SAID)) for c in group]
                store.write(run, [(n, 0, answer(n), False) for n in range(len(SAID))], rows)
            found.append(tables(store))
            assert store.spent(run).cost_usd == pytest.approx(2.1)
            graded = store.graded(run)[1].verdicts
            assert [each and each.probability for each in graded] == [None, 0.1 + 0.2]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "case", ["key in two answers", "key in the store", "unclear", "reused", "a vote", "incomplete"]
)
def test_answers_that_share_verdicts_or_lack_some_are_kept_as_before(
    case: str, tmp_path: Path
) -> None:
    """Whether verdicts come at once or one by one, the run says the same."""
    said = [list(verdicts) for verdicts in SAID]
    votes, reused = [], case == "reused"
    if case == "key in two answers":
        said[1][0] = said[0][0]
    elif case == "unclear":
        said[1][0] = Verdict("a" * 32, None, reason="timeout", created_at=AT)
    elif case == "a vote":
        votes = [Vote(2, 0, 1, 0, "juror", "openai/judge", said[1][0], False)]
    elif case == "incomplete":
        said[1] = said[1][:1]
    found = []
    for name, groups in {"at once": [(0, 1)], "one by one": [(1,), (0,)]}.items():
        with Store(tmp_path / name) as store:
            if case in ("key in the store", "reused"):
                store.write(None, [], [(0, 0, 0, said[1][1], False)])
            run = new_run(store)
            for group in groups:
                rows = [
                    (n, 0, c, said[n][c], reused and n == 1)
                    for n in range(3)
                    for c in group
                    if c < len(said[n])
                ]
                if reused and 0 in group:  # of which one was not there before
                    rows = [row if row[:3] != (1, 0, 0) else (*row[:4], False) for row in rows]
                store.write(run, [(n, 0, answer(n), False) for n in range(3)], rows, votes)
            keys = [each.key for verdicts in said for each in verdicts]
            known = store.find_verdicts(keys)
            found.append((store.graded(run), store.votes(run), store.spent(run), known))
    assert found[0] == found[1]
    assert [each.verdicts for each in found[0][0][:1]] == [tuple(said[0])]
