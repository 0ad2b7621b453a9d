"""Metrics of forecasts: probabilities of events, beside those of a crowd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from preceptor.scoring.names import OVERALL
from preceptor.scoring.predicted.table import NAIVE, Predicted
from preceptor.statistics.prediction import calibrating as cal
from preceptor.statistics.prediction.discrimination import auroc
from preceptor.statistics.prediction.outcomes import Outcomes, divided
from preceptor.statistics.prediction.resampling import Measures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["forecast"]


def forecast(table: Predicted, clusters: int) -> Measures:
    """The Brier score first; with a crowd's forecasts the skill, on the rows that have one.

    Skill is 1 − Brier / Brier of the crowd: 0 is as good as the crowd, 1 at best.
    """
    y, score, unit = table.outcome["y_true"], table.said["y_score"], table.unit
    whole = Outcomes(y, score, unit)
    crowd = table.said.get(NAIVE, np.full(len(y), np.nan))
    beside = np.isfinite(crowd)
    names = [OVERALL, "log_loss", "ece", "observed_expected", "auroc"]
    if not beside.any():
        return Measures(names, lambda drawn: _whole(whole, drawn), len(y))
    mine, theirs = (Outcomes(y[beside], said[beside], unit[beside]) for said in (score, crowd))

    def of(drawn: Floats | None) -> list[Floats]:
        ours, others = (cal.brier(each.sums(drawn)) for each in (mine, theirs))
        return [*_whole(whole, drawn), 1 - divided(ours, others), ours, others]

    return Measures([*names, "crowd:skill", "crowd:brier", "crowd:brier_crowd"], of, len(y))


def _whole(rows: Outcomes, drawn: Floats | None) -> list[Floats]:
    sums = rows.sums(drawn)
    return [
        cal.brier(sums),
        cal.log_loss(sums),
        cal.calibration_error(cal.equal_width(sums)),
        cal.observed_expected(sums),
        auroc(sums),
    ]
