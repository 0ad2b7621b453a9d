"""Do the corrected intervals hold the truth in 95 %, and are they narrower than labels alone?

    python bench/ppi_coverage.py

Simulated scores with a known truth: a cheap score that is biased by 10 points and correlates with
the true one by r; labels on a part drawn at random, or with unequal known chances; several answers
of one prompt; skewed scores; and a cascade of single verdicts, calibrated and overconfident. Two
targets: the run (what labelling everything would have given) and the system (the mean of the
population that the examples come from).

Printed: coverage of both 95 % intervals, and the width against that of the same number of labels
without the cheap score. Wanted: 95 ± 1.5 %, and a width below 1 where r is above 0. "no design" is
the naive way, the interval of the cheap scores themselves: what the correction is for.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import msgspec
import numpy as np

from preceptor.statistics.correction import (
    Corrected,
    cascade_estimate,
    prediction_powered,
)
from preceptor.statistics.labelling import audit_chances

TOLERANCE = 1.5
Draw = Callable[[np.random.Generator], "Drawn"]


class Drawn(msgspec.Struct, frozen=True):
    """One simulated study: both truths, the estimate, and labels alone."""

    run: float
    system: float
    found: Corrected
    alone: Corrected | None
    naive: tuple[float, float]


def scores(
    r: float,
    n: int,
    labels: int,
    *,
    per_prompt: int = 1,
    skewed: bool = False,
    uneven: bool = False,
) -> Draw:
    """Examples whose true and cheap scores correlate by ``r``; prompts share half the variance."""

    def draw(rng: np.random.Generator) -> Drawn:
        def noise(*shape: int) -> np.ndarray:
            return rng.exponential(1, shape) - 1 if skewed else rng.normal(0, 1, shape)

        prompts = np.repeat(np.arange(n // per_prompt), per_prompt)
        shared = noise(n // per_prompt)[prompts]
        truth = noise(n) if per_prompt == 1 else np.sqrt(0.5) * (shared + noise(n))
        cheap = r * truth + np.sqrt(1 - r * r) * rng.normal(0, 1, n) + 0.1
        chances = None
        if uneven:
            chances = np.clip(labels / n * (0.4 + 1.2 * rng.random(n)), 0.02, 1)
            asked = rng.random(n) < chances
        else:
            asked = np.isin(np.arange(n), rng.choice(n, labels, replace=False))
        seen = np.where(asked, truth, np.nan)
        clusters = None if per_prompt == 1 else prompts
        found = prediction_powered(cheap, seen, chances=chances, clusters=clusters)
        alone = prediction_powered(cheap, seen, chances=chances, clusters=clusters, weight=0.0)
        assert found is not None
        half = 1.96 * cheap.std(ddof=1) / np.sqrt(n)
        return Drawn(
            float(truth.mean()), 0.0, found, alone, (cheap.mean() - half, cheap.mean() + half)
        )

    return draw


def verdicts(n: int, share: float, *, sharpness: float = 1.0, least: float = 0.05) -> Draw:
    """A cascade: 12 criteria an answer, calls in proportion to the spread that p promises."""

    def draw(rng: np.random.Generator) -> Drawn:
        m = 12 * n
        examples = np.arange(m) // 12
        true_p = rng.beta(0.8, 1.2, m)
        met = (rng.random(m) < true_p).astype(float)
        points = rng.choice([-8, -5, 3, 5, 7, 10], m)
        attainable = np.bincount(examples, weights=np.maximum(points, 0))
        attainable = np.maximum(attainable, 5)
        w = points / attainable[examples]
        odds = sharpness * np.log(np.clip(true_p, 1e-4, 1) / np.clip(1 - true_p, 1e-4, 1))
        p = np.clip(1 / (1 + np.exp(-odds)), 0.005, 0.995)
        chances = audit_chances(np.abs(w) * np.sqrt(p * (1 - p)), share * m, least=least)
        seen = np.where(rng.random(m) < chances, met, np.nan)
        found = cascade_estimate(p, seen, w, chances, examples)
        flat = np.full(m, share)
        blind = np.where(rng.random(m) < flat, met, np.nan)
        # Labels alone: every verdict presumed as likely met as not, asked with one chance.
        alone = cascade_estimate(np.full(m, np.nanmean(blind)), blind, w, flat, examples)
        assert found is not None
        cheap = np.bincount(examples, weights=w * p)
        half = 1.96 * cheap.std(ddof=1) / np.sqrt(n)
        truth = float(np.bincount(examples, weights=w * met).mean())
        naive = (float(cheap.mean()) - half, float(cheap.mean()) + half)
        return Drawn(truth, np.nan, found, alone, naive)

    return draw


def holds(interval: tuple[float, float] | None, truth: float) -> float:
    return np.nan if interval is None else float(interval[0] <= truth <= interval[1])


def width(estimate: Corrected | None) -> float:
    interval = None if estimate is None else estimate.run_ci95
    return np.nan if interval is None else interval[1] - interval[0]


def measure(name: str, draw: Draw, replications: int, seed: int) -> bool:
    """Print a row; whether both coverages are as wanted."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(replications):
        one = draw(rng)
        rows.append(
            (
                holds(one.found.run_ci95, one.run),
                np.nan if np.isnan(one.system) else holds(one.found.ci95, one.system),
                width(one.found),
                width(one.alone),
                holds(one.naive, one.run),
            )
        )
    table = np.array(rows)
    run, system, naive = (100 * float(table[:, column].mean()) for column in (0, 1, 4))
    ratio = float(np.nanmean(table[:, 2]) / np.nanmean(table[:, 3]))
    good = abs(run - 95) <= TOLERANCE and not abs(system - 95) > TOLERANCE
    shown = "     –" if np.isnan(system) else f"{system:6.1f}"
    print(f"{name:52}{run:7.1f}{shown:>9}{ratio:9.2f}{naive:10.1f}   {'' if good else '← off'}")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--replications", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cases = {
        "r = 0.0, 40 of 200 labelled": scores(0.0, 200, 40),
        "r = 0.5, 40 of 200 labelled": scores(0.5, 200, 40),
        "r = 0.9, 40 of 200 labelled": scores(0.9, 200, 40),
        "r = 0.9, 20 of 200 labelled": scores(0.9, 200, 20),
        "r = 0.9, 200 of 1,000 labelled": scores(0.9, 1000, 200),
        "r = 0.7, skewed, 60 of 300 labelled": scores(0.7, 300, 60, skewed=True),
        "r = 0.7, 3 answers a prompt, 60 of 300 labelled": scores(0.7, 300, 60, per_prompt=3),
        "r = 0.7, unequal chances, some 60 of 300": scores(0.7, 300, 60, uneven=True),
        "cascade, calibrated, 200 answers, 20 % sent": verdicts(200, 0.2),
        "cascade, calibrated, 200 answers, 10 % sent": verdicts(200, 0.1),
        "cascade, calibrated, 60 answers, 20 % sent": verdicts(60, 0.2),
        "cascade, overconfident ×2, 200 answers, 20 % sent": verdicts(200, 0.2, sharpness=2.0),
        "cascade, overconfident ×2, least chance 0.02": verdicts(
            200, 0.2, sharpness=2.0, least=0.02
        ),
        "cascade, timid ×½, 200 answers, 20 % sent": verdicts(200, 0.2, sharpness=0.5),
    }
    print(f"{'':52}{'run':>7}{'system':>9}{'width':>9}{'no design':>10}")
    good = [measure(name, draw, options.replications, options.seed) for name, draw in cases.items()]
    print(f"\n{sum(good)} of {len(good)} within 95 ± {TOLERANCE} %", end="; ")
    print(
        f"the simulation's own error is {100 * (0.05 * 0.95 / options.replications) ** 0.5:.1f} %"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
