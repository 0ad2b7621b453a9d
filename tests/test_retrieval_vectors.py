"""Search by vectors: encoders at the wire and in a folder, and the vectors that are kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import preceptor
from data_fixtures import isolate
from preceptor.errors import EndpointRefused, InputError
from preceptor.records.ranked import Ranked, in_order
from preceptor.systems.retrieval.base import best_of
from preceptor.systems.retrieval.encoders import Folder
from preceptor.systems.retrieval.vectors import Vectors
from preceptor.testing import FakeEndpoint
from test_encoder import WORDS, make
from test_retrieval_runs import folder, ranking


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def test_an_endpoint_encodes_each_text_once() -> None:
    """A second run, of another system with the same encoder, asks for nothing; faults are met."""
    folder(Path("mine"))
    with FakeEndpoint(faults=["rate_limit", "truncated"], rate=0.5, most_faults=1, seed=3) as fake:
        address = fake.address("e5")
        run = preceptor.run("./mine", system=f"encoder:{address}")
        assert ranking(run, "q2") == ["d2", "d3", *ranking(run, "q2")[2:]]
        assert run.result().metrics["recall@100"].value == 1.0
        asked = fake.delivered.total()
        assert asked == 6  # the corpus in one request, and each query
        again = preceptor.run("./mine", system=f"rerank:bm25,encoder:{address}")
        assert ranking(again, "q2") == ["d2", "d3"]
        assert fake.delivered.total() == asked
        joined = preceptor.run("./mine", system=f"hybrid:bm25+encoder:{address}")
        assert ranking(joined, "q1")[0] == "d1"
        assert fake.delivered.total() == asked
        assert {call.path for call in fake.log} == {"/v1/embeddings"}


def test_a_key_that_is_refused_stops_the_run() -> None:
    """With one line, and before any query is asked."""
    folder(Path("mine"))
    with (
        FakeEndpoint(api_key="right") as fake,
        pytest.raises(EndpointRefused, match="Incorrect API key"),
    ):
        preceptor.run("./mine", system=f"encoder:{fake.address('e5')}")


def test_an_encoder_in_a_folder_pools_as_its_files_say(tmp_path: Path) -> None:
    """The mean of all tokens, or the first; a prompt before the text; texts of any length."""
    place = make(tmp_path / "tiny")
    plain = Folder(place)
    both = plain.encoded(["knee", "knee swollen fever"], "query")
    ends = np.array(WORDS["[CLS]"]) + np.array(WORDS["[SEP]"])
    expected = (ends + np.array(WORDS["knee"])) / 3
    assert both[0] == pytest.approx(expected / np.linalg.norm(expected))
    assert both[1] == pytest.approx(plain.encoded(["knee swollen fever"], "query")[0])
    (place / "1_Pooling").mkdir()
    (place / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    prompts = {"prompts": {"query": "fever ", "passage": "knee "}}
    (place / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    told = Folder(place)
    assert told.encoded(["fever"], "query")[0] == pytest.approx(np.array([1, 1]) / 2**0.5)
    assert told.identity["prompts"] == prompts["prompts"]
    assert told.identity != plain.identity


def test_a_folder_without_a_model_is_named() -> None:
    """As the system that the user wrote, and not as a variable."""
    folder(Path("mine"))
    Path("empty").mkdir()
    with pytest.raises(
        InputError, match=r"encoder:empty: expected model\.onnx and tokenizer\.json"
    ):
        preceptor.run("./mine", system="encoder:./empty")


def test_vectors_survive_a_death_between_their_two_files(tmp_path: Path) -> None:
    """What has no key is cut off; another process reads what one has added."""
    first = Vectors({"model": "m"})
    keys = [Vectors.key("query", text) for text in "abc"]
    first.add(keys[:2], np.eye(3, dtype=np.float32)[:2])
    with first._vectors.open("ab") as stream:
        stream.write(b"half a vector")
    second = Vectors({"model": "m"})
    second.add(keys, np.full((3, 3), 7, dtype=np.float32))
    assert second.at(second.rows(keys)).tolist() == [[1, 0, 0], [0, 1, 0], [7, 7, 7]]
    assert Vectors({"model": "m"}).rows(keys).tolist() == [0, 1, 2]
    assert Vectors({"model": "other"}).rows(keys[:1]).tolist() == [-1]
    with pytest.raises(InputError, match="has vectors of 3 numbers, and the model now gives 4"):
        second.add([b"k" * 16], np.ones((1, 4), dtype=np.float32))


class Ids:
    """Stands for a corpus: only ids are looked up."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids


@given(
    st.lists(st.sampled_from([0.0, 0.5, 0.25, -1.0]), min_size=1, max_size=30),
    st.integers(1, 30),
    st.randoms(),
)
def test_the_best_are_the_first_of_all_in_order(scores: list[float], depth: int, random) -> None:
    """However many tie at the end, those with the lowest ids are kept."""
    ids = [f"d{place:02}" for place in range(len(scores))]
    random.shuffle(ids)
    every = in_order(Ranked(id, score) for id, score in zip(ids, scores, strict=True))
    assert best_of(np.array(scores), Ids(ids), depth) == every[:depth]
    positive = [each for each in every if each.score > 0]
    assert best_of(np.array(scores), Ids(ids), depth, above=0.0) == positive[:depth]
