"""Our benchmarks as tasks of Inspect AI: questions, verdicts and numbers are those of our runs."""

from __future__ import annotations

import math
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("inspect_ai", reason="needs the extra inspect: pip install -e '.[inspect]'")

from inspect_ai.log import EvalLog

import inspect_wire
import preceptor
from preceptor import benchmarks
from preceptor.testing import FakeEndpoint, Fault

#: Inspect's use of what its own dependencies no longer want.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def wire(fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(inspect_wire.URL, fake.url)
    monkeypatch.setenv("PRECEPTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def evaluate(folder: Path, task: str = "preceptor/starter", **options: Any) -> EvalLog:
    """Run a task as `inspect eval` does; `args` are those of -T."""
    arguments = {"limit": 3, **options.pop("args", {})}
    return inspect_wire.evaluate(task, folder, task_args=arguments, **options)


def numbers(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    [score] = log.results.scores
    return {name: metric.value for name, metric in score.metrics.items()}


def own_run(fake: FakeEndpoint, folder: Path, **options: Any) -> preceptor.Run:
    return preceptor.run(
        "starter",
        system=fake.address("model-a"),
        grader=fake.address("judge"),
        store=folder / "own.db",
        **{"limit": 3, **options},
    )


def test_inspect_finds_the_tasks() -> None:
    """The package registers its module of tasks where Inspect looks for it."""
    [found] = [one for one in entry_points(group="inspect_ai") if one.name == "preceptor"]
    module = found.load()
    for name in ("healthbench", "healthbench-hard", "healthbench-consensus", "starter"):
        assert callable(getattr(module, name.replace("-", "_")))
    assert callable(module.healthbench_professional)


def test_a_task_gives_the_numbers_of_our_own_run(fake: FakeEndpoint, tmp_path: Path) -> None:
    """Score, interval, length adjustment, slices and coverage equal those of `preceptor run`."""
    # Inspect hands the scores out in the order in which they were made: enough to mix them up.
    log = evaluate(tmp_path, args={"grader": fake.address("judge"), "limit": 9}, epochs=2)
    assert log.status == "success"
    metrics = own_run(fake, tmp_path, repeats=2, limit=9).result().metrics
    found = numbers(log)
    overall, adjusted = metrics["overall_score"], metrics["overall_score_length_adjusted"]
    assert overall.raw_ci95 is not None
    assert found["overall_score"] == overall.value
    assert found["unclipped_mean"] == overall.raw_mean
    assert (found["ci95_low"], found["ci95_high"]) == overall.raw_ci95
    assert found["length_adjusted"] == adjusted.value
    assert found["coverage"] == 1.0
    assert found["n"] == 9
    slices = {name for name in found if ":" in name}
    assert slices
    assert all(found[name] == metrics[name].value for name in slices)


def test_each_verdict_stands_in_the_log(fake: FakeEndpoint, tmp_path: Path) -> None:
    """A sample has the example's id, tags and criteria, and its score a verdict for each."""
    log = evaluate(tmp_path, args={"grader": fake.address("judge")})
    known = {one.id: one for one in benchmarks.get("starter").load().examples}
    assert log.samples
    for sample in log.samples:
        example = known[str(sample.id)]
        assert sample.metadata["tags"] == list(example.tags)
        assert sample.scores is not None
        score = sample.scores["rubric"]
        assert isinstance(score.value, dict)
        assert score.metadata is not None
        verdicts = score.metadata["verdicts"]
        assert [one["criterion"] for one in verdicts] == [one.text for one in example.criteria]
        points = sum(one["points"] for one in verdicts if one["met"])
        most = sum(one["points"] for one in verdicts if one["points"] > 0)
        assert score.value["score"] == points / most
        assert score.metadata["grader"] == fake.address("judge")


def test_what_is_no_verdict_is_ungraded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that is not JSON leaves a score undefined and coverage below 1, and no "not met"."""
    broken = Fault("prose")
    with FakeEndpoint(faults=[broken], rate=0.6, most_faults=99, seed=3) as fake:
        monkeypatch.setenv(inspect_wire.URL, fake.url)
        found = evaluate(tmp_path, args={"grader": fake.address("judge"), "limit": 6})
    values = numbers(found)
    assert 0 < values["coverage"] < 1
    assert values["bounds_low"] < values["bounds_high"]
    assert found.samples
    ungraded = complete = 0
    for sample in found.samples:
        assert sample.scores is not None
        score = sample.scores["rubric"]
        assert isinstance(score.value, dict)
        assert score.metadata is not None
        missing = [one for one in score.metadata["verdicts"] if one["met"] is None]
        ungraded += len(missing)
        complete += not missing
        assert all(one["reason"] == "unparseable" for one in missing)
        assert (score.value["score"] is None) == bool(missing)
    assert ungraded > 0
    assert values["n"] == complete


def test_the_grader_may_be_a_model_of_inspect(fake: FakeEndpoint, tmp_path: Path) -> None:
    """grader=inspect/…, and the model in the role `grader`, judge as the same model does for us."""
    wanted = numbers(evaluate(tmp_path, args={"grader": fake.address("judge")}))
    named = numbers(evaluate(tmp_path, args={"grader": "inspect/wire/judge"}))
    log = evaluate(tmp_path, model_roles={"grader": "wire/judge"})
    assert named == numbers(log) == wanted
    assert log.samples
    assert "wire/judge" in log.samples[0].model_usage
    assert not math.isnan(wanted["overall_score"])


@pytest.mark.parametrize("form", ["jury:{0}+{1}+{2}", "batched:{0}", "cascade:yesno:{0},{1}"])
def test_every_kind_of_grader_judges_as_in_our_own_run(
    form: str, fake: FakeEndpoint, tmp_path: Path
) -> None:
    """A jury, a batched grader and a cascade give the numbers that `preceptor run` gives."""
    grader = form.format(*(fake.address(f"judge-{number}") for number in range(3)))
    found = numbers(evaluate(tmp_path, args={"grader": grader}))
    run = preceptor.run(
        "starter",
        system=fake.address("model-a"),
        grader=grader,
        limit=3,
        store=tmp_path / "own.db",
    )
    overall = run.result().metrics["overall_score"]
    assert found["overall_score"] == overall.value
    assert found["coverage"] == overall.coverage == 1


def test_the_grader_is_called_as_the_reference_is(fake: FakeEndpoint, tmp_path: Path) -> None:
    """HealthBench's parameters reach the grader, and each criterion is asked about alone."""
    rows = Path(__file__).parent.parent / "docs" / "examples" / "own-tasks.jsonl"
    log = evaluate(
        tmp_path,
        "preceptor/healthbench",
        args={"grader": fake.address("judge"), "data": str(rows), "limit": None},
    )
    judged = [call.payload for call in fake.log if call.payload["model"] == "judge"]
    examples = benchmarks.get("healthbench").load(rows).examples
    assert len(judged) == sum(len(one.criteria) for one in examples)
    assert {one["temperature"] for one in judged} == {0.5}
    assert {one["messages"][0]["content"] for one in judged} == {"You are a helpful assistant."}
    assert log.eval.task == "healthbench"
    assert "not the pinned release" in log.eval.metadata["preceptor"]["departures"][0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"grader": "nobody/judge"}, "unknown grader"),
        ({"grader": "openai/gpt-4.1"}, "OPENAI_API_KEY"),
        ({"data": "no-such-file.jsonl"}, "no such file"),
        ({"limit": 0}, "limit"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(
    args: dict[str, Any], words: str, fake: FakeEndpoint, tmp_path: Path
) -> None:
    """A wrong argument is one of Inspect's own errors, with our message."""
    from inspect_ai._util.error import PrerequisiteError

    with pytest.raises(PrerequisiteError) as caught:
        evaluate(tmp_path, args=args)
    assert words in str(caught.value.message)
    assert not fake.calls


def test_a_system_message_of_the_solver_is_shown_to_the_grader(
    fake: FakeEndpoint, tmp_path: Path
) -> None:
    """What was put before the conversation stands in the grader's prompt, as in our own runs."""
    from inspect_ai.solver import chain, generate, system_message

    evaluate(
        tmp_path,
        args={"grader": fake.address("judge")},
        solver=chain(system_message("Answer like a pirate."), generate()),
    )
    judged = [call.payload for call in fake.log if call.payload["model"] == "judge"]
    assert judged
    assert all("system: Answer like a pirate." in one["messages"][-1]["content"] for one in judged)
