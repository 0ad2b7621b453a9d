"""Metrics of predictions of yes or no."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.records import Metric
from preceptor.scoring.names import OVERALL
from preceptor.scoring.predicted.groups import GroupParts, group_metrics, grouped
from preceptor.scoring.predicted.numbers import metric
from preceptor.scoring.predicted.stays import counted, stay_measures
from preceptor.scoring.predicted.table import REPEATS, Predicted
from preceptor.statistics.prediction import calibrating as cal
from preceptor.statistics.prediction import decisions as dec
from preceptor.statistics.prediction import discrimination as dis
from preceptor.statistics.prediction.delong import delong
from preceptor.statistics.prediction.outcomes import Outcomes, Sums
from preceptor.statistics.prediction.resampling import Measures, resampled, spread_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "THRESHOLDS",
    "BinaryParts",
    "binary_less",
    "binary_measures",
    "binary_metrics",
    "brief_measures",
    "parts_of",
    "statistics_of",
]

Statistic = Callable[[Sums], "Floats"]

#: Risks at which net benefit is stated.
THRESHOLDS = (0.05, 0.1, 0.2)
#: The threshold of the table beside the prevalence's.
_HALF = 0.5
#: Metrics of which less is better.
_LESS = {"brier", "log_loss", "ece", "ece_mass", "ece_15", "mce", "early:los_mae"}

_RANKS: dict[str, Statistic] = {
    OVERALL: dis.auroc,
    "auprc": dis.average_precision,
    "auprc_trapezoid": dis.pr_trapezoid,
    "min_precision_sensitivity": dis.min_precision_sensitivity,
    "sensitivity_at_specificity_95": dis.sensitivity_at_specificity,
}
_PROBABILITIES: dict[str, Statistic] = {
    "brier": cal.brier,
    "brier_scaled": cal.brier_scaled,
    "log_loss": cal.log_loss,
    "observed_expected": cal.observed_expected,
    "ece": lambda sums: cal.calibration_error(cal.equal_width(sums)),
    "ece_mass": lambda sums: cal.calibration_error(cal.equal_mass(sums)),
    "ece_15": lambda sums: cal.calibration_error(cal.equal_width(sums, 15)),
    "mce": lambda sums: cal.largest_error(cal.equal_width(sums)),
}
_CELLS = ("sensitivity", "specificity", "ppv", "npv", "f1", "mcc")


def binary_less(name: str) -> bool:
    """Whether a smaller value of this metric is the better one."""
    return name in _LESS or name.startswith("early:osmae")


class BinaryParts(msgspec.Struct):
    """The rows that have a score, one :class:`Outcomes` for each repeat.

    Attributes
    ----------
    clusters
        How many patients there are.
    independent
        Whether each row is another patient, so that DeLong's standard error is right.
    """

    parts: list[Outcomes]
    rows: list[NDArray[np.intp]]
    clusters: int
    independent: bool
    n: int
    coverage: float


def parts_of(table: Predicted) -> BinaryParts:
    """The rows by repeat; those without a score are left out and lower the coverage."""
    score, y = table.said["y_score"], table.outcome["y_true"]
    known = np.isfinite(score)
    names, repeat = table.place(REPEATS)
    rows = [np.flatnonzero(known & (repeat == each)) for each in range(len(names))]
    parts = [
        Outcomes(y[some], score[some], table.unit[some], probability=not table.rank)
        for some in rows
    ]
    there = np.unique(table.unit[known])
    return BinaryParts(
        parts=parts,
        rows=rows,
        clusters=len(table.units),
        independent=len(names) == 1 and len(there) == int(known.sum()),
        n=int(known.sum()),
        coverage=float(known.mean()) if len(known) else 0.0,
    )


def statistics_of(*, rank: bool) -> dict[str, Statistic]:
    """Name → function of the sums, for scores that are probabilities or only ``rank`` rows."""
    if rank:
        return dict(_RANKS)
    benefits: dict[str, Statistic] = {}
    for t in THRESHOLDS:
        benefits[f"net_benefit:{t:g}"] = lambda sums, t=t: dec.net_benefit(sums, t)  # type: ignore[misc]
    for t in THRESHOLDS:
        benefits[f"treat_all:{t:g}"] = lambda sums, t=t: dec.net_benefit_of_all(sums, t)  # type: ignore[misc]
    at: dict[str, Statistic] = {}
    for name in _CELLS:
        at[f"at_0.5:{name}"] = lambda s, name=name: getattr(dec.at_threshold(s, _HALF), name)  # type: ignore[misc]
    for name in _CELLS:
        # The prevalence of the scored rows themselves: optimistic, and labelled so.
        at[f"at_prevalence:{name}"] = lambda s, name=name: getattr(  # type: ignore[misc]
            dec.at_threshold(s, float(s.of.y.mean())), name
        )
    return {**_RANKS, **_PROBABILITIES, **benefits, **at}


def binary_measures(table: Predicted, groups: Sequence[GroupParts] = ()) -> Measures:
    """The family's statistics, each the mean over repeats; then the numbers of the groups."""
    found = parts_of(table)
    known, number = statistics_of(rank=table.rank), len(found.parts)
    stays = stay_measures(table, found.rows)
    every = [*found.parts, *(part for group in groups for part in group.parts)]

    def of(drawn: Floats | None) -> list[Floats]:
        sums = [part.sums(drawn) for part in every]
        mine, start = sums[:number], number
        values = [_mean([function(each) for each in mine]) for function in known.values()]
        values += [] if stays is None else stays.of(drawn)
        for group in groups:
            end = start + len(group.parts)
            values += group.numbers(sums[start:end], mine)
            start = end
        return values

    own = [*known, *([] if stays is None else stays.names)]
    names = [*own, *(name for group in groups for name in group.names_of_numbers())]
    return Measures(names, of, max(map(len, every), default=0))


def brief_measures(table: Predicted) -> Measures:
    """The AUROC and, of probabilities, the Brier score: each the mean over repeats."""
    functions = {OVERALL: dis.auroc} | ({} if table.rank else {"brier": cal.brier})
    parts = parts_of(table).parts

    def of(drawn: Floats | None) -> list[Floats]:
        sums = [part.sums(drawn) for part in parts if len(part)]
        return [_mean([function(each) for each in sums]) for function in functions.values()]

    return Measures([*functions], of, max(map(len, parts), default=0))


def binary_metrics(table: Predicted, *, resamples: int = 1000, seed: int = 0) -> dict[str, Metric]:
    """All metrics of the rows.

    Over several repeats each metric is the mean over repeats; its interval draws patients, the same
    ones in all repeats.
    """
    found = parts_of(table)
    if not found.n:
        return {OVERALL: metric(None, None, 0, 0, 0.0)}
    groups = grouped(table, found.rows)
    measures = binary_measures(table, groups)
    drawn = resampled([measures], found.clusters, resamples=resamples, seed=seed)[0]
    spreads = [spread_of(column) for column in drawn.T]
    values = measures.values()
    own = len(measures.names) - sum(len(group.names_of_numbers()) for group in groups)
    n, units = found.n, len(np.unique(table.unit[np.concatenate(found.rows)]))
    metrics = {
        name: metric(
            value,
            spread.ci95,
            *(counted(table, found.rows, name) or (n, units)),
            found.coverage,
            higher_is_better=not binary_less(name),
            sd=spread.sd,
        )
        for name, value, spread in zip(measures.names[:own], values, spreads, strict=False)
    }
    if found.independent:
        metrics[OVERALL] = _delong(table, found, metrics[OVERALL])
    if not table.rank:
        metrics |= _recalibrated(table, found, metrics[OVERALL])
    metrics |= _by_patient(table, found, resamples, seed)
    metrics |= _over_parts(table, found)
    extra = list(zip(values[own:], spreads[own:], strict=True))
    metrics |= group_metrics(groups, extra, found.coverage)
    return _in_order(metrics)


def _mean(values: Sequence[Floats]) -> Floats:
    return values[0] if len(values) == 1 else np.mean(np.stack(values), axis=0)


def _delong(table: Predicted, found: BinaryParts, whole: Metric) -> Metric:
    exact = delong(table.outcome["y_true"][found.rows[0]], table.said["y_score"][found.rows[0]])
    if exact is None:
        return msgspec.structs.replace(whole, ci95=None, raw_ci95=None)
    return msgspec.structs.replace(
        whole, ci95=exact.ci95, raw_ci95=exact.ci95, bootstrap_std=exact.se
    )


def _recalibrated(table: Predicted, found: BinaryParts, whole: Metric) -> dict[str, Metric]:
    """Slope and intercepts, of all repeats' rows together, clustered by patient."""
    rows = np.concatenate(found.rows)
    y, p = table.outcome["y_true"][rows], table.said["y_score"][rows]
    fitted = cal.recalibration(y, p, table.unit[rows])
    names = ("slope", "intercept", "large")
    return {
        f"calibration_{'in_the_large' if name == 'large' else name}": metric(
            None if fitted is None else getattr(fitted, name),
            None if fitted is None else getattr(fitted, f"{name}_ci95"),
            whole.n,
            whole.units,
            whole.coverage,
            whole.units_are,
        )
        for name in names
    }


def _over_parts(table: Predicted, found: BinaryParts) -> dict[str, Metric]:
    """Mean and standard deviation over folds, and over repeats: other numbers than the pooled one.

    Folds are not independent of each other, so no interval is made of their spread.
    """
    known = np.isfinite(table.said["y_score"])
    y, score = table.outcome["y_true"], table.said["y_score"]
    metrics = {}
    for space, coordinates in (("over_folds", (*REPEATS, "fold")), ("over_repeats", REPEATS)):
        if not table.within.keys() & {coordinates[-1], *(REPEATS if "repeats" in space else ())}:
            continue
        names, part = table.place(coordinates)
        sums = [
            Outcomes(y[some], score[some], probability=not table.rank).sums()
            for each in range(len(names))
            for some in [known & (part == each)]
        ]
        for name, function in (("auroc", dis.auroc), ("auprc", dis.average_precision)):
            values = np.array([float(function(each)) for each in sums])
            values = values[~np.isnan(values)]
            if len(values) > 1:
                number, sd = len(values), float(values.std(ddof=1))
                metrics[f"{space}:{name}"] = metric(
                    float(values.mean()), None, number, number, found.coverage, "folds", sd=sd
                )
    return metrics


def _by_patient(
    table: Predicted, found: BinaryParts, resamples: int, seed: int
) -> dict[str, Metric]:
    """Any positive row of a patient against the highest score, where rows are points in time."""
    if not table.at or len(found.parts) != 1:
        return {}
    rows = found.rows[0]
    unit, y, score = table.unit[rows], table.outcome["y_true"][rows], table.said["y_score"][rows]
    most = np.full(found.clusters, -np.inf)
    np.maximum.at(most, unit, score)
    any_ = np.bincount(unit, y, found.clusters) > 0
    there = np.flatnonzero(np.isfinite(most))
    whole = Outcomes(any_[there], most[there], there, probability=False)
    functions = (dis.auroc, dis.average_precision)
    measures = Measures(
        ("auroc", "auprc"),
        lambda drawn: [function(whole.sums(drawn)) for function in functions],
        len(there),
    )
    drawn = resampled([measures], found.clusters, resamples=resamples, seed=seed)[0]
    return {
        f"by_patient:{name}": metric(
            value, spread_of(column).ci95, len(there), len(there), found.coverage
        )
        for name, value, column in zip(measures.names, measures.values(), drawn.T, strict=True)
    }


def _in_order(metrics: dict[str, Metric]) -> dict[str, Metric]:
    """Calibration's slope and intercepts stand with its errors."""
    last = "observed_expected"
    moved = {name: each for name, each in metrics.items() if name.startswith("calibration_")}
    ordered: dict[str, Metric] = {}
    for name, each in metrics.items():
        if name not in moved:
            ordered[name] = each
        if name == last:
            ordered |= moved
    return ordered
