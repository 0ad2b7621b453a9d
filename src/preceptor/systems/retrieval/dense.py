"""Retrieval by vectors: the documents whose vectors are nearest to the query's."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from preceptor.corpora import Corpus
from preceptor.records.ranked import Ranked, in_order
from preceptor.systems.base import System
from preceptor.systems.retrieval.base import Retriever, best_of
from preceptor.systems.retrieval.nearest import EXACT, Nearest, require
from preceptor.systems.retrieval.vectors import Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Dense", "Kind", "LocalEncoder", "TextEncoder"]

Kind = Literal["query", "passage"]
#: Texts that are encoded, and kept, at once.
_AT_ONCE = 2048
#: Bytes of vectors that stay in memory; more are read in blocks for each query.
_IN_MEMORY = 512 * 2**20


class TextEncoder(Protocol):
    """What turns texts into vectors of length 1."""

    model: System | None

    @property
    def identity(self) -> dict[str, Any]:
        """All that vectors depend on beside the text."""

    async def encode(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        """(texts, dimensions); raises EndpointError."""


class LocalEncoder:
    """An encoder on this machine, which nothing need be awaited for."""

    model: System | None = None
    identity: dict[str, Any]

    def encoded(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        """As ``encode``, here and now. Several threads may call it."""
        raise NotImplementedError

    async def encode(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        return await asyncio.to_thread(self.encoded, texts, kind)


class Dense(Retriever):
    """Search by cosine, over vectors that are kept by model and text.

    Exact where the corpus has up to ``EXACT`` documents. In a larger one usearch proposes about as
    many as are asked for, whose cosines are then computed as everywhere.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self.encoder, self.model = encoder, encoder.model
        self.identity = {"encoder": encoder.identity, "exact": EXACT}
        self._rows: NDArray[np.int64] | None = None
        self._matrix: NDArray[np.float32] | None = None
        self._nearest: Nearest | None = None

    def another(self) -> Dense:
        return Dense(self.encoder)

    def use(self, corpus: Corpus) -> None:
        """Search in this corpus, whose documents are encoded when they are needed."""
        self._corpus = corpus
        self._vectors = Vectors(self.encoder.identity, half=True)

    async def prepare(self, corpus: Corpus) -> None:
        import numpy as np

        self.use(corpus)
        if len(corpus) > EXACT:
            require(len(corpus))
        rows = []
        texts = corpus.texts()
        while part := list(itertools.islice(texts, _AT_ONCE)):
            rows.append(await self._kept(part, "passage"))
        self._rows = np.concatenate(rows)
        if len(corpus) > EXACT:
            self._nearest = await asyncio.to_thread(Nearest, self._vectors, self._rows)
        elif len(corpus) * self._vectors.dimensions * 4 <= _IN_MEMORY:
            self._matrix = self._vectors.at(self._rows)

    async def search(
        self, query: str, depth: int, within: Collection[str] | None = None
    ) -> list[Ranked]:
        assert self._rows is not None
        wanted = self._vectors.at(await self._kept([query], "query"))[0]
        return await asyncio.to_thread(self._best, wanted, depth, within)

    def _best(
        self, wanted: NDArray[np.float32], depth: int, within: Collection[str] | None
    ) -> list[Ranked]:
        assert self._rows is not None
        if within is not None:
            return self._scored(wanted, within)[:depth]
        if self._nearest is None:
            made = self._matrix
            scores = self._vectors.products(self._rows, wanted) if made is None else made @ wanted
            return best_of(scores, self._corpus, depth)
        places = self._nearest.places(wanted, depth)
        scores = self._vectors.products(self._rows[places], wanted)
        found = zip(places.tolist(), scores.tolist(), strict=True)
        return in_order(Ranked(self._corpus.ids[place], score) for place, score in found)[:depth]

    def _scored(self, wanted: NDArray[np.float32], ids: Collection[str]) -> list[Ranked]:
        import numpy as np

        assert self._rows is not None
        known = {place: id for id in ids if (place := self._corpus.place(id)) is not None}
        rows = self._rows[np.array(list(known), np.intp)]
        scores = self._vectors.products(rows, wanted).tolist()
        return in_order(map(Ranked, known.values(), scores))

    async def rescored(self, query: str, ids: Sequence[str]) -> list[Ranked]:
        """These documents in the order of their vectors."""
        places = [place for id in ids if (place := self._corpus.place(id)) is not None]
        if not places:
            return []
        wanted = self._vectors.at(await self._kept([query], "query"))[0]
        rows = await self._kept(list(self._corpus.texts(places)), "passage")
        scores = self._vectors.products(rows, wanted)
        found = zip(places, scores.tolist(), strict=True)
        return in_order(Ranked(self._corpus.ids[place], score) for place, score in found)

    async def _kept(self, texts: Iterable[str], kind: Kind) -> NDArray[np.int64]:
        """The rows of texts among the vectors; missing texts are encoded first."""
        texts = list(texts)
        keys = [self._vectors.key(kind, text) for text in texts]
        rows = self._vectors.rows(keys)
        lacking = {keys[place]: texts[place] for place in (rows < 0).nonzero()[0].tolist()}
        if lacking:
            made = await self.encoder.encode(list(lacking.values()), kind)
            self._vectors.add(list(lacking), made)
            rows = self._vectors.rows(keys)
        return rows
