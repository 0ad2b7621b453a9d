"""What was measured case by case, as tables, JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.bridges.measuring import ROW, MeasuredValue
from preceptor.records import Metric
from preceptor.reports.format import measured, printed_interval
from preceptor.reports.tables import plain_table
from preceptor.scoring.case_metrics import case_metric, title_of
from preceptor.scoring.case_scores import Values, mean_of_cases, median_metric
from preceptor.scoring.efficiency import Weighed
from preceptor.wording import count

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "metrics_table",
    "rows_csv",
    "sections_table",
    "summary",
    "summary_json",
    "summary_table",
    "weighed_table",
]

_Key = tuple[str, str, str]


def summary(rows: Sequence[MeasuredValue]) -> dict[_Key, tuple[Metric, Metric | None]]:
    """(Algorithm, structure, metric) → its mean and its median over the cases that define it."""
    columns: dict[_Key, list[MeasuredValue]] = {}
    for row in rows:
        columns.setdefault((row.algorithm, row.structure, row.metric), []).append(row)
    found = {}
    for key, own in columns.items():
        about = case_metric(key[2])
        there = [(row.case, row.value) for row in own if row.value is not None]
        values = Values(
            [case for case, _ in there], [value for _, value in there], len(there) / len(own)
        )
        mean = mean_of_cases(values, {}, about)
        middle = None
        if there:
            middle = msgspec.structs.replace(median_metric(values, {}), unit=about.unit)
        found[key] = mean, middle
    return found


def summary_table(found: Mapping[_Key, tuple[Metric, Metric | None]]) -> Table:
    """Means and medians by algorithm and structure; ``defined`` is the share of the cases."""
    table = plain_table(
        None,
        ("algorithm", "structure", "metric"),
        ("mean", "95 % interval", "median", "n", "defined"),
    )
    before: tuple[str, str] | None = None
    for (algorithm, structure, metric), (mean, middle) in found.items():
        if before != (algorithm, structure):
            table.add_section()
        _, at, tolerance = metric.partition("@")
        same = before == (algorithm, structure)
        table.add_row(
            "" if same else algorithm,
            "" if same else structure,
            title_of(metric) + (f" at {tolerance} mm" if at else ""),
            measured(mean.value, mean.unit),
            printed_interval(mean),
            "–" if middle is None else measured(middle.value, middle.unit),
            count(mean.n),
            f"{mean.coverage:.0%}",
        )
        before = algorithm, structure
    return table


def summary_json(
    found: Mapping[_Key, tuple[Metric, Metric | None]], definitions: Sequence[str]
) -> dict[str, Any]:
    """The documented form: docs/segmentation.md lists the keys."""
    return {
        "measured": [
            {
                "algorithm": algorithm,
                "structure": structure,
                "metric": metric,
                "mean": msgspec.to_builtins(mean),
                "median": None if middle is None else msgspec.to_builtins(middle),
            }
            for (algorithm, structure, metric), (mean, middle) in found.items()
        ],
        "definitions": list(definitions),
    }


def metrics_table(metrics: Mapping[str, Metric], labels: Mapping[str, str]) -> Table:
    """Metrics of two whole sets."""
    table = plain_table(None, ("metric",), ("value", "95 % interval", "n"))
    for name, metric in metrics.items():
        value, span = measured(metric.value, metric.unit), printed_interval(metric)
        if metric.unit == "" and metric.value is not None:
            value = f"{metric.value:.6f}".replace("-", "−")
            pair = metric.raw_ci95
            span = span if pair is None else f"{pair[0]:.6f} to {pair[1]:.6f}".replace("-", "−")
        table.add_row(labels.get(name, name), value, span, count(metric.n))
    return table


def sections_table(
    metrics: Mapping[str, Metric],
    labels: Mapping[str, str],
    title: str | None = None,
    *,
    alike: Mapping[str, float] | None = None,
) -> Table:
    """Metrics under what stands before the colon of their names; ``alike`` is what two equal tables
    have."""
    more = () if alike is None else ("two equal tables",)
    table = plain_table(title, ("",), ("value", "95 % interval", *more, "n"))
    before = ""
    for name, metric in metrics.items():
        space, colon, rest = name.partition(":")
        space, rest = (space, rest) if colon else ("", name)
        if space != before:
            table.add_section()
            table.add_row(labels.get(space, space), style="bold")
            before = space
        value, pair = metric.value, metric.raw_ci95
        table.add_row(
            ("  " if space else "") + labels.get(name, labels.get(rest, rest)),
            "–" if value is None else _six(value),
            "–" if pair is None else f"{_six(pair[0])} to {_six(pair[1])}",
            *(() if alike is None else ("–" if name not in alike else _six(alike[name]),)),
            count(metric.n),
        )
    return table


def _six(value: float) -> str:
    return (f"{value:.6f}" if abs(value) < 100 else f"{value:,.2f}").replace("-", "−")


def weighed_table(rows: Sequence[Weighed]) -> Table:
    """Models by the declared mean, with their values."""
    table = plain_table(None, ("model",), (*rows[0].values, "front", "ours"))
    for row in rows:
        table.add_row(
            row.name,
            *("–" if value is None else f"{value:,g}" for value in row.values.values()),
            "yes" if row.on_front else "",
            "–" if row.ours is None else f"{row.ours:.4f}",
        )
    return table


def rows_csv(rows: Sequence[MeasuredValue]) -> str:
    """The rows as `preceptor import cases` reads them; an empty value is one not defined."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(ROW)
    for row in rows:
        value = "" if row.value is None else repr(float(row.value))
        writer.writerow((row.case, row.algorithm, row.structure, row.metric, value))
    return stream.getvalue()
