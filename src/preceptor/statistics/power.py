"""How many examples and repeats a comparison needs: power of the paired t-test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import scipy  # its parts are imported where they are first used

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Components",
    "components",
    "detectable_difference",
    "difference_components",
    "examples_needed",
    "power",
]

#: Beyond this many examples a difference counts as out of reach.
_MOST_EXAMPLES = 10**9


class Components(msgspec.Struct, frozen=True):
    """Where the variance of a mean over examples comes from: Var = (between + within/repeats)/n.

    Attributes
    ----------
    between
        τ²: variance of the examples' true values (of the true differences, for a difference).
    within
        σ²: variance of one repeat about its example's true value (σ²_a + σ²_b for a difference).
        0 where no example has repeats: all variance then counts as between, which is right for a
        plan with as many repeats as the data have, and never too optimistic for one with more.
    n
        Examples they were estimated from.
    repeats
        Mean number of repeats of an example (and of both sides, for a difference).
    """

    between: float
    within: float
    n: int
    repeats: float


def components(scores: NDArray[np.float64]) -> Components:
    """Variance between and within examples.

    The moment estimator of the one-way random-effects model from unweighted means (Searle, Casella
    & McCulloch 1992, chapter 3), with m_i the repeats of example i::

        σ² = mean variance within an example,   τ² = max(0, Var(example means) − σ²·mean(1/m_i))

    Where all m_i are equal this is the decomposition of HealthBench Professional and of
    `mean_interval`; where they are not, that one puts 1/mean(m_i) for mean(1/m_i), which is fine
    for an interval but overstates τ² in a plan.

    Parameters
    ----------
    scores
        Shape (n examples, repeats); NaN where a repeat is missing. Each row has at least one score.

    Raises
    ------
    ValueError
        If there are fewer than two examples, or one without a score.
    """
    means, repeats, within = _summary(scores, "components")
    if not repeats.all():
        raise ValueError("components: every example needs at least one score")
    if len(means) < 2:
        raise ValueError("components: at least two examples are needed")
    between = float(means.var(ddof=1)) - within * float((1 / repeats).mean())
    return Components(max(0.0, between), within, len(means), float(repeats.mean()))


def difference_components(a: NDArray[np.float64], b: NDArray[np.float64]) -> Components:
    """Variance components of the paired differences between two systems on the same examples.

    As `components`, with the true differences a_i − b_i of the examples between, and σ²_a + σ²_b
    within.

    Parameters
    ----------
    a, b
        Shapes (n examples, repeats of a) and (n examples, repeats of b), rows being the same
        examples; NaN where a repeat is missing. An example without a score of each is left out.

    Raises
    ------
    ValueError
        If the rows differ in number, or fewer than two examples have scores of both.
    """
    if len(a) != len(b):
        raise ValueError(f"difference_components: {len(a)} examples of one, {len(b)} of the other")
    both = ~np.isnan(a).all(axis=1) & ~np.isnan(b).all(axis=1)
    if both.sum() < 2:
        raise ValueError("difference_components: at least two examples with scores of both needed")
    means_a, repeats_a, within_a = _summary(a[both], "difference_components")
    means_b, repeats_b, within_b = _summary(b[both], "difference_components")
    noise = within_a * float((1 / repeats_a).mean()) + within_b * float((1 / repeats_b).mean())
    between = float((means_a - means_b).var(ddof=1)) - noise
    mean_repeats = float((repeats_a.mean() + repeats_b.mean()) / 2)
    return Components(max(0.0, between), within_a + within_b, int(both.sum()), mean_repeats)


def power(
    difference: float, n: int, repeats: float, components: Components, alpha: float = 0.05
) -> float:
    """Probability that a two-sided paired t-test over examples finds a true difference.

    With δ = difference/√((between + within/repeats)/n), ν = n − 1 and t the 1 − α/2 quantile of
    Student's t (Cohen 1988, ch. 2)::

        power = 1 − F(t; ν, δ) + F(−t; ν, δ),   F the noncentral t distribution

    Parameters
    ----------
    difference
        True mean difference, score on the 0–1 scale; its sign does not matter.
    n, repeats
        Examples, and answers of each side to each of them.
    components
        From `difference_components`, or from `components` for a mean against a fixed value.
    alpha
        Level of the test.

    Returns
    -------
    0 to 1. Without any variance it is 1, or 0 where the difference is 0.
    """
    if not math.isfinite(difference):
        raise ValueError("power: the difference must be finite")
    if n < 2:
        raise ValueError(f"power: a t-test needs two examples (got {n})")
    deviation = _deviation(repeats, components)
    _check_shares(alpha=alpha)
    if deviation == 0:
        return 0.0 if difference == 0 else 1.0
    return _power(abs(difference) / deviation * math.sqrt(n), n, alpha)


def examples_needed(
    difference: float,
    repeats: float,
    components: Components,
    power: float = 0.8,
    alpha: float = 0.05,
) -> int | None:
    """Fewest examples with which a true difference is found with the power wanted.

    Parameters as for `power`. At least 2; None where no number of examples does, as for a
    difference of 0, or only more than a thousand million would.
    """
    if not math.isfinite(difference):
        raise ValueError("examples_needed: the difference must be finite")
    _check_shares(alpha=alpha, power=power)
    deviation = _deviation(repeats, components)
    if difference == 0:
        return None
    if deviation == 0:
        return 2
    effect = abs(difference) / deviation

    def enough(n: int) -> bool:
        return _power(effect * math.sqrt(n), n, alpha) >= power

    low, high = 1, 2
    while not enough(high):
        if high >= _MOST_EXAMPLES:
            return None
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def detectable_difference(
    n: int, repeats: float, components: Components, power: float = 0.8, alpha: float = 0.05
) -> float | None:
    """Smallest true difference that n examples find with the power wanted.

    Parameters as for `power`. None for fewer than two examples; 0 without any variance.
    """
    _check_shares(alpha=alpha, power=power)
    deviation = _deviation(repeats, components)
    if n < 2:
        return None
    low, high = 0.0, 1.0
    while _power(high, n, alpha) < power:
        low, high = high, high * 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if _power(middle, n, alpha) >= power else (middle, high)
    return high * deviation / math.sqrt(n)


def _power(shift: float, n: int, alpha: float) -> float:
    df, critical = n - 1, float(scipy.special.stdtrit(n - 1, 1 - alpha / 2))
    below, far_below = (
        float(scipy.special.nctdtr(df, shift, critical)),
        float(scipy.special.nctdtr(df, shift, -critical)),
    )
    if math.isnan(far_below):
        # The library gives up on the far tail, from shift ≈ 7.5; there it is below Φ(−7.5).
        far_below = 0.0
    if math.isnan(below):
        # Also from shift ≈ 36: a normal approximation is exact enough (Johnson & Welch 1940).
        spread = math.sqrt(1 + critical**2 / (2 * df))
        below = float(scipy.special.ndtr((critical * (1 - 1 / (4 * df)) - shift) / spread))
    return min(1.0, max(0.0, 1 - below + far_below))


def _deviation(repeats: float, parts: Components) -> float:
    if not repeats > 0:
        raise ValueError(f"repeats must be above 0 (got {repeats})")
    return math.sqrt(parts.between + parts.within / repeats)


def _check_shares(*, alpha: float, power: float | None = None) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1 (got {alpha})")
    if power is not None and not alpha < power < 1:
        raise ValueError(f"power must be between alpha and 1 (got {power})")


def _summary(
    scores: NDArray[np.float64], name: str
) -> tuple[NDArray[np.float64], NDArray[np.intp], float]:
    """Means and numbers of repeats of the examples, and σ²."""
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"{name}: expected scores of shape (examples, repeats), got {table.shape}")
    repeats = (~np.isnan(table)).sum(axis=1)
    means = np.nansum(table, axis=1) / np.maximum(repeats, 1)
    several = table[repeats > 1]
    within = float(np.nanvar(several, axis=1, ddof=1).mean()) if len(several) else 0.0
    return means, repeats, within
