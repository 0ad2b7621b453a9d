"""Rank correlations of two raters, with ties, fast enough to be resampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from preceptor.statistics.sums import Statistic, checked_ratings, midranks, over

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["MOST_CELLS", "kendall_tau", "spearman_rho"]

#: More different pairs of values than this have no rank correlation here: tau's cost is their
#: square.
MOST_CELLS = 1_000


def spearman_rho(ratings: ArrayLike) -> Statistic:
    """Spearman's rank correlation of two columns, ties having their mean rank.

    Spearman (1904), Am. J. Psychol. 15:72. NaN where a column does not vary.

    Raises
    ------
    ValueError
        There are more than MOST_CELLS different pairs of values.
    """
    cells = _Cells(ratings)

    def formula(sums: Floats) -> Floats:
        x, y = (midranks(sums @ onehot)[..., codes] for codes, onehot in cells.sides)
        total = sums.sum(-1, keepdims=True)
        x = x - over((sums * x).sum(-1, keepdims=True), total)
        y = y - over((sums * y).sum(-1, keepdims=True), total)
        spread = np.sqrt((sums * x**2).sum(-1) * (sums * y**2).sum(-1))
        return over((sums * x * y).sum(-1), np.where(spread > 1e-9 * total[..., 0], spread, 0))

    return Statistic(cells.terms, formula)


def kendall_tau(ratings: ArrayLike) -> Statistic:
    """Kendall's tau-b of two columns: concordant minus discordant pairs, corrected for ties.

    Kendall (1945), Biometrika 33:239. NaN where a column does not vary.

    Raises
    ------
    ValueError
        There are more than MOST_CELLS different pairs of values.
    """
    cells = _Cells(ratings)
    x, y = (np.sign(codes[:, None] - codes).astype(np.float64) for codes, _ in cells.sides)

    def formula(sums: Floats) -> Floats:
        def over_pairs(matrix: Floats) -> Floats:
            found: Floats = ((sums @ matrix) * sums).sum(-1)
            return found

        untied = np.sqrt(over_pairs(np.abs(x)) * over_pairs(np.abs(y)))
        return over(over_pairs(x * y), untied)

    return Statistic(cells.terms, formula)


class _Cells:
    """The different pairs of values of two columns; ``terms`` (n, cells) says whose is which."""

    def __init__(self, ratings: ArrayLike) -> None:
        table = checked_ratings(ratings, 2)
        both = ~np.isnan(table).any(axis=1)
        pairs, which = np.unique(table[both], axis=0, return_inverse=True)
        if len(pairs) > MOST_CELLS:
            raise ValueError(f"agreement: more than {MOST_CELLS:,} different pairs of values")
        self.terms = np.zeros((len(table), len(pairs)))
        self.terms[np.flatnonzero(both), which.ravel()] = 1.0
        #: For each column: the place of each cell's value, and (cells, values) one-hot.
        self.sides = []
        for column in pairs.T:
            values, codes = np.unique(column, return_inverse=True)
            self.sides.append((codes, np.eye(len(values))[codes]))
