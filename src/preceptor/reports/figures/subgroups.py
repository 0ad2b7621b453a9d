"""The headline of predictions by group, as a forest."""

from __future__ import annotations

from collections.abc import Sequence

from preceptor.records import Metric
from preceptor.reports.figures.base import Figure
from preceptor.reports.figures.forest import Column, Group, Mark, draw_forest
from preceptor.reports.figures.legend import key_of
from preceptor.reports.figures.page import Page
from preceptor.reports.figures.style import looks
from preceptor.reports.figures.words import between, metric_of
from preceptor.reports.format import pretty
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL

__all__ = ["subgroups"]

#: Groups on one page.
_MOST = 30


def subgroups(sides: Sequence[Side], columns: Sequence[str]) -> Figure | None:
    """One row a group of each of these columns; None without groups."""
    names = [
        name
        for column in columns
        for name in dict.fromkeys(n for side in sides for n in side.result.metrics)
        if name.startswith(f"{column}:")
    ]
    shown = [name for name in names if any(metric_of(s.result, name) for s in sides)][:_MOST]
    if not shown:
        return None
    headings = {name.partition(":")[0]: name for name in reversed(shown)}
    groups = [_group(OVERALL, "All", sides, strong=True)]
    groups += [
        _group(
            name,
            name.partition(":")[2],
            sides,
            heading=name.partition(":")[0] if name in headings.values() else "",
        )
        for name in shown
    ]
    title = pretty(OVERALL, sides[0].result.labels)
    styles = looks(sides)
    undefined = [name for name in names if name not in shown]
    whole = metric_of(sides[0].result)
    who = "patients" if whole is None else whole.units_are
    said = [f"95 % intervals by {who.removesuffix('s')}."]
    if undefined:
        sizes = {n: m.n for s in sides for n, m in s.result.metrics.items()}
        listed = ", ".join(f"{name} (n = {sizes[name]:,})" for name in undefined[:6])
        said.append(f"Not defined, or too many for a page: {listed}.")

    def draw(page: Page) -> None:
        page.bottom = page.key(page.bottom, key_of(sides, styles))
        column = Column("", title, ("value (95 %)",), unit=1.0)
        draw_forest(page, groups, [column], styles, len(sides))

    return Figure(
        name="subgroups",
        title=f"{title} by group",
        caption=" ".join(said),
        rows=[
            {"side": side.label, "group": name, **_numbers(side.result.metrics.get(name))}
            for name in [OVERALL, *names]
            for side in sides
        ],
        draw=draw,
    )


def _group(
    name: str, label: str, sides: Sequence[Side], *, strong: bool = False, heading: str = ""
) -> Group:
    found = [side.result.metrics.get(name) for side in sides]
    marks = [
        Mark(row, row, metric.raw_mean, metric.raw_ci95, (_words(metric),))
        for row, metric in enumerate(found)
        if metric is not None and metric.raw_mean is not None
    ]
    n = between([metric.n for metric in found if metric is not None])
    return Group(label, n, (tuple(marks),), (None,), strong=strong, heading=heading)


def _words(metric: Metric) -> str:
    value = f"{metric.raw_mean:.3f}"
    if metric.raw_ci95 is None:
        return value
    return f"{value} ({metric.raw_ci95[0]:.3f} to {metric.raw_ci95[1]:.3f})".replace("-", "−")


def _numbers(metric: Metric | None) -> dict[str, float | int | None]:
    if metric is None:
        return {"value": None, "low": None, "high": None, "n": None}
    low, high = metric.raw_ci95 or (None, None)
    return {"value": metric.raw_mean, "low": low, "high": high, "n": metric.n}
