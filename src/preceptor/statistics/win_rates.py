"""How often an answer of one system scores higher than an answer of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from preceptor.statistics.intervals import effective_rows, score_interval, wilson_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["WinRate", "win_rate"]

#: Scores closer than this are tied: the same verdicts summed in another order.
_TIE = 1e-9


class WinRate(msgspec.Struct, frozen=True):
    """How often system a is better than system b.

    Attributes
    ----------
    rate
        Mean over examples of wins/(wins + losses), 0 to 1; ties are not counted.
    ci95
        95 % interval of ``rate`` over units; None for a single one, and where all rates are equal.
    with_ties
        Mean over examples of (wins + ties/2)/pairs, over those with a pair.
    ties
        Ties among ``pairs``, 0 to 1.
    n
        Examples with a win or a loss: those behind ``rate``.
    pairs
        Pairs of answers compared, ties included.
    """

    rate: float
    ci95: tuple[float, float] | None
    with_ties: float
    ties: float
    n: int
    pairs: int


def win_rate(
    a: ArrayLike,
    b: ArrayLike,
    *,
    lengths_a: ArrayLike | None = None,
    lengths_b: ArrayLike | None = None,
    tolerance: float | None = None,
    clusters: NDArray[Any] | None = None,
) -> WinRate | None:
    """Win rate of a over b: all pairs of one answer of each, example by example.

    HealthBench (arXiv 2505.08775), Table 4: ties excluded, averaged over the examples with at
    least one comparable pair; length-controlled, only pairs with
    abs(lₐ − l_b) / ((lₐ + l_b)/2) ≤ tolerance are compared (the paper: 0.10).

    Parameters
    ----------
    a, b
        Scores of shapes (n, m) and (n, m′), the same examples in the same order; NaN where a
        repeat is missing. Scores within 1e-9 of each other are tied.
    lengths_a, lengths_b
        Lengths of the answers, > 0 or 0 (both empty: equal), in the shapes of a and b; NaN takes
        the answer out. Needed with ``tolerance``, unused without.
    clusters
        Shape (n,): the label of each example's unit; None where each is its own.

    Returns
    -------
    None where no pair of answers differs. The interval is `score_interval` over the examples'
    rates, clipped to [0, 1]; where every example was won (or every one lost) outright it is
    Wilson's.

    Raises
    ------
    ValueError
        For shapes that do not match, a negative tolerance or length, a tolerance without lengths.
    """
    scores_a, scores_b = _tables("scores", a, b)
    difference = scores_a[:, :, None] - scores_b[:, None, :]
    compared = ~np.isnan(difference)
    if tolerance is not None:
        if lengths_a is None or lengths_b is None or not tolerance >= 0:
            raise ValueError("win_rate: a tolerance must be ≥ 0 and needs the lengths of a and b")
        long_a, long_b = _tables("lengths", lengths_a, lengths_b)
        if long_a.shape != scores_a.shape or long_b.shape != scores_b.shape:
            raise ValueError("win_rate: the lengths must have the shapes of the scores")
        compared &= _similar(long_a[:, :, None], long_b[:, None, :], tolerance)
    wins = (compared & (difference > _TIE)).sum(axis=(1, 2))
    losses = (compared & (difference < -_TIE)).sum(axis=(1, 2))
    return _summary(wins, losses, compared.sum(axis=(1, 2)), clusters)


def _summary(
    wins: NDArray[np.int_],
    losses: NDArray[np.int_],
    pairs: NDArray[np.int_],
    clusters: NDArray[Any] | None,
) -> WinRate | None:
    decided = wins + losses > 0
    if not decided.any():
        return None
    rates = wins[decided] / (wins + losses)[decided]
    labels = None if clusters is None else clusters[decided]
    rate, interval = score_interval(rates[:, None], labels)
    n = len(rates)
    if n > 1 and rate in (0.0, 1.0):
        least = effective_rows(rates[:, None], labels)
        interval = wilson_interval(rate * least, least)
    if interval is not None:
        interval = max(0.0, interval[0]), min(1.0, interval[1])
    any_pair = pairs > 0
    halves = (wins + (pairs - wins - losses) / 2)[any_pair] / pairs[any_pair]
    total = int(pairs.sum())
    ties = (total - int((wins + losses).sum())) / total
    return WinRate(rate, interval, float(halves.mean()), ties, n, total)


def _tables(what: str, a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    tables = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if any(table.ndim != 2 for table in tables) or len(tables[0]) != len(tables[1]):
        shapes = " and ".join(str(table.shape) for table in tables)
        raise ValueError(f"win_rate: expected {what} of shapes (n, m) and (n, m′), got {shapes}")
    return tables


def _similar(a: NDArray[np.float64], b: NDArray[np.float64], tolerance: float) -> NDArray[np.bool_]:
    if (a < 0).any() or (b < 0).any():
        raise ValueError("win_rate: a length must be ≥ 0")
    # Multiplied out: two empty answers are of equal length, and a pair at the edge is in.
    close: NDArray[np.bool_] = np.abs(a - b) <= tolerance * (a + b) / 2 * (1 + 1e-12)
    return close
