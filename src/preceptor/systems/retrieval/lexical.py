"""Retrieval by words: BM25 and TF-IDF, each by a library."""

from __future__ import annotations

import asyncio
import re
from array import array
from importlib.metadata import version
from typing import Any

from preceptor.corpora import Corpus
from preceptor.installation import MissingExtra
from preceptor.records.ranked import Ranked
from preceptor.systems.retrieval.base import Retriever, best_of

__all__ = ["BM25", "TfIdf"]

#: One-letter words and digits stay: "hepatitis B", "type 2".
_WORDS = re.compile(r"\w+")
_K1, _B = 1.5, 0.75


class BM25(Retriever):
    """BM25 in Lucene's form, by ``bm25s``: without stop words or stemming."""

    def __init__(self) -> None:
        try:
            import bm25s
        except ImportError:
            raise MissingExtra("bm25: needs bm25s", "retrieval") from None
        self._index = bm25s.BM25(method="lucene", k1=_K1, b=_B)
        self._numbers: dict[str, int] = {}
        self.identity = {"bm25": [_K1, _B], "bm25s": version("bm25s")}

    async def prepare(self, corpus: Corpus) -> None:
        self._corpus = corpus
        await asyncio.to_thread(self._build)

    def _build(self) -> None:
        numbers = self._numbers
        rows = []
        for text in self._corpus.texts():
            words = (numbers.setdefault(word, len(numbers)) for word in _words(text))
            rows.append(array("i", words))  # a list of whole numbers takes twice the memory
        if numbers:
            self._index.scores = self._index.build_index_from_ids(
                list(numbers.values()), rows, show_progress=False
            )

    async def search(self, query: str, depth: int) -> list[Ranked]:
        known = [
            number for word in _words(query) if (number := self._numbers.get(word)) is not None
        ]
        if not known:
            return []
        return best_of(self._index.get_scores_from_ids(known), self._corpus, depth, above=0.0)


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())


#: What an address may say behind ``tfidf:`` → how a text is taken apart.
_PARTS: dict[str, dict[str, Any]] = {
    "words": {"analyzer": "word", "token_pattern": r"\w+"},
    "characters": {"analyzer": "char_wb", "ngram_range": (3, 5)},
}


class TfIdf(Retriever):
    """TF-IDF by scikit-learn: accents folded, sublinear, cosine.

    Parameters
    ----------
    parts
        ``words``, or ``characters`` for sequences of 3 to 5 within words.
    """

    KINDS = tuple(_PARTS)

    def __init__(self, parts: str = "words") -> None:
        try:
            import numpy as np
            from sklearn.feature_extraction.text import TfidfVectorizer
        except ImportError:
            raise MissingExtra("tfidf: needs scikit-learn", "retrieval") from None
        self._vectorizer = TfidfVectorizer(
            strip_accents="unicode", sublinear_tf=True, dtype=np.float32, **_PARTS[parts]
        )
        self.identity = {"tfidf": parts, "scikit-learn": version("scikit-learn")}

    async def prepare(self, corpus: Corpus) -> None:
        self._corpus = corpus
        await asyncio.to_thread(self._build)

    def _build(self) -> None:
        try:
            # By term: a query looks at the columns of its own terms alone.
            self._terms = self._vectorizer.fit_transform(self._corpus.texts()).T.tocsr()
        except ValueError:  # no text has a term
            self._terms = None

    async def search(self, query: str, depth: int) -> list[Ranked]:
        if self._terms is None:
            return []
        scores = (self._vectorizer.transform([query]) @ self._terms).toarray()[0]
        return best_of(scores, self._corpus, depth, above=0.0)
