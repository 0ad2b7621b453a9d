"""Retrieval by words: BM25 and TF-IDF, each by a library."""

from __future__ import annotations

import asyncio
import re
from array import array
from collections.abc import Collection
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from preceptor.corpora import Corpus
from preceptor.installation import MissingExtra
from preceptor.records.ranked import Ranked
from preceptor.systems.retrieval.base import Retriever, best_of
from preceptor.terminology.texts import fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BM25", "TfIdf", "vectorizer"]

#: One-letter words and digits stay: "hepatitis B", "type 2".
_WORDS = re.compile(r"\w+")
_K1, _B, _METHOD = 1.5, 0.75, "lucene"
#: Documents whose scores are computed at once.
_PART = 50_000


class BM25(Retriever):
    """BM25 in Lucene's form, by ``bm25s``: without stop words or stemming."""

    def __init__(self) -> None:
        try:
            import bm25s
        except ImportError:
            raise MissingExtra("bm25: needs bm25s", "retrieval") from None
        self._index = bm25s.BM25(method=_METHOD, k1=_K1, b=_B)
        self._index.nonoccurrence_array = None  # Lucene's form has none
        self._numbers: dict[str, int] = {}
        self._parts: list[dict[str, Any]] = []
        self.identity = {"bm25": [_K1, _B], "bm25s": version("bm25s")}

    def another(self) -> BM25:
        return BM25()

    async def prepare(self, corpus: Corpus) -> None:
        self._corpus = corpus
        await asyncio.to_thread(self._build)

    def _build(self) -> None:
        """In parts, with the frequencies of the whole corpus: bm25s by itself holds it thrice."""
        import numpy as np

        numbers = self._numbers
        words, ends, documents = array("i"), array("Q", [0]), array("i")
        for text in self._corpus.texts():
            row = [numbers.setdefault(word, len(numbers)) for word in _words(text)]
            documents.extend([0] * (len(numbers) - len(documents)))
            for number in set(row):
                documents[number] += 1
            words.extend(row)
            ends.append(len(words))
        count = len(ends) - 1
        if not numbers:
            return
        idf = _inverse(dict(enumerate(documents)), count)
        average = float(np.diff(np.frombuffer(ends, dtype=np.uint64).astype(np.int64)).mean())
        self._parts.clear()
        for start in reversed(range(0, count, _PART)):
            places = range(start, min(start + _PART, count))
            rows = [words[ends[place] : ends[place + 1]] for place in places]
            self._parts.append(_scored(rows, idf, average))
            del words[ends[start] :]
        self._parts.reverse()

    async def search(
        self, query: str, depth: int, within: Collection[str] | None = None
    ) -> list[Ranked]:
        import numpy as np

        known = [
            number for word in _words(query) if (number := self._numbers.get(word)) is not None
        ]
        if not known:
            return []
        scores = []
        for part in self._parts:
            self._index.scores = part
            scores.append(self._index.get_scores_from_ids(known))
        return best_of(np.concatenate(scores), self._corpus, depth, within, above=0.0)


def _inverse(documents: dict[int, int], count: int) -> NDArray[np.float32]:
    """The inverse document frequency of each word."""
    from bm25s.scoring import _build_idf_array, _select_idf_scorer

    idf: NDArray[np.float32] = _build_idf_array(documents, count, _select_idf_scorer(_METHOD))
    return idf


def _scored(rows: list[array[int]], idf: NDArray[np.float32], average: float) -> dict[str, Any]:
    """The scores of a part of the documents, in the form that bm25s searches in."""
    from bm25s.scoring import _build_scores_and_indices_for_matrix
    from scipy.sparse import csc_matrix

    size = sum(len(set(row)) for row in rows)
    scores, documents, words = _build_scores_and_indices_for_matrix(
        rows, idf, average, {0: size}, _K1, _B, 0.5, None, _METHOD, show_progress=False
    )
    matrix = csc_matrix((scores, (documents, words)), shape=(len(rows), len(idf)))
    return {
        "data": matrix.data,
        "indices": matrix.indices,
        "indptr": matrix.indptr,
        "num_docs": len(rows),
    }


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())


def _plain(text: str) -> str:
    """Words alone, in small letters without accents: no sequence goes over a comma or a bracket."""
    return " ".join(_words(fold(text)))


#: What an address may say behind ``tfidf:`` → how a text is taken apart.
_PARTS: dict[str, dict[str, Any]] = {
    "words": {"analyzer": "word", "token_pattern": r"\w+"},
    "characters": {"analyzer": "char_wb", "ngram_range": (3, 5), "preprocessor": _plain},
}


def vectorizer(parts: str) -> Any:
    """scikit-learn's, not fitted; ``parts`` as :class:`TfIdf` has them."""
    try:
        import numpy as np
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError:
        raise MissingExtra("tfidf: needs scikit-learn", "retrieval") from None
    return TfidfVectorizer(
        strip_accents="unicode", sublinear_tf=True, dtype=np.float32, **_PARTS[parts]
    )


class TfIdf(Retriever):
    """TF-IDF by scikit-learn: accents folded, sublinear, cosine.

    Parameters
    ----------
    parts
        ``words``, or ``characters`` for sequences of 3 to 5 within words.
    """

    KINDS = tuple(_PARTS)

    def __init__(self, parts: str = "words") -> None:
        self._vectorizer = vectorizer(parts)
        self._kind = parts
        kept = {"punctuation": False} if parts == "characters" else {}
        self.identity = {"tfidf": parts, "scikit-learn": version("scikit-learn"), **kept}

    def another(self) -> TfIdf:
        return TfIdf(self._kind)

    async def prepare(self, corpus: Corpus) -> None:
        self._corpus = corpus
        await asyncio.to_thread(self._build)

    def _build(self) -> None:
        try:
            # By term: a query looks at the columns of its own terms alone.
            self._terms = self._vectorizer.fit_transform(self._corpus.texts()).T.tocsr()
        except ValueError:  # no text has a term
            self._terms = None

    async def search(
        self, query: str, depth: int, within: Collection[str] | None = None
    ) -> list[Ranked]:
        if self._terms is None:
            return []
        scores = (self._vectorizer.transform([query]) @ self._terms).toarray()[0]
        return best_of(scores, self._corpus, depth, within, above=0.0)
