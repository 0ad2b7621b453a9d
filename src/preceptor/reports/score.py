"""Scores as JSON with stable keys, and as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.records import NO_GRADER, Metric, Result, RunSettings, Slice, replies_of
from preceptor.reports.format import (
    marked,
    measured,
    namespace,
    points,
    pretty,
    printed_interval,
    read_cell,
    read_sentence,
    sample_size,
)
from preceptor.reports.spending import spending_json
from preceptor.reports.tables import left_out, main_kinds
from preceptor.reports.view import sorted_slices
from preceptor.results.values import in_order
from preceptor.scoring import LENGTH_SUFFIX, OVERALL
from preceptor.scoring.answers import share_read, unparsed
from preceptor.scoring.names import is_adjusted

if TYPE_CHECKING:
    from rich.table import Table

#: Number of a tool's own scores that are printed.
_MOST_OWN = 8

__all__ = [
    "namespaces",
    "overview_table",
    "remarks",
    "said_once",
    "score_json",
    "score_table",
    "sentences",
]


def score_json(result: Result, *, examples: bool = True) -> dict[str, Any]:
    """The documented form of a score: docs/score-json.md lists the keys.

    Without ``examples`` it does not say what each of them cost: that is most of it.
    """
    info = result.info
    return {
        "run": info.name,
        "benchmark": info.benchmark,
        "system": info.system,
        "grader": info.grader,
        "status": info.status,
        "n_examples": info.size,
        "repeats": info.repeats,
        "coverage": result.coverage,
        "verdicts": result.verdicts,
        "ungraded": result.ungraded,
        "unparsed": unparsed(result.scores),
        "share_read": share_read(result.scores),
        "cost_usd": result.cost_usd,
        "seconds_per_answer": _seconds(result),
        "departures": result.departures,
        "notes": result.notes,
        "spending": spending_json(result, examples=examples),
        "metrics": {name: msgspec.to_builtins(metric) for name, metric in result.metrics.items()},
    }


def _seconds(result: Result) -> float | None:
    """Mean of the answers whose time is known."""
    replies = replies_of(result.graded)
    times = zip(replies.latency_s.tolist(), replies.failure, strict=True)
    known = [seconds for seconds, failure in times if seconds and failure is None]
    return sum(known) / len(known) if known else None


def namespaces(metrics: Mapping[str, Metric], slices: Iterable[Slice] = ()) -> dict[str, list[str]]:
    """Names of metrics by namespace, in the benchmark's order; "" is overall.

    The length-adjusted twins are left out.
    """
    groups: dict[str, list[str]] = {}
    for name, metric in metrics.items():
        if not is_adjusted(name, metrics):
            groups.setdefault(namespace(name, metric), []).append(name)
    return {space: groups[space] for space in in_order(groups, slices)}


def score_table(result: Result, *, every: bool = True) -> tuple[Table, str]:
    """Metrics with interval, n and coverage, on the 0–100 scale; and which slices are left out.

    Without ``every``, the table has the overall score and the main kinds of slices.

    The interval is that of the mean before clipping, which has a column of its own where any
    metric of the run is clipped: an interval from 0 to 0 would tell nothing.
    """
    from rich.table import Table

    info = result.info
    clipped = any(metric.value != metric.raw_mean for metric in result.metrics.values())
    table = Table(title=f"{result.title}: {info.system}", title_justify="left", caption=info.name)
    table.add_column("", overflow="fold")
    means = ("unclipped",) if clipped else ()
    twins = any(is_adjusted(name, result.metrics) for name in result.metrics)
    adjusted_mean = ("length-adj.",) if twins else ()
    share = share_read(result.scores)
    read = () if share is None else ("read",)
    for heading in ("score", *means, "95 % interval", *adjusted_mean, "n", "coverage", *read):
        table.add_column(heading, justify="right", no_wrap=True)
    spaces = namespaces(result.metrics, result.slices)
    shown = list(spaces) if every else main_kinds(spaces)
    for space in shown:
        names = spaces[space]
        if space:
            table.add_section()
            table.add_row(pretty(space, result.labels), style="bold")
        ordered = sorted_slices(space, names, [result]) if space else names
        for name in ordered:
            metric = result.metrics[name]
            adjusted = result.metrics.get(name + LENGTH_SUFFIX)
            table.add_row(
                ("  " if space else "") + pretty(name, result.labels),
                marked(measured(metric.value, metric.unit), share if name == OVERALL else None),
                *((measured(metric.raw_mean, metric.unit),) if clipped else ()),
                printed_interval(metric),
                *(("" if adjusted is None else points(adjusted.value),) if twins else ()),
                sample_size(metric.n, metric.units, metric.units_are),
                f"{metric.coverage:.1%}",
                *((read_cell(share) if name == OVERALL else "",) if read else ()),
            )
    return table, left_out(spaces, shown, result.labels)


def overview_table(results: Iterable[Result]) -> Table:
    """One row a run; columns that only some runs have are there where one of them has them."""
    from rich.table import Table

    rows = [(each, each.metrics[OVERALL]) for each in results if OVERALL in each.metrics]
    clipped = any(metric.value != metric.raw_mean for _, metric in rows)
    twins = any(OVERALL + LENGTH_SUFFIX in each.metrics for each, _ in rows)
    means = ("unclipped",) if clipped else ()
    adjusted_mean = ("length-adj.",) if twins else ()
    table = Table()
    for heading in ("run", "benchmark", "system"):
        table.add_column(heading, overflow="fold")
    share = {id(each): share_read(each.scores) for each, _ in rows}
    read = ("read",) if any(each is not None for each in share.values()) else ()
    for heading in ("score", *means, "95 % interval", *adjusted_mean, "n", "coverage", *read):
        table.add_column(heading, justify="right", no_wrap=True)
    for result, metric in rows:
        adjusted = result.metrics.get(OVERALL + LENGTH_SUFFIX)
        table.add_row(
            result.info.name,
            result.info.benchmark,
            result.info.system,
            marked(measured(metric.value, metric.unit), share[id(result)]),
            *((measured(metric.raw_mean, metric.unit),) if clipped else ()),
            printed_interval(metric),
            *(("" if adjusted is None else points(adjusted.value),) if twins else ()),
            sample_size(metric.n, metric.units, metric.units_are),
            f"{result.coverage:.1%}",
            *((read_cell(share[id(result)]),) if read else ()),
        )
    return table


def own_scores_in_words(settings: RunSettings) -> list[str]:
    """The scores that the tool of an imported run computed, in one sentence."""
    scores, tool = settings.tool_scores or [], settings.tool or "the tool"
    numbers = [
        f"{score.value:.4g}" + (f" (n {score.n:,})" if score.n is not None else "")
        for score in scores[:_MOST_OWN]
    ]
    if len(numbers) == 1:
        return [f"The tool's own score: {numbers[0]}, {scores[0].name} by {tool}."]
    named = [f"{score.name} {said}" for score, said in zip(scores, numbers, strict=False)]
    if len(scores) > _MOST_OWN:
        named.append(f"{len(scores) - _MOST_OWN:,} more in its settings")
    return [f"The tool's own scores, by {tool}: {', '.join(named)}."] if named else []


def sentences(result: Result) -> list[str]:
    """What must be said beside the score: what it covers, bounds, departures and notes."""
    said = []
    overall = result.metrics.get(OVERALL)
    if overall is not None and overall.raw_mean is not None and overall.raw_mean < 0:
        said.append(f"The mean is {points(overall.raw_mean)} before it is clipped to 0.")
    if result.ungraded:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in result.ungraded.items())
        missing = sum(result.ungraded.values())
        said.append(f"{missing:,} of {result.verdicts:,} verdicts are missing: {reasons}.")
        if overall is not None and overall.bounds is not None:
            low, high = overall.bounds
            said.append(
                f"With the missing verdicts the overall score lies between {points(low)} "
                f"and {points(high)}."
            )
    if (unread := read_sentence(result.scores)) is not None:
        said.append(unread)
    said += own_scores_in_words(result.info.settings)
    if not result.departures and result.info.grader != NO_GRADER:
        said.append(f"Grader: {result.info.grader}.")
    return [*said, *result.departures, *result.notes]


def said_once(said: Mapping[str, Sequence[str]]) -> list[tuple[str, list[str]]]:
    """Each sentence with the names that it is said of, none where it is of all; these first."""
    found: dict[str, list[str]] = {}
    for name, sentences in said.items():
        for sentence in dict.fromkeys(sentences):
            found.setdefault(sentence, []).append(name)
    of_all = [(each, list[str]()) for each, names in found.items() if len(names) == len(said)]
    return of_all + [(each, names) for each, names in found.items() if len(names) < len(said)]


def remarks(said: Mapping[str, Sequence[str]]) -> list[str]:
    """The same as lines for a terminal."""
    lines = ((", ".join(names), sentence) for sentence, names in said_once(said))
    return [f"{names}: {sentence}" if names else sentence for names, sentence in lines]
