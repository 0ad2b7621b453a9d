"""How steady a system is: the worst and the best of k answers, and the spread of repeats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Variation", "expected_extreme", "order_curve", "variation"]

#: Two scores of one example closer than this are the same score.
_SAME = 1e-9


def expected_extreme(
    scores: NDArray[np.float64], k: int, *, worst: bool = True
) -> NDArray[np.float64]:
    """Expected lowest (or highest) of k answers to each example, drawn without replacement.

    HealthBench (arXiv 2505.08775), worst-at-k. With the N scores of an example ascending,
    s_(0) ≤ … ≤ s_(N−1)::

        W_k = Σ_i s_(i) · C(N−1−i, k−1) / C(N, k)

    which is the mean over all C(N, k) subsets of their minimum; best-at-k is the same from the
    other end.

    Parameters
    ----------
    scores
        Shape (n examples, repeats); NaN where a repeat is missing. N may differ by example.
    k
        1 or more; with 1 it is the mean.

    Returns
    -------
    Shape (n examples,), on the scale of the scores, unclipped.

    Raises
    ------
    ValueError
        If an example has fewer than k scores.
    """
    table = _table(scores, "expected_extreme")
    if k < 1:
        raise ValueError(f"expected_extreme: k must be 1 or more (got {k})")
    present = (~np.isnan(table)).sum(axis=1)
    if (present < k).any():
        short = int((present < k).sum())
        raise ValueError(
            f"expected_extreme: every example needs {k} scores; "
            f"{short} of {len(table)} have fewer (the least is {present.min()})"
        )
    # NaN sorts last, so the scores of an example are always its first columns.
    ordered = np.sort(table if worst else -table, axis=1)
    expected = np.empty(len(table))
    for repeats in np.unique(present):
        rows = present == repeats
        expected[rows] = ordered[rows, :repeats] @ _weights(int(repeats), k)
    return expected if worst else -expected


def order_curve(
    scores: NDArray[np.float64], ks: Sequence[int], *, worst: bool = True
) -> NDArray[np.float64]:
    """Worst-at-k (or best-at-k) of a system: the mean over examples of `expected_extreme`.

    Parameters
    ----------
    scores
        Shape (n examples, repeats); NaN where a repeat is missing.
    ks
        Numbers of answers, each 1 or more.

    Returns
    -------
    Shape (len(ks),), unclipped; the paper clips each to [0, 1] after the mean.

    Raises
    ------
    ValueError
        If an example has fewer than max(ks) scores.
    """
    if len(ks) == 0:
        raise ValueError("order_curve: expected at least one k")
    if min(ks) >= 1:
        expected_extreme(scores, max(ks), worst=worst)
    return np.array([expected_extreme(scores, k, worst=worst).mean() for k in ks])


class Variation(msgspec.Struct, frozen=True):
    """How much of the spread of scores is between repeats of one example.

    Attributes
    ----------
    within_sd
        σ: square root of the mean variance within an example, over those with repeats.
    between_sd
        τ: spread of the examples' true means, as in `mean_interval`; None for a single example.
    changed
        Share, 0 to 1, of the examples with repeats whose scores are not all the same.
    n
        Examples with two repeats or more.
    run_to_run_sd
        σ/√(number of examples): how much the score of a run with one repeat of each of the same
        examples moves when it is run again (HealthBench, table 7: 0.0016 to 0.0029).
    """

    within_sd: float
    between_sd: float | None
    changed: float
    n: int
    run_to_run_sd: float


def variation(scores: NDArray[np.float64]) -> Variation | None:
    """Spread of the scores within and between examples; None where no example has repeats.

    The decomposition is that of HealthBench Professional (arXiv 2604.27470)::

        σ² = mean variance within an example (n−1 in the denominator)
        τ² = max(0, Var(example means) − σ²/m),  m the mean number of repeats

    Parameters
    ----------
    scores
        Shape (n examples, repeats); NaN where a repeat is missing. Each row has at least one score.
    """
    table = _table(scores, "variation")
    present = ~np.isnan(table)
    repeats = present.sum(axis=1)
    if not repeats.all():
        raise ValueError("variation: every example needs at least one score")
    several = table[repeats > 1]
    if len(several) == 0:
        return None
    within = float(np.nanvar(several, axis=1, ddof=1).mean())
    between = None
    if len(table) > 1:
        means = np.nansum(table, axis=1) / repeats
        between = math.sqrt(max(0.0, float(means.var(ddof=1)) - within / float(repeats.mean())))
    span = np.nanmax(several, axis=1) - np.nanmin(several, axis=1)
    return Variation(
        within_sd=math.sqrt(within),
        between_sd=between,
        changed=float((span > _SAME).mean()),
        n=len(several),
        run_to_run_sd=math.sqrt(within / len(table)),
    )


def _weights(n: int, k: int) -> NDArray[np.float64]:
    # C(n−1−i, k−1)/C(n, k) as a running product: the binomials themselves overflow from n ≈ 1,030.
    i = np.arange(n - 1)
    ratios = np.maximum(n - k - i, 0) / (n - 1 - i)
    weights: NDArray[np.float64] = (k / n) * np.concatenate(([1.0], np.cumprod(ratios)))
    return weights


def _table(scores: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"{name}: expected scores of shape (examples, repeats), got {table.shape}")
    return table
