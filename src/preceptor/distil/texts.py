"""Counts of words, word pairs and character n-grams of a text, in numbered buckets.

Words are hashed, so a saved grader contains no text of its benchmark and no word is unknown to it.
The character n-grams serve scripts without spaces.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Buckets = NDArray[np.int64]

__all__ = ["BUCKETS", "Text", "bucket", "characters", "pairs", "sentences", "text", "words"]

#: Buckets per kind, a power of 2. About a tenth of a benchmark's words share a bucket.
BUCKETS = 2**16

_WORD = re.compile(r"\w+")
#: Endings of English words; errors are harmless, since criterion and answer get the same.
_ENDING = re.compile(r"(?:ing|ed|es|s|ly)$")
_SENTENCE = re.compile(r"[.!?。！？]+\s+|\n+")
_NGRAM = 4


class Text(msgspec.Struct, frozen=True):
    """Counts of one text: sorted distinct buckets of each kind with their counts."""

    words: tuple[Buckets, NDArray[np.float64]]
    pairs: tuple[Buckets, NDArray[np.float64]]
    characters: tuple[Buckets, NDArray[np.float64]]


def text(content: str) -> Text:
    """Count a text."""
    found = words(content)
    return Text(_counted(found), _counted(pairs(found)), _counted(characters(content)))


def sentences(content: str, most: int = 60) -> list[str]:
    """Split a text into sentences and lines; neighbours are joined to at most ``most`` parts."""
    parts = [part for part in _SENTENCE.split(content) if part.strip()]
    if len(parts) <= most:
        return parts
    return [" ".join(parts[part[0] : part[-1] + 1]) for part in _split(len(parts), most)]


def _split(n: int, parts: int) -> list[Buckets]:
    return [np.asarray(part) for part in np.array_split(np.arange(n), parts)]


def words(content: str) -> Buckets:
    """Buckets of the words in order, without case and ending."""
    return np.fromiter((bucket(word) for word in _WORD.findall(content.lower())), dtype=np.int64)


@lru_cache(maxsize=200_000)
def bucket(word: str) -> int:
    """Bucket of a lower-case word."""
    stem = _ENDING.sub("", word) if len(word) > 4 else word
    return zlib.crc32(stem.encode("utf-8", "surrogatepass")) % BUCKETS


def pairs(found: Buckets) -> Buckets:
    """Buckets of pairs of neighbouring words."""
    return (found[:-1] * 40_503 + found[1:] * 7 + 1) % BUCKETS


def characters(content: str) -> Buckets:
    """Buckets of all four-character n-grams; white space counts as one blank."""
    flat = " ".join(content.lower().split())
    codes = np.frombuffer(flat.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    if len(codes) < _NGRAM:
        return np.zeros(0, dtype=np.int64)
    mixed = np.zeros(len(codes) - _NGRAM + 1, dtype=np.uint64)
    for shift in range(_NGRAM):
        mixed = mixed * np.uint64(1_000_003) + codes[shift : len(codes) - _NGRAM + 1 + shift]
    mixed ^= mixed >> np.uint64(17)
    return (mixed % np.uint64(BUCKETS)).astype(np.int64)


def _counted(found: Buckets) -> tuple[Buckets, NDArray[np.float64]]:
    distinct, counts = np.unique(found, return_counts=True)
    return distinct, counts.astype(np.float64)
