"""Intraclass correlations: how far ratings of the same things agree, and their F intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import scipy  # its parts are imported where they are first used

from preceptor.statistics.sums import Statistic, checked_ratings, over

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["ICC", "Correlation", "agreement_icc", "icc", "mean_icc"]


class Correlation(msgspec.Struct, frozen=True):
    """An intraclass correlation, at most 1, with its 95 % interval; None where undefined."""

    value: float | None
    ci95: tuple[float, float] | None


class ICC(msgspec.Struct, frozen=True):
    """Of single ratings, and of their mean.

    Attributes
    ----------
    agreement
        ICC(A,1), Shrout & Fleiss' ICC(2,1): a rater who is always one point higher disagrees.
    consistency
        ICC(C,1), their ICC(3,1): a constant offset does not count.
    one_way
        ICC(1,1): each thing may have had other raters.
    average
        ICC(C,k), their ICC(3,k): of the mean of all raters, without their constant offsets.
    n, raters
        Things with all ratings, and raters.
    """

    agreement: Correlation
    consistency: Correlation
    one_way: Correlation
    average: Correlation
    n: int
    raters: int


def icc(ratings: ArrayLike) -> ICC | None:
    """ICC(A,1), ICC(C,1), ICC(1,1) and ICC(C,k), with F-based 95 % intervals.

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
    single = _agreement(squares), _consistency(squares), _one_way(squares)
    return ICC(*single, _average(squares), n, k)


def agreement_icc(ratings: ArrayLike) -> Statistic:
    """ICC(A,1) of `icc`, ICC(2,1), of a single rating; its intervals resample whole clusters.

    Parameters
    ----------
    ratings
        Shape (n things, k raters); a thing with a missing rating (NaN) is left out.

    Returns
    -------
    At most 1; NaN for fewer than 2 complete things, or if no rating varies.
    """

    def formula(n: Floats, k: int, rows: Floats, columns: Floats, error: Floats) -> Floats:
        return over(rows - error, rows + (k - 1) * error + over(k * (columns - error), n))

    return _of_sums(ratings, formula)


def mean_icc(ratings: ArrayLike) -> Statistic:
    """ICC(C,k) of `icc`, ICC(3,k) = (MSR − MSE) / MSR, of the mean of all raters' ratings.

    Of the same ratings as `agreement_icc`, with intervals of the same kind. NaN for fewer than 2
    complete things, or if things do not differ.
    """

    def formula(n: Floats, k: int, rows: Floats, columns: Floats, error: Floats) -> Floats:
        return over(rows - error, rows)

    return _of_sums(ratings, formula)


def _of_sums(
    ratings: ArrayLike, formula: Callable[[Floats, int, Floats, Floats, Floats], Floats]
) -> Statistic:
    """A formula of n, k and the mean squares of Shrout & Fleiss (1979): rows, columns, error.

    Of sums over the things: with s the sum of a thing's k ratings, d_j how far rating j is from
    their mean, and D_j the sum of d_j over things, the mean squares are::

        rows (Σs² − (Σs)²/n) / k(n−1),  columns ΣD_j² / n(k−1),
        error (ΣΣd_j² − ΣD_j²/n) / (n−1)(k−1)
    """
    table = checked_ratings(ratings)
    k = table.shape[1]
    whole = ~np.isnan(table).any(axis=1)
    # About the mean, so that the differences of squares below lose no digits.
    table = table - (table[whole].mean() if whole.any() else 0.0)
    table[~whole] = 0.0
    together = table.sum(axis=1)
    apart = table - together[:, None] / k
    terms = np.column_stack([whole, together, together**2, (apart**2).sum(axis=1), apart])

    def of(sums: Floats) -> Floats:
        n, s, ss, dd = np.moveaxis(sums[..., :4], -1, 0)
        free = (k - 1) * np.where(n > 1, n - 1, np.nan)
        between = over((sums[..., 4:] ** 2).sum(axis=-1), n)
        rows = (ss - over(s**2, n)) * (k - 1) / (k * free)
        return formula(n, k, rows, between / (k - 1), (dd - between) / free)

    return Statistic(terms.astype(np.float64), of)


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


def _average(s: _MeanSquares) -> Correlation:
    """By Spearman and Brown's formula of the consistency of a single rating."""

    k = float(s.k)

    def stepped(single: float) -> float:
        return k * single / (1 + (k - 1) * single)

    if s.rows == 0:  # things do not differ
        return Correlation(None, None)
    single = _consistency(s)
    ends = None if single.ci95 is None else (stepped(single.ci95[0]), stepped(single.ci95[1]))
    return Correlation(1 - s.error / s.rows, ends)


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
