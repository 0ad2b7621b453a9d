"""The rubric as a reward: what an answer earns, what is never judged twice, what is never 0."""

from __future__ import annotations

import asyncio
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import children
import preceptor
from children import Child
from data_fixtures import isolate
from preceptor.engine.plan import Request, check
from preceptor.records import Criterion, Example, Message
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

#: A fault is always there, a merit if the answer has "splendid".
JUDGE = """\
def judge(messages):
    text = messages[-1]["content"]
    met = "[-" in text or "splendid" in text
    return '{"criteria_met": %s, "explanation": "x"}' % str(met).lower()
"""


def task(*points: int, name: str = "t") -> Example:
    """A made-up example with a criterion for each number."""
    criteria = tuple(Criterion(f"Says thing {i}.", p, (f"axis:{i}",)) for i, p in enumerate(points))
    return Example(name, (Message("user", f"What about {name}?"),), criteria)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "rewards.db"


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "reward_judges.py").write_text(JUDGE, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "python:reward_judges:judge"
    sys.modules.pop("reward_judges", None)


def open_with(fake: FakeEndpoint, store: Path, **options: Any) -> preceptor.Rewarder:
    return preceptor.Rewarder(grader=fake.address("judge"), store=store, **options)


# What an answer earns


def test_negative_points_are_kept(judge: str, store: Path) -> None:
    """A value is the signed points met over the positive ones, and may be far below 0."""
    values = preceptor.reward(task(2, 2, -10), ["splendid", "bad"], grader=judge, store=store)
    assert values == [(4 - 10) / 4, -10 / 4]


def test_the_length_is_priced_only_if_asked(judge: str, store: Path) -> None:
    """1.47 points for each 500 characters over 2,000 are taken off, and given back below."""
    answers = ["splendid" + "x" * 2492, "splendid" + "x" * 992]
    options: dict[str, Any] = {"grader": judge, "benchmark": "starter", "store": store}
    assert preceptor.reward(task(5), answers, **options) == [1.0, 1.0]
    adjusted = preceptor.reward(task(5), answers, length_adjusted=True, **options)
    assert adjusted == pytest.approx([1 - 0.0147, 1 + 0.0294])


def test_verdicts_are_there_for_each_criterion(judge: str, store: Path) -> None:
    """A reward has the verdicts in the rubric's order, and scores by tag."""
    with preceptor.Rewarder(grader=judge, store=store) as rewarder:
        (reward,) = rewarder.grade([(task(3, -4, 5), "bad")])
    assert [v.met for v in reward.verdicts if v is not None] == [False, True, False]
    assert float(reward) == reward.value == reward.low == reward.high == -4 / 8
    assert reward.by_tag == {"axis:0": 0.0, "axis:2": 0.0}
    assert (reward.coverage, reward.reason) == (1.0, None)


def test_an_answer_that_is_not_there_is_not_judged(judge: str, store: Path) -> None:
    """None earns NaN with the reason `no_answer`; an empty text is an answer."""
    with preceptor.Rewarder(grader=judge, store=store) as rewarder:
        nothing, empty = rewarder.grade([(task(5), None), (task(5), "")])
        assert rewarder.progress.calls == 1
    assert math.isnan(float(nothing))
    assert (nothing.value, nothing.reason, nothing.low) == (None, "no_answer", None)
    assert empty.value == 0.0


# What could not be graded


def test_a_failed_verdict_is_neither_0_nor_not_met(store: Path) -> None:
    """An answer of which one verdict is missing earns NaN, with the reason and the bounds."""
    with (
        FakeEndpoint(script=["prose"] * 4) as fake,
        open_with(fake, store, grader_params={"concurrency": 1}) as rewarder,
    ):
        (reward,) = rewarder.grade([(task(6, 4), "an answer")])
        assert math.isnan(float(reward))
        assert (reward.value, reward.reason, reward.coverage) == (None, "unparseable", 0.5)
        other = reward.verdicts[1]
        assert other is not None
        got = 4 if other.met else 0
        assert (reward.low, reward.high) == (got / 10, (6 + got) / 10)
        # The endpoint has come to its senses: the failed one alone is asked again.
        calls = rewarder.progress.calls
        assert not math.isnan(rewarder.reward(task(6, 4), ["an answer"])[0])
        assert rewarder.progress.calls == calls + 1


def test_a_part_counts_only_if_asked(store: Path) -> None:
    """With a lower `min_coverage` the value is that of the rubric without the missing verdicts."""
    with (
        FakeEndpoint(script=["prose"] * 4) as fake,
        open_with(fake, store, grader_params={"concurrency": 1}, min_coverage=0.5) as rewarder,
    ):
        (reward,) = rewarder.grade([(task(6, 4), "an answer")])
        assert rewarder.departures[-1].startswith("An answer with at least 50 % of its verdicts")
    other = reward.verdicts[1]
    assert other is not None
    assert reward.value == (1.0 if other.met else 0.0)
    assert (reward.coverage, reward.reason) == (0.5, None)


def test_without_any_verdict_there_is_no_value(store: Path) -> None:
    """Even if no coverage is asked for, nothing graded is no score."""
    with (
        FakeEndpoint(faults=["prose"], rate=1.0, most_faults=99) as fake,
        open_with(fake, store, min_coverage=0.0) as rewarder,
    ):
        (reward,) = rewarder.grade([(task(6, -4), "an answer")])
    assert (reward.value, reward.reason) == (None, "unparseable")
    assert (reward.low, reward.high) == (-4 / 6, 1.0)


def test_faults_change_no_value(tmp_path: Path) -> None:
    """Resets and replies that are no verdict cost another attempt, and change no reward."""
    pairs = [(task(5, 3, -4, name=f"t{i % 5}"), f"answer {i}") for i in range(30)]
    faults = ["reset", "truncated", "prose", "met_text", "met_null", "empty"]
    values = []
    for name, given in (("quiet", []), ("noisy", faults)):
        with (
            FakeEndpoint(faults=given, rate=0.3, seed=3) as fake,
            open_with(fake, tmp_path / f"{name}.db") as rewarder,
        ):
            values.append([reward.value for reward in rewarder.grade(pairs)])
            assert all(count == 1 for count in fake.delivered.values())
        assert bool(fake.met) == bool(given)
    assert values[0] == values[1]
    assert None not in values[0]


# What is never judged twice


def test_the_same_answer_is_judged_once(fake: FakeEndpoint, store: Path) -> None:
    """In one batch, in the next call, in another rewarder, with one store: one call a criterion."""
    example = task(5, 3, -2)
    with open_with(fake, store) as rewarder:
        values = rewarder.reward(example, ["same"] * 8)
        assert len(set(values)) == 1
        assert rewarder.reward(example, ["same"]) == values[:1]
    with open_with(fake, store) as rewarder:
        assert rewarder.reward(example, ["same"]) == values[:1]
        assert rewarder.progress.calls == 0
    assert sorted(fake.calls.values()) == [1, 1, 1]
    assert preceptor.runs(store=store) == []


def test_a_run_and_a_rewarder_share_verdicts(fake: FakeEndpoint, store: Path) -> None:
    """What a run judged is known to the rewarder, scored alike; and the other way round."""
    options: dict[str, Any] = {"grader": fake.address("judge"), "store": store}
    run = preceptor.run("starter", system=fake.address("model"), limit=3, **options)
    before = fake.calls.total()
    graded = run.result().graded
    with preceptor.Rewarder(benchmark="starter", **options) as rewarder:
        pairs = [(one.example.id, one.response.text) for one in graded if one.response is not None]
        rewards = rewarder.grade(pairs)
        assert len(rewards) == 3
        assert fake.calls.total() == before
        scores = {score.example_id: score.values["overall_score"] for score in run.result().scores}
        assert {one.example_id: one.value for one in rewards} == scores
        answers = [
            (one.example.id, one.example.physician.text) for one in graded if one.example.physician
        ]
        rewarder.grade(answers)
        after = fake.calls.total()
        assert after > before
    preceptor.run("starter", system="physician", limit=3, **options)
    assert fake.calls.total() == after


def test_a_text_that_no_store_takes_has_the_key_of_a_run(fake: FakeEndpoint, store: Path) -> None:
    """A lone surrogate and a NUL are judged, and found again, as a run would keep them."""
    with open_with(fake, store) as rewarder:
        first = rewarder.reward(task(5), ["a\ud800b\x00"])
        assert rewarder.reward(task(5), ["a\ufffdb\ufffd"]) == first
    assert fake.calls.total() == 1


def test_votes_of_a_jury_are_kept(fake: FakeEndpoint, store: Path) -> None:
    """Members' verdicts are found again when the same answer comes again."""
    jury = f"jury:{fake.address('a')}+{fake.address('b')}+{fake.address('c')}"
    with preceptor.Rewarder(grader=jury, store=store) as rewarder:
        (value,) = rewarder.reward(task(5, -3), ["an answer"])
    with preceptor.Rewarder(grader=jury, store=store) as rewarder:
        assert rewarder.reward(task(5, -3), ["an answer"]) == [value]
    assert fake.calls.total() == 6


def test_verdicts_of_ones_own_code_end_with_the_rewarder(judge: str, store: Path) -> None:
    """The code may be another tomorrow: within a rewarder its verdicts are reused, not beyond."""
    for _ in range(2):
        with preceptor.Rewarder(grader=judge, store=store) as rewarder:
            rewarder.reward(task(5), ["splendid", "splendid"])
            rewarder.reward(task(5), ["splendid"])
            assert rewarder.progress.calls == 1


def test_what_was_returned_survives_kill(tmp_path: Path, store: Path) -> None:
    """After kill -9, every verdict behind a reward that was returned is in the store."""
    script = """
import sys, preceptor
from test_reward import task
rewarder = preceptor.Rewarder(grader=sys.argv[1], store=sys.argv[2])
for number in range(10_000):
    values = rewarder.reward(task(5, -3), [f"answer {number}"])
    print(number, values[0], flush=True)
"""
    with FakeEndpoint() as fake:
        child = Child(fake.address("judge"), store, code=script)
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(30)]
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
        child.close()
        child.wait()
        told = [line.split() for line in lines if line.endswith("\n")]
        fake.calls.clear()
        with open_with(fake, store) as rewarder:
            answers = [f"answer {number}" for number, _ in told]
            values = rewarder.reward(task(5, -3), answers)
        assert fake.calls.total() == 0
        assert values == [float(value) for _, value in told]


# How it is called


def test_it_is_called_from_any_loop_and_any_thread(fake: FakeEndpoint, store: Path) -> None:
    """One rewarder serves event loops one after the other, and threads at the same time."""
    example = task(5, 3)
    with open_with(fake, store) as rewarder:
        expected = rewarder.reward(example, ["a", "b"])
        for _ in range(2):
            assert asyncio.run(rewarder.areward(example, ["a", "b"])) == expected
        found: list[Sequence[float]] = []
        threads = [
            threading.Thread(target=lambda: found.append(rewarder.reward(example, ["a", "b"])))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [expected] * 4


async def test_it_opens_within_a_loop(fake: FakeEndpoint, store: Path) -> None:
    """`async with`, and many batches at the same time."""
    async with open_with(fake, store) as rewarder:
        batches = [rewarder.areward(task(5, name=f"t{i}"), ["a", "b"]) for i in range(20)]
        values = await asyncio.gather(*batches)
    assert all(0 <= value <= 1 for batch in values for value in batch)
    assert fake.calls.total() == 40


async def test_whoever_gives_up_waiting_loses_nothing(store: Path) -> None:
    """A cancelled call is finished and kept, and another that waits for the same gets its value."""
    with FakeEndpoint(latency=0.3) as fake:
        async with open_with(fake, store) as rewarder:
            first = asyncio.create_task(rewarder.areward(task(5), ["a"]))
            second = asyncio.create_task(rewarder.areward(task(5), ["a"]))
            while not fake.calls:
                await asyncio.sleep(0.01)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            (value,) = await second
        with open_with(fake, store) as again:
            assert again.reward(task(5), ["a"]) == [value]
        assert fake.calls.total() == 1


def test_no_more_calls_at_once_than_asked(store: Path) -> None:
    """`concurrency` of the grader holds over all batches."""
    with (
        FakeEndpoint(latency=0.02) as fake,
        open_with(fake, store, grader_params=["concurrency=3"]) as rewarder,
    ):
        rewarder.grade([(task(5, 3), f"answer {i}") for i in range(12)])
        assert fake.peak["judge"] == 3


def test_closing_keeps_what_is_under_way(store: Path) -> None:
    """Calls under way are finished and kept; those that wait are given up, with an error."""
    with FakeEndpoint(latency=0.3) as fake:
        rewarder = open_with(fake, store, grader_params=["concurrency=1"])
        errors: list[BaseException] = []

        def work() -> None:
            try:
                rewarder.reward(task(5, 3, 2), ["a"])
            except preceptor.PreceptorError as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        while not fake.calls:
            time.sleep(0.01)
        rewarder.close()
        thread.join()
        assert isinstance(errors[0], preceptor.Unavailable)
        with pytest.raises(preceptor.Unavailable, match="closed"):
            rewarder.reward(task(5), ["a"])
        with open_with(fake, store) as again:
            again.reward(task(5, 3, 2), ["a"])
            assert again.progress.calls == 2
        assert fake.calls.total() == 3


def test_a_fork_is_told(fake: FakeEndpoint, store: Path) -> None:
    """The child of a fork has no event loop: it gets a line and does not hang."""
    script = """
import os, sys, preceptor
from test_reward import task
rewarder = preceptor.Rewarder(grader=sys.argv[1], store=sys.argv[2])
rewarder.reward(task(5), ["a"])
child = os.fork()
try:
    rewarder.reward(task(5), ["a"])
    rewarder.close()
except preceptor.InputError as error:
    print(error, flush=True)
finally:
    if child == 0:
        os._exit(0)
os.waitpid(child, 0)
"""
    done = children.run(fake.address("judge"), store, code=script)
    said = "a Rewarder does not survive a fork: open one in each process"
    assert done.stdout.splitlines() == [said]


# What makes going on impossible


def test_a_cap_stops_and_keeps(fake: FakeEndpoint, store: Path) -> None:
    """A reached cap is an error; what was judged until then is in the store."""
    pairs = [(task(5), f"answer {i}") for i in range(20)]
    options = {"grader_params": ["concurrency=1"]}
    with (
        open_with(fake, store, max_total_tokens=2000, **options) as rewarder,
        pytest.raises(preceptor.BudgetExceeded, match="Rewarder with a higher max_total_tokens"),
    ):
        rewarder.grade(pairs)
    judged = fake.calls.total()
    assert 0 < judged < 20
    with open_with(fake, store, **options) as rewarder:
        rewarder.grade(pairs)
    assert fake.calls.total() == 20


def test_a_refusing_endpoint_is_an_error_and_no_value(store: Path) -> None:
    """A wrong key is not NaN for thousands of steps: it is raised at once."""
    with (
        FakeEndpoint(api_key="right") as fake,
        open_with(fake, store) as rewarder,
        pytest.raises(preceptor.EndpointRefused, match="401"),
    ):
        rewarder.reward(task(5), ["a"])


WRONG: dict[str, tuple[Any, Any]] = {
    "expected points other than 0": (task(-5), ["a"]),
    r"responses\[1\]: expected a text or None, found int": (task(5), ["a", 7]),
    "expected a list of texts, found one text": (task(5), "Rest."),
    "expected an Example, an id or a mapping, found int": (3, ["a"]),
    "missing required field `criteria`": ({"messages": [{"role": "user", "content": "x"}]}, ["a"]),
    "not in starter": ("no-such-id", ["a"]),
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_input_is_named(words: str, fake: FakeEndpoint, store: Path) -> None:
    """One line says what is wrong, and nothing was asked."""
    example, responses = WRONG[words]
    with (
        open_with(fake, store, benchmark="starter") as rewarder,
        pytest.raises(preceptor.InputError, match=words),
    ):
        rewarder.reward(example, responses)
    assert fake.calls.total() == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"min_coverage": 1.5}, "min_coverage: expected 0 to 1"),
        ({"max_cost": 0}, "max_cost: expected a number above 0"),
        ({"max_cost": 1.0}, "no price is known"),
        ({"benchmark": "health"}, "unknown benchmark"),
        ({"grader_params": ["colour=red"]}, "colour"),
    ],
)
def test_wrong_options_are_named(options: Any, words: str, tmp_path: Path) -> None:
    """Found before anything is opened."""
    with pytest.raises(preceptor.InputError, match=words):
        preceptor.Rewarder(grader="http://127.0.0.1:9/v1#m", store=tmp_path / "x.db", **options)
    assert not (tmp_path / "x.db").exists()


def test_an_example_may_be_a_mapping(judge: str, store: Path) -> None:
    """A task of one's own needs messages and criteria, and nothing else."""
    given = {
        "messages": [{"role": "user", "content": "What now?"}],
        "criteria": [{"text": "Says something.", "points": 4}, {"text": "Is rude.", "points": -2}],
    }
    assert preceptor.reward(given, ["splendid"], grader=judge, store=store) == [0.5]


def test_the_grader_is_called_as_in_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options, a benchmark's reference grader has the parameters that a run gives it."""
    isolate(monkeypatch, tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    rewarder = preceptor.Rewarder(benchmark="starter")
    plan = check(Request(benchmark="starter", system="physician"))
    assert rewarder.grader.identity() == plan.grader.identity()
    assert rewarder.grader.address == plan.grader.address
