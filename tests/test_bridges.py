"""Runs made elsewhere: what of a file is read, and when the store is left alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

import preceptor
from data_fixtures import graded_row, isolate, row, write_rows
from preceptor import benchmarks
from preceptor.bridges import graded
from preceptor.bridges.graded import read_graded
from preceptor.bridges.imported import ImportedRun, keep, keep_all
from preceptor.bridges.simple_evals import read_simple_evals
from preceptor.bridges.tool_runs import Asked
from preceptor.errors import DataError, InputError
from preceptor.reports.export import export
from preceptor.scoring import OVERALL
from preceptor.store import Store
from preceptor.store.results import write_results


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def read(tmp_path: Path, *rows: Mapping[str, Any], **options: Any) -> list[ImportedRun]:
    """Runs of a file of graded answers, with data of three examples beside it."""
    data = write_rows(tmp_path / "data.jsonl", [row("a"), row("b"), row("c", (1, 2, 3))])
    file = write_rows(tmp_path / "graded.jsonl", rows)
    return read_graded(file, benchmarks.get("healthbench"), data, **options)


def stored(run: ImportedRun, tmp_path: Path) -> preceptor.Result:
    with Store(tmp_path / "s.db") as store:
        keep(store, run, Path("file.jsonl"))
    return preceptor.load(run.name, store=tmp_path / "s.db").result()


# graded


def test_verdicts_follow_the_order_of_the_rubric(tmp_path: Path) -> None:
    """The n-th verdict belongs to the n-th criterion, with its explanation."""
    (run,) = read(tmp_path, graded_row("c", [True, False, None]))
    result = stored(run, tmp_path)
    (item,) = result.graded
    assert [v.met for v in item.verdicts if v] == [True, False, None]
    assert [v.explanation for v in item.verdicts if v][:2] == [
        "made-up reason 0",
        "made-up reason 1",
    ]
    assert result.ungraded == {"not_given": 1}
    assert result.metrics[OVERALL].bounds == (1 / 6, 4 / 6)


def test_both_forms_of_verdicts_are_the_same_run(tmp_path: Path) -> None:
    """A list `criteria_met` with `explanations`, or a list of objects `verdicts`."""
    flat = graded_row("a", [True, False])
    nested = {
        "prompt_id": "a",
        "response": flat["response"],
        "verdicts": [
            {"criteria_met": met, "explanation": why}
            for met, why in zip(flat["criteria_met"], flat["explanations"], strict=True)
        ],
    }
    assert read(tmp_path, flat) == read(tmp_path, nested)


def test_an_answer_may_be_messages(tmp_path: Path) -> None:
    """As the reference implementation writes them; `completion` and `answer` do for `response`."""
    messages = [{"role": "assistant", "content": "made-up answer to a"}]
    plain = graded_row("a")
    as_messages = {**plain, "completion": messages}
    del as_messages["response"]
    assert read(tmp_path, as_messages) == read(tmp_path, plain)


def test_a_null_answer_failed_and_has_no_verdicts(tmp_path: Path) -> None:
    """No answer is no verdict, whatever stands in the list; its kind of failure is kept."""
    (run,) = read(
        tmp_path,
        graded_row("a", response=None, failure="timeout"),
        graded_row("b", [True, False], response=""),
    )
    result = stored(run, tmp_path)
    assert result.ungraded == {"no answer: timeout": 2}
    assert (result.metrics[OVERALL].n, result.metrics[OVERALL].value) == (1, 1.0)


def test_runs_are_told_apart_by_their_name(tmp_path: Path) -> None:
    """One run for each `run`; without it one named after the file."""
    runs = read(
        tmp_path,
        graded_row("a", run="one", model="m1", condition="baseline", grader="g"),
        graded_row("b", run="one"),
        graded_row("a", run="two", model="m1", condition="agent"),
        graded_row("a"),
    )
    assert [(r.name, r.system, r.grader, len(r.answers)) for r in runs] == [
        ("one", "m1", "g", 2),
        ("two", "m1 [agent]", "not stated", 1),
        ("graded", "unnamed system", "not stated", 1),
    ]


def test_options_name_what_the_file_does_not(tmp_path: Path) -> None:
    """--system and --grader have the last word."""
    (run,) = read(tmp_path, graded_row("a", model="x", grader="y"), system="s", grader="g")
    assert (run.system, run.grader) == ("s", "g")


def test_an_id_that_comes_again_is_a_repeat(tmp_path: Path) -> None:
    """Two answers to one example are averaged before the mean over examples."""
    (run,) = read(
        tmp_path,
        graded_row("a", [True, False]),
        graded_row("a", [False, False]),
        graded_row("b", [False, False]),
    )
    result = stored(run, tmp_path)
    assert (result.info.n_examples, result.info.repeats) == (2, 2)
    assert [(item.example.id, item.repeat) for item in result.graded] == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
    ]
    assert result.metrics[OVERALL].raw_mean == 0.25


def test_equal_answers_with_other_verdicts_are_two_answers(tmp_path: Path) -> None:
    """A system that repeats itself word for word, and a grader that does not."""
    (run,) = read(
        tmp_path,
        graded_row("a", [True, False], explanations=None),
        graded_row("a", [False, False], explanations=None),
    )
    assert len({answer.response.key for answer in run.answers}) == 2
    assert stored(run, tmp_path).metrics[OVERALL].raw_mean == 0.5


def test_rows_that_carry_their_example_need_no_data(tmp_path: Path) -> None:
    """Conversation and rubric in the row itself are enough."""
    file = write_rows(tmp_path / "whole.jsonl", [row("z") | graded_row("z")])
    (run,) = read_graded(file, benchmarks.get("healthbench"))
    assert run.answers[0].example.tags == ("theme:hedging",)


def labelled_row(labels: list[Any], **changed: Any) -> dict[str, Any]:
    """An answer to a question of K-QA's form with two statements, as it is exported."""
    statements = [("must", "statement:must_have"), ("", "statement:nice_to_have")]
    return {
        "prompt_id": "q",
        "prompt": [{"role": "user", "content": "made-up question"}],
        "rubrics": [{"criterion": t, "points": 1, "tags": [tag]} for t, tag in statements],
        "response": "made-up answer",
        "labels": labels,
    } | changed


def read_labelled(tmp_path: Path, benchmark: str, *rows: Mapping[str, Any]) -> ImportedRun:
    (run,) = read_graded(write_rows(tmp_path / "l.jsonl", rows), benchmarks.get(benchmark))
    return run


ASPECTS = [
    {"criterion": "c", "points": 1, "tags": [f"aspect:{each}"]}
    for each in ("accuracy", "efficiency", "factuality")
]


def test_labels_are_verdicts(tmp_path: Path) -> None:
    """A label counts, null is ungraded; what is exported and imported has the same score."""
    run = read_labelled(tmp_path, "k-qa", labelled_row(["Entailed", None]))
    result = stored(run, tmp_path)
    assert [v and v.label for v in result.graded[0].verdicts] == ["entailed", None]
    assert result.ungraded == {"not_given": 1}
    assert result.metrics[OVERALL].value == 1.0
    path = export(result, tmp_path / "out.jsonl")
    (again,) = read_graded(path, benchmarks.get("k-qa"))
    assert [v.label for v in again.answers[0].verdicts] == ["entailed", None]
    assert again.answers[0].example == result.graded[0].example


def test_labels_may_be_numbers_and_lists(tmp_path: Path) -> None:
    """An ordinal as a table of floats writes it, in a list of objects, and one label a step."""
    one = {"rubrics": [{"criterion": "c", "points": 1, "tags": []}], "target": {"policy": "p"}}
    row = labelled_row([], **one, verdicts=[{"label": 2.0, "explanation": "made-up"}])
    run = read_labelled(tmp_path, "patient-safety-bench", row)
    assert run.answers[0].verdicts[0].label == "2"
    said = ["right", "reasoning, citation", "sound, unsound"]
    steps = {"rubrics": ASPECTS, "response": "Step 1: a\nStep 2: b\nAnswer: c"}
    run = read_labelled(tmp_path, "medr-bench", labelled_row(said, **steps))
    assert [verdict.label for verdict in run.answers[0].verdicts] == said


def test_a_file_names_its_benchmark(tmp_path: Path) -> None:
    """Our own export does: what it wrote is imported without --benchmark."""
    whole = row("z") | graded_row("z") | {"benchmark": "healthbench"}
    (run,) = graded.read([write_rows(tmp_path / "whole.jsonl", [whole])], Asked())
    assert run.make().benchmark == "healthbench"


@pytest.mark.parametrize(
    ("benchmark", "changed", "said"),
    [
        ("k-qa", {"labels": ["entailed", "maybe"]}, r"labels\[1\]: .*expected one of entailed"),
        ("k-qa", {"labels": ["entailed"]}, "labels: expected 2 verdicts"),
        ("k-qa", {"labels": [True, None]}, r"labels\[0\]: expected a label or null, found true"),
        ("k-qa", {"labels": 3}, "expected a list of labels or null"),
        ("medr-bench", {"labels": [None, None]}, "rubrics, target: not as `preceptor export`"),
        ("xstest", {}, "rubrics, target: not as .* name its data with --data"),
        (
            "medr-bench",
            {"rubrics": ASPECTS, "labels": ["covered", None, None]},
            "label 'covered': expected one of right, wrong",
        ),
        (
            "medr-bench",
            {"rubrics": ASPECTS, "labels": [None, "sound", None]},
            "label 'sound': expected one of reasoning",
        ),
    ],
)
def test_labels_that_nobody_gives_are_refused(
    tmp_path: Path, benchmark: str, changed: dict[str, Any], said: str
) -> None:
    """A label that the family's judge could not have said is a fault of its line and place."""
    with pytest.raises(DataError, match=said):
        read_labelled(tmp_path, benchmark, labelled_row([None, None]) | changed)


def test_one_id_with_two_rubrics_is_an_error(tmp_path: Path) -> None:
    """Rows of one run that disagree about an example are not averaged as its repeats."""
    rows = [row("z", (5, -3)) | graded_row("z"), row("z", (1, 1)) | graded_row("z")]
    file = write_rows(tmp_path / "whole.jsonl", rows)
    with pytest.raises(DataError, match=r"whole\.jsonl:2: .*'z'.* line 1"):
        read_graded(file, benchmarks.get("healthbench"))


# Into the store


def test_a_second_import_leaves_the_first_alone(tmp_path: Path) -> None:
    """The same file again is no new run; it says so."""
    (run,) = read(tmp_path, graded_row("a"))
    with Store(tmp_path / "s.db") as store:
        first, new = keep(store, run, Path("file.jsonl"))
        again, new_again = keep(store, run, Path("file.jsonl"))
        assert (new, new_again) == (True, False)
        assert again == first
        assert store.runs() == [first]


@pytest.mark.parametrize(
    "change",
    [{"system": "another"}, {"grader": "another"}, {"benchmark": "healthbench-hard"}],
    ids=["system", "grader", "benchmark"],
)
def test_the_same_name_with_other_content_is_an_error(
    tmp_path: Path, change: dict[str, str]
) -> None:
    """Nothing is overwritten and nothing is silently dropped."""
    (run,) = read(tmp_path, graded_row("a"))
    with Store(tmp_path / "s.db") as store:
        first, _ = keep(store, run, Path("file.jsonl"))
        with pytest.raises(InputError, match="exists already"):
            keep(store, msgspec.structs.replace(run, **change), Path("file.jsonl"))
        assert store.runs() == [first]


def test_of_several_runs_all_are_kept_or_none(tmp_path: Path) -> None:
    """A conflict with the last run of a file leaves the first ones out, too."""
    one, two = read(tmp_path, graded_row("a", run="one"), graded_row("a", run="two"))
    other = msgspec.structs.replace(two, system="another")
    with Store(tmp_path / "s.db") as store:
        keep(store, other, Path("file.jsonl"))
        with pytest.raises(InputError, match="'two'"):
            keep_all(store, [(one, Path("file.jsonl")), (two, Path("file.jsonl"))])
        assert [known.name for known in store.runs()] == ["two"]


def test_two_files_with_one_run_name_are_an_error(tmp_path: Path) -> None:
    """Of two runs with one name neither is taken for the other."""
    (run,) = read(tmp_path, graded_row("a"))
    with Store(tmp_path / "s.db") as store:
        with pytest.raises(InputError, match="same name"):
            keep_all(store, [(run, Path("x/file.jsonl")), (run, Path("y/file.jsonl"))])
        assert store.runs() == []


def test_an_import_that_was_killed_is_done_anew(tmp_path: Path) -> None:
    """A run that is not marked as done is made again, whole."""
    (run,) = read(tmp_path, graded_row("a"), graded_row("b"))
    with Store(tmp_path / "s.db") as store:
        first, _ = keep(store, run, Path("file.jsonl"))
        store.set_status(first, "running")
        again, new = keep(store, run, Path("file.jsonl"))
        assert new
        assert again.status == "done"
        assert [known.name for known in store.runs()] == [run.name]
        assert len(store.graded(again)) == 2


def test_import_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends it while answers are written, the store has neither run nor answers."""
    (run,) = read(tmp_path, graded_row("a"), graded_row("b"))
    with Store(tmp_path / "s.db") as store:
        monkeypatch.setattr("preceptor.store.store.write_results", _killed)
        with pytest.raises(KeyboardInterrupt):
            keep(store, run, Path("file.jsonl"))
        monkeypatch.undo()
        assert store.runs() == []
        with store.reading() as connection:
            tables = ("run_examples", "run_responses", "responses", "verdicts", "examples")
            for table in tables:
                assert connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar() == 0
        again, new = keep(store, run, Path("file.jsonl"))
        assert (new, again.status, len(store.graded(again))) == (True, "done", 2)


def _killed(connection: Any, *results: Any, **more: Any) -> None:
    write_results(connection, *results, **more)
    raise KeyboardInterrupt


# simple-evals


def output(*changes: Mapping[str, Any]) -> dict[str, Any]:
    """A made-up file of the reference implementation with one answer for each of ``changes``."""
    rows = [
        {
            "score": 1.0,
            "prompt_id": f"e{i}",
            "prompt": [
                {"role": "system", "content": "made-up instruction"},
                {"role": "user", "content": "made-up question"},
            ],
            "completion": [{"role": "assistant", "content": "made-up answer"}],
            "rubric_items": [
                {"criterion": "x", "points": 5, "tags": ["axis:accuracy"], "criteria_met": True},
                {"criterion": "y", "points": -5, "tags": [], "criteria_met": False},
            ],
            "usage": {"input_tokens": 10, "output_tokens": 5, "input_cached_tokens": None},
            **change,
        }
        for i, change in enumerate(changes)
    ]
    return {"score": 1.0, "metrics": {}, "metadata": {"example_level_metadata": rows}}


def written(tmp_path: Path, content: object, name: str = "healthbench_m_allresults.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("name", "benchmark", "model"),
    [
        ("healthbench_gpt-4o_20260113_121418_allresults.json", "healthbench", "gpt-4o"),
        ("healthbench_hard_my_model_allresults.json", "healthbench-hard", "my_model"),
        ("healthbench_consensus_x_20260113_121418_allresults.json", "healthbench-consensus", "x"),
        ("healthbench_professional_x_allresults.json", "healthbench-professional", "x"),
    ],
)
def test_the_file_name_tells_benchmark_and_model(
    tmp_path: Path, name: str, benchmark: str, model: str
) -> None:
    """As the reference implementation names its files."""
    run = read_simple_evals(written(tmp_path, output({}), name))
    assert (run.benchmark, run.system) == (benchmark, model)
    assert not run.name.endswith("_allresults")


def test_the_messages_sent_are_kept_and_the_example_is_without_them(tmp_path: Path) -> None:
    """A system message belongs to the sampler, not to the example: it is what a grader saw."""
    (answer,) = read_simple_evals(written(tmp_path, output({}))).answers
    assert [m.role for m in answer.example.messages] == ["user"]
    assert answer.response.sent is not None
    assert [m.role for m in answer.response.sent] == ["system", "user"]
    assert (answer.response.usage.input_tokens, answer.response.usage.output_tokens) == (10, 5)


def test_a_null_completion_was_graded_as_empty(tmp_path: Path) -> None:
    """No note calls it failed; where a request failed, its words are said to be an answer."""
    run = read_simple_evals(written(tmp_path, output({"completion": None})))
    assert (run.answers[0].response.text, run.answers[0].response.failure) == ("", None)
    assert run.settings.notes == ["Imported: asked and graded elsewhere."]
    refused = output({"completion": "No response (bad request)."})
    note = read_simple_evals(written(tmp_path, refused)).settings.notes[-1]
    assert note.startswith("Requests that failed, graded as the answer")


def test_repeats_of_the_reference_implementation(tmp_path: Path) -> None:
    """With n_repeats its file has each id several times: repeats here, too."""
    file = written(tmp_path, output({"prompt_id": "e"}, {"prompt_id": "e"}))
    result = stored(read_simple_evals(file), tmp_path)
    assert (result.info.n_examples, result.info.repeats) == (1, 2)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([1, 2], "found"),
        ({"score": 1}, "'score'"),
        ({"pairwise_model_f1_balanced": 0.5}, "meta-evaluation"),
        ({"metadata": {"example_level_metadata": []}}, "not empty"),
        (output({"rubric_items": [{"criterion": "x", "points": 5}]}), "criteria_met: missing"),
        (output({"completion": 5}), "completion: expected a text"),
        (output({"usage": {"input_tokens": "x", "output_tokens": 1}}), "input_tokens"),
    ],
)
def test_other_files_are_refused_with_the_place(
    tmp_path: Path, content: object, problem: str
) -> None:
    """The message names the file and what is not as expected."""
    with pytest.raises(InputError) as caught:
        read_simple_evals(written(tmp_path, content))
    assert "healthbench_m_allresults.json" in str(caught.value)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_id_with_two_rubrics_in_a_file_is_an_error(tmp_path: Path) -> None:
    """The same for files of the reference implementation."""
    other = [{"criterion": "z", "points": 1, "tags": [], "criteria_met": True}]
    file = written(tmp_path, output({"prompt_id": "e"}, {"prompt_id": "e", "rubric_items": other}))
    with pytest.raises(InputError, match="'e'"):
        read_simple_evals(file)
