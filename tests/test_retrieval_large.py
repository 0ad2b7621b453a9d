"""Large corpora, and models in folders: the keys of vectors, a graph of them, cross-encoders."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import preceptor
from data_fixtures import isolate
from preceptor.corpora import Corpus, open_corpus
from preceptor.errors import InputError, Unavailable
from preceptor.systems.retrieval import dense, nearest
from preceptor.systems.retrieval.dense import Dense, LocalEncoder
from preceptor.systems.retrieval.encoders import Folder
from preceptor.systems.retrieval.nearest import eight_bits
from preceptor.systems.retrieval.vectors import Vectors, _Keys
from test_encoder import WORDS, make
from test_retrieval_runs import folder, ranking


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


class Drawn(LocalEncoder):
    """A direction for each text, drawn from its digest."""

    identity = {"drawn": 16}  # noqa: RUF012

    def encoded(self, texts: Sequence[str], kind: str) -> np.ndarray:
        seeds = [hashlib.blake2b(text.encode(), digest_size=4).digest() for text in texts]
        made = np.array(
            [np.random.default_rng(int.from_bytes(seed, "big")).normal(size=16) for seed in seeds]
        )
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def corpus(path: Path, count: int) -> Corpus:
    rows = [{"_id": f"d{number:04}", "text": f"text {number}"} for number in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return open_corpus(path)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), unique=True), st.data())
def test_a_key_is_found_in_its_row_and_no_other(pairs: list[tuple[int, int]], data) -> None:
    """Also of keys that begin alike, sorted in or added later; −1 for one that is not there."""
    keys = [np.array(pair, np.uint64).tobytes() for pair in pairs]
    known = _Keys()
    some = data.draw(st.integers(0, len(keys)))
    known.extend(b"".join(keys[:some]))
    known._sort()
    known.extend(b"".join(keys[some:]))
    assert known.rows(keys).tolist() == list(range(len(keys)))
    foreign = np.array([[0, 99], [5, 0]], np.uint64)
    assert known.rows([row.tobytes() for row in foreign]).tolist() == [-1, -1]


def test_vectors_are_kept_in_half_precision() -> None:
    """Cosines are off by less than 1e-3; rows come back in any order, from many or one."""
    made = Drawn().encoded([str(number) for number in range(50)], "query")
    kept = Vectors({"m": 1}, half=True)
    keys = [Vectors.key("query", str(number)) for number in range(50)]
    kept.add(keys, made)
    order = np.array([7, 8, 9, 3, 3, 49, 0])
    assert kept.at(order) == pytest.approx(made[order], abs=5e-4)
    assert kept.products(order, made[8]) == pytest.approx(made[order] @ made[8], abs=1e-3)
    assert (kept.folder / "vectors.f16").stat().st_size == 50 * 16 * 2


def test_a_large_corpus_is_searched_by_a_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the scores of the exact search, nearly all of its documents, and kept for next time."""
    pytest.importorskip("usearch")
    whole = corpus(tmp_path / "corpus.jsonl", 600)
    exact = Dense(Drawn())
    asyncio.run(exact.prepare(whole))
    monkeypatch.setattr(dense, "_IN_MEMORY", 0)
    blocks = exact.another()
    asyncio.run(blocks.prepare(whole))
    monkeypatch.setattr(dense, "EXACT", 500)
    first, again = exact.another(), exact.another()
    asyncio.run(first.prepare(whole))
    (graph,) = first._vectors.folder.glob("*.usearch")
    before = graph.stat().st_mtime_ns
    asyncio.run(again.prepare(whole))
    assert graph.stat().st_mtime_ns == before
    common = 0
    for number in range(20):
        own = asyncio.run(exact.search(f"query {number}", 50))
        assert asyncio.run(blocks.search(f"query {number}", 50)) == own
        found = asyncio.run(again.search(f"query {number}", 50))
        assert found == asyncio.run(first.search(f"query {number}", 50))
        scores = {each.id: each.score for each in own}
        common += sum(each.id in scores for each in found)
        assert all(
            each.score == pytest.approx(scores[each.id], abs=1e-6)
            for each in found
            if each.id in scores
        )
        assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)
    assert common / 1000 > 0.97
    within = asyncio.run(first.search("query 1", 2, {"d0003", "d0599", "d0001", "absent"}))
    every = asyncio.run(exact.search("query 1", 600))
    expected = [each.id for each in every if each.id in ("d0003", "d0599", "d0001")]
    assert [each.id for each in within] == expected[:2]
    graph.write_bytes(b"no graph")
    with pytest.raises(InputError, match="remove it"):
        asyncio.run(exact.another().prepare(whole))


@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=8))
def test_eight_bits_are_used_whole(values: list[float]) -> None:
    """The largest number becomes 127, each is off by half a step, zeros stay."""
    row = np.array([values], np.float32)
    made = eight_bits(row).astype(np.float64)[0]
    largest = np.abs(row).max()
    if largest > 1e-6:
        assert np.abs(made).max() == 127
        assert np.abs(made * largest / 127 - row[0]).max() <= largest / 254 * 1.001
    assert not eight_bits(np.zeros((1, 3), np.float32)).any()


def test_a_large_corpus_asks_for_usearch_before_it_is_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names the extra, and no text was encoded."""
    monkeypatch.setattr(dense, "EXACT", 2)
    monkeypatch.setattr(nearest, "find_spec", lambda name: None)
    found = Dense(Drawn())
    with pytest.raises(Unavailable, match=r"3 documents.*usearch"):
        asyncio.run(found.prepare(corpus(tmp_path / "corpus.jsonl", 3)))
    assert not len(found._vectors)


def reranker(place: Path, *, labels: int = 1) -> Path:
    """A cross-encoder that adds up a number for each token: swollen +2, fever −1, others near 0."""
    make(place)
    table = np.array([[index[1] + 0.1 * index[0]] for index in WORDS.values()], np.float32)
    weights = numpy_helper.from_array(np.repeat(table, labels, axis=1), "table")
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["each"]),
        helper.make_node("ReduceSum", ["each", "axis"], ["logits"], keepdims=0),
    ]
    axis = numpy_helper.from_array(np.array([1], np.int64), "axis")
    given_ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ("batch", "tokens"))
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ("batch", labels))
    graph = helper.make_graph(nodes, "pairs", [given_ids], [output], [weights, axis])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), place / "model.onnx")
    config = {"architectures": ["BertForSequenceClassification"], "max_position_embeddings": 32}
    (place / "config.json").write_text(json.dumps(config))
    return place


def test_a_cross_encoder_puts_a_list_in_its_order() -> None:
    """It is told from an encoder by its config; one with several numbers is refused."""
    documents = {"d1": "knee", "d2": "knee swollen swollen", "d3": "knee fever", "d4": "swollen"}
    folder(Path("mine"), [("q3", "d2", 1)], documents)
    reranker(Path("pairs"))
    run = preceptor.run("./mine", system="rerank:bm25,./pairs")
    assert ranking(run, "q3")[0] == "d2"
    assert set(ranking(run, "q3")) == {"d1", "d2", "d3"}
    with pytest.raises(InputError, match=r"is a cross-encoder.*use rerank:bm25,pairs"):
        preceptor.run("./mine", system="encoder:./pairs")
    reranker(Path("classes"), labels=3)
    with pytest.raises(InputError, match=r"one number for a pair.*2 axes, 3 in the last"):
        preceptor.run("./mine", system="rerank:bm25,./classes")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"pooling_mode": "max"}, "pools by max: expected cls or mean"),
        ({"pooling_mode": ["cls", "mean"]}, "pools by cls, mean"),
        ({"pooling_mode_max_tokens": True}, "pools by pooling_mode_max_tokens"),
        ({"pooling_mode": "cls"}, None),
    ],
)
def test_pooling_is_read_in_both_forms(tmp_path: Path, said: dict, message: str | None) -> None:
    """Sentence Transformers has written a name since version 6, and switches before."""
    place = make(tmp_path / "tiny")
    (place / "1_Pooling").mkdir()
    (place / "1_Pooling" / "config.json").write_text(json.dumps(said))
    if message:
        with pytest.raises(InputError, match=message):
            Folder(place)
        return
    first = Folder(place).encoded(["fever"], "query")[0]
    assert first == pytest.approx(np.array(WORDS["[CLS]"]) / 2**0.5)
    modules = [{"type": "sentence_transformers.models.Dense"}]
    (place / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(InputError, match="has a module Dense"):
        Folder(place)


def test_a_model_without_onnx_needs_sentence_transformers(tmp_path: Path) -> None:
    """Where it is not installed, one line names the extra; with it the files must be whole."""
    folder(Path("mine"))
    Path("torch").mkdir()
    Path("torch/config.json").write_text('{"architectures": ["BertModel"]}')
    with pytest.raises((Unavailable, InputError), match=r"encoder:torch: (has no|cannot be read)"):
        preceptor.run("./mine", system="encoder:./torch")


def test_sentence_transformers_models_run_as_they_do_alone(tmp_path: Path) -> None:
    """Prompts count for queries and documents, each; a cross-encoder gives its raw numbers."""
    library = pytest.importorskip("sentence_transformers")
    from preceptor.systems.retrieval.sentence_transformers import SentenceEncoder, SentencePairs
    from torch_models import saved

    encoder, pairs = saved(tmp_path)
    alone = library.SentenceTransformer(str(encoder))
    ours = SentenceEncoder(encoder)
    for kind, prompt in (("query", "fever "), ("passage", "knee ")):
        expected = alone.encode([f"{prompt}swollen"], normalize_embeddings=True)
        assert ours.encoded(["swollen"], kind) == pytest.approx(expected, abs=1e-6)
    texts = ["knee", "fever after a fall"]
    expected = library.CrossEncoder(str(pairs)).predict([("swollen", text) for text in texts])
    scores = np.array(SentencePairs(pairs).scores("swollen", texts))
    assert 1 / (1 + np.exp(-scores)) == pytest.approx(expected, abs=1e-6)
    assert SentenceEncoder(encoder).identity == ours.identity
