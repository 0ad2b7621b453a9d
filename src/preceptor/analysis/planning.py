"""How many examples and repeats show a difference of a given size? From a pilot's variances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.analysis.alignment import align
from preceptor.analysis.paired import Paired
from preceptor.errors import InputError, shorten
from preceptor.records import examples_of
from preceptor.results.pool import Side
from preceptor.results.values import matrix, values_of
from preceptor.scoring import OVERALL
from preceptor.scoring.units import units
from preceptor.statistics.intervals import ROUNDING, estimate
from preceptor.statistics.power import (
    Components,
    components,
    detectable_difference,
    difference_components,
    examples_needed,
)

__all__ = ["Detectable", "Needed", "PowerPlan", "plan"]


class Needed(msgspec.Struct, frozen=True):
    """Examples that show the difference with this power; None where no number does."""

    repeats: int
    power: float
    examples: int | None


class Detectable(msgspec.Struct, frozen=True):
    """The smallest difference that ``examples`` show with this power, 0–1 scale."""

    repeats: int
    power: float
    examples: int
    difference: float | None


class PowerPlan(msgspec.Struct, frozen=True):
    """A plan for a paired comparison of two systems on the same examples.

    Attributes
    ----------
    pilots
        One side, or two whose differences were observed.
    examples, repeats
        What the pilot had: examples (common ones, for two), and the mean number of answers to one.
    between_sd, within_sd
        Of a difference: τ over examples, σ of one repeat of both systems; 0–1 scale.
    correlation
        Between the two systems' scores of an example: assumed for one pilot, observed for two.
    difference, alpha
        What is to be shown, 0–1 scale; the two-sided level of the test.
    notes
        What the plan takes for granted, one sentence each.
    """

    pilots: tuple[str, ...]
    examples: int
    repeats: float
    between_sd: float
    within_sd: float
    correlation: float | None
    difference: float
    alpha: float
    needed: list[Needed]
    detectable: list[Detectable]
    notes: list[str]


def plan(
    pilots: Sequence[Side],
    *,
    difference: float,
    repeats: Sequence[int] = (1, 2, 4, 8),
    powers: Sequence[float] = (0.8, 0.9),
    alpha: float = 0.05,
    correlation: float = 0.0,
) -> PowerPlan:
    """Plan by the paired t-test on example means, ``Var = (τ² + σ²/repeats)/n``.

    Parameters
    ----------
    pilots
        One side: the other system is assumed to vary as it does, its example means correlated by
        ``correlation``. Or two: the variance of their observed differences.
    difference
        0–1 scale, above 0.

    Raises
    ------
    InputError
        A number out of range, more than two pilots, or fewer than two scored examples.
    """
    if len(pilots) not in (1, 2):
        raise InputError(f"power: expected one or two pilot runs, found {len(pilots)}")
    _check(difference, repeats, [*powers, alpha], correlation)
    parts, seen, effect = _of_two(pilots) if len(pilots) == 2 else _of_one(pilots[0], correlation)
    notes = []
    if effect > 1:
        notes.append(
            f"Several examples are one unit, such as a prompt: {effect:.2f} of them tell as much "
            "as one independent example. The plan assumes the same of further examples."
        )
    if len(pilots) == 1:
        notes.append(
            f"The other system is taken to vary as much, with a correlation of {correlation:g} "
            "between their scores of an example. Two pilot runs would show it."
        )
    if parts.within == 0:
        # What repeats would gain cannot be told from answers that were asked for once.
        repeats = [1]
        notes.append(
            "The pilot has one answer to each example, so what repeats would gain is unknown."
        )
    return PowerPlan(
        pilots=tuple(side.label for side in pilots),
        examples=parts.n,
        repeats=parts.repeats,
        between_sd=math.sqrt(parts.between),
        within_sd=math.sqrt(parts.within),
        correlation=seen,
        difference=difference,
        alpha=alpha,
        needed=[
            Needed(m, power, examples_needed(difference, m, parts, power, alpha))
            for m in repeats
            for power in powers
        ],
        detectable=[
            Detectable(m, power, parts.n, detectable_difference(parts.n, m, parts, power, alpha))
            for m in repeats
            for power in powers
        ],
        notes=notes,
    )


def _check(
    difference: float, repeats: Sequence[int], shares: Sequence[float], correlation: float
) -> None:
    if not 0 < difference <= 2:
        found = f"{100 * difference:g}"
        raise InputError(f"--difference: expected points above 0 and at most 200, found {found}")
    if not repeats or min(repeats) < 1:
        raise InputError("--repeats: expected whole numbers from 1, such as 1,2,4")
    for share in shares:
        if not 0 < share < 1:
            raise InputError(
                f"--power, --alpha: expected a number between 0 and 1, found {share:g}"
            )
    if not -1 <= correlation < 1:
        raise InputError(f"--correlation: expected −1 to below 1, found {correlation:g}")


def _of_one(pilot: Side, correlation: float) -> tuple[Components, float, float]:
    values = values_of(pilot.result)
    scores = matrix(values)
    if len(scores) < 2:
        raise InputError(f"{shorten(pilot.label)}: expected two scored examples or more")
    unit_of = units(examples_of(pilot.result.graded).values())
    labels = np.array([unit_of[name] for name in values])
    parts, effect = _by_unit(components(scores), np.nanmean(scores, axis=1), labels)
    return (
        msgspec.structs.replace(
            parts, between=2 * parts.between * (1 - correlation), within=2 * parts.within
        ),
        correlation,
        effect,
    )


def _by_unit(
    parts: Components, means: NDArray[np.float64], labels: NDArray[Any]
) -> tuple[Components, float]:
    """The components, with the design effect of units in ``between``; and that effect, ≥ 1."""
    alone, together = estimate(means, None), estimate(means, labels)
    if len(np.unique(labels)) < 2 or together.error <= alone.error * (1 + ROUNDING):
        return parts, 1.0
    effect = (together.error / alone.error) ** 2
    between = parts.between + (effect - 1) * (parts.between + parts.within / parts.repeats)
    return msgspec.structs.replace(parts, between=between), effect


def _of_two(pilots: Sequence[Side]) -> tuple[Components, float | None, float]:
    pair = Paired.of(pilots[0], pilots[1], OVERALL, align(pilots[0], pilots[1]))
    if len(pair.ids) < 2:
        names = " and ".join(shorten(side.label) for side in pilots)
        raise InputError(f"{names}: expected two common scored examples or more")
    left, right = np.nanmean(pair.left, axis=1), np.nanmean(pair.right, axis=1)
    varies = left.std() > 0 and right.std() > 0
    seen = float(np.corrcoef(left, right)[0, 1]) if varies else None
    parts = difference_components(pair.left, pair.right)
    parts, effect = _by_unit(parts, pair.differences(), pair.clusters())
    return parts, seen, effect
