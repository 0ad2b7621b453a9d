"""CMB-Exam: questions and keys in two files, sets of letters, and the mean of types of exam."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from preceptor.benchmarks.cmb_exam import BENCHMARKS, read_exam
from preceptor.errors import DataError, InputError
from suite_answers import DATA, needs, run

(EXAM,) = BENCHMARKS
KEYS, QUESTIONS = "CMB-test-choice-answer.json", "CMB-test-choice-question-merge.json"


def key(id: int, answer: str, exam: str = "护理考试", of: str = "护士") -> dict[str, Any]:
    kind = "多项选择题" if len(answer) > 1 else "单项选择题"
    return {
        "id": id,
        "exam_type": exam,
        "exam_class": of,
        "exam_subject": "made up",
        "question_type": kind,
        "answer": answer,
    }


def asked(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The row of a question: the key's, without its answer."""
    options = {"A": "rest", "B": "water", "C": "sleep", "D": "tea", "E": "air", "F": "", "G": "sun"}
    row = {**row, "question": f"Made-up question {row['id']}?", "option": options, **changes}
    return {name: value for name, value in row.items() if name != "answer"}


def write(folder: Path, keys: list[dict[str, Any]], **changes: Any) -> Path:
    (folder / KEYS).write_text(json.dumps(keys))
    (folder / QUESTIONS).write_text(json.dumps([asked(each, **changes) for each in keys]))
    return folder


def test_questions_and_keys_are_joined(tmp_path: Path) -> None:
    """An option without a text is none; letters in any order are the same set."""
    keys = [key(1, "C"), key(2, "DB"), key(3, "A", "医师考试", "执业医师")]
    examples = list(read_exam(write(tmp_path, keys)))
    assert [each.target["answer"] for each in examples] == ["C", ["B", "D"], "A"]
    assert list(examples[0].target["options"]) == ["A", "B", "C", "D", "E", "G"]
    _, metrics = run(EXAM, examples, lambda case: "D, B" if case.id == "2" else "C")
    assert metrics["overall_score"].value == pytest.approx(2 / 3)
    assert metrics["mean_of_types"].value == pytest.approx((1 + 0) / 2)


def test_rows_with_their_answers_are_read(tmp_path: Path) -> None:
    """The validation file has no ids, and its answers beside the questions."""
    row = {**asked(key(7, "B")), "answer": "B"}
    path = tmp_path / "CMB-val-merge.json"
    path.write_text(json.dumps([{k: v for k, v in row.items() if k != "id"}]))
    (example,) = read_exam(path)
    assert (example.id, example.target["answer"]) == ("1", "B")


@pytest.mark.parametrize(
    ("answer", "changes", "words"),
    [
        ("F", {}, "answer: expected letters of A, B"),
        ("", {}, "answer: expected a text that is not empty"),
        ("A", {"option": ["rest"]}, "option: expected the options by letter"),
        ("A", {"question": ""}, "question: expected a text that is not empty"),
        ("A", {"question_type": "x"}, "question_type: expected one of"),
        ("A", {"id": 9}, "id: expected a question with an answer"),
    ],
)
def test_a_wrong_row_is_named(
    tmp_path: Path, answer: str, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        list(read_exam(write(tmp_path, [key(1, answer)], **changes)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / KEYS).write_text("[]")
    with pytest.raises(InputError, match=QUESTIONS):
        list(read_exam(tmp_path))


@needs("cmb")
def test_always_c_has_its_floor(tmp_path: Path) -> None:
    """Made-up questions under the 11,200 real keys."""
    keys = json.loads((DATA / "cmb" / KEYS).read_text())
    options = dict.fromkeys("ABCDEFG", "made up")
    examples = list(read_exam(write(tmp_path, keys, option=options)))
    assert len(examples) == 11_200
    _, metrics = run(EXAM, examples, lambda _: "C")
    assert metrics["overall_score"].value == pytest.approx(0.194107, abs=5e-7)
    assert metrics["mean_of_types"].value == pytest.approx(0.193375, abs=5e-7)
    assert metrics["overall_score"].units == 11_200
    floors = {name: each.value for name, each in metrics.items() if name.startswith("exam:")}
    assert {name: round(value or 0, 6) for name, value in floors.items()} == {
        "exam:医师考试": 0.2065,
        "exam:护理考试": 0.195625,
        "exam:药师考试": 0.2025,
        "exam:医技考试": 0.2225,
        "exam:专业知识考试": 0.1825,
        "exam:医学考研": 0.150625,
    }
