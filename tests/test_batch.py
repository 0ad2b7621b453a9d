"""Batch APIs, over real HTTP: the same scores at half the price, and nothing submitted twice."""

from __future__ import annotations

import os
import shlex
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import preceptor
from children import Child
from preceptor.cli.app import main
from preceptor.engine.progress import Progress
from preceptor.errors import EndpointRefused, InputError
from preceptor.store.writer import Writer
from preceptor.systems.batch.model import BatchModel
from preceptor.systems.batch.openai import OpenAIBatches
from preceptor.systems.batch.work import Pace
from preceptor.testing.batches import FakeBatches, Job
from preceptor.testing.replies import is_judgement

CHAT = ("openai/gpt-4.1-mini", "openai/gpt-4.1")
MESSAGES = ("anthropic/claude-haiku-4-5", "anthropic/claude-sonnet-4-5")
BOTH = pytest.mark.parametrize("models", [CHAT, MESSAGES], ids=["openai", "anthropic"])
LIMIT = 6
PACE = Pace(gather=0.05, first_look=0.02, longest_look=0.05, grace=0.3)
#: A process of a user's, with the pauses of these tests.
DRIVER = f"""
import sys
import preceptor
from preceptor.systems.batch.model import BatchModel
from preceptor.systems.batch.work import Pace
BatchModel.pace = Pace(gather={PACE.gather}, first_look={PACE.first_look},
                       longest_look={PACE.longest_look}, grace={PACE.grace})
store, system, grader = sys.argv[1:]
preceptor.run("starter", system=system, grader=grader, store=store, limit={LIMIT}, batch=True)
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BatchModel, "pace", PACE)


@pytest.fixture
def fake(bare: None) -> Iterator[FakeBatches]:
    with FakeBatches() as endpoint, endpoint.environment():
        yield endpoint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work.db"


def run(path: Path, models: tuple[str, str] = CHAT, **options: Any) -> preceptor.Run:
    system, grader = models
    options = {"limit": LIMIT, "batch": True, **options}
    return preceptor.run("starter", system=system, grader=grader, store=path, **options)


def plain(path: Path, models: tuple[str, str] = CHAT, **options: Any) -> dict[str, Any]:
    """The score of the same run without batches."""
    return run(path.with_name("plain.db"), models, batch=False, **options).score()


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["metrics"] == other["metrics"] and one["coverage"] == other["coverage"] == 1.0)


def states(path: Path) -> Counter[str]:
    with closing(sqlite3.connect(path)) as connection:
        return Counter(state for (state,) in connection.execute("SELECT state FROM batches"))


def interrupt(when: Callable[[], bool]) -> Callable[[Progress], None]:
    """Ctrl-C, once, as soon as that holds."""
    pressed = []

    def watch(_: Progress) -> None:
        if when() and not pressed:
            pressed.append(True)
            raise KeyboardInterrupt

    return watch


# The quiet way


@BOTH
def test_scores_are_those_of_single_calls_at_half_the_price(
    fake: FakeBatches, path: Path, models: tuple[str, str]
) -> None:
    """One batch of answers, one of verdicts; the same scores, and half the cost."""
    batched = run(path, models)
    assert fake.single == 0
    assert [len(job.requests) for job in fake.jobs] == [LIMIT, fake.paid.total() - LIMIT]
    single = plain(path, models)
    assert same(batched.score(), single)
    assert batched.score()["cost_usd"] == pytest.approx(single["cost_usd"] / 2)
    assert batched.info.settings.batch == list(models)
    assert states(path) == {"settled": 2}


def test_responses_api_goes_into_batches_too(fake: FakeBatches, path: Path) -> None:
    """The endpoint of a batch is that of its requests, and a reasoning effort is sent on."""
    models = ("openai/gpt-5.4-mini", "openai/gpt-4.1")
    params = {"system_params": {"reasoning_effort": "low", "system_prompt": "Be brief."}}
    assert same(run(path, models, **params).score(), plain(path, models, **params))
    assert [job.endpoint for job in fake.jobs] == ["/v1/responses", "/v1/chat/completions"]
    assert all(p["reasoning"] == {"effort": "low"} for p in fake.jobs[0].requests.values())


def test_jury_and_repeats_are_told_apart(fake: FakeBatches, path: Path) -> None:
    """Repeats and members that ask the same are requests of their own."""
    models = (CHAT[0], f"jury:{CHAT[1]}+{CHAT[1]}+{MESSAGES[1]}")
    options = {"limit": 3, "repeats": 2, "system_params": {"seed": 1}}
    assert same(run(path, models, **options).score(), plain(path, models, **options))
    assert len(fake.jobs[0].requests) == 6


def test_answers_in_the_store_are_not_asked_again(fake: FakeBatches, path: Path) -> None:
    """What was asked by single calls is the same question: no batch is submitted."""
    single = run(path, batch=False).score()
    again = run(path)
    assert same(again.score(), single)
    assert fake.jobs == []


def test_progress_says_how_far_a_batch_is(fake: FakeBatches, path: Path) -> None:
    """A line for each open batch: what it is of, how much is done, how old it is."""
    fake.held = 1
    lines: list[str] = []

    def watch(progress: Progress) -> None:
        lines.extend(progress.batches())
        if any("submitted" in line for line in lines):
            fake.held = None

    run(path, watch=watch)
    expected = f"{CHAT[0]}: batch 1 of answers: 0 of {LIMIT} done, submitted 0 min ago"
    assert expected in lines


def test_grader_alone_is_asked_in_batches(fake: FakeBatches, path: Path) -> None:
    """What cannot be asked in a batch is asked as usual."""
    done = run(path, ("physician", CHAT[1]))
    assert done.score()["coverage"] == 1.0
    assert len(fake.jobs) == 1
    assert done.info.settings.batch == [CHAT[1]]


def test_model_without_a_batch_api_is_said_to_be_asked_as_usual(
    fake: FakeBatches, path: Path
) -> None:
    """Beside one that has a batch API, and the run has its scores."""
    lines: list[str] = []
    other = f"{fake.variables['OPENAI_BASE_URL']}#other"
    key = {"OPENAI_KEY_OF_OTHER": fake.variables["OPENAI_API_KEY"]}
    os.environ.update(key)
    try:
        done = run(
            path,
            (other, CHAT[1]),
            system_params={"api_key_env": "OPENAI_KEY_OF_OTHER"},
            watch=lambda progress: lines.extend(progress.batches()),
        )
    finally:
        del os.environ["OPENAI_KEY_OF_OTHER"]
    assert done.score()["coverage"] == 1.0
    assert fake.single == LIMIT
    assert f"{other}: no batch API, asked as usual" in lines


def test_nothing_to_batch_is_an_error_before_anything_is_made(
    fake: FakeBatches, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that says which have a batch API; no store is made."""
    command = ["run", "starter", "-s", "physician", "-g", "http://127.0.0.1:9/v1#m", "--batch"]
    assert main([*command, "--store", str(path)]) == 2
    assert "openai/MODEL and anthropic/MODEL have" in capsys.readouterr().err
    assert not path.exists()


def test_key_is_nowhere_in_the_store(fake: FakeBatches, path: Path) -> None:
    """Of a batch only names are kept."""
    run(path)
    key = fake.variables["OPENAI_API_KEY"].encode()
    assert not any(key in file.read_bytes() for file in path.parent.glob("work.db*"))


def test_batches_of_a_provider_are_as_large_as_it_takes(
    fake: FakeBatches, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More requests than one batch may hold are several batches, open at the same time."""
    monkeypatch.setattr(OpenAIBatches, "most_requests", 10)
    assert same(run(path).score(), plain(path))
    sizes = [len(job.requests) for job in fake.jobs]
    assert max(sizes) == 10
    assert sizes.count(10) >= 2


# What goes wrong


def test_slow_disk_parts_no_batch(
    fake: FakeBatches, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is still being written may bring more requests: the next batch waits for it."""
    monkeypatch.setattr("preceptor.store.writer._MOST_AT_ONCE", 1)
    done = Writer._done

    def slowly(self: Writer, entries: list[Any]) -> list[Any]:
        time.sleep(3 * PACE.gather)
        return done(self, entries)

    monkeypatch.setattr(Writer, "_done", slowly)
    assert run(path, limit=3).score()["coverage"] == 1
    assert len(fake.jobs) == 2


@BOTH
@pytest.mark.parametrize("fault", ["error_500", "hang_up", "lost", "html", "rate_limit"])
def test_batch_is_submitted_once(
    fake: FakeBatches, path: Path, models: tuple[str, str], fault: str
) -> None:
    """Also where nobody knows whether the call that creates it did so."""
    fake.faults["create"].append(fault)
    assert same(run(path, models).score(), plain(path, models))
    assert set(fake.paid.values()) == {1}
    assert len(fake.jobs) == 2


@BOTH
def test_looking_goes_on_through_faults(
    fake: FakeBatches, path: Path, models: tuple[str, str]
) -> None:
    """5xx, a cut connection and a page of HTML while a batch is looked at cost only time."""
    fake.faults["look"].extend(["error_500", "hang_up", "html", "rate_limit"])
    fake.faults["list"].append("error_500")
    assert same(run(path, models).score(), plain(path, models))
    assert set(fake.paid.values()) == {1}


@BOTH
@pytest.mark.parametrize("fault", ["truncated", "hang_up", "error_500"])
def test_results_that_break_off_are_read_again(
    fake: FakeBatches, path: Path, models: tuple[str, str], fault: str
) -> None:
    """What came is handed out once, and the rest comes with the next reading."""
    fake.faults["results"].extend([fault, fault])
    assert same(run(path, models).score(), plain(path, models))
    assert set(fake.paid.values()) == {1}


@BOTH
def test_expired_requests_go_into_the_next_batch(
    bare: None, path: Path, models: tuple[str, str]
) -> None:
    """What a batch has results for when it expires is kept; only the rest is asked again."""
    seen: set[str] = set()

    def outcome(number: int, payload: dict[str, Any]) -> str:
        late = number == 1 and len(seen) % 2 == 0
        seen.add(str(payload))
        return "expired" if late else "ok"

    with FakeBatches(outcome=outcome) as fake, fake.environment():
        assert same(run(path, models).score(), plain(path, models))
        sizes = [len(job.requests) for job in fake.jobs]
        assert sizes[0] == LIMIT
        assert LIMIT // 2 in sizes[1:]
        assert set(fake.paid.values()) == {1}


@BOTH
@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("server_error", "server_error"),
        ("too_long", "bad_request"),
        ("missing", "malformed"),
        ("malformed", "malformed"),
    ],
)
def test_failed_request_is_one_failed_call(
    bare: None, path: Path, models: tuple[str, str], outcome: str, kind: str
) -> None:
    """It is recorded under the usual kind, and asked again when the run is resumed."""
    chosen: list[str] = []

    def first(number: int, payload: dict[str, Any]) -> str:
        if number == 1 and (not chosen or str(payload) in chosen):
            chosen.append(str(payload))
            return outcome
        return "ok"

    with FakeBatches(outcome=first) as fake, fake.environment():
        done = run(path, models)
        assert done.outcome is not None
        assert done.outcome.status == "incomplete"
        failures = [graded.response.failure for graded in done.result().graded if graded.response]
        assert failures.count(kind) == 1
        assert failures.count(None) == LIMIT - 1
        again = preceptor.resume(done.info.name, store=path)
        assert same(again.score(), plain(path, models))
        assert len(fake.jobs[2].requests) == 1


def test_filtered_prompt_is_what_the_system_does(bare: None, path: Path) -> None:
    """A prompt that the provider's filter stops has an empty answer, as in a single call."""
    with FakeBatches(outcome=lambda n, _: "filtered" if n == 1 else "ok") as fake:
        with fake.environment():
            done = run(path)
        ends = {g.response.finish_reason for g in done.result().graded if g.response}
        assert ends == {"content_filter"}


def test_reply_that_is_no_verdict_is_asked_again(bare: None, path: Path) -> None:
    """Each attempt is in a batch of its own, and all are paid for."""

    def outcome(number: int, payload: dict[str, Any]) -> str:
        return "prose" if number == 2 and is_judgement(payload) else "ok"

    with FakeBatches(outcome=outcome) as fake, fake.environment():
        done = run(path)
        assert same(done.score(), plain(path))
        verdicts = len(fake.jobs[1].requests)
        assert [len(job.requests) for job in fake.jobs] == [LIMIT, verdicts, verdicts]
        attempts = [v.attempts for g in done.result().graded for v in g.verdicts if v]
        assert set(attempts) == {2}


def test_wrong_parameter_stops_the_run(bare: None, path: Path) -> None:
    """Where the provider refuses every request, that is one error and not thousands."""
    stops = pytest.raises(EndpointRefused, match=r"every request is refused: .*temperature")
    with FakeBatches(outcome=lambda *_: "bad_request") as fake, fake.environment(), stops:
        run(path)


def test_batch_that_fails_as_a_whole_stops_the_run(fake: FakeBatches, path: Path) -> None:
    """With the provider's own words; it is not looked for again when the run is resumed."""
    fake.held = 1

    def fail(_: Progress) -> None:
        for job in fake.jobs:
            job.state, job.error = "failed", ("invalid_model", "The model is not there")

    with pytest.raises(EndpointRefused, match="failed: 'The model is not there'"):
        run(path, watch=fail)
    assert states(path) == {"failed": 1}
    fake.held = None
    assert same(preceptor.resume("latest", store=path).score(), plain(path))


def test_too_much_at_once_goes_into_smaller_batches(bare: None, path: Path) -> None:
    """A limit on what may be enqueued halves the batches, one after the other."""
    with FakeBatches(most_enqueued=4) as fake, fake.environment():
        assert same(run(path, limit=4).score(), plain(path, limit=4))
        assert set(fake.paid.values()) == {1}
        assert any(job.state == "failed" for job in fake.jobs)


@BOTH
def test_batch_cancelled_at_the_provider_stops_the_run(
    fake: FakeBatches, path: Path, models: tuple[str, str]
) -> None:
    """Whoever cancelled it does not want it asked again at once; a resume asks only the rest."""
    fake.held = 1

    def cancel(_: Progress) -> None:
        for job in fake.jobs:
            if not job.over:
                fake.end(job, "cancelled")

    with pytest.raises(EndpointRefused, match="was cancelled at the provider"):
        run(path, models, watch=cancel)
    fake.held = None
    assert same(preceptor.resume("latest", store=path).score(), plain(path, models))
    assert LIMIT // 2 in [len(job.requests) for job in fake.jobs[1:]]
    assert set(fake.paid.values()) == {1}


def test_provider_that_is_not_there(bare: None, path: Path, monkeypatch: Any) -> None:
    """A host that was never reached is one error, and no endless wait."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(EndpointRefused, match="cannot be reached"):
        run(path)


def test_results_that_are_gone_are_asked_again(fake: FakeBatches, path: Path) -> None:
    """A batch that the provider no longer has is forgotten."""
    fake.faults["look"].append("not_found")
    assert same(run(path).score(), plain(path))
    assert states(path) == {"failed": 1, "settled": 2}


# Interrupted


@BOTH
@pytest.mark.parametrize("which", [1, 2])
def test_interrupted_run_leaves_its_batch_and_finds_it_again(
    fake: FakeBatches, path: Path, models: tuple[str, str], which: int
) -> None:
    """Ctrl-C ends at once; the batch goes on at the provider, and a resume takes its results."""
    fake.held = which
    stopped = run(path, models, watch=interrupt(lambda: len(fake.jobs) == which))
    assert stopped.outcome is not None
    assert stopped.outcome.status == "interrupted"
    fake.held = None
    again = preceptor.resume(stopped.info.name, store=path)
    assert same(again.score(), plain(path, models))
    assert len(fake.jobs) == 2
    assert set(fake.paid.values()) == {1}
    assert states(path) == {"settled": 2}


def test_another_run_takes_the_results_of_an_open_batch(fake: FakeBatches, path: Path) -> None:
    """The same questions are in a batch already, whichever run submitted it."""
    fake.held = 1
    stopped = run(path, watch=interrupt(lambda: bool(fake.jobs)))
    fake.held = None
    other = run(path)
    assert other.info.name != stopped.info.name
    assert same(other.score(), plain(path))
    assert set(fake.paid.values()) == {1}
    again = preceptor.resume(stopped.info.name, store=path)
    assert same(again.score(), other.score())
    assert len(fake.jobs) == 2


@BOTH
@pytest.mark.parametrize(
    ("route", "fault"),
    [
        ("create", "stall"),
        ("create", "stall_after"),
        ("look", "stall"),
        ("results", "stall_half"),
    ],
)
def test_kill_at_any_moment_submits_nothing_twice(
    fake: FakeBatches, path: Path, models: tuple[str, str], route: str, fault: str
) -> None:
    """kill -9 before and after the provider has the batch, while waiting, and amid the results."""
    fake.faults[route].append(fault)
    killed = start(path, models)
    assert fake.stalled.wait(30)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert same(preceptor.resume("latest", store=path).score(), plain(path, models))
    assert set(fake.paid.values()) == {1}
    # Each question is in one batch. Those of the answers that were read before the kill may be
    # ready, and go out, before the others.
    assert sum(len(each.requests) for each in fake.jobs) == len(fake.paid)
    assert len(fake.jobs) == 2 or (route == "results" and len(fake.jobs) == 3)
    assert states(path) == Counter(
        {"settled": len(fake.jobs)}
        | ({"failed": 1} if fault == "stall" and route == "create" else {})
    )


def test_batch_of_another_is_not_taken_for_ours_in_the_end(fake: FakeBatches, path: Path) -> None:
    """Where batches carry no mark, the ids in the results tell; then ours is submitted."""
    fake.faults["create"].append("stall")
    killed = start(path, MESSAGES)
    assert fake.stalled.wait(30)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    payload = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    others = {f"their-request-{number}": payload for number in range(LIMIT)}
    fake.jobs.append(Job("msgbatch_theirs", "anthropic", others, "/v1/messages"))
    assert same(preceptor.resume("latest", store=path).score(), plain(path, MESSAGES))
    assert [len(job.requests) for job in fake.jobs[:2]] == [LIMIT, LIMIT]
    assert len(fake.jobs) == 3
    ours = sum(len(job.requests) for job in fake.jobs[1:])
    assert fake.paid.total() == ours + LIMIT
    assert states(path) == {"failed": 1, "settled": 2}


def start(path: Path, models: tuple[str, str]) -> Child:
    return Child(path, *models, code=DRIVER, quiet=True)


def test_kill_between_two_attempts_replays_the_first(bare: None, path: Path) -> None:
    """A reply that was no verdict is not paid for again: the next attempt goes on behind it."""

    def outcome(number: int, payload: dict[str, Any]) -> str:
        return "prose" if number == 2 and is_judgement(payload) else "ok"

    with FakeBatches(outcome=outcome) as fake, fake.environment():
        fake.faults["create"].extend(["", "", "stall_after"])
        killed = start(path, CHAT)
        assert fake.stalled.wait(30)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        done = preceptor.resume("latest", store=path)
        assert same(done.score(), plain(path))
        verdicts = len(fake.jobs[1].requests)
        assert [len(job.requests) for job in fake.jobs] == [LIMIT, verdicts, verdicts]
        assert {v.attempts for g in done.result().graded for v in g.verdicts if v} == {2}


# Caps


def test_batch_is_only_as_large_as_the_cap_allows(fake: FakeBatches, path: Path) -> None:
    """By an estimate; what came back then makes room for the next, and the cap is not passed."""
    whole = run(path.with_name("whole.db")).score()["cost_usd"]
    before = len(fake.jobs)
    done = run(path, max_cost=whole / 2, system_params={"max_tokens": 200})
    assert done.outcome is not None
    assert done.outcome.status == "incomplete"
    assert "--max-cost" in str(done.outcome.why)
    assert len(fake.jobs) > before
    assert done.score()["cost_usd"] <= whole / 2
    more = preceptor.resume(done.info.name, store=path, max_cost=10 * whole)
    assert more.score()["coverage"] == 1.0


def test_cap_on_tokens_that_is_too_small_submits_nothing(fake: FakeBatches, path: Path) -> None:
    """The reason is said, with what to do."""
    done = run(path, max_total_tokens=20)
    assert done.outcome is not None
    assert "resume with a higher --max-total-tokens" in str(done.outcome.why)
    assert fake.jobs == []


def test_price_is_needed_for_a_cap_as_ever(fake: FakeBatches, path: Path) -> None:
    """A model without a known price cannot be capped in dollars."""
    with pytest.raises(InputError, match="no price is known"):
        run(path, ("openai/nobody-knows-this", CHAT[1]), max_cost=1)


# The page


def test_commands_of_the_page_work(
    fake: FakeBatches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of docs/batch.md, against the fake, and each ends well."""
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parent.parent / "docs" / "batch.md").read_text("utf-8")
    commands = page.replace("\\\n", "").split("$ preceptor ")[1:]
    assert len(commands) == 4
    for command in commands:
        assert main(shlex.split(command.splitlines()[0])) == 0
    assert len(fake.jobs) == 6  # the fake's answers do not depend on the temperature
    assert fake.single == 0


def test_interrupted_run_says_where_its_batches_are(
    fake: FakeBatches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 130, and what goes on with it."""
    fake.held = 1
    path = str(tmp_path / "work.db")
    press = interrupt(lambda: bool(fake.jobs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("preceptor.cli.progress.Display.update", lambda _, progress: press(progress))
        command = ["run", "starter", "-s", CHAT[0], "-g", CHAT[1], "--limit", "2", "--batch"]
        assert main([*command, "--store", path]) == 130
    assert "interrupted (its batches go on at the provider)" in capsys.readouterr().err
