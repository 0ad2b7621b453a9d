"""PostgreSQL as the store: all that SQLite does, through a real server, and words for faults."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

pytest.importorskip("psycopg", reason="the extra postgres is not installed")

import children
import preceptor
from format_5 import to_format_5
from preceptor.engine.progress import Progress
from preceptor.errors import StoreBusy, StoreError, Unavailable
from preceptor.records import Criterion, Example, Message, Response, Usage, Verdict
from preceptor.store import Store, Vote, database, lease, postgres, schema, writer
from preceptor.store.committer import Committer
from preceptor.store.lease import Owner
from preceptor.store.standing import Standing
from preceptor.store.writer import Batch, Writer
from preceptor.testing import FakeEndpoint
from preceptor.testing.postgres import PostgresServer
from preceptor.view.app import application
from preceptor.view.workspace import Workspace

# The store's own tests once more, with the fixtures below: `path` is a database's address.
from test_committer import (  # noqa: F401
    engine,
    insert,
    test_refused_command_undoes_nothing_of_the_others,
    words,
)
from test_manage import test_removing_a_run_takes_what_no_other_run_has  # noqa: F401
from test_processes import workers
from test_store import (  # noqa: F401
    EXAMPLE,
    new_run,
    test_all_records_come_back_as_they_went,
    test_answer_of_another_process_counts_if_it_was_there_first,
    test_failed_answer_does_not_make_the_cost_unknown,
    test_finished_run_of_format_5_is_paid_for,
    test_forgotten_run_leaves_its_answers_to_others,
    test_format_from_the_future,
    test_format_that_is_none,
    test_given_verdict_is_never_written_over,
    test_lease_of_the_dead_is_taken_over,
    test_lease_that_could_not_be_given_back_blocks_nobody,
    test_making_a_workspace_is_all_or_nothing,
    test_many_keys_are_found_at_once,
    test_older_format_is_brought_up_to_date,
    test_one_process_works_on_a_run,
    test_processes_that_make_it_at_the_same_time,
    test_results_that_wait_are_written_together,
    test_reused_results_are_not_spent_again,
    test_runs_are_named_and_found,
    test_texts_that_no_database_takes_are_mended,
    test_ungraded_verdict_is_replaced_and_stays_paid,
    test_views_have_each_criterion_and_verdict_once,
    test_workspace_is_opened_again,
)
from test_view import a_run

pytestmark = pytest.mark.usefixtures("bare")

EXAMPLES, CRITERIA = 36, 148
PATIENCE_S = 120


@pytest.fixture(scope="module")
def server(postgres_server: PostgresServer) -> PostgresServer:
    return postgres_server


@pytest.fixture
def url(server: PostgresServer, request: pytest.FixtureRequest) -> str:
    """An empty database of the test's own."""
    url.count += 1  # type: ignore[attr-defined]
    return server.url(f"test{url.count}")  # type: ignore[attr-defined]


url.count = 0  # type: ignore[attr-defined]


@pytest.fixture
def path(url: str) -> str:
    return url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store(url) as opened:
        yield opened


def run(fake: FakeEndpoint, where: str | Path, **options: Any) -> preceptor.Run:
    options.setdefault("system", fake.address("model-a"))
    options.setdefault("grader", fake.address("judge"))
    return preceptor.run(
        "starter", grader_template="preceptor", store=where, name="mine", **options
    )


def cli(*words: str, **environment: str) -> tuple[int, str, str]:
    process = children.run(*words, environment={**os.environ, **environment})
    return process.returncode, process.stdout, process.stderr


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The metrics of the same run in a SQLite file."""
    with FakeEndpoint() as fake:
        finished = run(fake, tmp_path_factory.mktemp("quiet") / "work.db")
    return finished.score()["metrics"]  # type: ignore[no-any-return]


def same(found: Any, expected: Any) -> bool:
    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


# Runs


def test_workspace_is_viewed(path: str) -> None:
    """`preceptor view` counts, finds and shows what is there, transcripts too, and only reads."""
    with Store(path) as store:
        a_run(store, "mine", n=12)
    workspace = Workspace(path)
    standing = workspace.run("mine").standing
    assert standing == Standing(12, 24, 11, 21, {"timeout": 1}, {"malformed": 1})
    client = TestClient(application(workspace), base_url="http://localhost")
    found = client.get("/answers?text=ANSWER+9+OF&open=0-9-0").text
    assert "1 of 12 answers" in found
    assert "Transcript (3 turns, 1 tool call)" in found
    assert client.get("/live?name=mine").status_code == 200
    with pytest.raises(StoreError, match="read-only"):
        workspace.store.delete_run(workspace.run("mine").info)


def test_run_gives_the_scores_of_sqlite_and_shows_no_password(
    server: PostgresServer, url: str, quiet: dict[str, Any], tmp_path: Path
) -> None:
    """From the command line to the report; what is there is not asked again."""
    with FakeEndpoint() as fake:
        words = [
            f"--system={fake.address('model-a')}",
            f"--grader={fake.address('judge')}",
            "--grader-template=preceptor",
            f"--store={url}",
        ]
        code, out, err = cli("run", "starter", "--name=mine", "--json", *words)
        assert code == 0, err
        assert same(json.loads(out)["metrics"], quiet)
        assert fake.calls.total() == EXAMPLES + CRITERIA
        code, again, more = cli("run", "starter", "--name=again", "--json", *words)
        assert same(json.loads(again)["metrics"], quiet)
        assert fake.calls.total() == EXAMPLES + CRITERIA
    report = tmp_path / "report.html"
    said = [cli(*w, "--store", url) for w in (["runs"], ["report", "mine", "-o", str(report)])]
    everything = out + err + again + more + "".join(o + e for _, o, e in said)
    assert "--store postgresql://preceptor:***@localhost" in err
    assert server.password not in everything + report.read_text()


@pytest.mark.parametrize(
    "words",
    [
        ["leaderboard"],
        ["score", "none"],
        ["compare", "a", "b"],
        ["run", "starter", "-s", "physician", "-g", "http://h/v1#m", "--stratify=x=2", "--limit=3"],
    ],
)
def test_complaint_about_what_is_not_there_shows_no_password(
    server: PostgresServer, url: str, words: list[str]
) -> None:
    """Whichever command it is that names the store."""
    Store(url).close()
    code, out, err = cli(*words, "--store", url)
    assert code == 2
    assert "***@localhost" in err
    assert server.password not in out + err


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_scheme_means_psycopg_3(server: PostgresServer, scheme: str) -> None:
    """Users need not know the driver's name."""
    where = server.url("schemes").replace("postgresql", scheme)
    with Store(where) as store, store.engine.connect() as connection:
        assert store.engine.driver == "psycopg"
        assert connection.scalar(sa.text("SELECT 1")) == 1


def test_two_processes_share_a_database(
    server: PostgresServer, url: str, quiet: dict[str, Any]
) -> None:
    """Scores as ever, each question asked once, and the password in no list of processes."""
    lines: list[bytes] = []

    def watch(progress: Progress) -> None:
        for pid in workers(os.getpid()):
            with contextlib.suppress(OSError):  # it has just ended
                lines.append(Path(f"/proc/{pid}/cmdline").read_bytes())

    with FakeEndpoint(latency=0.02) as fake:
        finished = run(fake, url, processes=2, watch=watch)
        assert set(fake.calls.values()) == {1}
        assert fake.calls.total() == EXAMPLES + CRITERIA
    assert same(finished.score()["metrics"], quiet)
    assert lines
    assert server.password.encode() not in b"".join(lines)


def test_server_that_dies_loses_nothing_that_was_acknowledged(
    server: PostgresServer, url: str, quiet: dict[str, Any]
) -> None:
    """The run ends with one line; resumed, only what was not acknowledged is asked again."""

    def watch(progress: Progress) -> None:
        if progress.verdicts > 30:
            server.stop(crash=True)

    few = {"concurrency": 8}
    with FakeEndpoint(latency=0.15) as fake:
        try:
            with pytest.raises(StoreError) as caught:
                run(fake, url, watch=watch, system_params=few, grader_params=few)
        finally:
            server.start()
        assert "\n" not in str(caught.value)
        assert server.password not in str(caught.value)
        assert "resume" in str(caught.value)
        with Store(url) as store:
            acknowledged = sum(
                (item.response is not None) + sum(verdict is not None for verdict in item.verdicts)
                for item in store.graded(store.run("mine"))
            )
        before = fake.calls.total()
        finished = preceptor.resume("mine", store=url)
        assert fake.calls.total() - before == EXAMPLES + CRITERIA - acknowledged
    assert same(finished.score()["metrics"], quiet)


# The views


def test_views_say_what_they_say_on_sqlite(url: str, tmp_path: Path) -> None:
    """The same rows of criteria, verdicts and votes, a NUL in an example included."""
    example = Example(
        "nul",
        (Message("user", "a\x00b"),),
        (Criterion('Says "\\u0000".', 5, ("axis:context",)), Criterion("Is rude.", -8.5)),
    )
    verdicts = [Verdict("v0", True, "e"), Verdict("v1", None, reason="timeout")]
    found = []
    for where in (url, tmp_path / "work.db"):
        with Store(where) as store:
            made = new_run(store, [(EXAMPLE, 2), (example, 1)], name="mine")
            places = [(n, r) for n, r in ((0, 0), (0, 1), (1, 0))]
            store.write(
                made,
                [(*place, Response("r", "a\x00b"), False) for place in places],
                [(*p, n, verdict, False) for p in places for n, verdict in enumerate(verdicts)],
                [Vote(0, 0, 0, 1, "juror", "g", verdicts[0], False)],
            )
            with store.engine.connect() as connection:
                found.append(
                    {
                        view: sorted(
                            map(
                                str,
                                map(_plain, connection.execute(sa.text(f"SELECT * FROM {view}"))),
                            )
                        )
                        for view in ("criteria", "graded", "votes")
                    }
                )
    assert {view: len(rows) for view, rows in found[0].items()} == {
        "criteria": 4,
        "graded": 6,
        "votes": 1,
    }
    assert found[0] == found[1]


def _plain(row: sa.Row[Any]) -> dict[str, Any]:
    """Booleans are numbers on SQLite, lists are written with other blanks."""
    plain = dict(row._mapping)
    if "met" in plain and plain["met"] is not None:
        plain["met"] = int(plain["met"])
    if "points" in plain:
        plain |= {"points": float(plain["points"]), "tags": json.loads(plain["tags"] or "[]")}
        plain["text"] = plain["text"].replace("\\u0000", "\\ufffd")
    return plain


def test_query_of_the_manual(url: str) -> None:
    """What docs/store.md shows for PostgreSQL gives the score of each response."""
    page = (Path(__file__).parent.parent / "docs" / "store.md").read_text()
    [query] = re.findall(r"```postgresql\n(.+?)```", page, re.DOTALL)
    with FakeEndpoint() as fake:
        finished = run(fake, url)
    with Store(url) as store, store.engine.connect() as connection:
        rows = connection.execute(sa.text(query.replace("starter-physician-1", "mine"))).all()
    assert len(rows) == EXAMPLES
    mean = sum(float(row.score) for row in rows) / len(rows)
    assert mean == pytest.approx(finished.score()["metrics"]["overall_score"]["raw_mean"])


# Many at once


def test_writers_of_the_same_rows_do_not_block_each_other(url: str) -> None:
    """Four connections write overlapping rows in orders of their own; every row is kept."""
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            with Store(url) as store:
                made = new_run(store, [(EXAMPLE, 1)])
                for round_ in range(10):
                    keys = [
                        f"v{(number * 37 + n * (1, 7, 11, 13)[number]) % 100}" for n in range(100)
                    ]
                    batch = [
                        (0, 0, n, Verdict(key, None, reason="timeout"), False)
                        for n, key in enumerate(keys)
                    ]
                    store.write(made, [(0, 0, Response(f"r{round_}", "t"), False)], batch)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert failed == []
    with Store(url) as store, store.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.verdicts)) == 100
        attempts = connection.scalar(sa.select(sa.func.sum(schema.verdicts.c.attempts)))
    assert attempts == 4 * 10 * 100


def test_write_that_met_a_deadlock_is_done_again(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends one of two that wait for each other; ours begins anew and is kept once."""
    made = new_run(store)
    old = [Verdict(f"v{n}", None, reason="timeout") for n in (1, 2)]
    store.write(made, [], [(0, 0, n, verdict, False) for n, verdict in enumerate(old)])
    new = [(0, 0, n, Verdict(f"v{n + 1}", True, usage=Usage(1)), False) for n in range(2)]
    tries: list[int] = []
    write_in = store.write_in
    monkeypatch.setattr(
        store, "write_in", lambda *given, **rest: (tries.append(1), write_in(*given, **rest))[1]
    )
    with Store(url) as other, other.engine.connect() as connection:
        # Only the other waits long enough to be the one that goes on.
        connection.execute(sa.text("SET deadlock_timeout = '60s'"))
        touch = sa.update(schema.verdicts).values(detail="x")
        connection.execute(touch.where(schema.verdicts.c.key == "v2"))
        thread = threading.Thread(target=store.write, args=(made, [], new))
        thread.start()
        _wait_for_a_lock(url)
        connection.execute(touch.where(schema.verdicts.c.key == "v1"))
        connection.commit()
        thread.join(PATIENCE_S)
    found = store.find_verdicts(["v1", "v2"])
    assert {key: (v.met, v.usage.input_tokens, v.attempts) for key, v in found.items()} == {
        "v1": (True, 1, 2),
        "v2": (True, 1, 2),
    }
    assert len(tries) > 1


def _wait_for_a_lock(url: str) -> None:
    """Until somebody waits for somebody."""
    query = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    give_up = time.monotonic() + PATIENCE_S
    while True:
        with Store(url) as store, store.engine.connect() as connection:
            if connection.scalar(query):
                return
        assert time.monotonic() < give_up


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_command_that_others_were_in_the_way_of_is_done_again(
    engine: sa.Engine,  # noqa: F811
    state: str,
) -> None:
    """With all that waited beside it, and each is kept once."""
    begun, release = threading.Event(), threading.Event()
    tries: list[str] = []

    def says(word: str) -> Callable[[sa.Connection], str]:
        def command(connection: sa.Connection) -> str:
            tries.append(word)
            if tries.count("b") == 1 and word == "b":
                raised = f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$"
                connection.exec_driver_sql(raised)
            return insert(connection, word)

        return command

    committer = Committer(engine, "store x")
    committer.submit(lambda _: (begun.set(), release.wait(PATIENCE_S)))
    begun.wait(PATIENCE_S)
    asked = [committer.submit(says(word)) for word in "abc"]
    release.set()
    assert [each.result(PATIENCE_S) for each in asked] == ["a", "b", "c"]
    committer.close()
    assert tries == ["a", "b", "a", "b", "c"]
    assert words(engine) == ["a", "b", "c"]


def test_lease_goes_by_the_servers_clock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose own clock is a day ahead sees that another host is at work."""
    made = new_run(store)
    other = Owner("elsewhere", 1, "t")
    with database.writing(store.engine) as connection:
        lease.take(connection, made, other)
    day = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: day)
    with pytest.raises(StoreBusy, match="process 1 on elsewhere"), store.lease(made):
        pass


async def test_process_that_has_lost_its_lease_stops(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had paid for is kept; then it hears that another has taken the run over."""
    monkeypatch.setattr(writer, "HEARTBEAT_S", 0.05)
    made = new_run(store)
    with store.lease(made) as owner:
        writing = Writer(store, made, owner)
        with database.writing(store.engine) as connection:
            connection.execute(schema.runs.update().values(owner=Owner("b", 1, "t").encode()))

        async def until_told() -> None:
            for number in range(100_000):
                verdict = Verdict(f"v{number}", True)
                written.append(verdict.key)
                await writing.put(Batch(verdicts=((0, 0, 0, verdict, False),)))

        written: list[str] = []
        with pytest.raises(StoreBusy, match="another process has taken it over"):
            await until_told()
        await writing.close()
    assert set(store.find_verdicts(written)) == set(written)
    with store.engine.connect() as connection:
        assert '"b"' in connection.scalar(sa.select(schema.runs.c.owner))


# Numbers, formats


def test_any_number_of_tokens_fits(store: Store) -> None:
    """An endpoint may claim more than 2,147,483,647, and sums of those come back as numbers."""
    made = new_run(store)
    usage = Usage(2**40, 2**41)
    response = Response("r", "t", usage=usage, reasoning_length=2**40, created_at="2026-01-01")
    store.write(made, [(0, 0, response, False)], [])
    assert store.graded(made)[0].response == response
    assert store.spent(made).tokens == 2**40 + 2**41
    assert type(store.spent(made).tokens) is int


def test_older_database_gets_tables_and_views(url: str, quiet: dict[str, Any]) -> None:
    """One of the second format, which had no votes and no views here, is brought up to date."""
    with FakeEndpoint() as fake:
        run(fake, url)
    with Store(url) as store, database.writing(store.engine) as connection:
        to_format_5(connection)
        for name in ("run_votes", "batches"):
            connection.execute(sa.text(f"DROP TABLE {name}"))
        connection.execute(sa.text("ALTER TABLE verdicts DROP COLUMN label"))
        connection.execute(schema.stored.update().values(value="2"))
    assert same(preceptor.load("mine", store=url).score()["metrics"], quiet)
    with Store(url) as store, store.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM graded")) == CRITERIA
        assert connection.scalar(sa.text("SELECT count(*) FROM votes")) == 0


# Words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: re.sub(r":\d+/", ":1/", url), "see that the server can be reached"),
        (lambda url: url + "_none", "make the database first: createdb"),
        (lambda url: re.sub(r":\w+@", ":wrong@", url), "check user and password"),
        (lambda url: re.sub(r":\d+/", ":99x/", url), "expected a file, sqlite:///FILE or postgre"),
    ],
)
def test_database_that_cannot_be_opened(
    server: PostgresServer, url: str, change: Callable[[str], str], words: str
) -> None:
    """One line says what to do, and holds no password, right or wrong."""
    code, _, err = cli("runs", f"--store={change(url)}")
    assert code == 2
    [line] = err.strip().splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert server.password not in err
    assert "wrong" not in err
    assert len(line) < 500


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("53100", "free some space on the server and resume; all that was acknowledged is kept"),
        ("42501", "GRANT"),
        ("XX000", "XX000"),
    ],
)
def test_complaint_of_the_server_is_bounded_and_says_what_to_do(
    store: Store, state: str, words: str
) -> None:
    """A full disk or a missing right is one line, without the row that it was about."""
    made = new_run(store)
    with database.writing(store.engine) as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
            f"'could not do it: {'x' * 5000}' USING ERRCODE = '{state}', DETAIL = NEW.explanation; "
            "END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON verdicts FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    with pytest.raises(StoreError) as caught:
        store.write(
            made,
            [(0, 0, Response("r", "t"), False)],
            [(0, 0, 0, Verdict("v", True, "secret explanation"), False)],
        )
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert "secret" not in str(caught.value) + str(caught.value.__cause__.statement)
    assert store.find_responses(["r"]) == {}


def test_driver_that_is_not_installed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(Unavailable, match=r"pip install 'psycopg\[binary\]"):
        Store(url)


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:p@ss:w@h:5/d?a=b", "postgresql://u:***@h:5/d?a=b"),
        ("postgresql://u:p/w@h/d", "postgresql://u:***@h/d"),
        ("postgresql://h/d?user=u&password=p&x=1", "postgresql://h/d?user=u&password=***&x=1"),
        ("postgresql://h/d?sslpassword=p", "postgresql://h/d?sslpassword=***"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("work:of@me.db", "work:of@me.db"),
    ],
)
def test_address_is_shown_without_a_password(where: str, shown: str) -> None:
    assert postgres.redacted(where) == shown


def test_cluster_gets_no_password(url: str, server: PostgresServer) -> None:
    """With Ray every node has to know it by itself."""
    with FakeEndpoint() as fake, pytest.raises(preceptor.InputError) as caught:
        run(fake, url, backend="ray")
    assert "set PGPASSWORD or ~/.pgpass on every node" in str(caught.value)
    assert server.password not in str(caught.value)
