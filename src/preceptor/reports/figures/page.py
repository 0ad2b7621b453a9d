"""A page that figures are laid out on, in inches from its top left corner.

Everything is placed by measured widths of text, so that no label can run into another however long
the names are; no layout engine guesses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from preceptor.reports.figures.style import BAND, INK, QUIET, SMALL_TEXT, TEXT, TITLE, Look

__all__ = ["WIDTH", "Page", "Panel", "line_height", "text_width", "wrap"]

#: Of the column of a page, in inches.
WIDTH = 7.0
_MARGIN = 0.08
_MEASURED_AT = 288
#: Share of a width by which the sum of words may miss that of their line.
_UNSURE = 0.05


@lru_cache(maxsize=1)
def _renderer() -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # It only measures: with the usual size it has ten million bytes of pixels.
    canvas: Any = FigureCanvasAgg(Figure(figsize=(1, 1), dpi=_MEASURED_AT))
    return canvas.get_renderer()


@lru_cache(maxsize=8192)
def text_width(text: str, size: float = TEXT, weight: str = "normal") -> float:
    """Inches."""
    from matplotlib.font_manager import FontProperties

    font = FontProperties(size=size, weight=weight)
    width, _, _ = _renderer().get_text_width_height_descent(text, font, ismath=False)
    return float(width) / _MEASURED_AT


def line_height(size: float = TEXT) -> float:
    """Inches from one line of text to the next."""
    return 1.3 * size / 72


def wrap(text: str, width: float, size: float = TEXT, weight: str = "normal") -> list[str]:
    """Lines no wider than ``width`` inches; a word that is wider itself is broken."""
    lines, reached = [""], 0.0
    space = text_width("n n", size, weight) - 2 * text_width("n", size, weight)
    for word in re.findall(r"\S+", text):
        joined = f"{lines[-1]} {word}".strip()
        # Words come again and again, lines do not: only near the edge is a line itself measured.
        reached += text_width(word, size, weight) + (space if lines[-1] else 0)
        near = abs(reached - width) <= _UNSURE * width
        if (text_width(joined, size, weight) if near else reached) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for part in re.findall(r"[^-/_:]+[-/_:]*|[-/_:]+", word):
            for sign in [part] if text_width(part, size, weight) <= width else part:
                if lines[-1] and text_width(lines[-1] + sign, size, weight) > width:
                    lines.append("")
                lines[-1] += sign
        reached = text_width(lines[-1], size, weight)
    return lines


class Panel:
    """One pair of axes on a page, ``width`` × ``height`` inches at (``left``, ``top``)."""

    def __init__(self, axes: Any, left: float, top: float, width: float, height: float) -> None:
        self.axes = axes
        self.left, self.top, self.width, self.height = left, top, width, height

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where on the page a point of the data lies; the axes' limits must have been set."""
        across = self._share(x, self.axes.get_xlim(), self.axes.get_xscale())
        up = self._share(y, self.axes.get_ylim(), self.axes.get_yscale())
        return self.left + across * self.width, self.top + (1 - up) * self.height

    @staticmethod
    def _share(value: float, limits: tuple[float, float], scale: str) -> float:
        low, high = limits
        if scale == "log":
            value, low, high = math.log(value), math.log(low), math.log(high)
        return (value - low) / (high - low)


class Page:
    """What a figure draws on. ``bottom`` is how far down it is used; the page ends there."""

    def __init__(self, figure: Any) -> None:
        self._figure = figure
        self._panels: list[Panel] = []
        self.bottom = 0.0
        self.canvas = figure.add_axes((0, 0, 1, 1), zorder=2)
        self.canvas.set_axis_off()
        # Limits before anything is drawn, or each mark would stretch them.
        self.canvas.set_autoscale_on(False)

    def panel(self, left: float, top: float, width: float, height: float) -> Panel:
        axes = self._figure.add_axes((0, 0, 1, 1), label=str(len(self._panels)), zorder=1)
        panel = Panel(axes, left, top, width, height)
        self._panels.append(panel)
        self.use(top + height)
        return panel

    def use(self, bottom: float) -> None:
        self.bottom = max(self.bottom, bottom)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = TEXT,
        *,
        weight: str = "normal",
        colour: str = INK,
        align: str = "left",
        middle: bool = False,
    ) -> None:
        """One line; ``y`` is the top of its line, or with ``middle`` its centre."""
        centre = y if middle else y + line_height(size) / 2
        self.canvas.text(
            x,
            centre,
            text,
            fontsize=size,
            fontweight=weight,
            color=colour,
            ha=align,
            va="center_baseline",
        )
        if not middle:
            self.use(y + line_height(size))

    def paragraph(
        self,
        text: str,
        top: float,
        size: float = TEXT,
        *,
        weight: str = "normal",
        colour: str = INK,
    ) -> float:
        """Wrapped over the page; returns where it ends."""
        for line in wrap(text, WIDTH - 2 * _MARGIN, size, weight):
            self.text(_MARGIN, top, line, size, weight=weight, colour=colour)
            top += line_height(size)
        return top

    def key(
        self, top: float, entries: Sequence[tuple[str, Look | None]], *, lines: bool = False
    ) -> float:
        """Marks and their names, in as many rows as they need; returns where it ends.

        None in place of a look is the band of the physicians. With ``lines`` the marks lie on a
        piece of their line.
        """
        wide = 0.32 if lines else 0.11
        widths = [wide + 0.24 + text_width(name, TEXT) for name, _ in entries]
        free = WIDTH - 2 * _MARGIN
        if sum(widths) > free:
            # In columns, where one row does not hold them.
            columns = max(1, int(free / max(widths)))
            widths = [free / columns] * len(entries)
        else:
            columns = len(entries)
        for index, (name, look) in enumerate(entries):
            row, column = divmod(index, columns)
            x = _MARGIN + 0.02 + sum(widths[:column])
            y = top + 0.075 + 0.15 * row
            if look is None:
                self.band(x, y - 0.055, wide, 0.11)
            else:
                if lines:
                    self.canvas.plot(
                        [x, x + wide], [y, y], color=look.colour, linewidth=1.1, linestyle=look.line
                    )
                self.canvas.plot([x + wide / 2], [y], **look.markers())
            self.text(x + wide + 0.04, y, name, TEXT, middle=True)
        bottom = top + 0.15 * math.ceil(len(entries) / columns)
        self.use(bottom + 0.02)
        return bottom + 0.05

    def band(self, x: float, y: float, width: float, height: float) -> None:
        from matplotlib.patches import Rectangle

        self.canvas.add_patch(Rectangle((x, y), width, height, facecolor=BAND, edgecolor="none"))
        self.canvas.plot([x + width / 2] * 2, [y, y + height], color=QUIET, linewidth=1.2)

    def title(self, text: str) -> None:
        self.bottom = self.paragraph(text, _MARGIN, TITLE, weight="bold") + 0.06

    def caption(self, text: str) -> None:
        self.bottom = self.paragraph(text, self.bottom + 0.09, SMALL_TEXT, colour=QUIET) + _MARGIN

    def finish(self) -> None:
        """Give the page its height and everything its place."""
        height = self.bottom
        self._figure.set_size_inches(WIDTH, height)
        self.canvas.set_xlim(0, WIDTH)
        self.canvas.set_ylim(height, 0)
        for panel in self._panels:
            panel.axes.set_position(
                (
                    panel.left / WIDTH,
                    1 - (panel.top + panel.height) / height,
                    panel.width / WIDTH,
                    panel.height / height,
                )
            )
