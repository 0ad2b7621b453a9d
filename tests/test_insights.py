"""Facts planted in documents, and distractors beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_fixtures import isolate
from preceptor.benchmarks.folder import read_benchmark
from preceptor.cli import main
from preceptor.errors import DataError
from preceptor.protocols.insights import cited_in, insight_example, insights
from preceptor.records import Score
from preceptor.scoring.rubric import OVERALL
from suite_answers import graded

FACT = "Walks daily to the shop and back with a dog."
ROW: dict[str, Any] = {
    "id": "c1",
    "question": "What has changed?",
    "documents": [{"id": "n1", "text": FACT}, {"id": "n2", "text": "Had a cold."}],
    "facts": [{"fact": FACT, "documents": ["n1"]}],
    "distractors": ["A cold."],
}
S, N = "stated", "not stated"
EXAMPLE = insight_example(
    "e",
    "What is new?",
    {"n1": "One.", "n2": "Two.", "n3": "Three."},
    [("First.", ("n1",)), ("Second.", ("n2", "n3"))],
    distractors=["Third.", "Fourth."],
)


def score(text: str | None, *labels: str | None) -> Score:
    return insights().score(graded(EXAMPLE, text, labels))


def test_recall_precision_and_citations() -> None:
    """One of two facts and one of two distractors; of three citations one is of no document."""
    values = score("First [n1]. Third [n3, N9].", S, N, S, N).values
    assert values == {
        OVERALL: 0.5,
        "distractors_avoided": 0.5,
        "precision": 0.5,
        "citations_resolved": pytest.approx(2 / 3),
        "cited": 1.0,
    }
    assert score("Second.", N, S, N, N).values["cited"] == 0.0
    silent = score("Nothing.", N, N, N, N).values
    assert silent == {OVERALL: 0.0, "distractors_avoided": 1.0}  # a share of nothing is undefined


def test_a_missing_verdict_may_be_either() -> None:
    """Bounds are those of all ways to fill it in, and there is no value."""
    text = "First [n1]."
    for missing in range(4):
        labels: list[str | None] = [S, S, N, S]
        ways = [score(text, *labels[:missing], way, *labels[missing + 1 :]) for way in (S, N)]
        labels[missing] = None
        found = score(text, *labels)
        for name in (OVERALL, "distractors_avoided", "precision", "cited"):
            both = [way.values[name] for way in ways if name in way.values]
            if len(both) == 2:
                assert (found.low[name], found.high[name]) == (min(both), max(both))
        changed = {name for name in found.low if found.low[name] < found.high[name]}
        assert not changed & set(found.values)
        assert changed


@pytest.mark.parametrize(
    ("text", "found", "unknown"),
    [
        ("[n1] and [N1; n2]", {"n1", "n2"}, 0),
        ("[n12] [n12] [n13]", set(), 2),
        ("[sic], [1], [the nurse], n1", set(), 0),
    ],
)
def test_what_is_a_citation(text: str, found: set[str], unknown: int) -> None:
    """An id in brackets, or one of its form; no other words in brackets."""
    assert cited_in(text, ["n1", "n2"]) == (found, unknown)


def write(row: dict[str, Any]) -> Path:
    folder = Path("chart")
    folder.mkdir(exist_ok=True)
    (folder / "benchmark.toml").write_text('name = "chart"\nprotocol = "insights"\n')
    (folder / "examples.jsonl").write_text(json.dumps(row))
    return folder


def test_a_folder_is_asked_and_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The documents stand before the question; that a fact stands in them is no leak."""
    isolate(monkeypatch, tmp_path)
    write(ROW)
    Path("ward.py").write_text(
        "SENT = []\n"
        "def answer(messages):\n"
        "    SENT.append(messages[-1]['content'])\n"
        "    return 'Walks daily [n1].'\n"
        "def judge(messages):\n"
        "    said = 'Walks' in messages[-1]['content'].partition('# Fact')[2]\n"
        "    return '{\"label\": \"%s\"}' % ('stated' if said else 'not stated')\n"
    )
    options = ["--system", "python:ward:answer", "--grader", "python:ward:judge", "--name", "c"]
    assert main(["run", "./chart", *options]) == 0
    capsys.readouterr()
    assert main(["score", "c", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert {name: each["value"] for name, each in metrics.items()} == dict.fromkeys(
        (OVERALL, "distractors_avoided", "precision", "cited", "citations_resolved"), 1.0
    )
    main(["lint", "./chart", "--json"])
    rules = {each["rule"] for each in json.loads(capsys.readouterr().out)["findings"]}
    assert rules == {"missing-licence"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("facts", [{"fact": "F.", "documents": ["n3"]}], "ids of the row's documents, found 'n3'"),
        ("facts", [{"fact": "F.", "documents": []}], "ids of the row's documents"),
        ("facts", [{"fact": "A cold.", "documents": ["n1"]}], "facts and distractors that differ"),
        ("documents", [{"id": "n1", "text": "A"}, {"id": "n1", "text": "B"}], "no other document"),
        ("distractors", "A cold.", "a list of texts"),
    ],
)
def test_a_wrong_row_is_one_line(
    field: str, value: Any, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the line and the field."""
    isolate(monkeypatch, tmp_path)
    with pytest.raises(DataError, match=r"examples\.jsonl:1: ") as caught:
        read_benchmark(write({**ROW, field: value})).load()
    assert message in str(caught.value)
