"""Graders: agreement with physicians against what 1,000 verdicts cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from preceptor.reports.agreement_view import decimal, with_interval
from preceptor.reports.figures.base import Figure, Row
from preceptor.reports.figures.legend import Band
from preceptor.reports.figures.page import WIDTH, Page, Panel
from preceptor.reports.figures.plane import (
    Point,
    draw_band,
    draw_labels,
    draw_points,
    set_scales,
    upright,
)
from preceptor.reports.figures.style import FAINT, QUIET, SMALL_TEXT, TEXT, Look, plain_looks
from preceptor.reports.figures.words import clean, joined
from preceptor.wording import count, plural

if TYPE_CHECKING:
    from preceptor.audit.frontier import Frontier
    from preceptor.audit.frontier import Point as Grader

__all__ = ["frontier"]

_WIDE = 10
_MOST_LABELS = 10
_HEIGHT = 3.1
_UNITS = {"usd": "US dollars for 1,000 verdicts", "tokens": "Tokens for 1,000 verdicts"}
_SAID = {"usd": "US dollars for 1,000 verdicts", "tokens": "tokens for 1,000 verdicts"}


def frontier(found: Frontier) -> Figure | None:
    """Agreement against cost; graders of unknown cost stand beside it. None without agreement."""
    shown = [point for point in found.points if point.macro_f1.value is not None]
    if not shown:
        return None
    labels = [clean(point.grader) for point in shown]
    costs = [_cost(point, found) for point in shown]
    said = [
        "Macro F1 with single physicians, 95 % intervals over whole prompts"
        + (f", and {_SAID[found.unit]}." if found.unit else ". No cost is known."),
        "Dashed: the best agreement for the money."
        if sum(point.on_front for point in shown) > 1
        else "",
        _physicians(found),
        f"Dotted: verdicts by the toss of a coin, {decimal(found.coin)}."
        if found.coin is not None
        else "",
        _estimated(shown, labels, costs),
        _partial(shown, labels, found),
        f"n = {plural(found.rows, 'row')}, {plural(found.prompts, 'prompt')}.",
    ]
    return Figure(
        name="frontier",
        title="Agreement with physicians against cost" if found.unit else "Agreement of graders",
        caption=" ".join(text for text in said if text),
        rows=[_row(point) for point in found.points],
        draw=lambda page: _draw(page, found, shown, labels, costs),
    )


def _cost(point: Grader, found: Frontier) -> float | None:
    from preceptor.audit.frontier import amount

    return amount(point, found.unit)


def _physicians(found: Frontier) -> str:
    if found.physicians is None or found.physicians.value is None:
        return ""
    return f"Line and band: physicians with each other, {with_interval(found.physicians)}."


def _estimated(
    shown: Sequence[Grader], labels: Sequence[str], costs: Sequence[float | None]
) -> str:
    named = [
        label
        for point, label, cost in zip(shown, labels, costs, strict=True)
        if point.estimated and cost is not None
    ]
    if not named:
        return ""
    return f"Tokens estimated from lengths of texts, four characters a token: {joined(named)}."


def _partial(shown: Sequence[Grader], labels: Sequence[str], found: Frontier) -> str:
    named = [
        f"{label} ({count(point.rows)})"
        for point, label in zip(shown, labels, strict=True)
        if not point.every_row
    ]
    if not named:
        return ""
    return (
        f"Hollow: judged fewer rows than {count(found.rows)}, so not comparable: {joined(named)}."
    )


def _row(point: Grader) -> Row:
    low, high = point.macro_f1.ci95 or (None, None)
    cost = point.cost
    return {
        "grader": point.grader,
        "rows": point.rows,
        "pairs": point.pairs,
        "macro_f1": point.macro_f1.value,
        "low": low,
        "high": high,
        "minus_physicians": point.gap.value,
        "usd_per_1000": None if cost is None else cost.usd,
        "input_tokens_per_1000": None if cost is None else cost.input_tokens,
        "output_tokens_per_1000": None if cost is None else cost.output_tokens,
        "estimated": None if cost is None else point.estimated,
        "on_front": point.on_front,
    }


def _draw(
    page: Page,
    found: Frontier,
    shown: Sequence[Grader],
    labels: Sequence[str],
    costs: Sequence[float | None],
) -> None:
    band = None
    if found.physicians is not None and found.physicians.value is not None:
        band = Band(found.physicians.value, found.physicians.ci95)
    marks = [
        Point(cost or 0.0, point.macro_f1.value or 0.0, point.macro_f1.ci95, index, label)
        for index, (point, label, cost) in enumerate(zip(shown, labels, costs, strict=True))
    ]
    coin = [Point(0.0, found.coin, None, 0)] if found.coin is not None else []
    up = upright([*marks, *coin], [band])
    styles = [
        look if point.every_row else _hollow(look)
        for look, point in zip(plain_looks(len(shown)), shown, strict=True)
    ]
    priced = [mark for mark, cost in zip(marks, costs, strict=True) if cost is not None]
    unknown = [mark for mark, cost in zip(marks, costs, strict=True) if cost is None]
    strip = min(2.2, 0.5 + 0.28 * len(unknown)) if unknown and priced else 0.0
    top, named = page.bottom + 0.05, True
    if priced:
        width = WIDTH - 0.7 - (strip + 0.15 if strip else 0.0)
        panel = page.panel(0.5, top, width, _HEIGHT)
        named = _plane(page, panel, found, priced, up, styles=styles, band=band)
    if unknown:
        left = 0.5 if not priced else WIDTH - 0.2 - strip
        beside = page.panel(left, top, strip or WIDTH - 0.7, _HEIGHT)
        _strip(page, beside, unknown, up, styles=styles, first=not priced)
        _lines(beside, found, band)
    page.use(top + _HEIGHT + 0.38)
    unnamed = unknown if named else marks
    key: list[tuple[str, Look | None]] = [(mark.label, styles[mark.look]) for mark in unnamed]
    if band is not None:
        key.append(("Physicians with each other", None))
    if key:
        page.key(page.bottom, key)


def _hollow(look: Look) -> Look:
    return Look(look.colour, look.marker, "none", look.line)


def _lines(panel: Panel, found: Frontier, band: Band | None) -> None:
    draw_band(panel, band)
    if found.coin is not None:
        panel.axes.axhline(
            100 * found.coin, color=QUIET, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1.5
        )


def _plane(
    page: Page,
    panel: Panel,
    found: Frontier,
    priced: Sequence[Point],
    up: tuple[float, float],
    *,
    styles: Sequence[Look],
    band: Band | None,
) -> bool:
    """Draw it; whether each mark has its name beside it."""
    assert found.unit is not None
    costs = [mark.x for mark in priced]
    low, high = min(costs), max(costs)
    log = low > 0 and high > _WIDE * low
    room = 0.12 * (high - low) or 0.1 * (high or 1.0)
    across = (low / 1.4, high * 1.4) if log else (max(0.0, low - room), high + room)
    set_scales(panel, across, up, names=(_UNITS[found.unit], "Macro F1 with physicians"), log=log)
    _unit_scale(panel)
    corners = _corners(found, across[1])
    if corners:
        panel.axes.plot(
            [x for x, _ in corners],
            [y for _, y in corners],
            color=FAINT,
            linewidth=0.9,
            linestyle=(0, (4, 2)),
            zorder=2,
        )
    _lines(panel, found, band)
    draw_points(panel, priced, styles)
    return len(priced) <= _MOST_LABELS and draw_labels(page, panel, priced, [corners])


def _unit_scale(panel: Panel) -> None:
    """Agreement goes to 1, where scores go to 100."""
    from matplotlib.ticker import FuncFormatter

    panel.axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y / 100:.2f}"))


def _corners(found: Frontier, right: float) -> list[tuple[float, float]]:
    """Of the steps of the front, from the cheapest to the right edge."""
    steps = sorted(
        (cost, 100 * point.macro_f1.value)
        for point in found.points
        if point.on_front
        and point.macro_f1.value is not None
        and (cost := _cost(point, found)) is not None
    )
    if len(steps) < 2:
        return []
    corners = [steps[0]]
    for x, y in steps[1:]:
        corners += [(x, corners[-1][1]), (x, y)]
    return [*corners, (right, corners[-1][1])]


def _strip(
    page: Page,
    panel: Panel,
    unknown: Sequence[Point],
    up: tuple[float, float],
    *,
    styles: Sequence[Look],
    first: bool,
) -> None:
    """Side by side, without a scale across: their cost is not known."""
    placed = [
        Point(index + 1.0, mark.y, mark.interval, mark.look, mark.label)
        for index, mark in enumerate(unknown)
    ]
    across = (0.4, len(placed) + 0.6)
    up_name = "Macro F1 with physicians" if first else ""
    set_scales(panel, across, up, names=("Cost unknown" if not first else "", up_name))
    _unit_scale(panel)
    panel.axes.set_xticks([])
    draw_points(panel, placed, styles)
    if first:
        for mark in placed:
            x, _ = panel.at(mark.x, 100 * mark.y)
            page.text(
                x, panel.top + panel.height + 0.06, decimal(mark.y), SMALL_TEXT, align="center"
            )
        middle = panel.left + panel.width / 2
        y = panel.top + panel.height + 0.2
        page.text(middle, y, "Graders, cost unknown", TEXT, align="center")
