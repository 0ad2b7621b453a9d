"""How alike two texts are in meaning, by the vectors that an encoder gives their tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["bertscore"]


def bertscore(text: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """F1 of the best matches between the tokens of two texts, 0 to 1.

    Source: Zhang et al. 2020 (BERTScore, arXiv:1904.09675), section 3: precision is the mean over
    the text's tokens of the greatest cosine with a token of the reference, recall the same from
    the reference's side. Neither weighted by rarity nor rescaled. A text without tokens has 0, and
    so has one whose precision and recall are not positive.

    Parameters
    ----------
    text, reference
        Shape (tokens, dimensions); ValueError where the dimensions differ.
    """
    if text.ndim != 2 or reference.ndim != 2 or text.shape[1] != reference.shape[1]:
        raise ValueError(
            "bertscore: expected two arrays (tokens, dimensions) with the same dimensions, "
            f"got {text.shape} and {reference.shape}"
        )
    if not len(text) or not len(reference):
        return 0.0
    cosines = _unit(text) @ _unit(reference).T
    precision, recall = float(cosines.max(axis=1).mean()), float(cosines.max(axis=0).mean())
    if precision <= 0 or recall <= 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    # By the largest entry first: squares of very small ones would lose their digits.
    most = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    vectors = vectors / np.where(most > 0, most, 1)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
