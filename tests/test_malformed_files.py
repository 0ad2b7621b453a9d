"""Malformed files of predictions, cases, masks, forecasts and notes: one line each, and no run."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_fixtures import isolate
from preceptor.cli import main


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


HEADER = "id,y_true,y_score\n"
ROWS = HEADER + "a,1,0.5\nb,0,0.2\n"
CASES = "case,algorithm,structure,metric,value\n"
QUESTIONS: dict[str, Any] = {"forecast_due_date": "2025-01-01", "question_set": "x"}


def packed(text: str) -> bytes:
    return gzip.compress(text.encode())


def array(value: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(value, **options))
    return stream.getvalue()


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return stream.getvalue()


#: Name of the file, what is in it, words of the line.
PREDICTIONS: list[tuple[str, bytes | str, str]] = [
    ("empty.csv", "", "found none"),
    ("header.csv", HEADER, "found none"),
    ("blank.csv", "\n\n\n", "found none"),
    ("long-row.csv", ROWS + "c,1,0.5,9\n", "expected 3 cells as in the first line, found 4"),
    ("header-twice.csv", "id,y_true,y_score,y_score\na,1,0.5,0.6\n", "y_score"),
    ("latin.csv", ROWS.encode() + b"\xe9,1,0.5\n\xff\xfe,0,0.1\n", "latin.csv"),
    ("nul.csv", ROWS.encode() + b"c\x00,1,0.5,\x00\n", "expected 3 cells"),
    ("quote.csv", ROWS + 'c,1,"0.5\n', "is not CSV"),
    ("not-gzip.csv.gz", ROWS, "gz"),
    ("cut.csv.gz", packed(ROWS * 50)[:40], "gz"),
    ("not-parquet.parquet", ROWS, "expected a parquet file"),
    ("cut.parquet", b"PAR1\x00\x01\x02PAR1", "expected a parquet file"),
    ("not-excel.xlsx", ROWS, "expected an .xlsx file"),
    ("no-sheet.xlsx", archive(word=b"hello"), "expected an .xlsx file"),
    ("cut.json", '[{"id": "a", "y_true": 1, "y_score": 0.', "expected JSON"),
    ("number.json", "7", "expected a list of rows or"),
    ("list.jsonl", "[1, 2]\n[3, 4]\n", "expected a JSON object"),
    ("word.jsonl", '{"id": "a", "y_true": 1, "y_score": "high"}\n', "y_score: expected"),
    ("deep.json", "[" * 4000, "the JSON is nested too deeply"),
    (
        "object-cell.jsonl",
        '{"id": {"a": [1]}, "y_true": 1, "y_score": [0.5]}\n',
        "expected a probability from 0 to 1",
    ),
    ("huge.csv", HEADER + "a,1,1e999\n", "finite"),
    ("big.jsonl", '{"id": "a", "y_true": 1, "y_score": 1' + "0" * 400 + "}\n", "finite"),
    ("boolean.jsonl", '{"id": "a", "y_true": 1, "y_score": true}\n', "y_score: expected"),
    ("negative-time.csv", "id,time,event,risk\na,-2,1,3\n", "time: expected a time above 0"),
    ("horizon.csv", "id,time,event,s@soon\na,2,1,0.5\n", "expected s@ and a time above 0"),
    ("horizons.csv", "id,time,event,s@5,s@5.0\na,9,1,0.5,0.5\n", "are one horizon"),
    ("label.csv", "id,y:a,p:b\na,1,0.5\n", "expected a column p:a"),
    ("no-id.csv", "y_true,y_score\n1,0.5\n", "expected a column id"),
]
CASE_TABLES: list[tuple[str, bytes | str, str]] = [
    ("long.csv", CASES + "s1,net,liver,dice,good\n", "expected a number or an empty cell"),
    ("above.csv", CASES + "s1,net,liver,dice,87.1\n", "expected dice of 0 to 1"),
    ("twice.csv", CASES + "s1,net,liver,dice,0.8\ns1,net,liver,dice,0.9\n", "is already on line 2"),
    ("nan.csv", CASES + "s1,net,liver,dice,nan\n", "expected a number or an empty cell"),
    ("none.csv", CASES, "expected a row for each case"),
    ("wide.csv", "name,liver,spleen\ns1,0.9,much\n", "expected a number or an empty cell"),
    ("wide-twice.csv", "name,liver\ns1,0.9\ns1,0.8\n", "is already on line 2"),
    ("infinite.csv", CASES + "s1,net,liver,hd95,inf\n", "expected a number or an empty cell"),
    ("no-case.csv", CASES + ",net,liver,dice,0.5\n", "expected a name"),
]
MASK = np.zeros((4, 4, 4), dtype=np.uint8)
MASK[:2] = 1
MASKS: list[tuple[str, bytes, str]] = [
    ("text.npy", b"not an array", "expected an array:"),
    ("cut.npy", array(MASK)[:70], "expected an array:"),
    ("objects.npy", array([{"a": 1}], dtype=object), "expected an array:"),
    ("halves.npy", array(MASK + 0.5), "whole numbers"),
    ("shape.npy", array(MASK[:3]), "expected"),
    ("words.npy", array([["a"]]), "expected whole numbers of labels"),
    ("complex.npy", array(MASK + 1j), "expected whole numbers of labels"),
    ("nan.npy", array(np.full((4, 4, 4), np.nan)), "expected whole numbers of labels"),
    ("text.nii", b"not a volume", "expected an array:"),
    ("cut.nii.gz", gzip.compress(b"\x5c\x01\x00\x00" + bytes(300))[:60], "expected an array:"),
    ("text.png", b"\x89PNG\r\n\x1a\nnothing", "expected an array:"),
]
NOTES: list[tuple[str, bytes | str, str]] = [
    ("notes.json", "{", "expected JSON"),
    ("notes.json", "[1]", "expected an object"),
    (
        "notes.json",
        json.dumps([{"text": "a", "spans": 5}]),
        "expected a list of objects that is not empt",
    ),
    (
        "notes.json",
        json.dumps([{"text": "Ann", "spans": [{"start": 0, "end": 9}]}]),
        "expected a place behind 0",
    ),
    (
        "notes.json",
        json.dumps([{"text": "Ann", "spans": [{"start": 2, "end": 1, "type": "N"}]}]),
        "expected a place behind 2",
    ),
    ("notes.csv", "a,b\n1,2\n", "missing; expected a text"),
    ("notes.jsonl", '{"text": 7}\n', "expected a text that is not empty"),
]
FORECASTS: list[tuple[str, Any]] = [
    ("questions", 5),
    ("questions", [5]),
    ("questions", [{"source": "m"}]),
    ("resolutions", {"a": 1}),
    ("forecasts", [{"id": "q", "source": "m", "forecast": "likely"}]),
]


def one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The command ends with 2 and says one line, short; it is returned."""
    capsys.readouterr()
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert len(error) < 700
    assert said in error
    return error


def put(name: str, content: bytes | str) -> str:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def ids(rows: Any) -> list[str]:
    return [f"{number}-{row[0]}" for number, row in enumerate(rows)]


@pytest.mark.parametrize(("name", "content", "said"), PREDICTIONS, ids=ids(PREDICTIONS))
def test_predictions(
    name: str, content: bytes | str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A malformed file of predictions is one line, and nothing is stored."""
    assert name in one_line(["import", "predictions", put(name, content)], said, capsys)
    assert not list(Path().glob("*.db"))


@pytest.mark.parametrize(("name", "content", "said"), CASE_TABLES, ids=ids(CASE_TABLES))
def test_scores_of_cases(
    name: str, content: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A malformed table of scores is one line."""
    assert name in one_line(["import", "cases", put(name, content)], said, capsys)


@pytest.mark.parametrize(("name", "content", "said"), MASKS, ids=ids(MASKS))
def test_masks(name: str, content: bytes, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A malformed mask is one line that names the file."""
    ending = name.partition(".")[2]
    put(f"reference/x.{ending}", array(MASK) if ending == "npy" else content)
    put(f"net/x.{ending}", content)
    words = ["measure", "masks", "reference", "net", "--spacing", "1,1,1"]
    assert f"x.{ending}" in one_line(words, said, capsys)


@pytest.mark.parametrize(("name", "content", "said"), NOTES, ids=ids(NOTES))
def test_notes(name: str, content: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A malformed file of notes to de-identify is one line."""
    answers = put("answers.jsonl", '{"id": "0", "answer": "[]"}\n')
    words = ["import", "predictions", answers, "--benchmark", "deid-presidio-synth", "--data"]
    assert name in one_line([*words, put(name, content)], said, capsys)


@pytest.mark.parametrize(("field", "content"), FORECASTS)
def test_forecasts(field: str, content: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A malformed list of a question set is one line."""
    files = [
        put(f"{name}.json", json.dumps({**QUESTIONS, name: content if name == field else []}))
        for name in ("questions", "resolutions", "forecasts")
    ]
    one_line(["import", "forecasts", *files], field, capsys)
