"""Distilled grader and its file.

The file is a zip of plain arrays (``.npz``) and one JSON header. Nothing in it is executed: loading
reads named arrays of known types and bounded sizes, and checks that they fit together. It contains
no text of its training data except the names of the runs.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.distil.features import (
    NAMES,
    TERMS,
    Answer,
    Weights,
    answer_of,
    criterion_features,
    criterion_terms,
)
from preceptor.distil.texts import BUCKETS
from preceptor.distil.trees import Trees, check_trees
from preceptor.errors import InputError, shorten
from preceptor.records import Criterion, Message

__all__ = ["FORMAT", "LOWEST", "Card", "Distilled", "Measures", "linear_score", "rows_of"]

#: Version of the file and its features; files of other versions are refused.
FORMAT = 1
#: Probabilities stay between this and one minus it: training cannot show rarer errors.
LOWEST = 0.005

_MAX_BYTES = 64 * 2**20
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Limit of a weight, thresholds aside: trained ones are far smaller, and sums stay finite.
_MAX_WEIGHT = 1e6
_HEADER = "header"
_ARRAYS: dict[str, tuple[str, int | None]] = {
    "idf_words": ("<f4", BUCKETS),
    "idf_pairs": ("<f4", BUCKETS),
    "idf_characters": ("<f4", BUCKETS),
    "linear": ("<f4", TERMS),
    "intercepts": ("<f8", 2),
    "tree_feature": ("<i4", None),
    "tree_threshold": ("<f8", None),
    "tree_left": ("<i4", None),
    "tree_right": ("<i4", None),
    "tree_value": ("<f8", None),
    "tree_roots": ("<i4", None),
    "curve_scores": ("<f8", None),
    "curve_probabilities": ("<f8", None),
    _HEADER: ("|u1", None),
}

_Interval = tuple[float, float] | None


class Measures(msgspec.Struct, frozen=True):
    """Performance of a distilled grader on held-out prompts.

    Attributes
    ----------
    auroc, macro_f1
        With 95 % intervals by resampling prompts; ``macro_f1`` and ``accuracy`` treat a probability
        of at least ½ as *met*.
    brier, calibration_error
        Errors of the probability; ``brier_base`` is that of always giving the share of met.
    score_error
        Mean over runs of |expected score − true score| on the 0 to 1 scale;
        ``score_error_thresholded`` is the same for verdicts cut at ½.
    """

    auroc: float
    auroc_ci95: _Interval
    macro_f1: float
    macro_f1_ci95: _Interval
    accuracy: float
    brier: float
    brier_base: float
    calibration_error: float
    score_error: float
    score_error_thresholded: float
    verdicts: int
    prompts: int
    folds: int


class Card(msgspec.Struct, frozen=True):
    """Origin and performance of a distilled grader: the header of its file."""

    format: int
    version: str
    runs: list[str]
    benchmarks: list[str]
    grader: str
    verdicts: int
    answers: int
    prompts: int
    met: float
    data_hash: str
    seed: int
    held_out: Measures


class Distilled:
    """Model of the probability that a criterion is met, from arithmetic on words."""

    def __init__(
        self,
        card: Card,
        *,
        weights: Weights,
        linear: NDArray[np.float32],
        intercepts: tuple[float, float],
        trees: Trees,
        curve: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> None:
        self.card = card
        self.weights = weights
        self.linear = linear
        self.intercepts = intercepts
        self.trees = trees
        self.curve = curve

    def __repr__(self) -> str:
        return f"<Distilled {self.card.grader}: {self.card.verdicts:,} verdicts>"

    def probability(
        self, conversation: Sequence[Message], response: str, criterion: str, points: float
    ) -> float:
        """Calibrated probability of *met*, LOWEST to 1 − LOWEST.

        Parameters
        ----------
        conversation
            Messages before the answer.
        response
            The answer.
        criterion, points
            Text and signed points; *met* of a negative criterion means that the fault occurs.
        """
        return float(self.probabilities(conversation, response, [(criterion, points)])[0])

    def probabilities(
        self,
        conversation: Sequence[Message],
        response: str,
        criteria: Sequence[Criterion] | Sequence[tuple[str, float]],
    ) -> NDArray[np.float64]:
        """Probabilities of several criteria, shape (k,); counts the answer once."""
        given = [each if isinstance(each, tuple) else (each.text, each.points) for each in criteria]
        if not given:
            return np.zeros(0)
        answer = answer_of(conversation, response, self.weights)
        rows, terms = rows_of(answer, given, self.weights)
        scores = np.array([linear_score(self.linear, self.intercepts[0], each) for each in terms])
        return self.calibrated(self.trees.total(np.column_stack([rows, scores])))

    def calibrated(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert the trees' sum to a calibrated probability."""
        raw = 1 / (1 + np.exp(-np.clip(total + self.intercepts[1], -500, 500)))
        return np.clip(np.interp(raw, *self.curve), LOWEST, 1 - LOWEST)

    def save(self, path: str | Path) -> Path:
        """Write the file atomically."""
        target = Path(path)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in self._arrays().items():
                member = io.BytesIO()
                np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
                # ZipInfo has a fixed date: equal graders give equal files.
                archive.writestr(
                    zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED
                )
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            partial.write_bytes(buffer.getvalue())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target

    @classmethod
    def load(cls, path: str | Path) -> Distilled:
        """Read a file that `save` wrote; the file need not be trusted.

        Raises
        ------
        InputError
            The file is missing, of another format, or damaged.
        """
        where = Path(path)
        arrays = _read(where)
        try:
            card = msgspec.json.decode(arrays.pop(_HEADER).tobytes(), type=Card)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _fault(where, f"its header cannot be read ({error})") from None
        if card.format != FORMAT:
            raise _fault(where, f"it has format {card.format}, but this version reads {FORMAT}")
        tree = {name: arrays[f"tree_{name}"] for name in Trees.__struct_fields__}
        if len({len(tree[name]) for name in tree if name != "roots"}) != 1:
            raise _fault(where, "the arrays of its trees differ in length")
        trees = Trees(**tree)
        problem = check_trees(trees, len(NAMES) + 1) or _check_numbers(arrays)
        if problem:
            raise _fault(where, problem)
        first, second = arrays["intercepts"].tolist()
        weights = Weights(arrays["idf_words"], arrays["idf_pairs"], arrays["idf_characters"])
        curve = (arrays["curve_scores"], arrays["curve_probabilities"])
        return cls(
            card,
            weights=weights,
            linear=arrays["linear"],
            intercepts=(first, second),
            trees=trees,
            curve=curve,
        )

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {
            "idf_words": self.weights.words,
            "idf_pairs": self.weights.pairs,
            "idf_characters": self.weights.characters,
            "linear": self.linear,
            "intercepts": np.array(self.intercepts),
            **{f"tree_{name}": getattr(self.trees, name) for name in Trees.__struct_fields__},
            "curve_scores": self.curve[0],
            "curve_probabilities": self.curve[1],
            _HEADER: np.frombuffer(msgspec.json.encode(self.card), dtype=np.uint8),
        }
        return {name: array.astype(_ARRAYS[name][0]) for name, array in arrays.items()}


def rows_of(
    answer: Answer, criteria: Sequence[tuple[str, float]], weights: Weights
) -> tuple[NDArray[np.float64], list[NDArray[np.int64]]]:
    """Compute features, shape (k, len(NAMES)), and linear terms of criteria of one answer."""
    rows = np.array([criterion_features(answer, *each, weights) for each in criteria])
    return rows, [criterion_terms(answer, *each) for each in criteria]


def linear_score(linear: NDArray[np.float32], intercept: float, terms: NDArray[np.int64]) -> float:
    """Log-odds of the linear part: sum of coefficients over the square root of their number."""
    if len(terms) == 0:
        return intercept
    return float(linear[terms].astype(np.float64).sum() / np.sqrt(len(terms))) + intercept


def _fault(path: Path, problem: str) -> InputError:
    return InputError(f"{path}: expected a distilled grader (`preceptor distil`): {problem}")


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """Read the file's arrays and check their types; sizes are checked before unpacking."""
    try:
        if not path.is_file():
            found = "a folder" if path.is_dir() else "nothing"
            raise InputError(f"{path}: expected a distilled grader, found {found}")
        if path.stat().st_size > _MAX_BYTES:
            raise _fault(path, f"it is larger than {_MAX_BYTES >> 20} MB")
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if set(members) != {f"{name}.npy" for name in _ARRAYS}:
                names = ", ".join(sorted(members)[:4])
                raise _fault(path, f"it holds {shorten(names) if names else 'nothing'}")
            if any(member.compress_type not in _COMPRESSIONS for member in members.values()):
                raise _fault(path, "its compression is neither stored nor deflated")
            if sum(member.file_size for member in members.values()) > _MAX_BYTES:
                raise _fault(path, f"unpacked it is larger than {_MAX_BYTES >> 20} MB")
            return {
                name: _array(archive.read(members[f"{name}.npy"]), *kind, path, name)
                for name, kind in _ARRAYS.items()
            }
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise _fault(path, f"it is not a valid zip file ({error})") from None


def _array(content: bytes, kind: str, length: int | None, path: Path, name: str) -> NDArray[Any]:
    """Read one array from its bytes; numpy's header is checked against them, not trusted."""
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError("unknown version of the array format")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream, max_header_size=1000)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise _fault(path, f"{name} is not an array ({shorten(str(error))})") from None
    rest = content[stream.tell() :]
    if dtype.str != kind or fortran or len(shape) != 1 or length not in {None, shape[0]}:
        raise _fault(path, f"{name} has the type {dtype.str} and shape {shape}")
    if shape[0] * dtype.itemsize != len(rest):
        raise _fault(path, f"{name} has {len(rest)} bytes for the shape {shape}")
    return np.frombuffer(rest, dtype=dtype)


def _check_numbers(arrays: dict[str, NDArray[Any]]) -> str | None:
    for name in (
        "idf_words",
        "idf_pairs",
        "idf_characters",
        "linear",
        "intercepts",
        "tree_value",
        "curve_scores",
    ):
        if not (np.abs(arrays[name]) <= _MAX_WEIGHT).all():
            return f"{name} has a value outside ±{_MAX_WEIGHT:g}"
    x, p = arrays["curve_scores"], arrays["curve_probabilities"]
    if len(x) == 0 or len(x) != len(p):
        return "its calibration curve is empty or of unequal lengths"
    if (np.diff(x) <= 0).any() or (np.diff(p) < 0).any() or not ((p >= 0) & (p <= 1)).all():
        return "its calibration curve does not rise within 0 to 1"
    return None
