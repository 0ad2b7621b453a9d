"""Scores with their intervals: overall, by use case or theme, by other slices, by specialty."""

from __future__ import annotations

import re
from collections.abc import Sequence

from preceptor.records import Metric, examples_of
from preceptor.reports.charts import SMALL
from preceptor.reports.figures.base import Figure, Row
from preceptor.reports.figures.forest import Column, Group, Mark, draw_forest, groups_on_a_page
from preceptor.reports.figures.legend import band_of, key_of
from preceptor.reports.figures.page import Page
from preceptor.reports.figures.slicing import in_order, kind_of, label_of, main_kind, slice_names
from preceptor.reports.figures.style import looks
from preceptor.reports.figures.words import (
    between,
    estimate,
    evidence,
    metric_of,
    physicians,
)
from preceptor.reports.format import points
from preceptor.results.pool import Side
from preceptor.scoring import LENGTH_SUFFIX, OVERALL

__all__ = ["scores", "slices", "specialties"]

#: So many specialties are drawn; all of them are in the rows.
_SPECIALTIES = 10
_SCALE = "Score (0–100)"


def scores(sides: Sequence[Side]) -> Figure | None:
    """Overall score and by use case, or by theme where there are no use cases.

    Length-adjusted beside raw where the benchmark has a rule. None where no side has a score.
    """
    if not any(metric_of(side.result) for side in sides):
        return None
    space = main_kind(sides)
    listed = [OVERALL, *(slice_names(sides, space) if space else ())]
    title = "Overall score" + (f" and score by {kind_of(space, sides)}" if space else "")
    adjusted = any(metric_of(side.result, OVERALL + LENGTH_SUFFIX) for side in sides)
    return _figure("scores", title, sides, listed, listed, adjusted=adjusted)


def slices(sides: Sequence[Side]) -> list[Figure]:
    """One figure for each kind of slice that `scores` and `specialties` do not show.

    These are the namespaces of the examples' tags, and the axes of the criteria. A kind in which no
    side has a score has no figure.
    """
    tags = {
        tag
        for side in sides
        for example in examples_of(side.result.graded).values()
        for tag in example.tags
    }
    spaces = {tag.partition(":")[0] for tag in tags if ":" in tag} | {"axis"}
    found = []
    for space in in_order(spaces - {main_kind(sides), "specialty"}, sides):
        if listed := slice_names(sides, space):
            stem = f"slices-{re.sub('[^a-z0-9]+', '-', space.lower()).strip('-')[:40]}"
            title = f"Score by {kind_of(space, sides)}"
            found.append(_figure(stem, title, sides, listed, _fitting(listed, sides)))
    return found


def specialties(sides: Sequence[Side]) -> Figure | None:
    """The ten specialties with the most examples; None where examples have no specialty."""
    listed = slice_names(sides, "specialty")
    if not listed:
        return None
    shown = _fitting(listed[:_SPECIALTIES], sides)
    cut = len(listed) > len(shown)
    title = f"Score in the {len(shown)} largest specialties" if cut else "Score by specialty"
    return _figure("specialties", title, sides, listed, shown)


def _fitting(listed: Sequence[str], sides: Sequence[Side]) -> list[str]:
    return list(listed[: groups_on_a_page(len(sides))])


def _figure(
    stem: str,
    title: str,
    sides: Sequence[Side],
    listed: Sequence[str],
    shown: Sequence[str],
    *,
    adjusted: bool = False,
) -> Figure:
    suffixes = ("", LENGTH_SUFFIX) if adjusted else ("",)
    columns = [Column("", _SCALE, ("mean (95 %)",))]
    if adjusted:
        # Two scales leave no room for the intervals in figures.
        heads = ("mean",)
        columns = [Column("Score", _SCALE, heads), Column("Length-adjusted score", _SCALE, heads)]
    groups = [_group(name, sides, suffixes) for name in shown]
    styles = looks(sides)
    rows = max(1, sum(not physicians(side) for side in sides))

    def draw(page: Page) -> None:
        page.bottom = page.key(page.bottom, key_of(sides, styles))
        draw_forest(page, groups, columns, styles, rows, common=True)

    said = [
        "Means over examples before clipping to 0–100, with 95 % intervals.",
        evidence(sides),
        _small(shown, sides),
        _doctors(sides) if OVERALL in shown else "",
        _omitted(len(listed) - len(shown)),
    ]
    return Figure(
        name=stem,
        title=title,
        caption=" ".join(text for text in said if text),
        rows=[row for name in listed for row in _rows(name, sides, suffixes)],
        draw=draw,
    )


def _small(shown: Sequence[str], sides: Sequence[Side]) -> str:
    found = [metric_of(side.result, name) for name in shown for side in sides]
    if any(metric is not None and metric.n < SMALL for metric in found):
        return f"Grey: fewer than {SMALL} examples."
    return ""


def _doctors(sides: Sequence[Side]) -> str:
    for side in sides:
        if physicians(side) and (metric := metric_of(side.result)) is not None:
            return f"Line and band: physicians, overall {estimate(metric)}."
    return ""


def _omitted(number: int) -> str:
    if not number:
        return ""
    return f"{number} more, with fewer examples, {'is' if number == 1 else 'are'} in the table."


def _group(name: str, sides: Sequence[Side], suffixes: Sequence[str]) -> Group:
    first = [metric_of(side.result, name) for side in sides]
    return Group(
        label=label_of(name, sides),
        n=between([metric.n for metric in first if metric is not None]),
        marks=tuple(_marks(name + suffix, sides, len(suffixes) == 1) for suffix in suffixes),
        bands=tuple(band_of(sides, name + suffix) for suffix in suffixes),
        strong=name == OVERALL,
    )


def _marks(name: str, sides: Sequence[Side], full: bool) -> tuple[Mark, ...]:
    marks, row = [], 0
    for index, side in enumerate(sides):
        if physicians(side):
            continue
        metric = metric_of(side.result, name)
        if metric is not None and metric.raw_mean is not None:
            marks.append(
                Mark(
                    row=row,
                    look=index,
                    value=metric.raw_mean,
                    interval=metric.raw_ci95,
                    texts=(estimate(metric) if full else points(metric.raw_mean),),
                    small=metric.n < SMALL,
                )
            )
        row += 1
    return tuple(marks)


def _rows(name: str, sides: Sequence[Side], suffixes: Sequence[str]) -> list[Row]:
    return [
        _row(name, side, metric, bool(suffix), sides)
        for suffix in suffixes
        for side in sides
        if (metric := side.result.metrics.get(name + suffix)) is not None
    ]


def _row(name: str, side: Side, metric: Metric, adjusted: bool, sides: Sequence[Side]) -> Row:
    low, high = metric.raw_ci95 or (None, None)
    return {
        "side": side.label,
        "metric": name,
        "name": label_of(name, sides),
        "length_adjusted": adjusted,
        "mean": metric.raw_mean,
        "low": low,
        "high": high,
        "clipped": metric.value,
        "n": metric.n,
        "coverage": metric.coverage,
    }
