"""Points with intervals on a plane, and labels beside them that touch nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from preceptor.reports.figures.forest import limits
from preceptor.reports.figures.legend import Band
from preceptor.reports.figures.page import Page, Panel, line_height, text_width
from preceptor.reports.figures.style import BAND, FAINT, QUIET, SMALL_TEXT, Look

__all__ = ["Point", "draw_band", "draw_labels", "draw_points", "set_scales", "upright"]

_Box = tuple[float, float, float, float]

#: Of a mark, in inches.
_HALF_MARK = 0.05
_DISTANCES = (0.08, 0.16, 0.26)
#: To the right, left, above and below, then between these.
_DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))


class Point(msgspec.Struct, frozen=True):
    """``x`` in its own unit; ``y`` and its interval on the 0–1 scale."""

    x: float
    y: float
    interval: tuple[float, float] | None
    look: int
    label: str = ""


def upright(points: Sequence[Point], bands: Sequence[Band | None] = ()) -> tuple[float, float]:
    """The ends of a scale of scores that holds these with their intervals, 0 to 100."""
    values = [each for point in points for each in (point.y, *(point.interval or ()))]
    for band in bands:
        values += [] if band is None else [band.value, *(band.interval or ())]
    low, high = limits(values)
    return 100 * low, 100 * high


def set_scales(
    panel: Panel,
    across: tuple[float, float],
    up: tuple[float, float],
    *,
    names: tuple[str, str],
    log: bool = False,
) -> None:
    """Limits, ticks and names of both axes.

    ``names[1]`` is "" where the upright scale is that of the panel to the left.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes = panel.axes
    if log:
        axes.set_xscale("log")
    axes.set_xlim(*across)
    axes.set_ylim(*up)
    if log:
        _log_ticks(panel)
    else:
        most = max(2, int(panel.width / 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_locator(
        MaxNLocator(max(2, int(panel.height / 0.35)), steps=[1, 2, 2.5, 5, 10])
    )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}".replace("-", "−")))
    axes.xaxis.set_major_formatter(FuncFormatter(_number))
    axes.grid(True)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    if not names[1]:
        axes.tick_params(axis="y", labelleft=False)
    if up[0] < 0 < up[1]:
        axes.axhline(0, color=FAINT, linewidth=0.7, zorder=1)


def _number(value: float, _: int) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}".replace("-", "−")


def _log_ticks(panel: Panel) -> None:
    """1, 2 and 5 of each power of ten where they fit, else the powers."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = panel.axes.get_xlim()
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fits = panel.width / max(1e-9, math.log10(high / low)) >= 1.6
    steps = (1, 2, 5) if fits else (1,)
    ticks = [step * 10.0**power for power in powers for step in steps]
    ticks = [tick for tick in ticks if low <= tick <= high]
    panel.axes.xaxis.set_major_locator(FixedLocator(ticks))
    panel.axes.xaxis.set_minor_locator(NullLocator())


def draw_points(panel: Panel, points: Sequence[Point], looks: Sequence[Look]) -> None:
    """Marks with upright intervals."""
    for point in points:
        look = looks[point.look]
        if point.interval is not None:
            low, high = point.interval
            panel.axes.plot(
                [point.x] * 2, [100 * low, 100 * high], color=look.colour, linewidth=1.0, zorder=3
            )
        panel.axes.plot([point.x], [100 * point.y], zorder=4, **look.markers(5.0))


def draw_band(panel: Panel, band: Band | None) -> None:
    """The physicians: a line across with their interval."""
    if band is None:
        return
    if band.interval is not None:
        low, high = band.interval
        panel.axes.axhspan(100 * low, 100 * high, color=BAND, linewidth=0, zorder=0.5)
    panel.axes.axhline(100 * band.value, color=QUIET, linewidth=1.2, zorder=1.5)


def draw_labels(
    page: Page,
    panel: Panel,
    points: Sequence[Point],
    lines: Sequence[Sequence[tuple[float, float]]] = (),
) -> bool:
    """Write each point's label beside it, touching no mark, interval, line, label or edge.

    All or none: where one finds no place nothing is written, and the answer is False.

    Parameters
    ----------
    lines
        Corners of the lines drawn, in the data's own scales.
    """
    taken = [box for point in points for box in _boxes(panel, point)]
    taken += [box for line in lines for box in _beads(panel, line)]
    placed: list[tuple[Point, _Box, bool]] = []
    for point in sorted(points, key=lambda each: (-each.x, each.y)):
        if not point.label:
            continue
        found = _free(panel, point, taken)
        if found is None:
            return False
        placed.append((point, *found))
        taken.append(found[0])
    for point, (left, top, right, bottom), far in placed:
        x, y = panel.at(point.x, 100 * point.y)
        middle = (top + bottom) / 2
        if far:
            near = min(max(x, left), right)
            page.canvas.plot([x, near], [y, middle], color=FAINT, linewidth=0.5, zorder=0)
        page.text(left, middle, point.label, SMALL_TEXT, middle=True)
    return True


def _boxes(panel: Panel, point: Point) -> list[_Box]:
    x, y = panel.at(point.x, 100 * point.y)
    boxes = [(x - _HALF_MARK, y - _HALF_MARK, x + _HALF_MARK, y + _HALF_MARK)]
    if point.interval is not None:
        ends = [panel.at(point.x, 100 * bound)[1] for bound in point.interval]
        boxes.append((x - 0.015, min(ends), x + 0.015, max(ends)))
    return boxes


def _beads(panel: Panel, line: Sequence[tuple[float, float]]) -> list[_Box]:
    """Small boxes along a line, closer to each other than a label is high."""
    corners = [panel.at(x, y) for x, y in line]
    beads = []
    for (x, y), (to_x, to_y) in pairwise(corners):
        steps = 1 + int(math.hypot(to_x - x, to_y - y) / 0.04)
        for step in range(steps + 1):
            at_x, at_y = x + (to_x - x) * step / steps, y + (to_y - y) * step / steps
            beads.append((at_x - 0.01, at_y - 0.01, at_x + 0.01, at_y + 0.01))
    return beads


def _free(panel: Panel, point: Point, taken: Sequence[_Box]) -> tuple[_Box, bool] | None:
    """The nearest free place, and whether it is so far that a line must lead there."""
    x, y = panel.at(point.x, 100 * point.y)
    width, height = text_width(point.label, SMALL_TEXT) + 0.02, line_height(SMALL_TEXT)
    for distance in _DISTANCES:
        for right, down in _DIRECTIONS:
            centre_x = x + right * (distance + width / 2)
            centre_y = y + down * (distance + (height / 2 if not right else 0))
            box = (
                centre_x - width / 2,
                centre_y - height / 2,
                centre_x + width / 2,
                centre_y + height / 2,
            )
            inside = (
                box[0] >= panel.left
                and box[2] <= panel.left + panel.width
                and box[1] >= panel.top
                and box[3] <= panel.top + panel.height
            )
            if inside and not any(_touch(box, other) for other in taken):
                return box, distance > _DISTANCES[0]
    return None


def _touch(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
