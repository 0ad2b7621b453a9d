"""BERTScore by an encoder of the user's own: a small one is made here, whose vectors are known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from data_fixtures import isolate
from preceptor.errors import InputError
from preceptor.protocols.generation import generation
from preceptor.records import Example, Graded, Message, Response
from preceptor.scoring.similarity import bertscore
from preceptor.systems.encoder import VARIABLE, Encoder, configured

#: Word → its vector. The marks of a text's ends have one that would match everything.
WORDS: Mapping[str, tuple[float, float]] = {
    "[UNK]": (-1.0, -1.0),
    "[CLS]": (1.0, 1.0),
    "[SEP]": (1.0, 1.0),
    "knee": (1.0, 0.0),
    "swollen": (0.0, 2.0),
    "sore": (1.0, 1.0),
    "fever": (-1.0, 0.0),
}


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def make(folder: Path, *, axes: int = 3, window: int | None = None) -> Path:
    """A model that looks each token up in a table, whatever stands around it."""
    folder.mkdir()
    table = numpy_helper.from_array(np.array(list(WORDS.values()), np.float32), "table")
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])]
    if axes == 2:
        nodes = [
            helper.make_node("Gather", ["table", "input_ids"], ["each"]),
            helper.make_node("ReduceMean", ["each"], ["last_hidden_state"], axes=[1], keepdims=0),
        ]
    whole = ("batch", "sequence", 2)
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, whole[:2])],
        [
            helper.make_tensor_value_info(
                "last_hidden_state", TensorProto.FLOAT, whole if axes == 3 else whole[::2]
            )
        ],
        [table],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "model.onnx"))
    vocabulary = {word: place for place, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    if window is not None:
        text = json.dumps({"max_position_embeddings": window})
        (folder / "config.json").write_text(text, "utf-8")
    return folder


def vectors(words: Sequence[str]) -> np.ndarray:
    return np.array([WORDS[word] for word in words])


def test_bertscore_is_the_f1_of_best_matches() -> None:
    """By hand: knee matches knee; sore is at 45 degrees to both words of the reference."""
    text, reference = vectors(["knee", "sore"]), vectors(["knee", "swollen"])
    half = 2**-0.5
    precision = recall = (1 + half) / 2
    expected = 2 * precision * recall / (precision + recall)
    assert bertscore(text, reference) == pytest.approx(expected)


@given(
    arrays.arrays(np.float64, (3, 2), elements=st.floats(-9, 9)),
    arrays.arrays(np.float64, (4, 2), elements=st.floats(-9, 9)),
)
def test_bertscore_is_a_share_and_symmetric(one: np.ndarray, other: np.ndarray) -> None:
    """From 0 to 1, the same from both sides."""
    found = bertscore(one, other)
    assert 0 <= found <= 1 + 1e-12
    assert found == pytest.approx(bertscore(other, one))


def test_nothing_in_common_is_zero() -> None:
    """No token, or only tokens that point away, is no likeness, not a negative one."""
    assert bertscore(np.empty((0, 2)), vectors(["knee"])) == 0
    assert bertscore(vectors(["fever"]), vectors(["knee"])) == 0
    with pytest.raises(ValueError, match="same dimensions"):
        bertscore(np.ones((1, 2)), np.ones((1, 3)))


def test_vectors_are_those_of_the_words_alone(tmp_path: Path) -> None:
    """The marks of beginning and end, which would match anything, are left out."""
    encoder = Encoder(make(tmp_path / "tiny"))
    assert encoder.name == "tiny"
    assert encoder.vectors("swollen knee").tolist() == [[0, 2], [1, 0]]
    assert encoder.vectors("").shape == (0, 2)
    assert encoder.vectors("\ud800 knee").tolist()[-1] == [1, 0]


def test_a_long_text_is_read_in_parts(tmp_path: Path) -> None:
    """Nothing of a text is cut off, however few tokens the model reads at once."""
    encoder = Encoder(make(tmp_path / "short", window=4))
    words = ["knee", "swollen", "sore", "knee", "swollen"]
    assert encoder.vectors(" ".join(words)).tolist() == vectors(words).tolist()


def test_without_an_encoder_there_is_no_bertscore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    assert configured() is None


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json"])
def test_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    """One line: the variable, the folder, what is not there."""
    (make(tmp_path / "tiny") / missing).unlink()
    with pytest.raises(InputError, match=f"{VARIABLE}=.*tiny: expected .*, found no {missing}"):
        Encoder(tmp_path / "tiny")


@pytest.mark.parametrize("broken", ["model.onnx", "tokenizer.json"])
def test_broken_file_is_one_line(tmp_path: Path, broken: str) -> None:
    (make(tmp_path / "tiny") / broken).write_bytes(b"no model\n")
    with pytest.raises(InputError, match="cannot be read") as caught:
        Encoder(tmp_path / "tiny")
    assert "\n" not in str(caught.value)


def test_model_of_whole_texts_is_refused(tmp_path: Path) -> None:
    """One vector for a text is no vector for each token."""
    with pytest.raises(InputError, match=r"a vector for each token .* found 2 axes"):
        Encoder(make(tmp_path / "pooled", axes=2))


def test_score_has_bertscore_where_an_encoder_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an answer its value under the encoder's name; of a missing answer, that it is open."""
    monkeypatch.setenv(VARIABLE, str(make(tmp_path / "tiny")))
    protocol = generation("Write a note.")
    example = Example("a", (Message("user", "?"),), (), target={"reference": "knee swollen"})
    answer = Response("k", "sore knee")
    assert protocol.scoring.measuring
    score = protocol.scoring.measure(Graded(example, 0, answer, ()))
    assert score.values["bertscore:tiny"] == pytest.approx((1 + 2**-0.5) / 2)
    open_ = protocol.scoring.measure(Graded(example, 0, None, ()))
    assert "bertscore:tiny" not in open_.values
    assert open_.counts["bertscore:tiny"] == (0, 1)
    empty = protocol.scoring.measure(Graded(example, 0, Response("k", ""), ()))
    assert empty.values["bertscore:tiny"] == 0
    assert "bertscore:tiny" not in protocol.score(Graded(example, 0, answer, ())).values


def test_the_table_names_the_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Imported notes: ``score`` has a row for the encoder that was there when the run was made.

    Whether one is there when the score is printed makes no difference; importing again adds it.
    """
    from preceptor.cli import main

    data = tmp_path / "notes.csv"
    data.write_text(
        "dataset,encounter_id,dialogue,note\naci,v1,hello,knee swollen\naci,v2,hello,sore knee\n"
    )
    answers = tmp_path / "mine.csv"
    answers.write_text("encounter_id,answer\nv1,knee swollen\nv2,sore knee\n")
    asked = ["import", "predictions", str(answers), "--benchmark", "aci-bench", "--data", str(data)]
    assert main(asked) == 0
    monkeypatch.setenv(VARIABLE, str(make(tmp_path / "tiny")))
    capsys.readouterr()
    assert main(["score", "mine"]) == 0
    assert "BERTScore" not in capsys.readouterr().out
    assert main(asked) == 0
    monkeypatch.delenv(VARIABLE)
    capsys.readouterr()
    assert main(["score", "mine"]) == 0
    table = capsys.readouterr().out
    assert "BERTScore (F1), by encoder" in table
    assert next(line for line in table.splitlines() if "Tiny" in line).split()[3] == "100.0"
