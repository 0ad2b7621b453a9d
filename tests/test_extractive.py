"""Answers that are a span of a text, or that there is none."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_fixtures import isolate
from preceptor.benchmarks.folder import read_benchmark
from preceptor.cli import main
from preceptor.errors import DataError
from preceptor.protocols.extractive import extractive, span_scores
from preceptor.records import Example, Message
from preceptor.scoring.rubric import OVERALL
from suite_answers import graded

ROWS: list[dict[str, Any]] = [
    {
        "id": "a",
        "context": "I sleep three hours.",
        "question": "How long?",
        "answer": "Three hours",
    },
    {"id": "b", "context": "I sleep.", "question": "Where?", "answer": None},
    {"id": "c", "context": "I rest.", "question": "What?", "answer": ["the rest", "I rest"]},
]


@pytest.mark.parametrize(
    ("said", "references", "f1", "exact"),
    [
        ("The three hours!", ["three hours"], 1.0, 1.0),
        ("about three hours", ["three hours"], 0.8, 0.0),
        ("two days", ["three hours"], 0.0, 0.0),
        ("a b b", ["b b c", "x"], 0.8, 0.0),  # the article counts in neither
        ("No answer.", [], 1.0, 1.0),
        ("three", [], 0.0, 0.0),
        ("no answer", ["no hours"], 0.0, 0.0),
        ("三小时", ["三天"], 2 / 5, 0.0),
    ],
)
def test_worked_examples(said: str, references: list[str], f1: float, exact: float) -> None:
    """F1 and exact match by hand, on SQuAD's formulas and normal form."""
    found = span_scores(said, references)
    assert (found[OVERALL], found["exact"]) == (pytest.approx(f1), exact)


WORDS = st.lists(st.sampled_from(["tea", "ice", "oil", "rye"]), min_size=1, max_size=6)


@settings(max_examples=60)
@given(WORDS, st.lists(WORDS, min_size=1, max_size=3))
def test_f1_is_that_of_a_plain_count(said: list[str], references: list[list[str]]) -> None:
    """The harmonic mean of precision and recall with the best reference."""
    best = 0.0
    for wanted in references:
        same = sum(min(said.count(word), wanted.count(word)) for word in Counter(said))
        p, r = same / len(said), same / len(wanted)
        best = max(best, 2 * p * r / (p + r) if same else 0.0)
    found = span_scores(" ".join(said), [" ".join(each) for each in references])
    assert found[OVERALL] == pytest.approx(best)
    p, r = found["word_precision"], found["word_recall"]
    assert found[OVERALL] == pytest.approx(2 * p * r / (p + r) if p + r else 0.0)


def test_what_is_missing_is_not_wrong() -> None:
    """A call that failed has bounds and no value; an empty answer is wrong, also where none is."""
    example = Example(id="e", messages=(Message("user", "?"),), criteria=(), target={"answers": []})
    lost = extractive().score(graded(example, None))
    assert (lost.values, lost.low["no_answer"], lost.high["no_answer"]) == ({}, 0.0, 1.0)
    assert extractive().score(graded(example, "")).values["no_answer"] == 0.0
    assert extractive().scoring.wants_list(example) is False


def write(rows: list[dict[str, Any]]) -> Path:
    Path("forum").mkdir()
    Path("forum/benchmark.toml").write_text('name = "forum"\nprotocol = "extractive"\n')
    Path("forum/examples.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return Path("forum")


def test_a_folder_is_asked_without_a_grader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text, question and how to answer are sent; the metrics are those of the answers."""
    isolate(monkeypatch, tmp_path)
    write(ROWS)
    Path("posts.py").write_text(
        "def answer(messages):\n"
        "    text = messages[-1]['content']\n"
        "    assert 'no answer' in text\n"
        "    return 'three hours' if 'How long?' in text else 'no answer'\n"
    )
    assert main(["run", "./forum", "--system", "python:posts:answer", "--name", "r"]) == 0
    capsys.readouterr()
    assert main(["score", "r", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    values = {name: (metrics[name]["value"], metrics[name]["n"]) for name in ("exact", "no_answer")}
    assert values == {"exact": (pytest.approx(2 / 3), 3), "no_answer": (1.0, 1)}


@pytest.mark.parametrize("answer", [3, [""], ["x", None], {"a": 1}])
def test_a_wrong_answer_cell_is_one_line(
    answer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With line and field."""
    isolate(monkeypatch, tmp_path)
    with pytest.raises(DataError, match=r"jsonl:1: answer: expected a text, a list of texts"):
        read_benchmark(write([{**ROWS[0], "answer": answer}])).load()
