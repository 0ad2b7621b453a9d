"""Many systems on many benchmarks: one table, and what it allows to be said of their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor import benchmarks
from preceptor.analysis.fields import Cell, Column, Field, LeftOut, Pair, field_of, rounded
from preceptor.analysis.labels import grader_labels, system_labels
from preceptor.errors import InputError
from preceptor.records import NO_GRADER, Result
from preceptor.scoring import LENGTH_SUFFIX, OVERALL
from preceptor.scoring.answers import LEAST_READ, poorly_read
from preceptor.statistics.bootstrap import resampled_means
from preceptor.statistics.ranking import (
    components,
    mean_ranks,
    rank_intervals,
    ranks,
    strengths,
)

__all__ = ["Cell", "Column", "Leaderboard", "LeftOut", "Standing", "leaderboard"]


class Standing(msgspec.Struct, frozen=True):
    """One system.

    Attributes
    ----------
    part
        Number of the connected part: systems of different parts have never met, directly or by a
        chain of benchmarks, and their ranks cannot be compared. The largest part is 1.
    rank
        By strength, within the part; equals share the best place. None for a system without rivals.
    strength
        Plackett–Luce log-strength, mean 0 in the part: see
        :func:`preceptor.statistics.ranking.strengths`.
    mean_rank
        See :func:`preceptor.statistics.ranking.mean_ranks`; from 1 to the size of the part.
    rank_ci95, strength_ci95, mean_rank_ci95
        95 % bootstrap intervals; None where a system of the part has one prompt of a benchmark.
    cells
        Benchmark → cell, for those that the system has.
    """

    system: str
    part: int
    rank: int | None
    rank_ci95: tuple[int, int] | None
    strength: float | None
    strength_ci95: Pair | None
    mean_rank: float | None
    mean_rank_ci95: Pair | None
    cells: dict[str, Cell]


class Leaderboard(msgspec.Struct, frozen=True):
    """Systems by rank, and what must be said beside them.

    Attributes
    ----------
    metric
        ``overall_score`` or ``overall_score_length_adjusted``.
    sentences
        What was compared, what is missing, where runs depart from the reference protocol.
    """

    metric: str
    resamples: int
    seed: int
    columns: list[Column]
    standings: list[Standing]
    left_out: list[LeftOut]
    sentences: list[str]


def leaderboard(
    results: Sequence[Result], *, adjusted: bool = False, resamples: int = 2000, seed: int = 0
) -> Leaderboard:
    """Rank systems over all benchmarks that they have.

    Runs of one system on one benchmark by one grader are pooled: their answers are repeats. A
    system whose runs on a benchmark differ in parameters is one system for each set of parameters.
    A benchmark is compared under the grader that most of its systems have; scores by another
    grader, with another prompt or other parameters, are left out and listed.

    Ranks are by Plackett–Luce strength. Their intervals are percentiles over resamples of the
    examples of each benchmark, whole units together and the same for all systems: see
    :func:`preceptor.statistics.ranking.rank_intervals`. They take benchmarks and graders as given.

    Parameters
    ----------
    results
        With or without metrics: those of what is pooled are computed anew.
    adjusted
        By the length-adjusted scores.
    resamples
        At least 1; 1,000 to 10,000 make sense.

    Raises
    ------
    InputError
        No results, or runs to pool that have different rubrics for one example.
    """
    if not results:
        raise InputError("leaderboard: expected at least one run")
    metric = OVERALL + LENGTH_SUFFIX if adjusted else OVERALL
    graders = grader_labels(results)
    systems = system_labels(results, graders)
    fields: list[Field] = []
    left_out: list[LeftOut] = []
    for name in dict.fromkeys(result.info.benchmark for result in results):
        here = [index for index, result in enumerate(results) if result.info.benchmark == name]
        field, without = field_of(
            [results[i] for i in here],
            [graders[i] for i in here],
            [systems[i] for i in here],
            metric,
        )
        fields += [] if field is None else [field]
        left_out += without
    standings = _standings(fields, resamples, seed)
    return Leaderboard(
        metric=metric,
        resamples=resamples,
        seed=seed,
        columns=[field.column for field in fields],
        standings=standings,
        left_out=left_out,
        sentences=list(_sentences(fields, standings, left_out, resamples)),
    )


def _standings(fields: Sequence[Field], resamples: int, seed: int) -> list[Standing]:
    """Every system with its ranks: the largest connected part first, by rank within it."""
    names = sorted({name for field in fields for name in field.cells})
    index = {name: row for row, name in enumerate(names)}
    cells = np.full((len(names), len(fields)), np.nan)
    drawn = np.full((resamples, len(names), len(fields)), np.nan)
    seeds = np.random.SeedSequence(seed).generate_state(max(1, len(fields)))
    for column, field in enumerate(fields):
        rows = [index[name] for name in field.cells]
        cells[rows, column] = [cell.raw_mean for cell in field.cells.values()]
        drawn[:, rows, column] = resampled_means(
            field.means, clusters=field.clusters, resamples=resamples, seed=int(seeds[column])
        )
    labels = components(~np.isnan(cells))
    groups = [np.flatnonzero(labels == part) for part in range(len(set(labels.tolist())))]
    groups.sort(key=lambda group: (-len(group), names[group[0]]))
    standings: list[Standing] = []
    for part, group in enumerate(groups, start=1):
        found = {
            names[row]: {
                f.column.benchmark: f.cells[names[row]] for f in fields if names[row] in f.cells
            }
            for row in group
        }
        used = ~np.isnan(cells[group]).all(axis=0)
        sure = all(_varied(field) for field, use in zip(fields, used, strict=True) if use)
        standings += _part(
            part,
            found,
            rounded(cells[np.ix_(group, used)]),
            rounded(drawn[:, group][:, :, used]) if sure else None,
        )
    return standings


def _varied(field: Field) -> bool:
    """Whether every system has two or more units: resamples of a single unit are all equal."""
    return all(len(np.unique(field.clusters[~np.isnan(own)])) > 1 for own in field.means.T)


def _part(
    part: int,
    found: dict[str, dict[str, Cell]],
    cells: NDArray[np.float64],
    drawn: NDArray[np.float64] | None,
) -> list[Standing]:
    """The systems of one connected part, ranked."""
    if len(found) == 1:
        ((name, own),) = found.items()
        return [Standing(name, part, None, None, None, None, None, None, own)]
    theta = strengths(cells)
    place, mean = ranks(theta), mean_ranks(cells)
    spread: list[NDArray[np.float64]] = []
    if drawn is not None:
        again = strengths(drawn, start=theta)
        spread = [
            rank_intervals(ranks(again), place),
            rank_intervals(again, theta, mirrored=True),
            rank_intervals(mean_ranks(drawn), mean, mirrored=True).clip(1, len(found)),
        ]
    standings = [
        Standing(
            system=name,
            part=part,
            rank=int(place[row]),
            rank_ci95=(int(spread[0][0, row]), int(spread[0][1, row])) if spread else None,
            strength=round(float(theta[row]), 9),
            strength_ci95=_pair(spread[1][:, row]) if spread else None,
            mean_rank=float(mean[row]),
            mean_rank_ci95=_pair(spread[2][:, row]) if spread else None,
            cells=own,
        )
        for row, (name, own) in enumerate(found.items())
    ]
    return sorted(standings, key=lambda s: (s.rank, s.mean_rank, s.system))


def _pair(two: NDArray[np.float64]) -> Pair:
    return round(float(two[0]), 9), round(float(two[1]), 9)


# What must be said


def _sentences(
    fields: Sequence[Field],
    standings: Sequence[Standing],
    left_out: Sequence[LeftOut],
    resamples: int,
) -> Iterator[str]:
    yield from _connections(standings)
    for field in fields:
        yield from _examples(field)
    yield from _graders(fields, left_out)
    partial = [
        (cell.coverage, standing.system, benchmark)
        for standing in standings
        for benchmark, cell in standing.cells.items()
        if cell.coverage < 1
    ]
    if partial:
        least, system, benchmark = min(partial)
        yield (
            f"{_count(len(partial), 'score')} of completely graded answers only; least was graded "
            f"of {system} on {benchmark}: {least:.1%} of its verdicts."
        )
    unread = [
        f"{standing.system} on {benchmark} ({cell.share_read:.1%})"
        for standing in standings
        for benchmark, cell in standing.cells.items()
        if poorly_read(cell.share_read)
    ]
    if unread:
        yield (
            f"† Less than {LEAST_READ:.0%} of the answers could be read, and the score counts the "
            f"others as wrong: {_list(unread)}."
        )
    if any(standing.rank_ci95 for standing in standings):
        yield (
            f"Intervals of ranks: 95 %, {resamples:,} resamples of the examples; benchmarks and "
            f"graders are taken as given."
        )
    if any(standing.rank and not standing.rank_ci95 for standing in standings):
        yield "Ranks have no interval where a system has a single prompt of a benchmark."
    for field in fields:
        yield from _departures(field)


def _departures(field: Field) -> Iterator[str]:
    """What stands beside the scores of a benchmark, and of how many systems it is true."""
    systems = len(field.results)
    said = Counter(
        text
        for result in field.results
        for text in dict.fromkeys([*result.departures, *result.info.settings.notes])
    )
    caution = benchmarks.of(field.results[0].info).caution
    if caution:
        yield f"{caution[:1].upper()}{caution[1:]}."
    for text, count in said.most_common():
        who = "" if count == systems else f", {count} of {systems} systems"
        yield f"{field.column.benchmark}{who}: {text}"


def _connections(standings: Sequence[Standing]) -> Iterator[str]:
    sizes = Counter(standing.part for standing in standings)
    groups = [part for part, size in sizes.items() if size > 1]
    alone = [s.system for s in standings if sizes[s.part] == 1]
    if len(groups) > 1:
        yield (
            f"The systems fall into {len(groups)} groups without a benchmark in common, directly "
            f"or by a chain: ranks hold within a group only."
        )
    if alone:
        yield f"Not ranked, for no other system has their benchmarks: {_list(alone)}."
    for part in groups:
        members = [set(s.cells) for s in standings if s.part == part]
        pairs = [(a, b) for i, a in enumerate(members) for b in members[:i]]
        apart = sum(not a & b for a, b in pairs)
        if apart:
            yield (
                f"{apart:,} of {len(pairs):,} pairs of systems share no benchmark: their order "
                f"rests on those that met both."
            )


def _examples(field: Field) -> Iterator[str]:
    column = field.column
    if column.common == column.examples or column.systems == 1:
        return
    if column.compared == "common":
        yield (
            f"{column.benchmark}: compared on the {column.common:,} examples that all "
            f"{column.systems} systems have, of {column.examples:,}."
        )
    else:
        yield (
            f"{column.benchmark}: its {column.systems} systems have {column.common:,} of "
            f"{column.examples:,} examples in common; each score is over the system's own, and "
            f"where these differ in difficulty so do the scores."
        )


def _graders(fields: Sequence[Field], left_out: Sequence[LeftOut]) -> Iterator[str]:
    chosen = {field.column.benchmark: field.column.grader for field in fields}
    for benchmark, grader in chosen.items():
        if grader != NO_GRADER:
            yield f"{benchmark}: graded by {grader}."
    others: dict[tuple[str, str, str], list[str]] = {}
    for item in left_out:
        others.setdefault((item.benchmark, item.reason, item.grader), []).append(item.system)
    for (benchmark, reason, grader), systems in others.items():
        why = {
            "other grader": f"graded by {grader}, which is not comparable",
            "other examples": "asked other examples, with none in common",
            "few examples": "have less than half of the examples",
            "no score": "no answer is graded completely",
        }[reason]
        yield f"{benchmark}: left out ({why}): {_list(systems)}."


def _list(names: Sequence[str], limit: int = 8) -> str:
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more:,} more" if more > 0 else "")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun} is" if number == 1 else f"{number:,} {noun}s are"
