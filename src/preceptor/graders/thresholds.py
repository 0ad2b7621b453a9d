"""Where a cheap grader may decide: thresholds on its probability, with a guarantee."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from preceptor.errors import InputError

__all__ = ["Thresholds", "agreement_bound", "calibrate"]

Floats = NDArray[np.float64]
#: Levels of the risk of a single item at which thresholds are considered.
_RISKS = np.concatenate([np.arange(1, 40) / 200, np.arange(4, 11) / 20])


class Thresholds(msgspec.Struct, frozen=True):
    """Thresholds and what is known of them. All shares are from 0 to 1.

    Attributes
    ----------
    low, high
        The cheap grader decides where its probability is ``low`` or less, or ``high`` or more. A
        side on which it may decide nothing has −1 or 2.
    sent
        Expected share of the items that go on to the strong grader, on the held-out half.
    agreement
        Of the cheap grader's decisions with the labels, on the held-out half; None where it decides
        nothing there.
    bound
        Lower confidence bound of that agreement, by groups; None as above.
    confidence
        Of the bound.
    n, groups
        Items and groups of the held-out half.
    """

    low: float
    high: float
    sent: float
    agreement: float | None
    bound: float | None
    confidence: float
    n: int
    groups: int


def calibrate(
    probabilities: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[Hashable],
    *,
    agreement: float = 0.95,
    confidence: float = 0.95,
    seed: int = 0,
) -> Thresholds:
    """The widest thresholds at which the cheap grader still agrees as often as is wanted.

    Learn then test (Angelopoulos, Bates, Candès, Jordan & Lei 2021, arXiv:2110.01052). The groups
    are split at random into halves. On the first, an isotonic fit of the labels gives a nested
    family of thresholds, from the most careful to the boldest, and an order in which to test them:
    from the one with the clearest evidence on, ever bolder. On the second, each is tested with
    :func:`agreement_bound` until one fails; the last that passed is returned. As the order does
    not depend on the second half, the whole sequence errs no more often than one bound does,
    1 − confidence, however many are tested (fixed-sequence testing).

    The guarantee is for items of new groups from the same source as these. With few groups nothing
    may pass: then all is sent on, and that is no error.

    Parameters
    ----------
    probabilities
        Of *met*, by the cheap grader, shape (n,), 0 to 1.
    labels
        What the strong grader or physicians say, shape (n,), 0 or 1.
    groups
        Items with the same one are not independent: the prompt. Length n.
    agreement
        Wanted share of the cheap grader's decisions that agree with the labels, 0 to 1.
    seed
        Of the split.

    Raises
    ------
    InputError
        Lengths that differ, values out of range, or fewer than four groups.
    """
    p, y, g = _read(probabilities, labels, groups, agreement, confidence)
    count = int(g.max()) + 1
    order = np.random.default_rng(seed).permutation(count)
    first = np.isin(g, order[: count // 2])
    family = _family(p[first], y[first])

    def bound(low: float, high: float, half: NDArray[np.bool_]) -> float | None:
        sure = _sure(p[half], low, high)
        wrong = y[half][sure] != (p[half][sure] >= high)
        return agreement_bound(wrong, g[half][sure], confidence=confidence)

    evidence = [bound(low, high, first) or 0.0 for low, high in family]
    chosen = (-1.0, 2.0)
    for low, high in family[int(np.argmax(evidence)) :] if family else []:
        found = bound(low, high, ~first)
        if found is None or found < agreement:
            break
        chosen = (low, high)
    low, high = chosen
    held = ~first
    sure = _sure(p[held], low, high)
    right = y[held][sure] == (p[held][sure] >= high)
    return Thresholds(
        low,
        high,
        sent=float(1 - sure.mean()),
        agreement=float(right.mean()) if sure.any() else None,
        bound=bound(low, high, held),
        confidence=confidence,
        n=int(held.sum()),
        groups=count - count // 2,
    )


def agreement_bound(
    wrong: ArrayLike, groups: ArrayLike, *, confidence: float = 0.95
) -> float | None:
    """Lower confidence bound of the share of decisions that are right, from groups of them.

    Clopper and Pearson's exact bound at the effective number of decisions (Korn & Graubard 1998,
    Survey Methodology 24(2)): the number that, drawn independently, would estimate the share as
    well as these groups do, times (t of n − 1 / t of groups − 1)² for the uncertainty of that
    number itself. It is never taken to be more than there are, and to be the number of groups where
    no decision is wrong, so that its variance shows nothing.

    Parameters
    ----------
    wrong
        Whether each decision is wrong, shape (n,).
    groups
        Of each, shape (n,).
    confidence
        One-sided, 0 to 1.

    Returns
    -------
    The bound, 0 to 1; 0 with a single group; None without any decision.
    """
    from scipy.special import betaincinv, stdtrit

    errors = np.asarray(wrong, dtype=float)
    if not errors.size:
        return None
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    w, e = np.bincount(index, weights=errors), np.bincount(index).astype(float)
    n, count, share = errors.size, len(e), float(1 - errors.mean())
    if count < 2 or share == 0:
        return 0.0
    effective = float(count)
    if share < 1:
        residuals = w - (1 - share) * e
        variance = count / (count - 1) * float((residuals**2).sum()) / n**2
        effective = share * (1 - share) / variance if variance > 0 else float(count)
        ratio = float(stdtrit(n - 1, confidence) / stdtrit(count - 1, confidence))
        effective = min(effective * ratio**2, float(n))
    right = share * effective
    return float(betaincinv(right, effective - right + 1, 1 - confidence))


def _family(p: Floats, y: Floats) -> list[tuple[float, float]]:
    """Thresholds at which each single decision errs with a fitted risk of at most r, r rising."""
    from scipy.optimize import isotonic_regression

    order = np.argsort(p, kind="stable")
    values, start = np.unique(p[order], return_index=True)
    sizes = np.diff(np.append(start, len(p)))
    means = np.add.reduceat(y[order], start) / sizes
    fitted = isotonic_regression(means, weights=sizes).x
    found: dict[tuple[float, float], None] = {}
    for risk in _RISKS:
        low, high = values[fitted <= risk], values[1 - fitted <= risk]
        pair = (float(low[-1]) if low.size else -1.0, float(high[0]) if high.size else 2.0)
        if pair != (-1.0, 2.0) and pair[0] < pair[1]:
            found[pair] = None
    return list(found)


def _sure(p: Floats, low: float, high: float) -> NDArray[np.bool_]:
    return (p <= low) | (p >= high)


def _read(
    probabilities: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[Hashable],
    agreement: float,
    confidence: float,
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    p, y = np.asarray(probabilities, dtype=float), np.asarray(labels, dtype=float)
    if p.ndim != 1 or y.shape != p.shape or len(groups) != len(p):
        raise InputError(
            f"calibrate: expected as many labels and groups as probabilities ({p.size}), "
            f"found {y.size} and {len(groups)}"
        )
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("calibrate: expected probabilities from 0 to 1")
    if not ((y == 0) | (y == 1)).all():
        raise InputError("calibrate: expected labels 0 or 1")
    for name, share in (("agreement", agreement), ("confidence", confidence)):
        if not 0 < share < 1:
            raise InputError(f"calibrate: expected {name} between 0 and 1, found {share:g}")
    numbers: dict[Any, int] = {}
    g = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
    if len(numbers) < 4:
        raise InputError(f"calibrate: expected at least 4 groups, found {len(numbers)}")
    return p, y, g
