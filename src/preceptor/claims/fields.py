"""One benchmark of a leaderboard: which results are compared there, and on which examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor import benchmarks
from preceptor.claims.sides import matrix, pool, prompt, rubric, values_of
from preceptor.errors import InputError
from preceptor.records import Result, content_key
from preceptor.statistics.intervals import mean_interval
from preceptor.statistics.ranking import mean_ranks

__all__ = ["Cell", "Column", "Field", "LeftOut", "field_of", "rounded"]

Pair = tuple[float, float]
_Key = tuple[str, str]


class Cell(msgspec.Struct, frozen=True):
    """One system on one benchmark.

    Attributes
    ----------
    place
        Its rank in the benchmark; ties share the mean rank.
    value, raw_mean, n, ci95, raw_ci95
        As in :class:`preceptor.Metric`, over the examples that are compared.
    coverage
        Share of the verdicts asked for that were given, over all its examples.
    answers
        Completely graded answers to the compared examples: n × repeats.
    runs
        Names of the runs that are pooled here.
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


class Column(msgspec.Struct, frozen=True):
    """One benchmark, judged by one grader.

    Attributes
    ----------
    systems
        How many have a score here.
    examples
        Those that any of its systems has a complete score for; ``common`` are those that all have.
    compared
        ``common`` if these are at least half of the examples: then each score is over them.
        Otherwise ``own``: each score is over what the system has.
    """

    benchmark: str
    title: str
    grader: str
    systems: int
    examples: int
    common: int
    compared: Literal["common", "own"]


class LeftOut(msgspec.Struct, frozen=True):
    """Results that are in no cell: another grader's, or without a complete score."""

    benchmark: str
    system: str
    grader: str
    runs: tuple[str, ...]
    reason: Literal["other grader", "no score"]
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
        Shape (examples,): the number of the example's prompt.
    said
        System → departures and notes of its runs.
    """

    column: Column
    cells: dict[str, Cell]
    means: NDArray[np.float64]
    clusters: NDArray[np.int64]
    said: dict[str, list[str]]


def field_of(
    results: Sequence[Result], graders: Sequence[str], systems: Sequence[str], metric: str
) -> tuple[Field | None, list[LeftOut]]:
    """The results of one benchmark as a field of systems; None where none has a score.

    Parameters
    ----------
    graders, systems
        Their labels, aligned with ``results``.
    """
    groups: dict[_Key, list[Result]] = {}
    for key, result in zip(zip(graders, systems, strict=True), results, strict=True):
        groups.setdefault(key, []).append(result)
    runs = {key: tuple(result.info.name for result in group) for key, group in groups.items()}
    pooled = {key: _pool(group, key[1]) for key, group in groups.items()}
    grader = _chosen(pooled)
    scores: dict[str, dict[str, list[float]]] = {}
    left_out: list[LeftOut] = []
    for key, result in pooled.items():
        values = values_of(result, metric)
        if key[0] == grader and values:
            scores[key[1]] = values
        else:
            left_out.append(_left_out(key, key[0] == grader, result, runs[key], metric))
    if not scores:
        return None, left_out
    chosen = {system: pooled[grader, system] for system in scores}
    names = {system: runs[grader, system] for system in scores}
    return _compared(grader, chosen, names, scores), left_out


def _chosen(pooled: Mapping[_Key, Result]) -> str:
    """The grader of most systems; of equals the authors', then that of most answers."""
    reference = ""
    systems: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for (grader, _), result in pooled.items():
        reference = benchmarks.get(result.info.benchmark).protocol.reference_grader.address
        systems[grader] += 1
        answers[grader] += len(result.graded)
    return max(systems, key=lambda g: (systems[g], g.startswith(reference), answers[g], g))


def _pool(results: Sequence[Result], label: str) -> Result:
    try:
        return pool(results, label)
    except InputError as error:
        raise InputError(f"{error}; name the runs that belong together") from None


def _left_out(
    key: _Key, same_grader: bool, result: Result, runs: tuple[str, ...], metric: str
) -> LeftOut:
    found = result.metrics.get(metric)
    return LeftOut(
        benchmark=result.info.benchmark,
        system=key[1],
        grader=key[0],
        runs=runs,
        reason="no score" if same_grader else "other grader",
        value=None if found is None else found.value,
        n=0 if found is None else found.n,
        raw_ci95=None if found is None else found.raw_ci95,
    )


def _compared(
    grader: str,
    results: Mapping[str, Result],
    runs: Mapping[str, tuple[str, ...]],
    scores: Mapping[str, Mapping[str, list[float]]],
) -> Field:
    """All systems of a benchmark side by side, on common examples where these are enough."""
    units = {system: _units(results[system], scores[system]) for system in scores}
    prompts = {unit: text for each in units.values() for unit, (_, text) in each.items()}
    common = [unit for unit in prompts if all(unit in each for each in units.values())]
    on_common = 2 * len(common) >= len(prompts)
    compared = common if on_common else list(prompts)
    means = np.full((len(compared), len(scores)), np.nan)
    tables = []
    for index, (system, each) in enumerate(units.items()):
        rows = [row for row, unit in enumerate(compared) if unit in each]
        table = matrix(scores[system], [each[compared[row]][0] for row in rows])
        means[rows, index] = np.nanmean(table, axis=1)
        tables.append(table)
    places = mean_ranks(rounded(np.nanmean(means, axis=0))[:, None])
    cells = {
        system: _cell(
            table, 1.0 if np.isnan(place) else float(place), results[system], runs[system]
        )
        for system, table, place in zip(units, tables, places, strict=True)
    }
    first = next(iter(results.values()))
    column = Column(
        benchmark=first.info.benchmark,
        title=first.title,
        grader=grader,
        systems=len(cells),
        examples=len(prompts),
        common=len(common),
        compared="common" if on_common else "own",
    )
    clusters = np.unique([prompts[unit] for unit in compared], return_inverse=True)[1]
    sentences = {name: [*each.departures, *each.notes] for name, each in results.items()}
    return Field(column, cells, means, clusters, sentences)


def _units(result: Result, values: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    """Hash of the example with its rubric → its id and its prompt, for those with a score.

    An id may stand for another text in another release of the data.
    """
    examples = {item.example.id: item.example for item in result.graded}
    return {
        content_key(name, rubric(example)): (name, prompt(example))
        for name, example in examples.items()
        if name in values
    }


def _cell(table: NDArray[np.float64], place: float, result: Result, runs: tuple[str, ...]) -> Cell:
    mean, interval = mean_interval(table)
    return Cell(
        place=place,
        value=_clip(mean),
        raw_mean=mean,
        n=len(table),
        ci95=None if interval is None else (_clip(interval[0]), _clip(interval[1])),
        raw_ci95=interval,
        coverage=result.coverage,
        answers=int((~np.isnan(table)).sum()),
        runs=runs,
    )


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))


def rounded(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equal answers must tie, whatever the order in which their scores were added up."""
    return np.round(scores, 9)
