"""Several retrievers as one: lists joined by rank, and a list put into another's order."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from preceptor.corpora import Corpus
from preceptor.records.ranked import Ranked, in_order
from preceptor.systems.retrieval.base import Retriever
from preceptor.systems.retrieval.cross_encoder import CrossEncoder
from preceptor.systems.retrieval.dense import Dense

__all__ = ["Hybrid", "Reranked"]

_K = 60
#: Documents that a second retriever puts in order.
_RERANKED = 100


class Hybrid(Retriever):
    """Reciprocal rank fusion: a document earns 1 / (60 + rank) from each list that has it.

    Cormack, Clarke & Büttcher 2009 (SIGIR), whose constant is 60.
    """

    def __init__(self, members: Sequence[Retriever]) -> None:
        self.members = members
        self.model = next((each.model for each in members if each.model is not None), None)
        self.identity = {"hybrid": [each.identity for each in members], "k": _K}

    def another(self) -> Hybrid:
        return Hybrid([each.another() for each in self.members])

    async def prepare(self, corpus: Corpus) -> None:
        for member in self.members:
            await member.prepare(corpus)

    async def search(
        self, query: str, depth: int, within: Collection[str] | None = None
    ) -> list[Ranked]:
        earned: dict[str, float] = {}
        for member in self.members:
            found = await member.search(query, depth, within)
            for rank, each in enumerate(found, start=1):
                earned[each.id] = earned.get(each.id, 0.0) + 1 / (_K + rank)
        return in_order(Ranked(id, score) for id, score in earned.items())[:depth]

    async def close(self) -> None:
        for member in self.members:
            await member.close()


class Reranked(Retriever):
    """The first hundred documents of a retriever in the order of an encoder or cross-encoder.

    The others follow in their order, with scores below those: what was found is not lost.
    """

    def __init__(self, first: Retriever, second: Dense | CrossEncoder) -> None:
        self.first, self.second = first, second
        self.model = second.model if first.model is None else first.model
        both = [first.identity, second.identity]
        self.identity = {"rerank": both, "documents": _RERANKED}

    def another(self) -> Reranked:
        return Reranked(self.first.another(), self.second.another())

    async def prepare(self, corpus: Corpus) -> None:
        await self.first.prepare(corpus)
        self.second.use(corpus)

    async def search(
        self, query: str, depth: int, within: Collection[str] | None = None
    ) -> list[Ranked]:
        found = await self.first.search(query, depth, within)
        top = await self.second.rescored(query, [each.id for each in found[:_RERANKED]])
        lowest = min((each.score for each in top), default=0.0)
        rest = found[_RERANKED:]
        return [*top, *(Ranked(each.id, lowest - place) for place, each in enumerate(rest, 1))]

    async def close(self) -> None:
        await self.first.close()
        await self.second.close()
