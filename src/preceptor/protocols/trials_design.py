"""Whether a trial will be completed, and why one was not; criteria of trials for patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.labelling import LabelScoring
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.reading import field_of
from preceptor.scoring.retrieval import MEASURES, measures
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import mean_metric
from preceptor.scoring.units import units
from preceptor.terminology.texts import fold

__all__ = [
    "COMPLETION",
    "COMPLETION_LABELS",
    "CRITERIA",
    "CRITERIA_LABELS",
    "CompletionScoring",
    "CriteriaScoring",
]

_OUTCOMES = {
    "complete": ("complete", "completed", "completes"),
    "terminate": ("terminate", "terminated", "terminates"),
}
REASONS = (
    *("enrollment issues", "feasibility", "lack of efficacy"),
    *("regulatory/approval", "safety issues"),
)
_REASON, _REASON_FOUND = "reason", "reason_of_found"
COMPLETION_LABELS = {
    OVERALL: "Accuracy of the outcome",
    "macro_f1": "Macro-F1 of the outcome",
    _REASON: "Reason right, of all terminated trials",
    _REASON_FOUND: "Reason right, where termination was predicted rightly",
    PARSED: "Answers that could be read",
}


class CompletionScoring(LabelScoring):
    """Complete or terminate; and the reason, of the trials that were terminated.

    The target is ``{"label": outcome, "reason": … or None}``. The authors count the reason only
    where termination was predicted rightly, which is ``reason_of_found``; ``reason`` is of all
    terminated trials. An answer that cannot be read is wrong, and stays in every denominator.
    """

    shares = (OVERALL, PARSED, _REASON, _REASON_FOUND)

    def __init__(self) -> None:
        super().__init__(_OUTCOMES, units_are="trials")

    def read(self, text: str) -> str | None:
        said = fold(str(field_of(text, ("outcome",)) or ""))
        found = next((name for name, forms in _OUTCOMES.items() if said in forms), None)
        return found or super().read(text)

    def score(self, graded: Graded) -> Score:
        text, target = answered(graded), graded.example.target
        terminated = target["label"] == "terminate" and target.get("reason") is not None
        if text is None:
            names = (OVERALL, PARSED, *((_REASON,) if terminated else ()))
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        said = self.read(text)
        values = {OVERALL: float(said == target["label"])}
        if terminated:
            reason = fold(str(field_of(text, ("termination_reason", "reason")) or ""))
            right = said == "terminate" and reason == fold(target["reason"])
            values[_REASON] = float(right)
            if said == "terminate":
                values[_REASON_FOUND] = float(right)
        return scored(graded, values, said)


COMPLETION = Protocol(
    "completion",
    asking=Asking(
        "Will this trial be completed, or terminated early? Reply with a JSON object: "
        '{"outcome": "complete" or "terminate", "termination_reason": one of '
        f"{', '.join(REASONS)}, or null}}."
    ),
    scoring=CompletionScoring(),
)

_FORMS = {
    "yes": ("yes", "met", "true"),
    "no": ("no", "not met", "false"),
    "na": ("na", "n/a", "unknown", "not applicable"),
}
_KNOWN = "without_na"
CRITERIA_LABELS = {
    OVERALL: "Criteria judged right",
    _KNOWN: "Criteria judged right, those with yes or no",
    "macro_f1": "Macro-F1",
    "trial_ndcg": "Trials of a patient ranked, nDCG@10",
    "trial_top3": "Patients with their trial among the first three",
    PARSED: "Answers that could be read",
}


class CriteriaScoring(LabelScoring):
    """A criterion of a trial for a patient: yes, no or NA; and trials ranked by their criteria.

    The target is ``{"label": …, "cluster": patient, "trial": …, "weight": …, "grade": …}``, where
    the grade is how good the trial is for the patient (None where it is not known). A trial's score
    is the weighted share of its criteria that were answered yes, NA counting half (PRISM, Gupta et
    al. 2024, arXiv 2404.15549, weighs criteria in tiers); equal scores by trial.
    """

    shares = (OVERALL, _KNOWN, PARSED)

    def __init__(self) -> None:
        super().__init__(_FORMS, units_are="patients")

    def score(self, graded: Graded) -> Score:
        text, right = answered(graded), graded.example.target["label"]
        if text is None:
            names = (OVERALL, PARSED, *((_KNOWN,) if right != "na" else ()))
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        said = self.read(text)
        values = {OVERALL: float(said == right)}
        if right != "na":
            values[_KNOWN] = float(said == right)
        return scored(graded, values, said)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        found = super().whole_set(scores, examples)
        by_id = {example.id: example for example in examples}
        groups: dict[tuple[str, int], list[Score]] = {}
        for score in scores:
            target = by_id[score.example_id].target
            if target.get("grade") is not None:
                groups.setdefault((target["cluster"], score.repeat), []).append(score)
        ranked = [_ranked(group, by_id) for group in groups.values()]
        ranked = [each for each in ranked if any(grade > 0 for grade in each.grades.values())]
        # A trial of which a criterion failed is not ranked on the others: its patient is left out.
        whole = [each for each in ranked if each.whole]
        if whole:
            unit_of, ids = units(examples), [each.id for each in whole]
            coverage = len(whole) / len(ranked)
            only = {"ndcg@10": MEASURES["ndcg@10"]}
            ndcg = [measures(each.trials, each.grades, only)["ndcg@10"] for each in whole]
            top = [
                float(any(each.grades[id] == max(each.grades.values()) for id in each.trials[:3]))
                for each in whole
            ]
            found["trial_ndcg"] = mean_metric(ndcg, ids, unit_of, coverage=coverage, lowest=0.0)
            found["trial_top3"] = mean_metric(top, ids, unit_of, share=True, coverage=coverage)
        return found


class _Trials(NamedTuple):
    """A patient's trials, best first, their grades, and whether every criterion was answered."""

    id: str
    trials: list[str]
    grades: dict[str, int]
    whole: bool


def _ranked(group: Sequence[Score], by_id: Mapping[str, Example]) -> _Trials:
    rows: dict[str, list[tuple[float, float]]] = {}
    grades: dict[str, int] = {}
    for score in group:
        target = by_id[score.example_id].target
        worth = {"yes": 1.0, "na": 0.5}.get(str(score.prediction), 0.0)
        rows.setdefault(target["trial"], []).append((target["weight"], worth))
        grades[target["trial"]] = target["grade"]
    trials = sorted(rows, key=lambda trial: (-_weighted(rows[trial]), trial))
    return _Trials(group[0].example_id, trials, grades, all(score.values for score in group))


def _weighted(rows: Sequence[tuple[float, float]]) -> float:
    weights, worths = np.array(rows).T
    return float(weights @ worths / weights.sum())


CRITERIA = Protocol(
    "criteria",
    asking=Asking(
        "Does the patient meet this criterion? Say NA where the notes do not tell. Reply with a "
        'JSON object: {"answer": "yes", "no" or "NA"}.'
    ),
    scoring=CriteriaScoring(),
)
