"""CMB-Clin: its cases, and the judge's four axes with the reference of each question."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from preceptor.benchmarks.cmb_clin import BENCHMARKS
from preceptor.errors import DataError
from preceptor.graders.base import Case
from preceptor.records import Example, Message

(BENCH,) = BENCHMARKS
AXES = ["fluency", "relevance", "completeness", "proficiency"]
DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere")
needs_data = pytest.mark.skipif(
    not (DATA / "cmb").exists(),
    reason="real data: set PRECEPTOR_TEST_DATA to a folder with cmb/CMB-Clin-qa.json",
)


def made_up(name: object = "0", **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": "made-up",
        "description": "made-up case",
        "QA_pairs": [
            {"question": f"question {at}", "answer": f"reference {at}"} for at in (1, 2, 3)
        ],
    } | changes


def load(tmp_path: Path, *rows: dict[str, Any]) -> list[Example]:
    path = tmp_path / "clin.json"
    path.write_text(json.dumps(list(rows), ensure_ascii=False))
    return BENCH.load(path).examples


def test_a_case_becomes_a_dialogue(tmp_path: Path) -> None:
    """The case comes with the first question, the others in turn; four ratings for each."""
    (item,) = load(tmp_path, made_up())
    assert item.messages[0].content == "病例：\nmade-up case\n\n问题：\nquestion 1"
    assert item.target == {
        "turns": ["question 2", "question 3"],
        "references": ["reference 1", "reference 2", "reference 3"],
    }
    assert [criterion.tags for criterion in item.criteria] == [
        (f"axis:{axis}", f"turn:{turn}") for turn in (1, 2, 3) for axis in AXES
    ]


def test_ids_may_be_numbers_and_references_solutions(tmp_path: Path) -> None:
    """Both are found in copies of the data."""
    pairs = [{"question": "q", "solution": "s"}]
    (item,) = load(tmp_path, made_up(7, QA_pairs=pairs))
    assert (item.id, item.target["references"]) == ("7", ["s"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": None}, "id: expected a text that is not empty, found null"),
        ({"description": " "}, "description: expected a text that is not empty"),
        ({"QA_pairs": []}, "QA_pairs: expected a list of objects that is not empty"),
        ({"QA_pairs": [{"question": "q"}]}, "QA_pairs[0].answer: missing"),
        ({"QA_pairs": [{"answer": "a"}]}, "QA_pairs[0].question: missing"),
    ],
)
def test_a_wrong_row_names_file_row_and_field(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    """The second row is the wrong one, and the message says so."""
    with pytest.raises(DataError) as caught:
        load(tmp_path, made_up("a"), made_up("b", **changes))
    assert f"clin.json:2: {words}" in str(caught.value)


def test_the_judge_is_shown_the_reference_of_the_question(tmp_path: Path) -> None:
    """For the second reply: the talk up to it, its own reference, and the axis."""
    (item,) = load(tmp_path, made_up())
    talk = (
        *item.messages,
        Message("assistant", "reply 1"),
        Message("user", "question 2"),
        Message("assistant", "reply 2"),
        Message("user", "question 3"),
        Message("assistant", "reply 3"),
    )
    case = Case(talk, dict(enumerate(item.criteria)), "mine", target=item.target)
    judge = BENCH.protocol.judging.judge
    assert judge is not None
    prompt = judge.prompt(case, item.criteria[len(AXES)])
    assert "reference 2" in prompt
    assert "# Answer to rate\nreply 2\n" in prompt
    assert "Fluency" in prompt
    assert not any(word in prompt for word in ("reference 1", "reference 3", "reply 3"))


@needs_data
def test_real_cases() -> None:
    """74 cases, 208 questions, a reference and four ratings for each."""
    items = BENCH.load(DATA).examples
    assert len(items) == BENCH.n_examples
    assert sum(len(item.target["references"]) for item in items) == 208
    assert sum(len(item.criteria) for item in items) == BENCH.n_criteria
