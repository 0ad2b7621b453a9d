"""Labels of a whole set: macro-F1, screening, what deferring to a stronger model gains.

Definitions are scikit-learn's (Pedregosa et al. 2011, JMLR 12:2825). They are computed from
counts here, because a bootstrap asks for each a thousand times; the tests compare them with
``sklearn.metrics.f1_score``, ``precision_score`` and ``recall_score``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Deferral",
    "Statistic",
    "by_unit",
    "deferral_curve",
    "macro_f1",
    "multilabel_macro_f1",
    "ratio",
    "work_saved",
]

Statistic = Callable[["NDArray[np.intp]"], float]


def macro_f1(gold: Sequence[int], said: Sequence[int], n_labels: int) -> Statistic:
    """Unweighted mean of F1 = 2·TP / (said + gold) over the labels that are there.

    Parameters
    ----------
    gold, said
        Of each row, the label from 0 to ``n_labels`` − 1; ``said`` is −1 where nothing could be
        read, which is a miss of the right label and no label's false alarm.
    """
    right = np.asarray(gold, dtype=np.intp)
    shown = np.where(np.asarray(said, dtype=np.intp) < 0, n_labels, np.asarray(said, dtype=np.intp))
    cell = right * (n_labels + 1) + shown

    def statistic(rows: NDArray[np.intp]) -> float:
        table = np.bincount(cell[rows], minlength=n_labels * (n_labels + 1))
        table = table.reshape(n_labels, n_labels + 1)
        either = table.sum(axis=1) + table.sum(axis=0)[:n_labels]
        there = either > 0
        hits = np.diagonal(table)[there]
        return float(np.mean(2 * hits / either[there])) if there.any() else float("nan")

    return statistic


def multilabel_macro_f1(gold: NDArray[np.bool_], said: NDArray[np.bool_]) -> Statistic:
    """Macro-F1 where a row may have several labels, over the labels that are there.

    Parameters
    ----------
    gold, said
        Shape (rows, labels).
    """
    both, either = gold & said, gold.astype(np.int64) + said

    def statistic(rows: NDArray[np.intp]) -> float:
        hits, total = both[rows].sum(axis=0), either[rows].sum(axis=0)
        there = total > 0
        return float(np.mean(2 * hits[there] / total[there])) if there.any() else float("nan")

    return statistic


def ratio(
    part: Sequence[float] | NDArray[np.float64], whole: Sequence[float] | NDArray[np.float64]
) -> Statistic:
    """Σ part / Σ whole over the rows: precision, recall, a micro-averaged F1, an accuracy."""
    above, below = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)

    def statistic(rows: NDArray[np.intp]) -> float:
        total = below[rows].sum()
        return float(above[rows].sum() / total) if total > 0 else float("nan")

    return statistic


def work_saved(
    records: NDArray[np.float64],
    left: NDArray[np.float64],
    relevant: NDArray[np.float64],
    lost: NDArray[np.float64],
) -> Statistic:
    """Work saved over sampling at the recall reached, −1 to 1.

    WSS = (TN + FN) / N − (1 − recall) (Cohen et al. 2006, J Am Med Inform Assoc 13:206): the share
    of records that nobody has to read, less what chance would leave unread at that recall.

    Parameters
    ----------
    records, left, relevant, lost
        Of each row, how many records it stands for, how many of them were left out, how many are
        relevant, and how many relevant ones were left out.
    """
    unread, missed = ratio(left, records), ratio(lost, relevant)
    return lambda rows: unread(rows) - missed(rows)


def by_unit(
    units: Sequence[str], *columns: Sequence[float]
) -> tuple[list[str], list[NDArray[np.float64]]]:
    """The units, each once, and the sums of each column over a unit's rows.

    A ratio of sums is the same from these, and quicker to resample.
    """
    names, inverse = np.unique(np.asarray(units, dtype=str), return_inverse=True)
    sums = (np.bincount(inverse, np.asarray(column, float), len(names)) for column in columns)
    return [str(name) for name in names], [each.astype(np.float64) for each in sums]


class Deferral(msgspec.Struct, frozen=True):
    """A cascade that defers the least certain: the share deferred, and the macro-F1 reached."""

    share: float
    macro_f1: float


def deferral_curve(
    gold: Sequence[int],
    cheap: Sequence[int],
    certainty: Sequence[float],
    strong: Sequence[int],
    *,
    n_labels: int,
    steps: int = 20,
    parts: Sequence[str] = (),
) -> list[Deferral]:
    """Macro-F1 against the share of answers that a cheap model leaves to a stronger one.

    The answers of which the cheap model is least certain go first; those as certain as each other
    in the order given. From 0 (the cheap model alone) to 1 (the stronger one alone), as in
    MythTriage (Jung et al. 2025, arXiv 2506.00308). With ``parts``, the part of each answer, it is
    the mean over parts of the macro-F1 in each.
    """
    of_part = np.asarray(parts) if len(parts) else np.zeros(len(gold))
    places = [np.flatnonzero(of_part == part) for part in np.unique(of_part)]
    order = np.argsort(np.asarray(certainty, dtype=float), kind="stable")
    n, curve = len(order), []
    for step in range(steps + 1):
        deferred = order[: round(n * step / steps)]
        said = np.array(cheap, dtype=np.intp)
        said[deferred] = np.asarray(strong, dtype=np.intp)[deferred]
        value = macro_f1(gold, said.tolist(), n_labels)
        mean = sum(value(each) for each in places) / len(places)
        curve.append(Deferral(len(deferred) / n, mean))
    return curve
