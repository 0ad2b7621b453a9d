"""Points with intervals in rows: groups of rows down the page, one or more scales across it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import msgspec

from preceptor.reports.figures.legend import Band
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

__all__ = ["Column", "Group", "Mark", "draw_forest", "groups_on_a_page", "limits"]

_LEFT = 0.08
_WIDEST_LABEL = 1.9
_BETWEEN_GROUPS = 0.075
_BETWEEN_COLUMNS = 0.2
_HEADING = 0.22
#: Inches for the groups of one page.
_PAGE = 7.6


class Mark(msgspec.Struct, frozen=True):
    """A point on the 0–1 scale and its interval; ``texts`` stand at the right of its row.

    ``row`` is its row in the group, ``look`` the number of its look. A ``small`` one is grey, and
    its interval does not stretch the scale.
    """

    row: int
    look: int
    value: float
    interval: tuple[float, float] | None
    texts: tuple[str, ...] = ()
    small: bool = False


class Group(msgspec.Struct, frozen=True):
    """One slice. ``marks`` and ``bands`` have an entry for each column."""

    label: str
    n: str
    marks: tuple[tuple[Mark, ...], ...]
    bands: tuple[Band | None, ...]
    strong: bool = False
    heading: str = ""


class Column(msgspec.Struct, frozen=True):
    """One scale: its title above, what it measures below; ``zero`` draws a line at 0.

    ``heads`` stand above the columns of the marks' texts. Values are multiplied by ``unit``.
    """

    title: str
    axis: str
    heads: tuple[str, ...] = ()
    zero: bool = False
    unit: float = 100.0


class _Placed(msgspec.Struct, frozen=True):
    group: Group
    label: list[str]
    top: float
    height: float


class _Rows(msgspec.Struct, frozen=True):
    """How closely the rows stand, and the size of the texts beside them."""

    pitch: float
    size: float


def groups_on_a_page(rows: int) -> int:
    """Number of groups of this many rows that a page holds below a title and a key."""
    return max(4, int(_PAGE / (rows * _closeness(rows).pitch + _BETWEEN_GROUPS)))


def _closeness(rows: int) -> _Rows:
    if rows <= 3:
        return _Rows(0.15, SMALL_TEXT)
    if rows <= 6:
        return _Rows(0.13, SMALL_TEXT)
    return _Rows(0.105, FINE) if rows <= 9 else _Rows(0.092, 5.4)


def draw_forest(
    page: Page,
    groups: Sequence[Group],
    columns: Sequence[Column],
    looks: Sequence[Look],
    rows: int,
    *,
    common: bool = False,
) -> None:
    """Draw below what the page has already; each group has ``rows`` rows.

    With ``common`` the columns have one scale, so that they can be compared.
    """
    close = _closeness(rows)
    label_width = min(_WIDEST_LABEL, max(_wanted(group) for group in groups))
    n_width = max(text_width(text, SMALL_TEXT) for text in ["n", *(g.n for g in groups)])
    left = _LEFT + label_width + 0.12 + n_width
    placed = _place(groups, label_width, rows * close.pitch)
    height = placed[-1].top + placed[-1].height
    texts = [_text_columns(groups, index, close.size) for index in range(len(columns))]
    texts = [_widened(each, column.heads) for each, column in zip(texts, columns, strict=True)]
    free = WIDTH - left - 0.16 - sum(map(sum, texts)) - _BETWEEN_COLUMNS * len(columns)
    width = free / len(columns)
    titles = [
        wrap(column.title, width + sum(each), TEXT, "bold") if column.title else []
        for column, each in zip(columns, texts, strict=True)
    ]
    head = page.bottom + max(map(len, titles)) * line_height(TEXT) + 0.04
    top = head + line_height(SMALL_TEXT) + 0.04
    page.text(left, head, "n", SMALL_TEXT, colour=QUIET, align="right")
    _labels(page, placed, top, left)
    x = left + 0.16
    for index, column in enumerate(columns):
        for number, line in enumerate(reversed(titles[index])):
            y = head - 0.02 - (number + 1) * line_height(TEXT)
            page.text(x, y, line, TEXT, weight="bold")
        panel = page.panel(x, top, width, height)
        edges = [x + width + edge for edge in accumulate(texts[index])]
        for text, edge in zip(column.heads, edges, strict=True):
            page.text(edge, head, text, SMALL_TEXT, colour=QUIET, align="right")
        _scale(panel, groups, range(len(columns)) if common else [index], column)
        for place in placed:
            _band(panel, place, place.group.bands[index], column.unit)
            marks = place.group.marks[index]
            _marks(
                page, panel, place, marks, looks=looks, close=close, edges=edges, unit=column.unit
            )
        x += width + sum(texts[index]) + _BETWEEN_COLUMNS
    page.use(top + height + 0.36)


def _wanted(group: Group) -> float:
    weight = "bold" if group.strong else "normal"
    return max(text_width(group.label, TEXT, weight), 0.6)


def _place(groups: Sequence[Group], width: float, rows: float) -> list[_Placed]:
    placed, top = [], 0.0
    for group in groups:
        top += _HEADING if group.heading else 0.0
        lines = wrap(group.label, width, TEXT, "bold" if group.strong else "normal")
        height = max(rows, len(lines) * line_height(TEXT)) + _BETWEEN_GROUPS
        placed.append(_Placed(group, lines, top, height))
        top += height
    return placed


def _labels(page: Page, placed: Sequence[_Placed], top: float, right: float) -> None:
    for place in placed:
        group, weight = place.group, "bold" if place.group.strong else "normal"
        if group.heading:
            page.text(_LEFT, top + place.top - 0.16, group.heading, TEXT, weight="bold")
        middle = top + place.top + place.height / 2
        first = middle - (len(place.label) - 1) * line_height(TEXT) / 2
        for index, line in enumerate(place.label):
            y = first + index * line_height(TEXT)
            page.text(_LEFT, y, line, TEXT, weight=weight, middle=True)
        page.text(right, middle, group.n, SMALL_TEXT, colour=QUIET, align="right", middle=True)
        if place is not placed[0]:
            y = top + place.top - (_HEADING if group.heading else 0.0)
            page.canvas.plot([_LEFT, WIDTH - _LEFT], [y, y], color=GRID, linewidth=0.5, zorder=0)


def _text_columns(groups: Sequence[Group], index: int, size: float) -> list[float]:
    marks = [mark for group in groups for mark in group.marks[index]]
    number = max((len(mark.texts) for mark in marks), default=0)
    return [
        max(text_width(mark.texts[column], size) for mark in marks if len(mark.texts) > column)
        + 0.12
        for column in range(number)
    ]


def _widened(widths: Sequence[float], heads: Sequence[str]) -> list[float]:
    found = list(widths) or [0.0] * len(heads)
    return [
        max(width, text_width(text, SMALL_TEXT) + 0.12)
        for width, text in zip(found, heads, strict=True)
    ]


def limits(values: Sequence[float]) -> tuple[float, float]:
    """A scale's ends, a little outside of these values."""
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.02
    return low - room, high + room


def _scale(panel: Panel, groups: Sequence[Group], indices: Sequence[int], column: Column) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    values = [0.0] if column.zero else []
    for group in groups:
        for index in indices:
            for mark in group.marks[index]:
                values += [mark.value, *(() if mark.small else mark.interval or ())]
            band = group.bands[index]
            values += [] if band is None else [band.value, *(band.interval or ())]
    low, high = limits(values or [0.0, 1.0])
    axes = panel.axes
    axes.set_xlim(column.unit * low, column.unit * high)
    axes.set_ylim(panel.height, 0)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    most = max(2, int(panel.width / 0.36))
    axes.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}".replace("-", "−")))
    axes.grid(True, axis="x")
    axes.set_xlabel(column.axis)
    if low < 0 < high:
        axes.axvline(0, color=INK if column.zero else FAINT, linewidth=0.7, zorder=1)


def _marks(
    page: Page,
    panel: Panel,
    place: _Placed,
    marks: Sequence[Mark],
    *,
    looks: Sequence[Look],
    close: _Rows,
    edges: Sequence[float],
    unit: float,
) -> None:
    rows = 1 + max((mark.row for mark in marks), default=0)
    first = place.top + (place.height - rows * close.pitch) / 2 + close.pitch / 2
    for mark in marks:
        y = first + mark.row * close.pitch
        _mark(panel.axes, mark, y, looks[mark.look], unit)
        for text, edge in zip(mark.texts, edges, strict=False):
            colour = QUIET if mark.small else INK
            page.text(
                edge, panel.top + y, text, close.size, colour=colour, align="right", middle=True
            )


def _mark(axes: Any, mark: Mark, y: float, look: Look, unit: float) -> None:
    colour = FAINT if mark.small else look.colour
    left, right = axes.get_xlim()
    if mark.interval is not None:
        low, high = (unit * bound for bound in mark.interval)
        axes.plot([max(low, left), min(high, right)], [y, y], color=colour, linewidth=1.1, zorder=3)
        # An interval that the edge cuts ends in an arrow.
        for edge, sign, cut in ((left, "<", low < left), (right, ">", high > right)):
            if cut:
                axes.plot([edge], [y], marker=sign, color=colour, markersize=3, clip_on=False)
    axes.plot([unit * mark.value], [y], zorder=4, **look.markers(4.4, colour))


def _band(panel: Panel, place: _Placed, band: Band | None, unit: float) -> None:
    from matplotlib.patches import Rectangle

    if band is None:
        return
    top, height = place.top + 0.02, place.height - 0.04
    if band.interval is not None:
        low, high = (unit * bound for bound in band.interval)
        panel.axes.add_patch(
            Rectangle((low, top), high - low, height, facecolor=BAND, edgecolor="none", zorder=1.5)
        )
    panel.axes.plot(
        [unit * band.value] * 2, [top, top + height], color=QUIET, linewidth=1.2, zorder=2
    )
