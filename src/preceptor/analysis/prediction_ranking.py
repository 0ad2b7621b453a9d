"""Ranks of runs of predictions on the rows that all of them predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.analysis.predictions import other_outcome, table_of
from preceptor.errors import shorten
from preceptor.records import Result
from preceptor.scoring import OVERALL
from preceptor.scoring.predicted.kinds import resamples_for
from preceptor.scoring.predicted.metrics import is_less_better, measures_of
from preceptor.scoring.predicted.table import Predicted, unit_word
from preceptor.statistics.prediction.difficulty import adjusted
from preceptor.statistics.prediction.resampling import resampled, spread_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Place", "Ranking", "rank_predictions"]

_Interval = tuple[float, float]


class Place(msgspec.Struct, frozen=True):
    """One run of a ranking. ``rank_ci95`` is of the resamples, None where there are too few; equal
    values share the best. ``adjusted`` is a forecaster's Brier score on all its rows, less how
    hard they are."""

    run: str
    system: str
    rank: int
    rank_ci95: tuple[int, int] | None
    value: float
    ci95: _Interval | None
    n: int
    coverage: float
    adjusted: float | None = None
    adjusted_ci95: _Interval | None = None


class Ranking(msgspec.Struct, frozen=True):
    """The runs of one benchmark by their headline, on the rows that all of them predict.

    ``left_out`` says why a run is in no place.
    """

    benchmark: str
    metric: str
    lower_is_better: bool
    n: int
    units: int
    places: list[Place]
    left_out: dict[str, str]
    units_are: str = "patient"


def rank_predictions(
    results: Sequence[Result], *, resamples: int = 1000, seed: int = 0
) -> list[Ranking]:
    """Rank the runs of each benchmark; each rank has an interval over resampled patients."""
    names = dict.fromkeys(result.info.benchmark for result in results)
    return [
        _ranking(name, [each for each in results if each.info.benchmark == name], resamples, seed)
        for name in names
    ]


def _ranking(name: str, results: Sequence[Result], resamples: int, seed: int) -> Ranking:
    tables = [table_of(result) for result in results]
    left_out: dict[str, str] = {}
    kept: list[int] = []
    head = results[0].labels.get(OVERALL)
    for place, table in enumerate(tables):
        run = results[place]
        if table.kind != tables[0].kind or table.labels != tables[0].labels:
            left_out[run.info.name] = f"other outcomes ({table.kind})"
        elif run.labels.get(OVERALL) != head:
            left_out[run.info.name] = f"another headline ({run.labels.get(OVERALL)})"
        else:
            kept.append(place)
    known = [
        {key for key, there in zip(tables[place].keys, tables[place].known, strict=True) if there}
        for place in kept
    ]
    common = set.intersection(*known)
    if not common:
        first = kept[0]
        left_out |= {results[place].info.name: "no row in common" for place in kept[1:]}
        kept, common = [first], known[0]
    aligned = [_chosen(tables[place], common, tables[kept[0]]) for place in kept]
    others = [other_outcome(aligned[0], table) for table in aligned]
    for index, table, other in zip(kept, aligned, others, strict=True):
        if other is not None:
            why = f"another {other[0]} of row {shorten(table.ids[other[1]])}"
            left_out[results[index].info.name] = why
    kept = [index for index, other in zip(kept, others, strict=True) if other is None]
    aligned = [table for table, other in zip(aligned, others, strict=True) if other is None]
    measures = [measures_of(table).first() for table in aligned]
    resamples = resamples_for(aligned[0].kind, len(aligned[0]), resamples)
    drawn = resampled(measures, len(aligned[0].units), resamples=resamples, seed=seed)
    less = is_less_better(tables[0].kind, OVERALL)
    values = np.array([each.values()[0] for each in measures])
    heads = np.column_stack([each[:, 0] for each in drawn])
    ranks = _ranks(heads[~np.isnan(heads).any(axis=1)], less)
    places = [
        Place(
            run=results[index].info.name,
            system=results[index].info.system,
            rank=int(_ranks(values[None], less)[0, column]),
            rank_ci95=_whole(ranks[:, column]),
            value=float(values[column]),
            ci95=spread_of(heads[:, column]).ci95,
            n=len(aligned[column]),
            coverage=float(tables[index].known.mean()),
        )
        for column, index in enumerate(kept)
    ]
    if tables[0].kind == "forecast":
        places = _adjusted([tables[index] for index in kept], places, resamples, seed)
    places.sort(key=lambda each: each.rank)
    label = results[0].labels.get(OVERALL, OVERALL)
    units = len(aligned[0].units)
    return Ranking(
        name, label, less, len(common), units, places, left_out, unit_word(tables[0].kind)
    )


def _adjusted(
    tables: Sequence[Predicted], places: Sequence[Place], resamples: int, seed: int
) -> list[Place]:
    """The places with the Brier scores of all rows, less how hard the rows were for all."""
    unit = {
        key: table.units[number]
        for table in tables
        for key, number in zip(table.keys, table.unit, strict=True)
    }
    number = {key: place for place, key in enumerate(unit)}
    codes = {name: place for place, name in enumerate(dict.fromkeys(unit.values()))}
    scores = np.full((len(unit), len(tables)), np.nan)
    for column, table in enumerate(tables):
        where = [number[key] for key in table.keys]
        scores[where, column] = (table.said["y_score"] - table.outcome["y_true"]) ** 2
    cluster = np.array([codes[name] for name in unit.values()], dtype=np.intp)
    measures = adjusted(scores, cluster, len(codes))
    drawn = resampled([measures], len(codes), resamples=resamples, seed=seed)[0]
    return [
        msgspec.structs.replace(
            place, adjusted=None if np.isnan(value) else value, adjusted_ci95=spread_of(column).ci95
        )
        for place, value, column in zip(places, measures.values(), drawn.T, strict=True)
    ]


def _chosen(table: Predicted, common: set[tuple[str, ...]], first: Predicted) -> Predicted:
    """The common rows in the order of the first table, whose patients are used."""
    place = {key: row for row, key in enumerate(table.keys)}
    keys = [key for key in first.keys if key in common]
    mine = table.rows([place[key] for key in keys])
    where = {key: row for row, key in enumerate(first.keys)}
    theirs = first.rows([where[key] for key in keys])
    mine.units, mine.unit = theirs.units, theirs.unit
    return mine


def _ranks(values: Floats, less: bool) -> Floats:
    """Rank of each column in each row; equals share the best place."""
    signed = values if less else -values
    better = (signed[:, :, None] > signed[:, None, :] + 1e-12).sum(axis=2) + 1
    return np.asarray(better, dtype=np.float64)


def _whole(ranks: Floats) -> tuple[int, int] | None:
    if len(ranks) < 2:
        return None
    low, high = np.quantile(ranks, [0.025, 0.975], method="inverted_cdf")
    return int(low), int(high)
