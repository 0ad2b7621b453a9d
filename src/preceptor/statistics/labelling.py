"""What to ask the strong grader: with which chance, what next, how much, and what it will yield.

For the estimates of `correction`. The spread of a verdict is |w|·√(p(1 − p)): its weight in the
score, and the standard deviation that the cheap grader's probability leaves.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import scipy  # its parts are imported where they are first used

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["audit_chances", "labels_needed", "most_telling", "planned_error"]


def audit_chances(spread: ArrayLike, calls: float, *, least: float = 0.02) -> Floats:
    """With which chance to ask the strong grader about each verdict, for a number of calls.

    In proportion to the spread |w|·√(p(1 − p)), which makes the expected variance of
    `correction.cascade_estimate` smallest (Neyman 1934; for drawing one by one, Hájek 1959), held
    between ``least`` and 1. The floor is for where the cheap grader is sure and wrong: a rare error
    there counts 1/π times.

    Parameters
    ----------
    spread
        Shape (m,), 0 or more.
    calls
        The expected number of calls, up to m; at least ``least``·m are made.

    Returns
    -------
    Shape (m,), with the sum ``calls``.
    """
    s = np.asarray(spread, dtype=np.float64)
    if s.ndim != 1 or len(s) == 0 or not (np.isfinite(s).all() and (s >= 0).all()):
        raise ValueError("audit_chances: expected finite spreads of 0 or more, shape (m,)")
    if not 0 < least <= 1 or not 0 < calls <= len(s):
        raise ValueError(f"audit_chances: expected 0 < least ≤ 1 and 0 < calls ≤ {len(s)}")
    # A verdict of no spread can still be asked about, once all others are.
    s = np.maximum(s / (s.max() or 1.0), 1e-9)
    low, high = 0.0, float(1 / s.min())
    for _ in range(200):
        middle = (low + high) / 2
        if np.clip(middle * s, least, 1.0).sum() < calls:
            low = middle
        else:
            high = middle
    return np.asarray(np.clip(high * s, least, 1.0))


def planned_error(spread: ArrayLike, chances: ArrayLike, n: int) -> float:
    """The ``run_se`` that `correction.cascade_estimate` is to expect: √Σ (1 − π)/π·spread² / n.

    With spread = |w|·√(p(1 − p)) of each verdict, and n examples. It is right where the
    probabilities are calibrated.
    """
    s, pi = np.asarray(spread, dtype=np.float64), np.asarray(chances, dtype=np.float64)
    if s.shape != pi.shape or not ((pi > 0) & (pi <= 1)).all() or n < 1:
        raise ValueError("planned_error: expected one chance in (0, 1] a spread, and n ≥ 1")
    return math.sqrt(float(((1 - pi) / pi * s**2).sum())) / n


def most_telling(probabilities: ArrayLike, weights: ArrayLike, count: int) -> list[int]:
    """Which verdicts to label next: those of the largest expected variance, p(1 − p)·w².

    Returns
    -------
    ``count`` positions (or all), the most telling first; ties by position. They are chosen, not
    drawn: their chance is 1, and the rest must still be drawn from for an unbiased estimate.
    """
    p, w = np.asarray(probabilities, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if p.ndim != 1 or p.shape != w.shape or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("most_telling: expected one probability and one weight a verdict")
    order = np.argsort(-p * (1 - p) * w**2, kind="stable")
    return [int(position) for position in order[: max(0, count)]]


def labels_needed(
    half_width: float, error_sd: float, n: int, *, score_sd: float | None = None
) -> int | None:
    """How many of n examples to label at random for a 95 % interval of ± ``half_width``.

    The smallest number m with t(m − 1)·√((1/m − 1/n)·sd_d² + sd_y²/n) ≤ half-width.

    Parameters
    ----------
    half_width
        Above 0, in the unit of the scores.
    error_sd
        Standard deviation of y − λf over examples, from a pilot; without a cheap score that of y.
    n
        All examples.
    score_sd
        Standard deviation of y: for the mean over all such examples, not the score of the run.

    Returns
    -------
    None where labelling all n is not enough.
    """
    if not half_width > 0 or error_sd < 0 or n < 2:
        raise ValueError("labels_needed: expected half_width > 0, error_sd ≥ 0 and n ≥ 2")
    m = np.arange(2, n + 1)
    variance = (1 / m - 1 / n) * error_sd**2 + (score_sd or 0.0) ** 2 / n
    enough = scipy.special.stdtrit(m - 1.0, 0.975) * np.sqrt(variance) <= half_width
    return int(m[enough][0]) if enough.any() else None
