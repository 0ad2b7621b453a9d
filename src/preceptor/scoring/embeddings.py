"""Embeddings of spots or images → how well amounts, such as of genes, are read from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.records import Metric
from preceptor.scoring.predicted.numbers import metric
from preceptor.statistics.embedding_probe import probe
from preceptor.statistics.prediction.outcomes import divided
from preceptor.statistics.prediction.resampling import Measures, resampled, spread_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["EMBEDDING_LABELS", "probe_metrics"]

EMBEDDING_LABELS = {
    "pearson": "Pearson's r: mean over targets, then patients",
    "constant": "Share of targets of a patient without r (constant there)",
    "target": "Pearson's r by target, mean over patients",
    "patient": "Pearson's r by patient, mean over targets",
}


def probe_metrics(
    features: Floats,
    targets: Floats,
    names: Sequence[str],
    patients: Sequence[str],
    *,
    components: int = 256,
    seed: int = 0,
) -> dict[str, Metric]:
    """Each patient is predicted by a model of the others; intervals are over patients.

    The models of a resample are not fitted again: the interval says how patients differ, not how
    models do.
    """
    known = [*dict.fromkeys(patients)]
    number = {name: place for place, name in enumerate(known)}
    whose = np.array([number[name] for name in patients])
    table = np.stack(
        [
            probe(features, targets, whose != place, components=components)
            for place in range(len(known))
        ]
    )
    there = ~np.isnan(table)
    values = np.where(there, table, 0.0)

    def of(drawn: Floats | None) -> list[Floats]:
        weight = np.ones((1, len(known))) if drawn is None else drawn
        by_patient = divided(values.sum(axis=1), there.sum(axis=1))
        defined = ~np.isnan(by_patient)
        whole = divided(weight @ np.where(defined, by_patient, 0.0), weight @ defined)
        by_target = divided(weight @ values, weight @ there)
        found = [whole, *by_target.T]
        return [each[0] for each in found] if drawn is None else found

    names_of = ["pearson", *(f"target:{name}" for name in names)]
    measures = Measures(names_of, of, len(known) * len(names))
    drawn = resampled([measures], len(known), seed=seed)[0]
    found = {}
    counts = [int(there.any(axis=1).sum()), *there.sum(axis=0).tolist()]
    for name, value, column, n in zip(names_of, measures.values(), drawn.T, counts, strict=True):
        coverage = float(there.mean()) if name == "pearson" else n / len(known)
        ci95 = spread_of(column).ci95
        found[name] = metric(value, ci95, n, n, coverage, "patients")
        if name == "pearson":
            found["constant"] = metric(
                float((~there).mean()), None, there.size, len(known), 1.0, higher_is_better=False
            )
    rows = np.bincount(whose)
    for place, name in enumerate(known):
        mine = table[place][there[place]]
        mean = float(mine.mean()) if len(mine) else None
        found[f"patient:{name}"] = metric(mean, None, int(rows[place]), 1, 1.0, "patients")
    return found
