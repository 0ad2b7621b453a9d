"""Exams whose files a user brings: rows in the schema of each, wrong rows, misleading twins."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from preceptor.benchmarks import get
from preceptor.errors import DataError
from preceptor.records import Example
from preceptor.scoring.lettered import ARABIC, lettered, stated_letters
from suite_answers import run

HEALTHQA = {
    "id": 7,
    "question": "Enunciado inventado.\n'A': 'copo d'água'\n'B': 'repouso'\n'C': 'nada'",
    "answer": "A",
    "source": "Prova",
    "year": 2023,
    "group": "Enfermagem",
}
PUBHEALTH = {
    "question_id": 12,
    "question": "A made-up question?",
    "options": ["rest", "water", "sleep", "N/A", "N/A"],
    "answer": "B",
    "answer_index": 1,
    "category": "made up",
}
EMPEC = {
    "subject": "科目",
    "subject_en": "Made-up subject",
    "profession": "職",
    "profession_en": "Made-up profession",
    "question": "虛構的問題： \n    A.休息（rest） \n    B.水 \n    C.睡眠 \n    D.以上皆非",
    "question_simp": "虚构的问题： \n    A.休息 \n    B.水 \n    C.睡眠 \n    D.以上皆非",
    "question_en": "A made-up question: \n    A. Rest \n    B. Water \n    C. Sleep \n    D. None",
    "answer": "B",
}
CLINBENCH = {
    "question": "Which of these are made up?\n ",
    "options": "A. E. coli of a kind B. water C. sleep\n D. none",
    "answer": "ABD",
    "answer_format": "MultipleChoice",
    "disease_info": "A made-up disease.",
}
ARABIC_QUESTION = "سؤال مختلق:\nأ. راحة\nب. ماء\nج. نوم\nهـ. لا شيء"
MEDARABIQ = {"Question": ARABIC_QUESTION, "Answer": "ب. ماء\n", "Category": "Made up"}
BIASED = {
    **MEDARABIQ,
    "Bias Category": "1",
    "Question with Bias": f"أنت متأكد. {ARABIC_QUESTION}",
    "Bias Education": "",
    "One-shot Demonstration": "",
}
BLANKS = {
    "Question - Arabic": ARABIC_QUESTION,
    "Answer - Arabic": "ج. نوم",
    "Question - English": "A made-up question",
    "Answer - English": "C. sleep",
    "Category": "Made up",
}
#: Benchmark → a row, its file, the letters of the options, the right ones, and a slice.
ROWS: dict[str, tuple[dict[str, Any], str, str, str | list[str], str]] = {
    "healthqa-br": (HEALTHQA, "healthqa-br.jsonl", "ABC", "A", "group:Enfermagem"),
    "pubhealthbench": (PUBHEALTH, "test.jsonl", "ABC", "B", "category:made up"),
    "empec": (EMPEC, "test.jsonl", "ABCD", "B", "profession:Made-up profession"),
    "empec-simplified": (EMPEC, "test.jsonl", "ABCD", "B", "subject:Made-up subject"),
    "empec-en": (EMPEC, "test.jsonl", "ABCD", "B", "subject:Made-up subject"),
    "clinbench-hpb": (CLINBENCH, "enqa.json", "ABCD", ["A", "B", "D"], "answers:several"),
    "clinbench-hpb-zh": (CLINBENCH, "cnqa.json", "ABCD", ["A", "B", "D"], "answers:several"),
    "medarabiq": (MEDARABIQ, "multiple-choice-questions.csv", "أبجه", "ب", "category:Made up"),
    "medarabiq-blanks": (BLANKS, "fill-in-the-blank-choices.csv", "أبجه", "ج", "category:Made up"),
    "medarabiq-bias": (BIASED, "multiple-choice-withbias.csv", "أبجه", "ب", "bias:1"),
}


def written(folder: Path, name: str, *rows: dict[str, Any]) -> Path:
    path = folder / name
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(rows))
    return path


def load(name: str, folder: Path, *rows: dict[str, Any]) -> list[Example]:
    return get(name).load(written(folder, ROWS[name][1], *rows)).examples


@pytest.mark.parametrize("name", ROWS)
def test_a_row_becomes_a_question(name: str, tmp_path: Path) -> None:
    """Its options by letter, the key, and what it is sliced by; an oracle is right."""
    row, _, letters, right, tag = ROWS[name]
    examples = load(name, tmp_path, row)
    first = examples[0]
    assert "".join(first.target["options"]) == letters
    assert all(first.target["options"].values())
    assert first.target["answer"] == right
    assert tag in first.tags
    said = right if isinstance(right, str) else ", ".join(right)
    for answer, score in ((said, 1), ("?", 0)):
        _, metrics = run(get(name), examples, lambda _, answer=answer: answer)  # type: ignore[misc]
        assert metrics["overall_score"].value == score


def test_what_belongs_to_a_question_is_shown(tmp_path: Path) -> None:
    """The disease before it; an apostrophe in an option; no option that is none."""
    (clinbench,) = load("clinbench-hpb", tmp_path, CLINBENCH)
    assert clinbench.messages[0].text.startswith("A made-up disease.\n\nWhich of these")
    assert clinbench.target["options"]["A"] == "E. coli of a kind"
    (healthqa,) = load("healthqa-br", tmp_path, HEALTHQA)
    assert healthqa.target["options"]["A"] == "copo d'água"
    assert healthqa.messages[0].text.startswith("Enunciado inventado.\n\nA. copo")
    (pubhealth,) = load("pubhealthbench", tmp_path, PUBHEALTH)
    assert "N/A" not in pubhealth.messages[0].text


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("healthqa-br", {"question": "no options"}, r"1: question: expected options A\. …"),
        ("healthqa-br", {"answer": "E"}, "1: answer: expected letters of the options A, B, C"),
        ("healthqa-br", {"answer": "água"}, "1: answer: expected letters of the options"),
        ("pubhealthbench", {"options": "rest"}, "1: options: expected options"),
        ("pubhealthbench", {"answer": "D"}, "1: answer: expected letters of the options A, B, C"),
        ("medarabiq", {"Answer": "ماء"}, "Answer: expected letters of the options"),
        ("empec", {"question": None}, "1: question: expected"),
    ],
)
def test_a_wrong_row_is_named(
    name: str, change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    """With file, line and column; no question is left out in silence."""
    with pytest.raises(DataError, match=words):
        load(name, tmp_path, {**ROWS[name][0], **change})


def test_accuracy_lost_to_misleading_words_is_paired(tmp_path: Path) -> None:
    """The drop over pairs, McNemar's p, and by kind of bias with Holm's."""
    rows = [{**BIASED, "Bias Category": str(1 + n // 8)} for n in range(16)]
    examples = load("medarabiq-bias", tmp_path, *rows)
    assert len(examples) == 32
    misled = {f"{n}/misleading" for n in range(1, 9)} | {"16"}

    def answer(example: Example) -> str:
        return "أ" if example.id in misled else "ب"

    _, metrics = run(get("medarabiq-bias"), examples, answer)
    assert metrics["drop"].value == pytest.approx(8 / 16 - 1 / 16)
    assert metrics["asked:plainly"].value == pytest.approx(15 / 16)
    assert metrics["drop:1"].value == 1
    assert metrics["drop:2"].value == pytest.approx(-1 / 8)
    # 8 pairs worse and 1 better; alone 2/2^8, and 1 of one discordant pair.
    assert metrics["drop_p"].value == pytest.approx(2 * (1 + 9) / 2**9)
    assert metrics["drop_p:1"].value == pytest.approx(2 * 2 / 2**8)
    assert metrics["drop_p:2"].value == 1
    assert metrics["drop"].units == 16


def test_letters_of_options_and_keys() -> None:
    """The last run of letters in order is the options; a key is letters alone or before a text."""
    found = lettered("See A. above. Which?\nA) one\nB) vitamin B. twice\nD) E. coli")
    assert found == (
        "See A. above. Which?",
        {"A": "one", "B": "vitamin B. twice", "D": "E. coli"},
    )
    assert lettered("A. alone") is None
    assert stated_letters("A, C") == ["A", "C"]
    assert stated_letters("D. A and C") == ["D"]
    assert stated_letters("Aspirin") == []
    assert stated_letters("هـ. لا شيء", ARABIC) == ["ه"]


def patient(number: int, **change: Any) -> dict[str, Any]:
    texts = {f"text_{n}": f"Patient {number}, made-up document {n}. " * 9 for n in range(4)}
    question = {
        "No": 0,
        "question": "A made-up question?",
        **{f"answer_{letter}": f"made-up {letter}" for letter in "abcde"},
        "correct": "made-up c",
        "answer_location": {"text_2": {"start": [0.1], "end": [0.2]}},
        **change,
    }
    sorting = {**question, "No": 1, "answer_location": None}
    return {"name": "x", "birthday": "y", "texts": texts, "questions": [question, sorting]}


def patients(folder: Path, **change: Any) -> Path:
    path = folder / "benchmark_v5.json"
    path.write_text(json.dumps({f"patient_{n}": patient(n, **change) for n in range(1, 5)}))
    return folder


def test_documents_of_a_patient_are_shown_or_others(tmp_path: Path) -> None:
    """All own; the one with the answer among ten others; ten others alone, whose answer is F."""
    folder = patients(tmp_path)
    own, among, absent = (
        get(f"longhealth{kind}").load(folder).examples for kind in ("", "-among", "-absent")
    )
    assert (len(own), len(among), len(absent)) == (8, 4, 4)
    shown = own[0].messages[0].text
    assert shown.count("Document ") == 4
    assert "Patient 2" not in shown
    assert own[0].target["answer"] == among[0].target["answer"] == "C"
    assert own[0].tags[0].startswith("evidence:")
    text = among[0].messages[0].text
    assert text.count("Document ") == 11
    assert "Patient 1, made-up document 2" in text
    assert "Patient 1, made-up document 1" not in text
    assert absent[0].target["answer"] == "F"
    assert "Patient 1" not in absent[0].messages[0].text
    assert own[0].target["cluster"] == "patient_1"
    assert own == get("longhealth").load(folder).examples  # the same draw each time


def test_a_wrong_patient_is_named(tmp_path: Path) -> None:
    """Where the right answer is no option; where the file is no object of patients."""
    with pytest.raises(DataError, match=r"patient_1\.questions\[0\]\.correct: expected the text"):
        get("longhealth").load(patients(tmp_path, correct="other"))
