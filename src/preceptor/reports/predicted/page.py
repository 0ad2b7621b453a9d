"""Predictions with outcomes as one HTML page: scores, curves, groups, comparison."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.analysis.predictions import (
    PredictionComparison,
    compare_predictions,
    table_of,
)
from preceptor.errors import InputError
from preceptor.records import Result
from preceptor.reports.figures.base import Figure
from preceptor.reports.figures.curves import calibration, net_benefit, roc
from preceptor.reports.figures.few_shot import few_shot
from preceptor.reports.figures.matrix import transfer_matrix
from preceptor.reports.figures.subgroups import subgroups
from preceptor.reports.format import days, p_value, paragraphs, percent, pretty
from preceptor.reports.page import fill
from preceptor.reports.pictures import embedded
from preceptor.reports.predicted.tables import (
    decimal,
    decimals,
    group_name,
    headline,
    interval_words,
    metric_name,
    signed,
    sized,
)
from preceptor.reports.score import namespaces, said_once
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL

__all__ = ["prediction_figures", "render_predictions"]

#: More runs than this are in the tables and not in the figures.
_MOST = 6


class _Line(msgspec.Struct, frozen=True):
    """One metric of all runs: its name, and for each run value, interval, n, coverage."""

    name: str
    cells: list[tuple[str, str, str, str]]


class _Part(msgspec.Struct, frozen=True):
    title: str
    lines: list[_Line]


class _Contrast(msgspec.Struct, frozen=True):
    claim: str
    sides: tuple[str, str]
    rows: list[tuple[str, str, str, str, str, str]]


def render_predictions(
    sides: Sequence[Side],
    comparison: PredictionComparison | None = None,
    *,
    title: str = "",
    about: str = "",
) -> str:
    """One self-contained page; without a comparison, one is made where there are several sides.

    It has no row of the data: only numbers, and names of groups.
    """
    results = [side.result for side in sides]
    kinds = {result.labels.get(OVERALL, ""): result.info.name for result in results}
    if len(kinds) > 1:
        named = ", ".join(f"{name} ({kind})" for kind, name in kinds.items())
        raise InputError(f"report: expected predictions of one kind of outcome, found {named}")
    remark = ""
    # Of sources and targets the matrix has the pairs that share their rows.
    moved = all("target" in (side.result.info.settings.columns or {}) for side in sides)
    if comparison is None and len(sides) > 1 and not moved:
        try:
            comparison = compare_predictions(sides)
        except InputError as error:
            remark = f"Not compared: {str(error).removeprefix('compare: ')}."
    context: dict[str, object] = {
        "title": title or " · ".join(dict.fromkeys(result.title for result in results)),
        "about": paragraphs(about),
        "date": days([result.info.created_at for result in results]),
        "runs": [
            {"name": side.label, "system": side.result.info.system, "claim": _claim(side.result)}
            for side in sides
        ],
        "parts": _parts(results),
        "pictures": embedded(_figures(sides)),
        "contrasts": [] if comparison is None else _contrasts(comparison),
        "remark": remark,
        "comparison_notes": [] if comparison is None else comparison.notes,
        "remarks": said_once({side.label: side.result.notes for side in sides}),
        "unit": "",
    }
    return fill("predictions.html.jinja", context, scripted=False, pictures=True)


def _figures(sides: Sequence[Side]) -> list[Figure]:
    """Those of the first runs; a curve by the number of examples, and a matrix, are of all."""
    return _of_all(sides) or prediction_figures(sides[:_MOST])


def _of_all(sides: Sequence[Side]) -> list[Figure]:
    """A curve by the number of examples, or a matrix of sources and targets."""
    return [each for each in (few_shot(sides), transfer_matrix(sides)) if each is not None]


def prediction_figures(sides: Sequence[Side]) -> list[Figure]:
    """All figures that there is something to show in."""
    if whole := _of_all(sides):
        return whole
    tables = [table_of(side.result) for side in sides]
    found: list[Figure | None] = []
    if all(table.kind == "binary" for table in tables):
        found += [roc(sides, tables), calibration(sides, tables), net_benefit(sides, tables)]
    if all(table.kind == "forecast" for table in tables):
        found.append(calibration(sides, tables))
    columns = list(dict.fromkeys(column for table in tables for column in table.groups))
    found.append(subgroups(sides, columns))
    return [each for each in found if each is not None]


def _claim(result: Result) -> str:
    whole = result.metrics.get(OVERALL)
    name = pretty(OVERALL, result.labels)
    if whole is None or whole.raw_mean is None:
        return f"{name} is not defined: the rows have one class only, or no prediction."
    between = "" if whole.raw_ci95 is None else f", 95 % interval {decimals(whole.raw_ci95)}"
    return (
        f"{name} {decimal(whole.raw_mean)}{between}; n = {sized(whole)}, coverage "
        f"{percent(whole.coverage)}."
    )


def _parts(results: Sequence[Result]) -> list[_Part]:
    first = {name: metric for result in results for name, metric in result.metrics.items()}
    labels = {name: text for result in results for name, text in result.labels.items()}
    spaces = namespaces(first)
    return [
        _Part(
            pretty(space, labels) if space else "Overall",
            [
                _Line(group_name(name, labels), [_cells(result, name) for result in results])
                for name in names
            ],
        )
        for space, names in spaces.items()
    ]


def _cells(result: Result, name: str) -> tuple[str, str, str, str]:
    metric = result.metrics.get(name)
    if metric is None:
        return ("–", "–", "–", "–")
    return (
        decimal(metric.raw_mean),
        interval_words(metric),
        sized(metric),
        percent(metric.coverage),
    )


def _contrasts(comparison: PredictionComparison) -> list[_Contrast]:
    return [
        _Contrast(
            headline(each, comparison.labels, comparison.lower_is_better),
            (each.reference, each.contender),
            [
                (
                    metric_name(change.metric, comparison.labels),
                    decimal(change.reference),
                    decimal(change.contender),
                    "–" if change.difference is None else signed(change.difference),
                    decimals(change.ci95),
                    p_value(change.p),
                )
                for change in each.changes
            ],
        )
        for each in comparison.contrasts
    ]
