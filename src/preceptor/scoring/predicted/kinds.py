"""The statistics of one set of predictions, by the kind of its outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.scoring.names import OVERALL
from preceptor.scoring.predicted.forecasts import forecast
from preceptor.scoring.predicted.table import NAIVE, Predicted
from preceptor.statistics.prediction.amounts import errors, intervals, pinball
from preceptor.statistics.prediction.classes import called, chances
from preceptor.statistics.prediction.labels import labelled
from preceptor.statistics.prediction.outcomes import divided
from preceptor.statistics.prediction.resampling import Measures, joined
from preceptor.statistics.prediction.survival import Survival, integrated, pairs_in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "LESS",
    "MOST_FOR_INTERVALS",
    "last_horizon",
    "measures_by_kind",
    "resamples_for",
]

#: Beginnings of names of metrics of which less is better.
LESS = (
    *("rmse", "median_absolute_error", "pinball", "quantiles_cross", "winkler", "log_loss"),
    *("brier", "rps", "ece", "hamming_loss", "ibs", "null_brier", "crowd:brier"),
)
#: A survival file with more rows gets no interval: its pairs are too many to resample.
MOST_FOR_INTERVALS = 20_000


def resamples_for(kind: str, rows: int, resamples: int) -> int:
    """Resamples for a file of this many rows.

    Survival metrics count pairs of rows: above `MOST_FOR_INTERVALS` rows they are computed once,
    without an interval.
    """
    paired = kind in ("survival", "start_stop")
    return 1 if paired and rows > MOST_FOR_INTERVALS else resamples


def measures_by_kind(table: Predicted, clusters: int) -> Measures:
    """The statistics of rows that all have a prediction; the first is the headline."""
    return _KINDS[table.kind](table, clusters)


def last_horizon(table: Predicted) -> float:
    """The last time at which someone is not censored: horizons must lie before it."""
    rows = Survival(table.outcome["time"], table.outcome["event"], np.zeros(len(table)))
    return rows.last_time()


def _renamed(measures: Measures, names: Sequence[str]) -> Measures:
    return Measures(names, measures.of, measures.rows)


def _regression(table: Predicted, clusters: int) -> Measures:
    y, unit = table.outcome["y_true"], table.unit
    parts = [errors(y, table.said["y_pred"], unit, clusters)]
    quantiles = {
        float(name[1:]): values for name, values in table.said.items() if name.startswith("q")
    }
    if quantiles:
        parts.append(pinball(y, quantiles, unit, clusters))
        low, high = min(quantiles), max(quantiles)
        if low < 0.5 < high:
            parts.append(
                intervals(
                    y,
                    quantiles[low],
                    quantiles[high],
                    unit,
                    clusters,
                    level=high - low,
                    name=f"interval_{high - low:.0%}",
                )
            )
    naive = table.said.get(NAIVE)
    said = np.full(len(y), np.median(y)) if naive is None else naive
    said = np.where(np.isfinite(said), said, np.median(y))
    brief = errors(y, said, unit, clusters, brief=True)
    parts.append(_renamed(brief, ["naive:mae", "naive:rmse", "naive:r2"]))
    return joined(parts)


def _multiclass(table: Predicted, clusters: int) -> Measures:
    truth, unit = table.outcome["y_true"].astype(int), table.unit
    number = len(table.labels)
    names = [f"p:{label}" for label in table.labels]
    if names[0] not in table.said:
        measures = called(truth, table.said["y_pred"].astype(int), unit, clusters, number)
        return _renamed(measures, [OVERALL, *measures.names[1:]])
    p = np.stack([table.said[name] for name in names], axis=1)
    first = chances(truth, p, unit, clusters)
    plain = [name for name in first.names if not name.startswith("class:")]
    first = _renamed(first, [*plain, *(f"class:{label}" for label in table.labels)])
    shown = table.said["y_pred"].astype(int) if "y_pred" in table.said else p.argmax(axis=1)
    return joined([first, called(truth, shown, unit, clusters, number)])


def _multilabel(table: Predicted, clusters: int) -> Measures:
    truth, p = (
        np.stack([columns[f"{letter}:{label}"] for label in table.labels], axis=1)
        for letter, columns in (("y", table.outcome), ("p", table.said))
    )
    found = labelled(truth, p, table.unit, clusters)
    number = len(table.labels)
    plain = found.names[: -3 * number]
    kinds = ("class", "class_ap", "class_f1")
    named = [f"{kind}:{label}" for kind in kinds for label in table.labels]
    return _renamed(found, [*plain, *named])


def _survival(table: Predicted, clusters: int) -> Measures:
    time, event, unit = table.outcome["time"], table.outcome["event"], table.unit
    at = {float(name[2:]): values for name, values in table.said.items() if name.startswith("s@")}
    horizons = sorted(at)
    risk = table.said.get("risk", 1 - at[horizons[-1]] if horizons else np.zeros(len(time)))
    rows = Survival(time, event, risk)
    tau = horizons[-1] if horizons else None
    names = [OVERALL, "uno"]
    for kind in ("auc", "brier", "null_brier", "predicted_risk", "observed_risk"):
        names += [f"{kind}:{horizon:g}" for horizon in horizons]
    names += ["ibs", "ibs_null"] if len(horizons) > 1 else []

    def of(drawn: Floats | None) -> list[Floats]:
        weight = np.ones(len(time)) if drawn is None else np.take(drawn, unit, axis=-1)
        curve = rows.kaplan_meier(weight)
        null = [rows.at(curve, horizon) for horizon in horizons]
        brier = [rows.brier(weight, horizon, at[horizon]) for horizon in horizons]
        null_brier = [
            rows.brier(weight, horizon, each[..., None])
            for horizon, each in zip(horizons, null, strict=True)
        ]
        whole = weight.sum(axis=-1)
        found = [rows.harrell(weight), rows.uno(weight, tau)]
        found += [rows.auc(weight, horizon) for horizon in horizons]
        found += [*brier, *null_brier]
        found += [divided(weight @ (1 - at[horizon]), whole) for horizon in horizons]
        found += [1 - each for each in null]
        if len(horizons) > 1:
            found += [integrated(brier, horizons), integrated(null_brier, horizons)]
        return found

    return Measures(names, of, 4 * len(time))


def _start_stop(table: Predicted, clusters: int) -> Measures:
    start, stop, risk = table.outcome["start"], table.outcome["stop"], table.said["risk"]
    event, unit = table.outcome["event"] > 0.5, table.unit
    first = np.flatnonzero(event)

    def comparable(rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        at = stop[rows][:, None]
        other = unit != unit[rows][:, None]
        found: NDArray[np.bool_] = (start < at) & (at <= stop) & other & ~(event & (stop == at))
        return found

    def of(drawn: Floats | None) -> list[Floats]:
        weight = np.ones(len(stop)) if drawn is None else np.take(drawn, unit, axis=-1)
        pairs = pairs_in_order(first, comparable, risk, weight, np.ones_like(weight))
        return [divided(*pairs)]

    return Measures([OVERALL], of, 4 * len(stop))


_KINDS: dict[str, Callable[[Predicted, int], Measures]] = {
    "forecast": forecast,
    "regression": _regression,
    "multiclass": _multiclass,
    "multilabel": _multilabel,
    "survival": _survival,
    "start_stop": _start_stop,
}
