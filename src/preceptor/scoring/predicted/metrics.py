"""Rows of predictions → the metrics of their kind, and what to call them."""

from __future__ import annotations

from preceptor.records import Metric
from preceptor.scoring.predicted.binary import binary_metrics
from preceptor.scoring.predicted.table import Predicted

__all__ = ["metrics_of"]


def metrics_of(table: Predicted, *, resamples: int = 1000, seed: int = 0) -> dict[str, Metric]:
    """All metrics of a run's rows; ``overall_score`` is the one that systems are ranked by."""
    return binary_metrics(table, resamples=resamples, seed=seed)
