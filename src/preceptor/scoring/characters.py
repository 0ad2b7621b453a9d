"""How alike two texts are in the characters that they have, whatever their order."""

from __future__ import annotations

import math
from collections import Counter

__all__ = ["alike", "counts"]


def counts(text: str) -> Counter[str]:
    """How often each character is in a text, without case and white space."""
    return Counter("".join(text.lower().split()))


def alike(text: str, other: str) -> tuple[float, float]:
    """Cosine of the counts of characters, and their Jaccard index Σ min / Σ max, each 0 to 1.

    As CHBench computes both (Guo et al. 2024, arXiv:2409.15766). An empty text has 0 and 0.
    """
    one, two = counts(text), counts(other)
    if not one or not two:
        return 0.0, 0.0
    product = sum(count * two[sign] for sign, count in one.items())
    lengths = [sum(count * count for count in each.values()) for each in (one, two)]
    return product / math.sqrt(lengths[0] * lengths[1]), (one & two).total() / (one | two).total()
