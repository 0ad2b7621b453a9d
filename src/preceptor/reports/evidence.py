"""Reliability and length of the sides: each number of the report as a finished word or position."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from preceptor.analysis.length import Lengths, lengths
from preceptor.analysis.reliability import Reliability
from preceptor.reports.format import interval, p_value, percent, points, signed
from preceptor.reports.scale import Scale, scale_for
from preceptor.reports.view import RunView
from preceptor.results.pool import Side
from preceptor.statistics.length import LengthFit
from preceptor.wording import count

__all__ = ["LengthView", "ReliabilityView", "length_views", "reliability_view"]

_CURVE = (1, 2, 3, 4, 6, 8, 16, 32, 64)


class CurveRow(msgspec.Struct, frozen=True):
    """The worst and the best of ``k`` answers, as words and as percent of the axis."""

    k: str
    worst: str
    worst_interval: str
    best: str
    best_interval: str
    at: tuple[str, str]
    span: tuple[str, str]


class Curve(msgspec.Struct, frozen=True):
    """One side; the facts are of its examples with two answers or more."""

    run: RunView
    rows: list[CurveRow]
    n: str
    all: str
    repeated: str
    changed: str
    within: str
    between: str
    run_to_run: str


class ReliabilityView(msgspec.Struct, frozen=True):
    axis: Scale
    curves: list[Curve]


class Slope(msgspec.Struct, frozen=True):
    """Points for each further 500 characters."""

    value: str
    interval: str
    p: str
    n: str
    groups: str


class LengthRow(msgspec.Struct, frozen=True):
    run: RunView
    characters: str
    reasoning: str
    score: str
    adjusted: str
    across: Slope | None
    within: Slope | None


class LengthView(msgspec.Struct, frozen=True):
    """The sides on one benchmark; ``price`` are sentences on what length should cost."""

    title: str
    rows: list[LengthRow]
    reasoning: bool
    price: list[str]


def reliability_view(found: Sequence[tuple[RunView, Reliability]]) -> ReliabilityView | None:
    """The curves of the sides that repeat examples; None where none does."""
    if not found:
        return None
    axis = scale_for(
        value
        for _, one in found
        for at, _ in _shown(one)
        for value in (
            one.worst[at],
            one.best[at],
            *(one.worst_ci95[at] or ()),
            *(one.best_ci95[at] or ()),
        )
    )
    return ReliabilityView(axis, [_curve(run, one, axis) for run, one in found])


def _shown(one: Reliability) -> list[tuple[int, int]]:
    """Index and k of the rows; of a long curve some, and its end."""
    return [(at, k) for at, k in enumerate(one.k) if k in _CURVE or k == one.k[-1]]


def _curve(run: RunView, one: Reliability, axis: Scale) -> Curve:
    rows = []
    for at, k in _shown(one):
        worst, best = one.worst[at], one.best[at]
        low, high = one.worst_ci95[at] or (worst, worst), one.best_ci95[at] or (best, best)
        rows.append(
            CurveRow(
                k=count(k),
                worst=points(worst),
                worst_interval=interval(one.worst_ci95[at]),
                best=points(best),
                best_interval=interval(one.best_ci95[at]),
                at=(axis.at(worst), axis.at(best)),
                span=(axis.at(low[0]), axis.at(high[1])),
            )
        )
    return Curve(
        run=run,
        rows=rows,
        n=count(one.n),
        all=count(one.n + one.left_out),
        repeated=count(one.repeated),
        changed=percent(one.changed),
        within=points(one.within_sd),
        between=points(one.between_sd),
        run_to_run=points(one.run_to_run_sd),
    )


def length_views(sides: Sequence[Side], runs: Sequence[RunView]) -> list[LengthView]:
    """One for each benchmark, as each has its own price of length."""
    names = list(dict.fromkeys(side.result.info.benchmark for side in sides))
    views = []
    for name in names:
        pairs = [
            (side, run)
            for side, run in zip(sides, runs, strict=True)
            if side.result.info.benchmark == name
        ]
        found = lengths([side for side, _ in pairs])
        rows = [
            LengthRow(
                run=run,
                characters="–" if one.mean_length is None else count(one.mean_length),
                reasoning="–"
                if one.mean_reasoning_length is None
                else count(one.mean_reasoning_length),
                score=points(one.score),
                adjusted=points(one.adjusted),
                across=_slope(one.across_examples),
                within=_slope(one.within_examples),
            )
            for one, (_, run) in zip(found.sides, pairs, strict=True)
        ]
        price = list(_price(found))
        reasoning = any(one.mean_reasoning_length is not None for one in found.sides)
        title = pairs[0][0].result.title if len(names) > 1 else ""
        views.append(LengthView(title, rows, reasoning, price))
    return views


def _slope(fit: LengthFit | None) -> Slope | None:
    if fit is None:
        return None
    return Slope(
        signed(fit.per_500),
        interval(fit.ci95),
        p_value(fit.p),
        count(fit.n),
        count(fit.groups or 0),
    )


def _price(found: Lengths) -> Iterable[str]:
    """The benchmark's price, and the one that these sides give."""
    rule, penalty = found.rule_per_500, found.penalty
    if rule is None:
        yield "The benchmark has no price of length."
    else:
        yield f"The benchmark takes off {points(rule)} points for each further 500 characters."
    if penalty is None:
        yield (
            "A price of these systems’ own cannot be derived: none was tried at two levels of "
            "verbosity, as in a sweep (preceptor sweep --vary instruction=brief,normal,thorough)."
        )
        return
    each = "; ".join(f"{name}: {signed(slope)}" for name, slope in penalty.slopes.items())
    yield (
        "The same method (slope of mean score on mean length over the levels of verbosity of one "
        "setting up to 4,000 characters, mean over settings) gives for these runs "
        f"{signed(penalty.per_500)} points for each further 500 characters (95 % interval "
        f"{interval(found.penalty_ci95)}, {count(found.penalty_examples)} examples; {each})."
    )
    if penalty.left_out:
        yield f"Without two such levels, and so not in it: {', '.join(penalty.left_out)}."
