"""Similarity of character sequences and of words between a query and many texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from preceptor.codes.texts import stems
from preceptor.systems.retrieval.lexical import vectorizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Coverage", "Similar"]


class Similar:
    """TF-IDF as the retriever ``tfidf`` has it: accents folded, sublinear, cosine.

    Parameters
    ----------
    parts
        ``words`` or ``characters``.
    """

    def __init__(self, parts: str, texts: Sequence[str]) -> None:
        import numpy as np

        self._size = len(texts)
        made = vectorizer(parts)
        self._analyze = made.build_analyzer()
        try:
            # By term: a query looks at the texts of its own terms alone.
            self._terms: Any = made.fit_transform(texts).T.tocsr()
        except ValueError:  # no text has a term
            self._vocabulary: dict[str, int] = {}
            return
        self._vocabulary, self._idf = made.vocabulary_, np.asarray(made.idf_, np.float64)

    def scores(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """Cosines, (queries, texts)."""
        import numpy as np

        found = np.zeros((len(queries), self._size), np.float32)
        for place, query in enumerate(queries):
            counts = Counter(self._analyze(query))
            known = {
                number: count
                for term, count in counts.items()
                if (number := self._vocabulary.get(term)) is not None
            }
            if known:
                found[place] = self._cosines(list(known), list(known.values()))
        return found

    def _cosines(self, terms: list[int], counts: list[int]) -> NDArray[np.float64]:
        """As ``transform`` and a product of sparse matrices give them, in a tenth of the time."""
        import numpy as np

        weights = (1 + np.log(counts)) * self._idf[terms]
        weights /= np.sqrt(weights @ weights)
        matrix, ends = self._terms, self._terms.indptr
        parts = [slice(ends[term], ends[term + 1]) for term in terms]
        texts = np.concatenate([matrix.indices[part] for part in parts])
        values = np.concatenate([matrix.data[part] for part in parts])
        values = values * np.repeat(weights, [part.stop - part.start for part in parts])
        whole: NDArray[np.float64] = np.bincount(texts, values, self._size).astype(np.float64)
        return whole


class Coverage:
    """How much of one text's rare stems are in another."""

    def __init__(self, folded: Sequence[str]) -> None:
        import numpy as np

        self._stems = [frozenset(stems(text)) for text in folded]
        counts: dict[str, int] = {}
        for each in self._stems:
            for stem in each:
                counts[stem] = counts.get(stem, 0) + 1
        self._unknown = float(np.log(len(folded) + 1))
        self._weights = {
            stem: float(np.log((len(folded) + 1) / (count + 1))) for stem, count in counts.items()
        }
        self._totals = [sum(map(self._weight, each)) for each in self._stems]

    def both_ways(self, folded: str, rows: Sequence[int]) -> list[tuple[float, float]]:
        """For each text of these rows: share of the query's stems in it, share of its in the query.

        Shares are of the inverse document frequencies; 0 where there is no stem.
        """
        asked = frozenset(stems(folded))
        total = sum(map(self._weight, asked))
        found = []
        for row in rows:
            common = sum(map(self._weight, asked & self._stems[row]))
            own = self._totals[row]
            found.append((common / total if total else 0.0, common / own if own else 0.0))
        return found

    def _weight(self, stem: str) -> float:
        return self._weights.get(stem, self._unknown)
