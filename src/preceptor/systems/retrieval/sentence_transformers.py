"""Models that Sentence Transformers runs, with torch: encoders and cross-encoders in folders."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preceptor.errors import InputError
from preceptor.files import file_sha256
from preceptor.installation import MissingExtra
from preceptor.systems.retrieval.dense import Kind, LocalEncoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SentenceEncoder", "SentencePairs"]

_EXTRA = "sentence-transformers"
#: Endings of files that a model may depend on.
_FILES = (".json", ".safetensors", ".bin", ".model", ".txt")


class SentenceEncoder(LocalEncoder):
    """An encoder that ``SentenceTransformer`` opens, with its pooling, prompts and other modules.

    Nothing is fetched, and no code of the folder is run.
    """

    def __init__(self, folder: Path) -> None:
        self._model = _opened(folder, f"encoder:{folder}", "SentenceTransformer")
        self.identity: dict[str, Any] = _identity(folder)

    def encoded(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        import numpy as np

        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        given = [_whole(text) for text in texts]
        made = encode(given, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(made, np.float32)


class SentencePairs:
    """A cross-encoder that ``CrossEncoder`` opens: one number for a query and a passage."""

    def __init__(self, folder: Path) -> None:
        self._model = _opened(folder, f"rerank:…,{folder}", "CrossEncoder")
        if (labels := self._model.num_labels) != 1:
            raise InputError(
                f"rerank:…,{folder}: expected a cross-encoder with one number for a pair, found "
                f"{labels}"
            )
        self.identity: dict[str, Any] = {"cross-encoder": _identity(folder)}

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        from torch.nn import Identity

        pairs = [(_whole(query), _whole(text)) for text in texts]
        # The raw number: a sigmoid makes the best ones equal in single precision.
        made = self._model.predict(pairs, activation_fn=Identity(), show_progress_bar=False)
        return [float(score) for score in made]


def _opened(folder: Path, called: str, kind: str) -> Any:
    try:
        import sentence_transformers
    except ImportError:
        raise MissingExtra(
            f"{called}: has no model.onnx, and Sentence Transformers is not installed", _EXTRA
        ) from None
    make = getattr(sentence_transformers, kind)
    try:
        return make(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # what torch, transformers and the files' readers raise
        words = " ".join(str(error).split())[:200]
        raise InputError(f"{called}: cannot be read by {kind}: {words}") from None


def _identity(folder: Path) -> dict[str, Any]:
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix in _FILES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    return {
        "sentence-transformers": version("sentence-transformers"),
        "files": {file.relative_to(folder).as_posix(): file_sha256(file) for file in files},
    }


def _whole(text: str) -> str:
    """Without what UTF-8 cannot hold: a lone surrogate."""
    return text.encode("utf-8", "replace").decode()
