"""Answers of several kinds in one benchmark, each by the metric of its kind: MedS-Bench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.reasoning import said_in
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.letters import read_label
from preceptor.scoring.overlap import bleu, rouge_of, words
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric
from preceptor.scoring.units import units

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KINDS", "MIXED", "MIXED_LABELS"]

#: Kind of answer → its metrics, the main one first.
KINDS: Mapping[str, tuple[str, ...]] = {
    "text": ("rougeL", "rouge1", "bleu1", "rouge1_latin", "rougeL_latin"),
    "letter": ("accuracy",),
    "truth": ("accuracy",),
    "phrase": ("accuracy",),
    "names": ("f1",),
}
#: Display names of the metrics, for a benchmark's ``labels``.
MIXED_LABELS = {
    OVERALL: "Each answer by the main metric of its kind",
    PARSED: "Answers that could be read",
    "accuracy": "Accuracy",
    "f1": "F1 of names, mean over answers",
    "rougeL": "ROUGE-L",
    "rouge1": "ROUGE-1",
    "bleu1": "BLEU-1",
    "rouge1_latin": "ROUGE-1 of the letters a to z alone",
    "rougeL_latin": "ROUGE-L of the letters a to z alone",
    "mean_of_tasks": "Mean of the tasks",
}
_LETTERS = {letter: (letter,) for letter in "ABCDEFGHIJ"}
_TRUTHS = {"true": ("true", "yes"), "false": ("false", "no")}


class MixedScoring(Scoring):
    """``target`` is ``{"kind": one of KINDS, "reference": text}``.

    A text is compared by ROUGE-L; a letter, and true or false, are read; a phrase is right where
    the answer has the reference's words in a row; names are compared as sets, parted by commas. An
    answer out of which nothing can be read is wrong. ``mean_of_tasks`` is the mean over the tags
    ``task:…`` of the overall score of each.
    """

    shares = (PARSED, "accuracy")
    reads_text = True

    def score(self, graded: Graded) -> Score:
        text, target = answered(graded), graded.example.target
        names = KINDS[target["kind"]]
        if text is None:
            return missing(graded, dict.fromkeys((OVERALL, PARSED, *names), (0.0, 1.0)))
        said = said_in(text).strip()
        values, read = _COMPARED[target["kind"]](said, target["reference"])
        score = scored(graded, {OVERALL: values[names[0]], **values}, read)
        return msgspec.structs.replace(score, prediction=None if target["kind"] == "text" else read)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        task = {each.id: next(t for t in each.tags if t.startswith("task:")) for each in examples}
        there = [score for score in scores if OVERALL in score.values]
        if not there:
            return {}
        ids = [score.example_id for score in there]
        names, of = np.unique([task[id] for id in ids], return_inverse=True)
        value = np.array([score.values[OVERALL] for score in there])

        def mean_of_tasks(rows: NDArray[np.intp]) -> float:
            asked = np.bincount(of[rows], minlength=len(names))
            sums = np.bincount(of[rows], value[rows], len(names))
            return float((sums[asked > 0] / asked[asked > 0]).mean())

        coverage = len(there) / len(scores)
        return {"mean_of_tasks": set_metric(mean_of_tasks, ids, units(examples), coverage=coverage)}


_Compared = tuple[dict[str, float], object]


def _text(said: str, reference: str) -> _Compared:
    own = rouge_of(said, reference, any_script=True)
    latin = rouge_of(said, reference)
    values = {**own, **{f"{name}_latin": value for name, value in latin.items()}}
    return {**values, "bleu1": bleu(words(said), words(reference), 1)}, said or None


def _read(said: str, reference: str, forms: Mapping[str, tuple[str, ...]]) -> _Compared:
    wanted, found = read_label(reference, forms), read_label(said, forms)
    return {"accuracy": float(found is not None and found == wanted)}, found


def _letter(said: str, reference: str) -> _Compared:
    """Yes and no too, of the tasks that ask for them."""
    forms = _LETTERS if read_label(reference, _LETTERS) else _TRUTHS
    return _read(said, reference, forms)


def _truth(said: str, reference: str) -> _Compared:
    return _read(said, reference, _TRUTHS)


def _phrase(said: str, reference: str) -> _Compared:
    given, wanted = words(said), words(reference)
    runs = range(len(given) - len(wanted) + 1)
    right = bool(wanted) and any(given[at : at + len(wanted)] == wanted for at in runs)
    return {"accuracy": float(right)}, said or None


def _set_of(text: str) -> frozenset[str]:
    parts = (" ".join(part.strip(" .\n\t").casefold().split()) for part in text.split(","))
    named = frozenset(part for part in parts if part)
    return frozenset() if any(part.startswith("there is no related") for part in named) else named


def _names(said: str, reference: str) -> _Compared:
    given, wanted = _set_of(said), _set_of(reference)
    total = len(given) + len(wanted)
    value = 2 * len(given & wanted) / total if total else 1.0
    return {"f1": value}, sorted(given) if said else None


_COMPARED = {
    "text": _text,
    "letter": _letter,
    "truth": _truth,
    "phrase": _phrase,
    "names": _names,
}
MIXED = Protocol("mixed", scoring=MixedScoring())
