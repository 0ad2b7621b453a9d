"""Patients and trials: how eligible a patient is, and what a question asks of a registry."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.labelling import LabelScoring
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.labels import Statistic, ratio
from preceptor.scoring.reading import json_in, list_in
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric
from preceptor.scoring.units import units
from preceptor.terminology.texts import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "MATCHING_LABELS",
    "TERM_LABELS",
    "EligibilityScoring",
    "TermScoring",
    "eligibility",
    "terms",
]

_Counts: TypeAlias = "NDArray[np.intp]"
#: Grades of the qrels: 0 excluded or not relevant, 1 possible, 2 eligible.
GRADES = ("0", "1", "2")
_OFFICIAL = re.compile(r"eligibility: (\d)\)")
_ANYWHERE = re.compile(r"([012])\)")
_LOOSE, _BALANCED = "anywhere", "balanced_accuracy"
MATCHING_LABELS = {
    OVERALL: "Accuracy, read behind “eligibility:”",
    _LOOSE: "Accuracy, read anywhere",
    _BALANCED: "Balanced accuracy",
    "macro_f1": "Macro-F1",
    "weighted_precision": "Precision, weighted",
    "weighted_recall": "Recall, weighted",
    "weighted_f1": "F1, weighted",
    PARSED: "Answers that could be read",
}


class EligibilityScoring(LabelScoring):
    """The grade of a patient for a trial: accuracy, balanced accuracy, and weighted figures.

    The grade is read from ``eligibility: k)``, as the release's own script does; ``anywhere`` is
    the accuracy where the first ``k)`` of an answer counts. An answer without a grade is wrong.
    """

    shares = (OVERALL, _LOOSE, PARSED)

    def __init__(self) -> None:
        super().__init__({grade: (grade,) for grade in GRADES}, units_are="patients")

    def read(self, text: str) -> str | None:
        found = _OFFICIAL.search(text)
        return found[1] if found and found[1] in GRADES else None

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            return missing(graded, dict.fromkeys((OVERALL, _LOOSE, PARSED), (0.0, 1.0)))
        said, right = self.read(text), graded.example.target["label"]
        found = _ANYWHERE.search(text)
        loose = found[1] if found else None
        values = {OVERALL: float(said == right), _LOOSE: float(loose == right)}
        return scored(graded, values, said)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        by_id = {example.id: example for example in examples}
        there = [score for score in scores if score.values]
        ids, unit_of = [score.example_id for score in there], units(examples)
        gold = np.array([GRADES.index(by_id[id].target["label"]) for id in ids], dtype=np.intp)
        said = np.array(
            [GRADES.index(s.prediction) if s.prediction else -1 for s in there], dtype=np.intp
        )
        coverage = len(there) / len(scores) if scores else 0.0

        # One number for each pair of grades; what cannot be read has a column of its own.
        cells = gold * (len(GRADES) + 1) + np.where(said < 0, len(GRADES), said)
        own = {
            name: set_metric(_of_table(cells, figure), ids, unit_of, coverage=coverage)
            for name, figure in _FIGURES.items()
        }
        return {**super().whole_set(scores, examples), **own}


def _of_table(cells: NDArray[np.intp], figure: Callable[..., float]) -> Statistic:
    """A figure of the hits, of how often each grade was said, and of how often it is right."""
    shape = len(GRADES), len(GRADES) + 1

    def statistic(rows: NDArray[np.intp]) -> float:
        table = np.bincount(cells[rows], minlength=shape[0] * shape[1]).reshape(shape)
        return figure(np.diagonal(table), table.sum(axis=0)[:-1], table.sum(axis=1))

    return statistic


def _divided(above: _Counts, below: _Counts) -> NDArray[np.float64]:
    """0 where it is undefined."""
    found: NDArray[np.float64] = np.zeros(len(GRADES))
    np.divide(above, below, out=found, where=below > 0)
    return found


def _balanced(hits: _Counts, _: _Counts, right: _Counts) -> float:
    """The mean recall of the grades that occur (Brodersen et al. 2010)."""
    there = right > 0
    return float(_divided(hits, right)[there].mean()) if there.any() else float("nan")


def _share(right: _Counts) -> NDArray[np.float64]:
    share: NDArray[np.float64] = right / max(right.sum(), 1)
    return share


#: Each grade weighs as often as it is right.
_FIGURES: Mapping[str, Callable[..., float]] = {
    _BALANCED: _balanced,
    "weighted_precision": lambda hits, said, right: float(_share(right) @ _divided(hits, said)),
    "weighted_recall": lambda hits, said, right: float(_share(right) @ _divided(hits, right)),
    "weighted_f1": lambda hits, said, right: float(
        _share(right) @ _divided(2 * hits, said + right)
    ),
}


_ELIGIBLE = (
    "How eligible is the patient for the trial? 0) excluded, or the trial is not relevant; 1) may "
    "be eligible, after further examination; 2) eligible.\n"
    "Reply in this form and nothing else: Trial-level eligibility: <0, 1 or 2>) <reason>"
)


def eligibility() -> Protocol:
    """A patient and a trial; the example's target is ``{"label": grade, "cluster": patient}``."""
    return Protocol("labelling", asking=Asking(_ELIGIBLE), scoring=EligibilityScoring())


TERM_LABELS = {
    OVERALL: "F1 of terms",
    "precision": "Precision",
    "recall": "Recall",
    "jaccard": "Jaccard",
    "micro_f1": "F1 over all terms",
    PARSED: "Answers that could be read",
}
_NOTHING = ("", 0, None)


class TermScoring(Scoring):
    """A set of terms against the right one: F1, precision, recall and Jaccard of each answer.

    The target is ``{"terms": […]}``; a term may be ``field=value``. Case and accents do not count.
    An answer is a list, or a JSON object whose every value is a term of its key. With nothing said,
    precision is not defined; recall, F1 and Jaccard are 0.
    """

    shares = (PARSED,)

    def wants_list(self, example: Example) -> bool:
        return True

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        names = (OVERALL, "precision", "recall", "jaccard", PARSED)
        if text is None:
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        listed = _terms(text)
        said, right = set(listed or ()), {fold(term) for term in graded.example.target["terms"]}
        hits = len(said & right)
        values = {
            OVERALL: 2 * hits / (len(said) + len(right)),
            **({"precision": hits / len(said)} if said else {}),
            "recall": hits / len(right),
            "jaccard": hits / len(said | right),
        }
        return scored(graded, values, listed)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        right = {e.id: {fold(term) for term in e.target["terms"]} for e in examples}
        there = [score for score in scores if score.values]
        ids = [score.example_id for score in there]
        said = [set(score.prediction or ()) for score in there]
        hits = [2.0 * len(each & right[id]) for each, id in zip(said, ids, strict=True)]
        both = [float(len(each) + len(right[id])) for each, id in zip(said, ids, strict=True)]
        coverage = len(there) / len(scores) if scores else 0.0
        f1 = set_metric(ratio(hits, both), ids, units(examples), coverage=coverage)
        return {"micro_f1": f1}


def _terms(text: str) -> list[str] | None:
    """The different terms of an answer, folded, in their order; None where it has none."""
    found = json_in(text)
    if isinstance(found, dict):
        pairs = [(key, value) for key, value in found.items()]
        return list(dict.fromkeys(fold(term) for key, value in pairs for term in flat(key, value)))
    if isinstance(found, list) and all(isinstance(each, str) for each in found):
        return list(dict.fromkeys(map(fold, found)))
    items = list_in(text, separator=r"[,;]")
    return None if items is None else list(dict.fromkeys(map(fold, items)))


def flat(key: str, value: object) -> list[str]:
    """``field=value`` for each value that says something: ``phase=PHASE4``, ``start_year=2020``."""
    if isinstance(value, list):
        return [term for each in value for term in flat(key, each)]
    if isinstance(value, dict):
        return [term for name, each in value.items() for term in flat(f"{key}.{name}", each)]
    return [] if value in _NOTHING else [f"{key}={value}"]


def terms(instruction: str) -> Protocol:
    """A text whose terms are to be named; ``instruction`` says in which form."""
    return Protocol("terms", asking=Asking(instruction), scoring=TermScoring())
