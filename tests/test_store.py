"""The workspace: what is acknowledged is kept, and every way of not opening one has its words."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import children
import preceptor
from children import Child
from format_5 import to_format_5
from preceptor.errors import InputError, StoreBusy, StoreError, UnknownName
from preceptor.records import (
    Criterion,
    Example,
    Message,
    PhysicianAnswer,
    Response,
    RunInfo,
    RunSettings,
    Turn,
    Usage,
    Verdict,
    as_answer,
)
from preceptor.store import Store, database, schema
from preceptor.store.lease import STALE_AFTER_S, Owner
from preceptor.store.migrations import PLAN
from preceptor.store.writer import Batch, Writer
from preceptor.testing import FakeEndpoint

EXAMPLE = Example(
    "a",
    (Message("user", "Is it safe?"),),
    (Criterion("Asks about pregnancy.", 5, ("axis:context",)), Criterion("Is rude.", -8)),
    ("theme:x",),
)
#: When a record was made; without it, writing sets it.
AT = "2026-01-02T03:04:05+00:00"
OTHER = Example("b", (Message("user", "And this?"),), (Criterion("Says no.", 3),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        yield opened


def new_run(
    store: Store,
    examples: Sequence[tuple[Example, int]] = ((EXAMPLE, 1), (OTHER, 2)),
    name: str | None = None,
) -> RunInfo:
    return store.create_run(
        name=name,
        benchmark="starter",
        system="http://h/v1#model-a",
        grader="judge",
        settings=RunSettings(min_coverage=1.0),
        examples=examples,
        repeats=1,
    )


# Opening


def test_new_workspace_is_the_users_alone(path: Path) -> None:
    """Nobody else may read it, nor the files that SQLite puts beside it."""
    old = os.umask(0)
    try:
        with Store(path) as store:
            new_run(store)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(old)
    assert modes == {"work.db": 0o600, "work.db-wal": 0o600, "work.db-shm": 0o600}


def test_workspace_is_opened_again(path: Path) -> None:
    with Store(path) as store:
        run = new_run(store)
    with Store(path, create=False) as store:
        assert store.runs() == [run]
        assert [item.example for item in store.graded(run)] == [EXAMPLE, OTHER, OTHER]


def test_workspace_that_is_not_there(path: Path) -> None:
    with pytest.raises(StoreError, match="no such file: run or import something first"):
        Store(path, create=False)
    assert not path.exists()


def test_empty_file_is_made_a_workspace(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreError, match="is empty"):
        Store(path, create=False)
    with Store(path) as store:
        assert store.runs() == []


def test_format_from_the_future(path: Path) -> None:
    with Store(path) as store, database.writing(store.engine) as connection:
        connection.execute(schema.stored.update().values(value="99"))
    with pytest.raises(StoreError, match=r"has format 99.*pip install --upgrade preceptor"):
        Store(path)


@pytest.mark.parametrize("value", ["", "x", "-1"])
def test_format_that_is_none(path: Path, value: str) -> None:
    with Store(path) as store, database.writing(store.engine) as connection:
        connection.execute(schema.stored.update().values(value=value))
    with pytest.raises(StoreError, match="another program's database"):
        Store(path)


def test_another_programs_database_is_left_as_it_was(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (id INTEGER)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's database"):
        Store(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["work.db"]


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"{}\n", b"\x00" * 5000])
def test_file_that_is_no_database(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"work\.db: is not a SQLite file: name another"):
        Store(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("where", ["file/work.db", "none/work.db", "."])
def test_place_that_cannot_be_written(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be made|check that the file|is a folder"):
        Store(tmp_path / where)


@pytest.mark.parametrize("url", ["nosuchdb://host/x", "://"])
def test_url_of_no_database(url: str) -> None:
    with pytest.raises(StoreError, match="not a database URL"):
        Store(url)


def test_making_a_workspace_is_all_or_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle of it, the next one finds an empty file and not half a workspace."""

    def dies(connection: sa.Connection) -> None:
        schema.metadata.create_all(connection)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("preceptor.store.store.PLAN", replace(PLAN, create_tables=dies))
        with pytest.raises(KeyboardInterrupt):
            Store(path)
    with Store(path) as store:
        assert store.runs() == []


def test_processes_that_make_it_at_the_same_time(path: Path) -> None:
    """One makes it, the others find it; and names of runs stay unique."""
    code = (
        "import sys; from preceptor.store import Store\n"
        "from preceptor.records import RunSettings\n"
        "sys.stdin.readline()\n"
        "with Store(sys.argv[1]) as store:\n"
        "    print(store.create_run(name=None, benchmark='b', system='s', grader='g',"
        " settings=RunSettings(), examples=[], repeats=1).name)"
    )
    processes = [Child(path, code=code) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    names = {process.communicate()[0].strip() for process in processes}
    assert names == {"b-s-1", "b-s-2", "b-s-3", "b-s-4"}


# Migrations


def next_format(step: Callable[[sa.Connection], None]) -> database.Plan:
    return replace(PLAN, format=PLAN.format + 1, migrations={**PLAN.migrations, PLAN.format: step})


def add_a_column(connection: sa.Connection) -> None:
    connection.execute(sa.text("ALTER TABLE templates ADD COLUMN licence TEXT"))


def test_older_format_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(path) as store:
        run = new_run(store)
    monkeypatch.setattr("preceptor.store.store.PLAN", next_format(add_a_column))
    for _ in range(2):  # the second time there is nothing to do
        with Store(path) as store, store.engine.connect() as connection:
            columns = [c["name"] for c in sa.inspect(connection).get_columns("templates")]
            assert columns.count("licence") == 1
            found = connection.scalar(sa.select(schema.stored.c.value))
            assert found == str(schema.FORMAT + 1)
            assert store.runs() == [run]


#: What the first format's tables were, and a run of two answers in it.
FORMAT_1 = """
CREATE TABLE preceptor (key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key));
CREATE TABLE runs (
    id INTEGER NOT NULL, name TEXT NOT NULL, benchmark TEXT NOT NULL, system TEXT NOT NULL,
    grader TEXT NOT NULL, status TEXT NOT NULL, created_at TEXT NOT NULL,
    n_examples INTEGER NOT NULL, repeats INTEGER NOT NULL, settings TEXT NOT NULL,
    owner TEXT, heartbeat FLOAT, PRIMARY KEY (id), UNIQUE (name));
CREATE TABLE examples (
    key TEXT NOT NULL, example_id TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (key));
CREATE INDEX ix_examples_example_id ON examples (example_id);
CREATE TABLE templates (
    sha256 TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (sha256));
CREATE TABLE responses (
    key TEXT NOT NULL, text TEXT NOT NULL, finish_reason TEXT NOT NULL, sent TEXT, failure TEXT,
    detail TEXT NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, latency_s FLOAT NOT NULL,
    cost_usd FLOAT, PRIMARY KEY (key));
CREATE TABLE verdicts (
    key TEXT NOT NULL, met BOOLEAN, explanation TEXT NOT NULL, reason TEXT, detail TEXT NOT NULL,
    probability FLOAT, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, latency_s FLOAT NOT NULL,
    cost_usd FLOAT, attempts INTEGER NOT NULL, PRIMARY KEY (key));
CREATE TABLE run_examples (
    run_id INTEGER NOT NULL, position INTEGER NOT NULL, example_key TEXT NOT NULL,
    repeats INTEGER NOT NULL, PRIMARY KEY (run_id, position),
    FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE,
    FOREIGN KEY(example_key) REFERENCES examples (key)) WITHOUT ROWID;
CREATE TABLE run_responses (
    run_id INTEGER NOT NULL, position INTEGER NOT NULL, repeat INTEGER NOT NULL,
    response_key TEXT NOT NULL, reused BOOLEAN NOT NULL, PRIMARY KEY (run_id, position, repeat),
    FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE,
    FOREIGN KEY(response_key) REFERENCES responses (key)) WITHOUT ROWID;
CREATE TABLE run_verdicts (
    run_id INTEGER NOT NULL, position INTEGER NOT NULL, repeat INTEGER NOT NULL,
    criterion INTEGER NOT NULL, verdict_key TEXT NOT NULL, reused BOOLEAN NOT NULL,
    PRIMARY KEY (run_id, position, repeat, criterion),
    FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE,
    FOREIGN KEY(verdict_key) REFERENCES verdicts (key)) WITHOUT ROWID;
CREATE VIEW criteria AS
    SELECT e.key AS example_key, e.example_id, j.key AS criterion,
           json_extract(j.value, '$.text') AS text, json_extract(j.value, '$.points') AS points,
           json_extract(j.value, '$.tags') AS tags
    FROM examples e, json_each(e.data, '$.criteria') j;
INSERT INTO preceptor VALUES ('format', '1');
INSERT INTO runs VALUES (1, 'old', 'starter', 's', 'g', 'done', '2026-01-01T00:00:00+00:00', 1, 2,
    '{"min_coverage": 1.0}', NULL, NULL);
INSERT INTO examples VALUES ('k', 'a', '{"id": "a", "messages":
    [{"role": "user", "content": "Hm?"}], "criteria": [{"text": "Agrees.", "points": 3}]}');
INSERT INTO responses VALUES ('r0', 'Yes.', 'stop', NULL, NULL, '', 5, 9, 1, 7, 0.5, 0.25);
INSERT INTO responses VALUES ('r1', '', 'stop', NULL, 'timeout', 'late', 0, 0, 0, 0, 0.0, 0.0);
INSERT INTO verdicts VALUES ('v', 1, 'So.', NULL, '', NULL, 3, 2, 0, 0, 0.1, 0.5, 2);
INSERT INTO run_examples VALUES (1, 0, 'k', 2);
INSERT INTO run_responses VALUES (1, 0, 0, 'r0', 0);
INSERT INTO run_responses VALUES (1, 0, 1, 'r1', 0);
INSERT INTO run_verdicts VALUES (1, 0, 0, 0, 'v', 0);
"""


def test_store_of_the_first_format_keeps_everything(path: Path) -> None:
    """Opened only to read it is brought up to date; all that was in it stays, new answers fit."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FORMAT_1)
    old = Response("r0", "Yes.", usage=Usage(5, 9, 1, 7), latency_s=0.5, cost_usd=0.25)
    for _ in range(2):
        with Store(path, create=False) as store:
            run = store.run("old")
            first, second = store.graded(run)
            assert first.response == old
            assert first.verdicts[0] == Verdict(
                "v", True, "So.", usage=Usage(3, 2), latency_s=0.1, cost_usd=0.5, attempts=2
            )
            assert second.response is not None
            assert second.response.failure == "timeout"
            assert store.spent(run).cost_usd == 0.75
    new = Response("r1", "No.", reasoning_length=12, created_at=AT)
    with Store(path) as store:
        store.write(run, [(0, 1, new, False)], [])
        assert [item.response for item in store.graded(run)] == [old, new]
        assert store.find_responses(["r0"])["r0"].reasoning_length is None


def test_migrated_tables_are_those_of_a_new_store(path: Path, tmp_path: Path) -> None:
    """The same columns in the same order, whichever way a store came to the newest format."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FORMAT_1)
    found = []
    for where in (path, tmp_path / "new.db"):
        with Store(where) as store, store.engine.connect() as connection:
            look = sa.inspect(connection)
            found.append(
                {t: [c["name"] for c in look.get_columns(t)] for t in look.get_table_names()}
            )
    assert found[0] == found[1]


def test_finished_run_of_format_5_is_paid_for(path: Path) -> None:
    """A store that format 5 wrote opens, says the same of its run, and asks nothing again."""
    with FakeEndpoint() as fake:
        done = preceptor.run(
            "starter", system=fake.address("m"), grader=fake.address("judge"), store=path
        )
        score, calls = done.score(), fake.calls.total()
        with Store(path) as store, database.writing(store.engine) as connection:
            to_format_5(connection)
        again = preceptor.resume(done.info.name, store=path)
        assert again.score()["metrics"] == score["metrics"]
        preceptor.run("starter", system=fake.address("m"), grader=fake.address("judge"), store=path)
        assert fake.calls.total() == calls


def test_lengths_of_answers_are_filled_in(path: Path) -> None:
    """A migrated store has the lengths of a new one: no text is read for a score."""
    answers = [Response("a" * 32, "Naïve."), Response("b" * 32, "<think>5?</think>Seven.")]
    answers += [Response("c" * 32, failure="timeout")]
    kept = schema.responses.c
    lengths = sa.select(kept.length).order_by(kept.key)
    with Store(path) as store:
        store.write(None, [(0, 0, each, False) for each in answers], [])
        with database.writing(store.engine) as connection:
            to_format_5(connection)
    with Store(path) as store, store.reading() as connection:
        assert connection.execute(lengths).scalars().all() == [6, None, None]


def test_migration_that_is_killed_changes_nothing(path: Path) -> None:
    """Whatever was done of it: the store is of format 5 until all is done."""
    with Store(path) as store:
        run = new_run(store)
        store.write(run, [(0, 0, Response("a" * 32, "x"), False)], [])
        with database.writing(store.engine) as connection:
            to_format_5(connection)
    code = (
        "import os, sys; from msgspec.structs import replace\n"
        "from preceptor.store import Store, store\n"
        "dies = lambda connection: os.kill(os.getpid(), 9)\n"
        "store.PLAN = replace(store.PLAN, create_views=dies)\n"
        "Store(sys.argv[1])"
    )
    process = children.run(path, code=code)
    assert process.returncode == -signal.SIGKILL
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT value FROM preceptor").fetchone() == ("5",)
        assert connection.execute("SELECT key FROM responses").fetchone() == ("a" * 32,)
    with Store(path) as store:
        assert set(store.find_responses(["a" * 32])) == {"a" * 32}


def test_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(connection: sa.Connection) -> None:
        add_a_column(connection)
        connection.execute(sa.text("SELECT gone FROM nowhere"))

    with Store(path):
        pass
    with monkeypatch.context() as patch:
        patch.setattr("preceptor.store.store.PLAN", next_format(fails))
        with pytest.raises(StoreError, match="no such table"):
            Store(path)
    with Store(path) as store, store.engine.connect() as connection:
        columns = [c["name"] for c in sa.inspect(connection).get_columns("templates")]
        assert "licence" not in columns


# Runs


def test_runs_are_named_and_found(store: Store) -> None:
    one, two = new_run(store), new_run(store)
    mine = new_run(store, name="mine")
    assert [one.name, two.name] == ["starter-model-a-1", "starter-model-a-2"]
    assert store.run("latest") == store.run("mi") == mine
    assert store.run("starter-model-a-1") == one
    assert store.runs("none") == []
    with pytest.raises(UnknownName, match="names several runs"):
        store.run("starter")
    with pytest.raises(UnknownName, match="no such run"):
        store.run("x")
    with pytest.raises(InputError, match="exists already"):
        new_run(store, name="mine")


def test_forgotten_run_leaves_its_answers_to_others(store: Store) -> None:
    run = new_run(store)
    store.write(run, [(0, 0, Response("r", "text"), False)], [(0, 0, 0, Verdict("v", True), False)])
    store.delete_run(run)
    assert store.runs() == []
    assert set(store.find_responses(["r"])) == {"r"}
    assert set(store.find_verdicts(["v"])) == {"v"}


# Rows

text = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"))
count = st.integers(0, 2**53)
usages = st.builds(Usage, count, count, count, count)
amount = st.floats(0, 1e9)
messages = st.lists(
    st.builds(Message, st.sampled_from(["system", "developer", "user", "assistant", "tool"]), text),
    max_size=3,
).map(tuple)
tags = st.lists(text, max_size=3).map(tuple)
points = st.integers(-10, 10).filter(bool)
examples = st.builds(
    Example,
    id=text,
    messages=messages,
    criteria=st.lists(st.builds(Criterion, text, points, tags), max_size=3).map(tuple),
    tags=tags,
    physician=st.none() | st.builds(PhysicianAnswer, text, st.none() | text, tags),
)
turns = st.builds(
    Turn,
    st.builds(Message, st.sampled_from(["user", "assistant", "tool"]), text),
    st.sampled_from(["system", "environment", "patient"]),
    usages,
    st.none() | amount,
    amount,
    st.none() | text,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=4,
)
responses = st.builds(
    Response,
    key=st.just("response"),
    text=text,
    finish_reason=text,
    sent=st.none() | messages,
    usage=usages,
    latency_s=amount,
    cost_usd=st.none() | amount,
    failure=st.none() | text,
    detail=text,
    reasoning_length=st.none() | st.integers(0, 2**53),
    turns=st.lists(turns, max_size=3).map(tuple),
    state=json_values,
    stop_reason=st.none() | text,
    served_model=st.none() | text,
    created_at=st.just(AT),
).map(as_answer)
verdicts = st.builds(
    Verdict,
    key=st.just("verdict"),
    met=st.none() | st.booleans(),
    explanation=text,
    reason=st.none() | text,
    detail=text,
    probability=st.none() | st.floats(0, 1),
    usage=usages,
    latency_s=amount,
    cost_usd=st.none() | amount,
    attempts=st.integers(0, 9),
    served_model=st.none() | text,
    created_at=st.just(AT),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(examples, responses, verdicts, st.dictionaries(text, json_values, max_size=3), text)
def test_all_records_come_back_as_they_went(
    store: Store,
    example: Example,
    response: Response,
    verdict: Verdict,
    chosen: dict[str, Any],
    prompt: str,
) -> None:
    """Runs, examples, templates, responses and verdicts."""
    criterion = Criterion("x", 1)
    example = Example(example.id, example.messages, (criterion, *example.criteria), example.tags)
    number = len(store.runs())  # the records of one drawing have keys of their own
    response = replace(response, key=f"response {number}")
    verdict = replace(verdict, key=f"verdict {number}")
    made = store.create_run(
        name=None,
        benchmark="b",
        system="s",
        grader="g",
        settings=RunSettings.of(chosen),
        examples=[(example, 1)],
        repeats=1,
    )
    store.write(made, [(0, 0, response, False)], [(0, 0, 0, verdict, False)])
    store.keep_template(f"hash {number}", "name", prompt)
    assert store.run(made.name) == made
    assert made.settings.plain() == chosen
    assert store.template(f"hash {number}") == ("name", prompt)
    assert store.template("none") is None
    [item] = store.graded(made)
    assert item.example == example
    assert (item.response, item.verdicts[0]) == (response, verdict)
    assert item.verdicts[1:] == (None,) * len(example.criteria[1:])
    usable = {response.key: response} if response.failure is None else {}
    assert store.find_responses([response.key, "none"]) == usable
    usable_verdicts = {} if verdict.met is None else {verdict.key: verdict}
    assert store.find_verdicts([verdict.key, "none"]) == usable_verdicts


def test_texts_that_no_database_takes_are_mended(store: Store) -> None:
    """NUL and lone surrogates, which models do produce, become marks of a lost character."""
    run = new_run(store, [(EXAMPLE, 1)])
    bad, mended = "a\x00b\ud800c", "a\ufffdb\ufffdc"
    store.write(
        run,
        [(0, 0, Response("r", bad, finish_reason=bad, detail=bad), False)],
        [(0, 0, 0, Verdict("v", None, bad, reason=bad, detail=bad), False)],
    )
    [item] = store.graded(run)
    assert item.response is not None
    assert item.verdicts[0] is not None
    assert {item.response.text, item.response.finish_reason, item.response.detail} == {mended}
    verdict = item.verdicts[0]
    assert {verdict.explanation, verdict.reason, verdict.detail} == {mended}


def test_many_keys_are_found_at_once(store: Store) -> None:
    run = new_run(store)
    verdicts = [Verdict(f"{i}", i % 2 == 0, created_at=AT) for i in range(3000)]
    store.write(run, [], [(0, 0, i, verdict, False) for i, verdict in enumerate(verdicts)])
    found = store.find_verdicts([f"{i}" for i in range(2500, 5000)])
    assert found == {verdict.key: verdict for verdict in verdicts[2500:]}


# What is written over what


def test_given_verdict_is_never_written_over(store: Store) -> None:
    run = new_run(store)
    for met in (True, False, None):
        store.write(run, [], [(0, 0, 0, Verdict("v", met), False)])
    assert store.find_verdicts(["v"])["v"].met is True


def test_ungraded_verdict_is_replaced_and_stays_paid(store: Store) -> None:
    run = new_run(store)
    for met in (None, None, True):
        verdict = Verdict("v", met, usage=Usage(10, 1, 2, 3), cost_usd=0.5, attempts=4)
        store.write(run, [], [(0, 0, 0, verdict, False)])
    kept = store.find_verdicts(["v"])["v"]
    assert (kept.met, kept.attempts, kept.cost_usd) == (True, 12, 1.5)
    assert kept.usage == Usage(30, 3, 6, 9)
    assert (store.spent(run).cost_usd, store.spent(run).tokens) == (1.5, 33)


def test_failed_answer_does_not_make_the_cost_unknown(store: Store) -> None:
    run = new_run(store)
    store.write(run, [(0, 0, Response("r", failure="timeout", cost_usd=0.0), False)], [])
    assert store.find_responses(["r"]) == {}
    store.write(run, [(0, 0, Response("r", "text", cost_usd=0.25), False)], [])
    assert store.find_responses(["r"])["r"].cost_usd == 0.25
    assert store.spent(run).priced


def test_answer_of_another_process_counts_if_it_was_there_first(path: Path) -> None:
    """Both asked the same at the same moment: the later one must grade what the store has."""
    with Store(path) as one, Store(path) as two:
        first, second = new_run(one), new_run(two)
        theirs = Response("r", "theirs", created_at=AT)
        mine = Response("r", "mine")
        assert one.write(first, [(0, 0, theirs, False)], []) == {}
        assert two.write(second, [(0, 0, mine, False)], []) == {"r": theirs}
        failed = Response("r", failure="timeout")
        assert two.write(second, [(0, 0, failed, False)], []) == {"r": theirs}
        assert two.graded(second)[0].response == theirs


def test_reused_results_are_not_spent_again(store: Store) -> None:
    one, two = new_run(store), new_run(store)
    answer = Response("r", "x", usage=Usage(5, 5), cost_usd=1.0)
    verdict = Verdict("v", True, usage=Usage(1, 1), cost_usd=None)
    store.write(one, [(0, 0, answer, False)], [])
    store.write(two, [(0, 0, answer, True)], [(0, 0, 0, verdict, False)])
    assert (store.spent(one).cost_usd, store.spent(one).tokens) == (1.0, 10)
    assert (store.spent(two).cost_usd, store.spent(two).tokens) == (0.0, 2)
    assert (store.spent(one).priced, store.spent(two).priced) == (True, False)


def test_damaged_file_is_one_line_that_says_what_to_do(path: Path) -> None:
    """Such as one that was copied half."""
    with Store(path) as store:
        for number in range(50):
            store.keep_template(str(number), "a prompt", "word " * 1000)
        with store.reading() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StoreError, match=r"go back to a copy") as caught:
        Store(path)
    assert "\n" not in str(caught.value)


# Views


def test_views_have_each_criterion_and_verdict_once(store: Store) -> None:
    """They are what users query: docs/store.md."""
    run = new_run(store)
    answers = [(p, r, Response(f"r{p}{r}", "x"), False) for p, r in ((0, 0), (1, 0), (1, 1))]
    judged = [(0, 0, 0, True), (0, 0, 1, False), (1, 0, 0, None), (1, 1, 0, True)]
    store.write(
        run,
        answers,
        [(p, r, c, Verdict(f"v{p}{r}{c}", met), False) for p, r, c, met in judged],
    )
    other = new_run(store, [(EXAMPLE, 1)])
    store.write(other, [(0, 0, answers[0][2], True)], [(0, 0, 0, Verdict("v000", True), True)])
    with store.engine.connect() as connection:
        criteria = connection.execute(
            sa.text("SELECT example_id, criterion, text, points, tags FROM criteria")
        ).all()
        graded = connection.execute(
            sa.text(
                "SELECT example_id, repeat, criterion, met, points FROM graded WHERE run = :run"
                " ORDER BY 1, 2, 3"
            ),
            {"run": run.name},
        ).all()
        all_of_them = connection.scalar(sa.text("SELECT count(*) FROM graded"))
    assert sorted(criteria) == [
        ("a", 0, "Asks about pregnancy.", 5, '["axis:context"]'),
        ("a", 1, "Is rude.", -8, "[]"),
        ("b", 0, "Says no.", 3, "[]"),
    ]
    assert graded == [
        ("a", 0, 0, 1, 5),
        ("a", 0, 1, 0, -8),
        ("b", 0, 0, None, 3),
        ("b", 1, 0, 1, 3),
    ]
    assert all_of_them == 5


# Leases


def claim(store: Store, run: RunInfo, owner: Owner, heartbeat: float) -> None:
    with database.writing(store.engine) as connection:
        connection.execute(schema.runs.update().values(owner=owner.encode(), heartbeat=heartbeat))


def test_one_process_works_on_a_run(path: Path) -> None:
    with Store(path) as one, Store(path) as two:
        run = new_run(one)
        with one.lease(run), pytest.raises(StoreBusy, match=f"process {os.getpid()} on "):
            two.lease(run).__enter__()
        with two.lease(run):
            pass


@pytest.mark.parametrize(
    ("host", "pid", "age", "busy"),
    [
        (None, "dead", 0, False),  # killed a moment ago
        (None, "living", 0, True),
        (None, "living", 2 * STALE_AFTER_S, False),  # another process has got its number
        (None, "ours", 0, False),  # in a container that was started again
        ("elsewhere", "dead", 0, True),  # its number says nothing here
        ("elsewhere", "dead", 2 * STALE_AFTER_S, False),
    ],
)
def test_lease_of_the_dead_is_taken_over(
    store: Store, host: str | None, pid: str, age: float, busy: bool
) -> None:
    dead = Child(code="", quiet=True)
    dead.wait()
    number = {"dead": dead.pid, "living": os.getppid(), "ours": os.getpid()}[pid]
    run = new_run(store)
    claim(store, run, Owner(host or socket.gethostname(), number, "t"), time.time() - age)
    if busy:
        with pytest.raises(StoreBusy), store.lease(run):
            pass
    else:
        with store.lease(run):
            assert store.run(run.name).status == "running"


def test_lease_that_could_not_be_given_back_blocks_nobody(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk may keep it in the file: this very process knows that it does not hold it."""
    run = new_run(store)
    with monkeypatch.context() as patch, store.lease(run):
        patch.setattr(store, "_writing", full)
    assert '"token"' in owner_of(store, run)
    with store.lease(run):
        pass
    assert owner_of(store, run) == "None"


def full() -> None:
    raise StoreError("database or disk is full")


def owner_of(store: Store, run: RunInfo) -> str:
    with store.engine.connect() as connection:
        return str(connection.scalar(sa.select(schema.runs.c.owner).filter_by(id=run.id)))


# A full disk


@pytest.fixture
def small_disk() -> Iterator[Callable[[Store, int | None], None]]:
    """Bounds the pages of a store's file from its next connection on."""
    listeners: list[tuple[sa.Engine, Callable[..., None]]] = []

    def bound(store: Store, pages: int | None) -> None:
        for engine, listener in listeners:
            sa.event.remove(engine, "connect", listener)
        listeners.clear()
        store.engine.dispose()
        if pages is None:
            return

        def limit(connection: Any, _: object) -> None:
            used = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {used + pages}")

        sa.event.listen(store.engine, "connect", limit)
        listeners.append((store.engine, limit))

    yield bound
    for engine, listener in listeners:
        sa.event.remove(engine, "connect", listener)


async def test_full_disk_loses_nothing_that_was_acknowledged(
    store: Store, small_disk: Callable[[Store, int | None], None]
) -> None:
    """The first result that does not fit is an error in one line; all before it are there."""
    run = new_run(store)
    small_disk(store, 20)
    kept = []
    with store.lease(run) as owner:
        writer = Writer(store, run, owner)

        async def fill() -> None:
            for number in range(10_000):
                verdict = Verdict(f"v{number}", True, "e" * 1000, created_at=AT)
                await writer.put(Batch(verdicts=((0, 0, number, verdict, False),)))
                kept.append(verdict)

        with pytest.raises(StoreError, match="full: free some space and resume") as caught:
            await fill()
        await writer.close()
    assert "\n" not in str(caught.value)
    assert 5 < len(kept) < 10_000
    found = store.find_verdicts([f"v{number}" for number in range(10_000)])
    assert found == {verdict.key: verdict for verdict in kept}
    small_disk(store, None)
    with store.lease(run):
        store.write(run, [], [(0, 0, 9999, Verdict("after", True), False)])
    assert store.find_verdicts(["after"])


async def test_results_that_wait_are_written_together(store: Store) -> None:
    """One transaction for all that came meanwhile; each is acknowledged once it is on disk."""
    run = new_run(store)
    sizes = []
    write = store.write_in

    def slow(
        connection: sa.Connection,
        run: RunInfo,
        answers: Sequence[Any],
        verdicts: Sequence[Any],
        *rest: Any,
        **others: Any,
    ) -> dict[str, Response]:
        sizes.append(len(verdicts))
        return write(connection, run, answers, verdicts, *rest, **others)

    store.write_in = slow  # type: ignore[method-assign]
    with store.lease(run) as owner:
        writer = Writer(store, run, owner)
        puts = [
            writer.put(Batch(verdicts=((0, 0, i, Verdict(f"v{i}", True), False),)))
            for i in range(500)
        ]
        await asyncio.gather(*puts)
        assert len(store.find_verdicts([f"v{i}" for i in range(500)])) == 500
        await writer.close()
    assert sum(sizes) == 500
    assert len(sizes) < 100


async def test_result_that_cannot_be_written_is_said(store: Store) -> None:
    """Whatever the database cannot take reaches whoever waits, as an error of the store."""
    run = new_run(store)
    with store.lease(run) as owner:
        writer = Writer(store, run, owner)
        verdict = Verdict("v", True, usage=Usage(2**70))
        with pytest.raises(StoreError, match="OverflowError"):
            await writer.put(Batch(verdicts=((0, 0, 0, verdict, False),)))
        await writer.put(Batch(verdicts=((0, 0, 0, Verdict("w", True), False),)))
        await writer.close()
    assert list(store.find_verdicts(["v", "w"])) == ["w"]
