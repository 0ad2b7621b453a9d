"""Answers that nothing could be read out of: said while the run goes on, and beside the score."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from preceptor.cli.app import main
from preceptor.records import Score
from preceptor.reports.format import marked, read_sentence
from preceptor.scoring.answers import PARSED, share_read

ASKED = 30


def scores(read: int, unread: int, missing: int = 0, name: str = PARSED) -> list[Score]:
    def one(parsed: float, length: int | None) -> Score:
        values = {} if length is None else {name: parsed}
        return Score("e", 0, values, {name: 0.0}, {name: 1.0}, {name: (1, 1)}, length)

    return [one(1.0, 9)] * read + [one(0.0, 9)] * unread + [one(0.0, None)] * missing


@pytest.mark.parametrize(
    ("found", "share", "cell", "said"),
    [
        (scores(20, 0), 1.0, "5.0", None),
        (scores(19, 1), 0.95, "5.0", "1 of 20 answers could not be read (unparsed)."),
        (
            scores(18, 1, 5),
            18 / 19,
            "5.0 †",
            "† 1 of 19 answers could not be read (unparsed): the score counts them as wrong.",
        ),
        (scores(0, 0, 3), None, "5.0", None),
        (scores(3, 3, name="overall_score"), None, "5.0", None),
    ],
)
def test_share_is_of_answers_that_are_there(
    found: list[Score], share: float | None, cell: str, said: str | None
) -> None:
    """A failed call is not unreadable, and what a grader reads has no share; below 95 % a mark."""
    assert share_read(found) == (None if share is None else pytest.approx(share))
    assert marked("5.0", share_read(found)) == cell
    assert read_sentence(found) == said


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Questions with two options, and a file of answers by system."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "safety").mkdir()
    asked = [
        {"id": n, "question": f"Question {n}?", "options": ["x", "y"], "category": "Mental Health"}
        for n in range(ASKED)
    ]
    key = {str(n): {"answer": 0} for n in range(ASKED)}
    (tmp_path / "safety/test_zh_subset.json").write_text(json.dumps(asked))
    (tmp_path / "safety/test_answers_zh_subset.json").write_text(json.dumps(key))
    return tmp_path


def run(at: Path, name: str, *said: str) -> int:
    rows = [{"id": str(n), "response": said[n % len(said)]} for n in range(ASKED)]
    (at / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    system = f"--system=replay:{name}.jsonl"
    return main(["run", "safetybench-zh", "--data=safety", system, f"--name={name}"])


def test_a_score_of_unread_answers_is_marked_everywhere(
    at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Terminal, JSON, page, all runs, leaderboard, comparison and export show the share read."""

    def told(*words: str) -> str:
        capsys.readouterr()
        assert main(list(words)) == 0
        out, err = capsys.readouterr()
        return out if "--json" in words else out + " ".join(err.split())

    assert run(at, "mute", "no idea") == 1
    err = capsys.readouterr().err
    assert "done, but no answer could be read" in err
    assert "warning: 20 answers in a row could not be read" in err
    assert run(at, "plain", "A") == 0
    assert "warning" not in capsys.readouterr().err
    for words in (("score", "mute"), ("score", "--all"), ("compare", "plain", "mute")):
        text = told(*words)
        assert "0.0 †" in text, words
        assert "0 %" in text
        assert "could not be read" in text or "could be read" in text
        assert "files." not in text  # that two systems have different files is no news
    board = told("leaderboard", "mute", "plain")
    assert "0.0 †" in board
    assert "read 0 %" in board
    assert "read 100 %" in board
    found: dict[str, Any] = json.loads(told("score", "mute", "--json"))
    assert (found["share_read"], found["unparsed"]) == (0.0, ASKED)
    sides = json.loads(told("compare", "plain", "mute", "--json"))["sides"]
    assert [side["share_read"] for side in sides] == [1.0, 0.0]
    told("report", "mute", "plain", "-o", "page.html")
    page = (at / "page.html").read_text()
    assert "0.0 †" in page
    assert "read 0 %" in page
    assert "† 30 of 30 answers could not be read" in page
    told("export", "mute", "-o", "rows.csv")
    with (at / "rows.csv").open(newline="") as file:
        assert {row["read"] for row in csv.DictReader(file)} == {"False"}
    told("export", "plain", "-o", "rows.jsonl")
    assert {json.loads(line)["read"] for line in (at / "rows.jsonl").read_text().splitlines()} == {
        True
    }


def test_twenty_in_a_row_are_what_is_said(at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unreadable answers between readable ones are counted at the end alone, without a warning."""
    assert run(at, "mixed", "no idea", "A") == 0
    assert "warning" not in capsys.readouterr().err
