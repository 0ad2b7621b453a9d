"""Results → what each part of the page says: everything is a finished word or position here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress

import msgspec

from preceptor.records import Metric, Result, replies_of
from preceptor.reports.banners import reasons
from preceptor.reports.charts import SMALL, Axis, Span
from preceptor.reports.format import (
    SHARE,
    day,
    fewer_units,
    interval,
    marked,
    measured,
    namespace,
    percent,
    points,
    pretty,
    printed_interval,
    read_cell,
    short_name,
)
from preceptor.results.values import in_order, stated
from preceptor.scoring import LENGTH_SUFFIX, OVERALL
from preceptor.scoring.answers import share_read
from preceptor.scoring.columns import Scores
from preceptor.scoring.names import is_adjusted
from preceptor.wording import count, plural

__all__ = [
    "Columns",
    "Number",
    "RunView",
    "Section",
    "SectionRow",
    "columns",
    "run_views",
    "sections",
    "sorted_slices",
]

_SHOWN = 10


class Number(msgspec.Struct, frozen=True):
    """A metric as it is printed and drawn; positions are percent of the axis.

    ``raw`` is the mean before clipping with its interval, where clipping changed it.
    """

    value: str
    interval: str
    n: str
    units: str
    small: bool
    coverage: str
    complete: bool
    bounds: str | None
    raw: tuple[str, str] | None
    at: str | None
    beyond: bool
    span: Span | None
    allowed: tuple[str, str] | None

    @property
    def passes(self) -> bool:
        """Whether the edge of the axis cuts it."""
        return self.beyond or (self.span is not None and any(self.span[2:]))


class RunView(msgspec.Struct, frozen=True):
    """One run in the head of the report. ``mark`` is its shape and colour, 0 for none."""

    mark: int
    name: str
    short: str
    system: str
    grader: str
    date: str
    examples: str
    repeats: int
    score: Number
    adjusted: Number | None
    facts: list[tuple[str, str]]
    read: str | None = None


class SectionRow(msgspec.Struct, frozen=True):
    name: str
    runs: list[tuple[RunView, Number, Number | None]]


class Section(msgspec.Struct, frozen=True):
    """The metrics of one namespace: ``first`` is seen at once, ``rest`` on demand."""

    title: str
    first: list[SectionRow]
    rest: list[SectionRow]

    def numbers(self) -> Iterable[tuple[RunView, Number, Number | None]]:
        return (entry for row in self.first + self.rest for entry in row.runs)


class Columns(msgspec.Struct, frozen=True):
    """Which columns the breakdown has: the same in every section, so that its axes are aligned."""

    raw: bool
    clipped: bool
    adjusted: bool
    coverage: bool
    small: bool
    beyond: bool


def columns(parts: Sequence[Section]) -> Columns:
    numbers = [entry for part in parts for entry in part.numbers()]
    return Columns(
        # Small samples are often below zero: they alone do not get a column, which would be empty.
        raw=any(number.raw and not number.small for _, number, _ in numbers),
        clipped=any(number.raw for _, number, _ in numbers),
        adjusted=any(twin is not None for _, _, twin in numbers),
        coverage=any(not number.complete for _, number, _ in numbers),
        small=any(number.small for _, number, _ in numbers),
        beyond=any(number.passes for _, number, _ in numbers),
    )


def number(metric: Metric, axis: Axis) -> Number:
    raw = metric.raw_mean
    clipped = raw is not None and metric.value is not None and abs(raw - metric.value) > 1e-9
    span = metric.raw_ci95
    if metric.unit != SHARE:  # it has no place on the axis of shares
        raw = span = None
    return Number(
        value=measured(metric.value, metric.unit),
        interval=printed_interval(metric),
        n=count(metric.n),
        units=fewer_units(metric.n, metric.units, metric.units_are),
        small=metric.n < SMALL,
        coverage=percent(metric.coverage),
        complete=metric.coverage >= 1,
        bounds=None if metric.bounds is None else interval(metric.bounds),
        raw=(points(raw), printed_interval(metric)) if clipped else None,
        at=None if raw is None else axis.at(raw),
        beyond=raw is not None and not axis.low <= raw <= axis.high,
        span=axis.span(span),
        allowed=_width(metric.bounds, axis),
    )


def _width(bounds: tuple[float, float] | None, axis: Axis) -> tuple[str, str] | None:
    """Left edge and width, as a rectangle wants them."""
    if bounds is None:
        return None
    low, high = (axis.share(bound) * 100 for bound in bounds)
    return f"{low:.2f}%", f"{high - low:.2f}%"


_NOTHING = Metric(None, None, 0, None, None, None, 0.0)


def run_views(results: Sequence[Result], marks: Sequence[int], axis: Axis) -> list[RunView]:
    views = []
    for result, mark in zip(results, marks, strict=True):
        info, adjusted = result.info, result.metrics.get(OVERALL + LENGTH_SUFFIX)
        score = number(result.metrics.get(OVERALL, _NOTHING), axis)
        share = share_read(result.scores)
        score = msgspec.structs.replace(score, value=marked(score.value, share))
        views.append(
            RunView(
                mark=mark,
                name=info.name,
                short=short_name(info.name),
                system=info.system,
                grader=info.grader,
                date=day(info.created_at),
                examples=count(info.n_examples),
                repeats=info.repeats,
                score=score,
                adjusted=None if adjusted is None else number(adjusted, axis),
                facts=list(_facts(result)),
                read=None if share is None else read_cell(share),
            )
        )
    return views


def _facts(result: Result) -> Iterable[tuple[str, str]]:
    replies = replies_of(result.graded)
    answered = [failure is None for failure in replies.failure]
    failed = answered.count(False)
    text = count(len(answered) - failed)
    yield "Answers", text + (f" and {plural(failed, 'failure')}" if failed else "")
    lengths = Scores.of(result.scores).lengths
    if len(lengths):
        yield "Mean length of an answer", f"{count(lengths.sum() / len(lengths))} characters"
    seconds = [each for each in compress(replies.latency_s.tolist(), answered) if each]
    if seconds:
        yield "Mean time of an answer", f"{sum(seconds) / len(seconds):.1f} s"
    missing = sum(result.ungraded.values())
    verdicts = f"{count(result.verdicts - missing)} of {count(result.verdicts)}"
    if result.verdicts:
        yield "Verdicts given", verdicts if missing else f"all {count(result.verdicts)}"
    if missing:
        yield "Verdicts missing", reasons(result)
    if result.cost_usd:
        yield "Cost", f"${result.cost_usd:,.2f}"
    tokens = result.system_usage.total, result.grader_usage.total
    patient = result.patient_usage.total
    if any(tokens):
        between = f"{count(patient)} by the patient, " if patient else ""
        words = f"{count(tokens[0])} by the system, {between}{count(tokens[1])} by the grader"
        yield "Tokens", words
    if result.info.status:
        yield "State of the run", result.info.status


def sections(results: Sequence[Result], runs: Sequence[RunView], axis: Axis) -> list[Section]:
    """One section for each namespace of metrics, in the benchmark's order."""
    labels = {name: label for result in results for name, label in result.labels.items()}
    pairs = list(zip(results, runs, strict=True))
    spaces: dict[str, dict[str, None]] = {}
    for result in results:
        for name, metric in result.metrics.items():
            if name != OVERALL and not is_adjusted(name, result.metrics):
                spaces.setdefault(namespace(name, metric), {})[name] = None
    found = []
    for space in in_order(spaces, stated(results)):
        names = list(spaces[space])
        names = sorted_slices(space, names, results) if space else names
        rows = [SectionRow(pretty(name, labels), _numbers(name, pairs, axis)) for name in names]
        cut = _SHOWN if len(rows) > _SHOWN + 2 else len(rows)
        title = pretty(space, labels) if space else "Further metrics"
        found.append(Section(title, rows[:cut], rows[cut:]))
    return found


def _numbers(
    name: str, pairs: Sequence[tuple[Result, RunView]], axis: Axis
) -> list[tuple[RunView, Number, Number | None]]:
    numbers = []
    for result, run in pairs:
        metric, twin = result.metrics.get(name), result.metrics.get(name + LENGTH_SUFFIX)
        if metric is not None:
            adjusted = None if twin is None else number(twin, axis)
            numbers.append((run, number(metric, axis), adjusted))
    return numbers


def sorted_slices(space: str, names: list[str], results: Sequence[Result]) -> list[str]:
    """In the benchmark's order; where it states none, the largest first."""
    values = next((each.order for each in stated(results) if each.name == space), ())
    order = [f"{space}:{value}" for value in values]
    if order:
        return sorted(names, key=lambda name: order.index(name) if name in order else len(order))
    sizes = {name: max(r.metrics[name].n for r in results if name in r.metrics) for name in names}
    return sorted(names, key=lambda name: -sizes[name])
