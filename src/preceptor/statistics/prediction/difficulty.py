"""Mean scores that allow for which questions each forecaster answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from preceptor.statistics.prediction.resampling import Measures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["adjusted"]


def adjusted(scores: Floats, cluster: NDArray[np.intp], clusters: int) -> Measures:
    """Each column's score on the mean question: score = question + forecaster, by least squares.

    ForecastBench's model with two-way fixed effects (Karger et al. 2024, arXiv 2409.19839).
    Answering only hard questions does not lower a forecaster's place. If everyone answered every
    question, the result is the plain mean. NaN if the forecasters split into groups that share no
    question.

    Parameters
    ----------
    scores
        Shape (questions, forecasters), NaN where there is none.
    cluster
        Of each question: what is drawn together.
    """
    known = np.isfinite(scores)
    values, size = np.where(known, scores, 0.0), known.sum(axis=1)
    some = size > 0
    values, known, size, cluster = values[some], known[some], size[some], cluster[some]
    there = known.astype(np.float64)
    mean = values.sum(axis=1) / size
    columns = scores.shape[1]
    # With the questions' effects eliminated: (D − Σ 1 1ᵀ / size) a = Σ (score − mean).
    normal = there[:, :, None] * (np.eye(columns) - there[:, None, :] / size[:, None, None])
    right = there * (values - mean[:, None])
    ones = np.ones((len(size), 1))
    parts = np.concatenate(
        [normal.reshape(len(size), -1), right, there / size[:, None], mean[:, None], ones], axis=1
    )
    table = np.stack([np.bincount(cluster, each, clusters) for each in parts.T], axis=1)

    def of(drawn: Floats | None) -> list[Floats]:
        sums = np.atleast_2d(table.sum(axis=0) if drawn is None else drawn @ table)
        width = columns * columns
        left = sums[:, :width].reshape(-1, columns, columns)
        inverse = np.linalg.pinv(left, hermitian=True)
        effect = np.einsum("bij,bj->bi", inverse, sums[:, width : width + columns])
        # The mean question's effect: mean score less the mean effect of those who answered.
        weight = sums[:, -columns - 2 : -2]
        base = (sums[:, -2] - (weight * effect).sum(axis=1)) / sums[:, -1]
        found = base[:, None] + effect
        joined = np.linalg.matrix_rank(left, hermitian=True) == columns - 1
        found = np.where(joined[:, None], found, np.nan)
        return [each if drawn is not None else each[0] for each in found.T]

    return Measures([str(place) for place in range(columns)], of, columns * columns * 4)
