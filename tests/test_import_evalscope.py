"""Reviews of evalscope become runs: every verdict that was given, and none that was not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from preceptor import api
from preceptor.benchmarks import get
from preceptor.bridges.imported import ImportedRun
from preceptor.bridges.tool_runs import Asked
from preceptor.bridges.tools import incoming_runs, recognise
from preceptor.cli import main
from preceptor.records import Graded, ToolScore

FOLDER = Path(__file__).parent / "data" / "imports" / "evalscope"
EXAM = Asked(benchmark="medagents-hard", data=FOLDER / "questions")


def read(path: Path, asked: Asked) -> list[ImportedRun]:
    found, unknown = recognise([path])
    assert unknown == []
    return [each.make() for each in incoming_runs(found, asked)]


def test_verdicts_are_those_that_were_given() -> None:
    """The subsets are one run; after an unreadable verdict the rest was never asked."""
    (run,) = read(FOLDER / "healthbench", Asked())
    assert (run.benchmark, run.system, run.grader) == ("healthbench", "model-a", "judge-a")
    said = {
        answer.example.id: [each.met if each.met is not None else each.reason for each in verdicts]
        for answer in run.answers
        if (verdicts := answer.verdicts)
    }
    assert [each[2:] for id, each in sorted(said.items()) if id in ("made-up-1", "made-up-3")] == [
        ["unparseable", "not_asked", "not_asked"]
    ] * 2
    assert all(isinstance(met, bool) for id in ("made-up-0", "made-up-2") for met in said[id])
    first = run.answers[0]
    assert (first.response.usage.input_tokens, first.response.served_model) == (
        7,
        "model-a-2026-01-01",
    )
    assert first.verdicts[0].explanation.startswith("Made-up reason")
    assert first.verdicts[0].usage.output_tokens == 6
    assert run.settings.tool == "evalscope 1.14.1"
    assert run.settings.tool_scores[0] == ToolScore("overall_score", 0.25, 4)


def test_coverage_and_bounds_show_what_is_missing(tmp_path: Path) -> None:
    """A theme without any complete answer has no score, and the whole has bounds."""
    store = str(tmp_path / "runs.db")
    assert main(["import", str(FOLDER / "healthbench"), "--store", store]) == 0
    result = api.load("latest", store=store).scored()
    overall = result.metrics["overall_score"]
    assert result.coverage == pytest.approx(16 / 26)
    assert overall.bounds is not None
    assert overall.bounds[0] < overall.raw_mean < overall.bounds[1]
    assert result.metrics["theme:hedging"].value is None


def test_an_error_message_is_no_answer() -> None:
    """What evalscope has as the answer to a filtered prompt is the provider's error."""
    (run,) = read(FOLDER / "healthbench", Asked())
    (filtered,) = [each for each in run.answers if each.response.finish_reason == "content_filter"]
    assert (filtered.response.text, filtered.verdicts) == ("", ())


def test_exams_are_read_in_the_order_that_was_asked() -> None:
    """Letters of shuffled options are mapped by the prompt's own; repeats stay repeats."""
    (run,) = read(FOLDER / "exam", EXAM)
    score = get("medagents-hard").protocol.score
    right = [
        score(Graded(each.example, 0, each.response, ())).values["overall_score"]
        for each in run.answers
    ]
    assert [each.example.id for each in run.answers][::2] == [f"medqa/q{n}" for n in range(4)]
    assert len(run.answers) == 8
    (own,) = run.settings.tool_scores or []
    assert sum(right) / len(right) == own.value == 0.75


def test_questions_of_another_id_are_found_by_their_text(tmp_path: Path) -> None:
    """The Chinese prompt around an English question does not hide it."""
    copy = shutil.copytree(FOLDER / "exam", tmp_path / "exam")
    for file in copy.rglob("*.jsonl"):
        file.write_text(file.read_text().replace('"id": "q', '"id": "unknown-'))
    (run,) = read(copy, EXAM)
    assert [each.example.id for each in run.answers][::2] == [f"medqa/q{n}" for n in range(4)]


def test_reviews_alone_do_not_tell_failed_calls(tmp_path: Path) -> None:
    """Without predictions, an error message cannot be told from an answer: a note says so."""
    copy = shutil.copytree(FOLDER / "healthbench", tmp_path / "healthbench")
    shutil.rmtree(copy / "predictions")
    (run,) = read(copy, Asked())
    assert any(note.startswith("No predictions beside") for note in run.settings.notes)


def test_predictions_without_reviews_are_answers(tmp_path: Path) -> None:
    """A run that ended before it was judged has answers and no verdicts."""
    copy = shutil.copytree(FOLDER / "healthbench", tmp_path / "healthbench")
    shutil.rmtree(copy / "reviews")
    shutil.rmtree(copy / "reports")
    (run,) = read(copy, Asked())
    assert [each.verdicts for each in run.answers] == [()] * 6
    assert run.grader == "none"
