"""Do the intervals cover, and do the tests err, as often as they say? Simulation with known truth.

    python bench/coverage.py [--replications 6000] [--seed 0]

Answers are made up: an example has an ability (Beta), each criterion of an eight-item rubric is met
or not by it, and the score is points met over points possible: skewed, bounded, negative at times,
noisy between repeats. The true mean is known exactly. A row passes within 1.5 points of its nominal
rate (within 3 binomial standard errors where there are few replications). Tests that promise "at
most" pass below it, too: exact ones, Holm's, and equivalence where the margin is only about two
standard errors, so that many samples cannot show it whatever their mean. Two ways that are wrong
must fail: repeats of a prompt taken for independent examples, and 20 slices without adjustment.
Exit code 1 if a row is not as it must be.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from preceptor.statistics import (
    bca_intervals,
    clustered_difference,
    equivalence,
    holm,
    mcnemar,
    mean_interval,
    paired_difference,
    permutation_p,
    wilson_interval,
    win_rate,
)

POINTS = np.array([10, 7, 5, 5, 3, -8, -6, -4])
POSSIBLE = POINTS[POINTS > 0].sum()
ABILITY = (1.2, 2.5)  # of the Beta distribution: most examples are hard
SLIP = 0.4  # an undesirable criterion is met with probability SLIP · (1 − ability)
#: Rows that one prompt has, as in five samples of 200 from 1,000 prompts.
PROMPT_SIZES, PROMPT_SHARES = (1, 2, 3, 4), np.array([404, 187, 62, 9]) / 662
AT_ONCE = 100


@dataclass(frozen=True)
class Row:
    """What was simulated: hits of trials, and how often it should be.

    ``must`` is "equal" (to nominal), "most" (at most nominal), "fail" (far above it), or "shown"
    where nothing is claimed.
    """

    name: str
    setting: str
    hits: int
    trials: int
    nominal: float
    must: str = "equal"

    @property
    def rate(self) -> float:
        return self.hits / self.trials

    def verdict(self) -> tuple[bool, str]:
        error = math.sqrt(self.nominal * (1 - self.nominal) / self.trials)
        room = max(0.015, 3 * error)
        if self.must == "shown":
            return (
                True,
                "too short: not claimed" if self.rate < self.nominal - room else "not judged",
            )
        if self.must == "fail":
            fails = self.rate > self.nominal + room
            return fails, "fails, as it must" if fails else "does not fail: shows nothing"
        if self.must == "most":
            return (True, "holds") if self.rate <= self.nominal + room else (False, "TOO OFTEN")
        inside = abs(self.rate - self.nominal) <= room
        return inside, "as it says" if inside else "NOT AS IT SAYS"


def abilities(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.beta(*ABILITY, size=shape)


def scores(rng: np.random.Generator, ability: np.ndarray) -> np.ndarray:
    """A rubric score for each ability: each criterion is met at random."""
    total = np.zeros(ability.shape)
    for points in POINTS:
        chance = ability if points > 0 else SLIP * (1 - ability)
        total += points * (rng.random(ability.shape) < chance)
    return total / POSSIBLE


def true_mean() -> float:
    ability = ABILITY[0] / sum(ABILITY)
    penalty = -POINTS[POINTS < 0].sum() * SLIP
    return float((POSSIBLE * ability - penalty * (1 - ability)) / POSSIBLE)


def prompts(rng: np.random.Generator, n: int, kind: str) -> np.ndarray:
    """Labels of n prompts, each as often as it has rows."""
    few = rng.choice(PROMPT_SIZES, n, p=PROMPT_SHARES)
    return np.repeat(np.arange(n), few if kind == "real" else rng.integers(1, 6, n))


def variance_decomposition(
    rng: np.random.Generator, trials: int, n: int, repeats: int
) -> tuple[int, int]:
    hits, truth = 0, true_mean()
    for _ in range(trials):
        ability = np.repeat(abilities(rng, (n, 1)), repeats, axis=1)
        interval = mean_interval(scores(rng, ability))[1]
        assert interval is not None
        hits += interval[0] <= truth <= interval[1]
    return hits, trials


def bca(rng: np.random.Generator, trials: int, n: int, kind: str | None) -> tuple[int, int]:
    """Replications are columns, a hundred at a time with the same resamples."""
    hits, truth, done = 0, true_mean(), 0
    while done < trials:
        width = min(AT_ONCE, trials - done)
        clusters = np.arange(n) if kind is None else prompts(rng, n, kind)
        values = scores(rng, abilities(rng, (n, width))[clusters])
        low, high = bca_intervals(values, clusters=clusters, resamples=2000, seed=done).T
        hits += int(((low <= truth) & (truth <= high)).sum())
        done += width
    return hits, trials


def related(rng: np.random.Generator, clusters: np.ndarray, *, alike: bool = True) -> np.ndarray:
    """Differences of two systems whose true means are equal, a few rows of each prompt.

    The systems' abilities are drawn per prompt. ``alike``: from one distribution, so that the
    differences are symmetric; else the second answers each prompt with the mean ability.
    """
    n = clusters.max() + 1
    first = abilities(rng, (n,))[clusters]
    mean = np.full(len(clusters), ABILITY[0] / sum(ABILITY))
    second = abilities(rng, (n,))[clusters] if alike else mean
    return scores(rng, first) - scores(rng, second)


def rejected(
    trials: int, draw: Callable[[], np.ndarray], p: Callable[[np.ndarray], float]
) -> tuple[int, int]:
    return sum(p(draw()) < 0.05 for _ in range(trials)), trials


def paired_p(d: np.ndarray) -> float:
    found = paired_difference(d)
    assert found is not None
    return found.p


def clustered(
    rng: np.random.Generator, trials: int, n: int, kind: str, test: str
) -> tuple[int, int]:
    hits = 0
    for _ in range(trials):
        clusters = prompts(rng, n, kind)
        d = related(rng, clusters)
        if test == "naive":
            hits += paired_p(d) < 0.05
        elif test == "flips":
            hits += permutation_p(d, clusters=clusters, resamples=499) <= 0.05
        else:
            found = clustered_difference(d, clusters)
            assert found is not None
            covers = found.ci95[0] <= 0 <= found.ci95[1]
            hits += covers if test == "interval" else found.p < 0.05
    return hits, trials


def at_the_margin(
    rng: np.random.Generator, trials: int, n: int, kind: str | None, margin: float
) -> tuple[int, int]:
    """Claims of equivalence where the true difference is the margin."""
    hits = 0
    for _ in range(trials):
        clusters = None if kind is None else prompts(rng, n, kind)
        d = related(rng, np.arange(n) if clusters is None else clusters)
        found = equivalence(d + margin, margin, clusters=clusters)
        assert found is not None
        hits += found.equivalent
    return hits, trials


def mcnemar_errors(rng: np.random.Generator, trials: int, n: int) -> tuple[int, int]:
    hits = 0
    for _ in range(trials):
        chance = abilities(rng, (n,))
        hits += mcnemar(rng.random(n) < chance, rng.random(n) < chance).p < 0.05
    return hits, trials


def wilson(rng: np.random.Generator, trials: int, n: int) -> tuple[int, int]:
    """Over shares from 0.02 to 0.98: at a single one, coverage is known not to be 95 %."""
    shares = rng.uniform(0.02, 0.98, trials)
    found = (wilson_interval(int(k), n) for k in rng.binomial(n, shares))
    pairs = zip(found, shares, strict=True)
    return sum(bool(low <= share <= high) for (low, high), share in pairs), trials


def wins(rng: np.random.Generator, trials: int, n: int) -> tuple[int, int]:
    """The win rate of two equal systems is a half."""
    hits = 0
    for _ in range(trials):
        ability = np.repeat(abilities(rng, (n, 1)), 4, axis=1)
        found = win_rate(scores(rng, ability), scores(rng, ability))
        assert found is not None
        assert found.ci95 is not None
        hits += found.ci95[0] <= 0.5 <= found.ci95[1]
    return hits, trials


def family(
    rng: np.random.Generator, trials: int, n: int, adjust: Callable[..., list]
) -> tuple[int, int]:
    """Any false claim over 20 slices, each a random third of the same examples."""
    hits = 0
    for _ in range(trials):
        d = related(rng, np.arange(n))
        adjusted = adjust([paired_p(d[rng.random(n) < 1 / 3]) for _ in range(20)])
        hits += min(adjusted) < 0.05
    return hits, trials


def rows(rng: np.random.Generator, trials: int) -> Iterator[Row]:
    cover, err = 0.95, 0.05
    for n, repeats in ((100, 1), (100, 4), (400, 4)):
        hits = variance_decomposition(rng, trials, n, repeats)
        yield Row("interval: variance decomposition", f"{n} × {repeats}", *hits, cover)
    for n in (100, 400):
        yield Row("interval: BCa", f"{n}", *bca(rng, trials, n, None), cover)
    for n in (5, 10, 20):
        yield Row("interval: BCa, few examples", f"{n}", *bca(rng, trials, n, None), cover, "shown")
    for n, kind in ((100, "real"), (300, "real"), (100, "1–5")):
        hits = bca(rng, trials, n, kind)
        yield Row("interval: BCa, clusters", f"{n} prompts, {kind}", *hits, cover)
    for n, kind in ((12, "1–5"), (20, "real"), (200, "real")):
        hits = clustered(rng, trials, n, kind, "interval")
        yield Row("interval: clustered t", f"{n} prompts, {kind}", *hits, cover)
    for n in (100, 300):
        yield Row("interval: Wilson", f"{n}, any share", *wilson(rng, trials, n), cover)
    yield Row("interval: win rate", "100 × 4", *wins(rng, trials, 100), cover)

    for alike, n in ((True, 100), (False, 200)):
        hits = rejected(trials, lambda n=n, a=alike: related(rng, np.arange(n), alike=a), paired_p)
        yield Row("test: paired t", f"{n}{'' if alike else ', skewed'}", *hits, err)
    for n, kind in ((12, "1–5"), (20, "real"), (200, "real")):
        hits = clustered(rng, trials, n, kind, "test")
        yield Row("test: clustered", f"{n} prompts, {kind}", *hits, err)
    hits = rejected(
        trials, lambda: related(rng, np.arange(100)), lambda d: permutation_p(d, resamples=499)
    )
    yield Row("test: sign flips", "100", *hits, err)
    hits = clustered(rng, trials, 20, "1–5", "flips")
    yield Row("test: sign flips, clusters", "20 prompts, 1–5", *hits, err)
    yield Row("test: McNemar, exact", "100", *mcnemar_errors(rng, trials, 100), err, "most")
    hits = at_the_margin(rng, trials, 100, None, 0.2)
    yield Row("test: equivalence at the margin", "100", *hits, err)
    for n, margin, must in ((20, 0.2, "most"), (20, 0.6, "equal"), (200, 0.2, "equal")):
        hits = at_the_margin(rng, trials, n, "real", margin)
        yield Row("test: equivalence, clusters", f"{n} prompts, ±{margin}", *hits, err, must)
    yield Row("any error in 20 slices, Holm", "300", *family(rng, trials, 300, holm), err, "most")
    hits = family(rng, trials, 300, list)
    yield Row("any error in 20 slices, unadjusted", "300", *hits, err, "fail")
    for n, kind in ((200, "real"), (100, "1–5")):
        hits = clustered(rng, trials, n, kind, "naive")
        yield Row("test: paired t, clusters ignored", f"{n} prompts, {kind}", *hits, err, "fail")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started, good = time.perf_counter(), True
    print(f"{'what':<36}{'n':<20}{'says':>7}{'found':>8}  verdict")
    for row in rows(np.random.default_rng(options.seed), options.replications):
        passed, words = row.verdict()
        good &= passed
        print(
            f"{row.name:<36}{row.setting:<20}{100 * row.nominal:>5.0f} %{100 * row.rate:>6.1f} %  "
            f"{words}",
            flush=True,
        )
    seconds = time.perf_counter() - started
    print(f"{'All as they must be' if good else 'NOT all as they must be'}; {seconds:.0f} s.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
