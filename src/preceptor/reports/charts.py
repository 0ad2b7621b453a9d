"""Where marks, bars and dots lie: the geometry of the report's charts, in percent of their area.

Percent and not pixels, so that the drawing stretches with the page while its text does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from preceptor.records import Metric, Score
from preceptor.reports.format import percent, points
from preceptor.scoring import OVERALL
from preceptor.scoring.columns import NO_SCORES, Scores
from preceptor.wording import count, plural

Floats = NDArray[np.float64]

__all__ = [
    "SMALL",
    "Axis",
    "Bar",
    "Dot",
    "Histogram",
    "Scatter",
    "Span",
    "Tick",
    "axis_for",
    "bin_counts",
    "histogram",
    "longest_shown",
    "overall_of",
    "response_axis",
    "scatter",
]

#: A metric over fewer examples than this is shown, in grey, and does not stretch the axis.
SMALL = 10
#: More dots than this say no more and make the file heavy.
_MOST_DOTS = 1500
_BIN = 0.1


class Tick(msgspec.Struct, frozen=True):
    label: str
    at: str
    zero: bool = False


class Span(NamedTuple):
    """Ends of an interval on an axis; ``left`` and ``right``: it continues beyond that edge."""

    start: str
    end: str
    left: bool
    right: bool


class Axis(msgspec.Struct, frozen=True):
    """A common scale of scores, ``low`` to ``high`` on the 0–1 scale."""

    low: float = 0.0
    high: float = 1.0

    def share(self, score: float) -> float:
        return min(1.0, max(0.0, (score - self.low) / (self.high - self.low)))

    def at(self, score: float) -> str:
        return _percent(self.share(score))

    def span(self, pair: tuple[float, float] | None) -> Span | None:
        """An interval as it is drawn: its edges cut it, which an arrowhead shows."""
        if pair is None:
            return None
        low, high = pair
        left, right = low < self.low - 1e-9, high > self.high + 1e-9
        return Span(self.at(low), self.at(high), left, right)

    @property
    def ticks(self) -> list[Tick]:
        return [Tick(_whole(mark), self.at(mark), mark == 0) for mark in self.marks]

    @property
    def ticks_up(self) -> list[Tick]:
        """The same, measured from the top: for an upright axis."""
        return [
            Tick(_whole(mark), _percent(1 - self.share(mark)), mark == 0) for mark in self.marks
        ]

    @property
    def marks(self) -> list[float]:
        step = 0.25 if self.high - self.low <= 1.25 else 0.5
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


class Bar(msgspec.Struct, frozen=True):
    x: str
    y: str
    width: str
    height: str
    negative: bool


class Histogram(msgspec.Struct, frozen=True):
    """How many answers have which score; ``summary`` says it in words."""

    bars: list[Bar]
    axis: Axis
    top: str
    summary: str


class Dot(msgspec.Struct, frozen=True):
    x: str
    y: str
    beyond: bool


class Scatter(msgspec.Struct, frozen=True):
    """Score against length; ``trend`` are the means of equally many answers each."""

    dots: list[Dot]
    trend: list[tuple[Dot, Dot]]
    axis: Axis
    across: list[Tick]
    summary: str


def axis_for(metrics: Iterable[Metric]) -> Axis:
    """One scale for all these metrics: from 0, or lower where a raw mean lies below.

    An interval stretches it too, unless it is wide for want of examples; then the edge cuts it.
    """
    lowest = 0.0
    for metric in metrics:
        if metric.raw_mean is None or metric.raw_mean >= 0 or metric.n < SMALL:
            continue
        enough = metric.raw_ci95 is not None and metric.n >= 3 * SMALL
        lowest = min(lowest, metric.raw_ci95[0] if enough and metric.raw_ci95 else metric.raw_mean)
    return _down_to(lowest, (-0.1, -0.25, -0.5, -1.0))


def _down_to(lowest: float, steps: Sequence[float]) -> Axis:
    if lowest >= 0:
        return Axis()
    return Axis(next((step for step in steps if step <= lowest), steps[-1]))


def histogram(scores: Sequence[Score], axis: Axis, top: int) -> Histogram:
    """Ten points to a bin; what lies below the axis is in the first bin, and said so."""
    values = overall_of(scores)
    width = _BIN / (axis.high - axis.low)
    bars = [
        Bar(
            _percent(index * width + 0.1 * width),
            _percent(1 - number / top),
            _percent(0.8 * width),
            _percent(number / top),
            axis.low + index * _BIN < -1e-9,
        )
        for index, number in enumerate(bin_counts(values, axis))
        if number
    ]
    return Histogram(bars, axis, count(top), _distribution(values, axis))


def overall_of(scores: Sequence[Score]) -> Floats:
    """The overall scores of the completely graded answers."""
    part = Scores.of(scores).columns.get(OVERALL, NO_SCORES)
    return part.value[part.known]


def bin_counts(values: ArrayLike, axis: Axis) -> list[int]:
    bins = round((axis.high - axis.low) / _BIN)
    # 1e-9: 0.3 belongs to the bin that begins there, whatever its last binary digit says.
    index = np.floor((np.asarray(values, dtype=np.float64) - axis.low) / _BIN + 1e-9).clip(
        0, bins - 1
    )
    counts: list[int] = np.bincount(index.astype(np.intp), minlength=bins).tolist()
    return counts


def _distribution(values: Floats, axis: Axis) -> str:
    if not len(values):
        return "No answer has a complete score."
    ordered = np.sort(values).tolist()
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    negative = int((values < 0).sum())
    text = (
        f"{plural(len(values), 'answer')}: median {points(middle)}, "
        f"lowest {points(ordered[0])}, highest {points(ordered[-1])}"
    )
    if negative:
        text += f"; {percent(negative / len(values))} below zero"
    beyond = int((values < axis.low - 1e-9).sum())
    if beyond:
        text += f"; the first bar holds {count(beyond)} below {points(axis.low)}"
    return text + "."


def scatter(scores: Sequence[Score], axis: Axis, longest: float) -> Scatter:
    """One dot an answer, ``longest`` characters at the right edge."""
    table = Scores.of(scores)
    part = table.columns.get(OVERALL, NO_SCORES)
    lengths, values = table.length[part.rows[part.known]], part.value[part.known]
    there = ~np.isnan(lengths)
    lengths, values = lengths[there], values[there]
    order = np.lexsort((values, lengths))
    lengths, values = lengths[order], values[order]

    def dot(length: float, score: float) -> Dot:
        beyond = length > longest or score < axis.low
        return Dot(_percent(min(1.0, length / longest)), _percent(1 - axis.share(score)), beyond)

    step = max(1, math.ceil(len(values) / _MOST_DOTS))
    trend = [dot(*point) for point in _means(lengths, values)]
    beyond = int(((lengths > longest) | (values < axis.low)).sum())
    summary = plural(len(values), "answer")
    if step > 1:
        summary += f", every {step}{'nd' if step == 2 else 'rd' if step == 3 else 'th'} drawn"
    if beyond:
        summary += f"; {count(beyond)} beyond the edge, drawn hollow on it"
    return Scatter(
        dots=list(map(dot, lengths[::step].tolist(), values[::step].tolist())),
        trend=list(pairwise(trend)),
        axis=axis,
        across=[
            Tick(count(longest * part), _percent(part), part == 0)
            for part in (0, 0.25, 0.5, 0.75, 1)
        ],
        summary=summary + ".",
    )


def _means(lengths: Floats, values: Floats) -> list[tuple[float, float]]:
    groups = min(8, len(values) // 10)
    if groups < 2:
        return []
    edges = [round(index * len(values) / groups) for index in range(groups + 1)]
    parts = [slice(*edge) for edge in pairwise(edges)]
    x, y = ([_mean(each[part].tolist()) for part in parts] for each in (lengths, values))
    return list(zip(x, y, strict=True))


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def longest_shown(scores: Iterable[Sequence[Score]]) -> float:
    """A round number of characters under which 98 % of the answers lie."""
    lengths = np.sort(np.concatenate([Scores.of(each).lengths for each in scores]))
    if not len(lengths):
        return 1000.0
    typical = max(1, int(lengths[math.ceil(0.98 * len(lengths)) - 1]))
    unit = 10.0 ** math.floor(math.log10(typical))
    return float(next(unit * step for step in (1, 2, 4, 6, 8, 10) if unit * step >= typical))


def response_axis(scores: Iterable[Sequence[Score]]) -> Axis:
    """The scale of single answers, from −100 at the lowest."""
    lowest = min(float(overall_of(each).min(initial=0.0)) for each in scores)
    return _down_to(lowest, (-0.5, -1.0))


def _percent(share: float) -> str:
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"


def _whole(score: float) -> str:
    return points(score).removesuffix(".0")
