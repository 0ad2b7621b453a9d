"""Files of a user's own, in usual shapes and kinds: each fault that is put in is found."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from preceptor.errors import InputError
from preceptor.lint.check import Linted, lint
from preceptor.lint.own import OwnShape, shape_of
from test_lint import gibberish, rules

Rows = list[dict[str, Any]]


def questions() -> Rows:
    """Forty questions, each letter right ten times."""
    return [
        {
            "id": f"q{number}",
            "question": f"{gibberish(number, 24)}?",
            **{letter: gibberish((number, letter), 3) for letter in "ABCD"},
            "answer": "ABCD"[number % 4],
            "licence": "MIT",
        }
        for number in range(40)
    ]


def _texts(row: dict[str, Any]) -> list[str]:
    return [row.pop(letter) for letter in "ABCD"]


def as_object(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"options": dict(zip("ABCD", _texts(row), strict=True))}


def as_numbers(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"choices": _texts(row), "answer": "ABCD".index(row["answer"])}


def from_one(row: dict[str, Any]) -> dict[str, Any]:
    named = {f"op{letter.lower()}": text for letter, text in zip("ABCD", _texts(row), strict=True)}
    return row | named | {"answer": None, "cop": "ABCD".index(row["answer"]) + 1}


def as_text(row: dict[str, Any]) -> dict[str, Any]:
    right, texts = "ABCD".index(row["answer"]), _texts(row)
    return row | {"options": texts, "correct_answer": texts[right], "answer": "see there"}


def as_named(row: dict[str, Any]) -> dict[str, Any]:
    texts = zip("ABCD", _texts(row), strict=True)
    return row | {"options": [{"key": letter, "text": text} for letter, text in texts]}


CHOICES = [dict, as_object, as_numbers, from_one, as_text, as_named]


def write(path: Path, rows: Rows) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".csv":
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            for row in rows:
                cells = {
                    k: v if isinstance(v, str | int) else json.dumps(v) for k, v in row.items()
                }
                writer.writerow(cells)
    elif path.suffix == ".xlsx":
        book = pytest.importorskip("openpyxl").Workbook()
        for cells in (list(rows[0]), *(list(row.values()) for row in rows)):
            book.active.append(cells)
        book.save(path)
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pytest.importorskip("pyarrow").Table.from_pylist(rows), path)
    return path


def own(path: Path) -> Linted:
    shape = shape_of(path)
    assert isinstance(shape, OwnShape)
    return lint(path, shape)


@pytest.mark.parametrize("shaped", CHOICES)
@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_usual_shapes_of_questions_are_read(
    shaped: Callable[..., dict[str, Any]], suffix: str, tmp_path: Path
) -> None:
    """Options in one column or several, right ones by letter, text or number: no fault in any."""
    found = own(write(tmp_path / f"q{suffix}", [shaped(dict(row)) for row in questions()]))
    assert (found.benchmark, found.rows, found.findings) == ("choice", 40, [])


FAULTS: list[tuple[str, int, dict[str, Any]]] = [
    ("duplicate-id", 3, {"id": "q0"}),
    ("malformed-row", 3, {"question": ""}),
    ("leaked-answer", 3, {"question": "What is it? **Answer:** C"}),
    ("leaked-answer", 3, {"question": "What? The correct answer is " + gibberish((2, "C"), 3)}),
    ("leaked-answer", 3, {"question": "What is it, if (C) is correct."}),
    ("leaked-answer", 3, {"C": gibberish((2, "C"), 3) + " (correct)"}),
    ("personal-data", 3, {"question": "Jo, jo.doe@example.com, asks what it is"}),
    ("missing-licence", 3, {"licence": ""}),
]


@pytest.mark.parametrize("shaped", CHOICES)
@pytest.mark.parametrize(("rule", "line", "changes"), FAULTS)
def test_a_fault_of_a_question_is_found_in_every_shape(
    shaped: Callable[..., dict[str, Any]],
    rule: str,
    line: int,
    changes: dict[str, Any],
    tmp_path: Path,
) -> None:
    """One fault in one row is that rule at that line, and nothing else."""
    rows = questions()
    rows[line - 1] |= changes
    found = own(write(tmp_path / "q.jsonl", [shaped(row) for row in rows]))
    assert rules(found) == [(rule, line)]


@pytest.mark.parametrize("shaped", CHOICES)
def test_faults_of_two_rows_and_of_the_whole_are_found(
    shaped: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """Doubles, near-doubles, contradictions; letters that are never or nearly always right."""
    rows = questions()
    rows[4] = rows[0] | {"id": "again"}
    rows[5] = rows[1] | {"id": "nearly", "question": "x" + rows[1]["question"][1:]}
    rows[6] = rows[2] | {"id": "other", "answer": "A"}
    found = rules(own(write(tmp_path / "q.jsonl", [shaped(row) for row in rows])))
    assert {("duplicate", 5), ("near-duplicate", 6), ("contradictory-label", 7)} <= {*found}
    rows = [row | {"answer": "ABC"[number % 3]} for number, row in enumerate(questions())]
    found = rules(own(write(tmp_path / "q.jsonl", [shaped(row) for row in rows])))
    assert found == [("empty-class", None)]
    rows = [row | {"answer": "ABCDBB"[n] if n < 6 else "B"} for n, row in enumerate(questions())]
    found = rules(own(write(tmp_path / "q.jsonl", [shaped(row) for row in rows])))
    assert found == [("unbalanced-class", None)]


def rubrics() -> Rows:
    texts = (("Asks for the age", 4), ("Fails to ask for the age", -4), ("Calls for help", 0.5))
    return [
        {
            "prompt_id": f"p{number}",
            "prompt": gibberish(number, 12),
            "rubrics": [{"criterion": text, "points": points} for text, points in texts],
            "licence": "MIT",
        }
        for number in range(4)
    ]


def flat(rows: Rows) -> Rows:
    """One criterion a row."""
    return [
        {key: value for key, value in row.items() if key != "rubrics"} | criterion
        for row in rows
        for criterion in row["rubrics"]
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet", ".xlsx"])
@pytest.mark.parametrize("shaped", [list, flat])
def test_rubrics_with_the_wrong_sign_are_found(
    shaped: Callable[[Rows], Rows], suffix: str, tmp_path: Path
) -> None:
    """A rubric in one cell, or a criterion a row: all are read, and a turned sign is found."""
    if suffix == ".xlsx" and shaped is list:
        pytest.skip("a cell of a sheet holds no list")
    found = own(write(tmp_path / f"good{suffix}", shaped(rubrics())))
    assert (found.benchmark, found.rows, found.findings) == ("rubric", 4, [])
    rows = rubrics()
    for criterion in rows[1]["rubrics"]:
        criterion["points"] *= -1
    found = own(write(tmp_path / f"turned{suffix}", shaped(rows)))
    line = {(list, True): 2, (list, False): 3, (flat, True): 4, (flat, False): 5}
    at = line[shaped, suffix in (".jsonl", ".parquet")]
    assert rules(found) == [("wrong-sign", at)]


def labels() -> Rows:
    return [
        {"text": gibberish(number, 12), "label": "yes" if number % 2 else "no", "license": "MIT"}
        for number in range(20)
    ]


def test_texts_with_labels(tmp_path: Path) -> None:
    """Without ids the line is the id; a label that is nearly all, said, twice or not there."""
    assert own(write(tmp_path / "t.csv", labels())).findings == []
    rows = labels()
    rows[2]["text"] += " Label: no"
    rows[3]["label"] = ""
    rows[5] = rows[4] | {"label": "yes"}
    found = rules(own(write(tmp_path / "t.csv", rows)))
    assert found == [
        ("malformed-row", 5),
        ("duplicate", 7),
        ("contradictory-label", 7),
        ("leaked-answer", 4),
    ]
    rows = [row | {"label": "no" if n < 18 else "yes"} for n, row in enumerate(labels())]
    assert rules(own(write(tmp_path / "t.csv", rows))) == [("unbalanced-class", None)]


def test_the_longest_text_is_what_is_asked_where_no_name_is_usual(tmp_path: Path) -> None:
    """A column of any name holds the texts, if they are texts."""
    rows = [{"said at night": row.pop("text"), "stance": row["label"]} | row for row in labels()]
    rows[3]["said at night"] = rows[2]["said at night"]
    found = own(write(tmp_path / "t.csv", rows))
    assert ("duplicate", 5) in rules(found)


@pytest.mark.parametrize("row", [{"colour": "red"}, {"question": "Which?", "colour": "red"}])
def test_a_file_without_what_is_asked_or_right_is_refused(
    row: dict[str, Any], tmp_path: Path
) -> None:
    """The message says which columns are looked for."""
    with pytest.raises(InputError, match=r"the right answer .answer, label, rubrics, …., found"):
        shape_of(write(tmp_path / "x.csv", [row]))
