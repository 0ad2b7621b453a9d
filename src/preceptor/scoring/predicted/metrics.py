"""Rows of predictions → the metrics of their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preceptor.records import Metric
from preceptor.scoring.predicted.binary import (
    binary_less,
    binary_measures,
    binary_metrics,
    brief_measures,
)
from preceptor.scoring.predicted.general import (
    general_measures,
    general_metrics,
    less_is_better,
)
from preceptor.scoring.predicted.kinds import resamples_for
from preceptor.scoring.predicted.strata import quartile_metrics
from preceptor.scoring.predicted.table import Predicted
from preceptor.statistics.prediction.resampling import Measures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["is_less_better", "measures_of", "metrics_of"]


def metrics_of(table: Predicted, *, resamples: int = 1000, seed: int = 0) -> dict[str, Metric]:
    """All metrics of a run's rows; ``overall_score`` is the one that systems are ranked by."""
    metrics = binary_metrics if table.kind == "binary" else general_metrics
    found = metrics(table, resamples=resamples, seed=seed)
    if not table.numbers:
        return found
    return found | quartile_metrics(
        table,
        _in_brief,
        lambda name: is_less_better(table.kind, name),
        float(table.known.mean()),
        resamples_for(table.kind, len(table), resamples),
        seed,
    )


def _in_brief(table: Predicted) -> Measures:
    """The headline, and the Brier score beside it where there are probabilities."""
    if table.kind == "binary":
        return brief_measures(table)
    measures = measures_of(table)
    chosen = [0, *(i for i, name in enumerate(measures.names) if name == "brier_classes")]
    names = [measures.names[place] for place in chosen]

    def of(drawn: Floats | None) -> list[Floats]:
        values = measures.of(drawn)
        return [values[place] for place in chosen]

    return Measures(names, of, measures.rows)


def measures_of(table: Predicted) -> Measures:
    """The statistics of the rows in which two runs are compared."""
    return binary_measures(table) if table.kind == "binary" else general_measures(table)


def is_less_better(kind: str, name: str) -> bool:
    """Whether a smaller value of this metric is the better one."""
    return binary_less(name) if kind == "binary" else less_is_better(kind, name)
