"""Score against the length of answers and of the reasoning before them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from preceptor.analysis.length import SideLength, lengths, setting_of
from preceptor.records import Usage, replies_of
from preceptor.reports.figures.base import Figure, Row
from preceptor.reports.figures.legend import Band, band_of, key_of
from preceptor.reports.figures.page import WIDTH, Page, Panel
from preceptor.reports.figures.plane import (
    Point,
    draw_band,
    draw_labels,
    draw_points,
    set_scales,
    upright,
)
from preceptor.reports.figures.style import TEXT, Look, looks, plain_looks
from preceptor.reports.figures.words import clean, evidence, metric_of, names, physicians, without
from preceptor.results.pool import Side
from preceptor.scoring import LENGTH_SUFFIX, OVERALL

__all__ = ["length"]

_ANSWER = "Characters of an answer, mean"
_REASONING = "Characters of reasoning, mean"
_TOKENS = "Tokens of reasoning, mean"


class _Measure(msgspec.Struct, frozen=True):
    """What is on the horizontal axis, and each side's mean of it."""

    axis: str
    values: list[float | None]


class _Drawing(msgspec.Struct, frozen=True):
    """``lines`` join the points of one setting, by index; ``panels`` are (measure, metric)."""

    points: dict[tuple[int, str], list[Point]]
    lines: list[list[int]]
    bands: dict[str, Band | None]
    measures: list[_Measure]
    metrics: list[str]
    looks: list[Look]
    key: list[tuple[str, Look | None]]


def length(sides: Sequence[Side]) -> Figure | None:
    """Score against mean length of the answers, and of the reasoning where it is known.

    Raw and, where the benchmark has a rule, length-adjusted. A line joins the cells of a sweep that
    share a setting, in the order of their lengths. Reasoning is in characters where each side that
    reasons showed its text, else in tokens. None where fewer than two systems have a score.
    """
    systems = [side for side in sides if not physicians(side) and metric_of(side.result)]
    found = {side.label: item for side, item in _fitted(systems)}
    if sum(item.mean_length is not None for item in found.values()) < 2:
        return None
    drawing = _drawing(sides, systems, found)
    swept = any(_cell(side) for side in systems)
    reasoning = drawing.measures[1:]
    silent = [
        side
        for measure in reasoning
        for side, value in zip(systems, measure.values, strict=True)
        if value is None
    ]
    said = [
        "Means over examples before clipping to 0–100, with 95 % intervals, against means over "
        "answers.",
        "Lines join the cells of a sweep that share a setting; cells are named where there is room."
        if swept
        else "",
        evidence(systems),
        without(silent, "in the panels of reasoning, without any that is known"),
    ]
    return Figure(
        name="length",
        title="Score against length" + (" and reasoning" if reasoning else ""),
        caption=" ".join(text for text in said if text),
        rows=_rows(drawing.metrics, systems, found),
        draw=lambda page: _draw(page, drawing),
    )


def _rows(
    metrics: Sequence[str], systems: Sequence[Side], found: dict[str, SideLength]
) -> list[Row]:
    return [
        {
            "side": side.label,
            "setting": found[side.label].setting,
            "cell": _cell(side),
            "mean_length": found[side.label].mean_length,
            "mean_reasoning_length": found[side.label].mean_reasoning_length,
            "mean_reasoning_tokens": _tokens(side),
            "length_adjusted": name != OVERALL,
            "mean": metric.raw_mean,
            "low": None if metric.raw_ci95 is None else metric.raw_ci95[0],
            "high": None if metric.raw_ci95 is None else metric.raw_ci95[1],
            "n": metric.n,
        }
        for name in metrics
        for side in systems
        if (metric := metric_of(side.result, name)) is not None
    ]


def _fitted(systems: Sequence[Side]) -> list[tuple[Side, SideLength]]:
    if not systems:
        return []
    return list(zip(systems, lengths(systems).sides, strict=True))


def _drawing(
    sides: Sequence[Side], systems: Sequence[Side], found: dict[str, SideLength]
) -> _Drawing:
    metrics = [OVERALL]
    if any(metric_of(side.result, OVERALL + LENGTH_SUFFIX) for side in systems):
        metrics.append(OVERALL + LENGTH_SUFFIX)
    measures = _measures(systems, found)
    groups = _groups(systems)
    swept = len(groups) < len(systems)
    styles = plain_looks(len(groups)) if swept else looks(systems)
    look = {index: number for number, group in enumerate(groups) for index in group}
    points = {
        (number, metric): [
            Point(
                value,
                mean.raw_mean,
                mean.raw_ci95,
                look[index] if swept else index,
                clean(_cell(side), 16) if swept and _cell(side) else "",
            )
            for index, (side, value) in enumerate(zip(systems, measure.values, strict=True))
            if value is not None
            and (mean := metric_of(side.result, metric)) is not None
            and mean.raw_mean is not None
        ]
        for number, measure in enumerate(measures)
        for metric in metrics
    }
    labels = names(systems)
    key: list[tuple[str, Look | None]] = [
        (clean(setting_of(systems[group[0]])) if len(group) > 1 else labels[group[0]], style)
        for group, style in zip(groups, styles, strict=True)
    ]
    doctors = [side for side in sides if physicians(side)]
    return _Drawing(
        points=points,
        lines=groups,
        bands={metric: band_of(sides, metric) for metric in metrics},
        measures=measures,
        metrics=metrics,
        looks=styles,
        key=key + key_of(doctors, styles[: len(doctors)]),
    )


def _groups(systems: Sequence[Side]) -> list[list[int]]:
    """Cells of a sweep by setting; each other side alone."""
    groups: dict[str, list[int]] = {}
    for index, side in enumerate(systems):
        swept = side.result.info.settings.sweep is not None
        name = f"sweep {setting_of(side)}" if swept else f"side {index}"
        groups.setdefault(name, []).append(index)
    return list(groups.values())


def _cell(side: Side) -> str:
    """What varies within the setting: ``instruction=brief`` is ``brief``."""
    sweep = side.result.info.settings.sweep
    if sweep is None:
        return ""
    return ", ".join(value for key, value in sweep.cell.items() if key not in sweep.setting)


def _measures(systems: Sequence[Side], found: dict[str, SideLength]) -> list[_Measure]:
    items = [found[side.label] for side in systems]
    measures = [_Measure(_ANSWER, [item.mean_length for item in items])]
    texts = [item.mean_reasoning_length for item in items]
    tokens = [_tokens(side) for side in systems]
    shown = sum(text is not None for text in texts)
    if shown and shown >= sum(token is not None for token in tokens):
        measures.append(_Measure(_REASONING, texts))
    elif any(token is not None for token in tokens):
        measures.append(_Measure(_TOKENS, tokens))
    return measures


def _tokens(side: Side) -> float | None:
    """Mean tokens of reasoning of an answer; None where none was counted."""
    replies = replies_of(side.result.graded)
    tokens = replies.tokens[:, Usage.__struct_fields__.index("reasoning_tokens")].tolist()
    used = [n for n, failure in zip(tokens, replies.failure, strict=True) if failure is None]
    return math.fsum(used) / len(used) if any(used) else None


def _draw(page: Page, drawing: _Drawing) -> None:
    page.bottom = page.key(page.bottom, drawing.key, lines=any(len(g) > 1 for g in drawing.lines))
    columns = len(drawing.metrics)
    left, gap = 0.5, 0.22
    width = (WIDTH - left - 0.2 - gap * (columns - 1)) / columns if columns > 1 else 4.6
    everything = [point for points in drawing.points.values() for point in points]
    up = upright(everything, list(drawing.bands.values()))
    top = page.bottom + (0.18 if columns > 1 else 0.04)
    for number, measure in enumerate(drawing.measures):
        values = [value for value in measure.values if value is not None]
        across = _ends(values)
        for column, metric in enumerate(drawing.metrics):
            x = left + column * (width + gap)
            if columns > 1 and not number:
                title = "Score" if metric == OVERALL else "Length-adjusted score"
                page.text(x, top - 0.18, title, TEXT, weight="bold")
            panel = page.panel(x, top, width, 2.3)
            set_scales(panel, across, up, names=(measure.axis, "" if column else "Score (0–100)"))
            _panel(page, panel, drawing, (number, metric))
        top += 2.3 + 0.45
    page.use(top - 0.08)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.12 * (high - low) or 0.2 * (high or 1.0)
    return max(0.0, low - room), high + room


def _panel(page: Page, panel: Panel, drawing: _Drawing, which: tuple[int, str]) -> None:
    points = drawing.points[which]
    draw_band(panel, drawing.bands[which[1]])
    lines = []
    for number, group in enumerate(drawing.lines):
        if len(group) < 2:
            continue
        line = sorted((point.x, 100 * point.y) for point in points if point.look == number)
        lines.append(line)
        panel.axes.plot(
            [x for x, _ in line],
            [y for _, y in line],
            color=drawing.looks[number].colour,
            linestyle=drawing.looks[number].line,
            linewidth=1.1,
            zorder=2,
        )
    draw_points(panel, points, drawing.looks)
    draw_labels(page, panel, points, lines)
