"""A system as predictor: a row as a question, the probability of its answer's first token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.predictions import PredictionScoring, predicted_of
from preceptor.records import Example, Graded, Metric, Score, examples_of
from preceptor.records.responses import CANDIDATES
from preceptor.records.results import PREDICTOR
from preceptor.scoring.answers import answered
from preceptor.scoring.predicted.first_token import LEAST_MASS, label_masses
from preceptor.scoring.predicted.metrics import metrics_of
from preceptor.scoring.predicted.notes import notes_of

__all__ = ["LABEL_MASS", "PREDICTOR_LABELS", "PredictorScoring", "predictor"]

#: Whether an answer is a prediction: enough of the probability is on the labels.
PREDICTED = "answers_predicted"
#: Probability of all labels together, whatever was predicted.
LABEL_MASS = "label_mass"
PREDICTOR_LABELS = {
    PREDICTED: "Answers that are a prediction",
    LABEL_MASS: "Probability on the labels",
}


class PredictorScoring(PredictionScoring):
    """An example is a row, or one label of it: its target is a block of that row alone.

    ``answers`` of the target are the words that may be said → the column whose probability that is,
    or null. An answer whose words have less than half of the probability together is no
    prediction, and neither is a failed call: both lower the coverage.
    """

    keeps_metrics = False
    shares = (PREDICTED,)
    read_metric = PREDICTED
    method = "The probability is that of the first token of the answer."

    def score(self, graded: Graded) -> Score:
        columns: Mapping[str, str | None] = graded.example.target["answers"]
        said: dict[str, list[float | None]] = {
            column: [None] for column in columns.values() if column is not None
        }
        text = answered(graded)
        if text is None:
            return Score(graded.example.id, graded.repeat, {}, {}, {}, {}, None, prediction=said)
        masses = _masses(graded, columns)
        total = sum(masses.values())
        values = {PREDICTED: float(total >= LEAST_MASS), LABEL_MASS: min(1.0, total)}
        if total >= LEAST_MASS:
            said = {c: [masses[word] / total] for word, c in columns.items() if c is not None}
        return Score(
            example_id=graded.example.id,
            repeat=graded.repeat,
            values=values,
            low=values,
            high=values,
            counts=dict.fromkeys(values, (1, 1)),
            length=len(text),
            prediction=said,
        )

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        found = predicted_of(scores, examples)
        if found is None:
            return {}
        means = self.means(scores, examples)
        return metrics_of(found) | {name: means[name] for name in PREDICTOR_LABELS if name in means}

    def notes(self, graded: Sequence[Graded], scores: Sequence[Score]) -> list[str]:
        found = predicted_of(scores, list(examples_of(graded).values()))
        return [] if found is None else [*_ungraded(graded, scores), *notes_of(found)]


def _masses(graded: Graded, words: Mapping[str, str | None]) -> dict[str, float]:
    state = graded.response.state if graded.response is not None else None
    chances = state.get(CANDIDATES) if isinstance(state, dict) else None
    return label_masses(chances or {}, list(words)) or {}


def _ungraded(graded: Sequence[Graded], scores: Sequence[Score]) -> list[str]:
    """How many answers are no prediction, and why."""
    why: Counter[str] = Counter()
    for item, score in zip(graded, scores, strict=True):
        if item.response is None:
            why["not asked yet"] += 1
        elif item.response.failure is not None:
            why[f"failed call: {item.response.failure}"] += 1
        elif not score.values.get(PREDICTED):
            why[f"less than {LEAST_MASS:g} of the probability on the labels"] += 1
    if not why:
        return []
    reasons = "; ".join(f"{reason} ({count:,})" for reason, count in why.most_common())
    return [f"Ungraded are {why.total():,} of {len(graded):,} answers: {reasons}."]


def predictor() -> Protocol:
    """The family. Its examples are made of a table's rows by :mod:`preceptor.baselines.asked`."""
    return Protocol(PREDICTOR, scoring=PredictorScoring(), asking=Asking(first_token=True))
