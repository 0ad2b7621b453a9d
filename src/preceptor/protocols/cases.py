"""Scores that were measured case by case elsewhere, such as Dice of each organ in each scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import msgspec

from preceptor.errors import InputError
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.answers import answered
from preceptor.scoring.case_examples import CASES
from preceptor.scoring.case_metrics import case_metric
from preceptor.scoring.case_scores import Values, group_metrics, mean_of_cases, median_metric
from preceptor.scoring.names import OVERALL
from preceptor.scoring.units import units

__all__ = ["CaseScoring", "cases"]

#: Metric → structure → value: what is measured of one case.
Measured = Mapping[str, Mapping[str, float]]


class CaseScoring(Scoring):
    """The score of a case is the mean over the structures that are there.

    A structure without a value is in no mean, and a case without any has no score.
    """

    units_are = "patients"
    common_only = True
    rank_tests = True
    called = ("case", "measured")
    method = "Each case was measured against its reference elsewhere; 100 is the best."

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        said: Measured = {} if text is None else msgspec.json.decode(text)
        values: dict[str, float] = {}
        for metric, of in said.items():
            if not of or not case_metric(metric).is_score:
                continue
            name = OVERALL if metric == graded.example.target["metric"] else f"{metric}_mean"
            values[name] = sum(of.values()) / len(of)
            values |= {f"{metric}:{structure}": value for structure, value in of.items()}
        return Score(
            example_id=graded.example.id,
            repeat=graded.repeat,
            values=values,
            low=values,
            high=values,
            counts=dict.fromkeys(values, (1, 1)),
            length=None,
            prediction=said or None,
        )

    def lowest(self, examples: Sequence[Example]) -> Mapping[str, float]:
        names = {example.target["metric"] for example in examples}
        return {OVERALL: min((case_metric(name).lowest for name in names), default=0.0)}

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        unit_of = units(examples)
        there = [score for score in scores if OVERALL in score.values]
        whole = Values(
            [score.example_id for score in there], [score.values[OVERALL] for score in there]
        )
        found = {"median_score": median_metric(whole, unit_of)} if there else {}
        for (metric, structure), values in _columns(scores).items():
            about = case_metric(metric)
            if about.is_score:
                found[f"{metric}_median:{structure}"] = median_metric(values, unit_of)
            else:
                found[f"{metric}:{structure}"] = mean_of_cases(values, unit_of, about)
        return found | group_metrics(whole, _groups(examples), unit_of)


def _columns(scores: Sequence[Score]) -> dict[tuple[str, str], Values]:
    """(metric, structure) → its values."""
    columns: dict[tuple[str, str], tuple[list[str], list[float]]] = {}
    for score in scores:
        for metric, of in (score.prediction or {}).items():
            for structure, value in of.items():
                ids, values = columns.setdefault((metric, structure), ([], []))
                ids.append(score.example_id)
                values.append(value)
    return {name: Values(ids, values) for name, (ids, values) in columns.items()}


def _groups(examples: Sequence[Example]) -> dict[str, dict[str, str]]:
    """Kind of groups → case → group."""
    groups: dict[str, dict[str, str]] = {}
    for example in examples:
        for tag in example.tags:
            kind, _, group = tag.partition(":")
            groups.setdefault(kind, {})[example.id] = group
    return groups


def cases() -> Protocol:
    """The family. It asks nothing: its runs are imported."""
    return Protocol(CASES, scoring=CaseScoring(), asking=Asking(_not_asked))


def _not_asked(example: Example) -> NoReturn:
    raise InputError(
        "cases: no system is asked: import its scores with `preceptor import cases FILE`"
    )
