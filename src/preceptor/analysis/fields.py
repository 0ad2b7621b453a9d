"""One benchmark of a leaderboard: which results are compared there, and on which examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor import benchmarks
from preceptor.benchmarks.base import UNPINNED
from preceptor.errors import InputError
from preceptor.records import Example, Result, content_key, examples_of
from preceptor.results.pool import pool, rubric
from preceptor.results.values import matrix, mean_of, values_of
from preceptor.scoring import OVERALL
from preceptor.scoring.answers import share_read
from preceptor.scoring.columns import NO_SCORES, Scores
from preceptor.scoring.units import units
from preceptor.statistics.ranking import mean_ranks
from preceptor.statistics.ranks import median_interval

__all__ = ["Cell", "Column", "Field", "LeftOut", "field_of", "rounded"]

Pair = tuple[float, float]
Reason = Literal["other grader", "other examples", "few examples", "no score"]
_Key = tuple[str, str]


class Cell(msgspec.Struct, frozen=True):
    """One system on one benchmark.

    Attributes
    ----------
    place
        Its rank in the benchmark; ties share the mean rank.
    value, raw_mean, n, ci95, raw_ci95, units, units_are
        As in :class:`preceptor.Metric`, over the examples that are compared.
    coverage
        Share of the verdicts asked for that were given, over all its examples.
    answers
        Completely graded answers to the compared examples: n × repeats.
    runs
        Names of the runs that are pooled here.
    share_read
        Share of its answers out of which something could be read; None where a grader reads them.
    median, median_ci95
        Median over the compared examples, where the field ranks by it; None elsewhere.
    """

    place: float
    value: float
    raw_mean: float
    n: int
    ci95: Pair | None
    raw_ci95: Pair | None
    coverage: float
    answers: int
    runs: tuple[str, ...]
    units: int
    units_are: str
    share_read: float | None = None
    median: float | None = None
    median_ci95: Pair | None = None


class Column(msgspec.Struct, frozen=True):
    """One benchmark, judged by one grader.

    Attributes
    ----------
    systems
        How many have a score here.
    examples
        Those that any system has a complete score for, one that was left out included.
    common
        Those of them that all systems of the column have.
    compared
        ``common``: each score is over the common examples. ``own``: over what the system has, for
        fewer than half are common.
    """

    benchmark: str
    title: str
    grader: str
    systems: int
    examples: int
    common: int
    compared: Literal["common", "own"]


class LeftOut(msgspec.Struct, frozen=True):
    """Results in no cell: of another grader, of other or too few examples, or unscored."""

    benchmark: str
    system: str
    grader: str
    runs: tuple[str, ...]
    reason: Reason
    value: float | None
    n: int
    raw_ci95: Pair | None


class Field(msgspec.Struct, frozen=True):
    """A column with its numbers.

    Attributes
    ----------
    means
        Shape (examples, systems): mean of the repeats, NaN where a system has no score.
    clusters
        Shape (examples,): the number of the example's unit.
    results
        Of the systems, in the order of ``cells``.
    """

    column: Column
    cells: dict[str, Cell]
    means: NDArray[np.float64]
    clusters: NDArray[np.int64]
    results: list[Result]


class _Side(msgspec.Struct, frozen=True):
    """One system judged by one grader, its runs pooled.

    ``values`` has its scores by example id; ``units`` has, for each of these examples, the hash of
    id and rubric → the id and the unit.
    """

    result: Result
    runs: tuple[str, ...]
    values: dict[str, list[float]] = {}
    units: dict[str, tuple[str, str]] = {}


def field_of(
    results: Sequence[Result], graders: Sequence[str], systems: Sequence[str], metric: str
) -> tuple[Field | None, list[LeftOut]]:
    """The results of one benchmark as a field of systems; None where none has a score.

    Parameters
    ----------
    graders, systems
        Their labels, aligned with ``results``.
    """
    keys: list[_Key] = list(zip(graders, systems, strict=True))
    groups: dict[_Key, list[Result]] = {}
    left_out: list[LeftOut] = []
    comparable = _comparable(results, systems, metric)
    for place, (key, result) in enumerate(zip(keys, results, strict=True)):
        if place in comparable:
            groups.setdefault(key, []).append(result)
        else:
            name = result.info.name
            side = _Side(_pool([result], name), (name,))
            left_out.append(_left_out(key, "other examples", side, metric))
    sides = {
        key: _Side(_pool(group, key[1]), tuple(result.info.name for result in group))
        for key, group in groups.items()
    }
    sides = {
        key: msgspec.structs.replace(side, values=values_of(side.result, metric))
        for key, side in sides.items()
    }
    grader = _chosen({key: side for key, side in sides.items() if side.values} or sides)
    left_out += [
        _left_out(key, "other grader", side, metric)
        for key, side in sides.items()
        if key[0] != grader
    ]
    compared: dict[str, _Side] = {}
    for (judge, system), side in sides.items():
        if judge == grader and side.values:
            compared[system] = msgspec.structs.replace(side, units=_units(side))
        elif judge == grader:
            left_out.append(_left_out((judge, system), "no score", side, metric))
    if not compared:
        return None, left_out
    kept, examples = _examples(compared)
    left_out += [
        _left_out((grader, system), "few examples", side, metric)
        for system, side in compared.items()
        if system not in kept
    ]
    return _field(grader, kept, examples, compared, metric), left_out


def _comparable(results: Sequence[Result], systems: Sequence[str], metric: str) -> set[int]:
    """Indices of the results on the benchmark's examples, rather than on a user's own tasks.

    Results that share an example, directly or by a chain, are on one set of tasks. The set with the
    most scored systems counts; of equal sets, that of the release, then that with the most answers.
    Where no two systems share a set, each system has its own.
    """
    examples = [examples_of(result.graded) for result in results]
    sets: list[list[int]] = []
    for place, mine in enumerate(examples):
        linked = [each for each in sets if any(_share(mine, examples[other]) for other in each)]
        sets = [each for each in sets if each not in linked]
        sets.append(sorted([place, *(other for each in linked for other in each)]))

    def scored(place: int) -> bool:
        return bool(Scores.of(results[place].scores).columns.get(OVERALL, NO_SCORES).known.any())

    def weight(tasks: Sequence[int]) -> tuple[int, bool, int]:
        named = {systems[place] for place in tasks if scored(place)}
        said = [text for place in tasks for text in results[place].departures]
        released = not any(text.startswith(UNPINNED) for text in said)
        return len(named), released, sum(len(results[place].graded) for place in tasks)

    sets.sort(key=weight, reverse=True)
    if weight(sets[0])[0] > 1:
        return set(sets[0])
    first: dict[str, int] = {}
    for number, tasks in enumerate(sets):
        for place in tasks:
            first.setdefault(systems[place], number)
    return {
        place for number, t in enumerate(sets) for place in t if first[systems[place]] == number
    }


def _share(a: Mapping[str, Example], b: Mapping[str, Example]) -> bool:
    """Whether they share an example with the same rubric."""
    return any(name in b and rubric(each) == rubric(b[name]) for name, each in a.items())


def _chosen(sides: Mapping[_Key, _Side]) -> str:
    """The grader of most systems; of equals the authors', then that of most answers."""
    reference = ""
    systems: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for (grader, _), side in sides.items():
        authors = benchmarks.of(side.result.info).protocol.judging.grader
        reference = "" if authors is None else authors.address
        systems[grader] += 1
        answers[grader] += len(side.result.graded)
    return max(systems, key=lambda g: (systems[g], g.startswith(reference), answers[g], g))


def _pool(results: Sequence[Result], label: str) -> Result:
    try:
        return pool(results, label)
    except InputError as error:
        raise InputError(f"{error}; name the runs that belong together") from None


def _left_out(key: _Key, reason: Reason, side: _Side, metric: str) -> LeftOut:
    found = side.result.metrics.get(metric)
    return LeftOut(
        benchmark=side.result.info.benchmark,
        system=key[1],
        grader=key[0],
        runs=side.runs,
        reason=reason,
        value=None if found is None else found.value,
        n=0 if found is None else found.n,
        raw_ci95=None if found is None else found.raw_ci95,
    )


def _examples(sides: Mapping[str, _Side]) -> tuple[dict[str, _Side], list[str]]:
    """Which systems to compare, and on which examples.

    On common ones, if most systems have at least half of the examples and have at least half in
    common; a system with fewer is then left out, for it would take the others' examples away.
    Otherwise all systems, each on what it has. A family may ask for common examples whatever they
    are.
    """
    every = list(dict.fromkeys(unit for side in sides.values() for unit in side.units))
    if _common_only(sides):
        shared = [unit for unit in every if all(unit in side.units for side in sides.values())]
        if shared:
            return dict(sides), shared
    many = {name: side for name, side in sides.items() if 2 * len(side.units) >= len(every)}
    common = [unit for unit in every if all(unit in side.units for side in many.values())]
    most = len(many) == len(sides) or (len(many) > 1 and 2 * len(many) >= len(sides))
    if most and 2 * len(common) >= len(every):
        return many, common
    return dict(sides), every


def _common_only(sides: Mapping[str, _Side]) -> bool:
    return all(
        benchmarks.of(side.result.info).protocol.scoring.common_only for side in sides.values()
    )


def _field(
    grader: str,
    sides: Mapping[str, _Side],
    keys: Sequence[str],
    asked: Mapping[str, _Side],
    metric: str,
) -> Field:
    """All systems of a benchmark side by side."""
    unit_of = {key: unit for side in sides.values() for key, (_, unit) in side.units.items()}
    clusters = np.unique([unit_of[key] for key in keys], return_inverse=True)[1]
    means = np.full((len(keys), len(sides)), np.nan)
    tables, rows_of = [], []
    for index, side in enumerate(sides.values()):
        rows = [row for row, key in enumerate(keys) if key in side.units]
        table = matrix(side.values, [side.units[keys[row]][0] for row in rows])
        means[rows, index] = np.nanmean(table, axis=1)
        tables.append(table)
        rows_of.append(clusters[rows])
    places = mean_ranks(rounded(np.nanmean(means, axis=0))[:, None])
    cells = {
        system: _cell(table, labels, 1.0 if np.isnan(place) else float(place), side, metric)
        for (system, side), table, labels, place in zip(
            sides.items(), tables, rows_of, places, strict=True
        )
    }
    info = next(iter(sides.values())).result
    column = Column(
        benchmark=info.info.benchmark,
        title=info.title,
        grader=grader,
        systems=len(cells),
        examples=len({key for side in asked.values() for key in side.units}),
        common=len([key for key in keys if all(key in s.units for s in sides.values())]),
        compared="own" if np.isnan(means).any() else "common",
    )
    return Field(column, cells, means, clusters, [side.result for side in sides.values()])


def _units(side: _Side) -> dict[str, tuple[str, str]]:
    """Hash of the example with its rubric → its id and its unit, for those with a score.

    An id may stand for another text in another release of the data.
    """
    examples = examples_of(side.result.graded)
    unit_of = units(examples.values())
    return {
        content_key(name, rubric(example)): (name, unit_of[name])
        for name, example in examples.items()
        if name in side.values
    }


def _cell(
    table: NDArray[np.float64], labels: NDArray[np.intp], place: float, side: _Side, metric: str
) -> Cell:
    mean, interval = mean_of(side.result, metric, table, labels)
    scoring = benchmarks.of(side.result.info).protocol.scoring
    means = np.nanmean(table, axis=1) if scoring.rank_tests else np.empty(0)
    independent = len(np.unique(labels)) == len(labels)
    return Cell(
        place=place,
        value=_clip(mean),
        raw_mean=mean,
        n=len(table),
        ci95=None if interval is None else (_clip(interval[0]), _clip(interval[1])),
        raw_ci95=interval,
        coverage=side.result.coverage,
        answers=int((~np.isnan(table)).sum()),
        runs=side.runs,
        share_read=share_read(side.result.scores),
        units=len(np.unique(labels)),
        units_are=scoring.units_are,
        median=float(np.median(means)) if len(means) else None,
        median_ci95=median_interval(means) if independent else None,
    )


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))


def rounded(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equal answers must tie, whatever the order in which their scores were added up."""
    return np.round(scores, 9)
