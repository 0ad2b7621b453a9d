"""Scores of responses → metrics of a run."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.records import Metric, Score
from preceptor.scoring.columns import (
    NO_SCORES,
    Column,
    Scores,
    first_seen,
    means_of,
    repeats_of,
)
from preceptor.scoring.length import LengthRule
from preceptor.scoring.names import LENGTH_SUFFIX, OVERALL, free_name, is_adjusted
from preceptor.statistics import (
    bca_intervals,
    bootstrap_stds,
    effective_rows,
    score_interval,
    share_interval,
    wilson_interval,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.intp]
    #: Examples by number, and the scores of each example's complete answers.
    _Complete = tuple[Places, NDArray[np.float64]]

__all__ = ["less", "summarise"]

_Interval = tuple[float, float]


def summarise(
    scores: Sequence[Score],
    example_tags: Mapping[str, Sequence[str]],
    rule: LengthRule | None = None,
    units: Mapping[str, str] | None = None,
    *,
    shares: Collection[str] = (),
    units_are: str = "units",
    lowest: Mapping[str, float] | None = None,
) -> dict[str, Metric]:
    """All metrics of a run.

    Parameters
    ----------
    scores
        One for each example and repeat.
    example_tags
        Example id → its tags (theme, use case, …). A slice by example tag is the mean overall score
        of its examples; a rubric tag (axis, level, cluster) has scores of its own.
    rule
        Adds ``…_length_adjusted`` beside the overall score and the slices by example tag.
    units
        Example id → what it is drawn together with. Without it each example counts for itself.
    shares
        Metrics whose every score is 0 or 1, by name or by namespace (``turn`` for ``turn:2``); the
        slices by example tag are shares where the overall score is, or by their own name.
    units_are
        What the units are, in the plural.
    lowest
        Metric → its lowest possible score: 0 where not listed, None where unknown. The highest is
        1; length-adjusted scores have no bounds.

    Notes
    -----
    The mean runs over examples, each the mean of its complete repeats, and only then is clipped to
    [0, 1] (HealthBench, section 3). The length of a missing answer is unknown: its bounds use the
    shortest and the longest answer of the run.
    """
    table = Scores.of(scores)
    tag_of, parts = _slices(table, example_tags)
    rows: dict[str, Column] = {}
    for name, part in parts.items():
        rows[name] = part
        if rule is not None and len(table.lengths):
            rows[name + LENGTH_SUFFIX] = _adjusted(table, part, rule)
    rows |= {name: column for name, column in table.columns.items() if name != OVERALL}
    complete = {
        name: repeats_of(table.example[part.rows[part.known]], part.value[part.known])
        for name, part in rows.items()
    }
    unit = _units(table.ids, units or {})
    resampled = _resampled(complete, unit)
    spread = bootstrap_stds([means_of(values) for _, values in complete.values()])
    found: dict[str, Metric] = {}
    for (name, part), std in zip(rows.items(), spread, strict=True):
        tag = tag_of.get(name.removesuffix(LENGTH_SUFFIX), tag_of.get(name))
        names = (name, name.partition(":")[0]) if tag is None else (OVERALL, tag)
        adjusted = is_adjusted(name, rows)
        # Equal scores say no more of other examples when lengths make them differ a little.
        known = not adjusted or name.removesuffix(LENGTH_SUFFIX) in resampled
        share = not adjusted and any(each in shares for each in names)
        least = -math.inf if lowest is None else lowest.get(names[0], 0.0)
        span = (-math.inf, math.inf) if adjusted else (least, 1.0)
        example = table.example[part.rows]
        metric = _metric(example, part, complete[name], unit, None if share else span)
        if not known:
            metric = msgspec.structs.replace(metric, ci95=None, raw_ci95=None)
        found[name] = msgspec.structs.replace(
            metric,
            bootstrap_std=std,
            bootstrap_ci95=resampled.get(name) if known else None,
            units_are=units_are,
            tag=tag,
        )
    return found


def _slices(
    scores: Scores, example_tags: Mapping[str, Sequence[str]]
) -> tuple[dict[str, str], dict[str, Column]]:
    """The example tag of each slice by its name; and the overall scores of all, and of each."""
    by_tag: dict[str, list[int]] = {}
    for number, name in enumerate(scores.ids):
        for tag in dict.fromkeys(example_tags.get(name, ())):
            by_tag.setdefault(tag, []).append(number)
    whole = scores.columns.get(OVERALL, NO_SCORES)
    taken = {OVERALL, *scores.columns}
    tag_of: dict[str, str] = {}
    parts = {OVERALL: whole}
    example = scores.example[whole.rows]
    for tag, numbers in by_tag.items():
        name = free_name(tag, "example", taken)
        tag_of[name] = tag
        taken |= {name, name + LENGTH_SUFFIX}
        has = np.zeros(len(scores.ids), dtype=np.bool_)
        has[numbers] = True
        parts[name] = whole.take(has[example])
    return tag_of, parts


def less(metric: Metric, mark: float) -> Metric:
    """How far a share is above a mark, −1 to 1: value and intervals less the mark."""

    def moved(pair: _Interval | None) -> _Interval | None:
        return None if pair is None else (pair[0] - mark, pair[1] - mark)

    return msgspec.structs.replace(
        metric,
        value=None if metric.value is None else metric.value - mark,
        raw_mean=None if metric.value is None else metric.value - mark,
        ci95=moved(metric.ci95),
        raw_ci95=moved(metric.raw_ci95),
        bounds=moved(metric.bounds),
        bootstrap_ci95=moved(metric.bootstrap_ci95),
        wilson_ci95=moved(metric.wilson_ci95),
    )


def _units(ids: Sequence[str], units: Mapping[str, str]) -> Places:
    """The number of each example's unit."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(units.get(id, id), len(known)) for id in ids], dtype=np.intp)


def _resampled(complete: Mapping[str, _Complete], unit: Places) -> dict[str, _Interval]:
    """Bootstrap intervals of all metrics, from the same resamples; none where nothing varies."""
    examples = np.concatenate([examples for examples, _ in complete.values()])
    if not len(examples):
        return {}
    _, first = first_seen(examples)
    place = np.empty(len(unit), dtype=np.intp)
    place[examples[first]] = np.arange(len(first))
    means = np.full((len(first), len(complete)), np.nan)
    for column, (some, values) in enumerate(complete.values()):
        if len(some):
            # Added up in the order of the answers, so that equal answers have equal means.
            total = np.add.accumulate(np.nan_to_num(values), axis=1)[:, -1]
            means[place[some], column] = total / (~np.isnan(values)).sum(axis=1)
    intervals = bca_intervals(means, clusters=first_seen(unit[examples[first]])[0])
    return {
        name: (float(low), float(high))
        for name, (low, high) in zip(complete, intervals, strict=True)
        if low < high
    }


def _adjusted(scores: Scores, part: Column, rule: LengthRule) -> Column:
    length = scores.length[part.rows]
    missing = np.isnan(length)
    shortest, longest = scores.lengths.min(), scores.lengths.max()
    return part._replace(
        value=rule.adjust(part.value, length),
        known=part.known & ~missing,
        low=rule.adjust(part.low, np.where(missing, longest, length)),
        high=rule.adjust(part.high, np.where(missing, shortest, length)),
    )


def _metric(
    example: Places,
    part: Column,
    complete: _Complete,
    unit: Places,
    span: _Interval | None,
) -> Metric:
    """``span`` is the lowest and highest possible score; None for a share."""
    asked, given = int(part.asked.sum()), int(part.given.sum())
    bounds = None
    if not part.known.all():
        low, high = (means_of(repeats_of(example, each)[1]) for each in (part.low, part.high))
        bounds = (_clip(float(low.mean())), _clip(float(high.mean())))
    coverage = given / asked if asked else 0.0
    examples, matrix = complete
    if not len(examples):
        return Metric(None, None, 0, None, None, None, coverage, bounds)
    labels, units = first_seen(unit[examples])
    interval: _Interval | None
    wilson = None
    if span is None:
        mean, interval = share_interval(matrix, labels)
        effective = effective_rows(matrix, labels)
        wilson = wilson_interval(min(mean, 1.0) * effective, effective)
    else:
        mean, interval = score_interval(matrix, labels, span)
    return Metric(
        value=_clip(mean),
        raw_mean=mean,
        n=len(examples),
        ci95=None if interval is None else (_clip(interval[0]), _clip(interval[1])),
        raw_ci95=interval,
        bootstrap_std=None,
        coverage=coverage,
        bounds=bounds,
        wilson_ci95=wilson,
        units=len(units),
    )


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))
