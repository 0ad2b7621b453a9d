"""Labels and ordinals that a judge gave → the scores of one response, and metrics in points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import msgspec

from preceptor.records import Graded, Metric, Score, Verdict
from preceptor.scoring.bounds import Bounds, bounded

__all__ = ["Measure", "Scale", "in_points", "ordinal", "rated", "share"]


class Scale(msgspec.Struct, frozen=True):
    """An ordinal scale: its ends, in what it is counted, and which end is the good one."""

    lowest: int
    highest: int
    unit: str = "share"
    higher_is_better: bool = True


class Measure(msgspec.Struct, frozen=True):
    """One metric of one response.

    Attributes
    ----------
    values
        What each verdict under it says, 0 to 1; None where it was not given.
    combine
        Values → the metric, 0 to 1. It never falls when a value rises (a mean, the least, the
        greatest), so that missing verdicts bound it.
    """

    values: tuple[float | None, ...]
    combine: Callable[[Sequence[float]], float] = fmean


def ordinal(verdict: Verdict | None, scale: Scale) -> int | None:
    """The step of the scale that a judge chose; None where there is none on this scale."""
    if verdict is None or verdict.label is None:
        return None
    try:
        step = int(verdict.label)
    except ValueError:
        return None
    return step if scale.lowest <= step <= scale.highest else None


def share(verdict: Verdict | None, scale: Scale) -> float | None:
    """The step as a share of the scale: 0 at its lowest end, 1 at its highest."""
    step = ordinal(verdict, scale)
    return None if step is None else (step - scale.lowest) / (scale.highest - scale.lowest)


def rated(graded: Graded, measures: Mapping[str, Measure]) -> Score:
    """The score of a response that was judged by labels.

    As with a rubric, a metric has a value only if every verdict under it was given; ``low`` and
    ``high`` say what the missing ones allow. A measure without verdicts is left out.
    """
    found: dict[str, Bounds] = {}
    for name, measure in measures.items():
        if not measure.values:
            continue
        given = sum(value is not None for value in measure.values)
        low = measure.combine([0.0 if each is None else each for each in measure.values])
        high = measure.combine([1.0 if each is None else each for each in measure.values])
        found[name] = Bounds(given, len(measure.values), low, high)
    return bounded(graded, found)


def in_points(metrics: Mapping[str, Metric], scales: Mapping[str, Scale]) -> dict[str, Metric]:
    """The metrics, those with a scale in its unit and with its good end.

    A metric from 0 to 1 becomes ``lowest + metric · (highest − lowest)``; all that belongs to it
    (intervals, bounds, standard deviation) follows, being linear.
    """
    return {
        name: _in_points(metric, scales[name]) if name in scales else metric
        for name, metric in metrics.items()
    }


def _in_points(metric: Metric, scale: Scale) -> Metric:
    span = scale.highest - scale.lowest

    def point(value: float | None) -> float | None:
        return None if value is None else scale.lowest + span * value

    def pair(values: tuple[float, float] | None) -> tuple[float, float] | None:
        if values is None:
            return None
        return scale.lowest + span * values[0], scale.lowest + span * values[1]

    return msgspec.structs.replace(
        metric,
        value=point(metric.value),
        raw_mean=point(metric.raw_mean),
        ci95=pair(metric.ci95),
        raw_ci95=pair(metric.raw_ci95),
        bootstrap_std=None if metric.bootstrap_std is None else span * metric.bootstrap_std,
        bounds=pair(metric.bounds),
        bootstrap_ci95=pair(metric.bootstrap_ci95),
        wilson_ci95=pair(metric.wilson_ci95),
        unit=scale.unit,
        higher_is_better=scale.higher_is_better,
    )
