"""Scores of responses → metrics of a run."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.records import Metric, Score
from preceptor.scoring.length import LengthRule
from preceptor.scoring.names import LENGTH_SUFFIX, OVERALL, free_name, is_adjusted
from preceptor.statistics import (
    bca_intervals,
    bootstrap_std,
    effective_rows,
    score_interval,
    share_interval,
    wilson_interval,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["less", "summarise"]


class _Row(msgspec.Struct, frozen=True):
    """One response under one metric: the score where it is complete, and what it could be."""

    example_id: str
    value: float | None
    low: float
    high: float
    given: int
    asked: int


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
    lengths = [score.length for score in scores if score.length is not None]
    tag_of, parts = _slices(scores, example_tags)
    rows: dict[str, list[_Row]] = {}
    for name, part in parts.items():
        rows[name] = _rows(part, OVERALL)
        if rule is not None and lengths:
            rows[name + LENGTH_SUFFIX] = _adjusted(part, rule, (min(lengths), max(lengths)))
    rows |= {name: _rows(scores, name) for name in _scored(scores) if name != OVERALL}
    complete = {name: _complete(part) for name, part in rows.items()}
    resampled = _resampled(complete, units or {})
    found: dict[str, Metric] = {}
    for name, graded in rows.items():
        tag = tag_of.get(name.removesuffix(LENGTH_SUFFIX), tag_of.get(name))
        names = (name, name.partition(":")[0]) if tag is None else (OVERALL, tag)
        adjusted = is_adjusted(name, rows)
        # Equal scores say no more of other examples when lengths make them differ a little.
        known = not adjusted or name.removesuffix(LENGTH_SUFFIX) in resampled
        share = not adjusted and any(each in shares for each in names)
        least = -math.inf if lowest is None else lowest.get(names[0], 0.0)
        span = (-math.inf, math.inf) if adjusted else (least, 1.0)
        metric = _metric(graded, complete[name], units or {}, None if share else span)
        if not known:
            metric = msgspec.structs.replace(metric, ci95=None, raw_ci95=None)
        found[name] = msgspec.structs.replace(
            metric,
            bootstrap_ci95=resampled.get(name) if known else None,
            units_are=units_are,
            tag=tag,
        )
    return found


def _scored(scores: Iterable[Score]) -> dict[str, None]:
    return dict.fromkeys(name for score in scores for name in score.low)


def _slices(
    scores: Sequence[Score], example_tags: Mapping[str, Sequence[str]]
) -> tuple[dict[str, str], dict[str, list[Score]]]:
    """The example tag of each slice by its name; and the scores of all, and of each slice."""
    by_tag: dict[str, list[Score]] = {}
    for score in scores:
        for tag in dict.fromkeys(example_tags.get(score.example_id, ())):
            by_tag.setdefault(tag, []).append(score)
    taken = {OVERALL, *_scored(scores)}
    tag_of: dict[str, str] = {}
    for tag in by_tag:
        name = free_name(tag, "example", taken)
        tag_of[name] = tag
        taken |= {name, name + LENGTH_SUFFIX}
    return tag_of, {OVERALL: list(scores)} | {name: by_tag[tag] for name, tag in tag_of.items()}


_Interval = tuple[float, float]


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


def _complete(rows: Iterable[_Row]) -> dict[str, list[float]]:
    """Scores by example, of the answers that are completely graded."""
    complete: dict[str, list[float]] = {}
    for row in rows:
        if row.value is not None:
            complete.setdefault(row.example_id, []).append(row.value)
    return complete


def _resampled(
    complete: Mapping[str, Mapping[str, Sequence[float]]], units: Mapping[str, str]
) -> dict[str, _Interval]:
    """Bootstrap intervals of all metrics, from the same resamples; none where nothing varies."""
    ids = list(dict.fromkeys(name for values in complete.values() for name in values))
    if not ids:
        return {}
    place = {name: index for index, name in enumerate(ids)}
    means = np.full((len(ids), len(complete)), np.nan)
    for column, values in enumerate(complete.values()):
        for name, repeats in values.items():
            means[place[name], column] = sum(repeats) / len(repeats)
    intervals = bca_intervals(means, clusters=_labels(ids, units))
    return {
        name: (float(low), float(high))
        for name, (low, high) in zip(complete, intervals, strict=True)
        if low < high
    }


def _labels(ids: Iterable[str], units: Mapping[str, str]) -> NDArray[np.intp]:
    """The number of each example's unit."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(units.get(id, id), len(known)) for id in ids], dtype=np.intp)


def _rows(scores: Iterable[Score], name: str) -> list[_Row]:
    return [
        _Row(
            score.example_id,
            score.values.get(name),
            score.low[name],
            score.high[name],
            *score.counts[name],
        )
        for score in scores
        if name in score.low
    ]


def _adjusted(scores: Iterable[Score], rule: LengthRule, spread: tuple[int, int]) -> list[_Row]:
    rows = []
    scored = [score for score in scores if OVERALL in score.low]
    for score, row in zip(scored, _rows(scored, OVERALL), strict=True):
        short, long = spread if score.length is None else (score.length, score.length)
        adjusted = None
        if row.value is not None and score.length is not None:
            adjusted = rule.adjust(row.value, score.length)
        rows.append(
            msgspec.structs.replace(
                row,
                value=adjusted,
                low=rule.adjust(row.low, long),
                high=rule.adjust(row.high, short),
            )
        )
    return rows


def _metric(
    rows: Sequence[_Row],
    complete: Mapping[str, Sequence[float]],
    units: Mapping[str, str],
    span: _Interval | None,
) -> Metric:
    """``span`` is the lowest and highest possible score; None for a share."""
    asked = sum(row.asked for row in rows)
    given = sum(row.given for row in rows)
    bounds = None
    if len([row for row in rows if row.value is not None]) < len(rows):
        bounds = (_clip(_mean_by_example(rows, "low")), _clip(_mean_by_example(rows, "high")))
    coverage = given / asked if asked else 0.0
    if not complete:
        return Metric(None, None, 0, None, None, None, coverage, bounds)
    matrix, labels = _matrix(list(complete.values())), _labels(complete, units)
    interval: _Interval | None
    wilson = None
    if span is None:
        mean, interval = share_interval(matrix, labels)
        effective = effective_rows(matrix, labels)
        wilson = wilson_interval(min(mean, 1.0) * effective, effective)
    else:
        mean, interval = score_interval(matrix, labels, span)
    means = np.array([np.mean(values) for values in complete.values()])
    return Metric(
        value=_clip(mean),
        raw_mean=mean,
        n=len(complete),
        ci95=None if interval is None else (_clip(interval[0]), _clip(interval[1])),
        raw_ci95=interval,
        bootstrap_std=bootstrap_std(means),
        coverage=coverage,
        bounds=bounds,
        wilson_ci95=wilson,
        units=len(set(labels.tolist())),
    )


def _matrix(values: Sequence[Sequence[float]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    matrix = np.full((len(values), max(map(len, values))), np.nan)
    for row, repeats in zip(matrix, values, strict=True):
        row[: len(repeats)] = repeats
    return matrix


def _mean_by_example(rows: Iterable[_Row], field: str) -> float:
    by_example: dict[str, list[float]] = {}
    for row in rows:
        by_example.setdefault(row.example_id, []).append(getattr(row, field))
    return float(np.mean([np.mean(values) for values in by_example.values()]))


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))
