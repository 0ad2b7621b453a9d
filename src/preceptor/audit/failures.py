"""Failures of a grader by points' sign, criterion's length, theme, category and model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.audit.agreement import Estimate, estimate, estimates, grader_pairs
from preceptor.audit.families import family
from preceptor.audit.labels import Judged, theme_of
from preceptor.statistics.agreement import cohen_kappa, macro_f1
from preceptor.statistics.sums import Statistic, mean, over, weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Confusion", "SelfPreference", "Slice", "self_preference", "slices"]

#: Upper bounds of the length slices, in characters of the criterion.
_LENGTHS = (100, 250, 1_000)


class Confusion(msgspec.Struct, frozen=True):
    """Counts of pairs by who said met: the grader, the physician, both or neither."""

    both: int
    only_grader: int
    only_physician: int
    neither: int


class Slice(msgspec.Struct, frozen=True):
    """Agreement on a subset of the rows.

    Attributes
    ----------
    kind, name
        ``points``: *positive* or *negative*; ``length``: characters of the criterion; ``theme``;
        ``category``; ``model``; ``preview``, of tasks of the studio.
    confusion
        Counts of the subset's pairs.
    bias
        Share that the grader calls met minus the share that physicians call met.
    """

    kind: str
    name: str
    rows: int
    pairs: int
    macro_f1: Estimate
    kappa: Estimate
    bias: Estimate
    confusion: Confusion


class SelfPreference(msgspec.Struct, frozen=True):
    """Bias of a grader towards answers of its own model family.

    Attributes
    ----------
    family
        Model family of the grader.
    own, others
        Bias (as in a slice) on answers of that family, and on all others.
    difference
        Own minus others.
    """

    family: str
    own_pairs: int
    other_pairs: int
    own: Estimate
    others: Estimate
    difference: Estimate


def slices(rows: Sequence[Judged], grader: str, *, seed: int = 0) -> list[Slice]:
    """Measure every slice that the rows define, ordered by kind and name."""
    groups: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for row in rows:
        if grader in row.verdicts:
            for key in _keys(row):
                groups[key].append(row)
    return [_slice(*key, groups[key], grader, seed) for key in sorted(groups, key=_order)]


_KINDS = ("points", "length", "theme", "category", "model", "preview")
_PREVIEWED = {"yes": "rubric previewed", "no": "rubric not previewed"}


def _keys(row: Judged) -> Iterator[tuple[str, str]]:
    if row.points is not None:
        yield "points", "positive" if row.points > 0 else "negative"
    yield "length", _length(len(row.criterion))
    theme = theme_of(row.category)
    if theme is not None:
        yield "theme", theme
    if row.category:
        yield "category", row.category
    if row.model:
        yield "model", row.model
    if row.previewed in _PREVIEWED:
        yield "preview", _PREVIEWED[row.previewed]


def _length(characters: int) -> str:
    low = 1
    for high in _LENGTHS:
        if characters <= high:
            return f"{low:,}–{high:,}"
        low = high + 1
    return f"over {_LENGTHS[-1]:,}"


def _order(key: tuple[str, str]) -> tuple[int, int | str, str]:
    kind, name = key
    if kind == "length":
        return _KINDS.index(kind), "", f"{len(name):03}{name}" if name[0] != "o" else "~"
    return _KINDS.index(kind), "", name


def _slice(kind: str, name: str, rows: Sequence[Judged], grader: str, seed: int) -> Slice:
    pairs = grader_pairs(rows, grader)
    ratings = pairs.ratings
    statistics = [macro_f1(ratings), cohen_kappa(ratings), mean(ratings[:, 0] - ratings[:, 1])]
    f1, kappa, bias = estimates(
        [weighted(one, pairs.weights) for one in statistics], pairs.prompts, seed=seed
    )
    return Slice(kind, name, len(rows), len(ratings), f1, kappa, bias, confusion(ratings))


def confusion(ratings: NDArray[np.float64]) -> Confusion:
    """Count pairs (grader, physician) of 0 and 1."""
    first, second = ratings.astype(bool).T
    cells = (first & second, first & ~second, ~first & second, ~first & ~second)
    return Confusion(*(int(cell.sum()) for cell in cells))


def self_preference(rows: Sequence[Judged], grader: str, *, seed: int = 0) -> SelfPreference | None:
    """Compare bias on own and other families; None unless the rows have answers of both."""
    known = [row for row in rows if row.model and grader in row.verdicts]
    own = np.array([family(row.model) == family(grader) for row in known for _ in row.labels])
    if not own.any() or own.all():
        return None
    pairs = grader_pairs(known, grader)
    apart = pairs.ratings[:, 0] - pairs.ratings[:, 1]
    terms = np.column_stack([apart * own, own, apart * ~own, ~own]) * pairs.weights[:, None]

    def bias(sums: NDArray[np.float64], start: int) -> NDArray[np.float64]:
        return over(sums[..., start], sums[..., start + 1])

    ours = estimate(Statistic(terms, lambda s: bias(s, 0)), pairs.prompts, seed=seed)
    others = estimate(Statistic(terms, lambda s: bias(s, 2)), pairs.prompts, seed=seed)
    both = estimate(Statistic(terms, lambda s: bias(s, 0) - bias(s, 2)), pairs.prompts, seed=seed)
    return SelfPreference(family(grader), int(own.sum()), int((~own).sum()), ours, others, both)
