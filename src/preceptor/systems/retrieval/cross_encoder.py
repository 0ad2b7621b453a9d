"""Passages in the order of a cross-encoder, which reads each together with the query."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from preceptor.corpora import Corpus
from preceptor.errors import InputError
from preceptor.files import file_sha256
from preceptor.records.ranked import Ranked, in_order
from preceptor.systems.base import System
from preceptor.systems.encoder import opened, run, window

__all__ = ["CrossEncoder", "OnnxPairs", "Pairs"]

_BATCH = 32


class Pairs(Protocol):
    """What gives a query and a passage one number: more is better."""

    @property
    def identity(self) -> dict[str, Any]:
        """All that the number depends on beside the texts."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """One for each text. Several threads may call it."""


class CrossEncoder:
    """The second stage of a search: documents that another retriever has found, in a new order."""

    model: System | None = None

    def __init__(self, pairs: Pairs) -> None:
        self.pairs, self.identity = pairs, pairs.identity

    def another(self) -> CrossEncoder:
        return CrossEncoder(self.pairs)

    def use(self, corpus: Corpus) -> None:
        self._corpus = corpus

    async def rescored(self, query: str, ids: Sequence[str]) -> list[Ranked]:
        places = [place for id in ids if (place := self._corpus.place(id)) is not None]
        if not places:
            return []
        texts = list(self._corpus.texts(places))
        scores = await asyncio.to_thread(self.pairs.scores, query, texts)
        found = zip(places, scores, strict=True)
        return in_order(Ranked(self._corpus.ids[place], score) for place, score in found)

    async def close(self) -> None:
        """Nothing is open."""


class OnnxPairs:
    """A cross-encoder in a folder: ``model.onnx``, whose output is one number, ``tokenizer.json``.

    A pair that is longer than the model reads at once is cut at the end of the passage.
    """

    def __init__(self, folder: Path) -> None:
        called = f"rerank:…,{folder}"
        self._model, self._tokenizer = opened(folder, called)
        self._tokenizer.enable_truncation(window(folder), strategy="only_second")
        self._takes = {each.name for each in self._model.get_inputs()}
        shape = self._model.get_outputs()[0].shape
        if len(shape) != 2 or shape[1] != 1:
            raise InputError(
                f"{called}: expected a cross-encoder with one number for a pair (batch, 1), found "
                f"an output of {len(shape)} axes, {shape[-1]} in the last"
            )
        self.identity: dict[str, Any] = {
            "cross-encoder": [file_sha256(file) for file in sorted(folder.glob("model.onnx*"))],
            "tokens": window(folder),
            "tokenizer": file_sha256(folder / "tokenizer.json"),
        }

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        query = query.encode("utf-8", "replace").decode()
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        scores = [0.0] * len(texts)
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            rows = [
                self._tokenizer.encode(query, texts[place].encode("utf-8", "replace").decode())
                for place in some
            ]
            made, _ = run(self._model, rows, self._takes)
            for place, score in zip(some, made[:, 0].tolist(), strict=True):
                scores[place] = score
        return scores
