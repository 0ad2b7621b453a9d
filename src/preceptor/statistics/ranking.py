"""Ranks of systems over several benchmarks, with cells missing.

Two summaries of the same table. The **mean rank** looks at each benchmark by itself. The
**Plackett–Luce strength** also knows whom a system met: to be first among strong systems counts for
more than to be first among weak ones, which is what makes it fair where cells are missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = [
    "PENALTY",
    "components",
    "mean_ranks",
    "plackett_luce",
    "rank_intervals",
    "ranks",
    "strengths",
]

#: Of the squared log-strengths, halved: a Gaussian prior of mean 0 and standard deviation 3.2.
PENALTY = 0.1

_AT_ONCE = 4_000_000
_ITERATIONS = 100
#: Of a step of Newton's method in one log-strength, so that no exponential overflows.
_LONGEST = 4.0
_SAME = 1e-6
_CONVERGED = 1e-18


def mean_ranks(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over benchmarks of a system's rank, on the scale of the whole table.

    Rank 1 of 3 and rank 1 of 30 are not the same, so a rank r among m systems is first made the
    share of the rivals that are ahead, (r − 1)/(m − 1), where a tie is half ahead; ``share`` is
    their mean over the benchmarks that the system has, and ``1 + (N − 1)·share`` is returned, with
    N the number of systems that have a rival anywhere. Where every benchmark has every system
    this is the plain mean of the ranks, ties sharing the mean rank.

    Parameters
    ----------
    cells
        Shape (..., systems, benchmarks): scores, higher is better; NaN where a system has none.

    Returns
    -------
    ranks
        Shape (..., systems), from 1 (first everywhere) to N; NaN where a system has no benchmark
        with a rival.
    """
    table = np.asarray(cells, dtype=np.float64)
    if table.size == 0:
        return np.full(table.shape[:-1], np.nan)
    parts = [_mean_ranks(part) for part in _portions(table)]
    return np.concatenate(parts).reshape(table.shape[:-1])


def _mean_ranks(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    mine, other = cells[:, :, None, :], cells[:, None, :, :]
    # A comparison with NaN is false. A present system ties with itself: half a place too many.
    ahead = (other > mine).sum(axis=2) + ((other == mine).sum(axis=2) - 1) / 2
    present = ~np.isnan(cells)
    rivals = present.sum(axis=1, keepdims=True) - 1
    counts = present & (rivals > 0)
    shares = np.where(counts, ahead / np.maximum(rivals, 1), 0.0)
    benchmarks = counts.sum(axis=2)
    mean = shares.sum(axis=2) / np.maximum(benchmarks, 1)
    systems = (benchmarks > 0).sum(axis=1, keepdims=True)
    return np.where(benchmarks > 0, 1 + (systems - 1) * mean, np.nan)


def components(present: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Which systems can be compared at all: directly in a benchmark, or by a chain of them.

    Parameters
    ----------
    present
        Shape (systems, benchmarks): whether the system has a score there.

    Returns
    -------
    labels
        Shape (systems,): 0, 1, … in the order of the first system of each connected part. A system
        without a score is a part of its own.
    """
    met = np.asarray(present, dtype=bool)
    labels = np.full(len(met), -1, dtype=np.int64)
    for first in range(len(met)):
        if labels[first] >= 0:
            continue
        inside = np.arange(len(met)) == first
        size = 0
        while size < inside.sum():
            size = inside.sum()
            inside |= met[:, met[inside].any(axis=0)].any(axis=1)
        labels[inside] = labels.max() + 1
    return labels


def ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places by strength: 1 is the strongest; equals share the best place (1, 1, 3).

    Parameters
    ----------
    values
        Shape (..., systems). A difference of less than 1e-6, which is what a fit leaves undecided,
        is none.
    """
    ahead = values[..., None, :] > values[..., :, None] + _SAME
    return np.asarray(1 + ahead.sum(axis=-1), dtype=np.int64)


def rank_intervals(
    samples: NDArray[Any], at: NDArray[Any], *, mirrored: bool = False
) -> NDArray[np.float64]:
    """95 % intervals from resamples: their 2.5 % and 97.5 % points, widened to the point itself.

    A resample adds noise of its own, so that mean ranks and strengths in it lie nearer to the
    middle than the point does, as the point lies nearer to it than the truth. With ``mirrored``
    the interval is widened to its mirror image about the point (the basic bootstrap interval), so
    that it errs on neither side. `bench/missing_cells.py` measures how often both kinds cover.

    Parameters
    ----------
    samples
        Shape (resamples, systems).
    at
        Shape (systems,): the points.

    Returns
    -------
    Shape (2, systems): low and high.
    """
    low, high = np.quantile(samples, [0.025, 0.975], axis=0, method="inverted_cdf")
    low, high = np.minimum(low, at), np.maximum(high, at)
    if mirrored:
        low, high = np.minimum(low, 2 * at - high), np.maximum(high, 2 * at - low)
    return np.array([low, high], dtype=np.float64)


def plackett_luce(
    rankings: Sequence[Sequence[int | Sequence[int]]], n_items: int, *, penalty: float = PENALTY
) -> NDArray[np.float64]:
    """Log-strengths of items from rankings of some of them.

    Parameters
    ----------
    rankings
        Each with its items, best first; a sequence in place of an item holds tied ones.
    n_items
        Items are 0 … n_items − 1.
    penalty
        As in `strengths`.

    Returns
    -------
    log_strengths
        Shape (n_items,), as in `strengths`.

    Raises
    ------
    ValueError
        An item is out of range or twice in one ranking.
    """
    cells = np.full((n_items, len(rankings)), np.nan)
    for column, ranking in enumerate(rankings):
        for place, entry in enumerate(ranking):
            for item in [entry] if isinstance(entry, int | np.integer) else entry:
                if not 0 <= item < n_items:
                    raise ValueError(f"plackett_luce: item {item} is not in 0 … {n_items - 1}")
                if not np.isnan(cells[item, column]):
                    raise ValueError(f"plackett_luce: item {item} is twice in ranking {column}")
                cells[item, column] = -place
    return strengths(cells, penalty=penalty)


def strengths(
    cells: NDArray[np.float64],
    *,
    penalty: float = PENALTY,
    start: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Penalised maximum likelihood of the Plackett–Luce model, each benchmark being one ranking.

    A ranking is read from the top: each next system is chosen from those that are left, with
    probability exp(θ_i) / Σ_left exp(θ_j) (Luce 1959; Plackett 1975). Maximised is::

        Σ_rankings Σ_places log P(chosen | left) − penalty/2 · Σ_i θ_i²

    which is a Gaussian prior of mean 0 and standard deviation 1/√penalty: it keeps a system that
    always wins, and parts that never met, finite, and pulls a system with few benchmarks towards
    the middle. Tied systems are treated as Efron (1977) does in Cox's regression, which is the
    same likelihood: the chance of the tie is close to the mean over all orders of the tied.
    Newton's method with step halving, for many tables at once.

    Parameters
    ----------
    cells
        Shape (..., systems, benchmarks): scores, higher is better; NaN where a system has none.
        Only their order within a benchmark matters.
    penalty
        Greater than 0.
    start
        Shape (systems,): where to begin, 0 by default.

    Returns
    -------
    log_strengths
        Shape (..., systems), natural logarithm, mean 0 within each connected part. The chance that
        a is ahead of b is 1 / (1 + exp(θ_b − θ_a)). 0 for a system without a score.

    Raises
    ------
    ValueError
        The penalty is not greater than 0.
    """
    if not penalty > 0:
        raise ValueError(f"strengths: the penalty must be greater than 0 (got {penalty!r})")
    table = np.asarray(cells, dtype=np.float64)
    if table.size == 0:
        return np.zeros(table.shape[:-1])
    begin = np.zeros(table.shape[-2]) if start is None else start
    parts = [_newton(*_stages(part), penalty, begin) for part in _portions(table)]
    return np.concatenate(parts).reshape(table.shape[:-1])


_Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def _portions(table: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """A batch of tables in parts whose pairs of systems fit in memory."""
    systems, benchmarks = table.shape[-2:]
    flat = table.reshape(-1, systems, benchmarks)
    step = max(1, _AT_ONCE // (systems * systems * benchmarks))
    for first in range(0, len(flat), step):
        yield flat[first : first + step]


def _stages(cells: NDArray[np.float64]) -> tuple[_Array, _Array]:
    """One choice for each score: who may be chosen, with which weight; and whether it is one.

    Shapes (tables, benchmarks, systems, systems) and (tables, benchmarks, systems). Of t systems
    that tie, the τ-th choice has them with weight 1 − τ/t (Efron).
    """
    scores = np.swapaxes(cells, 1, 2)
    mine, other = scores[..., :, None], scores[..., None, :]
    tied = other == mine
    size = np.maximum(tied.sum(axis=-1), 1)
    place = np.tril(tied, -1).sum(axis=-1)
    left = (other < mine) + tied * (1 - place / size)[..., None]
    return left, (~np.isnan(scores)).astype(np.float64)


def _newton(left: _Array, present: _Array, penalty: float, start: _Array) -> _Array:
    tables, _, systems = present.shape
    chosen = present.sum(axis=1)  # every score is one choice of its system
    theta = np.tile(start, (tables, 1))
    worth, total = _totals(theta, left, present)
    value = _objective(theta, total, chosen, penalty)
    for _ in range(_ITERATIONS):
        shares = left * (present / total)[..., None]
        expected = worth * shares.sum(axis=(1, 2))
        gradient = chosen - expected - penalty * theta
        # A product for each benchmark: small ones are not spread over threads, which is slower.
        joint = (np.swapaxes(shares, 2, 3) @ shares).sum(axis=1)
        curvature = -joint * worth[:, :, None] * worth[:, None, :]
        curvature[:, range(systems), range(systems)] += expected + penalty
        move = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        gain = (gradient * move).sum(axis=1)
        if gain.max() < _CONVERGED:
            break
        size = np.minimum(1.0, _LONGEST / np.maximum(np.abs(move).max(axis=1), _LONGEST))
        while True:
            tried = theta + size[:, None] * move
            worth, total = _totals(tried, left, present)
            found = _objective(tried, total, chosen, penalty)
            worse = (found < value + 1e-4 * size * gain - 1e-9) & (size > 1e-6)
            if not worse.any():
                break
            size[worse] /= 2
        theta, value = tried, found
    return theta


def _totals(theta: _Array, left: _Array, present: _Array) -> tuple[_Array, _Array]:
    """exp(θ), and for each choice its sum over those who were left."""
    worth = np.exp(theta)
    total = (left @ worth[:, None, :, None])[..., 0]
    return worth, np.where(present > 0, total, 1.0)


def _objective(theta: _Array, total: _Array, chosen: _Array, penalty: float) -> _Array:
    likelihood = (chosen * theta).sum(axis=1) - np.log(total).sum(axis=(1, 2))
    return np.asarray(likelihood - penalty / 2 * (theta**2).sum(axis=1))
