"""Everything at once at the wire: what it costs is time, and never a result or a second payment."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import preceptor
from children import Child
from preceptor.errors import StoreBusy, StoreError
from preceptor.store import Store, schema
from preceptor.testing import CHAOS, FakeEndpoint, Fault

pytestmark = pytest.mark.usefixtures("bare")

EXAMPLES, CRITERIA = 36, 148
PATIENCE_S = 120
#: Latency with a heavy tail: most answers at once, some late, few very late.
TAIL = [Fault("slow", seconds=0.2), Fault("slow", seconds=0.6), Fault("slow", seconds=1.5)]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def run(fake: FakeEndpoint, path: Path, **options: Any) -> preceptor.Run:
    return preceptor.run(
        "starter",
        system=fake.address(options.pop("model", "model-a")),
        grader=fake.address("judge"),
        grader_template="preceptor",
        store=path,
        **{"name": "mine", **options},
    )


def metrics(finished: preceptor.Run) -> str:
    return json.dumps(finished.score()["metrics"], sort_keys=True)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The metrics of runs without any fault, by model."""
    path = tmp_path_factory.mktemp("quiet") / "work.db"
    with FakeEndpoint() as fake:
        models = ("model-a", "model-b")
        return {model: metrics(run(fake, path, model=model, name=model)) for model in models}


def port_of(fake: FakeEndpoint) -> int:
    return int(fake.url.split(":")[2].split("/")[0])


def test_everything_at_once(path: Path, quiet: dict[str, str]) -> None:
    """A fifth of the attempts fail in every way there is, or come late, or meet a proxy's page.

    The scores are the quiet run's; each right answer was given, and so paid for, once.
    """
    faults: list[str | Fault] = [*CHAOS, "html", "html", *TAIL]
    with FakeEndpoint(faults=faults, rate=0.2, most_faults=4, seed=11, latency=(0, 0.02)) as fake:
        finished = run(fake, path, system_params=["timeout=3"], grader_params=["timeout=3"])
    assert metrics(finished) == quiet["model-a"]
    assert finished.result().coverage == 1
    assert len(fake.met) >= 12
    assert set(fake.delivered.values()) == {1}
    assert len(fake.delivered) == EXAMPLES + CRITERIA


def test_endpoint_that_is_dead_for_a_while(path: Path, quiet: dict[str, str]) -> None:
    """It dies in the middle of the run and is back after five seconds; the run goes on by itself.

    Three retries take 3.5 s at the most: but nobody was answered meanwhile, so they do not count.
    """
    first = FakeEndpoint(latency=(0.01, 0.03))
    with contextlib.ExitStack() as living:
        living.enter_context(first)
        second = FakeEndpoint(port=port_of(first), latency=(0.01, 0.03))
        back = threading.Timer(5, living.enter_context, (second,))

        def watch(progress: Any) -> None:
            if progress.verdicts >= 10 and back.ident is None:
                first.__exit__(None, None, None)
                back.start()

        few = ["concurrency=4", "retries=3"]
        finished = run(first, path, system_params=few, grader_params=few, watch=watch)
        back.join()
        living.pop_all()
        second.__exit__(None, None, None)
    assert finished.result().ungraded == {}
    assert metrics(finished) == quiet["model-a"]
    assert second.delivered
    # Asked twice: what was under way when it died.
    assert (first.delivered + second.delivered).total() <= EXAMPLES + CRITERIA + 8


def test_clock_that_jumps(
    path: Path, quiet: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day ahead, two back, and home: a run does not hang on the clock on the wall."""
    true_time, ahead = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: true_time() + ahead[0])
    jumps = {40: 86_400.0, 80: -86_400.0, 120: 0.0}
    seen: list[str] = []

    def watch(progress: Any) -> None:
        for verdicts in [each for each in jumps if each <= progress.verdicts]:
            ahead[0] = jumps.pop(verdicts)
            with pytest.raises(StoreBusy) as caught:
                preceptor.resume("mine", store=path)
            seen.append(str(caught.value))

    with FakeEndpoint(latency=(0.02, 0.06), faults=["rate_limit", "error_503"], rate=0.1) as fake:
        few = ["concurrency=3"]
        finished = run(fake, path, system_params=few, grader_params=few, watch=watch)
    assert len(seen) == 3
    assert metrics(finished) == quiet["model-a"]
    assert set(fake.delivered.values()) == {1}
    took = [verdict.latency_s for item in finished.result().graded for verdict in item.verdicts]
    least, most = min(took), max(took)
    assert 0 < least < most < 60


# Processes


def start(*words: str | Path) -> Child:
    """The command line in a process of its own."""
    return Child(*words)


def restricted(size: int, *words: str | Path) -> Child:
    """The same, where no file may get larger than so many bytes."""
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}));"
        "import sys; from preceptor.cli.app import main; sys.exit(main())"
    )
    return Child(*words, code=code)


def end(process: Child) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    return process.returncode, out, err


def request(fake: FakeEndpoint, path: Path, model: str, *more: str) -> list[str]:
    return [
        "run",
        "starter",
        f"--system={fake.address(model)}",
        f"--grader={fake.address('judge')}",
        "--grader-template=preceptor",
        f"--store={path}",
        f"--name={model}",
        "--json",
        *more,
    ]


def found(out: str) -> str:
    return json.dumps(json.loads(out)["metrics"], sort_keys=True)


def test_two_processes_on_one_store(path: Path, quiet: dict[str, str]) -> None:
    """Two models are evaluated at the same time, with faults: as if each were alone."""
    slow = ["-p", "timeout=3", "-P", "timeout=3"]
    with FakeEndpoint(faults=[*CHAOS, *TAIL], rate=0.2, seed=5, latency=(0, 0.03)) as fake:
        both = [start(*request(fake, path, model, *slow)) for model in quiet]
        ends = [end(process) for process in both]
    for (code, out, err), expected in zip(ends, quiet.values(), strict=True):
        assert code == 0, err
        assert found(out) == expected
    assert set(fake.delivered.values()) == {1}
    assert fake.delivered.total() == 2 * (EXAMPLES + CRITERIA)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes")
def test_disk_that_is_full(path: Path, quiet: dict[str, str]) -> None:
    """No byte more can be written: one line, and with room again the rest is done."""
    with FakeEndpoint(latency=(0, 0.01)) as fake:
        code, out, err = end(restricted(450_000, *request(fake, path, "model-a")))
        assert (code, out) == (2, "")
        assert "free some space and resume" in err.strip().splitlines()[-1]
        assert "Traceback" not in err
        kept = rows_of(path)
        assert 0 < len(kept) < EXAMPLES + CRITERIA
        paid = fake.delivered.total()
        code, out, err = end(start("resume", "model-a", "--json", "--store", path))
    assert code == 0, err
    assert found(out) == quiet["model-a"]
    assert rows_of(path).items() >= kept.items()
    assert fake.delivered.total() == paid + EXAMPLES + CRITERIA - len(kept)


def rows_of(path: Path) -> dict[str, str]:
    """What is in a store: key of each answer and verdict → its content."""
    try:
        store = Store(path, create=False)
    except StoreError:
        return {}  # killed before its tables were made
    with store, store.reading() as connection:
        tables = (schema.responses, schema.verdicts, schema.packed_keys)
        keys = [key for table in tables for key in connection.scalars(sa.select(table.c.key))]
    with store:
        answers, verdicts = store.find_responses(keys), store.find_verdicts(keys)
    kept = {key: answer.text for key, answer in answers.items()}
    return kept | {key: f"{verdict.met}{verdict.explanation}" for key, verdict in verdicts.items()}


# Kills

KILLS, REPEATS, AT_ONCE = 10, 12, 4
#: Starts lives that are killed: each a fork of a process that has everything imported.
KILLER = """
import os, sys, signal, time, traceback
import aiohttp, preceptor, preceptor.engine.pipeline, preceptor.systems.openai
store, *words = sys.argv[1:]
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if not child:
        sys.stdin.close()
        code = 1
        try:
            try:
                preceptor.resume("mine", store=store)
            except (preceptor.StoreError, preceptor.UnknownName):  # killed before there was a run
                preceptor.run("starter", store=store, name="mine", **eval(words[0]))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if float(line) > 0:
        time.sleep(float(line))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@contextlib.contextmanager
def lives(path: Path, options: dict[str, Any]) -> Iterator[Any]:
    """A function that lets the run live for so many seconds, then kills it; 0 for to its end."""
    process = Child(path, repr(options), code=KILLER)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    def live(seconds: float) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        print(seconds, file=process.stdin, flush=True)
        return int(process.stdout.readline())

    try:
        yield live
    finally:
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
        process.close()


def test_run_that_was_only_just_made_is_resumed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that it needs is there before it is: its process may die right after."""
    make = Store.create_run

    def die(*given: Any, **options: Any) -> None:
        make(*given, **options)
        raise SystemExit

    with FakeEndpoint() as fake:
        monkeypatch.setattr(Store, "create_run", die)
        with pytest.raises(SystemExit):
            run(fake, path, limit=2)
        assert preceptor.resume("mine", store=path).result().coverage == 1


def test_ten_kills_in_one_run(path: Path) -> None:
    """kill -9 at ten random moments of a run of two thousand calls.

    No acknowledged result is lost or changed, the scores are the quiet run's, and what is paid
    twice is bounded: with c calls at once, of each system, a kill costs at the most those c under
    way and the results that one transaction was being written with and the next was waiting for.
    """
    seeded: dict[str, Any] = {"grader_template": "preceptor", "repeats": REPEATS}
    seeded["system_params"] = [f"concurrency={AT_ONCE}", "seed=1"]
    seeded["grader_params"] = [f"concurrency={AT_ONCE}"]
    moments = random.Random(9)
    kept: dict[str, str] = {}
    lost: list[int] = []
    with FakeEndpoint(latency=(0.01, 0.05)) as fake:
        where: dict[str, Any] = {"system": fake.address("model-a"), "grader": fake.address("judge")}
        with lives(path, where | seeded) as live:
            for _ in range(KILLS):
                before = fake.delivered.total()
                code = live(moments.uniform(0.15, 0.4))
                assert code == -signal.SIGKILL
                now = rows_of(path) if path.exists() else {}
                assert now.items() >= kept.items()
                lost.append(fake.delivered.total() - before - (len(now) - len(kept)))
                kept = now
            assert live(0) == 0
        final = rows_of(path)
        paid = fake.delivered.total()
    with FakeEndpoint() as fake:
        where = {"system": fake.address("model-a"), "grader": fake.address("judge")}
        peaceful = preceptor.run("starter", store=path.with_name("peaceful.db"), **where, **seeded)
    disturbed = preceptor.load("mine", store=path)
    assert disturbed.result().coverage == 1
    assert metrics(disturbed) == metrics(peaceful)
    assert final.items() >= kept.items()
    assert len(final) > 2000
    assert paid == len(final) + sum(lost)
    assert max(lost) <= 2 * AT_ONCE * 3
