"""The criteria that cost most: what should have been said and was not, and the other way round."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from preceptor.records import Criterion, Example, Graded, Result, signs_by_example
from preceptor.reports.format import pretty

__all__ = [
    "Missed",
    "MissedTables",
    "Tally",
    "judged_by_example",
    "most_missed",
]


class Tally(msgspec.Struct, frozen=True):
    """How often one run missed a criterion, of how many verdicts."""

    mark: int
    missed: int
    judged: int


class Missed(msgspec.Struct, frozen=True):
    """One criterion, wherever it recurs.

    ``text`` is None in a share-safe report; ``start`` is its beginning where it is long.
    ``lost`` is points × times missed.
    """

    text: str | None
    start: str | None
    where: str
    tags: list[str]
    points: int
    missed: int
    judged: int
    lost: int
    runs: list[Tally]


class MissedTables(msgspec.Struct, frozen=True):
    """``omitted``: positive criteria that were not met; ``committed``: negative ones that were."""

    omitted: list[Missed]
    committed: list[Missed]
    total_omitted: int
    total_committed: int


class _Entry:
    """A criterion that is shown: where it stands, and how often each run missed it."""

    def __init__(self, criterion: Criterion, counts: Sequence[int]) -> None:
        self.criterion = criterion
        self.tags: dict[str, None] = {}
        self.places: dict[tuple[str, int], None] = {}
        self.judged, self.missed = counts[::2], counts[1::2]

    @property
    def lost(self) -> int:
        return sum(self.missed) * abs(self.criterion.points)


def judged_by_example(
    graded: Iterable[Graded],
) -> Iterator[tuple[Example, list[tuple[int, int]]]]:
    """Of each example, for each criterion: verdicts given, and how many say that it was missed.

    One with positive points is missed where it is not met, one with negative points where it is.
    The answers to an example that stand behind each other are counted together.
    """
    for example, answers in signs_by_example(graded):
        counts = []
        for criterion, said in zip(example.criteria, zip(*answers, strict=True), strict=False):
            met, unmet = said.count("1"), said.count("0")
            counts.append((met + unmet, unmet if criterion.points > 0 else met))
        yield example, counts


def most_missed(results: Sequence[Result], *, share: bool, limit: int = 25) -> MissedTables:
    """Over all runs together, the costliest first; what recurs word for word is one criterion."""
    counted = [list(judged_by_example(result.graded)) for result in results]
    #: Text and points of a criterion → its row in ``counts``.
    rows: dict[tuple[str, int], int] = {}
    found = [
        [rows.setdefault((each.text, each.points), len(rows)) for _, _, each, _ in _criteria(some)]
        for some in counted
    ]
    #: How many verdicts, how many missed it, run by run.
    counts = np.zeros((len(rows), 2 * len(results)), dtype=np.int64)
    for run, (some, places) in enumerate(zip(counted, found, strict=True)):
        numbers = np.array([each for *_, each in _criteria(some)], dtype=np.int64).reshape(-1, 2)
        np.add.at(counts[:, 2 * run : 2 * run + 2], places, numbers)
    keys = list(rows)
    points = np.array([worth for _, worth in keys], dtype=np.int64)
    lost = counts[:, 1::2].sum(axis=1) * np.abs(points)
    labels = {name: label for result in results for name, label in result.labels.items()}
    tables, totals = [], []
    for sign in (1, -1):
        here = np.flatnonzero((points * sign > 0) & (lost > 0))
        totals.append(int(lost[here].sum()))
        least = min(heapq.nlargest(limit, lost[here].tolist()), default=0)
        chosen = {keys[row]: counts[row].tolist() for row in here[lost[here] >= least].tolist()}
        entries = sorted(_entries(counted, chosen), key=_costliest_first)
        tables.append([_row(entry, labels, share) for entry in entries[:limit]])
    omitted, committed = tables
    return MissedTables(omitted, committed, *totals)


def _criteria(
    examples: Iterable[tuple[Example, list[tuple[int, int]]]],
) -> Iterator[tuple[Example, int, Criterion, tuple[int, int]]]:
    """Each criterion that has verdicts: example, place from 1, criterion, counts."""
    for example, counts in examples:
        for place, (criterion, each) in enumerate(zip(example.criteria, counts, strict=True), 1):
            if each[0]:
                yield example, place, criterion, each


def _entries(
    counted: Sequence[Iterable[tuple[Example, list[tuple[int, int]]]]],
    chosen: Mapping[tuple[str, int], Sequence[int]],
) -> Iterable[_Entry]:
    """The chosen criteria with their tags and places."""
    entries: dict[tuple[str, int], _Entry] = {}
    for example, place, criterion, _ in _criteria(itertools.chain.from_iterable(counted)):
        key = (criterion.text, criterion.points)
        if key not in chosen:
            continue
        entry = entries.setdefault(key, _Entry(criterion, chosen[key]))
        entry.tags.update(dict.fromkeys(criterion.tags))
        entry.places[example.id, place] = None
    return entries.values()


def _costliest_first(entry: _Entry) -> tuple[float, float, tuple[str, int]]:
    rate = sum(entry.missed) / sum(entry.judged)
    return -entry.lost, -rate, next(iter(entry.places))


def _row(entry: _Entry, labels: dict[str, str], share: bool) -> Missed:
    places = [f"example {example}, criterion {position}" for example, position in entry.places]
    where = "; ".join(places) if len(places) <= 2 else f"in {len(places):,} examples"
    # The level says only whether the criterion recurs, which the row shows.
    tags = [tag for tag in entry.tags if not tag.startswith("level:")]
    text = None if share else entry.criterion.text.strip()
    return Missed(
        text=text,
        start=_start(text) if text else None,
        where=where,
        tags=[pretty(tag, labels) for tag in tags[:4]],
        points=entry.criterion.points,
        missed=sum(entry.missed),
        judged=sum(entry.judged),
        lost=entry.lost,
        runs=[
            Tally(run, missed, judged)
            for run, (missed, judged) in enumerate(zip(entry.missed, entry.judged, strict=True))
            if judged
        ],
    )


def _start(text: str, limit: int = 180) -> str | None:
    """The first words, where all of them would be too many for a row."""
    if len(text) <= limit + 40:
        return None
    return text[:limit].rsplit(" ", 1)[0].rstrip(" .,;:-") + " …"
