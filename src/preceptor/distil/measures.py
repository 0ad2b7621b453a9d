"""Measures of predicted probabilities against verdicts, and of the runs' scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from preceptor.distil.model import Measures
from preceptor.statistics.calibration import auroc, brier, calibration_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["macro_f1", "measure"]

_RESAMPLES = 200


class VerdictColumns(Protocol):
    """Verdicts as columns: see `train.Examined`."""

    @property
    def met(self) -> Floats: ...
    @property
    def weights(self) -> Floats: ...
    @property
    def prompts(self) -> NDArray[np.int64]: ...
    @property
    def runs(self) -> NDArray[np.int64]: ...
    @property
    def answers(self) -> NDArray[np.int64]: ...


def measure(probabilities: Floats, data: VerdictColumns, *, folds: int, seed: int = 0) -> Measures:
    """Compute all measures of probabilities on held-out verdicts."""
    y = data.met
    rng = np.random.default_rng(seed)
    groups = np.unique(data.prompts, return_inverse=True)[1]
    drawn = []
    for _ in range(_RESAMPLES):
        counts = np.bincount(rng.integers(0, groups.max() + 1, groups.max() + 1))
        times = np.zeros(groups.max() + 1, dtype=np.intp)
        times[: len(counts)] = counts
        rows = np.repeat(np.arange(len(y)), times[groups])
        area = auroc(probabilities[rows], y[rows])
        drawn.append((np.nan if area is None else area, macro_f1(probabilities[rows], y[rows])))
    ends = np.nanpercentile(np.array(drawn), [2.5, 97.5], axis=0)
    expected, cut = _score_errors(probabilities, data)
    return Measures(
        auroc=auroc(probabilities, y) or 0.0,
        auroc_ci95=(float(ends[0, 0]), float(ends[1, 0])),
        macro_f1=macro_f1(probabilities, y),
        macro_f1_ci95=(float(ends[0, 1]), float(ends[1, 1])),
        accuracy=float(((probabilities >= 0.5) == (y > 0.5)).mean()),
        brier=brier(probabilities, y),
        brier_base=float(y.mean() * (1 - y.mean())),
        calibration_error=calibration_error(probabilities, y),
        score_error=expected,
        score_error_thresholded=cut,
        verdicts=len(y),
        prompts=len(np.unique(data.prompts)),
        folds=folds,
    )


def macro_f1(probabilities: Floats, met: Floats) -> float:
    """Mean F1 of *met* and *not met*; a probability of ½ or more is met.

    F1 = 2·tp/(2·tp + fp + fn), 0 if the class has no true positives.
    """
    said, true = probabilities >= 0.5, met > 0.5
    both, neither = float((said & true).sum()), float((~said & ~true).sum())
    wrong = float((said != true).sum())
    return sum(2 * hits / (2 * hits + wrong) if hits else 0.0 for hits in (both, neither)) / 2


def _score_errors(probabilities: Floats, data: VerdictColumns) -> tuple[float, float]:
    """Mean over runs of |expected − true| and |thresholded − true| score."""
    expected, cut = [], []
    for run in np.unique(data.runs):
        here = data.runs == run
        n = len(np.unique(data.answers[here]))
        w, y, p = data.weights[here], data.met[here], probabilities[here]
        expected.append(abs(float((w * (p - y)).sum())) / n)
        cut.append(abs(float((w * ((p >= 0.5) - y)).sum())) / n)
    return float(np.mean(expected)), float(np.mean(cut))
