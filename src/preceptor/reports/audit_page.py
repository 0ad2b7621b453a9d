"""The audit of a grader as a page: its card first, then where and how it errs.

It has names of categories and graders, and numbers; the texts of examples never reach it, so that
it can always be given away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from preceptor.audit.agreement import Agreement, Estimate
from preceptor.audit.card import Cost, card
from preceptor.audit.failures import Slice
from preceptor.audit.frontier import Frontier
from preceptor.audit.frontier import Point as Grader
from preceptor.audit.meta_eval import Band
from preceptor.audit.report import Audit, GraderAgreement
from preceptor.reports.agreement_view import (
    UnitAxis,
    decimal,
    decimals,
    name_of,
    share,
    signed_decimal,
)
from preceptor.reports.audit import agreement_words, audit_sentences
from preceptor.reports.card import card_view
from preceptor.reports.charts import Span
from preceptor.reports.figures.agreement import SMALL_SLICE, agreement_figures
from preceptor.reports.figures.frontier import frontier
from preceptor.reports.format import interval, signed
from preceptor.reports.frontier import cost_words
from preceptor.reports.page import fill
from preceptor.reports.pictures import embedded
from preceptor.reports.scale import Scale, scale_for
from preceptor.wording import count, plural

if TYPE_CHECKING:
    from preceptor.audit.calibration import Calibrated

__all__ = ["render_audit", "render_frontier"]

_NONE = "–"
_SHOWN = 10
_UNIT = "Agreement, shares and differences from 0 to 1."
_KINDS = {
    "points": "Sign of the points",
    "length": "Length of the criterion, characters",
    "theme": "Theme",
    "model": "Who answered",
    "preview": "Whether the author saw a preview",
}


class Dot(msgspec.Struct, frozen=True):
    """A number as it is printed and drawn; positions are percent of the axis.

    ``other`` is the physicians' place on it.
    """

    value: str
    interval: str
    at: str | None
    span: Span | None
    small: bool = False
    other: str | None = None
    beyond: bool = False
    allowed: None = None


class Measure(msgspec.Struct, frozen=True):
    """One set of pairs under all measures of agreement; (value, interval) each."""

    name: str
    meaning: str
    pairs: str
    numbers: list[tuple[str, str, str]]


class BandRow(msgspec.Struct, frozen=True):
    """The grader among the physicians, in one theme or category."""

    name: str
    dot: Dot
    mean: str
    percentile: str
    n: str


class SlipRow(msgspec.Struct, frozen=True):
    """In which direction the grader errs in one slice."""

    name: str
    dot: Dot
    f1: str
    f1_interval: str
    kind: str
    strict: str
    n: str


class Part(msgspec.Struct, frozen=True):
    """Rows of one kind: ``first`` are seen at once, ``rest`` on demand."""

    title: str
    first: Sequence[BandRow | SlipRow]
    rest: Sequence[BandRow | SlipRow]


class GraderRow(msgspec.Struct, frozen=True):
    """One grader of a frontier."""

    name: str
    mark: int
    dot: Dot
    gap: str
    gap_interval: str
    cost: str
    tokens: str
    n: str
    every_row: bool
    on_front: bool


def render_audit(
    found: Audit, *, calibration: Calibrated | None = None, cost: Cost | None = None
) -> str:
    """One self-contained page of an audit; it has no text of any example or answer.

    Parameters
    ----------
    calibration
        Of the grader's probabilities, where it gives any.
    cost
        Of its verdicts, where it is known.

    Returns
    -------
    str
        The page; it can be encoded as UTF-8 whatever the names contain.
    """
    one = found.agreement
    scale = _bias_scale(one.slices)
    context = {
        "title": f"Audit of {one.grader}",
        "runs": [{"name": Path(one.source).name}],
        "words": agreement_words(one),
        "card": card_view(card(found, cost)),
        "axis": UnitAxis(),
        "bias": scale,
        "sentences": audit_sentences(one),
        "measures": list(_measures(one)),
        "bands": [
            part
            for title, bands in (("Themes", one.themes), ("Categories", one.categories))
            if (part := _bands(title, bands, one.slices)) is not None
        ],
        "ranked": any(band.percentile is not None for band in (*one.themes, *one.categories)),
        "slips": list(_slips(one.slices, scale)),
        "small": SMALL_SLICE,
        "calibration": calibration,
        "pictures": embedded(agreement_figures(one, calibration)),
        "unit": _UNIT,
    }
    return fill("audit_page.html.jinja", context, scripted=False, pictures=True)


# Agreement


def _measures(one: GraderAgreement) -> Iterable[Measure]:
    sets: tuple[tuple[str, str, Agreement | None], ...] = (
        (
            "The grader and each physician",
            "Every label counts once. The first number is HealthBench’s.",
            one.pairwise,
        ),
        (
            "The grader and the majority",
            "One label a row, that of more than half of its physicians"
            + (f"; {plural(one.ties, 'row')} without one left out." if one.ties else "."),
            one.majority,
        ),
        (
            "Physicians with each other",
            "Each with every other of the same row: what a grader can be measured by.",
            one.among_physicians,
        ),
    )
    for name, meaning, found in sets:
        if found is not None:
            yield Measure(name, meaning, count(found.pairs), list(_numbers(found)))


def _numbers(found: Agreement) -> Iterable[tuple[str, str, str]]:
    for name, one in (
        ("Macro F1", found.macro_f1),
        ("Kappa", found.kappa),
        ("AC1", found.ac1),
        ("Alpha", found.alpha),
        ("Agree", found.observed),
    ):
        yield name, decimal(one.value), decimals(one.ci95)


def _bands(title: str, bands: Sequence[Band], slices: Sequence[Slice]) -> Part | None:
    kind = {"Themes": "theme", "Categories": "category"}[title]
    known = {one.name: one for one in slices if one.kind == kind}
    seen = [band for band in bands if band.macro_f1 is not None]
    seen.sort(key=lambda band: band.macro_f1 or 0.0)
    rows = [_band(band, known.get(band.name), kind) for band in seen]
    return _part(title, rows) if rows else None


def _band(band: Band, part: Slice | None, kind: str) -> BandRow:
    # A theme's value is a mean over its categories, which the slice's interval is not of.
    bounds = part.macro_f1.ci95 if part is not None and kind == "category" else None
    # Of physicians with a handful of pairs the mean says nothing.
    mean = band.average if band.physicians else None
    return BandRow(
        name=name_of(kind, band.name),
        dot=_dot(
            Estimate(band.macro_f1, bounds),
            UnitAxis(),
            part is None or part.pairs < SMALL_SLICE,
            mean,
        ),
        mean=decimal(mean),
        percentile=_NONE if band.percentile is None else f"{band.percentile:.0f}",
        n=_NONE if part is None else count(part.pairs),
    )


def _dot(
    one: Estimate, axis: UnitAxis | Scale, small: bool = False, other: float | None = None
) -> Dot:
    value, bounds = one.value, one.ci95
    bias = isinstance(axis, Scale)
    return Dot(
        value=signed(value) if bias else decimal(value),
        interval=interval(bounds) if bias else decimals(bounds),
        at=None if value is None else axis.at(value),
        span=axis.span(bounds),
        small=small,
        other=None if other is None else axis.at(other),
        beyond=value is not None and not axis.low <= value <= axis.high,
    )


# Errors


def _bias_scale(slices: Sequence[Slice]) -> Scale:
    """Of the slices with pairs enough, at least ten points each way."""
    values = [-0.1, 0.1]
    for one in slices:
        if one.kind in _KINDS and one.pairs >= SMALL_SLICE and one.bias.value is not None:
            values += [one.bias.value, *(one.bias.ci95 or ())]
    return scale_for(values, signs=True)


def _slips(slices: Sequence[Slice], scale: Scale) -> Iterable[Part]:
    for kind, title in _KINDS.items():
        rows = [_slip(one, scale) for one in slices if one.kind == kind]
        if rows:
            yield _part(title, rows)


def _slip(one: Slice, scale: Scale) -> SlipRow:
    cells = one.confusion
    return SlipRow(
        name=name_of(one.kind, one.name),
        dot=_dot(one.bias, scale, one.pairs < SMALL_SLICE),
        f1=decimal(one.macro_f1.value),
        f1_interval="" if one.macro_f1.ci95 is None else decimals(one.macro_f1.ci95),
        kind=share(cells.only_grader, cells.neither),
        strict=share(cells.only_physician, cells.both),
        n=count(one.pairs),
    )


def _part(title: str, rows: Sequence[BandRow | SlipRow]) -> Part:
    cut = _SHOWN if len(rows) > _SHOWN + 2 else len(rows)
    return Part(title, rows[:cut], rows[cut:])


# Several graders


def render_frontier(found: Frontier, notes: Sequence[str] = ()) -> str:
    """One self-contained page of several graders of the same rows, without any text of these.

    Parameters
    ----------
    notes
        Sentences that belong beside the costs.
    """
    axis, physicians = UnitAxis(), found.physicians
    figure = frontier(found)
    context = {
        "title": f"{plural(len(found.points), 'grader')} of {Path(found.source).name}",
        "runs": [{"name": "agreement and cost"}],
        "source": Path(found.source).name,
        "rows": plural(found.rows, "row"),
        "prompts": plural(found.prompts, "prompt"),
        "axis": axis,
        "physicians": None if physicians is None else _dot(physicians, axis),
        "coin": decimal(found.coin) if found.coin is not None else "",
        "graders": [
            _grader(point, found, index if index <= 6 else 0, axis)
            for index, point in enumerate(found.points, 1)
        ],
        "priced": found.unit is not None,
        "notes": list(notes),
        "pictures": embedded([] if figure is None else [figure]),
        "unit": _UNIT,
    }
    return fill("audit_frontier.html.jinja", context, scripted=False, pictures=True)


def _grader(point: Grader, found: Frontier, mark: int, axis: UnitAxis) -> GraderRow:
    tokens = cost_words(point, "tokens")
    other = None if found.physicians is None else found.physicians.value
    return GraderRow(
        name=point.grader,
        mark=mark,
        dot=_dot(point.macro_f1, axis, other=other),
        gap=signed_decimal(point.gap.value),
        gap_interval=decimals(point.gap.ci95),
        cost=cost_words(point, "usd") or _NONE,
        tokens=f"{tokens} tokens" if tokens else "",
        n=count(point.rows),
        every_row=point.every_row,
        on_front=point.on_front and sum(each.on_front for each in found.points) > 1,
    )
