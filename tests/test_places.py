"""Files with numbers, letters and orders of options of their own score as what they mean."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from preceptor import api
from preceptor.benchmarks import get
from preceptor.bridges.imported import ImportedRun
from preceptor.bridges.predictions import Predictions
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.records import Graded
from preceptor.scoring.places import options_in, places

TEXTS = ["rest", "surgery", "an antibiotic", "wait and see"]
#: The place of the right option of each question, and each question's options in a file's order.
RIGHT = [0, 2, 1, 3, 1, 0, 2, 3]
SAME = [[0, 1, 2, 3]] * 8
SHUFFLED = [[3, 1, 0, 2], [2, 3, 1, 0], [0, 2, 3, 1], [1, 0, 3, 2]] * 2

Form = Callable[[int, list[str]], object]
FORMS: dict[str, Form] = {
    "letter": lambda place, _: "ABCD"[place],
    "bracketed": lambda place, _: f"({'ABCD'[place]})",
    "from 0": lambda place, _: place,
    "from 1": lambda place, _: place + 1,
    "float from 0": lambda place, _: float(place),
    "text from 1": lambda place, _: str(place + 1),
    "text": lambda place, texts: texts[place],
    "sentence": lambda place, _: f"The answer is {'ABCD'[place]}. It helps.",
    "announced from 0": lambda place, _: f"Answer: {place}",
}
OPTIONS: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "none": lambda _: {},
    "list": lambda texts: {"choices": texts},
    "object": lambda texts: {"options": dict(zip("ABCD", texts, strict=True))},
    "columns": lambda texts: dict(zip("ABCD", texts, strict=True)),
    "named columns": lambda texts: {f"option_{c}": t for c, t in zip("abcd", texts, strict=True)},
    "numbered columns": lambda texts: {f"choice_{n}": text for n, text in enumerate(texts)},
    "python": lambda texts: {"choices": str(texts)},
    "json": lambda texts: {"choices": json.dumps(texts)},
    "two lists": lambda texts: {"choices": {"label": list("ABCD"), "text": texts}},
    "objects": lambda texts: {
        "options": [{"key": c, "value": t} for c, t in zip("ABCD", texts, strict=True)]
    },
    "labelled": lambda texts: {
        "choices": [f"{c}. {t}" for c, t in zip("ABCD", texts, strict=True)]
    },
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Eight made-up questions of medqa."""
    folder = tmp_path / "exams"
    folder.mkdir()
    asked = [
        {
            "realidx": 10 * number,
            "question": f"Made-up question {number}: what helps?",
            "options": dict(zip("ABCD", TEXTS, strict=True)),
            "answer_idx": "ABCD"[right],
        }
        for number, right in enumerate(RIGHT)
    ]
    (folder / "medqa_test.jsonl").write_text("\n".join(map(json.dumps, asked)))
    return folder


def rows(answer: str, right: str | None, options: str, orders: list[list[int]]) -> list[Any]:
    """A file in which every answer is right."""
    found = []
    for number, order in enumerate(orders):
        texts, place = [TEXTS[each] for each in order], order.index(RIGHT[number])
        row = {"dataset": "medqa", "realidx": 10 * number, **OPTIONS[options](texts)}
        row["prediction"] = FORMS[answer](place, texts)
        found.append(row if right is None else {**row, "target": FORMS[right](place, texts)})
    return found


def written(path: Path, content: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, content)))
        return path
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(content[0]))
        writer.writeheader()
        writer.writerows(content)
    return path


def read(path: Path, data: Path) -> ImportedRun:
    with Predictions(path) as found:
        (run,) = found.runs(get("medagents-hard"), data)
    return run


def accuracy(run: ImportedRun) -> float:
    protocol = get("medagents-hard").protocol
    scores = [protocol.score(Graded(each.example, 0, each.response, ())) for each in run.answers]
    return sum(score.values["overall_score"] for score in scores) / len(scores)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
@pytest.mark.parametrize("answer", FORMS)
@pytest.mark.parametrize("orders", [SAME, SHUFFLED], ids=["same order", "shuffled"])
def test_an_answer_is_what_the_file_means(
    tmp_path: Path, data: Path, suffix: str, answer: str, orders: list[list[int]]
) -> None:
    """Whatever forms answers, right ones and options have, a right answer is right."""
    counted = answer if "from" in answer else "letter"
    counted = "from 0" if counted == "announced from 0" else counted
    for right in {counted, "from 0" if "from 0" in answer else "from 1"}:
        for options in OPTIONS:
            if options == "none" and orders is SHUFFLED:
                continue
            file = tmp_path / f"p.{suffix}"
            run = read(written(file, rows(answer, right, options, orders)), data)
            said = [each for each in run.settings.notes if "another right answer" in each]
            assert (accuracy(run), said) == (1.0, []), (right, options)


@pytest.mark.parametrize(("answer", "expected"), [("from 0", 0), ("from 1", 1)])
def test_the_lowest_or_the_highest_number_decides_without_right_answers(
    tmp_path: Path, data: Path, answer: str, expected: int
) -> None:
    """A 0 is the first of options that count from 0; a 4 of four is the last from 1."""
    run = read(written(tmp_path / "p.csv", rows(answer, None, "none", SAME)[1:]), data)
    assert accuracy(run) == 1.0
    assert f"count from {expected}" in "".join(run.settings.notes)


@pytest.mark.parametrize(
    "content",
    [
        [row for row in rows("from 0", None, "none", SAME) if row["prediction"] in (1, 2)],
        [
            {**row, "target": n}
            for n, row in zip(RIGHT, rows("from 1", None, "none", SAME), strict=True)
        ],
    ],
    ids=["neither lowest nor highest", "right answers count otherwise"],
)
def test_what_cannot_be_decided_is_refused(tmp_path: Path, data: Path, content: list[Any]) -> None:
    """Numbers that may count from 0 or from 1 are no answers: the message says what to add."""
    with pytest.raises(InputError, match="count from 0 or from 1; add a column with the right"):
        read(written(tmp_path / "p.jsonl", content), data)


def test_another_order_without_the_options_is_said(tmp_path: Path, data: Path) -> None:
    """If most right answers contradict and no options are given, a note says so."""
    content = rows("letter", "letter", "list", SHUFFLED)
    run = read(written(tmp_path / "p.jsonl", [{**row, "choices": None} for row in content]), data)
    notes = " ".join(run.settings.notes)
    assert "For 7 questions the file states another right answer" in notes
    assert "most of the 8 that could be compared" in notes


def test_other_options_are_said(tmp_path: Path, data: Path) -> None:
    """Options that are not the benchmark's cannot be mapped: letters stay, with a note."""
    content = rows("letter", None, "none", SAME)
    other = [{**row, "choices": ["uno", "dos", "tres", "cuatro"]} for row in content]
    run = read(written(tmp_path / "p.jsonl", other), data)
    assert accuracy(run) == 1.0
    assert "For 8 questions the file states other options" in " ".join(run.settings.notes)


def test_letters_are_left_as_they_were(tmp_path: Path, data: Path) -> None:
    """In the benchmark's own order an answer keeps its words, without a note."""
    content = rows("sentence", "letter", "list", SAME)
    run = read(written(tmp_path / "p.jsonl", content), data)
    assert [each.response.text for each in run.answers] == [row["prediction"] for row in content]
    assert not any("own numbers" in note for note in run.settings.notes)


@pytest.mark.parametrize(("answer", "right"), [("from 0", "from 0"), ("letter", "text")])
def test_replayed_answers_mean_the_same(
    tmp_path: Path, data: Path, answer: str, right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`replay:` reads numbers and orders as `import predictions` does, also after a resume."""
    content = [
        {
            "id": f"medqa/{row['realidx']}",
            "response": row["prediction"],
            "choices": row["choices"],
            "target": row["target"],
        }
        for row in rows(answer, right, "list", SHUFFLED)
    ]
    file, store = written(tmp_path / "said.jsonl", content), str(tmp_path / "p.db")
    system = ["--system", f"replay:{file}", "--data", str(data), "--store", store]
    assert main(["run", "medagents-hard", *system, "--name", "r", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert metrics["overall_score"]["value"] == 1.0
    (run,) = api.runs(store=store)
    assert "own numbers or order" in " ".join(run.info.settings.departures)
    (tmp_path / "undecided.jsonl").write_text('{"id": "medqa/0", "response": 1}\n')
    system[1] = f"replay:{tmp_path / 'undecided.jsonl'}"
    assert main(["run", "medagents-hard", *system]) == 2
    assert "count from 0 or from 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"opa": "x", "opb": "y"}, {"A": "x", "B": "y"}),
        ({"options": "{'1': 'x', '2': 'y'}"}, {"A": "x", "B": "y"}),
        ({"options": ["only one"]}, None),
        ({"b": "x", "c": "y"}, None),
        ({"options": "[" * 100_000}, None),
        ({"answer": "A", "choices": "no list"}, None),
    ],
)
def test_options_of_a_row(row: dict[str, Any], expected: dict[str, str] | None) -> None:
    """Options in any usual form are recognised; other cells are not taken for options."""
    assert options_in(row) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", (1,)), (" 2.0 ", (2,)), ("[0, 3]", (0, 3)), ("(4)", (4,)), ("1.5", None), ("100", None),
     ("-1", None), ("1 tablet", None), ("", None)],
)  # fmt: skip
def test_what_is_the_number_of_an_option(text: str, expected: tuple[int, ...] | None) -> None:
    """Whole numbers alone; a dose is none."""
    assert places(text) == expected
