"""Standard errors of the AUROC where every row is another patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from preceptor.statistics.intervals import Z95
from preceptor.statistics.prediction.weighted import Sorted

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["DeLong", "delong", "delong_difference"]


class DeLong(NamedTuple):
    """An AUROC, or a difference of two, with its standard error and Wald interval.

    ``p`` is the two-sided test that it is 0; NaN for an AUROC.
    """

    value: float
    se: float
    ci95: tuple[float, float]
    p: float = float("nan")


def _placements(y: NDArray[np.bool_], score: Floats) -> tuple[float, Floats, Floats]:
    """AUROC; of each positive row the share of negative ones below it, and the reverse."""
    positive, negative = score[y], score[~y]
    m, n = len(positive), len(negative)
    ranks = _ranks(score)
    of_positive = (ranks[y] - _ranks(positive)) / n
    of_negative = 1 - (ranks[~y] - _ranks(negative)) / m
    return float(of_positive.mean()), of_positive, of_negative


def _ranks(values: Floats) -> Floats:
    """Mid-ranks from 1."""
    return Sorted(values).ranks(np.ones(len(values)))


def delong(y: ArrayLike, score: ArrayLike) -> DeLong | None:
    """AUROC with the standard error of DeLong et al. (1988), Biometrics 44:837.

    By mid-ranks (Sun & Xu 2014, IEEE Signal Process. Lett. 21:1389); variances have ddof 1. The
    interval is cut to 0 to 1. None with fewer than two rows of a class. Rows must be independent:
    with several rows of a patient it is too narrow.
    """
    truth = np.asarray(y) > 0.5
    if min(truth.sum(), (~truth).sum()) < 2:
        return None
    value, above, below = _placements(truth, np.asarray(score, dtype=np.float64))
    se = float(np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)))
    return DeLong(value, se, (max(0.0, value - Z95 * se), min(1.0, value + Z95 * se)))


def delong_difference(y: ArrayLike, first: ArrayLike, second: ArrayLike) -> DeLong | None:
    """AUROC of the second scores less that of the first, on the same independent rows."""
    from scipy.special import ndtr

    truth = np.asarray(y) > 0.5
    if min(truth.sum(), (~truth).sum()) < 2:
        return None
    one = _placements(truth, np.asarray(first, dtype=np.float64))
    two = _placements(truth, np.asarray(second, dtype=np.float64))
    value = two[0] - one[0]
    parts = [(b - a).var(ddof=1) / len(a) for a, b in zip(one[1:], two[1:], strict=True)]
    se = float(np.sqrt(sum(parts)))
    p = float(2 * ndtr(-abs(value) / se)) if se > 0 else (1.0 if value == 0 else 0.0)
    return DeLong(value, se, (value - Z95 * se, value + Z95 * se), p)
