"""Metrics of predictions of classes, labels, amounts and times, with their groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.records import Metric
from preceptor.scoring.names import OVERALL
from preceptor.scoring.predicted.kinds import (
    LESS,
    measures_by_kind,
    resamples_for,
)
from preceptor.scoring.predicted.numbers import metric
from preceptor.scoring.predicted.table import NAIVE, REPEATS, Predicted, unit_word
from preceptor.statistics.prediction.resampling import Measures, averaged, resampled, spread_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["general_measures", "general_metrics", "less_is_better"]


def less_is_better(kind: str, name: str) -> bool:
    """Whether a smaller value of this metric is the better one."""
    if name in (OVERALL, "naive:mae"):
        return kind in ("regression", "forecast")
    return name.partition(":")[2] == "winkler" or name.startswith(LESS)


def general_measures(table: Predicted) -> Measures:
    """The statistics of the rows that have a prediction, each the mean over repeats."""
    return _measures(table, np.flatnonzero(table.known), len(table.units))


def _measures(table: Predicted, places: NDArray[np.intp], clusters: int) -> Measures:
    names, repeat = table.place(REPEATS)
    parts = [
        table.rows(places[repeat[places] == each].tolist(), renumbered=False)
        for each in range(len(names))
    ]
    return averaged([measures_by_kind(part, clusters) for part in parts if len(part)])


def general_metrics(table: Predicted, *, resamples: int = 1000, seed: int = 0) -> dict[str, Metric]:
    """All metrics; of each group the headline, and how far the groups are apart."""
    known, clusters = table.known, len(table.units)
    places = np.flatnonzero(known)
    if not len(places):
        return {OVERALL: metric(None, None, 0, 0, 0.0)}
    measures = _measures(table, places, clusters)
    groups = _groups(table, places)
    parts = [_measures(table, some, clusters).first() for _, _, some in groups]
    resamples = resamples_for(table.kind, len(places), resamples)
    drawn = resampled([measures, *parts], clusters, resamples=resamples, seed=seed)
    units = len(np.unique(table.unit[places]))
    coverage, units_are = float(known.mean()), f"{unit_word(table.kind)}s"
    metrics = {
        name: metric(
            value,
            spread_of(column).ci95,
            *(_beside_crowd(table, places) if name.startswith("crowd:") else (len(places), units)),
            coverage,
            units_are,
            higher_is_better=not less_is_better(table.kind, name),
            sd=spread_of(column).sd,
        )
        for name, value, column in zip(measures.names, measures.values(), drawn[0].T, strict=True)
    }
    for (column, name, some), part, values in zip(groups, parts, drawn[1:], strict=True):
        found = spread_of(values[:, 0])
        metrics[f"{column}:{name}"] = metric(
            part.values()[0],
            found.ci95,
            len(some),
            len(np.unique(table.unit[some])),
            coverage,
            units_are,
            higher_is_better=not less_is_better(table.kind, OVERALL),
            sd=found.sd,
        )
    return metrics


def _beside_crowd(table: Predicted, places: NDArray[np.intp]) -> tuple[int, int]:
    """Rows that a crowd's forecast is beside, and their units."""
    some = places[np.isfinite(table.said[NAIVE][places])]
    return len(some), len(np.unique(table.unit[some]))


def _groups(
    table: Predicted, places: NDArray[np.intp]
) -> Sequence[tuple[str, str, NDArray[np.intp]]]:
    """Column, group and rows, the largest group first."""
    found = []
    for column, values in table.groups.items():
        texts = np.array(values, dtype=object)[places].astype(str)
        names, counts = np.unique(texts, return_counts=True)
        for name in names[np.argsort(-counts, kind="stable")]:
            found.append((column, str(name), places[texts == name]))
    return found
