"""Steps of a guideline: a question taken apart (PICO), and the certainty of evidence (GRADE)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.rated import rated_steps
from preceptor.scoring.reading import field_of
from preceptor.scoring.rubric import OVERALL
from preceptor.terminology.texts import fold

__all__ = [
    "CERTAINTIES",
    "DOMAINS",
    "GRADE",
    "GRADE_LABELS",
    "PICO",
    "PICO_LABELS",
    "SERIOUSNESS",
    "GradeScoring",
    "PicoScoring",
    "word_f1",
]

_PARTS = {
    "population": ("population", "patient", "p"),
    "intervention": ("intervention", "i"),
    "comparison": ("comparison", "comparisons", "comparator", "comparators", "c"),
}
PICO_LABELS = {
    OVERALL: "Mean F1 of words",
    "population": "Population",
    "intervention": "Intervention",
    "comparison": "Comparison",
    PARSED: "Answers that could be read",
}
_WORD = re.compile(r"\w+")


def word_f1(said: str, right: str) -> float:
    """F1 of two bags of words, folded: 2 · common / (words of both); 1 where both are empty.

    >>> word_f1("Adults with CKD", "adults with CKD or diabetes")
    0.75
    """
    one, other = (Counter(_WORD.findall(fold(text))) for text in (said, right))
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0


class PicoScoring(Scoring):
    """Population, intervention and comparison of a question, each by the F1 of its words.

    The target has the three as texts; several comparisons are joined. A part that is not in the
    answer scores 0.
    """

    units_are = "questions"
    shares = (PARSED,)

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            names = (OVERALL, *_PARTS, PARSED)
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        said = {name: _joined(field_of(text, keys)) for name, keys in _PARTS.items()}
        right = graded.example.target
        values = {
            name: 0.0 if said[name] is None else word_f1(str(said[name]), right[name])
            for name in _PARTS
        }
        there = {name: each for name, each in said.items() if each is not None}
        values[OVERALL] = sum(values.values()) / len(_PARTS)
        return scored(graded, values, there or None)


def _joined(value: object) -> str | None:
    if value is None:
        return None
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


PICO = Protocol(
    "pico",
    asking=Asking(
        "Take this question apart. Reply with a JSON object with the keys population, "
        "intervention (texts) and comparison (a list of texts)."
    ),
    scoring=PicoScoring(),
)

#: What can lower the certainty, and by how much.
DOMAINS = ("risk_of_bias", "inconsistency", "indirectness", "imprecision")
SERIOUSNESS = ("not serious", "serious", "very serious")
CERTAINTIES = ("very low", "low", "moderate", "high")
_KAPPA = "certainty_kappa"
GRADE_LABELS = {
    OVERALL: "Certainty, agreement with the panel",
    _KAPPA: "Certainty, kappa with quadratic weights",
    "within_one": "Certainty within one step",
    **{name: name.replace("_", " ").capitalize() for name in DOMAINS},
    "all_domains": "All four domains",
    PARSED: "Answers that could be read",
}


class GradeScoring(Scoring):
    """The certainty of evidence for an outcome, and the four domains that lower it.

    The target is ``{"certainty": …, "domains": {name: …}, "cluster": question}`` in the words of
    CERTAINTIES and SERIOUSNESS. What an answer does not say is wrong.
    """

    units_are = "questions"
    shares = (OVERALL, "within_one", *DOMAINS, "all_domains", PARSED)

    def score(self, graded: Graded) -> Score:
        text, target = answered(graded), graded.example.target
        names = (OVERALL, "within_one", *target["domains"], "all_domains", PARSED)
        if text is None:
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        certainty = _step(field_of(text, ("certainty",)), CERTAINTIES)
        said = {name: _step(_domain(text, name), SERIOUSNESS) for name in target["domains"]}
        right = {name: said[name] == each for name, each in target["domains"].items()}
        near = certainty is not None and _apart(certainty, target["certainty"]) <= 1
        values = {
            OVERALL: float(certainty == target["certainty"]),
            "within_one": float(near),
            **{name: float(each) for name, each in right.items()},
            "all_domains": float(all(right.values())),
        }
        read = certainty is not None or any(each is not None for each in said.values())
        return scored(graded, values, {"certainty": certainty, **said} if read else None)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        right = {example.id: example.target["certainty"] for example in examples}
        rows = [
            (s.example_id, s.prediction["certainty"] if s.prediction else None, right[s.example_id])
            for s in scores
        ]
        return {_KAPPA: rated_steps(rows, CERTAINTIES, examples)}


def _domain(text: str, name: str) -> object:
    return field_of(text, (name, name.replace("_", " ")))


def _step(value: object, steps: Sequence[str]) -> str | None:
    """``VERY_SERIOUS`` and "Very serious" are one step; the longest that the value begins with."""
    plain = fold(str(value)).replace("_", " ").replace("-", " ") if value is not None else ""
    found = [step for step in steps if plain.startswith(step)]
    return max(found, key=len, default=None)


def _apart(one: str, other: str) -> int:
    return abs(CERTAINTIES.index(one) - CERTAINTIES.index(other))


_RATED: Mapping[str, str] = {
    "domains": ", ".join(DOMAINS),
    "steps": ", ".join(f'"{step}"' for step in SERIOUSNESS),
    "certainties": ", ".join(f'"{step}"' for step in reversed(CERTAINTIES)),
}
GRADE = Protocol(
    "grade",
    asking=Asking(
        "Rate the certainty of this evidence by GRADE. Reply with a JSON object with the keys "
        f"{_RATED['domains']} (each {_RATED['steps']}) and certainty ({_RATED['certainties']})."
    ),
    scoring=GradeScoring(),
)
