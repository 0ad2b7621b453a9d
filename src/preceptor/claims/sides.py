"""The sides of a comparison: each is one run, or several of one kind pooled into one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor import benchmarks
from preceptor.billing import Bill
from preceptor.claims.notes import run_notes
from preceptor.errors import InputError, shorten
from preceptor.records import Example, Graded, Result, Usage, content_key
from preceptor.scoring import LENGTH_SUFFIX, OVERALL, LengthRule
from preceptor.scoring.names import is_adjusted
from preceptor.statistics.intervals import score_interval, share_interval

__all__ = [
    "Side",
    "answered_share",
    "length_rule",
    "matrix",
    "mean_of",
    "pool",
    "rubric",
    "values_of",
]


class Side(msgspec.Struct, frozen=True):
    """What is compared.

    Attributes
    ----------
    label
        How tables and figures call it; unique in a comparison.
    family, harness
        The parts of a label ``MODEL/HARNESS``: sides of one family are compared with its first.
        Without that form the family is "" and the harness the whole label.
    result
        Its runs as one: the answers of a second run are further repeats.
    runs
        The names of the runs.
    """

    label: str
    family: str
    harness: str
    result: Result
    runs: tuple[str, ...]


def answered_share(graded: Sequence[Graded]) -> float:
    """The share of answers that are there, 0 to 1: what is covered where nothing is judged."""
    there = sum(item.response is not None and item.response.failure is None for item in graded)
    return there / len(graded) if graded else 0.0


def pool(results: Sequence[Result], label: str) -> Result:
    """Several runs of one system as one: where they asked the same example, they repeat it.

    Parameters
    ----------
    results
        In the order in which their answers are to be counted as repeats.
    label
        The name of the pooled run.

    Raises
    ------
    InputError
        The runs have not one benchmark, system and grader, with the same parameters but for the
        seed, or have different rubrics for one example: their scores are no repeats of one
        quantity.
    """
    if len(results) == 1:
        only = results[0]
        return msgspec.structs.replace(only, info=msgspec.structs.replace(only.info, name=label))
    first = results[0]
    for field in ("benchmark", "system", "grader"):
        found = list(dict.fromkeys(getattr(result.info, field) for result in results))
        if len(found) > 1:
            raise InputError(
                f"{shorten(label)}: runs to pool must have one {field}, "
                f"found {', '.join(shorten(name) for name in found)}"
            )
    for key in ("system_parameters", "grader_parameters", "template"):
        if len({_settings(result, key) for result in results}) > 1:
            names = ", ".join(shorten(result.info.name) for result in results[:4])
            raise InputError(
                f"{shorten(label)}: runs to pool must have the same {key.replace('_', ' ')}, "
                f"which differ between {names}"
            )
    graded = _renumbered(results, label)
    benchmark = benchmarks.get(first.info.benchmark)
    protocol = benchmark.protocol
    scores = [protocol.score(item) for item in graded]
    examples = list({item.example.id: item.example for item in graded}.values())
    asked = sum(result.verdicts for result in results)
    ungraded: Counter[str] = Counter()
    for result in results:
        ungraded.update(result.ungraded)
    costs = [result.cost_usd for result in results]
    settings = {
        key: value
        for key, value in first.info.settings.items()
        if all(result.info.settings.get(key) == value for result in results)
    }
    info = msgspec.structs.replace(
        first.info,
        name=label,
        status=next((r.info.status for r in results if r.info.status != "done"), "done"),
        settings=settings,
        n_examples=len(examples),
        repeats=max(Counter(item.example.id for item in graded).values(), default=1),
    )
    return msgspec.structs.replace(
        first,
        info=info,
        graded=graded,
        scores=scores,
        metrics=protocol.summarise(scores, examples),
        departures=_each_once(result.departures for result in results),
        notes=run_notes(
            graded,
            _each_once(result.info.settings.get("notes", ()) for result in results),
            benchmark.caution,
            sliced=any(":" in name for name in benchmark.labels),
        ),
        coverage=1 - ungraded.total() / asked if asked else answered_share(graded),
        verdicts=asked,
        ungraded=dict(ungraded.most_common()),
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        system_usage=sum((result.system_usage for result in results), Usage()),
        grader_usage=sum((result.grader_usage for result in results), Usage()),
        bills=_bills(results),
    )


def _bills(results: Sequence[Result]) -> tuple[Bill, ...]:
    """One for each system, grader and example, over all runs."""
    found: dict[tuple[str, str], Bill] = {}
    for bill in (bill for result in results for bill in result.bills):
        known = found.get((bill.part, bill.name))
        found[bill.part, bill.name] = bill if known is None else known + bill
    return tuple(found.values())


def _settings(result: Result, key: str) -> str:
    """As text, without the seed: another seed is what makes a repeat."""
    value = result.info.settings.get(key)
    if isinstance(value, dict):
        value = {name: content for name, content in value.items() if name != "seed"}
    return content_key(value)


def _renumbered(results: Sequence[Result], label: str) -> list[Graded]:
    """All answers, those of one example numbered through."""
    known: dict[str, Example] = {}
    count: Counter[str] = Counter()
    graded = []
    for result in results:
        for item in result.graded:
            example = known.setdefault(item.example.id, item.example)
            if rubric(example) != rubric(item.example):
                raise InputError(
                    f"{shorten(label)}: run {shorten(result.info.name)} has another rubric for "
                    f"example {shorten(example.id)}: runs to pool must have the same examples"
                )
            repeat = count[example.id]
            count[example.id] += 1
            graded.append(msgspec.structs.replace(item, example=example, repeat=repeat))
    return graded


def _each_once(lists: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(text for each in lists for text in each))


def rubric(example: Example) -> tuple[tuple[str, int], ...]:
    """What is graded of an example: its conversation's hash, and each criterion with its points."""
    return (
        (example.prompt_key, 0),
        *((criterion.text, criterion.points) for criterion in example.criteria),
    )


def length_rule(result: Result) -> LengthRule | None:
    """How the benchmark prices length; None where it does not."""
    return benchmarks.get(result.info.benchmark).protocol.length_rule


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
    lowest = benchmarks.get(result.info.benchmark).protocol.lowest(examples)
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
