"""Tests on ranks: signed ranks of paired differences, and rank sums of two groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import scipy  # its parts are imported where they are first used

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "RankSum",
    "SignedRank",
    "mann_whitney",
    "median_interval",
    "signed_rank",
    "signed_rank_p",
    "undivided",
]

#: Up to this many differences without ties the distribution is counted, not approximated.
_EXACT = 50
_EXACT_SMALLER = 8


class SignedRank(msgspec.Struct, frozen=True):
    """Wilcoxon's signed-rank test of paired differences.

    Attributes
    ----------
    n
        Differences; ``unequal`` of them are not 0, and only these are ranked.
    shift
        Hodges–Lehmann estimate: the median of the means of all pairs of differences, each with
        itself included.
    ci95
        Its distribution-free 95 % interval; None where there are too few differences for one.
    p
        Two-sided; 1 where all differences are 0.
    """

    n: int
    unequal: int
    shift: float
    ci95: tuple[float, float] | None
    p: float


class RankSum(msgspec.Struct, frozen=True):
    """Mann–Whitney's test of two groups.

    ``superiority`` is the probability that one of the first is above one of the second, ties half.
    """

    n: tuple[int, int]
    superiority: float
    p: float


def signed_rank(differences: ArrayLike) -> SignedRank | None:
    """Test whether paired differences are symmetric about 0; None without any.

    Wilcoxon (1945), Biometrics Bulletin 1:80: zeros are left out, equal sizes share their mean
    rank. Exact for at most 50 differences of different sizes; else the normal approximation with
    the variance corrected for ties. The estimate and its interval are those of Hodges & Lehmann
    (1963), Ann. Math. Stat. 34:598.
    """
    d = np.asarray(differences, dtype=np.float64).ravel()
    p = signed_rank_p(d)
    if p is None:
        return None
    shift, interval = _hodges_lehmann(d)
    return SignedRank(len(d), int(np.count_nonzero(d)), shift, interval, p)


def signed_rank_p(differences: ArrayLike) -> float | None:
    """The p of :func:`signed_rank` alone, without the estimate, which takes all pairs."""
    d = np.asarray(differences, dtype=np.float64).ravel()
    if not np.isfinite(d).all():
        raise ValueError("a difference must be a finite number")
    if not len(d):
        return None
    ranked = d[d != 0]
    n = len(ranked)
    if not n:
        return 1.0
    ranks, ties = _mid_ranks(np.abs(ranked))
    up = float(ranks[ranked > 0].sum())
    if n <= _EXACT and not ties and n == len(d):
        return _exact_signed(n, min(up, n * (n + 1) / 2 - up))
    variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48
    return _two_sided((up - n * (n + 1) / 4) / variance**0.5)


def mann_whitney(first: ArrayLike, second: ArrayLike) -> RankSum | None:
    """Test whether two groups have one distribution; None where one is empty.

    Mann & Whitney (1947), Ann. Math. Stat. 18:50. Exact where a group has at most 8 values and
    none are equal; else the normal approximation with corrections for ties and continuity.
    """
    a, b = (np.asarray(each, dtype=np.float64).ravel() for each in (first, second))
    m, n = len(a), len(b)
    if not m or not n:
        return None
    ranks, ties = _mid_ranks(np.concatenate([a, b]))
    u = float(ranks[:m].sum()) - m * (m + 1) / 2
    if min(m, n) <= _EXACT_SMALLER and not ties:
        p = _exact_sums(m, n, min(u, m * n - u))
    else:
        whole = m + n
        variance = m * n / 12 * ((whole + 1) - ties / (whole * (whole - 1)))
        off = max(abs(u - m * n / 2) - 0.5, 0.0)
        p = 1.0 if variance <= 0 else _two_sided(off / variance**0.5)
    return RankSum((m, n), u / (m * n), p)


def median_interval(values: ArrayLike) -> tuple[float, float] | None:
    """The 95 % interval of a median between two order statistics; None of fewer than 6 values.

    Of n values the k-th from both ends, with the largest k for which a binomial variable of n and ½
    is below k with a chance of at most 0.025: Conover (1999), Practical Nonparametric Statistics,
    section 3.2.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64).ravel())
    n = len(ordered)
    if n < 6:
        return None
    k = int(np.floor(scipy.special.bdtrik(0.025, n, 0.5))) + 1
    while k > 1 and float(scipy.special.bdtr(k - 1, n, 0.5)) > 0.025:
        k -= 1
    low, high = float(ordered[k - 1]), float(ordered[n - k])
    return (low, high) if low < high else None


def undivided(n: int, apart: NDArray[np.bool_]) -> list[list[int]]:
    """The longest runs of neighbours of which no two are apart, those of one left out.

    Parameters
    ----------
    n
        Systems, in their order.
    apart
        Shape (n, n), symmetric: whether a test tells two of them apart.

    Notes
    -----
    The bars of a critical-difference diagram: Demšar (2006), JMLR 7:1.
    """
    runs: list[list[int]] = []
    reached = 0
    for start in range(n):
        end = start + 1
        while end < n and not apart[start : end + 1, end].any():
            end += 1
        if end - start > 1 and end > reached:
            runs.append(list(range(start, end)))
            reached = end
    return runs


def _mid_ranks(values: Floats) -> tuple[Floats, float]:
    """Ranks from 1, equals sharing their mean; and the sum of t³ − t over groups of t equals."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[inverse.ravel()]
    return ranks, float((counts.astype(np.float64) ** 3 - counts).sum())


def _two_sided(z: float) -> float:
    return min(1.0, 2 * float(scipy.special.ndtr(-abs(z))))


def _exact_signed(n: int, least: float) -> float:
    """Twice the chance of a rank sum as small as this, all signs being equally likely."""
    ways = np.zeros(n * (n + 1) // 2 + 1)
    ways[0] = 1
    for rank in range(1, n + 1):
        ways[rank:] = ways[rank:] + ways[: len(ways) - rank]
    return min(1.0, 2 * float(ways[: int(least) + 1].sum()) / 2.0**n)


def _exact_sums(m: int, n: int, least: float) -> float:
    """Twice the chance of a U as small as this, all orders being equally likely."""
    small, large = sorted((m, n))
    size = small * large + 1
    # Gaussian binomial coefficients: the partitions of U into at most `small` parts of ≤ `large`.
    ways = np.zeros(size)
    ways[0] = 1
    for part in range(1, small + 1):
        top = large + part
        if top < size:
            ways[top:] -= ways[: size - top].copy()
        for at in range(part, size):
            ways[at] += ways[at - part]
    return min(1.0, 2 * float(ways[: int(least) + 1].sum() / ways.sum()))


def _hodges_lehmann(d: Floats) -> tuple[float, tuple[float, float] | None]:
    """The median of the Walsh averages, and the averages that bound its interval."""
    n = len(d)
    rows, columns = np.triu_indices(n)
    walsh = np.sort((d[rows] + d[columns]) / 2)
    centre, spread = n * (n + 1) / 4, (n * (n + 1) * (2 * n + 1) / 24) ** 0.5
    skipped = int(np.floor(centre - float(scipy.special.ndtri(0.975)) * spread))
    if n < 6:  # no interval of 95 % exists: 2 / 2**n > 0.05
        return float(np.median(walsh)), None
    low, high = float(walsh[max(0, skipped)]), float(walsh[len(walsh) - 1 - max(0, skipped)])
    return float(np.median(walsh)), (low, high) if low < high else None
