"""A rubric's verdicts → the scores of one response.

Source: HealthBench (arXiv 2505.08775), equations 1 to 4. For response i with criteria j of points
p_j and verdicts r_j in {0, 1}::

    s_i = Σ_j r_j·p_j / Σ_j max(0, p_j)

which may be negative and is never clipped. For a rubric tag (axis, level, cluster) both sums run
over the criteria with that tag; without a positive one among them the score is undefined.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import NamedTuple

from preceptor.records import Criterion, Example, Graded, Score
from preceptor.scoring.bounds import Bounds, bounded, scored
from preceptor.scoring.names import OVERALL, free_name

__all__ = ["OVERALL", "lowest_scores", "score_rubric"]


def score_rubric(graded: Graded) -> Score:
    """Score one response, over all its criteria and by each rubric tag.

    A name is in ``values`` only if it is defined and every verdict under it was given: a missing
    verdict is not "not met". ``low`` and ``high`` say what the missing verdicts allow.

    Raises
    ------
    ValueError
        If there is not exactly one verdict (or None) for each criterion.
    """
    criteria = graded.example.criteria
    pairs = zip(criteria, graded.verdicts, strict=True)
    met = [None if verdict is None else verdict.met for _, verdict in pairs]
    parts = _parts(criteria)
    if None not in met:
        values = {
            name: sum([number for place, number in points if met[place]]) / attainable
            for name, points, attainable in parts
        }
        return scored(graded, values, values, values, _counts(criteria))
    metrics: dict[str, Bounds] = {}
    for name, points, attainable in parts:
        certain = sum(number for place, number in points if met[place])
        missing = [number for place, number in points if met[place] is None]
        gain = sum(number for number in missing if number > 0)
        low, high = (certain + sum(missing) - gain) / attainable, (certain + gain) / attainable
        metrics[name] = Bounds(len(points) - len(missing), len(points), low, high)
    return bounded(graded, metrics)


def lowest_scores(examples: Iterable[Example]) -> dict[str, float]:
    """Metric → the lowest score of any of these: all that is undesirable met, and nothing else."""
    lowest: dict[str, float] = {}
    for example in examples:
        for name, points, attainable in _parts(example.criteria):
            lost = sum(number for _, number in points if number < 0)
            lowest[name] = min(lowest.get(name, 0.0), lost / attainable)
    return lowest


class _Part(NamedTuple):
    """The criteria under one name: their places and points, and how many can be earned."""

    name: str
    points: tuple[tuple[int, int], ...]
    attainable: int


@functools.lru_cache(maxsize=64)  # the repeats of an example stand behind each other
def _parts(criteria: tuple[Criterion, ...]) -> tuple[_Part, ...]:
    """All criteria, and those of each tag, where points can be earned."""
    names: dict[str, list[tuple[int, int]]] = {OVERALL: []}
    for place, criterion in enumerate(criteria):
        for name in (OVERALL, *(free_name(tag, "criterion") for tag in criterion.tags)):
            points = names.setdefault(name, [])
            if not points or points[-1][0] != place:  # the same tag twice counts once
                points.append((place, criterion.points))
    parts = (
        _Part(name, tuple(points), sum(number for _, number in points if number > 0))
        for name, points in names.items()
    )
    return tuple(part for part in parts if part.attainable > 0)


@functools.lru_cache(maxsize=64)
def _counts(criteria: tuple[Criterion, ...]) -> dict[str, tuple[int, int]]:
    """Verdicts given and asked for under each name, where all are given."""
    return {name: (len(points), len(points)) for name, points, _ in _parts(criteria)}
