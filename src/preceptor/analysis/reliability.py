"""How good is the worst of k answers, and how much does a repeated question change the score?"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.errors import InputError, shorten
from preceptor.records import examples_of
from preceptor.results.pool import Side
from preceptor.results.values import table_of
from preceptor.scoring.units import units
from preceptor.statistics.bootstrap import bca_intervals
from preceptor.statistics.reliability import expected_extreme, variation

__all__ = ["Reliability", "reliability"]


class Reliability(msgspec.Struct, frozen=True):
    """One side's answers to the same questions.

    Attributes
    ----------
    n
        Examples in the curves: those with at least ``k[-1]`` completely graded answers.
    left_out
        Scored examples with fewer.
    answers
        Answers behind the curves.
    k
        1, 2, … .
    worst, best
        Expected score of the worst and the best of k answers, mean over examples, unclipped
        (HealthBench, section on worst-at-k, clips this mean to [0, 1]).
    worst_ci95, best_ci95
        BCa bootstrap over examples, None where it cannot be given.
    within_sd, between_sd
        Standard deviations of the score: of repeats of one example, and of examples.
    repeated
        Examples with two answers or more, which these come from.
    changed
        Share of them whose score is not the same in all repeats.
    run_to_run_sd
        Of the mean over ``repeated`` examples asked once each, the examples being fixed.
    passes
        Every score is 0 or 1: ``best`` is pass@k, 1 − C(n−c, k)/C(n, k) with c right of n (Chen et
        al. 2021, arXiv:2107.03374), and ``worst`` is pass^k, C(c, k)/C(n, k).
    """

    label: str
    n: int
    left_out: int
    answers: int
    k: list[int]
    worst: list[float]
    best: list[float]
    worst_ci95: list[tuple[float, float] | None]
    best_ci95: list[tuple[float, float] | None]
    within_sd: float
    between_sd: float | None
    repeated: int
    changed: float
    run_to_run_sd: float
    passes: bool = False


def reliability(side: Side, k: int | None = None) -> Reliability | None:
    """Worst-at-k and best-at-k with what lies behind them; None without repeated examples.

    Parameters
    ----------
    k
        The end of the curves. The whole curve is over the examples that reach it, so that its
        points can be compared. Without it, the largest that half of the repeated examples reach.

    Raises
    ------
    InputError
        No example has ``k`` answers.
    """
    ids, scores, counts = table_of(side.result)
    several = scores[counts >= 2]
    varied = variation(several) if len(several) else None
    if varied is None:
        return None
    last = k or int(np.median(counts[counts >= 2]))
    chosen = scores[counts >= last]
    unit_of = units(examples_of(side.result.graded).values())
    labels = np.array([unit_of[name] for name in ids])[counts >= last]
    if not len(chosen):
        most = f"{int(counts.max())} answers to an example"
        raise InputError(f"--k: expected at most {most} of {shorten(side.label)}, found {last}")
    ks = list(range(1, last + 1))
    worst = np.column_stack([expected_extreme(chosen, each, worst=True) for each in ks])
    best = np.column_stack([expected_extreme(chosen, each, worst=False) for each in ks])
    intervals = _intervals(np.hstack([worst, best]), labels)
    return Reliability(
        label=side.label,
        n=len(chosen),
        left_out=len(scores) - len(chosen),
        answers=int((~np.isnan(chosen)).sum()),
        k=ks,
        worst=worst.mean(axis=0).tolist(),
        best=best.mean(axis=0).tolist(),
        worst_ci95=intervals[:last],
        best_ci95=intervals[last:],
        within_sd=varied.within_sd,
        between_sd=varied.between_sd,
        repeated=varied.n,
        changed=varied.changed,
        run_to_run_sd=varied.run_to_run_sd,
        passes=bool(np.isin(chosen[~np.isnan(chosen)], (0, 1)).all()),
    )


def _intervals(
    values: NDArray[np.float64], labels: NDArray[np.str_]
) -> list[tuple[float, float] | None]:
    return [
        (float(low), float(high)) if low < high else None
        for low, high in bca_intervals(values, clusters=labels)
    ]
