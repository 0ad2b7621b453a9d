"""The cells of a sweep side by side: score against length and cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.records import Metric, Response, Result, SweepCell
from preceptor.reports.format import marked, points, printed_interval, read_cell, sample_size
from preceptor.reports.score import remarks, score_json, sentences
from preceptor.reports.spending import spent
from preceptor.scoring import LENGTH_SUFFIX, OVERALL
from preceptor.scoring.answers import share_read

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Lengths", "cell_json", "lengths", "sweep_sentences", "sweep_table"]


class Lengths(msgspec.Struct, frozen=True):
    """Means over a run's answers; those that failed are none. None where nothing is known.

    Attributes
    ----------
    mean_length
        Characters of the answer.
    mean_reasoning_length
        Characters of the reasoning, over the answers that came with its text.
    mean_reasoning_tokens
        Tokens of the reasoning as the endpoint counted them.
    """

    mean_length: float | None
    mean_reasoning_length: float | None
    mean_reasoning_tokens: float | None


def lengths(result: Result) -> Lengths:
    """How long a run's answers and their reasoning are."""
    answers: list[Response] = [
        item.response
        for item in result.graded
        if item.response is not None and item.response.failure is None
    ]
    shown = [answer.reasoning_length for answer in answers if answer.reasoning_length is not None]
    return Lengths(
        _mean([len(answer.text) for answer in answers]),
        _mean(shown),
        _mean([answer.usage.reasoning_tokens for answer in answers]),
    )


def _mean(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None


def cell_json(result: Result) -> dict[str, Any]:
    """The documented form of a cell: its score's, and which cell it is; docs/sweep.md."""
    about = _place(result)
    return {
        **score_json(result),
        "sweep": about.name,
        "cell": about.cell,
        "setting": about.setting,
        **msgspec.structs.asdict(lengths(result)),
    }


def sweep_table(name: str, results: Sequence[Result]) -> Table:
    """One row a cell, on the 0–100 scale; intervals as in a run's own table."""
    from rich.table import Table

    each = [lengths(result) for result in results]
    # Characters where the endpoint shows the reasoning; else tokens, which all count.
    shown = any(length.mean_reasoning_length is not None for length in each)
    table = Table(title=name, title_justify="left")
    table.add_column("cell", overflow="fold")
    reasoning = "reasoning " + ("chars" if shown else "tokens")
    headings = (
        "score",
        "95 % interval",
        "length-adj.",
        "chars",
        reasoning,
        "cost",
        "coverage",
        "read",
        "n",
    )
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for result, length in zip(results, each, strict=True):
        metric = result.metrics.get(OVERALL)
        adjusted = result.metrics.get(OVERALL + LENGTH_SUFFIX)
        thought = length.mean_reasoning_length if shown else length.mean_reasoning_tokens
        table.add_row(
            _cell(result),
            marked(_points(metric), share_read(result.scores)),
            _interval(metric),
            "" if adjusted is None else _points(adjusted),
            _count(length.mean_length),
            _count(thought),
            spent(result.cost_usd),
            f"{result.coverage:.1%}",
            read_cell(share_read(result.scores)),
            "–" if metric is None else sample_size(metric.n, metric.units, metric.units_are),
        )
    return table


def sweep_sentences(results: Sequence[Result]) -> list[str]:
    """What must be said beside the scores: what holds for all cells once, the rest by cell."""
    return remarks({_cell(result): sentences(result) for result in results})


def _cell(result: Result) -> str:
    return ", ".join(f"{k}={v}" for k, v in _place(result).cell.items())


def _place(result: Result) -> SweepCell:
    return result.info.settings.sweep or SweepCell()


def _points(metric: Metric | None) -> str:
    return points(None if metric is None else metric.value)


def _interval(metric: Metric | None) -> str:
    """Of the mean before clipping, as everywhere."""
    return "–" if metric is None else printed_interval(metric)


def _count(mean: float | None) -> str:
    return "–" if mean is None else f"{mean:,.0f}"
