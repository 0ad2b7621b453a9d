"""Scores of a result under one metric, by example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from preceptor import benchmarks
from preceptor.records import Result, Slice
from preceptor.scoring import LENGTH_SUFFIX, OVERALL, LengthRule
from preceptor.scoring.names import is_adjusted
from preceptor.statistics.intervals import score_interval, share_interval

__all__ = ["in_order", "length_rule", "matrix", "mean_of", "stated", "values_of"]


def length_rule(result: Result) -> LengthRule | None:
    """How the benchmark prices length; None where it does not."""
    return benchmarks.of(result.info).protocol.length_rule


def stated(results: Iterable[Result]) -> list[Slice]:
    """The kinds of slices that the results' benchmarks state, each once, in their order."""
    return list({each.name: each for result in results for each in result.slices}.values())


def in_order(spaces: Iterable[str], slices: Iterable[Slice]) -> list[str]:
    """Namespaces of metrics: those without one, those stated in their order, others by name."""
    known = set(spaces)
    first = [space for space in ("", *(each.name for each in slices)) if space in known]
    return first + sorted(known - set(first))


def values_of(
    result: Result, metric: str = OVERALL, *, only: frozenset[str] | None = None
) -> dict[str, list[float]]:
    """Scores under a metric by example id, one for each repeat that is completely graded.

    Parameters
    ----------
    metric
        As in ``result.metrics``: a slice by example tag is the overall score of the examples with
        that tag; with the suffix of length adjustment each score is adjusted for its own length.
    only
        Keep these examples.
    """
    metrics = result.metrics
    adjusted = metric == OVERALL + LENGTH_SUFFIX or is_adjusted(metric, metrics)
    name = metric.removesuffix(LENGTH_SUFFIX) if adjusted else metric
    rule = length_rule(result) if adjusted else None
    tag = metrics[name].tag if name in metrics else None
    ids = {item.example.id for item in result.graded if tag is None or tag in item.example.tags}
    if only is not None:
        ids &= only
    found: dict[str, list[float]] = {}
    for score in result.scores:
        value = score.values.get(name if tag is None else OVERALL)
        if value is None or score.example_id not in ids:
            continue
        if adjusted:
            if rule is None or score.length is None:
                continue
            value = rule.adjust(value, score.length)
        found.setdefault(score.example_id, []).append(value)
    return found


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
    examples = list({item.example.id: item.example for item in result.graded}.values())
    lowest = benchmarks.of(result.info).protocol.lowest(examples)
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
