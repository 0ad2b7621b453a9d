"""A rubric's verdicts → the scores of one response.

Source: HealthBench (arXiv 2505.08775), equations 1 to 4. For response i with criteria j of points
p_j and verdicts r_j in {0, 1}::

    s_i = Σ_j r_j·p_j / Σ_j max(0, p_j)

which may be negative and is never clipped. For a rubric tag (axis, level, cluster) both sums run
over the criteria with that tag; without a positive one among them the score is undefined.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from preceptor.records import Answers, Criterion, Example, Graded, Score
from preceptor.scoring.bounds import Bounds, bounded, scored
from preceptor.scoring.columns import Column, Scores, first_seen
from preceptor.scoring.names import OVERALL, free_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.intp]

__all__ = ["OVERALL", "lowest_scores", "score_rubric", "score_rubrics"]

#: Examples whose answers are scored together.
_PART = 200
#: Signs of a verdict that is met, and of one that says neither: see :class:`Answers`.
_MET, _OPEN = b"1-"


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
    parts, counts = _parts(criteria)
    if None not in met:
        values = {
            part.name: sum(itertools.compress(part.worth, met)) / part.attainable for part in parts
        }
        return scored(graded, values, values, values, counts)
    metrics: dict[str, Bounds] = {}
    for name, points, attainable, _ in parts:
        certain = sum(number for place, number in points if met[place])
        missing = [number for place, number in points if met[place] is None]
        gain = sum(number for number in missing if number > 0)
        low, high = (certain + sum(missing) - gain) / attainable, (certain + gain) / attainable
        metrics[name] = Bounds(len(points) - len(missing), len(points), low, high)
    return bounded(graded, metrics)


def score_rubrics(answers: Answers) -> Scores:
    """The same scores of all answers of a run, a part of the examples at a time."""
    found: dict[str, list[Column]] = {}
    edges = np.searchsorted(answers.example, range(0, len(answers.examples) + _PART, _PART))
    for start, stop in itertools.pairwise(edges.tolist()):
        places, example = np.unique(answers.example[start:stop], return_inverse=True)
        examples = [answers.examples[place] for place in places.tolist()]
        for name, part in _columns(examples, example, answers.signs[start:stop]):
            found.setdefault(name, []).append(part._replace(rows=part.rows + start))
    number = {example.id: place for place, example in enumerate(answers.examples)}
    same = np.array([number[example.id] for example in answers.examples], dtype=np.intp)
    example, places = first_seen(same[answers.example])
    return Scores(
        [answers.examples[answers.example[place]].id for place in places.tolist()],
        example=example,
        repeat=answers.repeat,
        length=answers.lengths,
        columns={name: _together(parts) for name, parts in found.items()},
    )


def _together(parts: Sequence[Column]) -> Column:
    """One column; numbers that are the same are in memory once."""
    column = Column(*map(np.concatenate, zip(*parts, strict=True)))
    column = column._replace(value=column.low)
    if not column.known.all():
        return column
    return column._replace(high=column.low, given=column.asked)


def _columns(
    examples: Sequence[Example], example: Places, signs: Sequence[str]
) -> Iterator[tuple[str, Column]]:
    """Each metric of some answers, whose verdicts are signs as in :class:`Answers`."""
    sizes, points, parts = _flat_parts(examples)
    if list(map(len, signs)) != sizes[example].tolist():
        raise ValueError("expected one verdict for each criterion")
    said = np.frombuffer("".join(signs).encode(), np.uint8)
    # How much further on an answer's signs are than the criteria that they are about.
    ahead = np.cumsum(sizes[example]) - np.cumsum(sizes)[example]
    for name, places, counts, attainable in parts:
        rows = np.flatnonzero(counts[example])
        mine = example[rows]
        asked = counts[mine]
        chosen = places[_ranges((np.cumsum(counts) - counts)[mine], asked)]
        worth, sign = points[chosen], said[chosen + np.repeat(ahead[rows], asked)]
        missing, starts = sign == _OPEN, np.cumsum(asked) - asked
        certain = np.where(sign == _MET, worth, 0)
        low, high = (
            np.add.reduceat(certain + np.where(missing, some, 0), starts) / attainable[mine]
            for some in (np.minimum(worth, 0), np.maximum(worth, 0))
        )
        given = asked - np.add.reduceat(missing.astype(np.intp), starts)
        yield name, Column(rows, low, given == asked, low, high, given, asked)


def _flat_parts(
    examples: Sequence[Example],
) -> tuple[Places, Places, list[tuple[str, Places, Places, Places]]]:
    """The parts of many rubrics, whose criteria stand behind each other.

    The number of criteria of each example; the points of each criterion; and of each name that has
    criteria: their places, how many they are and how much can be earned, the last two by example.
    The names are in the order in which the examples have them.
    """
    criteria = [criterion for example in examples for criterion in example.criteria]
    sizes = np.array([len(example.criteria) for example in examples], dtype=np.intp)
    points = np.array([criterion.points for criterion in criteria], dtype=np.intp)
    kinds: dict[tuple[str, ...], int] = {}
    kind = np.array([kinds.setdefault(each.tags, len(kinds)) for each in criteria], dtype=np.intp)
    names = list(map(_names, kinds))
    owner = np.repeat(np.arange(len(examples)), sizes)
    gain = np.maximum(points, 0)
    found = []
    for name in dict.fromkeys(name for each in names for name in each):
        places = np.flatnonzero(np.array([name in each for each in names])[kind])
        attainable = np.bincount(owner[places], gain[places], len(examples)).astype(np.intp)
        places = places[attainable[owner[places]] > 0]
        if len(places):
            counts = np.bincount(owner[places], minlength=len(examples))
            order = int(places[0]), names[kind[places[0]]].index(name)
            found.append((order, (name, places, counts, attainable)))
    return sizes, points, [part for _, part in sorted(found, key=lambda each: each[0])]


def _ranges(starts: Places, counts: Places) -> Places:
    """The numbers from each start on, as many as its count, behind each other."""
    ends = np.cumsum(counts)
    numbers: Places = np.arange(counts.sum()) + np.repeat(starts - (ends - counts), counts)
    return numbers


def lowest_scores(examples: Iterable[Example]) -> dict[str, float]:
    """Metric → the lowest score of any of these: all that is undesirable met, and nothing else."""
    sizes, points, parts = _flat_parts(list(examples))
    owner = np.repeat(np.arange(len(sizes)), sizes)
    lowest: dict[str, float] = {}
    for name, places, counts, attainable in parts:
        lost = np.bincount(owner[places], np.minimum(points[places], 0), len(sizes))
        lowest[name] = min(0.0, float((lost[counts > 0] / attainable[counts > 0]).min()))
    return lowest


class _Part(NamedTuple):
    """The criteria under one name: their places and points, and how many can be earned.

    ``worth`` has the points of every criterion, 0 for those under other names.
    """

    name: str
    points: tuple[tuple[int, int], ...]
    attainable: int
    worth: tuple[int, ...]


@functools.lru_cache(maxsize=64)  # the repeats of an example stand behind each other
def _parts(
    criteria: tuple[Criterion, ...],
) -> tuple[Sequence[_Part], dict[str, tuple[int, int]]]:
    """All criteria, and those of each tag, where points can be earned.

    And the verdicts given and asked for under each name, where all are given.
    """
    names: dict[str, list[tuple[int, int]]] = {OVERALL: []}
    for place, criterion in enumerate(criteria):
        for name in _names(criterion.tags):
            names.setdefault(name, []).append((place, criterion.points))
    parts = (
        _Part(
            name,
            tuple(points),
            sum(number for _, number in points if number > 0),
            tuple(map(dict(points).get, range(len(criteria)), itertools.repeat(0))),
        )
        for name, points in names.items()
    )
    some = [part for part in parts if part.attainable > 0]
    return some, {part.name: (len(part.points), len(part.points)) for part in some}


@functools.lru_cache(maxsize=4096)
def _names(tags: tuple[str, ...]) -> tuple[str, ...]:
    """What a criterion counts under; the same tag twice counts once."""
    names = (OVERALL, *(free_name(tag, "criterion") for tag in tags))
    return tuple(dict.fromkeys(names))
