"""Predictions of the time to an event, where some are censored before it.

Definitions are those of scikit-survival 0.28 (Pölsterl 2020, JMLR 21:212) with exact ties, which
the tests compare with. The censoring distribution G is estimated on the evaluated rows; events at
a time come before the censorings at it, and G(t) counts the censorings at t.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.statistics.prediction.outcomes import divided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

__all__ = ["Survival", "integrated", "pairs_in_order"]

#: Pairs in memory at a time.
_PAIRS = 2_000_000


def pairs_in_order(
    first: NDArray[np.intp],
    comparable: object,
    risk: Floats,
    weight: Floats,
    factor: Floats,
) -> tuple[Floats, Floats]:
    """Weight of pairs whose risks are in the order of their events, and of all comparable pairs.

    Parameters
    ----------
    first
        Rows that have the event first in their pairs.
    comparable
        Rows (m,) → whether each may be the second of a pair with these: (m, rows).
    weight
        How often each row is there, shape (rows,) or (resamples, rows).
    factor
        Of each row as the first of a pair, of the same shape.
    """
    right = np.zeros(weight.shape[:-1])
    total = np.zeros(weight.shape[:-1])
    size = max(1, _PAIRS // max(1, len(risk)))
    for start in range(0, len(first), size):
        rows = first[start : start + size]
        pair = comparable(rows).astype(np.float64)  # type: ignore[operator]
        mine = risk[rows][:, None]
        ordered = pair * ((mine > risk) + 0.5 * (mine == risk))
        own = weight[..., rows] * factor[..., rows]
        total += np.einsum("...i,...i->...", own, weight @ pair.T)
        right += np.einsum("...i,...i->...", own, weight @ ordered.T)
    return right, total


class Survival:
    """Rows with a time, whether the event happened then, and a risk.

    Parameters
    ----------
    time
        Above 0.
    event
        0 where the row was censored at its time.
    risk
        Higher is earlier.
    """

    def __init__(self, time: Floats, event: Floats, risk: Floats) -> None:
        self.time, self.event, self.risk = time, event > 0.5, risk
        self.order = np.argsort(time, kind="stable")
        sorted_ = time[self.order]
        self.times, self.starts = np.unique(sorted_, return_index=True)
        self.by_risk = np.argsort(risk, kind="stable")
        self.edges = np.concatenate(
            [[0], np.flatnonzero(np.diff(risk[self.by_risk])) + 1, [len(risk)]]
        )

    def harrell(self, weight: Floats) -> Floats:
        """Harrell's C: share of comparable pairs in which the earlier event has the higher risk.

        A censoring at the time of an event is later; two events at one time are no pair; equal
        risks count half (Harrell et al. 1982, JAMA 247:2543).
        """
        return divided(*self.harrell_pairs(weight))

    def harrell_pairs(self, weight: Floats) -> tuple[Floats, Floats]:
        """Weight of ordered pairs, ties half, and of all comparable pairs."""
        first = np.flatnonzero(self.event)
        return pairs_in_order(first, self._later, self.risk, weight, np.ones_like(weight))

    def uno(self, weight: Floats, tau: float | None) -> Floats:
        """Uno's C: pairs weighted by 1/G² of the earlier time, below ``tau``.

        Uno et al. (2011), Stat. Med. 30:1105.
        """
        first = np.flatnonzero(self.event if tau is None else self.event & (self.time < tau))
        chance = self._each(self.uncensored(weight))
        factor = np.zeros_like(chance)
        np.divide(1.0, chance**2, out=factor, where=chance > 0)
        return divided(*pairs_in_order(first, self._later, self.risk, weight, factor))

    def _later(self, rows: NDArray[np.intp]) -> Bools:
        mine = self.time[rows][:, None]
        later: Bools = (self.time > mine) | ((self.time == mine) & ~self.event)
        return later

    def _counts(self, weight: Floats, which: Bools) -> tuple[Floats, Floats]:
        """At each distinct time: how many of ``which`` there are, and how many rows are at risk."""
        sorted_ = weight[..., self.order]
        there = np.add.reduceat(sorted_ * which[self.order], self.starts, axis=-1)
        total = np.add.reduceat(sorted_, self.starts, axis=-1)
        at_risk = np.cumsum(total[..., ::-1], axis=-1)[..., ::-1]
        return there, at_risk

    def kaplan_meier(self, weight: Floats) -> Floats:
        """Share without the event after each distinct time."""
        events, at_risk = self._counts(weight, self.event)
        left: Floats = 1 - np.nan_to_num(divided(events, at_risk))
        return np.asarray(np.cumprod(left, axis=-1), dtype=np.float64)

    def uncensored(self, weight: Floats) -> Floats:
        """G: share not censored after each distinct time."""
        censored, at_risk = self._counts(weight, ~self.event)
        events, _ = self._counts(weight, self.event)
        left: Floats = 1 - np.nan_to_num(divided(censored, at_risk - events))
        return np.asarray(np.cumprod(left, axis=-1), dtype=np.float64)

    def _each(self, curve: Floats) -> Floats:
        """A curve at each row's own time."""
        return curve[..., np.searchsorted(self.times, self.time)]

    def at(self, curve: Floats, time: float) -> Floats:
        """A curve at a time: 1 before the first."""
        place = int(np.searchsorted(self.times, time, side="right")) - 1
        return np.ones(curve.shape[:-1]) if place < 0 else curve[..., place]

    def auc(self, weight: Floats, time: float) -> Floats:
        """Cumulative/dynamic AUC: rows with the event by ``time`` against rows without it then.

        Cases are weighted by 1/G of their time (Hung & Chiang 2010, Can. J. Stat. 38:8).
        """
        chance = self._each(self.uncensored(weight))
        cases = np.zeros_like(chance)
        np.divide(weight, chance, out=cases, where=chance > 0)
        cases = cases * (self.event & (self.time <= time))
        controls = weight * (self.time > time)
        mine = np.add.reduceat(cases[..., self.by_risk], self.edges[:-1], axis=-1)
        other = np.add.reduceat(controls[..., self.by_risk], self.edges[:-1], axis=-1)
        below = np.cumsum(other, axis=-1) - other / 2
        ordered = (mine * below).sum(axis=-1)
        return divided(ordered, cases.sum(axis=-1) * controls.sum(axis=-1))

    def brier(self, weight: Floats, time: float, survival: Floats) -> Floats:
        """Brier score at ``time`` of predicted survival, weighted for censoring.

        Graf et al. (1999), Stat. Med. 18:2529: (S)²/G(T) of events by then, (1 − S)²/G(t) of rows
        that go on; ``survival`` has shape (rows,) or (resamples, 1).
        """
        curve = self.uncensored(weight)
        own, then = self._each(curve), self.at(curve, time)
        gone = self.event & (self.time <= time)
        lost = np.zeros_like(own)
        np.divide(survival**2 * np.ones_like(own), own, out=lost, where=own > 0)
        stayed = divided((1 - survival) ** 2 * np.ones_like(own), then[..., None])
        each = np.where(gone, lost, np.where(self.time > time, stayed, 0.0))
        return divided((weight * each).sum(axis=-1), weight.sum(axis=-1))

    def last_time(self) -> float:
        """The last time with G above 0: no horizon may lie beyond it."""
        curve = self.uncensored(np.ones(len(self.time)))
        return float(self.times[curve > 0].max(initial=0.0))


def integrated(scores: Sequence[Floats], horizons: Sequence[float]) -> Floats:
    """Mean of scores over the horizons' range, by the trapezoidal rule."""
    table = np.stack(scores, axis=-1)
    width = np.diff(np.asarray(horizons, dtype=np.float64))
    whole: Floats = ((table[..., 1:] + table[..., :-1]) / 2 * width).sum(axis=-1) / width.sum()
    return whole
