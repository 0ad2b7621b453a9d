"""How hard the examples are: histograms of their mean scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from preceptor.reports.charts import Axis, bin_counts
from preceptor.reports.figures.base import Figure, Row
from preceptor.reports.figures.page import WIDTH, Page, line_height, wrap
from preceptor.reports.figures.style import INK, QUIET, SMALL_TEXT, looks
from preceptor.reports.figures.words import evidence, names
from preceptor.reports.format import points
from preceptor.results.pool import Side
from preceptor.results.values import values_of
from preceptor.wording import count, plural

__all__ = ["difficulty"]

_COLUMNS = 4
_EVERYONE = "Mean over all sides"


class _Part(msgspec.Struct, frozen=True):
    """One panel: the examples' mean scores, 0–1 scale."""

    name: str
    values: list[float]
    colour: str


def difficulty(sides: Sequence[Side]) -> Figure | None:
    """Histogram of the examples' mean scores: one for each side, and one over all sides.

    The last is of the examples that every side has a score for. None where no example is scored.
    """
    means = [
        {name: sum(row) / len(row) for name, row in values_of(side.result).items()}
        for side in sides
    ]
    parts = [
        _Part(name, list(mean.values()), look.colour)
        for name, mean, look in zip(names(sides), means, looks(sides), strict=True)
        if mean
    ]
    if not parts:
        return None
    common = set.intersection(*(set(mean) for mean in means))
    if len(sides) > 1 and common:
        over = [sum(mean[name] for mean in means) / len(means) for name in sorted(common)]
        parts.append(_Part(_EVERYONE, over, QUIET))
    lowest = min(min(part.values) for part in parts)
    axis = Axis(next((low for low in (0.0, -0.5) if low <= lowest), -1.0))
    beyond = sum(value < axis.low for part in parts for value in part.values)
    said = [
        "Examples by their mean score over repeats, ten points to a bar. Line: mean over examples.",
        f"The first bar of a panel holds what lies lower: {plural(beyond, 'example')} in all."
        if beyond
        else "",
        f"The last panel has the {plural(len(common), 'example')} that every side has a score for."
        if parts[-1].name == _EVERYONE
        else "",
        evidence(sides),
    ]
    return Figure(
        name="difficulty",
        title="How hard the examples are",
        caption=" ".join(text for text in said if text),
        rows=[row for part in parts for row in _rows(part, axis)],
        draw=lambda page: _draw(page, parts, axis),
    )


def _rows(part: _Part, axis: Axis) -> list[Row]:
    return [
        {
            "side": part.name,
            "from": round(axis.low + 0.1 * index, 1),
            "to": round(axis.low + 0.1 * (index + 1), 1),
            "examples": number,
        }
        for index, number in enumerate(bin_counts(part.values, axis))
    ]


def _draw(page: Page, parts: Sequence[_Part], axis: Axis) -> None:
    columns = math.ceil(len(parts) / math.ceil(len(parts) / _COLUMNS))
    gap, left = 0.18, 0.5
    width = min(3.4, (WIDTH - left - 0.15 - gap * (columns - 1)) / columns)
    height = 1.0 if columns > 2 else 1.5
    titles = [wrap(part.name, width, SMALL_TEXT, "bold") for part in parts]
    shares = [
        [100 * number / len(part.values) for number in bin_counts(part.values, axis)]
        for part in parts
    ]
    top, tallest = page.bottom, max(map(max, shares))
    for start in range(0, len(parts), columns):
        row = range(start, min(len(parts), start + columns))
        lines = max(len(titles[index]) for index in row) + 1
        below = top + lines * line_height(SMALL_TEXT) + 0.04
        for index in row:
            x = left + (index - start) * (width + gap)
            part = parts[index]
            heads = [*titles[index], f"n = {count(len(part.values))}"]
            for number, line in enumerate(heads):
                y = below - 0.04 - (len(heads) - number) * line_height(SMALL_TEXT)
                weight = "bold" if number < len(heads) - 1 else "normal"
                page.text(x, y, line, SMALL_TEXT, weight=weight)
            panel = page.panel(x, below, width, height)
            last = index + columns >= len(parts)
            _histogram(
                panel.axes,
                shares[index],
                part,
                axis,
                tallest=tallest,
                left=index == start,
                last=last,
            )
        top = below + height + 0.27
    page.use(top + 0.1)


def _histogram(
    axes: Any,
    shares: Sequence[float],
    part: _Part,
    axis: Axis,
    *,
    tallest: float,
    left: bool,
    last: bool,
) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    edges = [100 * axis.low + 10 * index for index in range(len(shares))]
    axes.bar(
        edges, shares, width=10, align="edge", color=part.colour, edgecolor="white", linewidth=0.5
    )
    mean = 100 * math.fsum(part.values) / len(part.values)
    axes.axvline(mean, color=INK, linewidth=0.9, linestyle=(0, (3, 1.5)))
    axes.set_xlim(100 * axis.low, 100 * axis.high)
    axes.set_ylim(0, 1.08 * tallest)
    # Where panels begin and end at long numbers, these would run into their neighbours'.
    inner = {-1.0: (-50, 0, 50), -0.5: (0, 50), 0.0: (0, 50, 100)}
    axes.set_xticks(inner[axis.low])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: points(x / 100).removesuffix(".0")))
    axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    axes.grid(True, axis="y")
    axes.tick_params(axis="y", labelleft=left)
    axes.set_ylabel("Examples (%)" if left else "")
    axes.set_xlabel("Mean score" if last else "")
