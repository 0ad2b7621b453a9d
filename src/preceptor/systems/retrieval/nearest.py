"""Approximate search by usearch: a graph of the vectors in eight bits, kept beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from preceptor.cache import alone, publish, workshop
from preceptor.errors import InputError
from preceptor.installation import MissingExtra
from preceptor.systems.retrieval.vectors import Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["EXACT", "Nearest", "require"]

#: A corpus of more documents is searched by a graph (HNSW, Malkov & Yashunin 2016).
EXACT = 100_000
#: Neighbours of a node, and candidates for them while the graph is made.
_NEIGHBOURS, _CANDIDATES = 16, 64
#: Nodes that are looked at for each document that is asked for.
_LOOKED_AT = 1.5
_BLOCK = 16_384


def require(documents: int) -> None:
    """Raise Unavailable where usearch is missing: before hours of encoding, and not behind them."""
    if find_spec("usearch") is None:
        raise MissingExtra(
            f"{documents:,} documents: more than {EXACT:,} are searched by usearch",
            "retrieval-large",
        )


class Nearest:
    """The places whose vectors are nearest to a query's, nearly all of them.

    Parameters
    ----------
    rows
        Of the corpus's documents among the vectors.
    """

    def __init__(self, vectors: Vectors, rows: NDArray[np.int64]) -> None:
        from usearch.index import Index

        digest = hashlib.blake2b(rows.tobytes(), digest_size=16)
        settings = f"{version('usearch')} {_NEIGHBOURS} {_CANDIDATES}"
        digest.update(settings.encode())
        path = vectors.folder / f"{digest.hexdigest()}.usearch"
        with alone(path):
            if not path.exists():
                made = Index(
                    ndim=vectors.dimensions,
                    metric="cos",
                    dtype="i8",
                    connectivity=_NEIGHBOURS,
                    expansion_add=_CANDIDATES,
                )
                for start, part in _blocks(vectors, rows):
                    made.add(_places(start, len(part)), eight_bits(part), threads=1)
                with workshop(path) as folder:
                    made.save(str(folder / path.name))
                    publish(folder / path.name, path)
                del made
        try:
            self._index: Any = Index.restore(str(path), view=True)
        except Exception as error:  # usearch's are plain ones
            words = " ".join(str(error).split())[:200]
            raise InputError(f"{path}: cannot be read: {words}: remove it") from None
        if self._index is None or len(self._index) != len(rows):
            raise InputError(f"{path}: does not belong to the corpus: remove it")

    def places(self, wanted: NDArray[np.float32], depth: int) -> NDArray[np.int64]:
        """About ``depth`` places in the corpus, the nearest among them, ascending."""
        import numpy as np

        count = min(len(self._index), depth + depth // 10)
        self._index.expansion_search = max(64, int(_LOOKED_AT * depth))
        found = self._index.search(eight_bits(wanted[None])[0], count, threads=1)
        return np.sort(found.keys.astype(np.int64))


def _blocks(vectors: Vectors, rows: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for start in range(0, len(rows), _BLOCK):
        yield start, vectors.at(rows[start : start + _BLOCK])


def _places(start: int, count: int) -> NDArray[np.uint64]:
    import numpy as np

    return np.arange(start, start + count, dtype=np.uint64)


def eight_bits(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Vectors in eight bits, each by its own largest number: the cosine does not mind.

    usearch itself would take a unit vector's numbers, of which the largest are about .2, for parts
    of 1: most of the 255 steps would not be used.
    """
    import numpy as np

    largest = np.abs(vectors).max(axis=1, keepdims=True)
    scaled: NDArray[np.int8] = np.rint(vectors * (127 / np.maximum(largest, 1e-12))).astype(np.int8)
    return scaled
