"""Is a longer answer a better-scored one, and what would price length fairly?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.records import replies_of
from preceptor.results.pool import Side
from preceptor.results.values import length_rule
from preceptor.scoring import LENGTH_SUFFIX, OVERALL
from preceptor.scoring.columns import NO_SCORES, Scores, first_seen, means_of, repeats_of
from preceptor.statistics.length import (
    LengthFit,
    LengthPoint,
    Penalty,
    derive_penalty,
    length_fit,
    penalty_interval,
)

Floats = NDArray[np.float64]

__all__ = ["LONGEST", "Lengths", "SideLength", "lengths", "setting_of"]


#: Levels of verbosity with a longer mean do not count for the price of length, in characters.
LONGEST = 4000.0


class SideLength(msgspec.Struct, frozen=True):
    """Score against length within one side.

    Attributes
    ----------
    setting
        What stays fixed while verbosity varies: the system, with the other settings of a sweep.
    answers, examples
        Completely graded answers, and the examples that they answer.
    mean_length, mean_reasoning_length
        Characters of an answer, and of the reasoning before it where the endpoint showed it.
    score, adjusted
        Means over examples, unclipped; ``adjusted`` for length by the benchmark's rule.
    across_examples
        Slope over all answers, errors clustered by example: what is answered at length may also be
        what is hard.
    within_examples
        Slope among answers to the same question; None where none is repeated.
    """

    label: str
    setting: str
    answers: int
    examples: int
    mean_length: float | None
    mean_reasoning_length: float | None
    score: float | None
    adjusted: float | None
    across_examples: LengthFit | None
    within_examples: LengthFit | None


class Lengths(msgspec.Struct, frozen=True):
    """Score against length of several sides.

    ``rule_per_500`` is the benchmark's own price of 500 characters and ``penalty`` the one that
    these sides give by the same method, None where no setting was tried at two lengths; both on
    the 0–1 scale. ``penalty_ci95`` is its bootstrap interval over the ``penalty_examples`` that all
    levels have; None where it cannot be given.
    """

    benchmark: str
    rule_per_500: float | None
    penalty: Penalty | None
    penalty_ci95: tuple[float, float] | None
    penalty_examples: int
    sides: list[SideLength]


def lengths(sides: Sequence[Side], *, levels: bool = False) -> Lengths:
    """Fit score on length within each side, and over the sides of one setting.

    Parameters
    ----------
    levels
        Sides of one family are one setting at several levels of verbosity; without it only the
        runs of a sweep are, since harnesses differ in more than length.
    """
    fitted = [_side(side, levels) for side in sides]
    points = [
        LengthPoint(side.setting, side.mean_length, side.score)
        for side in fitted
        if side.mean_length is not None and side.score is not None
    ]
    rule = length_rule(sides[0].result)
    penalty = derive_penalty(points, longest=LONGEST)
    used = [
        (side, fit.setting)
        for side, fit in zip(sides, fitted, strict=True)
        if penalty is not None
        and fit.setting in penalty.used
        and fit.mean_length is not None
        and fit.mean_length <= LONGEST
    ]
    interval, examples = _interval(used)
    return Lengths(
        benchmark=sides[0].result.info.benchmark,
        rule_per_500=None if rule is None else rule.points_per_500 / 100,
        penalty=penalty,
        penalty_ci95=interval,
        penalty_examples=examples,
        sides=fitted,
    )


def setting_of(side: Side, *, levels: bool = False) -> str:
    """What is fixed by the sweep; else the family where its sides are levels; else the side."""
    sweep = side.result.info.settings.sweep
    if sweep is not None:
        fixed = ", ".join(f"{key}={value}" for key, value in sweep.setting.items())
        return f"{side.result.info.system}{': ' if fixed else ''}{fixed}"
    return side.family if levels and side.family else side.label


def _interval(used: Sequence[tuple[Side, str]]) -> tuple[tuple[float, float] | None, int]:
    """Of the penalty, and the examples that every level has."""
    each = [_by_example(side) for side, _ in used]
    if not each:
        return None, 0
    common = [name for name in each[0] if all(name in level for level in each)]
    table = np.array([[level[name] for level in each] for name in common])
    if not common:
        return None, 0
    interval = penalty_interval(table[:, :, 0], table[:, :, 1], [setting for _, setting in used])
    return interval, len(common)


def _answers(side: Side) -> tuple[Scores, Floats, Floats, NDArray[np.intp]]:
    """Score, characters and example of each completely graded answer, example by example."""
    scores = Scores.of(side.result.scores)
    part = scores.columns.get(OVERALL, NO_SCORES)
    chosen = part.known & ~np.isnan(scores.length[part.rows])
    rows = part.rows[chosen]
    order = np.argsort(first_seen(scores.example[rows])[0], kind="stable")
    rows = rows[order]
    return scores, part.value[chosen][order], scores.length[rows], scores.example[rows]


def _by_example(side: Side) -> dict[str, NDArray[np.float64]]:
    """Mean score and mean characters of each example's completely graded answers."""
    scores, values, sizes, example = _answers(side)
    names, score = repeats_of(example, values)
    means = np.column_stack((means_of(score), means_of(repeats_of(example, sizes)[1])))
    return {scores.ids[name]: row for name, row in zip(names.tolist(), means, strict=True)}


def _side(side: Side, levels: bool) -> SideLength:
    result = side.result
    _, values, sizes, example = _answers(side)
    thought = replies_of(result.graded).reasoning_length
    reasoning = thought[~np.isnan(thought)]
    raw, adjusted = result.metrics.get(OVERALL), result.metrics.get(OVERALL + LENGTH_SUFFIX)
    return SideLength(
        label=side.label,
        setting=setting_of(side, levels=levels),
        answers=len(values),
        examples=len(np.unique(example)),
        mean_length=float(sizes.mean()) if len(sizes) else None,
        mean_reasoning_length=float(np.mean(reasoning)) if len(reasoning) else None,
        score=raw.raw_mean if raw else None,
        adjusted=adjusted.raw_mean if adjusted else None,
        across_examples=length_fit(values, sizes, example, within=False),
        within_examples=length_fit(values, sizes, example),
    )
