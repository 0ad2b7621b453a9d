"""Rows with a yes-or-no outcome, sorted by score once: every resample is then a few sums.

A weight says how often a row is drawn. All metrics of :mod:`.discrimination`, :mod:`.calibrating`
and :mod:`.decisions` are functions of the cumulative sums that :meth:`Outcomes.sums` gives.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["Outcomes", "Sums", "divided"]

_EPSILON = float(np.finfo(np.float64).eps)


class Sums(NamedTuple):
    """Sums over the rows from the lowest score up, each with a leading 0.

    Shape (rows + 1,), or (resamples, rows + 1): then every number of them has shape (resamples,).

    Attributes
    ----------
    rows, positives, scores
        How many rows, how many of them positive, and the sum of their scores.
    brier, log_loss
        Sums over all rows: shape () or (resamples,).
    of
        The rows that they are of.
    """

    rows: Floats
    positives: Floats
    scores: Floats
    brier: Floats
    log_loss: Floats
    of: Outcomes

    @property
    def n(self) -> Floats:
        return self.rows[..., -1]

    @property
    def cases(self) -> Floats:
        """How many rows are positive."""
        return self.positives[..., -1]


class Outcomes:
    """Rows of one set of predictions.

    Parameters
    ----------
    y
        Shape (n,), 0 or 1.
    score
        Shape (n,), finite; higher is more likely 1.
    cluster
        Number of each row's cluster, from 0; each row its own where None.
    probability
        Whether scores are probabilities, 0 to 1.
    """

    def __init__(
        self,
        y: ArrayLike,
        score: ArrayLike,
        cluster: ArrayLike | None = None,
        *,
        probability: bool = True,
    ) -> None:
        given = np.asarray(score, dtype=np.float64)
        truth = np.asarray(y, dtype=np.float64)
        if given.ndim != 1 or given.shape != truth.shape or not np.isfinite(given).all():
            raise ValueError("expected finite scores of shape (n,), with an outcome each")
        if not np.isin(truth, (0.0, 1.0)).all():
            raise ValueError("expected outcomes 0 or 1")
        order = np.argsort(given, kind="stable")
        self.score, self.y = given[order], truth[order]
        self.probability = probability
        codes = order if cluster is None else np.asarray(cluster, dtype=np.intp)[order]
        self.cluster: Places = codes
        # Where a stretch of equal scores begins, and the end of the last one.
        new = np.flatnonzero(np.diff(self.score)) + 1
        self.edges: Places = np.concatenate([[0], new, [len(order)]]) if len(order) else new

    def __len__(self) -> int:
        return len(self.y)

    @functools.cached_property
    def squares(self) -> Floats:
        return (self.y - self.score) ** 2

    @functools.cached_property
    def losses(self) -> Floats:
        """Log losses; probabilities are clipped at machine epsilon, as scikit-learn does."""
        p = np.clip(self.score, _EPSILON, 1 - _EPSILON)
        losses: Floats = -np.where(self.y > 0, np.log(p), np.log1p(-p))
        return losses

    def sums(self, drawn: Floats | None = None) -> Sums:
        """The sums with each cluster drawn so many times, shape (resamples, clusters); or once."""
        if drawn is None:
            weight = np.ones(len(self))
        else:
            weight = np.take(drawn, self.cluster, axis=-1)
        rows = _cumulated(weight)
        positives = _cumulated(weight * self.y)
        if not self.probability:
            none = np.full(rows.shape[:-1], np.nan)
            return Sums(rows, positives, rows, none, none, self)
        return Sums(
            rows,
            positives,
            _cumulated(weight * self.score),
            # Not by BLAS, whose threads wait for each other on a busy machine.
            np.einsum("...i,i->...", weight, self.squares),
            np.einsum("...i,i->...", weight, self.losses),
            self,
        )

    def place(self, threshold: float) -> int:
        """The first row whose score is at least the threshold."""
        return int(np.searchsorted(self.score, threshold, side="left"))


def _cumulated(values: Floats) -> Floats:
    sums = np.empty((*values.shape[:-1], values.shape[-1] + 1))
    sums[..., 0] = 0.0
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return sums


def divided(part: Floats, whole: Floats) -> Floats:
    """part / whole; NaN where the whole is 0 or less."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    result = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result
