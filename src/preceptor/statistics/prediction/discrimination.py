"""How well scores tell positive rows from negative ones.

Functions of :class:`Sums`; NaN where they are not defined, such as with one class only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from preceptor.statistics.prediction.outcomes import Sums, divided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "auroc",
    "average_precision",
    "min_precision_sensitivity",
    "pr_curve",
    "pr_trapezoid",
    "roc_curve",
    "sensitivity_at_specificity",
]


def auroc(sums: Sums) -> Floats:
    """The chance that a random positive row scores above a random negative one; ties count half.

    Hanley & McNeil (1982), Radiology 143:29.
    """
    negatives = sums.rows - sums.positives
    positives, below = _at_edges(sums, sums.positives), _at_edges(sums, negatives)
    # Negative rows below a stretch of equal scores, and half of those within.
    gained = np.diff(positives, axis=-1)
    above = np.einsum("...i,...i->...", gained, below[..., :-1] + below[..., 1:]) / 2
    return divided(above, sums.cases * (sums.n - sums.cases))


def _at_edges(sums: Sums, values: Floats) -> Floats:
    """The values where another score begins; all where no two scores are equal."""
    edges = sums.of.edges
    return values if len(edges) == values.shape[-1] else values[..., edges]


def _called(sums: Sums) -> tuple[Floats, Floats]:
    """True positives, and all rows called positive, at each distinct score from the highest."""
    positives, rows = _at_edges(sums, sums.positives), _at_edges(sums, sums.rows)
    true = sums.cases[..., None] - positives
    called = sums.n[..., None] - rows
    return true[..., ::-1], called[..., ::-1]


def roc_curve(sums: Sums) -> tuple[Floats, Floats, Floats]:
    """False positive rate, true positive rate and threshold, from (0, 0) at infinity."""
    true, called = _called(sums)
    thresholds = sums.of.score[sums.of.edges[:-1]][::-1]
    return (
        divided(called - true, (sums.n - sums.cases)[..., None]),
        divided(true, sums.cases[..., None]),
        np.concatenate([[np.inf], thresholds]),
    )


def pr_curve(sums: Sums) -> tuple[Floats, Floats]:
    """Recall and precision at each distinct score from the highest; 0 and 1 first."""
    true, called = _called(sums)
    precision = np.ones_like(true)
    np.divide(true, called, out=precision, where=called > 0)
    return divided(true, sums.cases[..., None]), precision


def average_precision(sums: Sums) -> Floats:
    """Σ (recall gained) · precision over the distinct scores: scikit-learn's step, no trapezoid."""
    recall, precision = pr_curve(sums)
    return np.einsum("...i,...i->...", np.diff(recall, axis=-1), precision[..., 1:])


def pr_trapezoid(sums: Sums) -> Floats:
    """Area under the precision-recall curve by straight lines, which is another number."""
    recall, precision = pr_curve(sums)
    both = precision[..., 1:] + precision[..., :-1]
    return np.einsum("...i,...i->...", np.diff(recall, axis=-1), both) / 2


def min_precision_sensitivity(sums: Sums) -> Floats:
    """The best threshold's smaller one of precision and sensitivity."""
    recall, precision = pr_curve(sums)
    best: Floats = np.minimum(recall, precision).max(axis=-1)
    return best


def sensitivity_at_specificity(sums: Sums, specificity: float = 0.95) -> Floats:
    """The largest sensitivity among thresholds with at least this specificity."""
    false, true, _ = roc_curve(sums)
    # Both rise: the last place that is specific enough.
    last = (false <= 1 - specificity + 1e-12).sum(axis=-1, keepdims=True) - 1
    found = np.take_along_axis(true, np.maximum(last, 0), axis=-1)[..., 0]
    return np.where(sums.n > sums.cases, found, np.nan)
