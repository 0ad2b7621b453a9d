"""Lists of steps: which of one list are in another, and in what order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.scoring.overlap import words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["ALIKE", "cosines", "lines_of", "order_of", "paired_steps", "word_overlaps"]

#: Two steps are the same from this cosine of their vectors, or F1 of their words.
ALIKE = {"cosine": 0.7, "words": 0.5}
_NUMBER = re.compile(r"^\s*(?:step\s*)?\d+(?:\.\d+)*[.):]?\s*", re.IGNORECASE)


def lines_of(text: str) -> list[str]:
    """The steps of a list, a line each, without their numbers."""
    lines = (_NUMBER.sub("", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def word_overlaps(steps: Sequence[str], others: Sequence[str]) -> Floats:
    """F1 of the different words of each step with each other, shape (steps, others)."""
    ours, theirs = ([set(words(each)) for each in some] for some in (steps, others))
    found = [[2 * len(a & b) / max(len(a) + len(b), 1) for b in theirs] for a in ours]
    return np.array(found, dtype=np.float64).reshape(len(steps), len(others))


def cosines(
    steps: Sequence[NDArray[np.floating]], others: Sequence[NDArray[np.floating]]
) -> Floats:
    """Cosines of the means of the steps' token vectors, shape (steps, others)."""
    ours, theirs = (np.array([each.mean(axis=0) for each in some]) for some in (steps, others))
    lengths = np.linalg.norm(ours, axis=1)[:, None] * np.linalg.norm(theirs, axis=1)
    return np.asarray(ours @ theirs.T / np.where(lengths > 0, lengths, 1), dtype=np.float64)


def paired_steps(likeness: Floats, least: float) -> list[tuple[int, int]]:
    """Pairs, each step in one at most, of the greatest sum of likeness; those below are none."""
    from scipy.optimize import linear_sum_assignment

    kept = np.where(likeness >= least, likeness, 0.0)
    rows, columns = linear_sum_assignment(kept, maximize=True)
    return [(int(a), int(b)) for a, b in zip(rows, columns, strict=True) if kept[a, b] > 0]


def order_of(pairs: Sequence[tuple[int, int]]) -> float | None:
    """Kendall's tau of the order of paired steps, −1 to 1; None for fewer than two pairs."""
    if len(pairs) < 2:
        return None
    from scipy.stats import kendalltau

    return float(kendalltau(*zip(*pairs, strict=True)).statistic)
