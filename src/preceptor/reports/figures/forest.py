"""Points with intervals in rows: groups of rows down the page, one or more scales across it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from preceptor.reports.figures.page import WIDTH, Page, Panel, line_height, text_width, wrap
from preceptor.reports.figures.style import (
    BAND,
    FAINT,
    FINE,
    GRID,
    INK,
    QUIET,
    SMALL_TEXT,
    TEXT,
    Look,
)

__all__ = ["Band", "Column", "Group", "Mark", "draw_forest", "round_scale"]

_LEFT = 0.08
_WIDEST_LABEL = 1.9
_GAP = 0.075
_HEADING = 0.2


class Mark(msgspec.Struct, frozen=True):
    """A point on the 0–1 scale and its interval; ``text`` stands at the right of its row.

    ``row`` is its row in the group, ``look`` the number of its look. A ``small`` one is grey, and
    its interval does not stretch the scale.
    """

    row: int
    look: int
    value: float
    interval: tuple[float, float] | None
    text: str = ""
    small: bool = False


class Band(msgspec.Struct, frozen=True):
    """The physicians' mean in this group, with its interval."""

    value: float
    interval: tuple[float, float] | None


class Group(msgspec.Struct, frozen=True):
    """One slice. ``marks`` and ``bands`` have an entry for each column."""

    label: str
    n: str
    marks: tuple[tuple[Mark, ...], ...]
    bands: tuple[Band | None, ...]
    strong: bool = False
    heading: str = ""


class Column(msgspec.Struct, frozen=True):
    """One scale: its title above, what it measures below; ``zero`` draws a line at 0."""

    title: str
    axis: str
    zero: bool = False


class _Placed(msgspec.Struct, frozen=True):
    group: Group
    label: list[str]
    top: float
    height: float


def draw_forest(
    page: Page,
    groups: Sequence[Group],
    columns: Sequence[Column],
    looks: Sequence[Look],
    rows: int,
) -> None:
    """Draw below what the page has already; each group has ``rows`` rows."""
    pitch = 0.15 if rows <= 3 else 0.13 if rows <= 6 else 0.105
    size = SMALL_TEXT if rows <= 6 else FINE
    label_width = min(_WIDEST_LABEL, max(_wanted(group) for group in groups))
    n_width = max(text_width(text, SMALL_TEXT) for text in ["n", *(g.n for g in groups)])
    left = _LEFT + label_width + 0.12 + n_width
    placed = _place(groups, label_width, rows * pitch)
    head = page.bottom + 0.06
    top = head + (0.2 if any(column.title for column in columns) else line_height(SMALL_TEXT) + 0.03)
    page.text(left, top - 0.13, "n", SMALL_TEXT, colour=QUIET, align="right")
    height = placed[-1].top + placed[-1].height
    _labels(page, placed, top, left)
    widths = [_text_column(groups, index, size) for index in range(len(columns))]
    free = WIDTH - left - 0.16 - sum(widths) - 0.2 * len(columns)
    x = left + 0.16
    for index, column in enumerate(columns):
        panel = page.panel(x, top, free / len(columns), height)
        page.text(x, head, column.title, TEXT, weight="bold")
        _scale(panel, groups, index, column)
        for place in placed:
            _group(page, panel, place, index, looks, pitch, size)
        x += free / len(columns) + widths[index] + 0.2
    page.use(top + height + 0.36)


def _wanted(group: Group) -> float:
    weight = "bold" if group.strong else "normal"
    return max(text_width(group.label, TEXT, weight), text_width(group.heading, TEXT, "bold"))


def _place(groups: Sequence[Group], width: float, rows: float) -> list[_Placed]:
    placed, top = [], 0.0
    for group in groups:
        top += _HEADING if group.heading else 0.0
        lines = wrap(group.label, width, TEXT, "bold" if group.strong else "normal")
        height = max(rows, len(lines) * line_height(TEXT)) + _GAP
        placed.append(_Placed(group, lines, top, height))
        top += height
    return placed


def _labels(page: Page, placed: Sequence[_Placed], top: float, right: float) -> None:
    from matplotlib.lines import Line2D

    for place in placed:
        if place.group.heading:
            page.text(
                _LEFT, top + place.top - _HEADING + 0.05, place.group.heading, TEXT, weight="bold"
            )
        weight = "bold" if place.group.strong else "normal"
        middle = top + place.top + place.height / 2
        first = middle - (len(place.label) - 1) * line_height(TEXT) / 2
        for index, line in enumerate(place.label):
            y = first + index * line_height(TEXT)
            page.text(_LEFT, y, line, TEXT, weight=weight, middle=True)
        page.text(
            right, middle, place.group.n, SMALL_TEXT, colour=QUIET, align="right", middle=True
        )
        y = top + place.top
        if place is not placed[0]:
            page.canvas.add_line(
                Line2D([_LEFT, WIDTH - _LEFT], [y, y], color=GRID, linewidth=0.5, zorder=0)
            )


def _text_column(groups: Sequence[Group], index: int, size: float) -> float:
    texts = [mark.text for group in groups for mark in group.marks[index] if mark.text]
    return max((text_width(text, size) + 0.1 for text in texts), default=0.0)


def round_scale(values: Sequence[float]) -> tuple[float, float]:
    """Limits a little outside of these values."""
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.02
    return low - room, high + room


def _scale(panel: Panel, groups: Sequence[Group], index: int, column: Column) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    values = [0.0] if column.zero else []
    for group in groups:
        for mark in group.marks[index]:
            values += [mark.value, *(() if mark.small else mark.interval or ())]
        band = group.bands[index]
        values += [] if band is None else [band.value, *(band.interval or ())]
    low, high = round_scale(values or [0.0, 1.0])
    axes = panel.axes
    axes.set_xlim(100 * low, 100 * high)
    axes.set_ylim(panel.height, 0)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    most = max(2, int(panel.width / 0.42))
    axes.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}".replace("-", "−")))
    axes.grid(True, axis="x")
    axes.set_xlabel(column.axis)
    if low < 0 < high:
        axes.axvline(0, color=INK if column.zero else FAINT, linewidth=0.7, zorder=1)


def _group(
    page: Page,
    panel: Panel,
    place: _Placed,
    index: int,
    looks: Sequence[Look],
    pitch: float,
    size: float,
) -> None:
    band = place.group.bands[index]
    if band is not None:
        _band(panel, place, band)
    rows = 1 + max((mark.row for mark in place.group.marks[index]), default=0)
    first = place.top + (place.height - rows * pitch) / 2 + pitch / 2
    for mark in place.group.marks[index]:
        y = first + mark.row * pitch
        _mark(panel.axes, mark, y, looks[mark.look])
        if mark.text:
            page.text(
                panel.left + panel.width + 0.08,
                panel.top + y,
                mark.text,
                size,
                colour=FAINT if mark.small else INK,
                middle=True,
            )


def _mark(axes: Any, mark: Mark, y: float, look: Look) -> None:
    colour = FAINT if mark.small else look.colour
    left, right = axes.get_xlim()
    if mark.interval is not None:
        low, high = (100 * bound for bound in mark.interval)
        axes.plot([max(low, left), min(high, right)], [y, y], color=colour, linewidth=1.1, zorder=3)
        # An interval that the edge cuts ends in an arrow.
        for edge, sign, cut in ((left, "<", low < left), (right, ">", high > right)):
            if cut:
                axes.plot([edge], [y], marker=sign, color=colour, markersize=3, clip_on=False)
    axes.plot([100 * mark.value], [y], zorder=4, **look.markers(4.4, colour))


def _band(panel: Panel, place: _Placed, band: Band) -> None:
    from matplotlib.patches import Rectangle

    top, height = place.top + 0.02, place.height - 0.04
    if band.interval is not None:
        low, high = (100 * bound for bound in band.interval)
        panel.axes.add_patch(
            Rectangle((low, top), high - low, height, facecolor=BAND, edgecolor="none", zorder=1.5)
        )
    panel.axes.plot(
        [100 * band.value] * 2, [top, top + height], color=QUIET, linewidth=1.2, zorder=2
    )
