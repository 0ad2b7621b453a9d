"""What a linear model reads from embeddings: PCA, ridge regression, correlation of each target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["probe"]

_EVEN = 1e-12


def probe(x: Floats, y: Floats, train: NDArray[np.bool_], *, components: int = 256) -> Floats:
    """Pearson's r of each target on the rows that are not ``train``; NaN where one is constant.

    Features are standardised and projected on their principal components, both of the training
    rows; ridge regression has the penalty 100 / (components · targets) and an intercept. After HEST
    (Jaume et al. 2024, arXiv 2406.16192).

    Parameters
    ----------
    x, y
        Shapes (rows, dimensions) and (rows, targets).
    """
    mean, spread = x[train].mean(axis=0), x[train].std(axis=0)
    z = (x - mean) / np.where(spread > _EVEN, spread, 1.0)
    kept = min(components, int(train.sum()) - 1, x.shape[1])
    _, _, axes = np.linalg.svd(z[train], full_matrices=False)
    scores = z @ axes[:kept].T
    penalty = 100 / (kept * y.shape[1])
    centre = y[train].mean(axis=0)
    inside = scores[train]
    weights = np.linalg.solve(
        inside.T @ inside + penalty * np.eye(kept), inside.T @ (y[train] - centre)
    )
    return _pearson(scores[~train] @ weights + centre, y[~train])


def _pearson(predicted: Floats, true: Floats) -> Floats:
    one, two = (each - each.mean(axis=0) for each in (predicted, true))
    scale = np.sqrt((one**2).sum(axis=0) * (two**2).sum(axis=0))
    found = np.full(true.shape[1], np.nan)
    np.divide((one * two).sum(axis=0), scale, out=found, where=scale > _EVEN)
    return found
