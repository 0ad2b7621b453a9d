"""Metrics that a user asks for of a result: thresholds, and what is before and after a date."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import date

import msgspec

from preceptor import benchmarks
from preceptor.errors import InputError, shorten
from preceptor.protocols.rubric import RubricScoring
from preceptor.records import Example, Metric, Result, examples_of, signs_by_example
from preceptor.scoring.columns import Scores
from preceptor.scoring.groups import group_gaps
from preceptor.scoring.lost import Threshold, at_least
from preceptor.scoring.names import OVERALL
from preceptor.scoring.units import units

__all__ = ["asked_for"]

#: Namespaces of the tags that say when an example is from, the most exact first.
_DATES = ("date", "month", "year")
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_BEFORE, _AFTER, _AROUND, _GAP = "cutoff:before", "cutoff:after", "cutoff:around", "cutoff_gap"


def asked_for(result: Result, at_least: Sequence[str], cutoff: str | None) -> Result:
    """The result with the metrics of these thresholds and of this date, where there are any."""
    result = _with_thresholds(result, at_least) if at_least else result
    return result if cutoff is None else _with_cutoff(result, cutoff)


def _with_thresholds(result: Result, thresholds: Sequence[str]) -> Result:
    """The result with the share of answers that meet so many criteria: ``8``, ``80%``.

    Raises InputError for other words, and where the benchmark has no rubric.
    """
    if not isinstance(benchmarks.of(result.info).protocol.scoring, RubricScoring):
        raise InputError(f"--at-least: {result.info.benchmark} has no rubric whose criteria count")
    try:
        read = [Threshold.read(text) for text in thresholds]
    except ValueError:
        found = shorten(",".join(thresholds))
        raise InputError(
            f"--at-least: expected numbers of criteria or shares such as 8,80%, found {found}"
        ) from None
    unit_of = units(examples_of(result.graded).values())
    found_metrics = at_least(signs_by_example(result.graded), unit_of, read)
    names = {f"at_least:{each}": _words(each) for each in read}
    return _with(result, found_metrics, {"at_least": "Criteria met, at least", **names})


def _words(threshold: Threshold) -> str:
    return f"{threshold} of the desirable criteria" if threshold.share else f"{threshold} criteria"


def _with_cutoff(result: Result, cutoff: str) -> Result:
    """The result with the scores of examples before and after a date, and their difference.

    ``cutoff`` is a day, a month or a year, of which the first day counts: what is from that day on
    is after it. Of an example the tags ``date:…``, ``month:…`` or ``year:…`` say when it is from;
    a month or year with the date in it is ``around``.

    Raises InputError where it is no date, and where no example has one.
    """
    period = _period(cutoff)
    if period is None:
        raise InputError(
            f"--cutoff: expected a date such as 2025-06-01, 2025-06 or 2025, found "
            f"{shorten(cutoff)}"
        )
    examples = [_dated(each, period[0]) for each in examples_of(result.graded).values()]
    dated = [example for example in examples if example.tags]
    if not dated:
        raise InputError(
            f"--cutoff: {result.info.benchmark} does not say when its examples are from: expected "
            f"tags such as date:2025-03-14, month:2025-03 or year:2025"
        )
    scoring = benchmarks.of(result.info).protocol.scoring
    scores = Scores.of(result.scores)
    tags = {example.id: example.tags for example in examples}
    overall = [score for score in scores if OVERALL in score.low]
    means = scoring.means_by(overall, tags, units(examples), scoring.lowest(examples))
    found = {name: each for name, each in means.items() if name.startswith("cutoff:")}
    gaps = group_gaps(overall, examples, "cutoff", "before")
    if _gap := gaps.get("cutoff_gap:after"):
        found[_GAP] = _gap
    labels = {
        "cutoff": f"From before or after {cutoff}",
        _BEFORE: f"Before {cutoff}",
        _AFTER: f"From {cutoff} on",
        _AROUND: "The date is within its month or year",
        _GAP: f"Before {cutoff} less after",
    }
    return _with(result, found, labels)


def _dated(example: Example, cutoff: date) -> Example:
    """The example with the one tag that says on which side of the date it is; or none."""
    by_space = {tag.partition(":")[0]: tag.partition(":")[2] for tag in reversed(example.tags)}
    said = next((by_space[name] for name in _DATES if name in by_space), "")
    period, tag = _period(said), _AROUND
    if period is not None and period[1] < cutoff:
        tag = _BEFORE
    elif period is not None and period[0] >= cutoff:
        tag = _AFTER
    return msgspec.structs.replace(example, tags=() if period is None else (tag,))


def _period(text: str) -> tuple[date, date] | None:
    """First and last day of a day, a month or a year; None for what is none."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day = (None if part is None else int(part) for part in match.groups())
    assert year is not None
    try:
        first = date(year, month or 1, day or 1)
        last_month = month or 12
        return first, date(year, last_month, day or calendar.monthrange(year, last_month)[1])
    except ValueError:
        return None


def _with(result: Result, metrics: dict[str, Metric], labels: dict[str, str]) -> Result:
    return msgspec.structs.replace(
        result, metrics={**result.metrics, **metrics}, labels={**result.labels, **labels}
    )
