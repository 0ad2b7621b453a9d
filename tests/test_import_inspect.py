"""Logs that Inspect AI itself wrote, of every shape: what people, limits and errors did is kept."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("inspect_ai", reason="needs the extra inspect: pip install -e '.[inspect]'")

import inspect_ai
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import (
    EvalLog,
    ProvenanceData,
    edit_score,
    invalidate_samples,
    read_eval_log,
    write_eval_log,
)
from inspect_ai.model import ChatMessageUser, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, Scorer, Target, accuracy, choice, mean, scorer
from inspect_ai.scorer._metric import ScoreEdit
from inspect_ai.solver import Generate, Solver, TaskState, multiple_choice, solver

import inspect_wire
from preceptor import benchmarks
from preceptor.bridges.imported import ImportedRun
from preceptor.bridges.inspect_import import read_inspect
from preceptor.cli import main
from preceptor.records import Graded, ToolScore
from preceptor.testing import FakeEndpoint

#: Inspect's use of what its own dependencies no longer want.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

EXAM = Path(__file__).parents[1] / "docs" / "examples" / "exam"


@solver
def asking_twice() -> Solver:
    """A solver with two calls for each sample; the third sample fails."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if str(state.sample_id).endswith("2"):
            raise ValueError("made-up fault")
        state = await generate(state)
        state.messages.append(ChatMessageUser(content="Are you sure?"))
        return await generate(state)

    return solve


@scorer(metrics=[mean()])
def judged() -> Scorer:
    """A scorer that asks the grader's model."""

    async def score(state: TaskState, target: Target) -> Score:
        said = await get_model(role="grader").generate(f"Is this right? {state.output.completion}")
        return Score(value=len(said.completion) % 2)

    return score


@scorer(metrics=[accuracy()])
def exact() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value="C" if state.epoch == 1 else "I", answer=state.output.completion)

    return score


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    """Three questions of the exam, two epochs, two scorers, two calls a sample, one that fails."""
    folder = tmp_path_factory.mktemp("logs")
    examples = benchmarks.get("medagents-hard").load(EXAM).examples[:3]
    samples = [
        Sample(id=each.id.rpartition("/")[2] if place else each.id, input=each.messages[-1].text)
        for place, each in enumerate(examples)
    ]
    with FakeEndpoint() as fake, pytest.MonkeyPatch.context() as patch:
        patch.setenv(inspect_wire.URL, fake.url)
        task = inspect_ai.Task(
            dataset=MemoryDataset(samples),
            name="made_up",
            solver=asking_twice(),
            scorer=[judged(), exact()],
        )
        found = inspect_wire.evaluate(
            task,
            folder,
            epochs=2,
            model_roles={"grader": "wire/judge"},
            fail_on_error=False,
            temperature=0.5,
            max_tokens=80,
        )
    return read_eval_log(found.location.removeprefix("file://"))


def read(log: EvalLog, folder: Path, suffix: str = ".eval") -> ImportedRun:
    path = folder / f"log{suffix}"
    write_eval_log(log, path)
    return read_inspect(path, "medagents-hard", EXAM)


def test_all_calls_of_a_sample_are_counted(log: EvalLog, tmp_path: Path) -> None:
    """Tokens are those of both calls; the failed sample is a failed answer; epochs are repeats."""
    run = read(log, tmp_path)
    assert [each.example.id for each in run.answers] == [f"medqa/{n}" for n in (0, 0, 1, 1, 2, 2)]
    assert [each.response.failure for each in run.answers] == [None] * 4 + ["system_failed"] * 2
    samples = {(str(one.id).rpartition("/")[2], one.epoch): one for one in log.samples or []}
    used = samples["0", 1].model_usage["wire/model-a"]
    response = run.answers[0].response
    last = samples["0", 1].output.usage
    assert last is not None
    assert response.usage.output_tokens == used.output_tokens > last.output_tokens
    assert len(response.turns) == 3
    assert (run.system, run.grader) == ("wire/model-a", "wire/judge")


def test_settings_status_and_own_scores_are_kept(log: EvalLog, tmp_path: Path) -> None:
    """What Inspect computed stands beside our score, with the settings of its calls."""
    settings = read(log, tmp_path).settings
    assert settings.tool is not None
    assert settings.tool.startswith("inspect-ai 0.")
    assert ToolScore("exact/accuracy", 0.5, 2) in (settings.tool_scores or [])
    assert settings.system_parameters == {"temperature": 0.5, "max_tokens": 80}
    assert settings.other["inspect_config"]["epochs"] == 2
    cancelled = log.model_copy(update={"status": "cancelled", "samples": (log.samples or [])[:3]})
    notes = read(cancelled, tmp_path).settings.notes
    assert "The evaluation was cancelled: the log has 3 of 6 samples." in notes


def test_json_logs_are_read_alike(
    log: EvalLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A .json log gives the answers of the .eval log, and is recognised by its content."""
    one, other = read(log, tmp_path), read(log, tmp_path, ".json")
    assert [a.response for a in one.answers] == [a.response for a in other.answers]
    store = ("--store", str(tmp_path / "runs.db"))
    exam = ("--benchmark", "medagents-hard", "--data", str(EXAM))
    assert main(["import", str(tmp_path / "log.json"), *exam, *store]) == 0
    assert "log: 6 answers" in capsys.readouterr().out


def test_what_people_did_is_kept(log: EvalLog, tmp_path: Path) -> None:
    """An invalid sample is a failed answer; an edit is told with its author and reason."""
    edited = log.model_copy(deep=True)
    first, second, *_ = [one for one in edited.samples or [] if one.error is None]
    who = ProvenanceData(author="ann", reason="wrong language")
    edited = invalidate_samples(edited, [str(first.uuid)], who)
    why = ProvenanceData(author="ben", reason="misread")
    edit_score(edited, second.id, "exact", ScoreEdit(value="I", provenance=why), epoch=second.epoch)
    run = read(edited, tmp_path)
    failed = [each.response for each in run.answers if each.response.failure == "invalidated"]
    assert [each.detail for each in failed] == ["by ann (wrong language)"]
    notes = " ".join(run.settings.notes)
    assert "Samples declared invalid by ann (wrong language): 1;" in notes
    assert "exact C to I, by ben (misread)" in notes


def test_a_filtered_prompt_has_no_answer(log: EvalLog, tmp_path: Path) -> None:
    """Inspect keeps the provider's error message as the text of such an answer."""
    filtered = log.model_copy(deep=True)
    sample = next(one for one in filtered.samples or [] if one.error is None)
    sample.output.choices[0].stop_reason = "content_filter"
    sample.output.usage = None
    said = [each.response for each in read(filtered, tmp_path).answers]
    assert [each.text for each in said if each.finish_reason == "content_filter"] == [""]


@pytest.mark.parametrize("shuffled", ["dataset", "solver", "no"])
def test_letters_mean_what_the_model_was_shown(shuffled: str, tmp_path: Path) -> None:
    """Options that were shuffled with the data or by the solver are mapped to the benchmark's."""
    samples = [
        Sample(
            id=index,
            input=each.messages[-1].text.partition("\n")[0],
            choices=[*each.target["options"].values()],
            target=each.target["answer"],
        )
        for index, each in enumerate(benchmarks.get("medagents-hard").load(EXAM).examples, start=1)
    ]
    dataset = MemoryDataset(samples)
    if shuffled == "dataset":
        dataset.shuffle_choices(seed=3)
    shuffle: dict[str, Any] = {"shuffle": Random(5)} if shuffled == "solver" else {}
    task = inspect_ai.Task(
        dataset=dataset,
        name="made_up",
        solver=multiple_choice(**shuffle),
        scorer=choice(),
    )
    outputs = [ModelOutput.from_content("mockllm/model", "ANSWER: B") for _ in samples]
    for output in outputs:  # else Inspect fetches a tokenizer to count the tokens
        output.usage = ModelUsage(input_tokens=9, output_tokens=3, total_tokens=12)
    model = get_model("mockllm/model", custom_outputs=outputs)
    found = inspect_wire.evaluate(task, tmp_path, model=model)
    path = Path(found.location.removeprefix("file://"))
    run = read_inspect(path, "medagents-hard", EXAM)
    own = {score.name: score.value for score in run.settings.tool_scores or []}
    score = benchmarks.get("medagents-hard").protocol.score
    right = [
        score(Graded(each.example, 0, each.response, ())).values["overall_score"]
        for each in run.answers
    ]
    assert len(right) == len(samples)
    assert sum(right) / len(right) == pytest.approx(own["accuracy"])
