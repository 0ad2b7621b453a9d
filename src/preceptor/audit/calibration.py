"""Calibration of a grader's probabilities against physicians' labels."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from preceptor.audit.agreement import Estimate, estimate
from preceptor.audit.labels import Judged
from preceptor.statistics.calibration import auroc, brier, calibration_error
from preceptor.statistics.sums import mean

__all__ = ["Calibrated", "Level", "calibrated"]

_MAX_LEVELS = 10
#: Pairs per level; a share of fewer is too noisy.
_MIN_PAIRS = 20


class Level(msgspec.Struct, frozen=True):
    """A bin of pairs with similar probability.

    Attributes
    ----------
    probability
        Mean of the grader's probabilities.
    met
        Share of the physicians' labels that are *met*.
    """

    pairs: int
    probability: float
    met: Estimate


class Calibrated(msgspec.Struct, frozen=True):
    """A grader's probabilities against physicians' labels.

    Attributes
    ----------
    rows, pairs
        Rows with a probability, and their pairs with a label.
    levels
        Bins of equal size, by rising probability.
    brier, error, auroc
        Mean squared difference; mean distance of share and probability over the levels; chance that
        a label of *met* has the higher probability (None unless both labels occur).
    """

    grader: str
    rows: int
    pairs: int
    levels: list[Level]
    brier: float
    error: float
    auroc: float | None


def calibrated(rows: Sequence[Judged], grader: str, *, seed: int = 0) -> Calibrated | None:
    """Measure a grader's calibration; None if no row has its probability."""
    known = [row for row in rows if grader in row.probabilities and row.labels]
    if not known:
        return None
    given = np.array([row.probabilities[grader] for row in known for _ in row.labels])
    labels = np.array([float(label) for row in known for label in row.labels])
    numbers = np.unique([row.prompt for row in known], return_inverse=True)[1].ravel()
    prompts = np.repeat(numbers, [len(row.labels) for row in known])
    count = max(1, min(_MAX_LEVELS, len(given) // _MIN_PAIRS))
    order = np.argsort(given, kind="stable")
    levels = [
        Level(
            len(part),
            float(given[part].mean()),
            estimate(mean(labels[part]), prompts[part], seed=seed),
        )
        for part in np.array_split(order, count)
    ]
    return Calibrated(
        grader=grader,
        rows=len(known),
        pairs=len(given),
        levels=levels,
        brier=brier(given, labels),
        error=calibration_error(given, labels, bins=count),
        auroc=auroc(given, labels),
    )
