"""An audit of a grader as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.audit.agreement import Agreement
from preceptor.audit.failures import SelfPreference, Slice
from preceptor.audit.meta_eval import Band
from preceptor.audit.panel import Panel, PanelAudit, RaterAgreement
from preceptor.audit.repeat import Repetition
from preceptor.audit.report import Audit, GraderAgreement
from preceptor.benchmarks import get
from preceptor.reports.format import interval, percent, points, pretty, signed
from preceptor.reports.tables import plain_table
from preceptor.wording import count, plural

if TYPE_CHECKING:
    from rich.table import Table

    from preceptor.statistics.icc import ICC

__all__ = [
    "agreement_table",
    "agreement_words",
    "audit_json",
    "audit_sentences",
    "bands_table",
    "headline",
    "panel_sentences",
    "panel_table",
    "raters_table",
    "slices_table",
]

_NONE = "–"
_LABELS = dict(get("healthbench").labels)


def audit_json(audit: Audit | PanelAudit) -> dict[str, Any]:
    """The documented form of an audit: docs/audit.md lists the keys."""
    found: dict[str, Any] = msgspec.to_builtins(audit)
    return found


def headline(found: GraderAgreement) -> str:
    """The claim in one sentence."""
    own = found.pairwise.macro_f1
    text = f"{found.grader}: macro F1 {_decimal(own.value)} with single physicians"
    if own.ci95 is not None:
        text += f" (95 % interval {_decimals(own.ci95)})"
    if found.among_physicians is None or found.gap.value is None:
        return f"{text}."
    return (
        f"{text}; physicians among themselves {_decimal(found.among_physicians.macro_f1.value)}, "
        f"difference {_decimal(found.gap.value)} ({_decimals(found.gap.ci95)})."
    )


def agreement_words(found: GraderAgreement) -> str:
    """The claim for a reader who knows no measure: of how many verdicts people say the same."""
    agree, among, gap = found.pairwise.observed, found.among_physicians, found.gap.ci95
    if agree.value is None:
        return "Nothing can be said of the agreement: no verdict and label are of the same answer."
    text = f"The grader and a physician say the same in {points(agree.value)} of 100 cases"
    if among is None or among.observed.value is None:
        return f"{text}; no two physicians judged the same, so there is nothing to measure it by."
    text += f", two physicians in {points(among.observed.value)}"
    if gap is None or gap[0] <= 0 <= gap[1]:
        return f"{text}; allowing for chance, no difference was shown."
    less = "less" if gap[1] < 0 else "more"
    return f"{text}; the grader agrees with them {less} than they do with each other."


def agreement_table(found: GraderAgreement) -> Table:
    """The grader with physicians, and physicians with each other."""
    table = plain_table(
        f"{found.grader} on {plural(found.judged, 'judged row')}",
        ("pairs of",),
        ("pairs", "macro F1", "95 % interval", "kappa", "95 % interval", "AC1", "alpha", "agree"),
    )
    for name, one in (
        ("grader and each physician", found.pairwise),
        ("grader and their majority", found.majority),
        ("physicians", found.among_physicians),
    ):
        if one is not None:
            table.add_row(name, *_agreement(one))
    table.add_row("by chance, of this grader", "", _decimal(found.chance), *[""] * 6)
    return table


def _agreement(one: Agreement) -> Iterator[str]:
    yield count(one.pairs)
    for measure in (one.macro_f1, one.kappa):
        yield _decimal(measure.value)
        yield _decimals(measure.ci95)
    for measure in (one.ac1, one.alpha, one.observed):
        yield _decimal(measure.value)


def bands_table(found: GraderAgreement) -> Table | None:
    """The grader among the physicians: themes where the file has them, then categories."""
    table = plain_table(
        "The grader among the physicians",
        ("theme or category",),
        ("macro F1", "95 % interval", "physicians' mean", "percentile", "physicians", "pairs"),
    )
    by_name = {(one.kind, one.name): one for one in found.slices}
    for kind, bands in (("theme", found.themes), ("category", found.categories)):
        table.add_section()
        for band in bands:
            if band.macro_f1 is not None or band.average is not None:
                table.add_row(*_band(band, by_name.get((kind, band.name)), kind))
    return table if table.row_count else None


def _band(band: Band, part: Slice | None, kind: str) -> tuple[str, ...]:
    # A theme's value is a mean over its categories, which the slice's interval is not of.
    bounds = part.macro_f1.ci95 if part is not None and kind == "category" else None
    return (
        pretty(f"theme:{band.name}" if kind == "theme" else band.name, _LABELS),
        _decimal(band.macro_f1),
        _decimals(bounds),
        _decimal(band.average),
        _NONE if band.percentile is None else f"{band.percentile:.1f}",
        count(band.physicians),
        _NONE if part is None else count(part.pairs),
    )


def slices_table(slices: Sequence[Slice]) -> Table | None:
    """Where the grader is too kind and where too strict: all slices but categories."""
    table = plain_table(
        "Where it fails",
        ("slice",),
        (
            "pairs",
            "macro F1",
            "kappa",
            "met − physicians",
            "95 % interval",
            "too kind",
            "too strict",
        ),
    )
    kind = ""
    for one in slices:
        if one.kind == "category":
            continue
        if one.kind != kind:
            table.add_section()
            kind = one.kind
        cells = one.confusion
        table.add_row(
            f"{_KINDS[kind]}: {_slice_name(one)}",
            count(one.pairs),
            _decimal(one.macro_f1.value),
            _decimal(one.kappa.value),
            signed(one.bias.value),
            interval(one.bias.ci95),
            _share(cells.only_grader, cells.neither),
            _share(cells.only_physician, cells.both),
        )
    return table if table.row_count else None


def _slice_name(one: Slice) -> str:
    return pretty(f"theme:{one.name}", _LABELS) if one.kind == "theme" else one.name


_KINDS = {"points": "points", "length": "characters", "theme": "theme", "model": "answers of"}


def _share(part: int, rest: int) -> str:
    return percent(part / (part + rest)) if part + rest else _NONE


def audit_sentences(found: GraderAgreement) -> list[str]:
    """What must be said beside the tables."""
    people = f" by {plural(found.physicians, 'physician')}" if found.physicians else ""
    said = [
        f"{plural(found.labels, 'label')}{people} on {plural(found.prompts, 'prompt')}; "
        "intervals draw whole prompts."
    ]
    blank = sum(band.macro_f1 is None and band.average is None for band in found.categories)
    if blank:
        said.append(
            f"{plural(blank, 'category', 'categories')} where a class never occurs on one side "
            "have no macro F1."
        )
    if found.judged < found.rows:
        said.append(
            f"{plural(found.rows - found.judged, 'row')} of {count(found.rows)} without a "
            "verdict: left out."
        )
    if found.ties:
        said.append(f"{plural(found.ties, 'row')} without a majority: left out of that line.")
    if found.self_preference is not None:
        said.append(_self_preference(found.self_preference))
    if found.repeat is not None:
        said.append(_repetition(found.repeat))
    return said


def _self_preference(found: SelfPreference) -> str:
    return (
        f"Met minus what physicians say: {signed(found.own.value)} on answers of its own family "
        f"({found.family}), {signed(found.others.value)} on others; difference "
        f"{signed(found.difference.value)} (95 % interval {interval(found.difference.ci95)})."
    )


def _repetition(found: Repetition) -> str:
    return (
        f"{found.second} changes {points(found.changed.value)} % (95 % interval "
        f"{interval(found.changed.ci95)}) of the verdicts on {plural(found.rows, 'row')} "
        f"({found.to_met} to met, {found.to_not_met} to not met); macro F1 "
        f"{_decimal(found.first_f1.value)} → {_decimal(found.second_f1.value)}, change "
        f"{_decimal(found.change.value)} ({_decimals(found.change.ci95)})."
    )


# Ratings on any scale


def panel_table(panel: Panel) -> Table:
    """Several raters among themselves."""
    table = plain_table(
        f"{plural(len(panel.raters), 'rater')} on {plural(panel.items, 'item')}",
        ("measure",),
        ("value", "95 % interval"),
    )
    rows: list[tuple[str, Any]] = [
        ("Krippendorff's alpha", panel.alpha),
        ("Fleiss' kappa", panel.fleiss),
        ("Gwet's AC1", panel.ac1),
    ]
    if panel.icc is not None:
        rows += [
            ("ICC(A,1), absolute agreement", panel.icc.agreement),
            ("ICC(C,1), consistency", panel.icc.consistency),
            (f"ICC(C,{panel.icc.raters}), consistency of the mean", panel.icc.average),
        ]
    for name, one in rows:
        if one is not None:
            table.add_row(name, _decimal(one.value), _decimals(one.ci95))
    return table


def raters_table(found: PanelAudit) -> Table:
    """Each rater, or the grader, with the others."""
    numeric = any(one.bias is not None for one in found.raters)
    headings = ["items", "alpha", "95 % interval", "kappa"]
    if numeric:
        headings += ["difference", "95 % interval", "Spearman", "Kendall", "ICC(A,1)", "ICC(C,1)"]
    else:
        headings += ["agree"]
    table = plain_table("Each with the others", ("rater",), headings)
    parts = [one for one in (found.own, found.without_own) if one is not None]
    for group in (found.raters, parts, found.categories, found.models):
        table.add_section()
        for one in group:
            table.add_row(*_rater(one, numeric))
    return table


def _rater(one: RaterAgreement, numeric: bool) -> Iterator[str]:
    yield one.name
    yield count(one.items)
    yield _decimal(one.alpha.value)
    yield _decimals(one.alpha.ci95)
    yield _NONE if one.kappa is None else _decimal(one.kappa.value)
    if not numeric:
        yield _NONE if one.observed is None else _decimal(one.observed.value)
        return
    yield _NONE if one.bias is None else _decimal(one.bias.value)
    yield _NONE if one.bias is None else _decimals(one.bias.ci95)
    for each in (one.spearman, one.kendall):
        yield _NONE if each is None else _decimal(each.value)
    yield _NONE if one.icc is None else _decimal(one.icc.agreement.value)
    yield _NONE if one.icc is None else _decimal(one.icc.consistency.value)


def panel_sentences(found: PanelAudit) -> list[str]:
    """What must be said beside the tables."""
    said = [
        f"{plural(found.items, 'item')} on {plural(found.prompts, 'prompt')}; intervals draw whole "
        "prompts, those of an ICC are by formula."
    ]
    if found.panel is not None:
        said.append(
            f"All say the same on {count(found.panel.unanimous)} items, more than half on "
            f"{count(found.panel.majority)}."
        )
    parts: list[Panel | RaterAgreement] = [*found.raters]
    parts += [] if found.panel is None else [found.panel]
    if any(one.alpha.value is None for one in parts):
        said.append("Agreement beyond chance is undefined (–) where all labels are equal.")
    numeric = found.kind in ("ordinal", "interval")
    if numeric and not all(_complete(one.icc) for one in parts):
        said.append("An ICC needs two items with all ratings, and ratings that differ: else –.")
    return said


def _complete(one: ICC | None) -> bool:
    return one is not None and None not in (one.agreement.value, one.consistency.value)


def _decimal(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}".replace("-", "−")


def _decimals(pair: tuple[float, float] | None) -> str:
    return _NONE if pair is None else f"{_decimal(pair[0])} to {_decimal(pair[1])}"
