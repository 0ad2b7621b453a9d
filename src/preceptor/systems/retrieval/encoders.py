"""What turns texts into vectors: an ONNX model in a folder, an endpoint's ``/v1/embeddings``."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.errors import EndpointError, InputError
from preceptor.files import file_sha256
from preceptor.systems.base import System
from preceptor.systems.encoder import Encoder, window
from preceptor.systems.http_model import HttpModel
from preceptor.systems.retrieval.dense import Kind, LocalEncoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Endpoint", "Folder"]

#: Texts of one request: what OpenAI takes is 2,048, other servers less.
_TEXTS = 64
_BATCH = 32
#: Ways of pooling that are computed here, as files before and since sentence-transformers 6 say.
_POOLINGS = {
    "cls": "cls",
    "mean": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
}
#: What may follow: vectors are scaled to length 1 in any case.
_MODULES = ("Transformer", "Pooling", "Normalize")


class Folder(LocalEncoder):
    """An encoder in a folder: ``model.onnx``, ``tokenizer.json``.

    How its token vectors become one, and what stands before a query and a passage, is read from
    ``1_Pooling/config.json`` and ``config_sentence_transformers.json``, as Sentence Transformers
    writes them; without these it is the mean, and nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._encoder = Encoder(folder, called=f"encoder:{folder}")
        prompts: Any = _settings(folder / "config_sentence_transformers.json").get("prompts")
        prompts = prompts if isinstance(prompts, dict) else {}
        self._before: dict[Kind, str] = {
            "query": str(prompts.get("query") or ""),
            "passage": str(prompts.get("passage") or prompts.get("document") or ""),
        }
        self._first = _pooling(folder, any(self._before.values())) == "cls"
        self.identity: dict[str, Any] = {
            # A large model has its weights in files beside it.
            "model": [file_sha256(file) for file in sorted(folder.glob("model.onnx*"))],
            "tokens": window(folder),
            "tokenizer": file_sha256(folder / "tokenizer.json"),
            "pooling": "first" if self._first else "mean",
            "prompts": dict(self._before),
        }

    def encoded(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        """In batches of texts of about one length: little is spent on padding."""
        import numpy as np

        texts = [self._before[kind] + text for text in texts]
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        parts = [
            self._encoder.pooled(
                [texts[place] for place in order[start : start + _BATCH]], self._first
            )
            for start in range(0, len(order), _BATCH)
        ]
        made = np.empty((len(texts), parts[0].shape[1]), dtype=np.float32)
        made[order] = np.concatenate(parts)
        return _of_length_1(made)


def _pooling(folder: Path, prompted: bool) -> str:
    """``cls`` or ``mean``. Raises InputError for a folder that says something else."""
    said = _settings(folder / "1_Pooling" / "config.json")
    modes = said.get("pooling_mode")
    names = [modes] if isinstance(modes, str) else list(modes or ())
    names += [key for key, on in said.items() if key.startswith("pooling_mode_") and on is True]
    known = {_POOLINGS.get(str(name)) for name in names} or {"mean"}
    if len(known) > 1 or None in known:
        raise InputError(
            f"encoder:{folder}: pools by {', '.join(map(str, names))}: expected cls or mean"
        )
    if prompted and said.get("include_prompt") is False:
        raise InputError(f"encoder:{folder}: pools without the prompt: expected with it")
    modules = _settings(folder / "modules.json", list)
    kinds = [str(each.get("type")).rpartition(".")[2] for each in modules if isinstance(each, dict)]
    if others := [kind for kind in kinds if kind not in _MODULES]:
        raise InputError(
            f"encoder:{folder}: has a module {others[0]}: with model.onnx expected "
            f"{', '.join(_MODULES)} alone"
        )
    return str(known.pop())


def _settings(path: Path, kind: type[Any] = dict) -> Any:
    """What a file holds, as a dict or a list; an empty one where there is no file."""
    try:
        found = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        return kind()
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from None
    return found if isinstance(found, kind) else kind()


class _Item(msgspec.Struct):
    index: int
    embedding: list[float]


class _Reply(msgspec.Struct):
    data: list[_Item]


class Endpoint:
    """``/v1/embeddings`` of OpenAI, and of all that speak as it does."""

    def __init__(self, model: HttpModel) -> None:
        self.model: System | None = model
        self._endpoint, self._name = model.endpoint, model.model
        self._extra = model.parameters.extra_body or {}
        self.identity: dict[str, Any] = model.identity()

    async def encode(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        import numpy as np

        starts = range(0, len(texts), _TEXTS)
        made = []
        # A few requests at once: the endpoint itself finds out how many pay.
        for first in range(0, len(starts), 8):
            some = [
                self._post(texts[start : start + _TEXTS]) for start in starts[first : first + 8]
            ]
            made += await asyncio.gather(*some)
        if len({part.shape[1] for part in made}) != 1:
            raise EndpointError("malformed", f"{self._name}: vectors are of several lengths")
        return _of_length_1(np.concatenate(made))

    async def _post(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        def parse(body: bytes) -> NDArray[np.float32]:
            items = sorted(msgspec.json.decode(body, type=_Reply).data, key=lambda each: each.index)
            if [each.index for each in items] != list(range(len(texts))):
                raise ValueError(f"expected {len(texts)} vectors, found {len(items)}")
            if len({len(each.embedding) for each in items}) != 1 or not items[0].embedding:
                raise ValueError("expected vectors of one length")
            if not all(math.isfinite(value) for each in items for value in each.embedding):
                raise ValueError("expected finite numbers")
            return np.array([each.embedding for each in items], dtype=np.float32)

        # An empty text is refused.
        payload = {
            "model": self._name,
            "input": [text or " " for text in texts],
            "encoding_format": "float",
            **self._extra,
        }
        vectors, _ = await self._endpoint.post("/embeddings", payload, parse)
        return vectors


def _of_length_1(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32, copy=False)
