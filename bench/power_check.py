"""Is the power that a plan promises the power that it has?

    python bench/power_check.py

Two made-up systems answer made-up examples with rubrics of eleven criteria of −10 to 10 points;
each verdict falls with a probability of its own. Their true difference and its variance components
are known. For several differences and repeats `examples_needed` plans a comparison, which is then
simulated with fresh examples and answers and tested with the paired t-test: the share of
significant results stands beside the power promised. Then:

- "normal": the same with normal differences, where the formula is exact at any size;
- "none": two systems that do not differ, and how often the test says they do;
- "pilot": the components come from 150 examples with two repeats, and the achieved power is the
  average over such plans.

Exits with 1 where a plan misses its power by more than 2.5 points, or the level by 1.5. Plans of
fewer than 30 rubric-scored examples are shown without a vote: the formula takes the differences for
normal, and these have long tails, so such plans come out some 3 points stronger than promised.
"""

from __future__ import annotations

import argparse

import numpy as np
import scipy.stats

from preceptor.statistics.power import (
    Components,
    difference_components,
    examples_needed,
    power,
)

CRITERIA = 11
TOLERANCE = 0.025
FEWEST = 30
PILOT = 150


class Population:
    """Examples without end, and two systems whose logits of meeting a criterion differ."""

    def __init__(self, shift: float, rng: np.random.Generator) -> None:
        self.shift = shift
        self.rng = rng

    def examples(self, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights of the criteria (n, 11), and the chances of both systems to meet them."""
        points = self.rng.integers(1, 11, (n, CRITERIA)) * self.rng.choice(
            [1, 1, -1], (n, CRITERIA)
        )
        points[:, 0] = np.abs(points[:, 0])
        weights = points / np.maximum(points, 0).sum(axis=1, keepdims=True)
        ease = self.rng.normal(0, 1, (n, 1)) + self.rng.normal(0, 2, (n, CRITERIA))
        # A better system meets more of what is wanted and less of what is not.
        gain = np.sign(points) * (self.shift + self.rng.normal(0, 1, (n, CRITERIA)))
        return weights, 1 / (1 + np.exp(-ease)), 1 / (1 + np.exp(-ease - gain))

    def scores(self, weights: np.ndarray, chances: np.ndarray, repeats: int) -> np.ndarray:
        """Scores (n, repeats) of answers whose verdicts fall by chance."""
        met = self.rng.random((repeats, *chances.shape)) < chances
        return np.einsum("rnc,nc->nr", met, weights)

    def truth(self) -> tuple[float, Components]:
        """Mean difference and variance components, over 400,000 examples, from the chances."""
        weights, a, b = self.examples(400_000)
        differences = (weights * (b - a)).sum(axis=1)
        within = (weights**2 * (a * (1 - a) + b * (1 - b))).sum(axis=1).mean()
        parts = Components(float(differences.var()), float(within), len(weights), 1.0)
        return float(differences.mean()), parts

    def significant(self, n: int, repeats: int, comparisons: int) -> float:
        """Share of simulated comparisons with p < 0.05."""
        hits = 0
        for _ in range(comparisons):
            weights, a, b = self.examples(n)
            difference = self.scores(weights, b, repeats) - self.scores(weights, a, repeats)
            hits += scipy.stats.ttest_1samp(difference.mean(axis=1), 0).pvalue < 0.05
        return hits / comparisons


def known(replications: int, rng: np.random.Generator) -> bool:
    """Plans with the true components; False where one misses its power."""
    fine = True
    for shift, repeats, wanted in [
        (0.3, 1, 0.8),
        (0.3, 4, 0.8),
        (0.5, 1, 0.8),
        (0.5, 2, 0.9),
        (0.8, 1, 0.9),
        (1.2, 1, 0.8),
    ]:
        population = Population(shift, rng)
        difference, parts = population.truth()
        n = examples_needed(difference, repeats, parts, wanted)
        assert n is not None
        promised = power(difference, n, repeats, parts)
        achieved = population.significant(n, repeats, replications)
        ok = abs(achieved - promised) <= TOLERANCE
        fine = fine and (ok or n < FEWEST)
        word = "small: no vote" if n < FEWEST else "ok" if ok else "OUTSIDE"
        row("known", difference, repeats, n, promised, achieved, word)
        if n < FEWEST:
            deviation = np.sqrt(parts.between + parts.within / repeats)
            draws = rng.normal(difference, deviation, (replications, n))
            achieved = float((scipy.stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05).mean())
            ok = abs(achieved - promised) <= TOLERANCE
            fine = fine and ok
            row("normal", difference, repeats, n, promised, achieved, "ok" if ok else "OUTSIDE")
    level = null_level(Population(0.0, rng), replications)
    ok = abs(level - 0.05) <= 0.015
    row("none", 0.0, 1, 100, 0.05, level, "ok" if ok else "OUTSIDE")
    return fine and ok


def row(
    kind: str,
    difference: float,
    repeats: int,
    n: float,
    promised: float,
    achieved: float,
    word: str,
) -> None:
    print(
        f"{kind:10}  {100 * difference:10.2f}  {repeats:7}  {n:8.0f}  {100 * promised:8.1f}"
        f"  {100 * achieved:8.1f}  {word}"
    )


def null_level(population: Population, replications: int) -> float:
    """Share of significant results where the two systems are of one kind, sides being random."""
    hits = 0
    for _ in range(replications):
        weights, a, b = population.examples(100)
        sides = population.rng.random((100, 1)) < 0.5
        a, b = np.where(sides, a, b), np.where(sides, b, a)
        difference = population.scores(weights, b, 1) - population.scores(weights, a, 1)
        hits += scipy.stats.ttest_1samp(difference[:, 0], 0).pvalue < 0.05
    return hits / replications


def piloted(replications: int, rng: np.random.Generator) -> None:
    """Plans with components from a pilot; the difference to find is taken as given."""
    for shift, repeats in [(0.3, 1), (0.5, 2)]:
        population = Population(shift, rng)
        difference, parts = population.truth()
        plans = []
        for _ in range(replications):
            weights, a, b = population.examples(PILOT)
            pilot = difference_components(
                population.scores(weights, a, 2), population.scores(weights, b, 2)
            )
            plans.append(examples_needed(difference, repeats, pilot) or 0)
        achieved = [power(difference, n, repeats, parts) for n in plans]
        low, middle, high = np.percentile(plans, [5, 50, 95])
        spread = f"90 % of plans: {low:.0f} to {high:.0f} examples"
        row("pilot", difference, repeats, middle, 0.8, float(np.mean(achieved)), spread)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--replications", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print("components  difference  repeats  examples  promised  achieved (power, %)")
    fine = known(options.replications, rng)
    piloted(min(options.replications, 1000), rng)
    print("verdict:", "plans keep their promise" if fine else "a plan misses its power")
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
