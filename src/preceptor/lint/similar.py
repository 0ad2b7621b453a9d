"""Rule on duplicate and nearly duplicate rows."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from preceptor.lint.rows import Finding, Row, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SHINGLE", "SIMILAR", "alike", "duplicates", "similarity"]

#: Characters of a shingle.
SHINGLE = 5
#: Jaccard similarity from which two texts are near-duplicates.
SIMILAR = 0.8
#: At 0.8 a pair shares a band with probability 1 − (1 − 0.8⁵)²⁵ > 0.9999.
_BANDS, _ROWS = 25, 5
#: Limit of earlier rows compared with one row; only files of one template exceed it.
_MAX_COMPARED = 200
#: Texts of fewer words are compared by their characters alone.
_FEW_WORDS = 5
_PRIME = (1 << 31) - 1


def duplicates(rows: Sequence[Row]) -> Iterator[Finding]:
    """``duplicate`` and ``near-duplicate``: a question that an earlier row asks, exactly or nearly.

    Case, punctuation and spacing are ignored. Near-duplicates have a Jaccard similarity of at least
    0.8 between their sets of 5-character shingles (Broder 1997, doi:10.1109/SEQUEN.1997.666900).
    Candidates come from minhash in 25 bands of 5; the reported similarity is exact.
    """
    first: dict[str, Row] = {}
    unlike: list[tuple[Row, str]] = []
    for row in rows:
        text = words(row.asked)
        earlier = first.setdefault(text, row)
        if earlier is row:
            unlike.append((row, text))
        else:
            yield row.finding("duplicate", f"same question as line {earlier.line}")
    yield from _near_duplicates(unlike)


def similarity(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Jaccard similarity of two sorted sets of shingles, 0 to 1."""
    import numpy as np

    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)


def alike(texts: Sequence[str], least: float) -> Iterator[tuple[int, int, float]]:
    """Pairs of a few texts whose similarity is ``least`` or more: both indices, the similarity.

    For a rubric: the pairs that share a fair part of their words are compared, apart from those
    whose lengths rule it out. A text of few spaces, such as Chinese, is compared with all.
    """
    spoken = [set(text.split()) for text in texts]
    sets: dict[int, set[str]] = {}
    for one, few in enumerate(spoken):
        for other in range(one + 1, len(spoken)):
            lengths = sorted((len(texts[one]), len(texts[other])))
            shared = len(few & spoken[other])
            all_words = len(few) + len(spoken[other]) - shared
            spaced = min(len(few), len(spoken[other])) >= _FEW_WORDS
            # Shingles repeat, so lengths alone are a rough bound.
            if lengths[0] < least * lengths[1] / 2 or (spaced and shared < least * all_words / 2):
                continue
            for each in (one, other):
                if each not in sets:
                    sets[each] = _pieces(texts[each])
            common = len(sets[one] & sets[other])
            found = common / (len(sets[one]) + len(sets[other]) - common)
            if found >= least:
                yield one, other, found


def _pieces(text: str) -> set[str]:
    return {text[i : i + SHINGLE] for i in range(max(1, len(text) - SHINGLE + 1))}


def _near_duplicates(texts: Sequence[tuple[Row, str]]) -> Iterator[Finding]:
    import numpy as np

    rng = np.random.default_rng(0)
    factors = rng.integers(1, _PRIME, size=(_BANDS * _ROWS, 1), dtype=np.int64)
    offsets = rng.integers(0, _PRIME, size=(_BANDS * _ROWS, 1), dtype=np.int64)
    buckets: dict[bytes, list[int]] = defaultdict(list)
    known: list[NDArray[np.int64]] = []
    for number, (row, text) in enumerate(texts):
        shingles = _shingles(text)
        least = ((shingles * factors + offsets) % _PRIME).min(axis=1)
        bands = [
            bytes([band]) + least[band * _ROWS : (band + 1) * _ROWS].tobytes()
            for band in range(_BANDS)
        ]
        candidates = dict.fromkeys(earlier for band in bands for earlier in buckets[band])
        for earlier in list(candidates)[:_MAX_COMPARED]:
            found = similarity(known[earlier], shingles)
            if found >= SIMILAR:
                line = texts[earlier][0].line
                problem = f"nearly the same question as line {line} (similarity {found:.2f})"
                yield row.finding("near-duplicate", problem)
                break
        known.append(shingles)
        for band in bands:
            buckets[band].append(number)


def _shingles(text: str) -> NDArray[np.int64]:
    """Sorted set of shingles, each as a number below 2³¹ − 1; a short text is one shingle."""
    import numpy as np

    count = max(1, len(text) - SHINGLE + 1)
    marks = {zlib.crc32(text[i : i + SHINGLE].encode("utf-8", "replace")) for i in range(count)}
    return np.unique(np.fromiter(marks, dtype=np.int64, count=len(marks)) % _PRIME)
