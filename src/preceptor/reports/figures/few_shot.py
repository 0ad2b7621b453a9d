"""A headline against the number of examples of each class that a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from preceptor.records import Metric
from preceptor.reports.figures.base import Figure, Row
from preceptor.reports.figures.page import WIDTH, Page
from preceptor.reports.figures.plane import set_scales
from preceptor.reports.figures.style import Look, plain_looks
from preceptor.reports.figures.words import metric_of
from preceptor.reports.format import pretty
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL

__all__ = ["few_shot"]

_LEFT, _HEIGHT = 0.5, 2.9
#: Fewer points are no curve; more curves are not told apart.
_FEWEST, _MOST = 3, 6
_BAND = 0.16
_MOST_TICKS = 12


class _Point(msgspec.Struct, frozen=True):
    k: float
    metric: Metric
    sd: float | None

    @property
    def value(self) -> float:
        return 0.0 if self.metric.raw_mean is None else self.metric.raw_mean


def few_shot(sides: Sequence[Side]) -> Figure | None:
    """The runs of a file with a column ``k``: a curve for each model or task.

    None where a curve has fewer than three numbers of examples or two runs with one number.
    """
    curves = _curves(sides)
    if curves is None:
        return None
    styles = plain_looks(len(curves))
    title = pretty(OVERALL, sides[0].result.labels)
    every = [point for points in curves.values() for point in points]
    areas = [f"{f'{name}: ' if name else ''}{_area(points):.4f}" for name, points in curves.items()]
    said = [
        "Lines: 95 % intervals by patient, who are the same ones at each k. Each point is the mean "
        "over the file's replicates."
    ]
    if any(point.sd is not None for point in every):
        said.append("Band: one standard deviation over replicates on each side.")
    said.append(f"Area over log₂ k, divided by its width: {'; '.join(areas)}.")

    def draw(page: Page) -> None:
        if len(curves) > 1:
            page.bottom = page.key(page.bottom, [*zip(curves, styles, strict=True)], lines=True)
        top = page.bottom + 0.1
        panel = page.panel(_LEFT, top, WIDTH - _LEFT - 0.2, _HEIGHT)
        values = [
            end
            for p in every
            for end in (p.value - (p.sd or 0), p.value + (p.sd or 0), *(p.metric.raw_ci95 or ()))
        ]
        room = 0.05 * (max(values) - min(values)) or 0.02
        ks = [point.k for point in every]
        set_scales(
            panel,
            (min(ks) / 1.2, max(ks) * 1.2),
            (min(values) - room, max(values) + room),
            names=("Examples of each class, k", title),
            log=True,
        )
        _ticks(panel.axes, sorted({*ks}))
        for points, look in zip(curves.values(), styles, strict=True):
            _curve(panel.axes, points, look)
        page.use(top + _HEIGHT + 0.4)

    return Figure(
        name="few-shot",
        title=f"{title} by the number of training examples",
        caption=" ".join(said),
        rows=[_row(name, point) for name, points in curves.items() for point in points],
        draw=draw,
    )


def _curves(sides: Sequence[Side]) -> dict[str, list[_Point]] | None:
    """Points by the other columns that name a run, in the order of k."""
    found: dict[str, list[_Point]] = {}
    for side in sides:
        columns = dict(side.result.info.settings.columns or {})
        k, metric = columns.pop("k", ""), metric_of(side.result)
        if metric is None or not k.replace(".", "", 1).isdecimal() or float(k) <= 0:
            continue
        spread = side.result.metrics.get("over_repeats:auroc")
        sd = None if spread is None else spread.bootstrap_std
        found.setdefault(", ".join(columns.values()), []).append(_Point(float(k), metric, sd))
    for points in found.values():
        points.sort(key=lambda point: point.k)
        if len({point.k for point in points}) < max(_FEWEST, len(points)):
            return None
    return found if 0 < len(found) <= _MOST else None


def _row(name: str, point: _Point) -> Row:
    low, high = point.metric.raw_ci95 or (None, None)
    return {
        **({"curve": name} if name else {}),
        "k": point.k,
        "value": point.metric.raw_mean,
        "low": low,
        "high": high,
        "sd_over_replicates": point.sd,
        "n": point.metric.n,
    }


def _ticks(axes: object, ks: Sequence[float]) -> None:
    """A mark at each k, where they have room."""
    if len(ks) <= _MOST_TICKS:
        axes.set_xticks(ks, [f"{k:g}" for k in ks])  # type: ignore[attr-defined]


def _area(points: Sequence[_Point]) -> float:
    """Area under the curve over log₂ k, divided by its width."""
    x = np.log2([point.k for point in points])
    y = np.array([point.value for point in points])
    return float((np.diff(x) * (y[1:] + y[:-1])).sum() / 2 / (x[-1] - x[0]))


def _curve(axes: object, points: Sequence[_Point], look: Look) -> None:
    plot = axes.plot  # type: ignore[attr-defined]
    x, y = [point.k for point in points], [point.value for point in points]
    spread = [point for point in points if point.sd is not None]
    if len(spread) > 1:
        axes.fill_between(  # type: ignore[attr-defined]
            [point.k for point in spread],
            [point.value - (point.sd or 0) for point in spread],
            [point.value + (point.sd or 0) for point in spread],
            color=look.colour,
            alpha=_BAND,
            linewidth=0,
        )
    for point in points:
        if point.metric.raw_ci95 is not None:
            plot([point.k] * 2, list(point.metric.raw_ci95), color=look.colour, linewidth=1.0)
    plot(x, y, color=look.colour, linewidth=1.1, linestyle=look.line)
    plot(x, y, **look.markers(5.0))
