"""Intraclass correlations: how far ratings of the same things agree, and their F intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import scipy  # its parts are imported where they are first used

from preceptor.statistics.sums import Statistic, checked_ratings, over

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["ICC", "Correlation", "icc", "pair_icc"]


class Correlation(msgspec.Struct, frozen=True):
    """An intraclass correlation, at most 1, with its 95 % interval; None where undefined."""

    value: float | None
    ci95: tuple[float, float] | None


class ICC(msgspec.Struct, frozen=True):
    """Of single ratings.

    Attributes
    ----------
    agreement
        ICC(A,1), Shrout & Fleiss' ICC(2,1): a rater who is always one point higher disagrees.
    consistency
        ICC(C,1), their ICC(3,1): a constant offset does not count.
    one_way
        ICC(1,1): each thing may have had other raters.
    n, raters
        Things with all ratings, and raters.
    """

    agreement: Correlation
    consistency: Correlation
    one_way: Correlation
    n: int
    raters: int


def icc(ratings: ArrayLike) -> ICC | None:
    """ICC(A,1), ICC(C,1) and ICC(1,1), with F-based 95 % intervals.

    Shrout & Fleiss (1979), Psychol. Bull. 86:420; McGraw & Wong (1996), Psychol. Methods 1:30,
    tables 4 and 7. The intervals take the things for independent and the errors for normal.

    Parameters
    ----------
    ratings
        Shape (n things, k raters); a thing with a missing rating (NaN) is left out.

    Returns
    -------
    None for fewer than 2 complete things, or if no rating varies.

    Raises
    ------
    ValueError
        For another shape, fewer than 2 raters, or infinite ratings.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or np.isinf(table).any():
        raise ValueError(f"icc: expected finite ratings of shape (n, 2 or more), got {table.shape}")
    table = table[~np.isnan(table).any(axis=1)]
    n, k = table.shape
    if n < 2 or not np.ptp(table) > 0:
        return None
    squares = _MeanSquares(table)
    return ICC(_agreement(squares), _consistency(squares), _one_way(squares), n, k)


def pair_icc(ratings: ArrayLike) -> Statistic:
    """ICC(2,1) of two raters, ICC(A,1) of `icc`, whose intervals resample whole clusters.

    Of sums over the things: with d the difference of the two ratings of a thing and s their sum,
    the mean squares of Shrout & Fleiss (1979) for k = 2 are::

        rows (Σs² − (Σs)²/n) / 2(n−1),  error (Σd² − (Σd)²/n) / 2(n−1),  columns (Σd)² / 2n

    Parameters
    ----------
    ratings
        Shape (n things, 2); a thing with a missing rating (NaN) is left out.

    Returns
    -------
    At most 1; NaN for fewer than 2 complete things, or if no rating varies.
    """
    table = checked_ratings(ratings, 2)
    both = ~np.isnan(table).any(axis=1)
    # About the mean, so that the differences of squares below lose no digits.
    table = table - (table[both].mean() if both.any() else 0.0)
    table[~both] = 0.0
    together, apart = table.sum(axis=1), table[:, 0] - table[:, 1]
    terms = np.column_stack([both, together, together**2, apart, apart**2])

    def formula(sums: Floats) -> Floats:
        n, s, ss, d, dd = np.moveaxis(sums, -1, 0)
        free = 2 * np.where(n > 1, n - 1, np.nan)
        rows, error = (ss - over(s**2, n)) / free, (dd - over(d**2, n)) / free
        columns = over(d**2, 2 * n)
        return over(rows - error, rows + error + over(2 * (columns - error), n))

    return Statistic(terms.astype(np.float64), formula)


class _MeanSquares:
    """Of rows (things), columns (raters), the residual, and within rows."""

    def __init__(self, table: Floats) -> None:
        self.n, self.k = n, k = table.shape
        table = table - table.mean()
        rows, columns = table.mean(axis=1), table.mean(axis=0)
        self.rows = k * float((rows**2).sum()) / (n - 1)
        self.columns = n * float((columns**2).sum()) / (k - 1)
        residual = table - rows[:, None] - columns
        self.error = _not_rounding(float((residual**2).sum()) / ((n - 1) * (k - 1)), table)
        self.within = _not_rounding(
            float(((table - rows[:, None]) ** 2).sum()) / (n * (k - 1)), table
        )


def _not_rounding(square: float, table: Floats) -> float:
    return square if square > 1e-20 * float((table**2).max()) else 0.0


def _share(square: float, error: float, k: int) -> float:
    """(F − 1) / (F + k − 1) with F = square / error."""
    return (square - error) / (square + (k - 1) * error)


def _with_f(square: float, error: float, k: int, df: tuple[int, int]) -> Correlation:
    value = _share(square, error, k)
    if error == 0:
        return Correlation(1.0, None)
    ratio = square / error
    low = ratio / float(scipy.special.fdtri(df[0], df[1], 0.975))
    high = ratio * float(scipy.special.fdtri(df[1], df[0], 0.975))
    return Correlation(value, (_share(low, 1, k), _share(high, 1, k)))


def _one_way(s: _MeanSquares) -> Correlation:
    return _with_f(s.rows, s.within, s.k, (s.n - 1, s.n * (s.k - 1)))


def _consistency(s: _MeanSquares) -> Correlation:
    if s.error == 0 and s.rows == 0:
        return Correlation(None, None)
    return _with_f(s.rows, s.error, s.k, (s.n - 1, (s.n - 1) * (s.k - 1)))


def _agreement(s: _MeanSquares) -> Correlation:
    n, k = s.n, s.k
    spread = s.rows + (k - 1) * s.error + k / n * (s.columns - s.error)
    value = (s.rows - s.error) / spread
    if s.error == 0 or value == 1:
        return Correlation(value, None)
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    df = (a * s.columns + b * s.error) ** 2 / (
        (a * s.columns) ** 2 / (k - 1) + (b * s.error) ** 2 / ((n - 1) * (k - 1))
    )
    upper, lower = (
        float(scipy.special.fdtri(n - 1, df, 0.975)),
        float(scipy.special.fdtri(df, n - 1, 0.975)),
    )
    rest = k * s.columns + (k * n - k - n) * s.error
    low = n * (s.rows - upper * s.error) / (upper * rest + n * s.rows)
    high = n * (lower * s.rows - s.error) / (rest + n * lower * s.rows)
    return Correlation(value, (low, high))
