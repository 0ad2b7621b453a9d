"""Predictions of one of several classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from preceptor.statistics.prediction import calibrating, discrimination
from preceptor.statistics.prediction.outcomes import Outcomes, divided
from preceptor.statistics.prediction.resampling import Measures
from preceptor.statistics.prediction.weighted import ClusterSums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["called", "chances", "f1_of"]

_EPSILON = float(np.finfo(np.float64).eps)


def called(truth: Places, said: Places, cluster: Places, clusters: int, number: int) -> Measures:
    """Accuracy, balanced accuracy, F1, and κ plain, linear and quadratic: of classes 0, 1, ….

    scikit-learn's definitions; the linear and quadratic κ need classes in order (Cohen 1968).
    """
    cells = np.zeros((len(truth), number * number))
    cells[np.arange(len(truth)), truth * number + said] = 1
    sums = ClusterSums(cells, cluster, clusters)
    apart = np.abs(np.subtract.outer(np.arange(number), np.arange(number))).astype(float)
    costs = ((apart > 0).astype(float), apart, apart**2)

    def of(drawn: Floats | None) -> list[Floats]:
        flat = sums.of(drawn)
        table = flat.reshape(*flat.shape[:-1], number, number)
        n, diagonal = flat.sum(axis=-1), np.diagonal(table, axis1=-2, axis2=-1)
        true, shown = table.sum(axis=-1), table.sum(axis=-2)
        f1 = f1_of(diagonal, true, shown)
        return [
            divided(diagonal.sum(axis=-1), n),
            np.nanmean(divided(diagonal, true), axis=-1),
            _mean_there(f1, (true + shown) > 0),
            divided((np.nan_to_num(f1) * true).sum(axis=-1), n),
            *(_kappa(table, true, shown, cost) for cost in costs),
        ]

    names = ["accuracy", "balanced_accuracy", "macro_f1", "weighted_f1"]
    return Measures([*names, "kappa", "kappa_linear", "kappa_quadratic"], of, len(truth))


def f1_of(hits: Floats, true: Floats, shown: Floats) -> Floats:
    """2·TP / (true + said); NaN where neither is."""
    return divided(2 * hits, true + shown)


def _mean_there(values: Floats, there: NDArray[np.bool_]) -> Floats:
    return divided(np.where(there, np.nan_to_num(values), 0).sum(axis=-1), there.sum(axis=-1))


def _kappa(table: Floats, true: Floats, shown: Floats, cost: Floats) -> Floats:
    n = table.sum(axis=(-2, -1))
    expected = divided(true[..., :, None] * shown[..., None, :], n[..., None, None])
    return 1 - divided((table * cost).sum(axis=(-2, -1)), (expected * cost).sum(axis=(-2, -1)))


def chances(truth: Places, p: Floats, cluster: Places, clusters: int) -> Measures:
    """AUROC one against the rest and one against one, log loss, Brier, ranked probability, ECE.

    AUROCs are unweighted means over classes, and over pairs in both directions (Hand & Till 2001,
    Mach. Learn. 45:171). The Brier score is summed over classes, 0 to 2. RPS is over classes in
    order, divided by their number less 1. Probabilities are clipped at machine epsilon.
    """
    number = p.shape[1]
    hot = np.eye(number)[truth]
    gap = np.cumsum(p, axis=1) - np.cumsum(hot, axis=1)
    losses = -np.log(np.clip(p[np.arange(len(truth)), truth], _EPSILON, 1 - _EPSILON))
    columns = [np.ones(len(truth)), losses, ((p - hot) ** 2).sum(axis=1)]
    columns.append((gap[:, :-1] ** 2).sum(axis=1) / max(number - 1, 1))
    sums = ClusterSums(np.stack(columns, axis=1), cluster, clusters)
    rest = [Outcomes(hot[:, k], p[:, k], cluster) for k in range(number)]
    pairs = [
        [_of_pair(truth, p[:, k], cluster, (k, other)) for k, other in ((a, b), (b, a))]
        for a in range(number)
        for b in range(a + 1, number)
    ]
    top = Outcomes(p.argmax(axis=1) == truth, np.minimum(p.max(axis=1), 1.0), cluster)

    def of(drawn: Floats | None) -> list[Floats]:
        n, *others = np.moveaxis(sums.of(drawn), -1, 0)
        areas = [discrimination.auroc(each.sums(drawn)) for each in rest]
        of_pairs = [
            sum(discrimination.auroc(each.sums(drawn)) for each in pair) / 2 for pair in pairs
        ]
        width = calibrating.equal_width(top.sums(drawn))
        return [
            np.mean(np.stack(areas), axis=0),
            np.mean(np.stack(of_pairs), axis=0),
            *(divided(each, n) for each in others),
            calibrating.calibration_error(width),
            *areas,
        ]

    names = ["overall_score", "auroc_ovo", "log_loss", "brier_classes", "rps", "ece_top"]
    return Measures([*names, *(f"class:{k}" for k in range(number))], of, len(truth))


def _of_pair(truth: Places, score: Floats, cluster: Places, pair: tuple[int, int]) -> Outcomes:
    """The rows of two classes: is the first told from the second by its probability?"""
    some = np.isin(truth, pair)
    return Outcomes(truth[some] == pair[0], score[some], cluster[some])
