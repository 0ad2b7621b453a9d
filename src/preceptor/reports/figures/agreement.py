"""How a grader agrees with physicians: by category, in which direction it errs, its probabilities.

Names of categories, and numbers: no text of an example is in any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from preceptor.reports.agreement_view import decimal, decimals, name_of, with_interval
from preceptor.reports.figures.base import Figure, Row
from preceptor.reports.figures.forest import (
    Column,
    Group,
    Mark,
    draw_forest,
    groups_on_a_page,
)
from preceptor.reports.figures.legend import Band
from preceptor.reports.figures.page import WIDTH, Page, line_height, text_width, wrap
from preceptor.reports.figures.plane import Point, draw_points, set_scales
from preceptor.reports.figures.style import (
    FAINT,
    INK,
    QUIET,
    SMALL_TEXT,
    TEXT,
    Look,
    plain_looks,
)
from preceptor.reports.figures.words import clean
from preceptor.wording import count, plural

if TYPE_CHECKING:
    from preceptor.audit.agreement import Estimate
    from preceptor.audit.calibration import Calibrated
    from preceptor.audit.failures import Slice
    from preceptor.audit.meta_eval import Band as Among
    from preceptor.audit.report import GraderAgreement

__all__ = ["SMALL_SLICE", "agreement_figures"]

#: Slices of fewer pairs than this are grey.
SMALL_SLICE = 30
_LEFT = 0.08


def agreement_figures(
    found: GraderAgreement, calibration: Calibrated | None = None
) -> list[Figure]:
    """All that an audit has something to show in."""
    drawn = [_agreement(found), _confusions(found), _calibration(found, calibration)]
    return [figure for figure in drawn if figure is not None]


# By category


class _Part(msgspec.Struct, frozen=True):
    kind: str
    name: str
    band: Among | None
    part: Slice | None


def _agreement(found: GraderAgreement) -> Figure | None:
    slices = {(one.kind, one.name): one for one in found.slices}
    parts = [
        _Part(kind, band.name, band, slices.get((kind, band.name)))
        for kind, bands in (("theme", found.themes), ("category", found.categories))
        for band in bands
    ]
    seen = [part for part in parts if part.band is not None and part.band.macro_f1 is not None]
    if not seen:
        return None
    seen.sort(key=lambda part: (part.kind != "theme", _value(part)))
    shown = seen[: groups_on_a_page(1) - 1]
    undefined, ranked = len(parts) - len(seen), _ranked(shown)
    groups = [
        _whole(found, ranked),
        *(_group(part, index, shown, ranked) for index, part in enumerate(shown)),
    ]
    said = [
        "Macro F1 with single physicians; n: pairs. Intervals, 95 %, draw whole prompts; a theme "
        "is the weighted mean over its categories and has none.",
        "Line and band: physicians with each other"
        + (", by category the mean over physicians." if ranked else "."),
        "Percentile: of the grader among physicians with more than 50 pairs there."
        if ranked
        else "No physician has more than 50 pairs in any category, to compare the grader with.",
        f"Grey: fewer than {SMALL_SLICE} pairs." if any(map(_small, shown)) else "",
        f"{count(len(seen) - len(shown))} more are in the table." if len(shown) < len(seen) else "",
        f"Without both classes, so undefined: {count(undefined)}." if undefined else "",
        _source(found),
    ]
    styles = plain_looks(1)

    def draw(page: Page) -> None:
        key: list[tuple[str, Look | None]] = [(clean(found.grader), styles[0])]
        if found.among_physicians is not None or ranked:
            key.append(("Physicians with each other", None))
        page.bottom = page.key(page.bottom, key)
        heads = ("macro F1 (95 %)", "percentile") if ranked else ("macro F1 (95 %)",)
        column = Column("", "Macro F1", heads, unit=1.0)
        draw_forest(page, groups, [column], styles, 1)

    return Figure(
        name="agreement",
        title="Agreement with physicians by category",
        caption=" ".join(text for text in said if text),
        rows=[_whole_row(found), *(_row(part) for part in parts)],
        draw=draw,
    )


def _value(part: _Part) -> float:
    assert part.band is not None
    assert part.band.macro_f1 is not None
    return part.band.macro_f1


def _small(part: _Part) -> bool:
    return part.part is None or part.part.pairs < SMALL_SLICE


def _ranked(parts: Sequence[_Part]) -> bool:
    """Whether a physician has pairs enough in any of them to be compared with."""
    return any(part.band is not None and part.band.physicians for part in parts)


def _whole(found: GraderAgreement, ranked: bool) -> Group:
    own, theirs = found.pairwise.macro_f1, found.among_physicians
    band = None
    if theirs is not None and theirs.macro_f1.value is not None:
        band = Band(theirs.macro_f1.value, theirs.macro_f1.ci95)
    marks: tuple[Mark, ...] = ()
    if own.value is not None:
        texts = (with_interval(own), *(("–",) if ranked else ()))
        marks = (Mark(0, 0, own.value, own.ci95, texts),)
    return Group("All", count(found.pairwise.pairs), (marks,), (band,), strong=True)


def _group(part: _Part, index: int, shown: Sequence[_Part], ranked: bool) -> Group:
    band = part.band
    assert band is not None
    value, ci95 = _value(part), None
    if part.kind == "category" and part.part is not None:
        ci95 = part.part.macro_f1.ci95
    text = decimal(value) if ci95 is None else f"{decimal(value)} ({decimals(ci95)})"
    percentile = "–" if band.percentile is None else f"{band.percentile:.0f}"
    texts = (text, percentile) if ranked else (text,)
    mark = Mark(0, 0, value, ci95, texts, small=_small(part))
    first = index == 0 or shown[index - 1].kind != part.kind
    return Group(
        label=clean(name_of(part.kind, part.name), 90),
        n="–" if part.part is None else count(part.part.pairs),
        marks=((mark,),),
        # Of physicians with a handful of pairs the mean says nothing.
        bands=(Band(band.average, None) if band.average is not None and band.physicians else None,),
        heading={"theme": "Themes", "category": "Categories"}[part.kind] if first else "",
    )


def _whole_row(found: GraderAgreement) -> Row:
    own, theirs = found.pairwise, found.among_physicians
    low, high = own.macro_f1.ci95 or (None, None)
    return {
        "kind": "all",
        "name": "",
        "macro_f1": own.macro_f1.value,
        "low": low,
        "high": high,
        "pairs": own.pairs,
        "physicians_mean": None if theirs is None else theirs.macro_f1.value,
        "percentile": None,
        "physicians": None,
    }


def _row(part: _Part) -> Row:
    ci95 = part.part.macro_f1.ci95 if part.part is not None and part.kind == "category" else None
    low, high = ci95 or (None, None)
    assert part.band is not None
    return {
        "kind": part.kind,
        "name": part.name,
        "macro_f1": part.band.macro_f1,
        "low": low,
        "high": high,
        "pairs": None if part.part is None else part.part.pairs,
        "physicians_mean": part.band.average,
        "percentile": part.band.percentile,
        "physicians": part.band.physicians,
    }


def _source(found: GraderAgreement) -> str:
    return (
        f"n = {plural(found.judged, 'row')}, {plural(found.labels, 'label')}, "
        f"{plural(found.prompts, 'prompt')}. Grader: {clean(found.grader)}."
    )


# Direction of errors

#: Both met, grader alone, physician alone, neither: agreement is hollow, errors are filled.
_CELLS = (
    ("both", "both: met", "#ffffff", INK),
    ("only_grader", "grader alone: met (too kind)", "#b8470b", "#ffffff"),
    ("only_physician", "physician alone: met (too strict)", "#1b5fa6", "#ffffff"),
    ("neither", "both: not met", "#e9e9e9", INK),
)
_KINDS = {
    "points": "By sign of the points",
    "length": "By length of the criterion (characters)",
    "theme": "By theme",
    "model": "By who answered",
}
_PITCH, _BAR, _MOST = 0.21, 0.15, 34


def _confusions(found: GraderAgreement) -> Figure | None:
    parts = [one for one in found.slices if one.kind in _KINDS]
    if not parts:
        return None
    shown = parts[:_MOST]
    said = [
        "Pairs of the grader’s verdict and one physician’s label, in % of a slice’s pairs (n).",
        f"{count(len(parts) - len(shown))} more slices are in the table."
        if len(shown) < len(parts)
        else "",
        _source(found),
    ]
    return Figure(
        name="confusions",
        title="In which direction the grader errs",
        caption=" ".join(text for text in said if text),
        rows=[_cells(one) for one in parts],
        draw=lambda page: _draw_confusions(page, shown),
    )


def _cells(one: Slice) -> Row:
    cells, (low, high) = one.confusion, one.bias.ci95 or (None, None)
    return {
        "kind": one.kind,
        "name": one.name,
        "pairs": one.pairs,
        **{name: getattr(cells, name) for name, *_ in _CELLS},
        "macro_f1": one.macro_f1.value,
        "bias": one.bias.value,
        "bias_low": low,
        "bias_high": high,
    }


def _draw_confusions(page: Page, parts: Sequence[Slice]) -> None:
    labels = [clean(name_of(one.kind, one.name)) for one in parts]
    wide = min(1.9, max(text_width(label, TEXT) for label in labels) + 0.02)
    room = max(text_width(count(one.pairs), SMALL_TEXT) for one in parts)
    left = _LEFT + wide + 0.14 + max(room, text_width("n", SMALL_TEXT))
    across = WIDTH - left - 0.22
    top = _legend(page, page.bottom + 0.02)
    page.text(left - 0.08, top + 0.07, "n", SMALL_TEXT, colour=QUIET, align="right")
    kind = ""
    for one, label in zip(parts, labels, strict=True):
        if one.kind != kind:
            kind = one.kind
            page.text(_LEFT, top + 0.05, _KINDS[kind], TEXT, weight="bold")
            top += 0.25
        lines = wrap(label, wide, TEXT)
        height = max(_PITCH, len(lines) * line_height(TEXT))
        middle = top + height / 2
        for index, line in enumerate(lines):
            y = middle + (index - (len(lines) - 1) / 2) * line_height(TEXT)
            page.text(_LEFT, y, line, TEXT, middle=True)
        page.text(
            left - 0.08,
            middle,
            count(one.pairs),
            SMALL_TEXT,
            colour=QUIET,
            align="right",
            middle=True,
        )
        _bar(page, one, left, across, middle)
        top += height
    for share in (0, 25, 50, 75, 100):
        x = left + across * share / 100
        page.text(x, top + 0.03, f"{share} %", SMALL_TEXT, colour=QUIET, align="center")
    page.use(top + 0.2)


def _legend(page: Page, top: float) -> float:
    from matplotlib.patches import Rectangle

    x = _LEFT
    for _, name, colour, _ in _CELLS:
        width = 0.2 + text_width(name, TEXT) + 0.16
        if x + width > WIDTH - _LEFT:
            x, top = _LEFT, top + 0.17
        page.canvas.add_patch(
            Rectangle((x, top + 0.02), 0.14, 0.1, facecolor=colour, edgecolor=QUIET, linewidth=0.6)
        )
        page.text(x + 0.2, top + 0.07, name, TEXT, middle=True)
        x += width
    page.use(top + 0.2)
    return top + 0.2


def _bar(page: Page, one: Slice, left: float, across: float, middle: float) -> None:
    from matplotlib.patches import Rectangle

    start = left
    for name, _, colour, ink in _CELLS:
        share = getattr(one.confusion, name) / one.pairs
        width = share * across
        page.canvas.add_patch(
            Rectangle(
                (start, middle - _BAR / 2),
                width,
                _BAR,
                facecolor=colour,
                edgecolor=QUIET,
                linewidth=0.6,
            )
        )
        text = f"{100 * share:.0f}"
        if width > text_width(text, SMALL_TEXT) + 0.05:
            page.text(
                start + width / 2, middle, text, SMALL_TEXT, colour=ink, align="center", middle=True
            )
        start += width


# Probabilities


def _calibration(found: GraderAgreement, one: Calibrated | None) -> Figure | None:
    if one is None:
        return None
    said = [
        f"Each mark: a {'tenth' if len(one.levels) == 10 else f'part of {len(one.levels)}'} of "
        f"{plural(one.pairs, 'pair')} of a probability and one physician’s label, with the share "
        "that is met and its 95 % interval (whole prompts drawn). On the line a probability means "
        "what it says.",
        f"Brier score {one.brier:.3f}; calibration error {one.error:.3f};",
        f"area under the curve {'–' if one.auroc is None else f'{one.auroc:.2f}'}.",
        f"n = {plural(one.rows, 'row')}. Grader: {clean(found.grader)}.",
    ]
    return Figure(
        name="calibration",
        title="What the grader’s probabilities mean",
        caption=" ".join(said),
        rows=[_level(level.pairs, level.probability, level.met) for level in one.levels],
        draw=lambda page: _draw_calibration(page, one),
    )


def _level(pairs: int, probability: float, met: Estimate) -> Row:
    low, high = met.ci95 or (None, None)
    return {"probability": probability, "met": met.value, "low": low, "high": high, "pairs": pairs}


def _draw_calibration(page: Page, one: Calibrated) -> None:
    panel = page.panel((WIDTH - 3.4) / 2, page.bottom + 0.05, 3.4, 3.4)
    names = ("Grader’s probability of met (%)", "Physicians’ labels that are met (%)")
    set_scales(panel, (-3.0, 103.0), (-3.0, 103.0), names=names)
    panel.axes.plot([0, 100], [0, 100], color=FAINT, linewidth=0.9, zorder=1)
    marks = [
        Point(100 * level.probability, level.met.value, level.met.ci95, 0)
        for level in one.levels
        if level.met.value is not None
    ]
    draw_points(panel, marks, plain_looks(1))
    page.use(panel.top + panel.height + 0.38)
