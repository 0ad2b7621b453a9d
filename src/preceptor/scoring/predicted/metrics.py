"""Rows of predictions → the metrics of their kind."""

from __future__ import annotations

from preceptor.records import Metric
from preceptor.scoring.predicted.binary import LESS_IS_BETTER, binary_measures, binary_metrics
from preceptor.scoring.predicted.general import (
    general_measures,
    general_metrics,
    less_is_better,
)
from preceptor.scoring.predicted.table import Predicted
from preceptor.statistics.prediction.resampling import Measures

__all__ = ["is_less_better", "measures_of", "metrics_of"]


def metrics_of(table: Predicted, *, resamples: int = 1000, seed: int = 0) -> dict[str, Metric]:
    """All metrics of a run's rows; ``overall_score`` is the one that systems are ranked by."""
    metrics = binary_metrics if table.kind == "binary" else general_metrics
    return metrics(table, resamples=resamples, seed=seed)


def measures_of(table: Predicted) -> Measures:
    """The statistics of the rows in which two runs are compared."""
    return binary_measures(table) if table.kind == "binary" else general_measures(table)


def is_less_better(kind: str, name: str) -> bool:
    """Whether a smaller value of this metric is the better one."""
    return name in LESS_IS_BETTER if kind == "binary" else less_is_better(kind, name)
