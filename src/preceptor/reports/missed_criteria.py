"""The criteria that cost most: what should have been said and was not, and the other way round."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from preceptor.records import Answers, Criterion, Example, Graded, Result, sign_of
from preceptor.reports.format import pretty

__all__ = ["Missed", "MissedTables", "Tally", "judged_by_example", "most_missed"]


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
    """A criterion while it is being counted."""

    def __init__(self, criterion: Criterion) -> None:
        self.criterion = criterion
        self.tags = dict.fromkeys(criterion.tags)
        self.places: dict[tuple[str, int], None] = {}
        self.missed: dict[int, int] = {}
        self.judged: dict[int, int] = {}

    def count(self, criterion: Criterion, run: int, judged: int, missed: int) -> None:
        self.tags.update(dict.fromkeys(criterion.tags))
        self.judged[run] = self.judged.get(run, 0) + judged
        self.missed[run] = self.missed.get(run, 0) + missed

    @property
    def lost(self) -> int:
        return sum(self.missed.values()) * abs(self.criterion.points)


def judged_by_example(
    graded: Iterable[Graded],
) -> Iterator[tuple[Example, list[tuple[int, int]]]]:
    """Of each example, for each criterion: verdicts given, and how many say that it was missed.

    One with positive points is missed where it is not met, one with negative points where it is.
    The answers to an example that stand behind each other are counted together.
    """
    for example, answers in _signs(graded):
        counts = []
        for criterion, said in zip(example.criteria, zip(*answers, strict=True), strict=False):
            met, unmet = said.count("1"), said.count("0")
            counts.append((met + unmet, unmet if criterion.points > 0 else met))
        yield example, counts


def _signs(graded: Iterable[Graded]) -> Iterator[tuple[Example, Sequence[str]]]:
    """Each example, and of each answer a character a criterion: 1 met, 0 not met, - neither."""
    if isinstance(graded, Answers):
        yield from graded.by_example()
        return
    for _, same in itertools.groupby(graded, key=lambda item: id(item.example)):
        items = list(same)
        signs = ["".join(map(sign_of, item.verdicts)) for item in items]
        yield items[0].example, signs


def most_missed(results: Sequence[Result], *, share: bool, limit: int = 25) -> MissedTables:
    """Over all runs together, the costliest first; what recurs word for word is one criterion."""
    entries: dict[tuple[str, int], _Entry] = {}
    for run, result in enumerate(results):
        for example, counts in judged_by_example(result.graded):
            for position, (criterion, (judged, missed)) in enumerate(
                zip(example.criteria, counts, strict=True), 1
            ):
                if not judged:
                    continue
                key = (criterion.text, criterion.points)
                if key not in entries:
                    entries[key] = _Entry(criterion)
                entries[key].places[example.id, position] = None
                entries[key].count(criterion, run, judged, missed)
    lossy = sorted((e for e in entries.values() if e.lost), key=_costliest_first)
    positive = [entry for entry in lossy if entry.criterion.points > 0]
    negative = [entry for entry in lossy if entry.criterion.points < 0]
    labels = {name: label for result in results for name, label in result.labels.items()}
    return MissedTables(
        [_row(entry, labels, share) for entry in positive[:limit]],
        [_row(entry, labels, share) for entry in negative[:limit]],
        sum(entry.lost for entry in positive),
        sum(entry.lost for entry in negative),
    )


def _costliest_first(entry: _Entry) -> tuple[float, float, tuple[str, int]]:
    rate = sum(entry.missed.values()) / sum(entry.judged.values())
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
        missed=sum(entry.missed.values()),
        judged=sum(entry.judged.values()),
        lost=entry.lost,
        runs=[Tally(run, entry.missed.get(run, 0), entry.judged[run]) for run in entry.judged],
    )


def _start(text: str, limit: int = 180) -> str | None:
    """The first words, where all of them would be too many for a row."""
    if len(text) <= limit + 40:
        return None
    return text[:limit].rsplit(" ", 1)[0].rstrip(" .,;:-") + " …"
