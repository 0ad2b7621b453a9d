"""Runs of retrieval, from a folder to its score, and what is wrong in such a folder."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import preceptor
from data_fixtures import isolate
from preceptor import benchmarks
from preceptor.cli import main
from preceptor.engine.plan import Request, check
from preceptor.engine.reopening import reopen
from preceptor.engine.runner import execute
from preceptor.errors import InputError
from preceptor.store import Store

DOCUMENTS = {
    "d1": "Crushing chest pain after exercise",
    "d2": "Hepatitis B vaccine for newborns",
    "d3": "Hepatitis C in adults",
    "d4": "Swollen knee after a fall",
    "d5": "Exercise for a swollen knee",
}
QUERIES = {"q1": "chest pain", "q2": "hepatitis b", "q3": "knee", "q4": "fever", "q5": "adults"}
GRADES = [("q1", "d1", 1), ("q2", "d2", 2), ("q2", "d3", 0), ("q3", "d5", 1), ("q4", "d4", 1)]
GRADES += [("q5", "d3", 0)]


def folder(
    path: Path,
    grades: Sequence[tuple[str, str, object]] = GRADES,
    documents: Mapping[str, str] = DOCUMENTS,
    *,
    packed: bool = False,
) -> Path:
    """A collection as BEIR lays it out."""
    (path / "qrels").mkdir(parents=True)
    lines = "".join(json.dumps({"_id": id, "text": text}) + "\n" for id, text in documents.items())
    if packed:
        (path / "corpus.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    elif documents:
        (path / "corpus.jsonl").write_text(lines, "utf-8")
    asked = "".join(json.dumps({"_id": id, "text": text}) + "\n" for id, text in QUERIES.items())
    (path / "queries.jsonl").write_text(asked, "utf-8")
    rows = "".join(f"{query}\t{document}\t{grade}\n" for query, document, grade in grades)
    text = f"query-id\tcorpus-id\tscore\n{rows}"
    (path / "qrels" / "test.tsv").write_text(text, "utf-8")
    return path


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def ranking(run: preceptor.Run, id: str) -> list[str]:
    return next(score.prediction for score in run.result().scores if score.example_id == id)


def test_a_folder_is_searched_and_scored() -> None:
    """BM25 keeps one-letter words; a query without a relevant document is left out and counted."""
    folder(Path("mine"), packed=True)
    run = preceptor.run("./mine", system="bm25")
    assert ranking(run, "q2") == ["d2", "d3"]
    assert ranking(run, "q4") == []
    metrics = run.result().metrics
    overall = metrics["overall_score"]
    assert (overall.n, overall.units_are) == (4, "queries")
    assert metrics["recall@10"].value == pytest.approx(3 / 4)
    assert metrics["nothing_found"].value == pytest.approx(1 / 4)
    assert "1 of 5 examples have no relevant document: their score is undefined" in str(
        run.info.settings.notes
    )
    assert preceptor.run("./mine", system="bm25").result().metrics == metrics


@pytest.mark.parametrize(
    "system", ["tfidf", "tfidf:characters", "hybrid:bm25+tfidf", "hybrid:bm25+tfidf:words"]
)
def test_each_retriever_finds_its_documents(system: str) -> None:
    """By words, by characters, and several joined by rank."""
    folder(Path("mine"))
    assert ranking(preceptor.run("./mine", system=system), "q1")[0] == "d1"


def test_a_run_of_trec_is_scored_as_it_is() -> None:
    """In the order of scores and ids; a query that it lacks counts 0, what is not asked is told."""
    folder(Path("mine"), documents={})
    lines = ["q1 Q0 d9 1 0.5 r", "q1 Q0 d1 2 0.5 r", "q2 Q0 d3 1 2 r", "q2 Q0 d2 2 1e1 r"]
    Path("run.trec").write_text("\n".join([*lines, "q77 Q0 d1 1 1 r"]), "utf-8")
    run = preceptor.run("./mine", system="replay:run.trec")
    assert ranking(run, "q1") == ["d1", "d9"]
    assert ranking(run, "q2") == ["d2", "d3"]
    assert run.result().metrics["overall_score"].value == pytest.approx(2 / 4)
    notes = " ".join(run.info.settings.notes)
    assert "3 of 5 queries are not in the run: they score 0." in notes
    assert "1 queries of the run are not asked here: left out." in notes


def test_the_command_line_says_what_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts first, then the figures under their own names; two runs are compared by query."""
    folder(Path("mine"))
    for system in ("bm25", "tfidf"):
        assert main(["run", "./mine", "--system", system, "--name", system]) == 0
    said = capsys.readouterr()
    assert "mine: 5 queries, 5 documents, 6 judgments (qrels/test.tsv)" in said.err
    assert "nDCG@10" in said.out
    assert "MRR@10" in said.out
    assert main(["compare", "bm25", "tfidf"]) == 0
    assert "nDCG@10" in capsys.readouterr().out
    assert main(["export", "bm25", "-o", "rows.jsonl"]) == 0
    assert "rank\\tdocument\\tscore\\n1\\td1\\t" in Path("rows.jsonl").read_text("utf-8")


def test_another_file_of_grades_is_another_benchmark() -> None:
    """Named by its path; what is odd in it stands beside the score."""
    folder(Path("mine"))
    text = "q1 0 d1 1\nq1 0 d1 1\nq9 0 d1 1\nq2 0 gone 1\n"
    Path("mine/qrels/dev.txt").write_text(text, "utf-8")
    found = benchmarks.get("./mine/qrels/dev.txt")
    assert (found.name, found.n_examples) == ("mine-dev", 2)
    assert found.remarks == (
        "Left out because they have no text: 1 query of qrels/dev.txt.",
        "Repeated and counted once: 1 judgment of qrels/dev.txt.",
        "The corpus lacks the documents of 1 of 2 judgments: no system can find them.",
    )


def test_a_changed_corpus_is_not_searched() -> None:
    """A run that is resumed names the file, and both hashes."""
    folder(Path("mine"))
    from preceptor.corpora import open_corpus, pointed, pointer

    path = Path("mine/corpus.jsonl")
    kept = pointer([open_corpus(path)])
    path.write_text('{"_id": "d1", "text": "other"}\n', "utf-8")
    with pytest.raises(InputError, match=r"corpus\.jsonl: changed after the run began: expected"):
        pointed(kept)


def test_a_run_that_was_only_made_is_resumed_on_its_corpus() -> None:
    """The store knows where the corpus is, and holds none of its texts."""
    folder(Path("mine"))
    with Store("runs.db") as store:
        plan = check(Request(benchmark="./mine", system="bm25"))
        run = plan.create(store).run
        assert store.blob(run.settings.materials).count(b"Hepatitis") == 0
        assert execute(reopen(store, run)).status == "done"


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("qrels/test.tsv", "q1\td1\n", "test.tsv:1: expected query, document and grade (BEIR) or"),
        (
            "qrels/test.tsv",
            "q\td\tScore\nq1\td1\thigh\n",
            "test.tsv:2: score: expected a whole number",
        ),
        (
            "qrels/test.tsv",
            "q1\td1\t1\nq1\td1\t2\n",
            "test.tsv:2: score: 'd1' has grade 1 for 'q1'",
        ),
        ("qrels/test.tsv", "zz\td1\t1\n", "expected grades of the queries, found no query of"),
        ("queries.jsonl", '{"_id": "q1"}\n', "queries.jsonl:1: text: missing; expected a text"),
        ("queries.jsonl", '{"id": "a", "text": "b"}\n' * 2, "queries.jsonl:2: _id: 'a' is there"),
        ("corpus.jsonl", '{"_id": "d1"}\n', "corpus.jsonl:1: text: missing; expected"),
        ("corpus.jsonl", "nonsense\n", "corpus.jsonl:1: expected a document as JSON:"),
        ("corpus.jsonl", '{"_id": "a\\tb", "text": "c"}\n', "expected a text without tabs and"),
        ("corpus.jsonl", "", "corpus.jsonl: expected a document a line, found an empty file"),
    ],
)
def test_what_is_wrong_in_a_folder_is_said_in_one_line(file: str, text: str, message: str) -> None:
    """With the file, the line, what was expected and what was found."""
    folder(Path("mine"))
    Path("mine", file).write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        benchmarks.get("./mine")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ("hybrid:bm25", "system 'hybrid:bm25': expected bm25, tfidf,"),
        ("tfidf:letters", "found 'tfidf:letters'"),
        ("encoder:./nowhere", "encoder:./nowhere: no such folder: expected encoder:FOLDER"),
        ("replay:bad.trec", "bad.trec:1: expected query, Q0, document, rank, score and name"),
        ("replay:nan.trec", "nan.trec:1: score: expected a number, found 'nan'"),
        ("replay:other.trec", "none of its 1 queries is among the 5 of the benchmark, as 'x'"),
    ],
)
def test_a_wrong_system_is_said_in_one_line(system: str, message: str) -> None:
    """Before anything is asked."""
    folder(Path("mine"))
    Path("bad.trec").write_text("q1 d1\n", "utf-8")
    Path("nan.trec").write_text("q1 Q0 d1 1 nan r\n", "utf-8")
    Path("other.trec").write_text("x Q0 d1 1 1 r\n", "utf-8")
    with pytest.raises(InputError) as caught:
        preceptor.run("./mine", system=system)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_search_needs_a_corpus() -> None:
    """Neither a benchmark of questions nor a folder without one has it."""
    folder(Path("mine"), documents={})
    for benchmark, grader in (("./mine", None), ("starter", "http://127.0.0.1:1/v1#none")):
        with pytest.raises(InputError, match="--system bm25: searches a corpus, which"):
            preceptor.run(benchmark, system="bm25", grader=grader)


def test_an_index_in_parts_has_the_scores_of_bm25s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frequencies are those of the whole corpus, in whatever part a document is."""
    import bm25s

    from preceptor.corpora import open_corpus
    from preceptor.systems.retrieval import lexical

    monkeypatch.setattr(lexical, "_PART", 2)
    folder(Path("mine"), documents={**DOCUMENTS, "d0": "..."})
    ours = lexical.BM25()
    asyncio.run(ours.prepare(open_corpus(Path("mine/corpus.jsonl"))))
    whole = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    texts = [text.casefold().split() for text in DOCUMENTS.values()]
    whole.index([*texts, []], show_progress=False)
    for query in QUERIES.values():
        scores = whole.get_scores(query.split())
        expected = {id: score for id, score in zip(DOCUMENTS, scores, strict=False) if score > 0}
        found = asyncio.run(ours.search(query, 10))
        assert {each.id: each.score for each in found} == pytest.approx(expected)


def test_a_search_within_some_documents_ranks_these_alone() -> None:
    """By each retriever, and joined by the ranks that they have among them."""
    from preceptor.corpora import open_corpus
    from preceptor.systems.retrieval.fusion import Hybrid
    from preceptor.systems.retrieval.lexical import BM25, TfIdf

    folder(Path("mine"))
    corpus = open_corpus(Path("mine/corpus.jsonl"))
    query = " ".join(QUERIES.values())
    for made in (BM25(), TfIdf("words"), Hybrid([BM25(), TfIdf("words")])):
        asyncio.run(made.prepare(corpus))
        every = [each.id for each in asyncio.run(made.search(query, 10))]
        some = every[1::2]
        found = asyncio.run(made.search(query, 10, [*some, "absent"]))
        assert [each.id for each in found] == some
    assert found[0].score == pytest.approx(2 / 61)  # first of both lists among these
