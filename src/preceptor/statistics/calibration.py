"""Probabilities and shares that mean what they say, from a grader that errs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.statistics.intervals import Z95

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "Calibration",
    "Prevalence",
    "auroc",
    "brier",
    "calibration_error",
    "isotonic",
    "rogan_gladen",
]


class Calibration(msgspec.Struct, frozen=True):
    """A rising curve from a score to a probability: corners joined by straight lines.

    ``scores`` rise, ``probabilities`` do not fall; beyond the ends the curve is level.
    """

    scores: list[float]
    probabilities: list[float]

    def __call__(self, scores: ArrayLike) -> Floats:
        """The probability for each score, of the same shape."""
        return np.interp(np.asarray(scores, dtype=np.float64), self.scores, self.probabilities)


class Prevalence(msgspec.Struct, frozen=True):
    """A share, corrected for a grader that errs; ``raw`` may lie outside 0 to 1, ``value`` not."""

    value: float
    ci95: tuple[float, float]
    raw: float
    sensitivity: float
    specificity: float


def isotonic(
    scores: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None
) -> Calibration:
    """The rising curve closest to the labels by least squares.

    Pool adjacent violators: Ayer et al. (1955), Ann. Math. Stat. 26:641; as calibration of a
    classifier, Zadrozny & Elkan (2002), KDD. Equal scores are pooled first. Over the data that it
    was fitted on, the mean probability equals the mean label.

    Parameters
    ----------
    scores, labels
        Shape (n,), finite, n ≥ 1; labels 0 or 1, or shares between.
    weights
        Shape (n,), above 0; all alike where None.
    """
    from scipy.optimize import isotonic_regression

    x, y = _checked(scores, labels)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != x.shape or not (np.isfinite(w).all() and (w > 0).all()):
        raise ValueError("isotonic: expected one weight above 0 for each score")
    levels, inverse = np.unique(x, return_inverse=True)
    mass = np.bincount(inverse, weights=w)
    means = np.bincount(inverse, weights=w * y) / mass
    fitted = np.clip(isotonic_regression(means, weights=mass).x, 0.0, 1.0)
    # The inner points of a level stretch say nothing.
    ends = np.ones(len(levels), dtype=bool)
    ends[1:-1] = (fitted[1:-1] != fitted[:-2]) | (fitted[1:-1] != fitted[2:])
    return Calibration(levels[ends].tolist(), fitted[ends].tolist())


def auroc(scores: ArrayLike, labels: ArrayLike) -> float | None:
    """The chance that a random positive scores above a random negative; ties count half.

    Hanley & McNeil (1982), Radiology 143:29. Labels are 0 or 1; None without both.
    """
    x, y = _checked(scores, labels)
    positive = y > 0.5
    n_positive = int(positive.sum())
    n_negative = len(y) - n_positive
    if n_positive == 0 or n_negative == 0:
        return None
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    above = float(ranks[inverse][positive].sum()) - n_positive * (n_positive + 1) / 2
    return above / (n_positive * n_negative)


def brier(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean squared difference of probability and label, 0 to 1 (Brier 1950)."""
    p, y = _checked(probabilities, labels)
    return float(((p - y) ** 2).mean())


def calibration_error(probabilities: ArrayLike, labels: ArrayLike, *, bins: int = 15) -> float:
    """Mean |mean label − mean probability| over bins of equally many, 0 to 1.

    Naeini et al. (2015), AAAI, with bins by rank instead of by width. Noise alone makes it about
    0.8·√(p(1 − p)·bins/n).
    """
    p, y = _checked(probabilities, labels)
    if bins < 1:
        raise ValueError(f"calibration_error: expected 1 bin or more, got {bins}")
    parts = np.array_split(np.argsort(p, kind="stable"), min(bins, len(p)))
    return float(sum(abs(float((y[part] - p[part]).sum())) for part in parts) / len(p))


def rogan_gladen(
    apparent: tuple[int, int], sensitivity: tuple[int, int], specificity: tuple[int, int]
) -> Prevalence | None:
    """The true share of *met* from a grader's share and its known errors.

    (share + Sp − 1)/(Se + Sp − 1): Rogan & Gladen (1978), Am. J. Epidemiol. 107:71. The interval
    counts the uncertainty of all three: Lang & Reiczigel (2014), Prev. Vet. Med. 113:13, eq. 16.

    Parameters
    ----------
    apparent
        (met by the grader, judged), of answers without a label.
    sensitivity
        (met by the grader, truly met), of labelled answers apart from those.
    specificity
        (not met by the grader, truly not met), in the same form.

    Returns
    -------
    None where the grader is no better than chance (Se + Sp ≤ 1): its share says nothing.

    Notes
    -----
    It supposes that the grader errs as often on these answers as on the labelled ones. Where the
    labelled are drawn from the answers themselves, `correction.prediction_powered` is narrower.
    """
    for hits, n in (apparent, sensitivity, specificity):
        if n < 1 or not 0 <= hits <= n:
            raise ValueError(f"rogan_gladen: need 0 ≤ hits ≤ n and n ≥ 1, got {hits}/{n}")
    (k, n), (k_se, n_se), (k_sp, n_sp) = apparent, sensitivity, specificity
    power = k_se / n_se + k_sp / n_sp - 1
    if power <= 0:
        return None
    raw = (k / n + k_sp / n_sp - 1) / power
    # Counts pulled towards the middle (Agresti & Coull), so that 0 of n has a width.
    n_p = n + Z95**2
    p = (k + Z95**2 / 2) / n_p
    se, sp = (k_se + 1) / (n_se + 2), (k_sp + 1) / (n_sp + 2)
    v_se, v_sp = se * (1 - se) / (n_se + 2), sp * (1 - sp) / (n_sp + 2)
    denominator = se + sp - 1
    if denominator <= 0:
        return Prevalence(_unit(raw), (0.0, 1.0), raw, k_se / n_se, k_sp / n_sp)
    share = (p + sp - 1) / denominator
    shift = 2 * Z95**2 * (share * v_se - (1 - share) * v_sp)
    variance = p * (1 - p) / n_p + share**2 * v_se + (1 - share) ** 2 * v_sp
    half = Z95 * math.sqrt(variance) / denominator
    interval = (_unit(share + shift - half), _unit(share + shift + half))
    return Prevalence(_unit(raw), interval, raw, k_se / n_se, k_sp / n_sp)


def _unit(share: float) -> float:
    return min(1.0, max(0.0, share))


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or len(x) == 0 or not np.isfinite(x).all():
        raise ValueError("expected finite scores of shape (n,), one or more")
    if not ((y >= 0) & (y <= 1)).all():
        raise ValueError("expected a label between 0 and 1 for each score")
    return x, y
