"""What a query is compared with: the list's titles, and coded mentions where the product has them.

Each *source* gives every code a score for a query. The best of several sources are the candidates,
and their scores, ranks and gaps are features of the reranker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from preceptor.codes.lexical import Coverage, Similar
from preceptor.codes.listing import Listing
from preceptor.codes.maps import Maps, unit
from preceptor.codes.texts import fold, modifiers, wordings

__all__ = ["CANDIDATES", "Candidates", "Exemplars", "Index", "Titles", "candidates"]

Matrix = NDArray[np.float32]
#: Source → how many of its best codes are candidates. ``like`` and ``near`` need exemplars.
CANDIDATES: dict[str, int] = {
    "mapped": 25,
    "characters": 20,
    "titles": 10,
    "plain": 5,
    "words": 0,
    "like": 15,
    "near": 15,
}
#: A code that is lower in a source has this rank there.
LAST_RANK = 200


class Titles:
    """Titles of a list, ready to be compared; nothing in it is trained.

    Parameters
    ----------
    vectors
        The encoder's, of each code's title, (codes, d).
    """

    def __init__(self, codes: Listing, vectors: Matrix) -> None:
        self.codes, self.vectors = codes, vectors
        self.folded = [fold(each) for each in codes.titles]
        self.characters = Similar("characters", self.folded)
        self.words = Similar("words", self.folded)
        self.coverage = Coverage(self.folded)
        self._others = Similar("characters", [fold(text) for _, text in codes.others])
        self._other_rows = np.array([row for row, _ in codes.others], dtype=np.intp)
        self.facts = _facts(codes, self.folded)
        self.modifiers = modifiers(self.folded)

    def lexical(self, folded: Sequence[str]) -> dict[str, Matrix]:
        """Scores of the sources that read no vectors, each (queries, codes)."""
        characters = self.characters.scores(folded)
        found = {"characters": characters, "words": self.words.scores(folded)}
        found["titles"] = characters
        if len(self._other_rows):
            others = self._others.scores(folded)
            found["titles"] = np.maximum(
                characters, _best_by_code(others, self._other_rows, len(self.codes))
            )
        return found


def _facts(codes: Listing, folded: Sequence[str]) -> Matrix:
    """What is known of each code without a query: lengths, relatives, wording."""
    parents = np.array(codes.parents, dtype=np.intp)
    has_children = np.zeros(len(codes), bool)
    has_children[parents[parents >= 0]] = True
    plain_facts = np.array(
        [
            (len(text), text.count(" ") + 1, len(own.replace(".", "")), parent >= 0)
            for text, own, parent in zip(folded, codes.codes, codes.parents, strict=True)
        ],
        dtype=np.float32,
    )
    return np.column_stack([plain_facts, has_children, wordings(folded)]).astype(np.float32)


class Exemplars:
    """Coded mentions in the index.

    Parameters
    ----------
    texts, rows
        Of each mention, and of its code in the list.
    vectors
        The encoder's, (mentions, d).
    """

    def __init__(self, texts: Sequence[str], rows: Sequence[int], vectors: Matrix) -> None:
        folded = [fold(text) for text in texts]
        counted: dict[tuple[str, int], int] = {}
        first: dict[tuple[str, int], int] = {}
        for place, pair in enumerate(zip(folded, rows, strict=True)):
            counted[pair] = counted.get(pair, 0) + 1
            first.setdefault(pair, place)
        # Sorted by code: the best of each code is then a reduction over a slice.
        pairs = sorted(counted, key=lambda pair: (pair[1], pair[0]))
        self.folded = [text for text, _ in pairs]
        self.rows = np.array([row for _, row in pairs], dtype=np.intp)
        self.counts = np.array([counted[pair] for pair in pairs], dtype=np.float32)
        self.vectors = vectors[[first[pair] for pair in pairs]]
        self.characters = Similar("characters", self.folded)
        self.by_text: dict[str, dict[int, float]] = {}
        for (text, row), count in counted.items():
            self.by_text.setdefault(text, {})[row] = float(count)


class Index(NamedTuple):
    """All that a query is compared with.

    Attributes
    ----------
    centred, mapped_length
        The titles' vectors as the encoder sees them, without their mean, and how long each is when
        mapped: a query's product with the mapped ones needs no second matrix.
    near
        The exemplars' vectors, mapped as mentions.
    """

    titles: Titles
    maps: Maps
    centred: Matrix
    mapped_length: Matrix
    exemplars: Exemplars | None
    near: Matrix | None
    frequency: Matrix | None

    @classmethod
    def of(cls, titles: Titles, maps: Maps, exemplars: Exemplars | None = None) -> Index:
        centred = maps.centred(titles.vectors)
        length = np.empty(len(centred), np.float32)
        for start in range(0, len(centred), 8192):
            part = centred[start : start + 8192]
            mapped = part + part @ maps.description.T
            length[start : start + 8192] = np.linalg.norm(mapped, axis=1)
        near = frequency = None
        if exemplars is not None:
            near = maps.of_mentions(exemplars.vectors)
            counted = np.bincount(exemplars.rows, exemplars.counts, len(centred))
            frequency = counted.astype(np.float32)
        # By column: a product with one query is then twice as fast.
        return cls(titles, maps, np.asfortranarray(centred), length, exemplars, near, frequency)

    def scores(self, folded: Sequence[str], vectors: Matrix) -> dict[str, Matrix]:
        """Source → score of every code for every query, (queries, codes).

        Parameters
        ----------
        vectors
            The encoder's, of the queries.
        """
        found = self.titles.lexical(folded)
        plain = self.maps.centred(vectors)
        mapped = unit(plain + plain @ self.maps.mention.T)
        back = mapped + mapped @ self.maps.description  # (I + B) of the titles, from this side
        both = np.concatenate([plain, back]) @ self.centred.T  # the large matrix is read once
        found["plain"] = both[: len(plain)]
        found["mapped"] = both[len(plain) :] / self.mapped_length
        if self.exemplars is not None and self.near is not None:
            size, rows = len(self.centred), self.exemplars.rows
            like = self.exemplars.characters.scores(folded)
            found["like"] = _best_by_code(like, rows, size)
            found["near"] = _best_by_code(mapped @ self.near.T, rows, size)
        return found


def _best_by_code(scores: Matrix, rows: NDArray[np.intp], size: int) -> Matrix:
    """The best score of each code's texts, 0 where it has none; ``rows`` ascend."""
    best = np.zeros((len(scores), size), np.float32)
    if len(rows):
        present, starts = np.unique(rows, return_index=True)
        best[:, present] = np.maximum.reduceat(scores, starts, axis=1)
    return best


class Candidates(NamedTuple):
    """Codes worth a closer look for one query.

    Attributes
    ----------
    rows
        Of the codes, ascending.
    scores, ranks
        Source → of each of them; ranks from 0, ``LAST_RANK`` where it is lower.
    best
        Source → the best score of any code.
    """

    rows: NDArray[np.intp]
    scores: dict[str, Matrix]
    ranks: dict[str, Matrix]
    best: dict[str, float]


def candidates(scores: dict[str, Matrix]) -> list[Candidates]:
    """The candidates of each query, from the scores of all sources."""
    count = len(next(iter(scores.values())))
    size = next(iter(scores.values())).shape[1]
    kept = min(LAST_RANK, size)
    tops = {
        name: np.argpartition(matrix, size - kept, axis=1)[:, size - kept :]
        for name, matrix in scores.items()
    }
    found = []
    for query in range(count):
        chosen, lists = [], {}
        for name, matrix in scores.items():
            some = tops[name][query]
            own = matrix[query, some]
            order = np.lexsort((some, -own))  # ties by code
            lists[name] = own[order]
            best = some[order[: CANDIDATES[name]]]
            chosen.append(best[matrix[query, best] > 0])
        rows = np.unique(np.concatenate(chosen))
        at = {name: matrix[query, rows] for name, matrix in scores.items()}
        ranks = {
            name: np.searchsorted(-lists[name], -values).astype(np.float32)
            for name, values in at.items()
        }
        best_of = {name: float(values[0]) for name, values in lists.items()}
        found.append(Candidates(rows, at, ranks, best_of))
    return found
