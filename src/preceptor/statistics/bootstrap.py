"""The bootstrap of a mean over examples: many metrics at once, whole clusters where needed."""

from __future__ import annotations

import functools
import zlib
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from preceptor.statistics.intervals import Z95

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["bca_intervals", "bootstrap_std", "bootstrap_stds", "resampled_means"]

#: Draws at a time: what the processor's own memory holds.
_RESAMPLED_AT_ONCE = 40_000
#: Draws that are kept for the next call: 10,000 resamples of 1,000 units, in 20 MB.
_KEPT = 10_000_000
#: Multiplications at a time that BLAS does not share among threads.
_MULTIPLIED_AT_ONCE = 250_000

#: A column present in fewer units than this is resampled within them. With 40 of U units present
#: a resample of all U misses them all with probability (1 − 40/U)^U < e⁻⁴⁰.
_FEW = 40

#: With this many units to a kind, as of answers that are right or wrong, kinds are drawn: drawing
#: 22,326 units 10,000 times takes half a minute, drawing 40 kinds of them no second.
_ALIKE = 4

_NORMAL = NormalDist()


def bootstrap_std(means: Floats, *, resamples: int = 1000, seed: int = 0) -> float:
    """Standard deviation of the clipped mean over resamples of the examples.

    What the reference implementation prints as ``:bootstrap_std``: `numpy.std` (population) of
    1,000 means, each of n examples drawn with replacement and clipped to [0, 1]. Seeded here.

    Parameters
    ----------
    means
        Shape (n examples,), unclipped.
    """
    if len(means) == 0:
        raise ValueError("bootstrap_std: no examples")
    [spread] = bootstrap_stds([means], resamples=resamples, seed=seed)
    assert spread is not None
    return spread


def bootstrap_stds(
    columns: Sequence[Floats], *, resamples: int = 1000, seed: int = 0
) -> list[float | None]:
    """The same of each of several means; None for one of no examples.

    Those of equally many examples share their draws: each alone would draw the same.
    """
    found: list[float | None] = [None] * len(columns)
    sizes: dict[int, list[int]] = {}
    for place, means in enumerate(columns):
        sizes.setdefault(len(means), []).append(place)
    for n, places in sizes.items():
        if n == 0:
            continue
        rng, step = np.random.default_rng(seed), max(1, _RESAMPLED_AT_ONCE // n)
        drawn = np.empty((resamples, len(places)))
        for start in range(0, resamples, step):
            rows = drawn[start : start + step]
            picked = rng.integers(0, n, size=(len(rows), n))
            for column, place in enumerate(places):
                rows[:, column] = columns[place][picked].mean(axis=1)
        for column, place in enumerate(places):
            found[place] = float(np.clip(drawn[:, column].copy(), 0.0, 1.0).std())
    return found


def resampled_means(
    values: ArrayLike,
    *,
    clusters: NDArray[Any] | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> Floats:
    """Means of k columns over bootstrap resamples of the rows, or of whole clusters of rows.

    A resample draws as many units (rows, or clusters) as there are, with replacement; a column's
    mean is the sum over the count of its values that are present (a ratio, where that count
    varies). One draw serves all columns, so that differences and ranks of columns can be taken
    resample by resample. The exception: a column with values in fewer than 40 units and not in
    all is resampled within those units, together with the columns that have the same ones, so
    that no resample is empty; other columns are then independent of it.

    Parameters
    ----------
    values
        Shape (n, k) or (n,); NaN where a row has no value for a column. Not clipped.
    clusters
        Shape (n,): the label of each row's cluster; None where each row is its own.

    Returns
    -------
    Shape (resamples, k); a column without any value is NaN.

    Raises
    ------
    ValueError
        For an infinite value, another shape, or no resamples.
    """
    units = _units(values, clusters)
    means = _resampled(units, resamples, seed)
    means += units.centre
    return means


def bca_intervals(
    values: ArrayLike,
    *,
    clusters: NDArray[Any] | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> Floats:
    """95 % intervals of k means by the bias-corrected and accelerated bootstrap (BCa).

    Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 14.3: percentiles of
    `resampled_means` shifted by the bias z₀ = Φ⁻¹(share of resamples below the mean; a tie counts
    half) and the acceleration a = Σ(θ̄−θᵢ)³ / (6·(Σ(θ̄−θᵢ)²)^1.5), θᵢ the mean without unit i.

    Parameters
    ----------
    values, clusters, resamples, seed
        As in `resampled_means`.

    Returns
    -------
    Shape (k, 2), low and high, unclipped. NaN where a column has values in fewer than 2 units; the
    point itself where the means of its units do not vary.

    Notes
    -----
    With few units it is too short, as every bootstrap of a mean is: for skewed scores it covered
    84 % with 5 examples, 90 % with 10 and 93 % with 20 (``bench/coverage.py``).
    """
    units = _units(values, clusters)
    means = _resampled(units, resamples, seed, together=False)
    intervals = np.full((len(units.centre), 2), np.nan)
    for column, theta in enumerate(means.T):
        here = units.counts[:, column] > 0
        if here.sum() < 2:
            continue
        sums, counts = units.sums[here, column], units.counts[here, column]
        shift = (0.0, 0.0)
        if sums.any():
            shift = _bca(theta, _jackknife(sums, counts), units.rounding[column])
        intervals[column] = units.centre[column] + np.array(shift)
    return intervals


class _Units:
    """Sums and counts of each column by unit (row or cluster), the column's mean subtracted.

    Centred, a sum is as exact as the spread allows, whatever the level: lengths of thousands of
    characters lose no digits. A column whose units all have the same mean has sums of exactly 0;
    a resampled mean within ``rounding`` of 0 is tied with the mean.
    """

    def __init__(self, values: Floats, clusters: NDArray[Any] | None) -> None:
        present = ~np.isnan(values)
        total = present.sum(axis=0)
        with np.errstate(invalid="ignore"):
            self.centre = np.where(present, values, 0.0).sum(axis=0) / total
        centred = np.where(present, values - self.centre, 0.0)
        size = np.abs(np.where(present, values, 0.0)).max(axis=0, initial=0.0)
        self.rounding = 1e-11 * np.abs(centred).max(axis=0, initial=0.0) + 1e-15 * size
        self.sums, self.counts = centred, present.astype(np.float64)
        if clusters is not None:
            labels, of = np.unique(clusters, return_inverse=True)
            self.sums, self.counts = (_added(each, of, len(labels)) for each in (centred, present))
        least = (1e-12 * size + 1e-300) * np.maximum(self.counts, 1)
        self.sums[:, (np.abs(self.sums) <= least).all(axis=0)] = 0.0

    def of(self, columns: Sequence[int] | NDArray[np.intp]) -> Floats:
        """Sums and counts of these columns, side by side."""
        return np.concatenate((self.sums[:, columns], self.counts[:, columns]), axis=1)


def _units(values: ArrayLike, clusters: NDArray[Any] | None) -> _Units:
    table = np.asarray(values, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or np.isinf(table).any():
        raise ValueError("bootstrap: expected finite values of shape (n, k), NaN where missing")
    if clusters is not None and np.shape(clusters) != (len(table),):
        raise ValueError(f"bootstrap: expected {len(table)} clusters, got {np.shape(clusters)}")
    return _Units(table, clusters)


def _added(table: NDArray[Any], of: NDArray[np.intp], number: int) -> Floats:
    """Sums of the rows of each unit, column by column: `numpy.add.at` takes ten times as long."""
    sums = np.empty((number, table.shape[1]))
    for place, column in enumerate(table.T):
        sums[:, place] = np.bincount(of, column, number)
    return sums


def _resampled(units: _Units, resamples: int, seed: int, *, together: bool = True) -> Floats:
    """Shape (resamples, k), as differences from the columns' means.

    Not ``together``, columns whose units are alike are resampled one by one, and no column is
    touched by the others.
    """
    if resamples < 1:
        raise ValueError(f"bootstrap: resamples must be at least 1, got {resamples}")
    present = units.counts > 0
    found = np.full((resamples, len(units.centre)), np.nan)
    alone = np.zeros(len(units.centre), dtype=bool)
    if not together:
        alone[:] = [len(_alike(units.of([c]))[0]) < len(present) for c in range(len(alone))]
    for rows, columns, seeds in _groups(present, alone, seed):
        kinds, sizes = _alike(units.of(columns)[rows])
        sums, counts = np.split(kinds, 2, axis=1)
        # Most columns are there in the same units: their counts are added up once.
        counts, same = np.unique(counts, axis=1, return_inverse=True)
        table, done = np.concatenate((sums, counts), axis=1), 0
        for drawn in _draws(sizes, resamples, seeds):
            totals = _product(drawn, table)
            found[done : done + len(drawn), columns] = (
                totals[:, : len(columns)] / totals[:, len(columns) :][:, same.ravel()]
            )
            done += len(drawn)
    return found


def _product(drawn: Floats, table: Floats) -> Floats:
    """The matrix product, some columns at a time.

    So small a one is made by one thread. Several take more of the processor, and no less time
    beside other processes.
    """
    found = np.empty((len(drawn), table.shape[1]))
    step = max(1, _MULTIPLIED_AT_ONCE // drawn.size)
    for start in range(0, table.shape[1], step):
        some = slice(start, start + step)
        np.matmul(drawn, table[:, some], out=found[:, some])
    return found


def _groups(
    present: NDArray[np.bool_], alone: NDArray[np.bool_], seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], tuple[int, ...]]]:
    """Units and columns that are resampled together, and their seed; ``alone`` ones one by one."""
    shares = present.sum(axis=0)
    few = (shares == 0) | ((shares < _FEW) & (shares < len(present)))
    if (~few & ~alone).any():
        yield np.arange(len(present)), np.flatnonzero(~few & ~alone), (seed,)
    for column in np.flatnonzero(~few & alone):
        yield np.arange(len(present)), np.array([column]), (seed,)
    patterns: dict[bytes, list[int]] = {}
    for column in np.flatnonzero(few & (shares > 0)):
        patterns.setdefault(present[:, column].tobytes(), []).append(int(column))
    for pattern, columns in patterns.items():
        here = np.flatnonzero(present[:, columns[0]])
        yield here, np.array(columns), (seed, zlib.crc32(pattern))


def _alike(rows: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Rows that differ, and how many there are of each; all rows where few of them are alike."""
    plain = np.ascontiguousarray(rows + 0.0)  # no −0.0, which has other bytes than 0.0
    keys = plain.view(np.dtype((np.void, plain.dtype.itemsize * plain.shape[1]))).ravel()
    _, first, sizes = np.unique(keys, return_index=True, return_counts=True)
    if len(first) > len(rows) / _ALIKE:
        return rows, np.ones(len(rows), dtype=np.intp)
    order = np.argsort(first)
    return rows[first[order]], sizes[order]


def _draws(sizes: NDArray[np.intp], resamples: int, seed: tuple[int, ...]) -> Iterator[Floats]:
    """How often each kind of unit is in each resample, a portion of the resamples at a time.

    Units that are alike are drawn together: the numbers of each kind in a resample of n units are
    multinomial, with n draws and the kinds' shares of the units.
    """
    kinds, n = len(sizes), int(sizes.sum())
    if kinds < n:
        rng = np.random.default_rng(seed)
        for size in _portions(kinds, resamples):
            yield rng.multinomial(n, sizes / n, size=size).astype(np.float64)
        return
    kept = len(seed) == 1 and n * resamples <= _KEPT
    counts: Callable[[int, int, tuple[int, ...]], Iterable[Any]] = _counts_kept if kept else _counts
    for counted in counts(n, resamples, seed):
        yield counted.astype(np.float64)


def _counts(n: int, resamples: int, seed: tuple[int, ...]) -> Iterator[NDArray[np.intp]]:
    """How often each of n units is in each resample, a portion of the resamples at a time."""
    rng = np.random.default_rng(seed)
    for size in _portions(n, resamples):
        picked = rng.integers(0, n, size=(size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(picked.ravel(), minlength=size * n).reshape(size, n)


@functools.lru_cache(2)
def _counts_kept(
    n: int, resamples: int, seed: tuple[int, ...]
) -> list[NDArray[np.unsignedinteger]]:
    """The same: runs on equally many examples, and a result's columns one by one, draw alike."""
    return [each.astype(np.min_scalar_type(n)) for each in _counts(n, resamples, seed)]


def _portions(kinds: int, resamples: int) -> Iterator[int]:
    """Numbers of resamples that are drawn at a time."""
    step = max(4, _RESAMPLED_AT_ONCE // max(kinds, 1))
    for start in range(0, resamples, step):
        yield min(step, resamples - start)


def _jackknife(sums: Floats, counts: Floats) -> Floats:
    """The ratio without each unit in turn, as a difference from the ratio of all (which is 0)."""
    without: Floats = (sums.sum() - sums) / (counts.sum() - counts)
    return without


def _bca(theta: Floats, without: Floats, rounding: float) -> tuple[float, float]:
    """Low and high of resampled means, the mean itself being 0."""
    below = (theta < -rounding).mean() + (np.abs(theta) <= rounding).mean() / 2
    least = 0.5 / len(theta)
    bias = _NORMAL.inv_cdf(min(max(below, least), 1 - least))
    influence = without.mean() - without
    influence /= np.abs(influence).max()  # tiny ones cubed would be 0
    acceleration = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
    # |acceleration| ≤ 1/6, so that the denominator is positive for |z| < 6.
    ends = (bias + shift for shift in (-Z95, Z95))
    shares = [_NORMAL.cdf(bias + z / (1 - acceleration * z)) for z in ends]
    low, high = np.quantile(theta, shares)
    return float(low), float(high)
