"""What answers lack: criteria missed and points lost, by axis and by sign of the points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from preceptor.records import Criterion, Graded
from preceptor.reports.charts import SMALL
from preceptor.reports.figures.base import Figure, Row
from preceptor.reports.figures.forest import Column, Group, Mark, draw_forest
from preceptor.reports.figures.legend import Band, key_of
from preceptor.reports.figures.page import Page
from preceptor.reports.figures.slicing import label_of
from preceptor.reports.figures.style import looks
from preceptor.reports.figures.words import between, evidence, physicians
from preceptor.reports.format import points
from preceptor.reports.missed_criteria import judged_by_example
from preceptor.reports.view import sorted_slices
from preceptor.results.pool import Side

__all__ = ["missed", "share"]

_WITHOUT = "axis:"
_HEADINGS = {True: "Wanted, but not met", False: "Unwanted, but met"}


class _Kind(msgspec.Struct, frozen=True):
    """Criteria of one axis with points of one sign."""

    axis: str
    positive: bool


class _Share(msgspec.Struct, frozen=True):
    """A share of sums over examples, 0 to 1."""

    value: float
    interval: tuple[float, float] | None
    n: int


class _Tally(msgspec.Struct, frozen=True):
    """How one side did on one kind: ``rate`` of its criteria missed, of which ``criteria`` were
    judged, and the points ``lost`` by them as a share of all that could be had."""

    rate: _Share
    lost: _Share
    criteria: int


def missed(sides: Sequence[Side]) -> Figure | None:
    """Share of criteria missed and of points lost, by axis and sign of the points.

    A criterion with positive points is missed where it is not met, one with negative points where
    it is. The points lost are a share of the positive points of all judged criteria, so that over
    the kinds they add up to what the pooled score lacks of 100. None where nothing was judged.
    """
    tallies = [_tallies(side.result.graded) for side in sides]
    kinds = _sorted({kind for tally in tallies for kind in tally}, sides)
    if not kinds:
        return None
    styles = looks(sides)
    groups = [_group(kind, kinds, tallies, sides) for kind in kinds]
    heads = ("share (%)",)
    columns = [
        Column("Criteria missed, of those judged", "Criteria (%)", heads, zero=True),
        Column("Points lost, of those to be had", "Points (%)", heads, zero=True),
    ]
    rows = max(1, sum(not physicians(side) for side in sides))

    def draw(page: Page) -> None:
        page.bottom = page.key(page.bottom, key_of(sides, styles))
        draw_forest(page, groups, columns, styles, rows)

    return Figure(
        name="missed",
        title="What the answers lack",
        caption=(
            "n: criteria judged, repeats of an example counted. Shares of all judged criteria and "
            "points, with 95 % intervals over examples; points lost add up over the rows to what "
            f"the pooled score lacks of 100. {evidence(sides)} Grey: fewer than {SMALL} examples."
        ),
        rows=_rows(kinds, sides, tallies),
        draw=draw,
    )


def _rows(
    kinds: Sequence[_Kind], sides: Sequence[Side], tallies: Sequence[dict[_Kind, _Tally]]
) -> list[Row]:
    return [
        {
            "side": side.label,
            "axis": kind.axis.removeprefix("axis:") or None,
            "points": "positive" if kind.positive else "negative",
            "criteria_judged": tally[kind].criteria,
            "examples": tally[kind].rate.n,
            "missed": tally[kind].rate.value,
            "missed_low": (tally[kind].rate.interval or (None, None))[0],
            "missed_high": (tally[kind].rate.interval or (None, None))[1],
            "points_lost": tally[kind].lost.value,
            "points_lost_low": (tally[kind].lost.interval or (None, None))[0],
            "points_lost_high": (tally[kind].lost.interval or (None, None))[1],
        }
        for kind in kinds
        for side, tally in zip(sides, tallies, strict=True)
        if kind in tally
    ]


def share(parts: Sequence[float], wholes: Sequence[float]) -> _Share:
    """Σ parts / Σ wholes over examples, with a 95 % interval.

    By linearisation of the ratio (Cochran 1977, section 6.4), which is the error that is robust to
    what verdicts within an example share::

        Var(R) = n/(n−1) · Σ (a_i − R·b_i)² / (Σ b_i)²

    Parameters
    ----------
    parts, wholes
        a_i and b_i, one for each example; Σ b_i > 0.

    Returns
    -------
    value, interval cut to [0, 1], n
        The interval is None for a single example, and where all or nothing is missed: the error by
        this formula is 0 then, which would claim too much.
    """
    a, b = np.asarray(parts, dtype=np.float64), np.asarray(wholes, dtype=np.float64)
    n, total = len(a), float(b.sum())
    value = float(a.sum()) / total
    if n < 2 or value in (0.0, 1.0):
        return _Share(value, None, n)
    error = math.sqrt(n / (n - 1) * float(((a - value * b) ** 2).sum())) / total
    return _Share(value, (max(0.0, value - 1.96 * error), min(1.0, value + 1.96 * error)), n)


def _tallies(graded: Iterable[Graded]) -> dict[_Kind, _Tally]:
    """By kind; the repeats of an example are one example."""
    judged: dict[_Kind, dict[str, int]] = {}
    gone: dict[_Kind, dict[str, int]] = {}
    lost: dict[_Kind, dict[str, int]] = {}
    attainable: dict[str, int] = {}
    for example, counts in judged_by_example(graded):
        name = example.id
        for criterion, (given, missing) in zip(example.criteria, counts, strict=True):
            if not given:
                continue
            kind = _Kind(_axis(criterion), criterion.points > 0)
            for counter, number in (
                (judged, given),
                (gone, missing),
                (lost, abs(criterion.points) * missing),
            ):
                of_kind = counter.setdefault(kind, {})
                of_kind[name] = of_kind.get(name, 0) + number
            attainable[name] = attainable.get(name, 0) + max(0, criterion.points) * given
    everything = list(attainable)
    wholes = [attainable[name] for name in everything]
    return {
        kind: _Tally(
            rate=share([gone[kind][name] for name in of_kind], list(of_kind.values())),
            lost=share([lost[kind].get(name, 0) for name in everything], wholes),
            criteria=sum(of_kind.values()),
        )
        for kind, of_kind in judged.items()
        if sum(wholes) > 0
    }


def _axis(criterion: Criterion) -> str:
    return next((tag for tag in criterion.tags if tag.startswith("axis:")), _WITHOUT)


def _sorted(kinds: set[_Kind], sides: Sequence[Side]) -> list[_Kind]:
    """Positive points first; axes as the HTML report sorts them, criteria without one last."""
    axes = {kind.axis for kind in kinds if kind.axis != _WITHOUT}
    known = {name: None for side in sides for name in side.result.metrics if name in axes}
    results = [side.result for side in sides]
    order = [*sorted_slices("axis", list(known), results), *sorted(axes - known.keys()), _WITHOUT]
    return sorted(kinds, key=lambda kind: (not kind.positive, order.index(kind.axis)))


def _group(
    kind: _Kind,
    kinds: Sequence[_Kind],
    tallies: Sequence[dict[_Kind, _Tally]],
    sides: Sequence[Side],
) -> Group:
    only = all(other.axis == _WITHOUT for other in kinds)
    first = next(other for other in kinds if other.positive == kind.positive)
    found = [tally.get(kind) for tally in tallies]
    n = sorted({tally.criteria for tally in found if tally})
    bands: list[Band | None] = [None, None]
    marks: tuple[list[Mark], list[Mark]] = ([], [])
    row = 0
    for look, (side, tally) in enumerate(zip(sides, found, strict=True)):
        if tally is not None:
            for index, part in enumerate((tally.rate, tally.lost)):
                if physicians(side):
                    bands[index] = Band(part.value, part.interval)
                else:
                    small = tally.rate.n < SMALL
                    text = (points(part.value),)
                    marks[index].append(Mark(row, look, part.value, part.interval, text, small))
        row += not physicians(side)
    return Group(
        label="All criteria" if only else _name(kind.axis, sides),
        n=between(n),
        marks=(tuple(marks[0]), tuple(marks[1])),
        bands=tuple(bands),
        heading=_HEADINGS[kind.positive] if kind is first else "",
    )


def _name(axis: str, sides: Sequence[Side]) -> str:
    return "Without an axis" if axis == _WITHOUT else label_of(axis, sides)
