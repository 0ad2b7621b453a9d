"""The beta and Student's t distribution. SciPy's take longer to import than a score takes."""

from __future__ import annotations

import functools
import math

__all__ = ["beta_below", "beta_quantile", "t_below", "t_quantile"]

_LARGE, _TINY = 10.0, 1e-300


def beta_below(a: float, b: float, x: float) -> float:
    """P(X ≤ x) of a beta distribution, the regularised incomplete beta function I_x(a, b).

    By its continued fraction (NIST Handbook of Mathematical Functions, 8.17.22).

    Parameters
    ----------
    a, b
        Above 0.
    x
        Within [0, 1].
    """
    return _both(a, b, x, 1 - x)[0]


@functools.lru_cache(maxsize=4096)
def beta_quantile(a: float, b: float, p: float) -> float:
    """The x with ``beta_below(a, b, x) == p``, by Newton's method within a bracket."""
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(200):
        below, density = _both(a, b, x, 1 - x)
        low, high = (low, x) if below > p else (x, high)
        new = x - (below - p) / density if density > 0 else low
        if abs(new - x) <= max(1e-9 * min(x, 1 - x), 2e-16 * x):  # a step doubles the digits
            return new
        # Else the middle of what is left, as a power of ten where it spans several.
        middle = math.sqrt(low * high) if 0 < 8 * low < high else (low + high) / 2
        x = new if low < new < high else middle
    return x


def t_below(df: float, t: float) -> float:
    """P(T ≤ t) of Student's t distribution with ``df`` degrees of freedom, above 0."""
    whole = df + t * t
    tail = _both(df / 2, 0.5, df / whole, t * t / whole)[0] / 2
    return tail if t < 0 else 1 - tail


def t_quantile(df: float, p: float) -> float:
    """The t with ``t_below(df, t) == p``, for p from 0.5 on."""
    if df < 10 and p > 0.75:  # the smaller share: near 1 there are fewer digits
        x = beta_quantile(df / 2, 0.5, 2 * (1 - p))
        return math.sqrt(df * (1 - x) / x)
    x = beta_quantile(0.5, df / 2, 2 * p - 1)
    return math.sqrt(df * x / (1 - x))


def _both(a: float, b: float, x: float, rest: float) -> tuple[float, float]:
    """I_x(a, b), and the density at x; ``rest`` is 1 − x."""
    if x <= 0 or rest <= 0:
        return float(x > 0), 0.0
    power = _power(a, b, x, rest)
    if x > (a + 1) / (a + b + 2):
        below = 1 - power / b * _fraction(b, a, rest)
    else:
        below = power / a * _fraction(a, b, x)
    return below, power / (x * rest)


def _power(a: float, b: float, x: float, rest: float) -> float:
    """x^a·(1 − x)^b / B(a, b)."""
    few, many = sorted((a, b))
    if few < _LARGE:
        if many < _LARGE:
            log = math.lgamma(a + b) - math.lgamma(many)
        else:
            log = (many - 0.5) * math.log1p(few / many) + few * (math.log(a + b) - 1)
            log += _stirling(a + b) - _stirling(many)
        first = math.log(x) if x < rest else math.log1p(-rest)
        second = math.log1p(-x) if x < rest else math.log(rest)
        return math.exp(log - math.lgamma(few) + a * first + b * second)
    # By Stirling's formula, as above: large terms cancel before they are computed.
    away = x - a / (a + b)
    log = a * math.log1p(away * (a + b) / a) + b * math.log1p(-away * (a + b) / b)
    log += _stirling(a + b) - _stirling(a) - _stirling(b)
    return math.sqrt(a * b / (2 * math.pi * (a + b))) * math.exp(log)


def _stirling(z: float) -> float:
    """ln Γ(z) − (z − ½)·ln z + z − ½·ln 2π, for z from 10 on (the same Handbook, 5.11.1)."""
    s = 1 / (z * z)
    terms = s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - s * (691 / 360360 - s / 156))))
    return (1 / 12 - s / 360 + s * terms) / z


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction, by Lentz's method."""
    d = 1 / ((1 - (a + b) * x / (a + 1)) or _TINY)
    c, found = 1.0, d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / ((1 + even * d) or _TINY)
        c = (1 + even / c) or _TINY
        found *= d * c
        d = 1 / ((1 + odd * d) or _TINY)
        c = (1 + odd / c) or _TINY
        found *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return found
