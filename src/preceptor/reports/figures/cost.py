"""Score against what an answer costs, and how long it takes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.analysis.pareto import Measure, mean_taken, on_front
from preceptor.reports.figures.base import Figure
from preceptor.reports.figures.legend import band_of
from preceptor.reports.figures.page import WIDTH, Page
from preceptor.reports.figures.plane import (
    Point,
    draw_band,
    draw_labels,
    draw_points,
    set_scales,
    upright,
)
from preceptor.reports.figures.style import FAINT, Look, looks
from preceptor.reports.figures.words import (
    evidence,
    metric_of,
    names,
    physicians,
    without,
)
from preceptor.results.pool import Side

__all__ = ["cost", "time"]

#: Costs that differ by more than this factor need a logarithmic scale.
_WIDE = 10
#: More points than this are named in the key.
_MOST_LABELS = 10


class _Words(msgspec.Struct, frozen=True):
    """What a figure says of its measure."""

    measure: Measure
    title: str
    mean: str
    front: str
    lacking: str
    axis: str


_COST = _Words(
    measure="usd",
    title="Score against cost",
    mean="Mean price of an answer without its grading",
    front="the best score for the money",
    lacking="without a price for every answer",
    axis="US dollars for an answer",
)
_TIME = _Words(
    measure="seconds",
    title="Score against time",
    mean="Mean time of an answer without its grading",
    front="the best score for the time",
    lacking="without a time for every answer",
    axis="Seconds for an answer",
)


class _Priced(msgspec.Struct, frozen=True):
    index: int
    side: Side
    cost: float
    score: float
    interval: tuple[float, float] | None


def cost(sides: Sequence[Side]) -> Figure | None:
    """Score against the mean price of an answer, with the Pareto front.

    Needs two sides whose answers all have a price; None otherwise. The price is that of the
    answers alone, not of their grading.
    """
    return _figure("cost", sides, _COST)


def time(sides: Sequence[Side]) -> Figure | None:
    """Score against the mean time of an answer: as :func:`cost`, in seconds."""
    return _figure("time", sides, _TIME)


def _figure(name: str, sides: Sequence[Side], words: _Words) -> Figure | None:
    systems = [side for side in sides if not physicians(side)]
    priced = [
        item
        for index, side in enumerate(sides)
        if (item := _priced(index, side, words.measure)) is not None
    ]
    if len(priced) < 2:
        return None
    shown = [item.side.label for item in priced]
    left_out = [side for side in systems if side.label not in shown]
    front = _front(priced)
    said = [
        f"{words.mean}, and mean score over examples before clipping to 0–100 with 95 % intervals. "
        f"Dashed: {words.front} (Pareto front).",
        evidence([item.side for item in priced]),
        without(left_out, words.lacking),
    ]
    return Figure(
        name=name,
        title=words.title,
        caption=" ".join(text for text in said if text),
        rows=[
            {
                "side": item.side.label,
                f"{words.measure}_per_answer": item.cost,
                "mean": item.score,
                "low": None if item.interval is None else item.interval[0],
                "high": None if item.interval is None else item.interval[1],
                "n": metric.n if (metric := metric_of(item.side.result)) else 0,
                "on_front": item in front,
            }
            for item in priced
        ],
        draw=lambda page: _draw(page, sides, priced, front, words.axis),
    )


def _priced(index: int, side: Side, measure: Measure) -> _Priced | None:
    metric = metric_of(side.result)
    if physicians(side) or metric is None or metric.raw_mean is None:
        return None
    taken = mean_taken(side.result, measure)
    if taken is None:
        return None
    return _Priced(index, side, taken, metric.raw_mean, metric.raw_ci95)


def _front(priced: Sequence[_Priced]) -> list[_Priced]:
    """Those of the Pareto front, the cheapest first."""
    there = on_front([(item.cost, item.score) for item in priced])
    found = [item for item, best in zip(priced, there, strict=True) if best]
    return sorted(found, key=lambda item: item.cost)


def _draw(
    page: Page,
    sides: Sequence[Side],
    priced: Sequence[_Priced],
    front: Sequence[_Priced],
    axis: str,
) -> None:
    labels, band, styles = names(sides), band_of(sides), looks(sides)
    points = [
        Point(item.cost, item.score, item.interval, item.index, labels[item.index])
        for item in priced
    ]
    costs = [item.cost for item in priced]
    log = min(costs) > 0 and max(costs) > _WIDE * min(costs)
    panel = page.panel(0.5, page.bottom + 0.05, WIDTH - 0.7, 3.1)
    low, high = min(costs), max(costs)
    room = 0.12 * (high - low) or 0.1 * (high or 1.0)
    across = (low / 1.4, high * 1.4) if log else (max(0.0, low - room), high + room)
    up = upright(points, [band])
    set_scales(panel, across, up, names=(axis, "Score (0–100)"), log=log)
    steps = [(item.cost, 100 * item.score) for item in front]
    corners = [steps[0]]
    for x, y in steps[1:]:
        corners += [(x, corners[-1][1]), (x, y)]
    corners.append((across[1], corners[-1][1]))
    panel.axes.plot(
        [x for x, _ in corners],
        [y for _, y in corners],
        color=FAINT,
        linewidth=0.9,
        linestyle=(0, (4, 2)),
        zorder=2,
    )
    draw_band(panel, band)
    draw_points(panel, points, styles)
    page.use(panel.top + panel.height + 0.38)
    written = len(points) <= _MOST_LABELS and draw_labels(page, panel, points, [corners])
    key: list[tuple[str, Look | None]] = []
    if not written:
        key = [(labels[item.index], styles[item.index]) for item in priced]
    key += [
        (label, None)
        for label, side in zip(labels, sides, strict=True)
        if physicians(side) and band
    ]
    if key:
        page.key(page.bottom, key)
