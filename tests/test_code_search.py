"""Code search: levels, new strings, documents, and the floor of TF-IDF on CodiEsp."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import preceptor
from data_fixtures import isolate
from preceptor.benchmarks.codiesp import BENCHMARKS, cie10, read
from preceptor.benchmarks.distemist import BENCHMARKS as DISTEMIST
from preceptor.errors import InputError
from preceptor.protocols.code_search import CODE_SEARCH, code_query
from preceptor.records import Example
from preceptor.records.ranked import Ranked, ranked_text
from preceptor.scoring.rubric import OVERALL
from preceptor.systems.retrieval.lexical import TfIdf
from preceptor.terminology.corpus import corpus_of
from suite_answers import DATA, graded, needs

TITLES = {"A00": "Tinol fever", "A00.1": "Tinol fever of toes", "B01.2": "Bad toe"}
TRAIN = "d0\tDIAGNOSTICO\ta00\tFIEBRE tinól\t1 2\n"
DEV = (
    "d1\tDIAGNOSTICO\ta00\tfiebre Tinol\t1 2\nd1\tDIAGNOSTICO\tb01.2\tbad toe\t3 4\n"
    "d2\tDIAGNOSTICO\ta00.1\tTF\t1 2\nd2\tDIAGNOSTICO\tz99\tgone\t3 4\n"
)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def corpora() -> Path:
    """A made-up CodiEsp, and the list beside it."""
    folder = Path("data/codiesp")
    folder.mkdir(parents=True)
    (folder / "trainX.tsv").write_text(TRAIN, "utf-8")
    (folder / "devX.tsv").write_text(DEV, "utf-8")
    rows = "".join(f"{code.replace('.', '')},{title}\n" for code, title in TITLES.items())
    (folder.parent / "cie10-es").mkdir()
    (folder.parent / "cie10-es" / "cie-10.csv").write_text(f"code,description\n{rows}", "utf-8")
    return folder


def asked(*codes: str, document: str = "d", id: str = "m", tags: bool = True) -> Example:
    trained = ({"known"}, {"A00"}) if tags else None
    return code_query(
        id,
        "words",
        codes,
        document=document,
        corpus=None,
        code_list="ICD-10",
        language="es",
        trained=trained,
    )


def values(example: Example, *codes: str) -> dict[str, float]:
    found = ranked_text(Ranked(code, -place) for place, code in enumerate(codes))
    return CODE_SEARCH.score(graded(example, found)).values


def test_what_is_new_is_new_beside_the_training_part() -> None:
    """Case and accents do not count; a code that is not listed is not asked."""
    examples = {each.messages[0].text: each for each in read(corpora())}
    assert set(examples) == {"fiebre Tinol", "bad toe", "TF"}
    assert examples["fiebre Tinol"].tags == ("language:es", "string:known", "code:seen")
    assert examples["TF"].tags[1:] == ("string:new", "code:unseen", "text:abbreviation")


def test_shorter_codes_take_the_best_of_their_places() -> None:
    """A sibling is right at three characters, and wrong in full."""
    found = values(asked("A00.1"), "A00.2", "B01", "A00.1")
    assert found[OVERALL] == pytest.approx(1 / 3)
    assert (found["recall@1"], found["recall@1_3"], found["mrr@10_3"]) == (0.0, 1.0, 1.0)
    assert found["mrr@10_4"] == pytest.approx(1 / 3)
    assert found["new_strings"] == found["unseen_codes"] == found[OVERALL]
    assert "unseen_codes" not in values(asked("A00"), "A00")


def test_a_rank_below_ten_counts_nothing() -> None:
    """And of several right codes the first found counts."""
    others = [f"B{number:02}" for number in range(10)]
    assert values(asked("A00"), *others, "A00")[OVERALL] == 0.0
    found = values(asked("A00", "C01"), "C01", "A00")
    assert (found[OVERALL], found["recall@1"], found["recall@5"]) == (1.0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ('["a00.1", "A001"]', 1.0),
        ("1. B01.2 bad toe\n2. A00.1 - tinol fever", 0.5),
        ("No code fits this.", 0.0),
        ("", 0.0),
    ],
)
def test_a_models_list_is_read(text: str, rank: float) -> None:
    """JSON, or numbered lines that begin with a code."""
    assert CODE_SEARCH.score(graded(asked("A00.1"), text)).values[OVERALL] == rank


def test_documents_join_the_lists_of_their_texts() -> None:
    """A code at the best of its places, equal places by code; F1 of the first codes."""
    examples = [asked("A00", id="1"), asked("C01", id="2"), asked("B01", document="e", id="3")]
    lists = [["B01", "A00"], ["C01", "A00"], ["X01"]]
    answers = [
        CODE_SEARCH.score(graded(example, json.dumps(codes)))
        for example, codes in zip(examples, lists, strict=True)
    ]
    metrics = CODE_SEARCH.summarise(answers, examples)
    # Document d: B01, C01, A00; right are A00 and C01. Document e has nothing.
    assert metrics["document_map@10"].value == pytest.approx(((1 / 2 + 2 / 3) / 2 + 0) / 2)
    assert metrics["document_f1"].value == pytest.approx(2 * 1 / (3 + 3))
    assert metrics["document_map@10"].units == 2
    assert [*metrics][:3] == [OVERALL, "new_strings", "unseen_codes"]


def test_a_missing_answer_bounds_what_it_would_have_counted_for() -> None:
    """All of the example's own metrics, and no other."""
    score = CODE_SEARCH.score(graded(asked("A00"), None))
    assert score.values == {}
    assert set(score.low) == set(values(asked("A00"), "A00")) | {"parse_rate"}


def test_a_search_runs_over_the_list() -> None:
    """From the command's words to the score; the list is a corpus in the cache."""
    corpora()
    run = preceptor.run("codiesp", system="tfidf:characters", data="data")
    metrics = run.result().metrics
    assert (metrics[OVERALL].n, metrics[OVERALL].units) == (3, 2)
    assert metrics["recall@1"].value == pytest.approx(2 / 3)
    assert metrics["new_strings"].n == 2
    assert metrics["text:abbreviation"].value == 0.0


def test_without_a_list_the_places_are_named() -> None:
    """In the folder, or beside it."""
    folder = corpora()
    (folder.parent / "cie10-es" / "cie-10.csv").unlink()
    with pytest.raises(InputError, match=r"expected cie-10\.csv in it, or in the folder cie10-es"):
        BENCHMARKS[0].load(folder)


@needs("codiesp")
@needs("cie10-es")
def test_the_floor_on_codiesp_comes_out() -> None:
    """MRR@10 of TF-IDF of characters: .346, on new strings .309, on unseen codes .392."""
    folder = DATA / "codiesp"
    examples = BENCHMARKS[0].load(DATA).examples
    assert len(examples) == 2063
    texts = {each.messages[0].text for each in examples}

    async def search() -> dict[str, list[str]]:
        retriever = TfIdf("characters")
        await retriever.prepare(corpus_of(cie10(folder)))
        return {text: [each.id for each in await retriever.search(text, 10)] for text in texts}

    found = asyncio.run(search())
    ranks: dict[str, list[float]] = {"": []}
    for example in examples:
        ((code, _),) = example.target["qrels"].items()
        codes = found[example.messages[0].text]
        rank = 1 / (1 + codes.index(code)) if code in codes else 0.0
        for tag in ("", *example.tags):
            ranks.setdefault(tag, []).append(rank)
    mean = {tag: (len(each), round(sum(each) / len(each), 3)) for tag, each in ranks.items()}
    assert mean[""] == (2063, 0.346)
    assert mean["string:new"] == (724, 0.309)
    assert mean["code:unseen"] == (257, 0.392)
    assert mean["code:seen"] == (1806, 0.340)
    assert mean["text:abbreviation"][0] == 56
    assert len({each.target["cluster"] for each in examples if "code:unseen" in each.tags}) == 123


@needs("distemist")
def test_distemist_has_no_document_of_codiesp() -> None:
    """1,383 diseases in 455 documents, with the slices of CodiEsp's training part."""
    examples = DISTEMIST[0].load(DATA).examples
    assert len({each.target["cluster"] for each in examples}) == 455
    assert sum("string:new" in each.tags for each in examples) == 639
