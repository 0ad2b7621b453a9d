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
    true, called, true_before, called_before = sums.steps
    # False positives above a score with positive rows, and half of those that have it.
    above = (called - true) + (called_before - true_before)
    lost = np.einsum("...i,...i->...", true - true_before, above) / 2
    pairs = sums.cases * (sums.n - sums.cases)
    return 1 - divided(lost, pairs)


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
    return divided(true, sums.cases[..., None]), _precision(true, called)


def _called(sums: Sums) -> tuple[Floats, Floats]:
    """True positives, and all rows called positive, at each distinct score from the highest."""
    edges = sums.of.edges[::-1]
    true = sums.cases[..., None] - sums.positives_at(edges)
    return true, sums.n[..., None] - sums.rows[..., edges]


def _precision(true: Floats, called: Floats) -> Floats:
    precision = np.ones_like(true)
    np.divide(true, called, out=precision, where=called > 0)
    return precision


def average_precision(sums: Sums) -> Floats:
    """Σ (recall gained) · precision over the distinct scores: scikit-learn's step, no trapezoid."""
    step = sums.steps
    gained = (step.true - step.true_before) * _precision(step.true, step.called)
    return divided(gained.sum(axis=-1), sums.cases)


def pr_trapezoid(sums: Sums) -> Floats:
    """Area under the precision-recall curve by straight lines, which is another number."""
    step = sums.steps
    both = _precision(step.true, step.called)
    both = both + _precision(step.true_before, step.called_before)
    return divided(((step.true - step.true_before) * both).sum(axis=-1) / 2, sums.cases)


def min_precision_sensitivity(sums: Sums) -> Floats:
    """The best threshold's smaller one of precision and sensitivity."""
    step = sums.steps
    if not step.true.shape[-1]:
        return np.full(np.shape(sums.n), np.nan)
    recall = divided(step.true, sums.cases[..., None])
    best: Floats = np.minimum(recall, _precision(step.true, step.called)).max(axis=-1)
    return best


def sensitivity_at_specificity(sums: Sums, specificity: float = 0.95) -> Floats:
    """The largest sensitivity among thresholds with at least this specificity."""
    step, negatives = sums.steps, sums.n - sums.cases
    false = divided(step.called - step.true, negatives[..., None])
    # Both rise: the last score that is specific enough; before the first, nobody is called.
    last = (false <= 1 - specificity + 1e-12).sum(axis=-1, keepdims=True)
    none = np.zeros((*np.shape(sums.n), 1))
    true = np.concatenate([none, step.true], axis=-1)
    found = np.take_along_axis(true, last, axis=-1)[..., 0]
    return np.where(negatives > 0, divided(found, sums.cases), np.nan)
