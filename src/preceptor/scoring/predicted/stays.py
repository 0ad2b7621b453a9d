"""How early death is foreseen, and errors in the remaining stay, of records along a stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.scoring.predicted.table import Predicted
from preceptor.statistics.prediction.early import Stays, early_scores, stay_errors, stays_of
from preceptor.statistics.prediction.resampling import Measures, averaged, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SPACE", "STAY", "STAY_PREDICTED", "counted", "stay_measures", "stays"]

#: Columns of the true and the predicted remaining stay.
STAY, STAY_PREDICTED = "los_true", "los_pred"
#: What stands before the colon in the names of these metrics.
SPACE = "early"
#: Thresholds, as parts of the mean stay of those who die.
_PARTS = (0.5, 1.0, 1.5)
_HALF = 0.5


def stays(table: Predicted) -> Stays | None:
    """What the scores of these rows are relative to; None without the column of the stay."""
    if STAY not in table.outcome or table.rank:
        return None
    known = table.known
    y, los = table.outcome["y_true"][known], table.outcome[STAY][known]
    return stays_of(y, los, table.unit[known], len(table.units))


def counted(
    table: Predicted, rows: Sequence[NDArray[np.intp]], name: str
) -> tuple[int, int] | None:
    """Rows and patients that a metric of these is of: ES of those who die, specificity of those
    who do not; None for all."""
    rest = name.removeprefix(f"{SPACE}:")
    if rest == name or not (rest.startswith("es_") or rest == "specificity"):
        return None
    every = np.concatenate(rows)
    some = every[(table.outcome["y_true"][every] > _HALF) == rest.startswith("es_")]
    return len(some), len(np.unique(table.unit[some]))


def stay_measures(table: Predicted, rows: Sequence[NDArray[np.intp]]) -> Measures | None:
    """ES, specificity, OSMAE and the error of the stay, each the mean over the repeats' rows."""
    of = stays(table)
    if of is None:
        return None
    t = {f"{part:g}": part * of.of_dead for part in _PARTS}
    clusters = len(table.units)
    parts = []
    for some in rows:
        y, score = table.outcome["y_true"][some], table.said["y_score"][some]
        los, unit = table.outcome[STAY][some], table.unit[some]
        found = [early_scores(y, score, los, unit, clusters, t)]
        if STAY_PREDICTED in table.said:
            said = table.said[STAY_PREDICTED][some]
            found.append(stay_errors(y, score, los, said, unit, clusters, t, of.long))
        parts.append(joined(found))
    whole = averaged(parts)
    return Measures([f"{SPACE}:{name}" for name in whole.names], whole.of, whole.rows)
