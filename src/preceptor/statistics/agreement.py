"""Agreement of raters: kappas, AC1, alpha, F1, rank correlation; intervals by whole clusters.

Every statistic here is a formula of sums over units (rated things). So a bootstrap of whole
clusters needs only the sums of each cluster, and thousands of resamples of tens of thousands of
ratings take seconds. Intraclass correlations, whose intervals have a formula, are in `icc`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from preceptor.statistics.bootstrap import resampled_means

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "MOST_CELLS",
    "Level",
    "Statistic",
    "cohen_kappa",
    "difference",
    "fleiss_kappa",
    "gwet_ac1",
    "intervals",
    "kendall_tau",
    "krippendorff_alpha",
    "macro_f1",
    "observed_agreement",
    "spearman_rho",
]

Level = Literal["nominal", "ordinal", "interval"]

#: More different pairs of values than this have no rank correlation here: tau's cost is their
#: square.
MOST_CELLS = 1_000

#: A statistic undefined in more resamples than this has no interval.
_MOST_UNDEFINED = 0.05


class Statistic(msgspec.Struct, frozen=True):
    """A statistic of sums over units.

    Attributes
    ----------
    terms
        Shape (n units, c): what each unit adds to the sums.
    formula
        Sums of shape (…, c) → values of shape (…,); NaN where they do not define it.
    """

    terms: Any
    formula: Callable[[Any], Any]

    @property
    def value(self) -> float:
        """NaN where it is not defined."""
        return float(self.formula(self.terms.sum(axis=0)))

    def interval(
        self, clusters: ArrayLike | None = None, *, resamples: int = 2_000, seed: int = 0
    ) -> tuple[float, float] | None:
        """See `intervals`."""
        return intervals([self], clusters, resamples=resamples, seed=seed)[0]


def intervals(
    statistics: Sequence[Statistic],
    clusters: ArrayLike | None = None,
    *,
    resamples: int = 2_000,
    seed: int = 0,
) -> list[tuple[float, float] | None]:
    """95 % percentile bootstrap intervals of statistics of the same units, in one draw.

    Parameters
    ----------
    clusters
        Shape (n units,): labels of what is drawn as a whole; None where each unit is its own.

    Returns
    -------
    For each statistic (low, high); None for fewer than 2 clusters, and where more than 5 % of the
    resamples do not define it.
    """
    if not statistics:
        return []
    together = np.concatenate([one.terms for one in statistics], axis=1)
    labels = np.arange(len(together))
    if clusters is not None:
        labels = np.unique(np.asarray(clusters), return_inverse=True)[1].ravel()
    if len(np.unique(labels)) < 2:
        return [None] * len(statistics)
    means = resampled_means(together, clusters=labels, resamples=resamples, seed=seed)
    # Sums on the scale of the whole; what is 0 but for rounding is 0, so that it is undefined.
    sums = means * len(together)
    sums[np.abs(sums) < 1e-7] = 0.0
    ends = np.cumsum([one.terms.shape[1] for one in statistics])[:-1]
    parts = np.split(sums, ends, axis=1)
    return [_bounds(one.formula(part)) for one, part in zip(statistics, parts, strict=True)]


def _bounds(values: Floats) -> tuple[float, float] | None:
    defined = values[~np.isnan(values)]
    if len(defined) < (1 - _MOST_UNDEFINED) * len(values):
        return None
    low, high = np.quantile(defined, (0.025, 0.975))
    # A resampled sum is rounded at its last digit: 0 is to be 0.
    return round(float(low), 12) + 0.0, round(float(high), 12) + 0.0


def difference(a: Statistic, b: Statistic) -> Statistic:
    """a − b, where b's units come after a's: the clusters of both, one after the other."""
    width = a.terms.shape[1]
    terms = np.zeros((len(a.terms) + len(b.terms), width + b.terms.shape[1]))
    terms[: len(a.terms), :width] = a.terms
    terms[len(a.terms) :, width:] = b.terms

    def formula(sums: Floats) -> Floats:
        found: Floats = a.formula(sums[..., :width]) - b.formula(sums[..., width:])
        return found

    return Statistic(terms, formula)


# Two raters


def observed_agreement(ratings: ArrayLike) -> Statistic:
    """Share of the units with two ratings on which two raters say the same; shape (n, 2)."""
    tables, size = _tables(ratings)
    return Statistic(tables, lambda sums: _over(_square(sums, size).trace(0, -2, -1), sums.sum(-1)))


def cohen_kappa(
    ratings: ArrayLike, weights: Literal["linear", "quadratic"] | None = None
) -> Statistic:
    """Cohen's kappa of two raters, chance being the product of their own shares.

    Cohen (1960), Educ. Psychol. Meas. 20:37; weighted (1968), Psychol. Bull. 70:213::

        κ = 1 − Σ w·o / Σ w·e,   w = [i ≠ j], |i − j| or (i − j)² of the categories' places

    Parameters
    ----------
    ratings
        Shape (n, 2), one column a rater; NaN where missing (the unit is left out). The categories
        are the values that occur, in order.

    Returns
    -------
    From −1 to 1; NaN where both raters use one and the same category only.
    """
    tables, size = _tables(ratings)
    place = np.arange(size, dtype=np.float64)
    apart = np.abs(place[:, None] - place)
    penalty = {None: (apart > 0) * 1.0, "linear": apart, "quadratic": apart**2}[weights]

    def formula(sums: Floats) -> Floats:
        table = _square(sums, size)
        total = table.sum((-2, -1))
        expected = table.sum(-1)[..., :, None] * table.sum(-2)[..., None, :]
        seen = (penalty * table).sum((-2, -1))
        return 1 - _over(seen * total, (penalty * expected).sum((-2, -1)))

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
        each = np.where(both, _over(2 * hits, rows + columns), np.nan)
        found: Floats = each.mean(-1)
        return found if size > 1 else np.full(found.shape, np.nan)

    return Statistic(tables, formula)


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
        x, y = (_midranks(sums @ onehot)[..., codes] for codes, onehot in cells.sides)
        total = sums.sum(-1, keepdims=True)
        x = x - _over((sums * x).sum(-1, keepdims=True), total)
        y = y - _over((sums * y).sum(-1, keepdims=True), total)
        spread = np.sqrt((sums * x**2).sum(-1) * (sums * y**2).sum(-1))
        return _over((sums * x * y).sum(-1), np.where(spread > 1e-9 * total[..., 0], spread, 0))

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
        return _over(over_pairs(x * y), untied)

    return Statistic(cells.terms, formula)


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
    counts = _counts(_checked(ratings), categories)
    each = counts.sum(axis=1)
    agreeing = _over((counts * (counts - 1)).sum(axis=1), each * (each - 1))
    shares = _over(counts, each[:, None])
    terms = np.column_stack(
        [np.nan_to_num(agreeing), each >= 2, each >= 1, np.nan_to_num(shares)]
    ).astype(np.float64)

    def formula(sums: Floats) -> Floats:
        agreement = _over(sums[..., 0], sums[..., 1])
        expected = chance(_over(sums[..., 3:], sums[..., 2:3]))
        return _over(agreement - expected, 1 - expected)

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
    everything = _checked(ratings)
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
        ranks = _midranks(totals)
        apart = (ranks[..., :, None] - ranks[..., None, :]) ** 2
        if level == "nominal":
            apart = np.broadcast_to(1.0 - np.eye(size), apart.shape)
        expected = totals[..., :, None] * totals[..., None, :]
        return 1 - _over((n - 1) * (apart * seen).sum((-2, -1)), (apart * expected).sum((-2, -1)))

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
        return 1 - _over((count - 1) * observed, np.where(varies, expected, 0.0))

    return Statistic(terms, formula)


# Shared


def _over(numerator: Any, denominator: Any) -> Floats:
    """Division with NaN, not a warning, for a denominator of 0."""
    below = np.asarray(denominator, dtype=np.float64)
    found: Floats = np.asarray(numerator) / np.where(below == 0, np.nan, below)
    return found


def _checked(ratings: ArrayLike, columns: int | None = None) -> Floats:
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or (columns and table.shape[1] != columns):
        wanted = columns or "two or more"
        raise ValueError(f"agreement: expected ratings of shape (n, {wanted}), got {table.shape}")
    if np.isinf(table).any():
        raise ValueError("agreement: expected finite ratings, NaN where missing")
    return table


def _counts(table: Floats, categories: Sequence[float] | None) -> Floats:
    """Shape (n, K): how many raters put each unit in each category."""
    values = np.unique(table[~np.isnan(table)]) if categories is None else np.array(categories)
    if categories is not None and not np.isin(table[~np.isnan(table)], values).all():
        raise ValueError("agreement: a rating is none of the categories")
    counts = np.zeros((len(table), max(1, len(values))))
    for place, value in enumerate(values):
        counts[:, place] = (table == value).sum(axis=1)
    return counts


def _tables(ratings: ArrayLike) -> tuple[Floats, int]:
    """Shape (n, K·K): the cell of each unit with both ratings; and K."""
    table = _checked(ratings, 2)
    values = np.unique(table[~np.isnan(table)])
    size = max(1, len(values))
    found = np.zeros((len(table), size * size))
    both = ~np.isnan(table).any(axis=1)
    codes = np.searchsorted(values, table[both])
    found[np.flatnonzero(both), codes[:, 0] * size + codes[:, 1]] = 1.0
    return found, size


def _square(sums: Floats, size: int) -> Floats:
    return sums.reshape(*sums.shape[:-1], size, size)


class _Cells:
    """The different pairs of values of two columns; ``terms`` (n, cells) says whose is which."""

    def __init__(self, ratings: ArrayLike) -> None:
        table = _checked(ratings, 2)
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


def _midranks(totals: Floats) -> Floats:
    """Mean rank of each value, from how often each occurs, in order."""
    found: Floats = np.cumsum(totals, axis=-1) - totals / 2
    return found
