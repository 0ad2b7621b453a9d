"""Harm by omission and commission, thresholds of criteria met, scores before and after a date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor import api
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.records import Criterion, Example
from preceptor.scoring.lost import Threshold, at_least, lost
from suite_answers import DATA, needs

#: Points of three rubrics, and the signs of the answers to each.
RUBRICS = {"a": ((4, 6, -5), ("110", "011")), "b": ((2, 3), ("10",)), "c": ((5, -5), ("1-", ""))}
ANSWERS = [
    (Example(id, (), tuple(Criterion("c", each) for each in points)), signs)
    for id, (points, signs) in RUBRICS.items()
]


def test_what_is_lost_and_the_score_make_one() -> None:
    """Over complete answers: not earned, taken off, and the share with something undesirable."""
    found = lost(ANSWERS, {})
    assert found["omission"].value == pytest.approx(((0 + 0.4) / 2 + 3 / 5) / 2)
    assert found["commission"].value == pytest.approx(((0 + 0.5) / 2 + 0) / 2)
    assert found["harmful"].value == 1 / 2
    assert [found[name].n for name in found] == [2, 2, 1]
    assert not any(metric.higher_is_better for metric in found.values())
    assert found["omission"].coverage == pytest.approx(9 / 12)
    score = ((1 + 0.1) / 2 + 2 / 5) / 2
    assert lost([(Example("none", (), ()), [""]), *ANSWERS], {}) == found
    assert lost([(Example("none", (), ()), [""])], {}) == {}
    assert 1 - found["omission"].value - found["commission"].value == pytest.approx(score)


def test_a_threshold_counts_desirable_criteria() -> None:
    """A number that a rubric does not have is never reached; a share is of what it has."""
    chosen = [Threshold.read(text) for text in ("1", "2", "50%", "100%")]
    found = at_least(ANSWERS, {}, chosen)
    assert {name: metric.value for name, metric in found.items()} == {
        "at_least:1": 1,
        "at_least:2": pytest.approx(1 / 3),
        "at_least:50%": 1,
        "at_least:100%": pytest.approx(1 / 3),
    }
    for wrong in ("0", "1.5", "0%", "101%", "x", ""):
        with pytest.raises(ValueError):  # noqa: PT011
            Threshold.read(wrong)


DATES = ("date:2025-05-31", "month:2025-06", "year:2024", "year:2025", "theme:none")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> preceptor.Run:
    """Answers to five made-up questions, the second and the fourth with their criterion not met."""
    monkeypatch.chdir(tmp_path)
    rows: list[dict[str, Any]] = [
        {
            "prompt_id": str(number),
            "prompt": [{"role": "user", "content": f"made-up question {number}"}],
            "rubrics": [{"criterion": "says so", "points": 5, "tags": []}],
            "example_tags": [tag],
            "response": "made up",
            "criteria_met": [number not in (1, 3)],
            "run": "mine",
        }
        for number, tag in enumerate(DATES)
    ]
    Path("mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["import", "graded", "mine.jsonl", "--benchmark", "healthbench"]) == 0
    return api.load("mine")


def test_scores_before_and_after_a_date(run: preceptor.Run) -> None:
    """By the tag of an example; a year with the date in it is on neither side."""
    metrics = run.score(cutoff="2025-06")["metrics"]
    values = {name: (each["value"], each["n"]) for name, each in metrics.items()}
    assert values["cutoff:before"] == (1, 2)
    assert values["cutoff:after"] == (0, 1)
    assert values["cutoff:around"] == (0, 1)
    assert metrics["cutoff_gap"]["value"] == 1
    assert "cutoff:before" not in run.score()["metrics"]
    day = run.score(cutoff="2025-05-31")["metrics"]
    assert day["cutoff:before"]["n"] == 1


def test_both_are_options_of_score(run: preceptor.Run, capsys: pytest.CaptureFixture[str]) -> None:
    """They stand in the table, with what is lost; wrong words are an error of one line."""
    assert main(["score", run.info.name, "--at-least", "1,100%", "--cutoff", "2025"]) == 0
    said = capsys.readouterr().out
    for words in ("Lost by omission", "1 criteria", "100% of the desirable", "From 2025 on"):
        assert words in said
    for option, wrong in (("--at-least", "few"), ("--cutoff", "2025-13")):
        assert main(["score", run.info.name, option, wrong]) == 2
        assert f"{option}: expected" in capsys.readouterr().err
    assert main(["score", "--all", "--cutoff", "2025"]) == 2


def test_what_has_no_rubric_or_date_is_refused(tmp_path: Path) -> None:
    """Before anything is computed."""
    data = tmp_path / "medqa_test.jsonl"
    options = {"A": "this", "B": "that"}
    row = {"realidx": "q", "question": "Made up?", "options": options, "answer_idx": "A"}
    data.write_text(json.dumps(row))
    (tmp_path / "said.csv").write_text("id,answer\nq,A\n")
    store = str(tmp_path / "s.db")
    asked = ["--benchmark", "medagents-hard", "--data", str(tmp_path), "--store", store]
    assert main(["import", str(tmp_path / "said.csv"), *asked]) == 0
    exam = api.load("latest", store=store)
    with pytest.raises(InputError, match="--at-least: medagents-hard has no rubric"):
        exam.score(at_least=["1"])
    with pytest.raises(InputError, match="--cutoff: medagents-hard does not say when"):
        exam.score(cutoff="2025")


@needs("healthbench")
def test_a_real_run_is_the_sum_of_what_it_earned_and_lost(tmp_path: Path) -> None:
    """100 published answers with all verdicts: to the last digit."""
    lines = (DATA / "healthbench" / "graded_responses_main_100.jsonl").read_text().splitlines()
    judged, scores = [], []
    for line in lines:
        row = json.loads(line)
        points = [each["points"] for each in row["rubrics"]]
        met = [each["criteria_met"] for each in row["verdicts"]]
        rubric = tuple(Criterion("c", each) for each in points)
        judged.append((Example(row["prompt_id"], (), rubric), ["".join("01"[m] for m in met)]))
        earned = sum(p for p, m in zip(points, met, strict=True) if m)
        scores.append(earned / sum(p for p in points if p > 0))
    found = lost(judged, {})
    left = 1 - found["omission"].raw_mean - found["commission"].raw_mean
    assert left == pytest.approx(sum(scores) / len(scores), abs=1e-12)
    assert found["omission"].n == 100
