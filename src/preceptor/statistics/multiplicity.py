"""p-values of several comparisons made together."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["benjamini_hochberg", "holm"]


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values: the chance of any false claim stays at the level, however related.

    Holm (1979), Scand. J. Stat. 6:65; what HealthBench Professional uses within a family. In
    ascending order the i-th of m (from 0) becomes p·(m − i), at least the one before, at most 1.

    Parameters
    ----------
    p
        0 to 1, in any order; None where there was no test: it stays None and is not in the family.
    """
    order = _ascending(p)
    adjusted: list[float | None] = [None] * len(p)
    least = 0.0
    for place, (value, index) in enumerate(order):
        least = max(least, min(1.0, value * (len(order) - place)))
        adjusted[index] = least
    return adjusted


def benjamini_hochberg(p: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values that hold the expected share of false claims among the claims.

    Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57:289, for independent or positively related
    tests. In ascending order the i-th of m (from 1) becomes p·m/i, at most the one after.

    Parameters
    ----------
    p
        As in `holm`.
    """
    order = _ascending(p)
    adjusted: list[float | None] = [None] * len(p)
    most = 1.0
    for place, (value, index) in reversed(list(enumerate(order, start=1))):
        most = min(most, value * len(order) / place)
        adjusted[index] = most
    return adjusted


def _ascending(p: Sequence[float | None]) -> list[tuple[float, int]]:
    given = [(value, index) for index, value in enumerate(p) if value is not None]
    for value, _ in given:
        if not 0 <= value <= 1:
            raise ValueError(f"a p-value must be from 0 to 1, got {value}")
    return sorted(given)
