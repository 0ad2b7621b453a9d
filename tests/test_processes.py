"""One run over several processes: the scores of one, whoever dies, and one cap for all."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import preceptor
from children import Child
from preceptor import benchmarks
from preceptor.engine.budget import Budget
from preceptor.engine.progress import Progress
from preceptor.engine.workers.messages import Ended, More
from preceptor.engine.workers.shards import cut
from preceptor.engine.workers.shares import BudgetShares, GrantedBudget
from preceptor.errors import (
    BudgetExceeded,
    DataError,
    EndpointRefused,
    InputError,
    PreceptorError,
    StoreBusy,
    Unavailable,
)
from preceptor.records import Completion, Criterion, Example, Graded, Message, Usage
from preceptor.store import Store
from preceptor.store.lease import Owner
from preceptor.systems.base import Ask, System
from preceptor.systems.prices import Price
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

EXAMPLES, CRITERIA = 36, 148
PROTOCOL = benchmarks.get("starter").protocol
PATIENCE_S = 120


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def run(fake: FakeEndpoint, path: Path, **options: Any) -> preceptor.Run:
    options.setdefault("processes", 2)
    options.setdefault("system", fake.address("model-a"))
    return preceptor.run(
        "starter",
        grader=fake.address("judge"),
        grader_template="preceptor",
        store=path,
        name="mine",
        **options,
    )


def start(fake: FakeEndpoint, path: Path, *more: str) -> Child:
    """The command line, in a process group of its own."""
    words = [
        f"--system={fake.address('model-a')}",
        f"--grader={fake.address('judge')}",
        "--grader-template=preceptor",
        f"--store={path}",
        "--name=mine",
        "--json",
        "--processes=2",
        *more,
    ]
    return command("run", "starter", *words)


def both(text: str) -> list[str]:
    return [f"--system-param={text}", f"--grader-param={text}"]


def command(*words: str) -> Child:
    return Child(*words, alone=True)


def end(process: Child) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The metrics of the same run in one process."""
    path = tmp_path_factory.mktemp("quiet") / "work.db"
    with FakeEndpoint() as fake:
        return run(fake, path, processes=1).score()["metrics"]  # type: ignore[no-any-return]


def same(found: Any, expected: Any) -> bool:
    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


def workers(parent: int) -> list[int]:
    """The worker processes of a driver."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            line = (entry / "cmdline").read_bytes()
        except OSError:  # no process, or gone meanwhile
            continue
        if int(stat[1]) == parent and b"preceptor.engine.workers.pipes" in line:
            found.append(int(entry.name))
    return found


def wait_until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def kept(path: Path) -> int:
    """Answers and verdicts that are in the store."""
    with Store(path, create=False) as store:
        graded = store.graded(store.run("mine"))
    return sum(
        (item.response is not None) + sum(verdict is not None for verdict in item.verdicts)
        for item in graded
    )


def test_two_processes_give_the_scores_of_one(path: Path, quiet: dict[str, Any]) -> None:
    """Each question is asked once, by one of two; and a third process finds the run at work."""
    seen: set[int] = set()
    refused: list[str] = []

    def watch(progress: Progress) -> None:
        seen.update(workers(os.getpid()))
        if not refused:
            with Store(path) as store, pytest.raises(StoreBusy) as caught:
                store.lease(store.run("mine")).__enter__()
            refused.append(str(caught.value))

    with FakeEndpoint(latency=0.02) as fake:
        finished = run(fake, path, watch=watch)
        assert set(fake.delivered.values()) == {1}
        assert fake.calls.total() == EXAMPLES + CRITERIA
    assert finished.outcome is not None
    assert finished.outcome.status == "done"
    assert same(finished.score()["metrics"], quiet)
    assert len(seen) == 2
    assert f"process {os.getpid()} on " in refused[0]
    assert workers(os.getpid()) == []


def test_shard_of_a_killed_worker_goes_to_another(path: Path, quiet: dict[str, Any]) -> None:
    """Only what it had not acknowledged is asked again, and the scores are the same."""
    seen, killed, done = dict[int, None](), list[int](), [10]

    def watch(progress: Progress) -> None:
        there = workers(os.getpid())
        seen.update(dict.fromkeys(there))
        alive = [worker for worker in seen if worker in there and worker not in killed]
        # The oldest, after something more was done: three in a row without would end the run.
        if len(killed) < 3 and alive and progress.fresh > done[0]:
            os.kill(alive[0], signal.SIGKILL)
            killed.append(alive[0])
            done[0] = progress.fresh

    few = {"concurrency": 8}
    with FakeEndpoint(latency=0.15) as fake:
        finished = run(fake, path, watch=watch, system_params=few, grader_params=few)
        again = fake.calls.total() - EXAMPLES - CRITERIA
    assert len(killed) == 3
    # A worker of two has half of each concurrency; as many may have been on their way to the disk.
    assert 0 <= again <= 3 * 2 * (4 + 4)
    assert finished.outcome is not None
    assert finished.outcome.status == "done"
    assert same(finished.score()["metrics"], quiet)


def test_interrupt_lets_calls_under_way_finish(path: Path, quiet: dict[str, Any]) -> None:
    """Ctrl-C ends the command with 130; resumed with two processes, nothing was paid twice."""
    with FakeEndpoint(latency=0.3) as fake:
        process = start(fake, path, *both("concurrency=16"))
        wait_until(lambda: fake.delivered.total() > 20)
        os.killpg(process.pid, signal.SIGINT)
        code, _, err = end(process)
        assert code == 130, err
        assert "Traceback" not in err
        assert fake.delivered.total() == kept(path) < EXAMPLES + CRITERIA
        words = ["resume", "mine", "--json", f"--store={path}", "--processes=2"]
        code, out, err = end(command(*words))
        assert code == 0, err
        assert set(fake.calls.values()) == {1}
    assert same(json.loads(out)["metrics"], quiet)


def test_second_interrupt_drops_the_calls_under_way(path: Path) -> None:
    """It does not wait for answers that take minutes, and leaves no process behind."""
    with FakeEndpoint(latency=600) as fake:
        process = start(fake, path)
        wait_until(lambda: fake.calls.total() > 0)
        left = workers(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr is not None
        assert "stopping: stopped by you" in process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)
        code, _, err = end(process)
        assert code == 130, err
        assert "Traceback" not in err
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))


def test_workers_stop_when_their_driver_is_killed(path: Path, quiet: dict[str, Any]) -> None:
    """They finish and keep the calls under way, and nothing is paid twice."""
    with FakeEndpoint(latency=0.2) as fake:
        process = start(fake, path, *both("concurrency=16"))
        wait_until(lambda: fake.delivered.total() > 20)
        orphans = workers(process.pid)
        process.kill()
        end(process)
        assert len(orphans) == 2
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans))
        assert fake.delivered.total() == kept(path) < EXAMPLES + CRITERIA
        finished = preceptor.resume("mine", store=path)
        assert set(fake.calls.values()) == {1}
    assert same(finished.score()["metrics"], quiet)


def test_cap_holds_over_all_workers(path: Path) -> None:
    """It is passed by no more than the calls under way in both; then the run is incomplete."""
    cap, concurrency = 20_000, 8
    few = {"concurrency": concurrency}
    with FakeEndpoint(latency=0.01) as fake:
        finished = run(fake, path, max_total_tokens=cap, system_params=few, grader_params=few)
    with Store(path) as store:
        spent = store.spent(store.run("mine")).tokens
        largest = max(
            record.usage.total
            for item in store.graded(store.run("mine"))
            for record in (item.response, *item.verdicts)
            if record is not None
        )
    assert finished.outcome is not None
    assert finished.outcome.status == "incomplete"
    assert "the cap of 20,000 tokens is reached" in (finished.outcome.why or "")
    # What a worker was granted and another needs is left: more where one of the two is slow.
    assert cap * 0.8 < spent <= cap + 2 * concurrency * largest


def test_refusal_that_a_worker_meets_is_the_drivers(path: Path) -> None:
    """The same exception with the same words, and no call after it."""
    with FakeEndpoint(api_key="right") as fake, pytest.raises(EndpointRefused) as caught:
        run(fake, path)
    assert "HTTP 401" in str(caught.value)
    with Store(path) as store:
        assert store.run("mine").status == "incomplete"


def test_workers_that_cannot_work_are_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three that die in a row with nothing done end the run with one line."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with FakeEndpoint() as fake, pytest.raises(PreceptorError, match="3 workers died in a row"):
        run(fake, path)


def test_own_code_is_imported_in_every_process(path: Path) -> None:
    """A module in the current folder is found, and what it prints is no part of what is said."""
    Path("echo_answers.py").write_text(
        "def answer(messages):\n    print('hello')\n    return 'Hm.'"
    )
    with FakeEndpoint() as fake:
        finished = run(fake, path, system="python:echo_answers:answer", limit=4)
    assert finished.outcome is not None
    assert finished.outcome.status == "done"
    with Store(path) as store:
        texts = {item.response.text for item in store.graded(store.run("mine")) if item.response}
    assert texts == {"Hm."}


def answer(messages: list[dict[str, str]]) -> str:
    return "Hm."


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"processes": 0}, "--processes: expected a whole number from 1, found 0"),
        ({"backend": "dask"}, "--backend 'dask': expected ray"),
        ({"system": "python:__main__:answer"}, "is not there in other processes"),
        ({"system": "local/smollm2-135m"}, "takes all of this machine's cores"),
        ({"system_params": {"concurrency": 1}}, "2 workers cannot share concurrency=1"),
        ({"store": ":memory:"}, "a store in memory cannot be shared"),
        ({"backend": "ray", "system": "python:math:sqrt"}, "is on this machine only"),
        ({"system": "openai/gpt-5.4", "batch": True}, "with --batch one process is enough"),
    ],
)
def test_what_cannot_be_shared_is_refused_first(
    path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], words: str
) -> None:
    """One line says why, and no run has been made."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setattr(sys.modules["__main__"], "answer", answer, raising=False)
    where = options.get("store", path)
    with FakeEndpoint() as fake, pytest.raises(InputError) as caught:
        run(fake, **{"path": where, **{k: v for k, v in options.items() if k != "store"}})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    if where == path:
        with Store(path) as store:
            assert store.runs() == []


def test_ray_that_is_not_installed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with FakeEndpoint() as fake, pytest.raises(Unavailable, match="pip install 'ray>"):
        run(fake, path, backend="ray")


def test_owner_is_known_by_its_start_and_not_by_a_clock() -> None:
    """On one machine a clock that jumps changes nothing; a number given again is another's."""
    me = Owner.me()
    # A tick later than our own start: no parent was born then, though one may be in the same tick.
    later = int(Path("/proc/self/stat").read_text().split()[21]) + 1
    parent = replace(me, pid=os.getppid(), born=str(later))
    assert not parent.alive(heartbeat=1000.0, now=1000.0)
    living = subprocess.Popen(["sleep", "600"])
    try:
        stat = Path(f"/proc/{living.pid}/stat").read_text().split()
        child = replace(me, pid=living.pid, born=stat[21])
        assert child.alive(heartbeat=0.0, now=1e9)
    finally:
        living.kill()
    wait_until(lambda: not child.alive(heartbeat=1000.0, now=1000.0))  # a zombie, not waited for
    living.wait()
    in_a_container = replace(me, space="pid:[1]")
    assert in_a_container.alive(heartbeat=1000.0, now=1001.0)
    assert not in_a_container.alive(heartbeat=1000.0, now=1061.0)


# Shards


def graded(conversation: str, criteria: int, repeat: int = 0) -> Graded:
    items = tuple(Criterion(f"c{n}", 1) for n in range(criteria))
    example = Example(conversation + str(criteria), (Message("user", conversation),), items)
    return Graded(example, repeat, None, (None,) * criteria)


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 30)), min_size=1, max_size=60),
    st.integers(1, 8),
)
def test_shards_have_everything_once_and_the_same_question_together(
    examples: list[tuple[str, int]], shards: int
) -> None:
    """None is empty, and examples with one conversation are never parted."""
    todo = [(n, graded(*example)) for n, example in enumerate(examples)]
    found = cut(todo, PROTOCOL, shards)
    assert sorted(position for shard in found for position in shard) == list(range(len(todo)))
    assert len(found) == min(shards, len({name for name, _ in examples}))
    assert all(shard == tuple(sorted(shard)) and shard for shard in found)
    homes = [
        {n for n, shard in enumerate(found) for p in shard if examples[p][0] == name}
        for name in {name for name, _ in examples}
    ]
    assert all(len(home) == 1 for home in homes)


def test_shards_are_of_about_the_same_work() -> None:
    """Of many examples, no shard has more than a hundredth more than another."""
    todo = [(n, graded(str(n), 1 + n * 7 % 30)) for n in range(1000)]
    work = [sum(1 + 1 + n * 7 % 30 for n in shard) for shard in cut(todo, PROTOCOL, 7)]
    assert max(work) <= 1.01 * min(work)


# One cap for all


@given(
    st.integers(1, 10_000),
    st.integers(1, 5),
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(1, 400), st.sampled_from(["go", "end", "die"])),
        max_size=80,
    ),
)
def test_grants_never_add_up_to_more_than_the_cap(
    cap: int, number: int, steps: list[tuple[int, int, str]]
) -> None:
    """Each worker that spends within its grant leaves the whole within the cap; so do the dead."""
    bank = BudgetShares(Budget(max_tokens=cap), number)
    spent: dict[int, int] = {}
    allowed: dict[int, int] = {}
    ended = 0
    for who, cost, what in steps:
        worker = who % number
        if what != "go" and worker in spent:
            bank.note(worker, 0.0, spent[worker])
            bank.settle(worker, lost=what == "die")
            ended += spent.pop(worker)
            allowed.pop(worker)
            continue
        spent.setdefault(worker, 0)
        grant = bank.grant(worker, More(0.0, spent[worker], 0.0, cost))
        allowed[worker] = grant.tokens or 0
        spent[worker] = min(allowed[worker], spent[worker] + cost)
        assert ended + sum(allowed.values()) <= cap


def test_lone_worker_may_spend_the_whole_cap() -> None:
    """Grants get smaller as the cap comes near, and it is reached to the last token."""
    bank = BudgetShares(Budget(max_tokens=1000, max_cost=5.0, cost=1.0), 1)
    asked: list[More] = []

    def ask(more: More) -> None:
        asked.append(more)
        allowance.replies.put(bank.grant("it", more))

    allowance = GrantedBudget(bank.capped, ask)
    system = Thousandth()

    async def spend() -> None:
        while True:
            await allowance.answer(system, Ask(()))

    with pytest.raises(BudgetExceeded, match=r"cap of 1,000 tokens is reached"):
        asyncio.run(spend())
    assert system.asked == 1000
    assert len(asked) < 100
    assert bank.budget.cost == pytest.approx(2.0)


class Thousandth(System):
    """Takes a token, for a thousandth of a dollar."""

    price = Price(1000, 1000)
    max_tokens = 1

    def __init__(self) -> None:
        self.asked = 0

    async def answer(self, ask: Ask) -> Completion:
        self.asked += 1
        return Completion("a", usage=Usage(0, 1), cost_usd=0.001)


def test_dollars_that_were_paid_before_count() -> None:
    """A cap that is reached already grants nothing."""
    bank = BudgetShares(Budget(max_cost=2.0, cost=2.5), 2)
    assert bank.capped == (True, False)
    assert "--max-cost" in (bank.grant("it", More(0.0, 0, 0.001)).refusal or "")


# What is said


@pytest.mark.parametrize(
    "error",
    [
        EndpointRefused("refused", "no key"),
        StoreBusy("busy"),
        InputError("wrong"),
        BudgetExceeded("the cap"),
    ],
)
def test_exception_arrives_as_it_was(error: PreceptorError) -> None:
    found = Ended.by(None, error).exception()  # type: ignore[arg-type]
    assert type(found) is type(error)
    assert str(found) == str(error)


def test_exception_of_another_kind_arrives_in_words() -> None:
    """A line of a file keeps its place; what nobody expected says what it was."""
    found = Ended.by(None, DataError("a.jsonl", 3, "id", "bad")).exception()  # type: ignore[arg-type]
    assert str(found) == "a.jsonl:3: id: bad"
    assert isinstance(found, InputError)
    found = Ended.by(None, ZeroDivisionError("x")).exception()  # type: ignore[arg-type]
    assert str(found) == "a worker failed: ZeroDivisionError: x"
