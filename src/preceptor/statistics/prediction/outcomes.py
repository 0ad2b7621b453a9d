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

__all__ = ["Outcomes", "Steps", "Sums", "divided"]

_EPSILON = float(np.finfo(np.float64).eps)


class Steps(NamedTuple):
    """Counts at the scores at which there is a positive row, from the highest score down.

    ``true`` and ``called`` are the positive rows, and all rows, with at least this score;
    ``true_before`` and ``called_before`` those above it.
    """

    true: Floats
    called: Floats
    true_before: Floats
    called_before: Floats


class Sums:
    """Sums over rows from the lowest score up, each made when it is first asked for.

    Shape (rows + 1,) with a leading 0, or (resamples, rows + 1): then every number of them has
    shape (resamples,).

    Attributes
    ----------
    of
        The rows that they are of.
    n, cases, brier, log_loss, expected
        Number of rows, of positive rows, and the sums of squares, losses and scores.
    """

    def __init__(self, of: Outcomes, drawn: Floats | None) -> None:
        self.of, self._drawn = of, drawn
        self.n, self.cases = self._added(of.counts)

    def _added(self, table: Floats) -> list[Floats]:
        """The sums of columns that are added up by cluster."""
        if self._drawn is None:
            return list(table.sum(axis=0))
        # Clusters after the last one of these rows have none of them.
        drawn = self._drawn[:, : len(table)]
        return list(np.moveaxis(np.einsum("bc,ck->bk", drawn, table), -1, 0))

    @functools.cached_property
    def _errors(self) -> list[Floats]:
        return self._added(self.of.errors)

    @property
    def expected(self) -> Floats:
        return self._errors[0]

    @property
    def brier(self) -> Floats:
        return self._errors[1]

    @property
    def log_loss(self) -> Floats:
        return self._errors[2]

    @functools.cached_property
    def weight(self) -> Floats:
        """How often each row is there."""
        if self._drawn is None:
            return np.ones(len(self.of))
        return np.take(self._drawn, self.of.cluster, axis=-1)

    @functools.cached_property
    def rows(self) -> Floats:
        """Number of rows."""
        return _cumulated(self.weight)

    @functools.cached_property
    def positives(self) -> Floats:
        """Number of positive rows."""
        return self._of_positive[..., self.of.positive_before]

    @functools.cached_property
    def scores(self) -> Floats:
        """Sum of scores."""
        return _cumulated(self.weight * self.of.score)

    @functools.cached_property
    def _of_positive(self) -> Floats:
        return _cumulated(np.take(self.weight, self.of.positive, axis=-1))

    def positives_at(self, places: Places | int) -> Floats:
        """Number of positive rows below these places."""
        return self._of_positive[..., self.of.positive_before[places]]

    @functools.cached_property
    def steps(self) -> Steps:
        """Where positive rows are found, as the threshold falls."""
        starts, ends = self.of.positive_stretches
        cases, n = self.cases[..., None], self.n[..., None]
        found = (
            cases - self.positives_at(starts),
            n - np.take(self.rows, starts, axis=-1),
            cases - self.positives_at(ends),
            n - np.take(self.rows, ends, axis=-1),
        )
        return Steps(*(each[..., ::-1] for each in found))


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

    def _by_cluster(self, *columns: Floats | None) -> Floats:
        """The columns added up by cluster; None is ones."""
        return np.stack([np.bincount(self.cluster, each) for each in columns], axis=-1)

    @functools.cached_property
    def counts(self) -> Floats:
        """Of each cluster: rows and positive rows."""
        return self._by_cluster(None, self.y)

    @functools.cached_property
    def errors(self) -> Floats:
        """Of each cluster: sums of scores, squares and log losses; NaN without probabilities."""
        if not self.probability:
            return np.full((len(self.counts), 3), np.nan)
        return self._by_cluster(self.score, self.squares, self.losses)

    @functools.cached_property
    def positive(self) -> Places:
        """Places of the positive rows."""
        return np.flatnonzero(self.y)

    @functools.cached_property
    def positive_before(self) -> Places:
        """How many positive rows are below each place, shape (n + 1,)."""
        return np.concatenate([[0], np.cumsum(self.y)]).astype(np.intp)

    @functools.cached_property
    def positive_stretches(self) -> tuple[Places, Places]:
        """First place, and the place after the last, of each score that a positive row has."""
        there = np.diff(self.positive_before[self.edges]) > 0
        return self.edges[:-1][there], self.edges[1:][there]

    def sums(self, drawn: Floats | None = None) -> Sums:
        """The sums with each cluster drawn so many times, shape (resamples, clusters); or once."""
        return Sums(self, drawn)

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
