"""Differences with intervals: of each contender, and of the harnesses of several models."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.analysis.comparison import Comparison, Contrast
from preceptor.analysis.paired import SliceDifference
from preceptor.reports.charts import SMALL
from preceptor.reports.figures.base import Figure, Row
from preceptor.reports.figures.forest import Column, Group, Mark, draw_forest, groups_on_a_page
from preceptor.reports.figures.page import Page
from preceptor.reports.figures.slicing import in_order, kind_of, label_of, main_kind, slice_names
from preceptor.reports.figures.style import Look, looks
from preceptor.reports.figures.words import between, clean, joined, names, spread
from preceptor.reports.format import interval, p_value, percent, signed
from preceptor.results.pool import Side
from preceptor.scoring import LENGTH_SUFFIX, OVERALL

__all__ = ["differences", "harnesses"]

_AXIS = "Difference (points)"
_HEADS = ("difference (95 %)", "Holm p")
#: So many contenders have a panel each; more share one.
_PANELS = 3
#: Of a kind with more slices than this, those with the most examples are drawn.
_MOST_SLICES = 10


class _Line(msgspec.Struct, frozen=True):
    """One slice in the figure; ``found`` has an entry for each contrast."""

    name: str
    heading: str
    found: list[SliceDifference | None]


def differences(sides: Sequence[Side], comparison: Comparison) -> Figure | None:
    """Each contender minus its reference, overall and in each slice, with adjusted p.

    Up to three contenders have a panel each; more share one. None where nothing was compared.
    """
    contrasts = comparison.contrasts
    if not contrasts:
        return None
    spaces = in_order({_space(item.metric) for each in contrasts for item in each.slices}, sides)
    everything = _lines(contrasts, sides, spaces)
    apart = len(contrasts) <= _PANELS
    lines = _fitting(everything, 1 if apart else len(contrasts))
    # Several panels leave room for p alone.
    heads = _HEADS[1:] if 1 < len(contrasts) <= _PANELS else _HEADS
    titles = _titles(contrasts, sides)
    styles = _looks(sides, contrasts)

    def draw(page: Page) -> None:
        if not apart:
            _key(page, titles, styles)
        columns = [Column(title, _AXIS, heads, zero=True) for title in (titles if apart else [""])]
        groups = [_group(line, sides, heads, apart=apart) for line in lines]
        draw_forest(page, groups, columns, styles, 1 if apart else len(contrasts), common=True)

    return Figure(
        name="differences",
        title=_heading(comparison, sides),
        caption=_caption(comparison, contrasts, lines, len(everything) - len(lines)),
        rows=_rows(contrasts, sides),
        draw=draw,
    )


def harnesses(sides: Sequence[Side], comparison: Comparison) -> Figure | None:
    """The gain of each harness over the first of its model, overall and by slice, side by side.

    None unless two harnesses or more are compared within families: labels of the form
    ``MODEL/HARNESS``. The cells of a sweep are no harnesses.
    """
    swept = {side.label for side in sides if side.result.info.settings.sweep is not None}
    contrasts = [
        contrast
        for contrast in comparison.contrasts
        if contrast.family and contrast.contender not in swept
    ]
    if len(contrasts) < 2:
        return None
    spaces = [space for space in (main_kind(sides), "axis") if space]
    everything = _lines(contrasts, sides, spaces)
    lines = _fitting(everything, len(contrasts))
    styles, titles = _looks(sides, contrasts), _gains(contrasts)

    def draw(page: Page) -> None:
        _key(page, titles, styles)
        groups = [_group(line, sides, _HEADS, apart=False) for line in lines]
        columns = [Column("", "Gain (points)", _HEADS, zero=True)]
        draw_forest(page, groups, columns, styles, len(contrasts))

    return Figure(
        name="harnesses",
        title="What a harness adds to its model",
        caption=_caption(comparison, contrasts, lines, len(everything) - len(lines)),
        rows=_rows(contrasts, sides),
        draw=draw,
    )


def _key(page: Page, titles: Sequence[str], styles: Sequence[Look]) -> None:
    entries: list[tuple[str, Look | None]] = list(zip(titles, styles, strict=True))
    page.bottom = page.key(page.bottom, entries)


def _space(metric: str) -> str:
    return metric.partition(":")[0]


def _plain(metric: str) -> str:
    return metric.removesuffix(LENGTH_SUFFIX)


def _lines(
    contrasts: Sequence[Contrast], sides: Sequence[Side], spaces: Sequence[str]
) -> list[_Line]:
    tables = [{_plain(item.metric): item for item in each.slices} for each in contrasts]
    lines = [_Line(OVERALL, "", [each.overall for each in contrasts])]
    for space in spaces:
        heading = kind_of(space, sides)
        heading = heading[:1].upper() + heading[1:]
        for name in slice_names(sides, space):
            found = [table.get(name) for table in tables]
            if any(item is not None and item.difference is not None for item in found):
                lines.append(_Line(name, heading, found))
                heading = ""
    return lines


def _fitting(lines: Sequence[_Line], rows: int) -> list[_Line]:
    """Of long kinds the first ones, and in all not more than fit a page."""
    counts: dict[str, int] = {}
    kept = []
    for line in lines:
        counts[_space(line.name)] = counts.get(_space(line.name), 0) + 1
        if counts[_space(line.name)] <= _MOST_SLICES:
            kept.append(line)
    return kept[: groups_on_a_page(rows)]


def _group(line: _Line, sides: Sequence[Side], heads: Sequence[str], *, apart: bool) -> Group:
    marks = [
        _mark(item, 0 if apart else number, number, heads) for number, item in enumerate(line.found)
    ]
    present = tuple(mark for mark in marks if mark is not None)
    columns = tuple((mark,) if mark else () for mark in marks) if apart else (present,)
    return Group(
        label=label_of(line.name, sides),
        n=between(item.n for item in line.found if item is not None),
        marks=columns,
        bands=(None,) * len(columns),
        strong=line.name == OVERALL,
        heading=line.heading,
    )


def _mark(item: SliceDifference | None, row: int, look: int, heads: Sequence[str]) -> Mark | None:
    if item is None or item.difference is None:
        return None
    size = signed(item.difference) + (f" ({interval(item.ci95)})" if item.ci95 else "")
    texts = (size, p_value(item.p_holm)) if len(heads) == 2 else (p_value(item.p_holm),)
    return Mark(row, look, item.difference, item.ci95, texts, item.n < SMALL)


def _looks(sides: Sequence[Side], contrasts: Sequence[Contrast]) -> list[Look]:
    """Those of the contenders."""
    style = dict(zip((side.label for side in sides), looks(sides), strict=True))
    return [style[contrast.contender] for contrast in contrasts]


def _titles(contrasts: Sequence[Contrast], sides: Sequence[Side]) -> list[str]:
    """The contender; and its reference, where there are several."""
    name = dict(zip((side.label for side in sides), names(sides), strict=True))
    if len({contrast.reference for contrast in contrasts}) == 1:
        return [name[contrast.contender] for contrast in contrasts]
    return [f"{name[each.contender]} − {name[each.reference]}" for each in contrasts]


def _gains(contrasts: Sequence[Contrast]) -> list[str]:
    def harness(label: str) -> str:
        return clean(label.rpartition("/")[2], 28)

    return [
        f"{clean(each.family, 28)}: {harness(each.contender)} over {harness(each.reference)}"
        for each in contrasts
    ]


def _heading(comparison: Comparison, sides: Sequence[Side]) -> str:
    what = "Difference" if comparison.metric == OVERALL else "Length-adjusted difference"
    references = {contrast.reference for contrast in comparison.contrasts}
    if len(references) > 1:
        return f"{what} from the first of each family"
    name = dict(zip((side.label for side in sides), names(sides), strict=True))
    return f"{what} from {name[references.pop()]}"


def _caption(
    comparison: Comparison,
    contrasts: Sequence[Contrast],
    lines: Sequence[_Line],
    omitted: int,
) -> str:
    n = spread(contrast.common for contrast in contrasts)
    dropped = sum(item.n for contrast in contrasts for item in contrast.dropped)
    labels = {name for each in contrasts for name in (each.reference, each.contender)}
    lowest = min(side.coverage for side in comparison.sides if side.label in labels)
    graders = list(
        dict.fromkeys(clean(side.grader) for side in comparison.sides if side.label in labels)
    )
    small = any(item is not None and item.n < SMALL for line in lines for item in line.found)
    beside = f", {dropped:,} not common left out" if dropped else ""
    said = [
        "Differences of means before clipping, with 95 % intervals; positive: the side named is "
        f"better. n = {n} common examples{beside}.",
        "Every verdict was given." if lowest >= 1 else f"Coverage {percent(lowest)} or more.",
        f"{'Grader' if len(graders) == 1 else 'Different graders'}: {joined(graders)}.",
        "p: two-sided, adjusted by Holm within each family of tests "
        f"({'; '.join(comparison.families)}).",
        f"Grey: fewer than {SMALL} common examples, not tested." if small else "",
        f"{omitted} more slices are in the table." if omitted else "",
    ]
    return " ".join(text for text in said if text)


def _rows(contrasts: Sequence[Contrast], sides: Sequence[Side]) -> list[Row]:
    return [
        {
            "reference": contrast.reference,
            "contender": contrast.contender,
            "metric": item.metric,
            "name": label_of(_plain(item.metric), sides),
            "n": item.n,
            "reference_mean": item.reference,
            "contender_mean": item.contender,
            "difference": item.difference,
            "low": None if item.ci95 is None else item.ci95[0],
            "high": None if item.ci95 is None else item.ci95[1],
            "p": item.p,
            "p_holm": item.p_holm,
            "p_bh": item.p_bh,
        }
        for contrast in contrasts
        for item in (contrast.overall, *contrast.slices)
    ]
