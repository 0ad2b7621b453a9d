"""Do the intervals cover, and do the tests err, as often as they say? Simulation with known truth.

    python bench/coverage.py [--replications 6000] [--seed 0]

Answers are made up: an example has an ability (Beta), each criterion of an eight-item rubric is met
or not by it, and the score is points met over points possible: skewed, bounded, negative at times,
noisy between repeats. The true mean is known exactly. A row passes within 1.5 points of its nominal
rate (within 3 binomial standard errors where there are few replications). Tests that promise "at
most" pass below it, too: exact ones, Holm's, and equivalence where the margin is only about two
standard errors, so that many samples cannot show it whatever their mean. Two ways that are wrong
must fail: repeats of a prompt taken for independent examples, and 20 slices without adjustment.

The intervals that are printed (``printed:``) must cover at least 93.5 % from 20 units up, beyond
which 2.6 standard errors of the simulation are allowed: scores of hard, middling and easy rubrics,
and shares from 1 to 99 %, each by itself and averaged over the true share; alone, and in clusters
of the sizes that benchmarks have, whose rows are independent, alike in part, or the same. Below 20
units the coverage is shown. Exit code 1 if a row is not as it must be.
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
    score_interval,
    share_interval,
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

    ``must`` is "equal" (to nominal), "most" (at most nominal), "least" (at least 1.5 points below
    nominal), "fail" (far above it), or "shown" where nothing is claimed.
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
        if self.must == "least":
            floor = self.nominal - 0.015
            noise = 2.6 * math.sqrt(floor * (1 - floor) / self.trials)
            return (True, "holds") if self.rate >= floor - noise else (False, "TOO SHORT")
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


def true_mean(shape: tuple[float, float] = ABILITY) -> float:
    ability = shape[0] / sum(shape)
    penalty = -POINTS[POINTS < 0].sum() * SLIP
    return float((POSSIBLE * ability - penalty * (1 - ability)) / POSSIBLE)


def prompts(rng: np.random.Generator, n: int, kind: str) -> np.ndarray:
    """Labels of n prompts, each as often as it has rows."""
    few = rng.choice(PROMPT_SIZES, n, p=PROMPT_SHARES)
    return np.repeat(np.arange(n), few if kind == "real" else rng.integers(1, 6, n))


#: Rows of each unit, as benchmarks have them: videos with 8 myths, sentences with a counterfactual,
#: questions in 2 languages, cases of which a tenth is there 5 times.
CLUSTERS: dict[str, Callable[[int], np.ndarray]] = {
    "alone": lambda n: np.ones(n, dtype=int),
    "8 (mythtriage)": lambda n: np.full(n, 8),
    "2 (shadr, worldmedqa)": lambda n: np.full(n, 2),
    "1 or 5 (rarebench)": lambda n: np.where(np.arange(n) % 10 == 0, 5, 1),
    "1 to 5": lambda n: 1 + np.arange(n) % 5,
}
#: Beta distributions of ability.
RUBRICS = {"hard": (0.5, 5.0), "middling": ABILITY, "easy": (6.0, 1.0)}
#: How alike the rows of a unit are: the share of units whose rows are all the same.
ALIKE = (0.0, 0.3, 1.0)
SHARES = (0.01, 0.03, 0.1, 0.3, 0.5, 0.9, 0.97)


def in_units(
    rng: np.random.Generator, sizes: np.ndarray, alike: float, draw: Callable[[int], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and the unit of each; in a share of the units, ``alike``, all rows are the first."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    values = draw(len(labels))
    first = (np.cumsum(sizes) - sizes)[labels]
    same = (rng.random(len(sizes)) < alike)[labels]
    return np.where(same, values[first], values), labels


def printed_scores(
    rng: np.random.Generator, trials: int, sizes: np.ndarray, alike: float, rubric: str
) -> tuple[int, int]:
    hits, shape = 0, RUBRICS[rubric]
    truth = true_mean(shape)
    for _ in range(trials):
        values, labels = in_units(
            rng, sizes, alike, lambda m: scores(rng, rng.beta(*shape, size=m))
        )
        interval = score_interval(values[:, None], labels)[1]
        hits += interval is not None and interval[0] <= truth <= interval[1]
    return hits, trials


def printed_shares(
    rng: np.random.Generator, trials: int, sizes: np.ndarray, alike: float, share: float | None
) -> tuple[int, int]:
    """At one true share, or at a share drawn from 0 to 1 each time."""
    hits = 0
    for _ in range(trials):
        true = rng.random() if share is None else share
        values, labels = in_units(rng, sizes, alike, lambda m, p=true: rng.random(m) < p)
        low, high = share_interval(values.astype(float)[:, None], labels)[1]
        hits += low <= true <= high
    return hits, trials


def printed(rng: np.random.Generator, trials: int) -> Iterator[Row]:
    for n in (5, 10, 20, 50, 300):
        must = "least" if n >= 20 else "shown"
        for kind, sizes in CLUSTERS.items():
            for alike in ALIKE if kind != "alone" else (0.0,):
                where = f"{n} units, {kind}" + (f", {alike:.0%} alike" if kind != "alone" else "")
                for rubric in RUBRICS:
                    hits = printed_scores(rng, trials, sizes(n), alike, rubric)
                    yield Row(f"printed: scores, {rubric}", where, *hits, 0.95, must)
                hits = printed_shares(rng, trials, sizes(n), alike, None)
                yield Row("printed: shares, any", where, *hits, 0.95, must)
                each = {p: printed_shares(rng, trials, sizes(n), alike, p) for p in SHARES}
                worst = min(each, key=lambda p: each[p][0])
                name = f"printed: shares, worst: {worst:.0%}"
                yield Row(name, where, *each[worst], 0.95, must)


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
    yield from printed(rng, trials // 2)
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
    print(f"{'what':<36}{'n':<44}{'says':>7}{'found':>8}  verdict")
    for row in rows(np.random.default_rng(options.seed), options.replications):
        passed, words = row.verdict()
        good &= passed
        print(
            f"{row.name:<36}{row.setting:<44}{100 * row.nominal:>5.0f} %{100 * row.rate:>6.1f} %  "
            f"{words}",
            flush=True,
        )
    seconds = time.perf_counter() - started
    print(f"{'All as they must be' if good else 'NOT all as they must be'}; {seconds:.0f} s.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
