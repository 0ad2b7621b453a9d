"""What a score takes: points for tokens, seconds and dollars, beside those of another system."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.analysis.alignment import align
from preceptor.analysis.pareto import MEASURES, Measure, on_front, taken_by
from preceptor.errors import InputError
from preceptor.records import Replies, examples_of
from preceptor.results.pool import Side
from preceptor.results.values import matrix, mean_of
from preceptor.scoring import OVERALL
from preceptor.scoring.units import units
from preceptor.statistics.sums import Statistic, intervals, mean, over

__all__ = ["Efficiency", "Ratio", "SideEfficiency", "Taken", "efficiency"]

Floats = NDArray[np.float64]
_SAID: dict[Measure, str] = {"tokens": "Tokens", "seconds": "Seconds", "usd": "US dollars"}


class Taken(msgspec.Struct, frozen=True):
    """What answers take under one measure, and what they score for it.

    Attributes
    ----------
    per_answer
        Mean over examples, in tokens (in and out), seconds or US dollars.
    score_per_unit
        Mean score, 0 to 1, over ``per_answer``: of one token, second or dollar.
    on_front
        No other side takes as little and scores more, or takes less and scores as much.
    """

    per_answer: float
    per_answer_ci95: tuple[float, float] | None
    score_per_unit: float | None
    score_per_unit_ci95: tuple[float, float] | None
    on_front: bool


class SideEfficiency(msgspec.Struct, frozen=True):
    """One side on the common examples; a measure that is not known of every answer is absent."""

    label: str
    n: int
    score: float
    score_ci95: tuple[float, float] | None
    taken: dict[str, Taken]


class Ratio(msgspec.Struct, frozen=True):
    """How much a side takes for its right answers, over what the first takes for its own.

    Attributes
    ----------
    n
        Examples with a right answer of both; ``common`` are all.
    ratio
        Geometric mean over these, each with the mean of its right answers; None for n of 0.
    """

    reference: str
    contender: str
    measure: str
    n: int
    common: int
    ratio: float | None
    ci95: tuple[float, float] | None


class Efficiency(msgspec.Struct, frozen=True):
    """All sides on their common examples.

    Attributes
    ----------
    right
        Score from which an answer is right, 0 to 1.
    """

    title: str
    common: int
    units: int
    right: float
    sides: list[SideEfficiency]
    ratios: list[Ratio]
    notes: list[str]


class _Answers(msgspec.Struct, frozen=True):
    """Scores of a side's answers and what each takes, NaN where it is not known: by example."""

    side: Side
    scores: Mapping[str, list[float]]
    taken: Mapping[Measure, Mapping[str, list[float]]]

    def means(self, ids: Sequence[str], measure: Measure | None = None) -> Floats:
        values = self.scores if measure is None else self.taken[measure]
        return np.array([np.mean(values[name]) for name in ids])

    def right(self, name: str, measure: Measure, least: float) -> float:
        """Mean amount of the right answers to an example; NaN without one."""
        pairs = zip(self.scores[name], self.taken[measure][name], strict=True)
        found = [amount for score, amount in pairs if score >= least - 1e-9]
        return float(np.mean(found)) if found else math.nan


def efficiency(sides: Sequence[Side], *, right: float = 1.0) -> Efficiency:
    """Score for what it takes, of each side, and ratios to the first.

    Means are over the examples that all sides were asked and scored on. The interval of a
    score is that of tables of scores; others are percentiles of 2,000 resamples of whole units.

    Parameters
    ----------
    right
        Score from which an answer is right: a ratio is over examples that both answer rightly, as
        a wrong answer may be as short as one likes.

    Raises
    ------
    InputError
        The sides are of several benchmarks, or have no scored example in common.
    """
    names = {side.result.info.benchmark for side in sides}
    if len(names) > 1:
        raise InputError(f"sides: expected runs of one benchmark, found {', '.join(sorted(names))}")
    answers = [_answers(side) for side in sides]
    ids = _common(answers)
    unit_of = units(examples_of(sides[0].result.graded).values())
    labels = np.unique([unit_of[name] for name in ids], return_inverse=True)[1]
    measures = {
        measure: [each for each in answers if not np.isnan(each.means(ids, measure)).any()]
        for measure in MEASURES
    }
    fronts = {measure: _front(known, ids, measure) for measure, known in measures.items()}
    return Efficiency(
        title=sides[0].result.title,
        common=len(ids),
        units=len(np.unique(labels)),
        right=right,
        sides=[_side(each, ids, labels, fronts) for each in answers],
        ratios=[
            _ratio((known[0], each), ids, labels, measure, right)
            for measure, known in measures.items()
            for each in known[1:]
            if known[0] is answers[0]
        ],
        notes=list(_notes(answers, measures, ids)),
    )


def _answers(side: Side) -> _Answers:
    result = side.result
    known = {
        (each.example_id, each.repeat): each.values[OVERALL]
        for each in result.scores
        if OVERALL in each.values
    }
    graded = [
        each
        for each in result.graded
        if each.response is not None and each.response.failure is None
        if (each.example.id, each.repeat) in known
    ]
    replies = Replies.of([each.response for each in graded if each.response is not None])
    amounts = {measure: taken_by(replies, measure).tolist() for measure in MEASURES}
    scores: dict[str, list[float]] = {}
    taken: dict[Measure, dict[str, list[float]]] = {measure: {} for measure in MEASURES}
    for row, each in enumerate(graded):
        name = each.example.id
        scores.setdefault(name, []).append(known[name, each.repeat])
        for measure in MEASURES:
            taken[measure].setdefault(name, []).append(amounts[measure][row])
    return _Answers(side, scores, taken)


def _common(answers: Sequence[_Answers]) -> list[str]:
    first = answers[0]
    ids = [name for name in first.scores if all(name in each.scores for each in answers)]
    for each in answers[1:]:
        alike = set(align(first.side, each.side).ids)
        ids = [name for name in ids if name in alike]
    if not ids:
        raise InputError("sides: expected examples that all have a score for, found none in common")
    return ids


def _front(known: Sequence[_Answers], ids: Sequence[str], measure: Measure) -> dict[str, bool]:
    """Label of each side whose amounts are known → whether it is on the front."""
    points = [
        (float(each.means(ids, measure).mean()), float(each.means(ids).mean())) for each in known
    ]
    return dict(zip((each.side.label for each in known), on_front(points), strict=True))


def _side(
    answers: _Answers,
    ids: Sequence[str],
    labels: NDArray[np.intp],
    fronts: Mapping[Measure, Mapping[str, bool]],
) -> SideEfficiency:
    label, scores = answers.side.label, answers.means(ids)
    table = matrix(answers.scores, ids)
    score, score_ci95 = mean_of(answers.side.result, OVERALL, table, labels)
    measures = [measure for measure in MEASURES if label in fronts[measure]]
    statistics: list[Statistic] = []
    for measure in measures:
        amounts = answers.means(ids, measure)
        statistics += [mean(amounts), Statistic(np.column_stack([scores, amounts]), _over)]
    found = intervals(statistics, labels)
    taken: dict[str, Taken] = {}
    for number, measure in enumerate(measures):
        amount, share = statistics[2 * number : 2 + 2 * number]
        value = share.value
        taken[measure] = Taken(
            amount.value,
            found[2 * number],
            None if math.isnan(value) else value,
            found[1 + 2 * number],
            fronts[measure][label],
        )
    return SideEfficiency(label, len(ids), score, score_ci95, taken)


def _over(sums: Floats) -> Floats:
    return over(sums[..., 0], sums[..., 1])


def _ratio(
    pair: tuple[_Answers, _Answers],
    ids: Sequence[str],
    labels: NDArray[np.intp],
    measure: Measure,
    right: float,
) -> Ratio:
    amounts = np.array([[each.right(name, measure, right) for each in pair] for name in ids])
    both = (amounts > 0).all(axis=1)
    logs = np.log(amounts[both, 1]) - np.log(amounts[both, 0])
    middle, ends = None, None
    if len(logs):
        middle = math.exp(float(logs.mean()))
        bounds = mean(logs).interval(labels[both])
        ends = None if bounds is None else (math.exp(bounds[0]), math.exp(bounds[1]))
    first, other = (each.side.label for each in pair)
    return Ratio(first, other, measure, len(logs), len(ids), middle, ends)


def _notes(
    answers: Sequence[_Answers],
    measures: Mapping[Measure, Sequence[_Answers]],
    ids: Sequence[str],
) -> list[str]:
    """What is left out of the figures, one sentence each."""
    said = []
    for measure, known in measures.items():
        lacking = [each.side.label for each in answers if each not in known]
        if lacking:
            said.append(
                f"{_SAID[measure]} are not known of every answer of {', '.join(lacking)}: no "
                "figures of these."
            )
    for each in answers:
        left = len(each.scores) - len(ids)
        if left:
            said.append(f"{each.side.label}: {left:,} examples left out: not scored on all sides.")
        if each.side.result.coverage < 1:
            share = 100 * each.side.result.coverage
            said.append(f"{each.side.label}: coverage {share:.1f} %: what is missing is left out.")
    return said
