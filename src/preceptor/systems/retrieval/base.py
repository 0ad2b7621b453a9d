"""A retriever, and the system that it is under test."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from preceptor.corpora import Corpus, pointed
from preceptor.errors import InputError
from preceptor.records import Completion
from preceptor.records.ranked import DEPTH, Ranked, in_order, ranked_text
from preceptor.systems.base import Ask, System
from preceptor.systems.prices import FREE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Retriever", "RetrieverSystem", "best_of"]


class Retriever:
    """Ranks the documents of a corpus.

    Attributes
    ----------
    identity
        All that its lists depend on beside the corpus, as JSON.
    model
        The endpoint that it asks, where it asks one.
    """

    identity: dict[str, Any]
    model: System | None = None

    def another(self) -> Retriever:
        """The same, for another corpus."""
        raise NotImplementedError

    async def prepare(self, corpus: Corpus) -> None:
        """Make or find the index."""

    async def search(
        self, query: str, depth: int, within: Collection[str] | None = None
    ) -> list[Ranked]:
        """The best documents, in order; of all, or of those whose ids are ``within``."""
        raise NotImplementedError

    async def close(self) -> None:
        if self.model is not None:
            await self.model.close()


class RetrieverSystem(System):
    """A retriever under test: its answer is the table of what it found."""

    reusable = True
    uses_example = True
    may_be_empty = True
    sampled = False
    searches = True
    concurrency = 8

    def __init__(self, address: str, retriever: Retriever) -> None:
        self.address, self.retriever = address, retriever
        model = retriever.model
        # What an endpoint takes for vectors is not counted: so it is not known.
        self.price = FREE if model is None else None
        self.server = None if model is None else model.server
        self._kept = b""
        self._by_corpus: dict[str | None, Retriever] = {}

    def identity(self) -> dict[str, Any]:
        return {"retriever": self.retriever.identity, "depth": DEPTH}

    def furnish(self, materials: bytes) -> None:
        self._kept = materials

    async def open(self) -> None:
        corpora = await asyncio.to_thread(pointed, self._kept) if self._kept else []
        if not corpora:
            raise InputError(f"{self.address}: the benchmark has no corpus to search")
        for corpus in corpora:
            own = self.retriever.another() if self._by_corpus else self.retriever
            await own.prepare(corpus)
            self._by_corpus[corpus.sha256] = own

    async def answer(self, ask: Ask) -> Completion:
        assert ask.example is not None
        target = ask.example.target
        retriever = self._by_corpus[target["corpus"]]
        # The question itself: instructions are for those who read them.
        asked = ask.example.messages[-1].text
        depth = target.get("depth", DEPTH)
        found = await retriever.search(asked, depth, target.get("within"))
        return Completion(ranked_text(found), cost_usd=None if self.price is None else 0.0)

    async def close(self) -> None:
        await self.retriever.close()


def best_of(
    scores: NDArray[np.floating],
    corpus: Corpus,
    depth: int,
    within: Collection[str] | None = None,
    above: float | None = None,
) -> list[Ranked]:
    """The documents with the highest scores, ties at the end by id as everywhere.

    Parameters
    ----------
    scores
        One for each document of the corpus.
    within
        Ids of the documents that count; None for all.
    above
        Only documents with more than this count as found.
    """
    import numpy as np

    if within is None:
        rows = np.arange(len(scores))
    else:
        places = (corpus.place(id) for id in within)
        rows = np.array(sorted(place for place in places if place is not None), np.intp)
    if above is not None:
        rows = rows[scores[rows] > above]
    if len(rows) > depth:
        last = np.partition(scores[rows], len(rows) - depth)[len(rows) - depth]
        rows = rows[scores[rows] >= last]  # more than asked where the last ones tie
    found = (Ranked(corpus.ids[row], float(scores[row])) for row in rows.tolist())
    return in_order(found)[:depth]
