"""Runs as logs of Inspect AI, and logs as runs: nothing is lost, nothing is made of nothing."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("inspect_ai", reason="needs the extra inspect: pip install -e '.[inspect]'")

import inspect_ai
import msgspec
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import TaskState, generate

import inspect_wire
import preceptor
from data_fixtures import write_rows
from preceptor import benchmarks, cli
from preceptor.bridges import inspect_import
from preceptor.bridges.graded import read_graded
from preceptor.bridges.imported import keep
from preceptor.bridges.inspect_import import read_inspect
from preceptor.errors import DataError, InputError, Unavailable, UnknownName
from preceptor.records import Image, Message, Text, ToolCall, ToolResult
from preceptor.store import Store
from preceptor.testing import FakeEndpoint, Fault

#: Inspect's use of what its own dependencies no longer want.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

OWN_TASKS = Path(__file__).parent.parent / "docs" / "examples" / "own-tasks.jsonl"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> preceptor.Run:
    """A run in which some answers and some verdicts failed."""
    faults = [Fault("error_500", on="system"), Fault("prose", on="grader")]
    with FakeEndpoint(faults=faults, rate=0.6, most_faults=99, seed=4) as fake:
        return preceptor.run(
            "starter",
            system=fake.address("model-a"),
            grader=fake.address("judge"),
            system_params={"system_prompt": "Be brief.", "temperature": 0.5, "retries": 0},
            limit=6,
            repeats=2,
            name="exported",
            store=tmp_path_factory.mktemp("inspect") / "own.db",
        )


def exported(run: preceptor.Run, folder: Path, name: str = "copy.eval") -> Path:
    return run.export(folder / name)


def imported(path: Path, store: Path, **options: Any) -> preceptor.Run:
    with Store(store) as opened:
        info, _ = keep(opened, read_inspect(path, **options), path)
    return preceptor.load(info.name, store=store)


# Export


def test_a_log_has_a_sample_for_each_answer(run: preceptor.Run, tmp_path: Path) -> None:
    """Messages, scores with verdicts, usage, roles and metrics of the log are those of the run."""
    log = read_eval_log(exported(run, tmp_path))
    result = run.result()
    assert log.status == "success"
    assert log.samples
    assert len(log.samples) == len(result.graded) == 12
    by_place = {(sample.id, sample.epoch): sample for sample in log.samples}
    for graded, score in zip(result.graded, result.scores, strict=True):
        sample = by_place[graded.example.id, graded.repeat + 1]
        assert graded.response is not None
        answered = graded.response.failure is None
        assert (sample.error is None) == answered
        if answered:
            assert sample.messages[0].text == "Be brief."
            assert sample.messages[-1].text == sample.output.completion == graded.response.text
            assert sample.output.usage is not None
            assert sample.output.usage.total_tokens == graded.response.usage.total
        assert sample.scores is not None
        found = sample.scores["rubric"]
        assert isinstance(found.value, dict)
        assert found.value["score"] == score.values.get("overall_score")
        assert found.metadata is not None
        assert [row["met"] for row in found.metadata["verdicts"]] == [
            None if verdict is None else verdict.met for verdict in graded.verdicts
        ]
    assert log.results is not None
    metrics = log.results.scores[0].metrics
    assert metrics["overall_score"].value == result.metrics["overall_score"].value
    assert metrics["coverage"].value == pytest.approx(result.coverage)
    assert result.coverage < 1
    assert log.eval.model == run.info.system
    assert log.eval.model_roles is not None
    assert log.eval.model_roles["grader"].model == run.info.grader  # type: ignore[union-attr]
    assert log.stats.role_usage["grader"].total_tokens == result.grader_usage.total


def test_the_run_that_was_exported_has_failures_of_both_kinds(run: preceptor.Run) -> None:
    """The fixture is what it says, else the tests of the round trip would show nothing."""
    result = run.result()
    assert any(one.response is not None and one.response.failure for one in result.graded)
    assert any(
        v is not None and v.reason == "unparseable" for g in result.graded for v in g.verdicts
    )
    assert result.metrics["overall_score"].n > 0


def test_markup_of_a_model_is_text_in_the_list_of_verdicts(tmp_path: Path) -> None:
    """What a grader wrote as Markdown is escaped, so that the viewer fetches and runs nothing."""
    (tmp_path / "inspect_markup_judge.py").write_text(
        "def judge(messages):\n"
        '    return \'{"criteria_met": true, "explanation": "![x](http://e.vil/x.png) *so*"}\'\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        run = preceptor.run(
            "starter",
            system="physician",
            grader="python:inspect_markup_judge:judge",
            limit=1,
            store=tmp_path / "own.db",
        )
    [sample] = read_eval_log(exported(run, tmp_path)).samples or []
    assert sample.scores is not None
    shown = sample.scores["rubric"].explanation
    assert shown is not None
    assert "![x](" not in shown
    assert r"\!\[x\]" in shown


def test_a_name_that_inspect_would_not_find_is_refused(run: preceptor.Run, tmp_path: Path) -> None:
    """--format inspect wants a name that ends in .eval, and leaves nothing behind."""
    with pytest.raises(InputError, match=r"\.eval"):
        run.export(tmp_path / "log.json", "inspect")
    assert not (tmp_path / "log.json").exists()


def test_without_inspect_both_ways_say_what_to_install(
    run: preceptor.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where inspect-ai is not installed, export and import name the pip line."""
    path = exported(run, tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "inspect_ai", None)
    with pytest.raises(Unavailable, match="pip install"):
        run.export(tmp_path / "again.eval")
    with pytest.raises(Unavailable, match="pip install"):
        read_inspect(path)
    assert not (tmp_path / "again.eval").exists()


# Round trip


def test_a_run_comes_back_with_equal_scores(run: preceptor.Run, tmp_path: Path) -> None:
    """Scores, metrics, failures, reasons and departures survive export and import."""
    back = imported(exported(run, tmp_path), tmp_path / "other.db").result()
    result = run.result()
    assert back.metrics == result.metrics
    assert back.scores == result.scores
    assert back.departures == result.departures
    assert back.ungraded == result.ungraded
    assert back.info.system == result.info.system
    assert back.info.grader == result.info.grader
    for one, other in zip(result.graded, back.graded, strict=True):
        assert other.example.id == one.example.id
        assert other.repeat == one.repeat
        assert one.response is not None
        assert other.response is not None
        assert other.example == one.example
        assert other.response == msgspec.structs.replace(one.response, key=other.response.key)
        for mine, theirs in zip(one.verdicts, other.verdicts, strict=False):
            assert (mine is None) == (theirs is None)
            if mine is None or theirs is None:
                continue
            assert theirs == msgspec.structs.replace(mine, key=theirs.key)
    assert back.info.settings.system_parameters == result.info.settings.system_parameters
    assert back.info.settings.grader_parameters == result.info.settings.grader_parameters
    assert back.cost_usd == result.cost_usd
    assert (back.system_usage, back.grader_usage) == (result.system_usage, result.grader_usage)


def test_labels_come_back(tmp_path: Path) -> None:
    """What a judge of labels said, and the example's target, go into the log and out of it."""
    row = {
        "prompt_id": "q",
        "prompt": [{"role": "user", "content": "made-up request"}],
        "rubrics": [{"criterion": "", "points": 1, "tags": []}],
        "target": {"safe": False},
        "response": "made-up answer",
    }
    rows = [row | {"labels": [label]} for label in ("partial", "refusal", None)]
    write_rows(tmp_path / "labels.jsonl", rows)
    (made,) = read_graded(tmp_path / "labels.jsonl", benchmarks.get("xstest"))
    with Store(tmp_path / "first.db") as store:
        keep(store, made, tmp_path / "labels.jsonl")
    first = preceptor.load(made.name, store=tmp_path / "first.db")
    path = exported(first, tmp_path)
    second = imported(path, tmp_path / "second.db")
    assert second.score()["metrics"] == first.score()["metrics"]
    assert second.score()["metrics"]["under_refusal"]["value"] == 0.5
    assert second.result().graded[0].example == first.result().graded[0].example

    def other(sample: dict[str, Any]) -> dict[str, Any]:
        sample["scores"]["rubric"]["metadata"]["verdicts"][0]["label"] = "maybe"
        return sample

    with pytest.raises(DataError, match=r"verdicts\[0\].label: label 'maybe': expected one of"):
        read_inspect(rewritten(path, other))


def test_the_command_line_goes_there_and_back(
    run: preceptor.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`preceptor export --format inspect` and `preceptor import inspect` do it in two lines."""
    path = tmp_path / "log.eval"
    there = ("export", "exported", "--format", "inspect", "-o", str(path))
    assert cli.main([*there, "--store", str(run.store)]) == 0
    assert cli.main(["import", "inspect", str(path), "--store", str(tmp_path / "new.db")]) == 0
    assert "log: 12 answers" in capsys.readouterr().out
    assert cli.main(["import", "inspect", str(path), "--store", str(tmp_path / "new.db")]) == 0
    assert "was there already" in capsys.readouterr().out


def test_what_came_from_a_log_can_be_graded_again(run: preceptor.Run, tmp_path: Path) -> None:
    """Answers of an imported log are judged by another grader through the export of its run."""
    back = imported(exported(run, tmp_path), tmp_path / "other.db")
    answers = back.export(tmp_path / "answers.jsonl")
    rows = [msgspec.json.decode(line) for line in answers.read_bytes().splitlines()]
    kept = [row for row in rows if row["response"] is not None and row["repeat"] == 0]
    chosen = tmp_path / "chosen.jsonl"
    chosen.write_bytes(b"\n".join(map(msgspec.json.encode, kept)))
    with FakeEndpoint() as fake:
        again = preceptor.run(
            "starter",
            system=f"replay:{chosen}",
            grader=fake.address("another-judge"),
            limit=6,
            store=tmp_path / "other.db",
        )
    graded = [one for one in again.result().graded if one.response and not one.response.failure]
    assert len(graded) == len(kept) > 0
    assert all(v is not None and v.met is not None for one in graded for v in one.verdicts)


# Logs of others


def detailed_results(rows: list[dict[str, Any]]) -> Any:
    """A scorer that writes what inspect-evals' HealthBench writes, with the verdicts given."""

    @scorer(metrics=[mean()], name="evals_like")
    def make() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            return Score(value=0.5, metadata={"detailed_results": rows})

        return score

    return make()


def a_log(folder: Path, samples: list[Sample], **options: Any) -> Path:
    """A log made by Inspect itself, with the wire provider as the model."""
    options = {"name": "healthbench", "solver": generate(), **options}
    with FakeEndpoint() as fake, pytest.MonkeyPatch.context() as patch:
        patch.setenv(inspect_wire.URL, fake.url)
        task = inspect_ai.Task(dataset=samples, **options)
        log = inspect_wire.evaluate(task, folder)
    assert log.status == "success"
    path = folder / "theirs.eval"
    shutil.copy(log.location.removeprefix("file://"), path)
    return path


def evals_sample(**metadata: Any) -> Sample:
    """A sample as inspect-evals makes it of the first of docs/examples/own-tasks.jsonl."""
    row = msgspec.json.decode(OWN_TASKS.read_bytes().splitlines()[0])
    return Sample(
        id=row["prompt_id"],
        input=row["prompt"][-1]["content"],
        metadata={
            "prompt_id": row["prompt_id"],
            "conversation": row["prompt"],
            "rubrics": row["rubrics"],
            "example_tags": row["example_tags"],
            **metadata,
        },
    )


def verdict(place: int, met: object, explanation: str = "so it is") -> dict[str, Any]:
    rubrics = evals_sample().metadata["rubrics"]  # type: ignore[index]
    return {**rubrics[place], "met": met, "explanation": explanation}


def test_a_log_of_inspect_evals_keeps_its_verdicts(tmp_path: Path) -> None:
    """Example, tags, answer and verdicts of inspect-evals' HealthBench become a run of ours."""
    rows = [verdict(0, True), verdict(1, False)]
    run = read_inspect(a_log(tmp_path, [evals_sample()], scorer=detailed_results(rows)))
    [answer] = run.answers
    assert run.benchmark == "healthbench"
    assert run.system == "wire/model-a"
    assert answer.example.id == "sunscreen-1"
    assert answer.example.tags == ("theme:context_seeking",)
    assert [one.met for one in answer.verdicts] == [True, False]
    assert answer.response.text
    assert answer.response.usage.output_tokens > 0


@pytest.mark.parametrize(
    ("met", "explanation"),
    [
        (False, "Failed to parse judge response: timeout"),
        (False, "No explanation provided"),
        ("true", "a text is no verdict"),
        (1, "nor is a number"),
        (None, ""),
    ],
)
def test_a_failed_verdict_of_inspect_evals_is_not_taken_as_not_met(
    met: object, explanation: str, tmp_path: Path
) -> None:
    """What inspect-evals counted as "not met" because its grader failed is ungraded here."""
    rows = [verdict(0, True), verdict(1, met, explanation)]
    [answer] = read_inspect(
        a_log(tmp_path, [evals_sample()], scorer=detailed_results(rows))
    ).answers
    assert [one.met for one in answer.verdicts] == [True, None]
    assert answer.verdicts[1].reason in ("grader_failed", "unparseable")


def test_answers_alone_are_ungraded_answers_to_a_benchmark(tmp_path: Path) -> None:
    """A log of any task whose ids are those of a benchmark gives answers without verdicts."""
    path = a_log(tmp_path, [evals_sample()], name="something", scorer=None)
    run = read_inspect(path, benchmark="healthbench", data=OWN_TASKS)
    [answer] = run.answers
    assert answer.example.criteria
    assert answer.verdicts == ()
    assert answer.response.failure is None
    score = imported(path, tmp_path / "new.db", benchmark="healthbench", data=OWN_TASKS).score()
    assert score["metrics"]["overall_score"]["value"] is None
    assert score["metrics"]["overall_score"]["coverage"] == 0


def test_the_log_of_our_own_task_gives_the_numbers_that_it_shows(tmp_path: Path) -> None:
    """What Inspect's log says of our task is what the imported run scores, departures included.

    To the last digit, and so does `preceptor run`, where the model says the same.
    """
    with FakeEndpoint() as fake, pytest.MonkeyPatch.context() as patch:
        patch.setenv(inspect_wire.URL, fake.url)
        arguments = {"limit": 9, "grader": fake.address("judge")}
        log = inspect_wire.evaluate("preceptor/starter", tmp_path, task_args=arguments, epochs=2)
        own = preceptor.run(
            "starter",
            system=fake.address("model-a"),
            grader=arguments["grader"],
            limit=9,
            repeats=2,
            store=tmp_path / "own.db",
        ).result()
    path = Path(log.location.removeprefix("file://"))
    run = imported(path, tmp_path / "new.db")
    assert log.results is not None
    shown = log.results.scores[0].metrics
    overall = run.score()["metrics"]["overall_score"]
    assert overall["value"] == shown["overall_score"].value
    assert overall["n"] == shown["n"].value == 9
    assert run.result().metrics == own.metrics
    assert run.result().departures == own.departures
    assert "Asked on 9 of 36 examples." in own.departures
    assert run.info.repeats == 2
    assert run.info.grader == arguments["grader"]


def test_an_answer_that_inspect_did_not_get_is_a_failure(tmp_path: Path) -> None:
    """A sample with an error is an answer that failed, with a kind, and not an empty answer."""
    with FakeEndpoint(script=["error_500"]) as fake, pytest.MonkeyPatch.context() as patch:
        patch.setenv(inspect_wire.URL, fake.url)
        rows = [verdict(0, True), verdict(1, False)]
        task = inspect_ai.Task(
            dataset=[evals_sample()], name="healthbench", scorer=detailed_results(rows)
        )
        log = inspect_wire.evaluate(task, tmp_path, epochs=2, max_samples=1, fail_on_error=False)
    run = read_inspect(Path(log.location.removeprefix("file://")))
    failures = [answer.response.failure for answer in run.answers]
    assert sorted(failures, key=str) == [None, "system_failed"]
    [failed] = [answer for answer in run.answers if answer.response.failure]
    assert failed.verdicts == ()
    assert "500" in failed.response.detail


def test_an_unknown_benchmark_is_named(run: preceptor.Run, tmp_path: Path) -> None:
    """--benchmark with a name that there is not makes no run."""
    with pytest.raises(UnknownName, match="healthbunch"):
        read_inspect(exported(run, tmp_path), benchmark="healthbunch")


def test_an_unknown_task_or_id_is_named(tmp_path: Path) -> None:
    """Without --benchmark a task of another name, and an id that the data lacks, is one line."""
    path = a_log(tmp_path, [Sample(id="nobody", input="?")], name="something", scorer=None)
    with pytest.raises(InputError, match="--benchmark"):
        read_inspect(path)
    with pytest.raises(InputError, match="none of its 1 rows has the id"):
        read_inspect(path, benchmark="healthbench", data=OWN_TASKS)


def test_verdicts_on_other_criteria_are_refused(tmp_path: Path) -> None:
    """A score on a criterion that the example lacks is an error; a missing one is ungraded."""
    rows = [verdict(0, True), {**verdict(1, True), "criterion": "Another one."}]
    path = a_log(tmp_path, [evals_sample()], scorer=detailed_results(rows))
    with pytest.raises(DataError, match="criteria"):
        read_inspect(path)
    path = a_log(tmp_path, [evals_sample()], scorer=detailed_results(rows[:1]))
    (answer,) = read_inspect(path).answers
    assert [each.met for each in answer.verdicts] == [True, None]
    assert answer.verdicts[1].reason == "not_asked"


def test_a_system_message_before_the_conversation_was_sent(tmp_path: Path) -> None:
    """What the task put before the conversation is kept as what was sent."""
    from inspect_ai.solver import chain, system_message

    solver = chain(system_message("Be brief."), generate())
    path = a_log(tmp_path, [evals_sample()], solver=solver, scorer=None)
    [answer] = read_inspect(path).answers
    assert answer.response.sent == (Message("system", "Be brief."), *answer.example.messages)


# Hostile logs


def rewritten(path: Path, change: Any) -> Path:
    """A log with the JSON of its samples changed."""
    out = path.with_name("changed.eval")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename.startswith("samples/"):
                content = msgspec.json.encode(change(msgspec.json.decode(content)))
            new.writestr(part.filename, content)
    return out


def test_an_answer_of_tool_calls_alone_is_no_answer(tmp_path: Path) -> None:
    """As where recorded answers are read: the reason is said, and nothing is graded."""

    def calling(sample: dict[str, Any]) -> dict[str, Any]:
        message = sample["output"]["choices"][0]["message"]
        call = {"id": "1", "function": "search", "arguments": {}, "type": "function"}
        message |= {"content": "", "tool_calls": [call]}
        sample["output"]["completion"] = ""
        return sample

    path = a_log(tmp_path, [evals_sample()], name="something", scorer=None)
    run = read_inspect(rewritten(path, calling), benchmark="healthbench", data=OWN_TASKS)
    [answer] = run.answers
    assert (answer.response.failure, answer.response.detail) == ("no_answer", "only tool call")
    notes = " ".join(run.settings.notes)
    assert "1 of 1 samples have no answer, first sample 1 (only tool call)" in notes


def test_reasoning_that_a_log_has_is_noted_as_left_out(tmp_path: Path) -> None:
    """The answer is what is said; that there was more stands in the notes of the run."""

    def thinking(sample: dict[str, Any]) -> dict[str, Any]:
        thought = {"type": "reasoning", "reasoning": "Rest might do."}
        said = {"type": "text", "text": "Ask first."}
        sample["output"]["choices"][0]["message"]["content"] = [thought, said]
        sample["output"]["completion"] = said["text"]
        return sample

    path = a_log(tmp_path, [evals_sample()], name="something", scorer=None)
    run = read_inspect(rewritten(path, thinking), benchmark="healthbench", data=OWN_TASKS)
    assert run.answers[0].response.text == "Ask first."
    assert "Left out of the answers: reasoning in 1 samples, first sample 1." in run.settings.notes


def test_the_steps_of_an_agent_come_back(tmp_path: Path) -> None:
    """Tool calls, their results, and images of a log are turns of the response."""

    def working(sample: dict[str, Any]) -> dict[str, Any]:
        call = {"id": "1", "function": "search", "arguments": {"q": "x"}, "type": "function"}
        picture = {"type": "image", "image": "data:image/png;base64,AAAA"}
        asked = sample["messages"][:1]
        said = sample["output"]["choices"][0]["message"]
        steps = [
            {"role": "assistant", "content": "I look.", "tool_calls": [call]},
            {"role": "tool", "content": "7", "tool_call_id": "1", "function": "search"},
            {"role": "user", "content": [{"type": "text", "text": "See:"}, picture]},
        ]
        sample["messages"] = [*asked, *steps, said]
        return sample

    path = a_log(tmp_path, [evals_sample()], name="something", scorer=None)
    run = read_inspect(rewritten(path, working), benchmark="healthbench", data=OWN_TASKS)
    [answer] = run.answers
    first, result, shown, last = (turn.message for turn in answer.response.turns)
    assert first.parts == (Text("I look."), ToolCall("1", "search", '{"q":"x"}'))
    assert result.parts == (ToolResult("1", "search", "7"),)
    assert shown.parts == (Text("See:"), Image.of(b"\0\0\0", "image/png"))
    assert last.text == answer.response.text


def test_a_bomb_is_refused_before_it_is_unpacked(run: preceptor.Run, tmp_path: Path) -> None:
    """A part that unpacks to thousands of times its size is one line, whatever it holds."""
    path = exported(run, tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples/bomb_epoch_1.json", b" " * (64 * 2**20))
    with pytest.raises(InputError, match="times the packed size"):
        read_inspect(path)


def test_a_part_that_lies_about_its_size_is_refused(run: preceptor.Run, tmp_path: Path) -> None:
    """A directory that says less than is there is a damaged file."""
    path = exported(run, tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples/liar_epoch_1.json", b"[" + b"1," * 500_000 + b"1]")
        part = archive.getinfo("samples/liar_epoch_1.json")
        part.file_size = 1000
    with pytest.raises(InputError, match=r"expected an Inspect log"):
        read_inspect(path)


def test_an_endless_answer_is_refused(
    run: preceptor.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An explanation beyond all bounds is one line with the sample and the field."""
    monkeypatch.setattr(inspect_import, "MAX_TEXT", 1000)

    def change(sample: dict[str, Any]) -> dict[str, Any]:
        for row in sample["scores"]["rubric"]["metadata"]["verdicts"]:
            row["explanation"] = "x" * 2000
        return sample

    with pytest.raises(DataError, match=r"verdicts\[0\].explanation: expected at most 1,000"):
        read_inspect(rewritten(exported(run, tmp_path), change))


@pytest.mark.parametrize("content", [b"", b"not a log", b"PK\x03\x04 cut off"])
def test_another_file_is_one_line(content: bytes, tmp_path: Path) -> None:
    """What is no log is an InputError that names the file."""
    path = tmp_path / "x.eval"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.eval: expected an Inspect log"):
        read_inspect(path)


def test_a_log_of_an_exam_has_its_key(
    fake: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right answers are in the log: it is scored alike with the exam's data and without."""
    monkeypatch.setenv("PRECEPTOR_CACHE", str(tmp_path / "empty"))
    exam = OWN_TASKS.parent / "exam"
    store = tmp_path / "own.db"
    run = preceptor.run("medagents-hard", data=exam, system=fake.address("m"), store=store)
    path = exported(run, tmp_path)
    for sample in read_eval_log(path).samples or []:
        options = sample.metadata["target"]["options"]
        assert sample.choices == [*options.values()]
        assert sample.target == sample.metadata["target"]["answer"]
    for name, data in (("new.db", exam), ("newer.db", None)):
        back = imported(path, tmp_path / name, data=data)
        assert back.result().metrics == run.result().metrics


def test_letters_of_a_shuffled_log_are_those_of_its_own_order(tmp_path: Path) -> None:
    """Inspect keeps the letters of the order in which it asked, and that order beside them."""
    exam = OWN_TASKS.parent / "exam"
    samples = []
    for example in benchmarks.get("medagents-hard").load(exam).examples:
        options = example.target["options"]
        choices = [*reversed(options.values())]
        letter = "ABCDEFGHIJ"[choices.index(options[example.target["answer"]])]
        samples.append(Sample(id=example.id, input="Which?", choices=choices, target=letter))
    path = a_log(tmp_path, samples, name="medagents_hard", scorer=None)

    def answered(sample: dict[str, Any]) -> dict[str, Any]:
        said = f"Let me think.\n\nANSWER: {sample['target']}"
        sample["output"]["completion"] = said
        sample["output"]["choices"][0]["message"]["content"] = said
        return sample

    run = imported(rewritten(path, answered), tmp_path / "new.db", data=exam)
    assert run.score()["metrics"]["overall_score"]["value"] == 1.0
    assert any("own numbers or order" in note for note in run.info.settings.notes)


def test_a_zip_without_a_log_in_it_is_one_line(tmp_path: Path) -> None:
    """An archive with other things in it is an InputError, and so is a file that is not there."""
    path = tmp_path / "x.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match=r"x\.eval: expected an Inspect log"):
        read_inspect(path)
    with pytest.raises(InputError, match="no such file"):
        read_inspect(tmp_path / "nothing.eval")


@pytest.mark.parametrize(
    ("field", "value"),
    [("criteria", "none"), ("criteria", [{"criterion": 1, "points": 2}]), ("tags", [1])],
)
def test_metadata_of_another_shape_is_named(
    field: str, value: object, run: preceptor.Run, tmp_path: Path
) -> None:
    """Rubrics and tags that are not what they should be are a DataError with the field."""

    def change(sample: dict[str, Any]) -> dict[str, Any]:
        sample["metadata"][field] = value
        return sample

    with pytest.raises(DataError, match=field):
        read_inspect(rewritten(exported(run, tmp_path), change))


def test_what_is_read_is_a_log(run: preceptor.Run, tmp_path: Path) -> None:
    """The helper that changes logs leaves them logs: an unchanged copy gives the same run."""
    path = exported(run, tmp_path)
    copy = rewritten(path, lambda sample: sample)
    assert isinstance(read_eval_log(copy), EvalLog)
    assert [a.verdicts for a in read_inspect(copy).answers] != []
    assert [a.response.text for a in read_inspect(copy).answers] == [
        a.response.text for a in read_inspect(path).answers
    ]
