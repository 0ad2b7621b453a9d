"""Numbers: a calculation that is right or wrong, and an amount that is near or far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.abstention import ABSTAINED
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.dates import read_date, read_weeks
from preceptor.scoring.numbers import read_amount, read_number
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.units import units

__all__ = [
    "AMOUNT_LABELS",
    "CALCULATION_LABELS",
    "AmountScoring",
    "CalculationScoring",
    "agrees",
    "read_answer",
]

#: Display names of the families' metrics, for a benchmark's ``labels``.
CALCULATION_LABELS = {
    OVERALL: "Accuracy",
    PARSED: "Answers that could be read",
    "corrected_accuracy": "Accuracy by the corrected labels",
    "original_accuracy": "Accuracy by the original labels of the same questions",
    "abstention_rate": "Said to have no answer, of those that have none by the corrected labels",
}
AMOUNT_LABELS = {
    OVERALL: "Accuracy",
    PARSED: "Answers that could be read",
    "answer_rate": "Answers with an amount",
    "mae": "Mean absolute error",
}

_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "decimal": lambda text, asked: read_number(text, asked=asked),
    "integer": lambda text, asked: read_number(text, whole=True, asked=asked),
    "date": lambda text, _: read_date(text),
    "weeks": lambda text, _: read_weeks(text),
}


def read_answer(kind: str, text: str, asked: str = "") -> float | str | list[int] | None:
    """What a free answer states, as JSON; None where it cannot be read.

    Parameters
    ----------
    kind
        ``decimal`` and ``integer`` give a number or ``"N/A"``, ``date`` gives ``2014-09-23``,
        ``weeks`` gives ``[weeks, days]``.
    asked
        The question, which may name the unit.
    """
    value = _READERS[kind](text, asked)
    if value is None and kind in ("date", "weeks") and read_number(text) == ABSTAINED:
        return ABSTAINED
    return list(value) if isinstance(value, tuple) else value


def agrees(kind: str, said: Any, label: Mapping[str, Any]) -> bool:
    """Whether what was read is what the label says.

    Source: MedCalc-Bench (Khandekar et al. 2024, arXiv 2406.12036): the result of an equation is
    not below ``lower`` and not above ``upper``; the score of a rule is ``answer`` after rounding
    (half to even); a date is the same; weeks and days are the same time.

    Parameters
    ----------
    kind, said
        As for and from :func:`read_answer`.
    label
        ``answer``; for an equation also ``lower`` and ``upper``.
    """
    if said is None or said == ABSTAINED:
        return False
    if kind == "decimal":
        return bool(label["lower"] <= said <= label["upper"])
    if kind == "integer":
        return bool(round(said) == round(label["answer"]))
    if kind == "weeks":
        return _days(said) == _days(label["answer"])
    return bool(said == label["answer"])


def _days(time: Sequence[int]) -> int:
    return time[0] * 7 + time[1]


class CalculationScoring(Scoring):
    """A case and what is to be calculated from it.

    ``target`` of an example: ``kind``, and the label as ``answer``, ``lower``, ``upper``; where the
    benchmark's labels were corrected, ``corrected`` with the same three, or ``"N/A"`` where the
    case does not allow the calculation. ``original_accuracy`` and ``corrected_accuracy`` are over
    the same questions, those without a corrected answer left out.
    """

    shares = (OVERALL, PARSED, "abstention_rate", "corrected_accuracy", "original_accuracy")

    def score(self, graded: Graded) -> Score:
        text, target = answered(graded), graded.example.target
        corrected = target.get("corrected")
        if text is None:
            names = _names(corrected)
            return missing(graded, dict.fromkeys((OVERALL, *names, PARSED), (0.0, 1.0)))
        kind = target["kind"]
        question = graded.example.messages[-1].text.rpartition("\n\n")[2]
        said = read_answer(kind, text, question)
        values = {OVERALL: float(agrees(kind, said, target))}
        if corrected == ABSTAINED:
            values["abstention_rate"] = float(said == ABSTAINED)
        elif corrected is not None:
            values["corrected_accuracy"] = float(agrees(kind, said, corrected))
            values["original_accuracy"] = values[OVERALL]
        return scored(graded, values, said)


def _names(corrected: Any) -> tuple[str, ...]:
    if corrected is None:
        return ()
    if corrected == ABSTAINED:
        return ("abstention_rate",)
    return ("corrected_accuracy", "original_accuracy")


class AmountScoring(Scoring):
    """An estimate of an amount: right within a tolerance, and how far off it is.

    ``target`` of an example: ``amount``; and ``subject``, what is described, where several examples
    describe one thing in other words and so are not independent. An answer of −1 is a refusal:
    read, but no amount, and never right. The mean absolute error, ``mae``, is over the amounts that
    were given, and ``mae:TAG`` over those of the examples with that tag.

    Parameters
    ----------
    key
        What the key of JSON in the answer has in its name: ``carb``.
    tolerance, unit
        An amount is right if it is less than ``tolerance`` off; both in ``unit``.
    """

    shares = (OVERALL, PARSED, "answer_rate")
    units_are = "meals"

    def __init__(self, key: str, tolerance: float, unit: str) -> None:
        self.key, self.tolerance, self.unit = key, tolerance, unit

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            return missing(graded, dict.fromkeys((OVERALL, "answer_rate", PARSED), (0.0, 1.0)))
        said = read_amount(text, self.key, unit=self.unit)
        given = said is not None and said >= 0
        near = given and abs(said - graded.example.target["amount"]) < self.tolerance
        return scored(graded, {OVERALL: float(near), "answer_rate": float(given)}, said)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        by_id = {example.id: example for example in examples}
        tags = {example.id: example.tags for example in examples}
        slices = {"mae": dict.fromkeys(score.example_id for score in scores)}
        for id in slices["mae"]:
            for tag in tags[id]:
                slices.setdefault(f"mae:{tag}", {})[id] = None
        errors, unit_of = _errors(scores, by_id), units(examples)
        return {name: self._mean_error([*part], errors, unit_of) for name, part in slices.items()}

    def _mean_error(
        self, ids: Sequence[str], errors: Mapping[str, float], unit_of: Mapping[str, str]
    ) -> Metric:
        """Mean absolute error over the amounts that were given."""
        from preceptor.scoring.sets import mean_metric

        given = [id for id in ids if id in errors]
        return mean_metric(
            [errors[id] for id in given],
            given,
            unit_of,
            unit=self.unit,
            higher_is_better=False,
            coverage=len(given) / len(ids) if ids else 0.0,
            lowest=0.0,
        )


def _errors(scores: Sequence[Score], examples: Mapping[str, Example]) -> dict[str, float]:
    """Example id → mean absolute error of the amounts that were given for it."""
    off: dict[str, list[float]] = {}
    for score in scores:
        if score.prediction is not None and score.prediction >= 0:
            true = examples[score.example_id].target["amount"]
            off.setdefault(score.example_id, []).append(abs(score.prediction - true))
    return {id: sum(each) / len(each) for id, each in off.items()}
