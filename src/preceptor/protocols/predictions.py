"""Predictions: rows with an outcome, and what a model predicted of them elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import msgspec

from preceptor.errors import InputError
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Metric, Score
from preceptor.records.results import PREDICTIONS
from preceptor.scoring.answers import answered
from preceptor.scoring.predicted.metrics import metrics_of
from preceptor.scoring.predicted.table import Predicted, blocks_of

__all__ = ["PredictionScoring", "predicted_of", "predictions"]


class PredictionScoring(Scoring):
    """A run's examples are blocks of rows; all metrics are of the whole set of rows."""

    units_are = "patients"
    keeps_metrics = True
    sliced_by_tags = False

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        said = None if text is None else msgspec.json.decode(text)
        return Score(graded.example.id, graded.repeat, {}, {}, {}, {}, None, prediction=said)

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        if self.kept and [score.example_id for score in scores] == list(self.kept_for):
            return dict(self.kept)
        found = predicted_of(scores, examples)
        return {} if found is None else metrics_of(found)


def predicted_of(scores: Sequence[Score], examples: Sequence[Example]) -> Predicted | None:
    """The rows of a run in arrays; None without any."""
    blocks, said = blocks_of(scores, examples)
    return Predicted(blocks, said) if blocks else None


def predictions() -> Protocol:
    """The family. It asks nothing: its runs are imported."""
    return Protocol(PREDICTIONS, scoring=PredictionScoring(), asking=Asking(_not_asked))


def _not_asked(example: Example) -> NoReturn:
    raise InputError(
        "predictions: no system is asked: import its file with `preceptor import predictions FILE`"
    )
