"""How good a ranking of codes is: MRR@10 and recall, with intervals by document.

*New strings* and *unseen codes* stand beside *all* everywhere: most mentions of a hospital repeat
what somebody coded before, and a search is then a look-up.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.codes.index import Index, Matrix
from preceptor.codes.lexical import Similar
from preceptor.codes.listing import Mention
from preceptor.codes.texts import fold
from preceptor.codes.training import Mask, examine
from preceptor.distil.trees import Trees
from preceptor.statistics.bootstrap import resampled_means

__all__ = ["SLICES", "Measured", "floor_ranks", "measured", "model_ranks", "rank_in", "slices"]

#: A code that is not found, or lower than any that counts.
NOT_FOUND = 10**6
SLICES = ("all", "seen code", "new string", "unseen code")
_DRAWS = 1000
_AT_ONCE = 256
Interval = tuple[float, float]
Ranks = NDArray[np.intp]


class Measured(msgspec.Struct, frozen=True):
    """Figures of one slice of the mentions whose code is in the list.

    Attributes
    ----------
    mrr, mrr_ci95
        Mean of 1 / rank of the right code, 0 below rank 10.
    recall_1, recall_5, recall_10
        Share of mentions whose code is that high.
    floor, above_floor, above_floor_ci95
        MRR@10 of character TF-IDF alone, and the difference to it.
    """

    slice: str
    mentions: int
    documents: int
    mrr: float
    mrr_ci95: Interval
    recall_1: float
    recall_5: float
    recall_10: float
    floor: float
    above_floor: float
    above_floor_ci95: Interval


def rank_in(rows: NDArray[np.intp], scores: NDArray[np.floating], gold: int) -> int:
    """Rank of a code among candidates, from 0; ties by code."""
    own = scores[rows == gold]
    if not len(own):
        return NOT_FOUND
    return int((scores > own[0]).sum() + ((scores == own[0]) & (rows < gold)).sum())


def model_ranks(
    index: Index, trees: Trees, folded: Sequence[str], vectors: Matrix, gold: Sequence[int]
) -> Ranks:
    """Rank of each query's own code in the search."""
    ranks = np.full(len(folded), NOT_FOUND, np.intp)
    for part in examine(index, folded, vectors, range(len(folded))):
        if len(part.rows):
            scores = trees.total(part.features.astype(np.float64))
            ranks[part.place] = rank_in(part.rows, scores, gold[part.place])
    return ranks


def floor_ranks(characters: Similar, folded: Sequence[str], gold: Sequence[int]) -> Ranks:
    """Rank of each query's own code by character TF-IDF over the titles alone."""
    ranks = np.empty(len(folded), np.intp)
    for start in range(0, len(folded), _AT_ONCE):
        scores = characters.scores(folded[start : start + _AT_ONCE])
        for place, row in enumerate(scores, start):
            ranks[place] = rank_in(np.arange(len(row)), row, gold[place])
    return ranks


def slices(
    mentions: Sequence[Mention], texts: Container[str], codes: Container[str]
) -> dict[str, Mask]:
    """Which mentions are in each of ``SLICES``.

    Parameters
    ----------
    texts, codes
        What the training had; texts are folded.
    """
    seen = np.array([each.code in codes for each in mentions], bool)
    new = np.array([fold(each.text) not in texts for each in mentions], bool)
    return dict(zip(SLICES, (np.ones(len(mentions), bool), seen, new, ~seen), strict=True))


def measured(
    ranks: Ranks, floor: Ranks, documents: Sequence[str], parts: dict[str, Mask]
) -> Iterator[Measured]:
    """Figures of each slice that is not empty; intervals from 1,000 draws of documents."""
    _, clusters = np.unique(list(documents), return_inverse=True)
    gain, base = _reciprocal(ranks), _reciprocal(floor)
    for name, part in parts.items():
        if not part.any():
            continue
        values = np.column_stack([gain, gain - base])[part]
        drawn = resampled_means(values, clusters=clusters[part], resamples=_DRAWS)
        low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
        own = ranks[part]
        yield Measured(
            slice=name,
            mentions=int(part.sum()),
            documents=len(np.unique(clusters[part])),
            mrr=float(gain[part].mean()),
            mrr_ci95=(float(low[0]), float(high[0])),
            recall_1=float((own < 1).mean()),
            recall_5=float((own < 5).mean()),
            recall_10=float((own < 10).mean()),
            floor=float(base[part].mean()),
            above_floor=float((gain - base)[part].mean()),
            above_floor_ci95=(float(low[1]), float(high[1])),
        )


def _reciprocal(ranks: Ranks) -> NDArray[np.float64]:
    return np.where(ranks < 10, 1.0 / (1.0 + ranks), 0.0)


class Evaluation(msgspec.Struct, frozen=True):
    """A search on coded mentions.

    Attributes
    ----------
    given, covered
        Mentions in the files, and those whose very code is in the index: only these are scored.
    coverage
        Share of them.
    """

    product: str
    index: str
    codes: int
    given: int
    covered: int
    coverage: float
    slices: list[Measured]
