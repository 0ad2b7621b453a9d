"""Answers from passages: what stands before a question, and whether an answer keeps to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import preceptor
from data_fixtures import isolate
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.protocols.supported import supported, supported_criteria
from preceptor.records import Example, Message
from preceptor.scoring.rubric import OVERALL
from preceptor.testing import FakeEndpoint
from suite_answers import graded

PASSAGES = {
    "g1": "After toe surgery the bandage stays for three days.",
    "g2": "Only a nurse gives tinol.",
    "g3": "A hot toe needs a culture.",
}
QUESTIONS = {"a": "How long does the bandage stay?", "b": "Who gives tinol?"}


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)
    Path("guide").mkdir()
    rows = [json.dumps({"_id": id, "text": text}) for id, text in PASSAGES.items()]
    Path("guide/corpus.jsonl").write_text("\n".join(rows), "utf-8")
    Path("ward").mkdir()
    Path("ward/benchmark.toml").write_text(
        'name = "ward-sources"\ntitle = "Ward"\nprotocol = "grounded"\nexamples = "q.jsonl"\n'
    )
    asked = [json.dumps({"id": id, "question": text}) for id, text in QUESTIONS.items()]
    Path("ward/q.jsonl").write_text("\n".join(asked), "utf-8")


def test_passages_stand_before_the_question_and_the_judge_sees_them() -> None:
    """They are sent, kept with the run, shown to the judge, and named beside the score."""
    with FakeEndpoint() as fake:
        run = preceptor.run(
            "./ward",
            system=fake.address("m"),
            grader=fake.address("judge"),
            retriever="bm25",
            corpus="guide",
            passages=1,
        )
        sent = [call.payload["messages"][-1]["content"] for call in fake.log]
    asked = {text for text in sent if text.startswith("Passages:")}
    assert asked == {
        f"Passages:\n\n[g1] {PASSAGES['g1']}\n\nQuestion:\n\n{QUESTIONS['a']}",
        f"Passages:\n\n[g2] {PASSAGES['g2']}\n\nQuestion:\n\n{QUESTIONS['b']}",
    }
    judged = [text for text in sent if "# Passages and question" in text]
    assert any(PASSAGES["g1"] in text.partition("# Answer")[0] for text in judged)
    settings = run.info.settings
    assert settings.passages is not None
    assert (settings.passages.retriever, settings.passages.count) == ("bm25", 1)
    assert "Asked with 1 passages of guide before each question, found by bm25." in settings.notes
    rows = run.export("rows.jsonl").read_text("utf-8").splitlines()
    assert all("Passages:" in json.loads(row)["prompt"][0]["content"] for row in rows)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retriever": "bm25"}, "--retriever: needs --corpus with the passages, found none"),
        ({"corpus": "guide"}, "--corpus, --passages: are for --retriever, which is not there"),
        ({"retriever": "bm25", "corpus": "ward"}, "expected corpus.jsonl or corpus.jsonl.gz"),
        ({"retriever": "bm25", "corpus": "guide", "passages": 0}, "--passages: expected a number"),
        ({"retriever": "physician", "corpus": "guide"}, "--retriever physician: expected bm25"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(
    options: dict[str, Any], message: str
) -> None:
    """In one line each."""
    with pytest.raises(InputError) as caught:
        preceptor.run(
            "./ward", system="python:json:dumps", grader="http://127.0.0.1:1/v1#x", **options
        )
    assert message in str(caught.value)


def test_a_search_has_no_passages() -> None:
    """It is itself what finds them."""
    Path("guide/queries.jsonl").write_text('{"_id": "q", "text": "toe"}')
    Path("guide/qrels.tsv").write_text("q\tg1\t1\n")
    with pytest.raises(InputError, match="--retriever: is for single questions, and guide is a"):
        preceptor.run("./guide", system="bm25", retriever="bm25", corpus="guide")


LABELS = ("supported", "partly", "unsupported", "states nothing", None)


def test_an_answer_that_states_nothing_is_counted_apart() -> None:
    """One of two that state something is supported, and one not; a missing label is in neither."""
    protocol = supported()
    examples = [
        Example(id=str(n), messages=(Message("user", f"? {n}"),), criteria=supported_criteria())
        for n in range(len(LABELS))
    ]
    scores = [
        protocol.score(graded(example, "…", [label]))
        for example, label in zip(examples, LABELS, strict=True)
    ]
    metrics = protocol.summarise(scores, examples)
    assert metrics[OVERALL].value == pytest.approx(1 / 3)
    assert metrics["unsupported"].value == pytest.approx(1 / 3)
    assert metrics["states_nothing"].value == pytest.approx(1 / 4)
    assert metrics[OVERALL].n == 3


def test_a_long_passage_is_cut() -> None:
    """A document may be a book."""
    Path("guide/corpus.jsonl").write_text(json.dumps({"_id": "g9", "text": "tinol " * 2000}))
    with FakeEndpoint() as fake:
        address = fake.address("m")
        options = ["--retriever", "tfidf", "--corpus", "guide/corpus.jsonl"]
        main(["run", "./ward", "--system", address, "--grader", address, *options])
        sent = [call.payload["messages"][-1]["content"] for call in fake.log]
    found = [text for text in sent if text.startswith("Passages:")]
    assert {len(text) for text in found if "tinol tinol" in text} <= set(range(4000, 4100))
    assert any("(none was found)" in text for text in found)
