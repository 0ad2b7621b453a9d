"""A headline against the number of examples of each class that a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from preceptor.records import Metric
from preceptor.reports.figures.base import Figure
from preceptor.reports.figures.page import WIDTH, Page
from preceptor.reports.figures.plane import Point, set_scales
from preceptor.reports.figures.style import Look, plain_looks
from preceptor.reports.figures.words import metric_of
from preceptor.reports.format import pretty
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL

__all__ = ["few_shot"]

_LEFT, _HEIGHT = 0.5, 2.9
#: Fewer points are no curve.
_FEWEST = 3


def few_shot(sides: Sequence[Side]) -> Figure | None:
    """The runs of a file with a column ``k``; None with fewer than three numbers of examples."""
    found = sorted(
        (float(k), metric)
        for side in sides
        for k in [(side.result.info.settings.columns or {}).get("k", "")]
        for metric in [metric_of(side.result)]
        if metric is not None and k.replace(".", "", 1).isdecimal() and float(k) > 0
    )
    ks = [k for k, _ in found]
    if len(set(ks)) < _FEWEST or len(set(ks)) < len(ks):
        return None
    points = [Point(k, _value(metric), metric.raw_ci95, 0) for k, metric in found]
    title = pretty(OVERALL, sides[0].result.labels)
    area = _area(points)

    def draw(page: Page) -> None:
        top = page.bottom + 0.1
        panel = page.panel(_LEFT, top, WIDTH - _LEFT - 0.2, _HEIGHT)
        values = [end for p in points for end in (p.y, *(p.interval or ()))]
        room = 0.05 * (max(values) - min(values)) or 0.02
        up = (min(values) - room, max(values) + room)
        set_scales(
            panel,
            (ks[0] / 1.2, ks[-1] * 1.2),
            up,
            names=("Examples of each class, k", title),
            log=True,
        )
        _curve(panel.axes, points, plain_looks(1)[0])
        page.use(top + _HEIGHT + 0.4)

    return Figure(
        name="few-shot",
        title=f"{title} by the number of training examples",
        caption="95 % intervals by patient, who are the same ones at each k; each point is the "
        f"mean over the file's replicates. Mean height over log₂ k: {area:.4f}.",
        rows=[
            {
                "k": k,
                "value": metric.raw_mean,
                "low": None if metric.raw_ci95 is None else metric.raw_ci95[0],
                "high": None if metric.raw_ci95 is None else metric.raw_ci95[1],
                "n": metric.n,
            }
            for k, metric in found
        ],
        draw=draw,
    )


def _value(metric: Metric) -> float:
    return 0.0 if metric.raw_mean is None else metric.raw_mean


def _area(points: Sequence[Point]) -> float:
    """Area under the curve over log₂ k, divided by its width."""
    x = np.log2([point.x for point in points])
    y = np.array([point.y for point in points])
    return float((np.diff(x) * (y[1:] + y[:-1])).sum() / 2 / (x[-1] - x[0]))


def _curve(axes: object, points: Sequence[Point], look: Look) -> None:
    plot = axes.plot  # type: ignore[attr-defined]
    for point in points:
        if point.interval is not None:
            plot([point.x] * 2, list(point.interval), color=look.colour, linewidth=1.0)
    x, y = [point.x for point in points], [point.y for point in points]
    plot(x, y, color=look.colour, linewidth=1.1)
    plot(x, y, **look.markers(5.0))
