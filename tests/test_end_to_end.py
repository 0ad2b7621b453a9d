"""The whole way, over real HTTP: from an address to a score, through every fault and every kill."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import preceptor
from children import Child
from preceptor.engine.pipeline import Pipeline
from preceptor.engine.plan import Request, check
from preceptor.engine.runner import execute
from preceptor.errors import EndpointRefused, StoreBusy, StoreError
from preceptor.graders import OWN, resolve_grader
from preceptor.graders.base import Case
from preceptor.records import Graded, Message
from preceptor.store import Store
from preceptor.systems import Parameters
from preceptor.testing import CHAOS, FakeEndpoint, Fault, prompt_key

pytestmark = pytest.mark.usefixtures("bare")

EXAMPLES, CRITERIA = 36, 148
#: A machine with other things to do must not fail the tests; a hang shall end some day.
PATIENCE_S = 120


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def end(process: Child) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    return process.returncode, out, err


def until(there: Callable[[], bool], process: Child) -> None:
    """Wait for what a process does; it lives until then."""
    ends = time.monotonic() + PATIENCE_S
    while not there():
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < ends, "it does not come"
        time.sleep(0.01)


def said(process: Child, words: str) -> None:
    """Read what a process reports up to these words; one that never says them is killed."""
    assert process.stderr is not None
    silent = threading.Timer(PATIENCE_S, process.kill)
    silent.start()
    try:
        while words not in (line := process.stderr.readline()):
            assert line, f"ended without {words!r}"
    finally:
        silent.cancel()


def cli(*arguments: str | Path) -> tuple[int, str, str]:
    return end(Child(*arguments))


def request(fake: FakeEndpoint, path: Path, *more: str) -> list[str]:
    """The words of a run of the starter set."""
    return [
        "run",
        "starter",
        f"--system={fake.address('model-a')}",
        f"--grader={fake.address('judge')}",
        "--grader-template=preceptor",
        f"--store={path}",
        "--name=mine",
        "--json",
        *more,
    ]


def both(text: str) -> list[str]:
    return [f"--system-param={text}", f"--grader-param={text}"]


def run(fake: FakeEndpoint, path: Path, **options: Any) -> preceptor.Run:
    """The same through the library."""
    options.setdefault("system", fake.address("model-a"))
    options.setdefault("name", "mine")
    return preceptor.run(
        "starter",
        grader=fake.address("judge"),
        grader_template="preceptor",
        store=path,
        **options,
    )


def metrics(out: str) -> dict[str, Any]:
    return json.loads(out)["metrics"]  # type: ignore[no-any-return]


def one_line(err: str) -> str:
    """The only line of a complaint, without a traceback."""
    [line] = err.strip().splitlines()
    return line


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The metrics of a run without any fault."""
    path = tmp_path_factory.mktemp("quiet") / "work.db"
    with FakeEndpoint() as fake:
        finished = run(fake, path)
    assert finished.outcome is not None
    assert finished.outcome.status == "done"
    assert fake.delivered.total() == fake.calls.total() == EXAMPLES + CRITERIA
    return finished.score()["metrics"]  # type: ignore[no-any-return]


def same(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


# Faults


def test_run_with_every_fault_has_the_scores_of_a_quiet_one(
    path: Path, quiet: dict[str, Any]
) -> None:
    """Everything that another attempt can get past is got past, and changes no number."""
    faults = [*CHAOS, Fault("rate_limit_date", most=2, seconds=1)]
    with FakeEndpoint(faults=faults, rate=0.6, most_faults=3, seed=3, latency=(0, 0.02)) as fake:
        code, out, err = cli(*request(fake, path, *both("timeout=1")))
    assert (code, err.count("Traceback")) == (0, 0), err
    assert same(metrics(out), quiet)
    assert set(fake.met) == {*CHAOS, "rate_limit_date"}
    assert set(fake.delivered.values()) == {1}
    assert len(fake.delivered) == EXAMPLES + CRITERIA
    code, out, _ = cli("score", "mine", "--json", "--store", path)
    assert same(metrics(out), quiet)
    assert json.loads(out)["ungraded"] == {}


def test_grader_without_verdicts_leaves_them_ungraded(path: Path) -> None:
    """The run is incomplete and says by how much; no missing verdict counts as "not met"."""
    with FakeEndpoint(faults=["prose", "met_text"], rate=0.75, most_faults=99) as fake:
        code, out, err = cli(*request(fake, path))
        score = json.loads(out)
        assert code == 1
        assert "incomplete" in err.splitlines()[-1]
        assert "resume mine" in err.splitlines()[-1]
        missing = score["ungraded"]["unparseable"]
        assert set(score["ungraded"]) == {"unparseable"}
        assert 10 < missing < CRITERIA - 10
        assert score["coverage"] == pytest.approx(1 - missing / CRITERIA)
        overall = score["metrics"]["overall_score"]
        assert overall["n"] < EXAMPLES
        assert overall["bounds"][0] < overall["bounds"][1]
        # The table says the same to people.
        code, out, err = cli("score", "mine", "--store", path)
        assert f"{missing} of {CRITERIA} verdicts are missing: {missing} unparseable" in err
        assert "lies between" in err
        # Enough for somebody who asked for less; only what is missing is asked again.
        given = {prompt for prompt, count in fake.delivered.items() if count}
        before = dict(fake.calls)
        resumed = preceptor.resume("mine", store=path)
    assert all(fake.calls[prompt] == before[prompt] for prompt in given)
    assert resumed.result().ungraded.get("unparseable", 0) < missing


def test_less_coverage_is_enough_where_it_was_asked_for(path: Path) -> None:
    with FakeEndpoint(faults=["prose"], rate=0.75, most_faults=99) as fake:
        finished = run(fake, path, min_coverage=0.2)
    assert finished.outcome is not None
    assert finished.outcome.status == "done"
    assert 0.2 < finished.result().coverage < 1


def test_answers_that_failed_are_asked_again(path: Path) -> None:
    """A system's failed call is no empty answer; a resume asks it again, and it alone."""
    fault = Fault("bad_request", on="system", most=5)
    with FakeEndpoint(faults=[fault], rate=0.5, script=[None]) as fake:
        finished = run(fake, path, system_params=["concurrency=1"])
        assert finished.outcome is not None
        assert finished.outcome.status == "incomplete"
        assert set(finished.result().ungraded) == {"no answer: bad_request"}
        calls = fake.calls.total()
        resumed = preceptor.resume("mine", store=path)
        assert resumed.result().coverage == 1
    assert fake.delivered.total() == EXAMPLES + CRITERIA
    assert fake.met == {"bad_request": 5}
    assert fake.calls.total() - calls == EXAMPLES + CRITERIA - (calls - 5)


# Kills


def acknowledged(path: Path) -> dict[str, str]:
    """What the store has: the prompt of each answer and verdict → its content."""
    grader = resolve_grader("http://h/v1#judge", Parameters(), OWN)
    found = {}
    with Store(path, create=False) as store:
        for item in store.graded(store.run("mine")):
            if item.response is None:
                continue
            found[_prompt("model-a", item.example.messages)] = item.response.text
            found |= {
                _prompt("judge", question): str(verdict)
                for question, verdict in _judged(grader, item)
            }
    return found


def _judged(grader: Any, item: Graded) -> Iterator[tuple[tuple[Message, ...], Any]]:
    assert item.response is not None
    conversation = (*item.example.messages, Message("assistant", item.response.text))
    for criterion, verdict in zip(item.example.criteria, item.verdicts, strict=True):
        if verdict is not None:
            yield grader.question(Case(conversation, {}, "mine"), criterion).ask.messages, verdict


def _prompt(model: str, messages: tuple[Message, ...]) -> str:
    return prompt_key({"model": model, "messages": messages})


COUNT = "SELECT (SELECT count(*) FROM verdicts) + (SELECT count(*) FROM packed_keys)"


def wait_for(path: Path, verdicts: int, process: Child) -> None:
    """Until the store has so many verdicts, or the process has ended."""
    while process.poll() is None:
        with contextlib.suppress(sqlite3.OperationalError):  # not made yet
            uri = f"file:{path}?mode=ro"
            with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
                (found,) = connection.execute(COUNT).fetchone()
                if found >= verdicts:
                    return
        time.sleep(0.005)


def test_kill_loses_nothing_and_repeats_nothing(path: Path, quiet: dict[str, Any]) -> None:
    """kill -9 at any moment: what the store had is there, unchanged, and is not asked again."""
    moments = sorted(random.Random(7).sample(range(1, CRITERIA - 20), 4))
    gentle = [kind for kind in CHAOS if kind not in ("stall", "slow")]
    with FakeEndpoint(faults=gentle, rate=0.15, latency=(0.01, 0.08)) as fake:
        process = Child(*request(fake, path, *both("concurrency=5")))
        for moment in moments:
            wait_for(path, moment, process)
            assert process.poll() is None, process.communicate()
            process.kill()
            end(process)
            kept = acknowledged(path)
            assert len(kept) >= moment
            asked = {prompt: fake.delivered[prompt] for prompt in kept}
            process = Child("resume", "mine", "--json", "--store", path)
            wait_for(path, moment + 1, process)
            assert acknowledged(path).items() >= kept.items()
            assert {prompt: fake.delivered[prompt] for prompt in kept} == asked
        code, out, err = end(process)
        assert code == 0, err
        final = acknowledged(path)
    assert final.items() >= kept.items()
    assert {prompt: fake.delivered[prompt] for prompt in kept} == asked
    assert len(final) == EXAMPLES + CRITERIA
    # Only what was under way at a kill was asked again.
    assert fake.delivered.total() <= EXAMPLES + CRITERIA + len(moments) * 10
    assert same(metrics(out), quiet)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_keeps_the_calls_under_way(
    path: Path, quiet: dict[str, Any], sign: signal.Signals
) -> None:
    """Ctrl-C: exit 130; each answer that the server gave is in the store; resume does the rest.

    A cluster or a container that wants its room back sends SIGTERM: the same.
    """
    with FakeEndpoint(latency=(0.02, 0.1)) as fake:
        process = Child(*request(fake, path, *both("concurrency=5")))
        wait_for(path, 20, process)
        process.send_signal(sign)
        code, out, err = end(process)
        assert code == 130
        last = err.splitlines()[-1]
        assert last.startswith("interrupted; ")
        assert last.endswith(f"; go on with: preceptor resume mine --store {path}")
        assert json.loads(out)["status"] == "interrupted"
        kept = acknowledged(path)
        assert 20 < len(kept) < EXAMPLES + CRITERIA
        assert set(fake.delivered) == set(kept)
        assert fake.peak["model-a"] <= 5
        assert fake.peak["judge"] <= 5
        code, out, _ = cli("resume", "mine", "--json", "--store", path)
        assert code == 0
    assert same(metrics(out), quiet)
    assert fake.delivered.total() == EXAMPLES + CRITERIA


def test_second_interrupt_drops_the_calls_under_way(path: Path) -> None:
    """Who does not want to wait for an answer that may never come, need not."""
    stuck = Fault("stall", on="grader")
    with FakeEndpoint(faults=[stuck], rate=1, most_faults=99) as fake:
        process = Child(*request(fake, path))
        until(lambda: fake.met["stall"] >= 5, process)
        process.send_signal(signal.SIGINT)
        said(process, "stopping: stopped by you")
        process.send_signal(signal.SIGINT)
        code, _, err = end(process)
    assert code == 130
    assert "Traceback" not in err
    assert len(acknowledged(path)) >= 1


# Several processes


def test_one_process_at_a_time_works_on_a_run(path: Path) -> None:
    """Another says who does, and ends; what the first leaves, the next one finishes."""
    # Two calls are held, so that the first is at work for as long as this takes. Nothing waits for
    # one of them to end: that would be an hour.
    held = both("concurrency=2") + both("timeout=3600")
    with FakeEndpoint(script=[*[None] * 20, *["stall"] * 2]) as fake:
        first = Child(*request(fake, path, *held))
        until(lambda: fake.met["stall"] >= 2, first)
        code, out, err = cli("resume", "mine", "--store", path)
        assert (code, out) == (2, "")
        assert f"run mine: process {first.pid} on " in one_line(err)
        with pytest.raises(StoreBusy):
            preceptor.resume("mine", store=path)
        first.send_signal(signal.SIGINT)
        said(first, "stopping: stopped by you")
        first.send_signal(signal.SIGINT)
        assert end(first)[0] == 130
        preceptor.resume("mine", store=path)
    assert fake.delivered.total() == EXAMPLES + CRITERIA


def test_two_runs_in_one_store_at_the_same_time(path: Path, quiet: dict[str, Any]) -> None:
    """Both ask the same questions; both finish, with the same numbers."""
    with FakeEndpoint(latency=(0, 0.05)) as fake:
        processes = [Child(*request(fake, path, f"--name={name}")) for name in ("first", "second")]
        ends = [end(process) for process in processes]
    for code, out, err in ends:
        assert code == 0, err
        assert same(metrics(out), quiet)


# Caps

DEAR = both("price=1000/1000") + both("concurrency=4")


def test_cap_on_cost_stops_cleanly(path: Path, quiet: dict[str, Any]) -> None:
    """The cap is used and holds; a higher one goes on."""
    with FakeEndpoint(latency=(0, 0.02)) as fake:
        code, out, err = cli(*request(fake, path, *DEAR, "--max-cost=20"))
        assert code == 1
        assert "the cap of $20 is reached" in err.splitlines()[-1]
        score = json.loads(out)
        dearest = most_expensive(path)
        assert 20 - 2 * dearest <= score["cost_usd"] <= 20 + dearest
        assert score["status"] == "incomplete"
        code, out, err = cli("resume", "mine", "--json", "--store", path)
        assert code == 1  # the cap of the run still holds
        assert json.loads(out)["cost_usd"] <= 20 + dearest
        code, out, err = cli("resume", "mine", "--json", "--store", path, "--max-cost=1000")
        assert code == 0, err
    assert same(metrics(out), quiet)
    assert fake.delivered.total() == EXAMPLES + CRITERIA


def most_expensive(path: Path) -> float:
    with Store(path) as store:
        items = [item for run in store.runs() for item in store.graded(run)]
    results = [result for item in items for result in (item.response, *item.verdicts) if result]
    return max(result.cost_usd or 0 for result in results)


def test_cap_on_tokens_stops_cleanly(path: Path) -> None:
    with FakeEndpoint(latency=(0, 0.02)) as fake:
        stopped = run(fake, path, max_total_tokens=20_000, system_params=["concurrency=4"])
        assert stopped.outcome is not None
        assert stopped.outcome.status == "incomplete"
        assert "the cap of 20,000 tokens is reached" in (stopped.outcome.why or "")
        result = stopped.result()
        assert 18_000 < result.system_usage.total + result.grader_usage.total < 21_000
        again = preceptor.resume("mine", store=path, max_total_tokens=10_000_000)
    assert again.outcome is not None
    assert again.outcome.status == "done"
    assert fake.delivered.total() == EXAMPLES + CRITERIA


def test_cap_on_cost_needs_prices(path: Path) -> None:
    with FakeEndpoint() as fake:
        code, _, err = cli(*request(fake, path, "--max-cost=1"))
    assert code == 2
    assert "no price is known" in one_line(err)
    assert fake.calls.total() == 0


# The same again


def test_same_run_again_costs_nothing(path: Path, quiet: dict[str, Any]) -> None:
    """Every answer and verdict comes from the store."""
    with FakeEndpoint() as fake:
        options = {"system_params": ["price=1/2"], "grader_params": ["price=1/2"]}
        first = run(fake, path, **options)
        second = run(fake, path, name="second", **options)
        third = preceptor.resume("mine", store=path)
    assert fake.calls.total() == EXAMPLES + CRITERIA
    assert (first.result().cost_usd or 0) > 0
    assert second.result().cost_usd == 0
    assert third.result().cost_usd == first.result().cost_usd
    assert same(second.score()["metrics"], quiet)
    with Store(path) as store, store.engine.connect() as connection:
        query = "SELECT sum(asked), sum(reused_asked) FROM judged GROUP BY run_id ORDER BY run_id"
        assert connection.execute(sa.text(query)).all() == [(CRITERIA, 0), (0, CRITERIA)]


def test_repeats_are_asked_each_and_judged_once_where_alike(path: Path) -> None:
    """The fake gives the same answer twice: its verdicts are asked for once."""
    with FakeEndpoint(latency=(0, 0.02)) as fake:
        finished = run(fake, path, repeats=2)
    result = finished.result()
    assert len(result.graded) == 2 * EXAMPLES
    assert (result.verdicts, result.coverage) == (2 * CRITERIA, 1)
    assert fake.delivered.total() == 2 * EXAMPLES + CRITERIA
    assert sorted(item.repeat for item in result.graded) == [0] * EXAMPLES + [1] * EXAMPLES


# What cannot work


def test_no_worker_is_started_for_an_example_that_another_has(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many may work at once: as many begin as there are examples, and none again later."""
    begun, work = [], Pipeline._worker

    async def counted(self: Pipeline, *told: Any) -> None:
        begun.append(1)
        await work(self, *told)

    monkeypatch.setattr(Pipeline, "_worker", counted)
    with FakeEndpoint() as fake:
        wide = ["concurrency=100"]
        address = fake.address("m")
        preceptor.run(
            "starter",
            system=address,
            grader=address,
            limit=7,
            store=path,
            system_params=wide,
            grader_params=wide,
        )
    assert len(begun) == 7


def test_wrong_key_stops_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, exit 2, no more calls than were under way; the key is nowhere."""
    monkeypatch.setenv("MY_KEY", "sk-wrong-0123456789")
    with FakeEndpoint(api_key="sk-right") as fake:
        code, out, err = cli(
            *request(fake, path, *both("api_key_env=MY_KEY"), *both("concurrency=3"))
        )
    assert (code, out) == (2, "")
    assert "HTTP 401" in one_line(err)
    assert fake.calls.total() <= 3
    assert "sk-wrong" not in err
    assert b"sk-wrong" not in everything(path)


def test_key_that_a_server_repeats_is_not_stored(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-right-0123456789")
    faults = [Fault("echo_key")]
    with FakeEndpoint(api_key="sk-right-0123456789", faults=faults, rate=0.5) as fake:
        parameters = ["api_key_env=MY_KEY", "retries=0"]
        finished = run(fake, path, system_params=parameters, grader_params=parameters)
    assert any("no answer: server_error" in reason for reason in finished.result().ungraded)
    assert b"sk-right" not in everything(path)
    assert b"[key]" in everything(path)


def everything(path: Path) -> bytes:
    """All bytes of a store."""
    return b"".join(file.read_bytes() for file in path.parent.iterdir() if file.is_file())


def test_server_that_is_not_there(path: Path) -> None:
    with FakeEndpoint() as gone:
        words = request(gone, path)
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert "cannot be reached" in one_line(err)


def test_full_disk_is_one_line_and_resumable(path: Path) -> None:
    """What was acknowledged is there; with room again, the rest is done."""
    with FakeEndpoint() as fake, Store(path) as store:
        wanted = Request(
            benchmark="starter",
            system=fake.address("model-a"),
            grader=fake.address("judge"),
            grader_template="preceptor",
            name="mine",
        )
        pipeline = check(wanted).create(store)
        store.engine.dispose()
        sa.event.listen(store.engine, "connect", _little_room)
        with pytest.raises(StoreError, match="full: free some space and resume") as caught:
            execute(pipeline)
        assert "\n" not in str(caught.value)
    kept = acknowledged(path)
    assert 0 < len(kept) < EXAMPLES + CRITERIA
    before = {prompt: fake.delivered[prompt] for prompt in kept}
    with FakeEndpoint(port=int(fake.url.split(":")[2].split("/")[0])) as again:
        assert preceptor.resume("mine", store=path).result().coverage == 1
    assert not set(before) & set(again.calls)


def _little_room(connection: Any, _: object) -> None:
    used = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {used + 5}")


# From wherever it is called, and whatever is asked


async def test_library_works_inside_a_running_loop(path: Path, quiet: dict[str, Any]) -> None:
    """As in a notebook, whose event loop is running already."""
    with FakeEndpoint() as fake:
        finished = run(fake, path)
    assert same(finished.score()["metrics"], quiet)


def test_watch_that_fails_stops_the_run(path: Path) -> None:
    """A display that cannot be shown any more leaves no thread working behind it."""

    def watch(_: object) -> None:
        raise BrokenPipeError

    with FakeEndpoint(latency=0.05) as fake:
        with pytest.raises(BrokenPipeError):
            run(fake, path, watch=watch)
        calls = fake.calls.total()
        assert calls < EXAMPLES + CRITERIA
        assert preceptor.resume("mine", store=path).result().coverage == 1


def strange(messages: list[dict[str, str]]) -> str:
    """An answer with everything that databases and JSON dislike."""
    return f"NUL \x00, surrogate \ud83d, pair \ud83d\ude00, {len(messages)} <<rubric_item>>"


def empty(_: object) -> str:
    return ""


def test_python_function_is_a_system(path: Path) -> None:
    """Strange characters are kept as marks, and are the same again after a resume."""
    with FakeEndpoint() as fake:
        finished = run(fake, path, system="python:test_end_to_end:strange", limit=5)
        calls = fake.calls.total()
        [answer, *_] = finished.result().graded
        assert answer.response is not None
        assert answer.response.text.startswith("NUL \ufffd, surrogate \ufffd, pair \U0001f600, ")
        prompts = [call.payload["messages"][0]["content"] for call in fake.log]
        assert all(answer.response.text[:28] in prompt for prompt in prompts)
        with Store(path) as store, store.engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM judged"))
        assert preceptor.resume("mine", store=path).result().coverage == 1
    assert fake.calls.total() == calls


def test_empty_answer_is_graded_as_it_is(path: Path) -> None:
    with FakeEndpoint() as fake:
        finished = run(fake, path, system="python:test_end_to_end:empty", limit=3)
    assert finished.result().coverage == 1
    last = [call.payload["messages"][0]["content"] for call in fake.log]
    assert all("assistant: \n</conversation>" in prompt for prompt in last)


@pytest.mark.parametrize("kind", ["google", "anthropic", "openai"])
@pytest.mark.parametrize("stream", ["true", "false"])
@pytest.mark.parametrize(
    ("fault", "failure", "attempts"),
    [
        ("empty", "empty", 3),
        ("null", "empty", 3),
        ("malformed_call", "empty", 3),
        ("tool_calls", "tool_calls", 1),
    ],
)
def test_reply_without_a_text_is_a_failed_answer(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    kind: str,
    stream: str,
    fault: str,
    failure: str,
    attempts: int,
) -> None:
    """A reply without a text is asked again, then named, paid for, and never counts as covered."""
    with FakeEndpoint(faults=[Fault(fault, on="system")], rate=1, most_faults=9) as fake:
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        params = [f"stream={stream}", "price=1/1"]
        finished = run(fake, path, limit=2, system=f"{kind}/m", system_params=params)
    result = finished.result()
    assert result.coverage == 0
    for item in result.graded:
        assert item.response is not None
        assert (item.response.failure, item.response.text) == (failure, "")
        assert "the reply had no text" in item.response.detail
        assert item.response.cost_usd
    assert len(fake.log) == 2 * attempts
    assert result.system_usage.total > 0


def test_empty_reply_that_is_followed_by_an_answer_is_paid_for(path: Path) -> None:
    """One useless reply costs no answer, and its usage is counted with the answer."""
    faults = [Fault("null", on="system")]
    with FakeEndpoint(faults=faults, rate=1, most_faults=1) as fake:
        finished = run(fake, path, limit=2, system_params=["price=1/1"])
    result = finished.result()
    assert result.coverage == 1
    with FakeEndpoint() as fake:
        once = run(fake, path.with_name("b.db"), limit=2, system_params=["price=1/1"]).result()
    assert result.system_usage.total > once.system_usage.total
    assert result.cost_usd is None or once.cost_usd is None or result.cost_usd > once.cost_usd


def test_system_prompt_is_shown_to_the_grader(path: Path) -> None:
    """The conversation that is judged is the one that was sent."""
    with FakeEndpoint() as fake:
        run(fake, path, limit=2, system_params=["system_prompt=You are a nurse."])
        judged = [call.payload for call in fake.log if call.payload["model"] == "judge"]
    assert judged
    assert all("system: You are a nurse.\n\n" in p["messages"][0]["content"] for p in judged)


def test_command_is_a_system(path: Path) -> None:
    agent = path.parent / "agent.py"
    agent.write_text(
        "import json, sys\nprint(len(json.load(sys.stdin)['messages']), 'messages read')\n"
    )
    with FakeEndpoint() as fake:
        finished = run(fake, path, system=f"command:{sys.executable} {agent}", limit=4)
    result = finished.result()
    assert result.coverage == 1
    assert all(item.response and "read" in item.response.text for item in result.graded)


def test_recorded_answers_are_a_system(path: Path) -> None:
    """Answers exported from one run score the same when they are replayed."""
    with FakeEndpoint() as fake:
        first = run(fake, path)
        recorded = path.with_name("answers.jsonl")
        with recorded.open("w") as file:
            for item in first.result().graded:
                assert item.response is not None
                row = {"id": item.example.id, "response": item.response.text}
                file.write(json.dumps(row) + "\n")
        calls = fake.calls.total()
        second = run(fake, path, system=f"replay:{recorded}", name="second")
        assert same(second.score()["metrics"], first.score()["metrics"])
    assert fake.calls.total() == calls  # the verdicts were there


def test_physicians_are_a_system(path: Path) -> None:
    with FakeEndpoint() as fake:
        finished = run(fake, path, system="physician")
    result = finished.result()
    assert result.coverage == 1
    assert len(result.graded) == sum(item.example.physician is not None for item in result.graded)
    assert fake.peak["model-a"] == 0


def test_refusal_in_the_middle_keeps_what_there_is(path: Path) -> None:
    """A key that is withdrawn while the run goes on: it stops, and can be resumed."""
    with FakeEndpoint(script=[None] * 40 + ["unauthorized"]) as fake:
        with pytest.raises(EndpointRefused, match="is kept: go on with: preceptor resume mine"):
            run(fake, path, system_params=["concurrency=2"], grader_params=["concurrency=2"])
        calls = fake.calls.total()
        assert 40 < calls < 50
        assert len(acknowledged(path)) == calls - 1
        assert preceptor.resume("mine", store=path).result().coverage == 1
    assert fake.delivered.total() == EXAMPLES + CRITERIA


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts the fake endpoint as a program; gives its URL."""
    processes: list[subprocess.Popen[str]] = []

    def serve(*options: str) -> str:
        command = [sys.executable, "-m", "preceptor.testing.fake_endpoint", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip()

    yield serve
    for process in processes:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert process.stdout is not None
        process.stdout.close()


def test_endpoint_as_a_program(
    path: Path, server: Callable[..., str], quiet: dict[str, Any]
) -> None:
    """It says where it is, serves the same answers, and ends when it is told to."""
    url = server("--fault=chaos", "--fault=gzip", "--rate=0.1", "--latency", "0", "0.01")
    finished = preceptor.run(
        "starter",
        system=f"{url}#model-a",
        grader=f"{url}#judge",
        grader_template="preceptor",
        store=path,
        system_params=["timeout=2"],
        grader_params=["timeout=2"],
    )
    assert same(finished.score()["metrics"], quiet)
    assert os.name == "nt" or path.stat().st_mode & 0o077 == 0
