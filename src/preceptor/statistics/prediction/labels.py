"""Predictions of several labels, each there or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from preceptor.statistics.prediction import discrimination
from preceptor.statistics.prediction.classes import f1_of
from preceptor.statistics.prediction.outcomes import Outcomes, divided
from preceptor.statistics.prediction.resampling import Measures
from preceptor.statistics.prediction.weighted import ClusterSums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["labelled"]

_HALF = 0.5


def labelled(truth: Floats, p: Floats, cluster: Places, clusters: int) -> Measures:
    """Per label, macro and micro; by row samples-F1, subset accuracy, Hamming, Jaccard, LRAP.

    Labels are called at probability ≥ .5. A row without any label, true or called, has F1 and
    Jaccard 1 (``zero_division=1``): with 0 the number is another one. LRAP of such a row is 1, as
    in scikit-learn. Shapes (rows, labels).
    """
    said = (p >= _HALF).astype(float)
    both = truth * said
    counts = ClusterSums(np.concatenate([both, truth, said], axis=1), cluster, clusters)
    either = truth.sum(axis=1) + said.sum(axis=1)
    union = np.maximum(truth, said).sum(axis=1)
    rows = [
        np.ones(len(p)),
        np.where(either > 0, 2 * both.sum(axis=1) / np.maximum(either, 1), 1.0),
        (truth == said).all(axis=1).astype(float),
        (truth != said).mean(axis=1),
        np.where(union > 0, both.sum(axis=1) / np.maximum(union, 1), 1.0),
        _ranking_precision(truth, p),
    ]
    by_row = ClusterSums(np.stack(rows, axis=1), cluster, clusters)
    number = truth.shape[1]
    each = [Outcomes(truth[:, k], p[:, k], cluster) for k in range(number)]
    flat = Outcomes(truth.ravel(), p.ravel(), np.repeat(cluster, number))

    def of(drawn: Floats | None) -> list[Floats]:
        sums = [part.sums(drawn) for part in each]
        whole = flat.sums(drawn)
        areas = [discrimination.auroc(some) for some in sums]
        precisions = [discrimination.average_precision(some) for some in sums]
        hits, true, shown = np.split(counts.of(drawn), 3, axis=-1)
        f1 = f1_of(hits, true, shown)
        n, *others = np.moveaxis(by_row.of(drawn), -1, 0)
        return [
            np.mean(np.stack(areas), axis=0),
            discrimination.auroc(whole),
            np.mean(np.stack(precisions), axis=0),
            discrimination.average_precision(whole),
            np.mean(np.nan_to_num(f1), axis=-1),
            f1_of(hits.sum(axis=-1), true.sum(axis=-1), shown.sum(axis=-1)),
            *(divided(value, n) for value in others),
            *areas,
            *precisions,
            *np.moveaxis(f1, -1, 0),
        ]

    names = ["overall_score", "auroc_micro", "ap_macro", "ap_micro", "macro_f1", "micro_f1"]
    names += ["samples_f1", "subset_accuracy", "hamming_loss", "jaccard", "lrap"]
    names += [f"{kind}:{k}" for kind in ("class", "class_ap", "class_f1") for k in range(number)]
    return Measures(names, of, truth.size)


def _ranking_precision(truth: Floats, p: Floats) -> Floats:
    """Label ranking average precision of each row; 1 where all or none of the labels are true."""
    at_least = p[:, None, :] >= p[:, :, None]
    rank = at_least.sum(axis=2)
    true_rank = (at_least * truth[:, None, :]).sum(axis=2)
    mine = (truth * true_rank / rank).sum(axis=1)
    there = truth.sum(axis=1)
    trivial = (there == 0) | (there == truth.shape[1])
    return np.where(trivial, 1.0, mine / np.maximum(there, 1))
