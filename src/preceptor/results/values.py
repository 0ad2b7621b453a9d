"""Scores of a result under one metric, by example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from preceptor import benchmarks
from preceptor.records import Result, Slice, examples_of
from preceptor.scoring import LENGTH_SUFFIX, OVERALL, LengthRule
from preceptor.scoring.columns import NO_SCORES, Scores, repeats_of
from preceptor.scoring.names import is_adjusted
from preceptor.statistics.intervals import score_interval, share_interval

__all__ = [
    "Table",
    "in_order",
    "length_rule",
    "matrix",
    "mean_of",
    "stated",
    "table_of",
    "values_of",
]


def length_rule(result: Result) -> LengthRule | None:
    """How the benchmark prices length; None where it does not."""
    return benchmarks.of(result.info).protocol.scoring.length_rule


def stated(results: Iterable[Result]) -> list[Slice]:
    """The kinds of slices that the results' benchmarks state, each once, in their order."""
    return list({each.name: each for result in results for each in result.slices}.values())


def in_order(spaces: Iterable[str], slices: Iterable[Slice]) -> list[str]:
    """Namespaces of metrics: those without one, those stated in their order, others by name."""
    known = set(spaces)
    first = [space for space in ("", *(each.name for each in slices)) if space in known]
    return first + sorted(known - set(first))


class Table(NamedTuple):
    """Scores of complete answers under a metric: (examples, repeats), NaN where one has fewer."""

    ids: list[str]
    scores: NDArray[np.float64]
    counts: NDArray[np.intp]

    @classmethod
    def of(cls, scores: Scores, rows: NDArray[np.intp], values: NDArray[np.float64]) -> Table:
        """Of the answers ``rows`` with these values."""
        examples, table = repeats_of(scores.example[rows], values)
        counts = np.bincount(scores.example[rows], minlength=len(scores.ids))[examples]
        return cls([scores.ids[number] for number in examples.tolist()], table, counts)

    def of_examples(self, ids: Sequence[str]) -> NDArray[np.float64]:
        """The rows of these examples."""
        place = {name: row for row, name in enumerate(self.ids)}
        rows = [place[name] for name in ids]
        return self.scores[rows, : self.counts[rows].max(initial=0)]


def table_of(result: Result, metric: str = OVERALL) -> Table:
    """Scores under a metric, one for each repeat that is completely graded.

    Parameters
    ----------
    metric
        As in ``result.metrics``: a slice by example tag is the overall score of the examples with
        that tag; with the suffix of length adjustment each score is adjusted for its own length.
    """
    metrics, scores = result.metrics, Scores.of(result.scores)
    adjusted = metric == OVERALL + LENGTH_SUFFIX or is_adjusted(metric, metrics)
    name = metric.removesuffix(LENGTH_SUFFIX) if adjusted else metric
    tag = metrics[name].tag if name in metrics else None
    part = scores.columns.get(name if tag is None else OVERALL, NO_SCORES)
    chosen, values = part.known, part.value
    if adjusted:
        rule, length = length_rule(result), scores.length[part.rows]
        chosen = chosen & ~np.isnan(length) & (rule is not None)
        values = values if rule is None else rule.adjust(values, length)
    if tag is not None:
        tagged = {key for key, each in examples_of(result.graded).items() if tag in each.tags}
        of_tag = np.array([key in tagged for key in scores.ids], dtype=np.bool_)
        chosen = chosen & of_tag[scores.example[part.rows]]
    return Table.of(scores, part.rows[chosen], values[chosen])


def values_of(result: Result, metric: str = OVERALL) -> dict[str, list[float]]:
    """The same by example id."""
    table = table_of(result, metric)
    rows = zip(table.ids, table.scores.tolist(), table.counts.tolist(), strict=True)
    return {name: row[:count] for name, row, count in rows}


def mean_of(
    result: Result, metric: str, table: NDArray[np.float64], labels: NDArray[np.intp]
) -> tuple[float, tuple[float, float] | None]:
    """Mean of some of a metric's scores, with the interval that the whole metric has.

    ``table`` is that of `matrix`; ``labels`` are the units of its rows.
    """
    found = result.metrics.get(metric)
    if found is not None and found.wilson_ci95 is not None:
        return share_interval(table, labels)
    if is_adjusted(metric, result.metrics):
        return score_interval(table, labels)
    examples = list(examples_of(result.graded).values())
    lowest = benchmarks.of(result.info).protocol.scoring.lowest(examples)
    return score_interval(table, labels, (lowest.get(metric, 0.0), 1.0))


def matrix(
    values: Mapping[str, Sequence[float]], ids: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """Scores as (examples, repeats), NaN where an example has fewer repeats than another."""
    rows = list(values.values()) if ids is None else [values[name] for name in ids]
    filled = np.full((len(rows), max((len(row) for row in rows), default=0)), np.nan)
    for target, row in zip(filled, rows, strict=True):
        target[: len(row)] = row
    return filled
