"""How good the worst and the best of k answers are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from preceptor.analysis.reliability import Reliability
from preceptor.reports.figures.base import Figure
from preceptor.reports.figures.legend import key_of
from preceptor.reports.figures.page import WIDTH, Page
from preceptor.reports.figures.plane import Point, set_scales, upright
from preceptor.reports.figures.style import TEXT, Look, looks
from preceptor.reports.figures.words import spread
from preceptor.results.pool import Side

__all__ = ["worst_at_k"]

_Interval = tuple[float, float] | None


def worst_at_k(sides: Sequence[Side], curves: Sequence[Reliability]) -> Figure | None:
    """Worst-at-k and best-at-k, one curve a side; None without a curve of two points or more.

    Parameters
    ----------
    sides
        Give the curves their looks, by label.
    """
    labels = {side.label for side in sides}
    shown = [curve for curve in curves if len(curve.k) > 1 and curve.label in labels]
    if not shown:
        return None
    number = spread(curve.n for curve in shown)
    each = " per side" if len(shown) > 1 else ""
    left_out = spread(curve.left_out for curve in shown)
    said = [
        "Expected score of the worst and of the best of k answers to one question, mean over "
        "examples before clipping to 0–100, with 95 % bootstrap intervals.",
        f"n = {number} examples{each} that have all the answers of their curve",
        f"({left_out} others have fewer and are left out)." if left_out != "0" else "(all).",
    ]
    return Figure(
        name="reliability",
        title="The worst and the best of k answers",
        caption=" ".join(said),
        rows=[
            {
                "side": curve.label,
                "k": k,
                "order": order,
                "mean": value,
                "low": None if interval is None else interval[0],
                "high": None if interval is None else interval[1],
                "n": curve.n,
            }
            for curve in shown
            for order, values, intervals in (
                ("worst", curve.worst, curve.worst_ci95),
                ("best", curve.best, curve.best_ci95),
            )
            for k, value, interval in zip(curve.k, values, intervals, strict=True)
        ],
        draw=lambda page: _draw(page, sides, shown),
    )


def _draw(page: Page, sides: Sequence[Side], curves: Sequence[Reliability]) -> None:
    style = dict(zip((side.label for side in sides), looks(sides), strict=True))
    drawn = {curve.label for curve in curves}
    chosen = [side for side in sides if side.label in drawn]
    entries = key_of(chosen, [style[side.label] for side in chosen])
    # The physicians' own answers are a curve like the others here: there is nothing else to draw.
    key = [(text, style[side.label]) for (text, _), side in zip(entries, chosen, strict=True)]
    page.bottom = page.key(page.bottom, key, lines=True)
    left, gap = 0.5, 0.22
    width = (WIDTH - left - 0.1 - gap) / 2
    last = max(curve.k[-1] for curve in curves)
    up = upright([point for curve in curves for point in _points(curve)])
    top = page.bottom + 0.18
    for column, title in enumerate(("Worst of k", "Best of k")):
        x = left + column * (width + gap)
        page.text(x, top - 0.18, title, TEXT, weight="bold")
        panel = page.panel(x, top, width, 2.5)
        set_scales(
            panel,
            (0.6, last + 0.4),
            up,
            names=("Answers, k", "" if column else "Score (0–100)"),
        )
        _whole_ticks(panel.axes, last)
        for number, curve in enumerate(curves):
            # Side by side, so that the intervals can be told apart.
            shift = 0.3 * ((number + 0.5) / len(curves) - 0.5) if len(curves) > 1 else 0.0
            values = curve.best if column else curve.worst
            intervals = curve.best_ci95 if column else curve.worst_ci95
            _curve(panel.axes, curve.k, values, intervals, look=style[curve.label], shift=shift)
    page.use(top + 2.5 + 0.38)


def _points(curve: Reliability) -> list[Point]:
    values = [*curve.worst, *curve.best]
    intervals = [*curve.worst_ci95, *curve.best_ci95]
    return [Point(0, y, ci, 0) for y, ci in zip(values, intervals, strict=True)]


def _whole_ticks(axes: Any, last: int) -> None:
    step = max(1, round(last / 8))
    axes.set_xticks(sorted({1, *range(step, last + 1, step)} - ({2} if step > 2 else set())))


def _curve(
    axes: Any,
    ks: Sequence[int],
    values: Sequence[float],
    intervals: Sequence[_Interval],
    *,
    look: Look,
    shift: float,
) -> None:
    across = [k + shift for k in ks]
    for x, interval in zip(across, intervals, strict=True):
        if interval is not None:
            low, high = interval
            axes.plot([x, x], [100 * low, 100 * high], color=look.colour, linewidth=0.8, zorder=3)
    heights = [100 * value for value in values]
    axes.plot(across, heights, color=look.colour, linewidth=1.1, linestyle=look.line, zorder=2)
    axes.plot(across, heights, zorder=4, **look.markers(4.2))
