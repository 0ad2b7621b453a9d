"""Agreement of raters beyond chance: kappas, AC1, alpha; and F1.

Each is a formula of sums over units (rated things), so that `intervals` resamples whole clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from preceptor.statistics.sums import Statistic, checked_ratings, midranks, over

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "Level",
    "Statistic",
    "cohen_kappa",
    "fleiss_kappa",
    "gwet_ac1",
    "krippendorff_alpha",
    "macro_f1",
    "observed_agreement",
]

Level = Literal["nominal", "ordinal", "interval"]

# Two raters


def observed_agreement(ratings: ArrayLike) -> Statistic:
    """Share of the units with two ratings on which two raters say the same; shape (n, 2)."""
    tables, size = _tables(ratings)
    return Statistic(tables, lambda sums: over(_square(sums, size).trace(0, -2, -1), sums.sum(-1)))


def cohen_kappa(
    ratings: ArrayLike,
    weights: Literal["linear", "quadratic"] | None = None,
    categories: Sequence[float] | None = None,
) -> Statistic:
    """Cohen's kappa of two raters, chance being the product of their own shares.

    Cohen (1960), Educ. Psychol. Meas. 20:37; weighted (1968), Psychol. Bull. 70:213::

        κ = 1 − Σ w·o / Σ w·e,   w = [i ≠ j], |i − j| or (i − j)² of the categories' places

    Parameters
    ----------
    ratings
        Shape (n, 2), one column a rater; NaN where missing (the unit is left out).
    categories
        All categories of the scale, in order; None for those that occur, where a step that nobody
        used adds no distance.

    Returns
    -------
    From −1 to 1; NaN where both raters use one and the same category only.
    """
    tables, size = _tables(ratings, categories)
    place = np.arange(size, dtype=np.float64)
    apart = np.abs(place[:, None] - place)
    penalty = {None: (apart > 0) * 1.0, "linear": apart, "quadratic": apart**2}[weights]

    def formula(sums: Floats) -> Floats:
        table = _square(sums, size)
        total = table.sum((-2, -1))
        expected = table.sum(-1)[..., :, None] * table.sum(-2)[..., None, :]
        seen = (penalty * table).sum((-2, -1))
        return 1 - over(seen * total, (penalty * expected).sum((-2, -1)))

    return Statistic(tables, formula)


def macro_f1(ratings: ArrayLike) -> Statistic:
    """Unweighted mean over classes of F1 = 2·TP / (2·TP + FP + FN), for two raters.

    HealthBench's ``pairwise_model_f1_balanced`` with the grader in one column and a physician in
    the other (arXiv 2505.08775, section on meta-evaluation); it is the same with columns swapped.

    Returns
    -------
    From 0 to 1; NaN unless each class occurs in both columns.
    """
    tables, size = _tables(ratings)

    def formula(sums: Floats) -> Floats:
        table = _square(sums, size)
        rows, columns = table.sum(-1), table.sum(-2)
        hits = np.diagonal(table, axis1=-2, axis2=-1)
        both = (rows > 0) & (columns > 0)
        each = np.where(both, over(2 * hits, rows + columns), np.nan)
        found: Floats = each.mean(-1)
        return found if size > 1 else np.full(found.shape, np.nan)

    return Statistic(tables, formula)


# Several raters


def fleiss_kappa(ratings: ArrayLike, categories: Sequence[float] | None = None) -> Statistic:
    """Fleiss' kappa: chance is Σ π², π the mean share of each category.

    Fleiss (1971), Psychol. Bull. 76:378; with missing ratings as in Gwet (2014), Handbook of
    Inter-Rater Reliability, 4th ed., chapter 2: agreement over units with two ratings or more,
    shares over units with any.

    Parameters
    ----------
    ratings
        Shape (n, raters); NaN where missing.

    Returns
    -------
    At most 1; NaN where only one category occurs.
    """
    return _chance_corrected(ratings, categories, lambda shares: (shares**2).sum(-1))


def gwet_ac1(ratings: ArrayLike, categories: Sequence[float] | None = None) -> Statistic:
    """Gwet's AC1: chance is Σ π·(1 − π) / (K − 1), which stays low where one category prevails.

    Gwet (2008), Br. J. Math. Stat. Psychol. 61:29; missing ratings as in `fleiss_kappa`.

    Parameters
    ----------
    categories
        All that could have been chosen (K is their number); None: those that occur.

    Returns
    -------
    At most 1; NaN where there is only one category.
    """

    def chance(shares: Floats) -> Floats:
        if shares.shape[-1] < 2:
            return np.full(shares.shape[:-1], np.nan)
        found: Floats = (shares * (1 - shares)).sum(-1) / (shares.shape[-1] - 1)
        return found

    return _chance_corrected(ratings, categories, chance)


def _chance_corrected(
    ratings: ArrayLike, categories: Sequence[float] | None, chance: Callable[[Floats], Floats]
) -> Statistic:
    """(p − e) / (1 − e) with p the mean share of a unit's pairs of ratings that agree."""
    counts = _counts(checked_ratings(ratings), categories)
    each = counts.sum(axis=1)
    agreeing = over((counts * (counts - 1)).sum(axis=1), each * (each - 1))
    shares = over(counts, each[:, None])
    terms = np.column_stack(
        [np.nan_to_num(agreeing), each >= 2, each >= 1, np.nan_to_num(shares)]
    ).astype(np.float64)

    def formula(sums: Floats) -> Floats:
        agreement = over(sums[..., 0], sums[..., 1])
        expected = chance(over(sums[..., 3:], sums[..., 2:3]))
        return over(agreement - expected, 1 - expected)

    return Statistic(terms, formula)


def krippendorff_alpha(ratings: ArrayLike, level: Level = "nominal") -> Statistic:
    """Krippendorff's alpha: 1 − observed / expected disagreement, any raters, any missing.

    Krippendorff (2004), Content Analysis, 2nd ed., chapter 11. The squared distance of two values
    is [a ≠ b] (nominal), that of their mean ranks among all ratings (ordinal), or (a − b)²
    (interval). Units with fewer than two ratings do not count.

    Parameters
    ----------
    ratings
        Shape (n, raters); NaN where missing.

    Returns
    -------
    At most 1; NaN where the ratings do not vary.
    """
    everything = checked_ratings(ratings)
    kept = (~np.isnan(everything)).sum(axis=1) >= 2
    if level == "interval":
        return _interval_alpha(everything, kept)
    counts = _counts(everything[kept], None)
    size = counts.shape[1]
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs[:, np.arange(size), np.arange(size)] -= counts
    terms = np.zeros((len(everything), size * size))
    terms[kept] = (pairs / (counts.sum(axis=1) - 1)[:, None, None]).reshape(
        len(counts), size * size
    )

    def formula(sums: Floats) -> Floats:
        seen = _square(sums, size)
        totals = seen.sum(-1)
        n = totals.sum(-1)
        ranks = midranks(totals)
        apart = (ranks[..., :, None] - ranks[..., None, :]) ** 2
        if level == "nominal":
            apart = np.broadcast_to(1.0 - np.eye(size), apart.shape)
        expected = totals[..., :, None] * totals[..., None, :]
        return 1 - over((n - 1) * (apart * seen).sum((-2, -1)), (apart * expected).sum((-2, -1)))

    return Statistic(terms, formula)


def _interval_alpha(everything: Floats, kept: NDArray[np.bool_]) -> Statistic:
    """From sums of squares, whatever the number of different values."""
    table = everything[kept]
    # About the mean, so that the difference of squares below loses no digits.
    table = table - (np.nanmean(table) if table.size else 0.0)
    each = (~np.isnan(table)).sum(axis=1)
    total, squares = np.nansum(table, axis=1), np.nansum(table**2, axis=1)
    inside = 2 * (each * squares - total**2) / (each - 1)
    terms = np.zeros((len(everything), 4))
    terms[kept] = np.column_stack([inside, each, total, squares])

    def formula(sums: Floats) -> Floats:
        observed, count, all_of, squared = np.moveaxis(sums, -1, 0)
        expected = 2 * (count * squared - all_of**2)
        varies = expected > 1e-12 * np.maximum(count, 1) * np.abs(squared)
        return 1 - over((count - 1) * observed, np.where(varies, expected, 0.0))

    return Statistic(terms, formula)


# Shared


def _counts(table: Floats, categories: Sequence[float] | None) -> Floats:
    """Shape (n, K): how many raters put each unit in each category."""
    values = _values(table, categories)
    counts = np.zeros((len(table), max(1, len(values))))
    for place, value in enumerate(values):
        counts[:, place] = (table == value).sum(axis=1)
    return counts


def _values(table: Floats, categories: Sequence[float] | None) -> Floats:
    """The categories, or the values that occur, in order."""
    said = table[~np.isnan(table)]
    if categories is None:
        return np.unique(said)
    values = np.array(categories, dtype=np.float64)
    if not np.isin(said, values).all():
        raise ValueError("agreement: a rating is none of the categories")
    return values


def _tables(ratings: ArrayLike, categories: Sequence[float] | None = None) -> tuple[Floats, int]:
    """Shape (n, K·K): the cell of each unit with both ratings; and K."""
    table = checked_ratings(ratings, 2)
    values = _values(table, categories)
    size = max(1, len(values))
    found = np.zeros((len(table), size * size))
    both = ~np.isnan(table).any(axis=1)
    codes = np.searchsorted(values, table[both])
    found[np.flatnonzero(both), codes[:, 0] * size + codes[:, 1]] = 1.0
    return found, size


def _square(sums: Floats, size: int) -> Floats:
    return sums.reshape(*sums.shape[:-1], size, size)
