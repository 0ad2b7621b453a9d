"""What follows from calling rows positive at a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from preceptor.statistics.prediction.outcomes import Sums, divided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Table", "at_threshold", "net_benefit", "net_benefit_of_all"]


class Table(NamedTuple):
    """The four cells of rows by outcome and call; each is a number, or one for each resample."""

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats

    @property
    def sensitivity(self) -> Floats:
        return divided(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> Floats:
        return divided(self.tn, self.tn + self.fp)

    @property
    def ppv(self) -> Floats:
        """Share of the rows called positive that are."""
        return divided(self.tp, self.tp + self.fp)

    @property
    def npv(self) -> Floats:
        return divided(self.tn, self.tn + self.fn)

    @property
    def f1(self) -> Floats:
        """2·TP / (2·TP + FP + FN)."""
        return divided(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def mcc(self) -> Floats:
        """Matthews' correlation coefficient, −1 to 1."""
        tp, fp, fn, tn = self
        product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return divided(tp * tn - fp * fn, np.sqrt(product))

    @property
    def called(self) -> Floats:
        """Share of the rows called positive."""
        return divided(self.tp + self.fp, self.tp + self.fp + self.fn + self.tn)


def at_threshold(sums: Sums, threshold: float) -> Table:
    """The cells where rows with at least this score are called positive."""
    place = sums.of.place(threshold)
    tp = sums.cases - sums.positives_at(place)
    fp = sums.n - sums.rows[..., place] - tp
    return Table(tp, fp, sums.cases - tp, sums.n - sums.cases - fp)


def net_benefit(sums: Sums, threshold: float) -> Floats:
    """(TP − FP · t/(1 − t)) / n (Vickers & Elkin 2006, Med. Decis. Making 26:565).

    In true positives a row; t, above 0 and below 1, is the risk at which one would treat.
    """
    table = at_threshold(sums, threshold)
    return divided(table.tp - table.fp * threshold / (1 - threshold), sums.n)


def net_benefit_of_all(sums: Sums, threshold: float) -> Floats:
    """The same where everyone is treated."""
    share = divided(sums.cases, sums.n)
    return share - (1 - share) * threshold / (1 - threshold)
