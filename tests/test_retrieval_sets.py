"""Several corpora in one run: the mean of sets, and passages note by note."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import preceptor
from data_fixtures import isolate
from preceptor import benchmarks
from preceptor.errors import DataError, InputError
from preceptor.protocols.retrieval import retrieval
from preceptor.records import Example
from preceptor.scoring.rubric import OVERALL
from suite_answers import DATA, graded, needs


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def a_set(name: str, documents: dict[str, str], queries: dict[str, tuple[str, str]]) -> None:
    """In the layout of R2MED: query → its text and its one relevant document."""
    folder = Path("r2med") / name
    lines(folder / "corpus.jsonl", [{"id": id, "text": text} for id, text in documents.items()])
    lines(folder / "query.jsonl", [{"id": id, "text": text} for id, (text, _) in queries.items()])
    grades = [{"q_id": id, "p_id": right, "score": 1} for id, (_, right) in queries.items()]
    lines(folder / "qrels.jsonl", grades)


def test_each_set_is_searched_in_its_own_corpus() -> None:
    """One document has one id in two; the mean of sets is not that of queries."""
    a_set("Biology", {"d": "bad toe", "e": "knee"}, {"q1": ("toe", "d"), "q2": ("knee", "e")})
    a_set("PMCPatients", {"d": "knee", "f": "toe"}, {"q1": ("toe", "d")})
    run = preceptor.run("r2med", system="bm25", data="r2med")
    found = {score.example_id: score.prediction for score in run.result().scores}
    assert found == {"Biology/q1": ["d"], "Biology/q2": ["e"], "PMC-Clinical/q1": ["f"]}
    metrics = run.result().metrics
    assert metrics[OVERALL].value == pytest.approx(2 / 3)
    assert metrics["mean_of_sets"].value == pytest.approx(1 / 2)
    assert metrics["set:PMC-Clinical"].value == 0.0
    again = preceptor.run("r2med", system="hybrid:tfidf+tfidf:characters", data="r2med")
    assert len(again.result().scores) == 3


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["Bones"], r"Bones: expected one of Biology, .*, found 'Bones'"),
        (["PMC-Clinical", "PMCPatients"], "PMC-Clinical is in r2med/PMC-Clinical too"),
    ],
)
def test_a_folder_that_is_no_set_is_named(names: list[str], message: str) -> None:
    """Or that is a set for the second time."""
    for name in names:
        a_set(name, {"d": "toe"}, {"q": ("toe", "d")})
    with pytest.raises(InputError, match=message):
        benchmarks.get("r2med").load(Path("r2med"))


@needs("r2med")
def test_the_demo_of_r2med_is_read() -> None:
    """Its folder's name ends in -demo."""
    (example, *_) = benchmarks.get("r2med").load(DATA).examples
    assert example.tags == ("set:Biology",)


def test_the_mean_of_sets_is_undefined_where_one_has_no_answer() -> None:
    """A set whose only call failed is no 0."""
    protocol = retrieval("set")
    examples = [
        Example(
            id=name, messages=(), criteria=(), tags=(f"set:{name}",), target={"qrels": {"d": 1}}
        )
        for name in ("A", "B")
    ]
    scores = [
        protocol.score(graded(examples[0], '["d"]')),
        protocol.score(graded(examples[1], None)),
    ]
    mean = protocol.summarise(scores, examples)["mean_of_sets"]
    assert (mean.value, mean.coverage) == (None, 0.5)


NOTES = [
    {"_id": "n1-1", "note": "n1", "text": "bad toe"},
    {"_id": "n1-2", "note": "n1", "text": "tea"},
    {"_id": "n2-1", "note": "n2", "text": "toe toe"},
    {"_id": "n2-2", "note": "n2", "text": "sore digit"},
]
JUDGED = (
    "query-id\tcorpus-id\tscore\tmatch\nq1\tn1-1\t1\tstring\nq1\tn2-2\t1\tsynonym\nq1\tn2-1\t0\t\n"
)


def notes(judged: str = JUDGED) -> Path:
    folder = Path("cliniq")
    lines(folder / "corpus.jsonl", NOTES)
    lines(folder / "queries.jsonl", [{"_id": "q1", "text": "toe", "type": "disease"}])
    (folder / "qrels.tsv").write_text(judged, "utf-8")
    return folder


def test_a_term_is_searched_in_one_note_and_over_all() -> None:
    """Only the note's passages are ranked; a query's notes are one unit."""
    notes()
    single = preceptor.run("cliniq-single", system="bm25", data="cliniq")
    found = {score.example_id: score.prediction for score in single.result().scores}
    assert found == {"q1/n1": ["n1-1"], "q1/n2": ["n2-1"]}
    metrics = single.result().metrics
    assert (metrics["mean_of_queries"].value, metrics["mean_of_queries"].n) == (0.5, 1)
    assert metrics["recall@100:string"].value == 1.0
    assert metrics["recall@100:synonym"].value == 0.0
    assert metrics["type:disease"].units == 1
    several = preceptor.run("cliniq-multi", system="bm25", data="cliniq")
    (score,) = several.result().scores
    assert set(score.prediction) == {"n1-1", "n2-1"}


@pytest.mark.parametrize(
    ("judged", "message"),
    [
        (JUDGED.replace("string", "exact"), "qrels.tsv:2: match: expected one of string, synonym"),
        (JUDGED.replace("n1-1", "n9-9"), "corpus-id: no passage n9-9 in corpus.jsonl"),
        (JUDGED.replace("\t1\tstring", "\t0.5\tstring"), "qrels.tsv:2: score: expected a whole"),
    ],
)
def test_a_wrong_judgment_is_named(judged: str, message: str) -> None:
    """File, line and column."""
    with pytest.raises(DataError) as caught:
        benchmarks.get("cliniq-single").load(notes(judged))
    assert message in str(caught.value)
