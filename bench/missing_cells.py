"""Which summary finds the true order of systems when cells of the table are missing?

Simulated: 40 systems of known strength on 30 benchmarks of different difficulty and precision.
Cells go missing in two ways: at random, and as they do in life, where strong systems are evaluated
on difficult benchmarks against each other and weak ones among themselves. Printed, as the mean over
the repetitions: Kendall's tau to the truth (1 is the true order) of the mean score, of the mean
rank and of the Plackett–Luce strength with several penalties; and the largest log-strength, which
must be finite. Only systems that have a mean rank count, the same ones for each summary.

Then: how often the 95 % intervals of rank and mean rank hold the ranks that endless examples would
give, for 8 systems whose true scores differ by much or by little for the number of examples.

python bench/missing_cells.py [--repetitions 40]
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import scipy.stats

from preceptor.statistics.bootstrap import resampled_means
from preceptor.statistics.ranking import (
    PENALTY,
    components,
    mean_ranks,
    rank_intervals,
    ranks,
    strengths,
)

SYSTEMS, BENCHMARKS = 40, 30
PENALTIES = (0.01, PENALTY, 1.0)
MISSING = (0.0, 0.5, 0.8, 0.95)


def table(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """True strengths (systems,) and scores (systems, benchmarks), complete."""
    truth = rng.normal(size=SYSTEMS)
    level = rng.normal(0, 2, size=BENCHMARKS)
    slope = rng.uniform(0.3, 1.5, size=BENCHMARKS)
    noise = rng.normal(size=(SYSTEMS, BENCHMARKS)) * rng.uniform(0.3, 1.0, size=BENCHMARKS)
    return truth, level + slope * truth[:, None] + noise


def thinned(cells: np.ndarray, truth: np.ndarray, share: float, by_level: bool, rng) -> np.ndarray:
    """The table with a share of its cells missing."""
    weight = np.zeros(cells.shape)
    if by_level:
        # A benchmark has an audience: systems near its level are more often evaluated on it.
        audience = np.linspace(-1.5, 1.5, cells.shape[1])
        weight = -((truth[:, None] - audience) ** 2)
        cells = cells - 2 * audience
    order = np.argsort((weight + rng.gumbel(size=cells.shape)).ravel())
    made = cells.copy()
    made.ravel()[order[: round(share * cells.size)]] = np.nan
    return made


def taus(cells: np.ndarray, truth: np.ndarray) -> tuple[list[float], float]:
    places = mean_ranks(cells)
    counted = ~np.isnan(places)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of no score
        means = np.nanmean(cells, axis=1)
    fits = [strengths(cells, penalty=penalty) for penalty in PENALTIES]
    summaries = [means, -places, *fits]
    found = [scipy.stats.kendalltau(s[counted], truth[counted]).statistic for s in summaries]
    largest = max(np.abs(fit).max() for fit in fits)
    return found, largest


def coverage(benchmarks: int, examples: int, spread: float, repetitions: int) -> list[float]:
    """Shares of the intervals that hold the truth: of ranks, of mean ranks without and with the
    mirror image; and the mean number of ranks in an interval."""
    rng = np.random.default_rng(benchmarks * examples)
    held, systems = np.zeros(4), 8
    for seed in range(repetitions):
        truth = rng.normal(0, spread, size=(systems, 1))
        truth = truth + rng.normal(0, spread / 2, size=(systems, benchmarks))
        cells, drawn = np.empty(truth.shape), np.empty((500, *truth.shape))
        for column in range(benchmarks):
            scores = truth[:, column] + rng.normal(0, 0.25, size=(examples, 1))
            scores = scores + rng.normal(0, 0.2, size=(examples, systems))
            cells[:, column] = scores.mean(axis=0)
            drawn[:, :, column] = resampled_means(scores, resamples=500, seed=10 * seed + column)
        theta = strengths(cells)
        rank = rank_intervals(ranks(strengths(drawn, start=theta)), ranks(theta))
        means, point = mean_ranks(drawn), mean_ranks(cells)
        found = [
            (rank, ranks(strengths(truth))),
            (rank_intervals(means, point), mean_ranks(truth)),
            (rank_intervals(means, point, mirrored=True), mean_ranks(truth)),
        ]
        shares = [((low <= t + 1e-9) & (t <= high + 1e-9)).mean() for (low, high), t in found]
        held += [*shares, (rank[1] - rank[0] + 1).mean()]
    return (held / repetitions).tolist()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=40)
    repetitions = parser.parse_args().repetitions
    names = ["mean score", "mean rank", *(f"PL {penalty:g}" for penalty in PENALTIES)]
    print(f"{'missing':<20}" + "".join(f"{name:>12}" for name in names), end="")
    print(f"{'largest |θ|':>13}{'parts':>7}{'alone':>7}  best")
    began, finite, lost = time.perf_counter(), True, []
    for by_level in (False, True):
        for share in MISSING:
            rng = np.random.default_rng(round(share * 100) + 1000 * by_level)
            rows, largest, parts, alone = [], 0.0, [], []
            for _ in range(repetitions):
                truth, full = table(rng)
                cells = thinned(full, truth, share, by_level, rng)
                found, size = taus(cells, truth)
                rows.append(found)
                largest = max(largest, size)
                labels = components(~np.isnan(cells))
                parts.append(len(set(labels[np.bincount(labels)[labels] > 1].tolist())))
                alone.append((np.bincount(labels) == 1).sum())
            means = np.nanmean(rows, axis=0)
            finite &= bool(np.isfinite(largest))
            best = int(np.argmax(means))
            ours = names.index(f"PL {PENALTY:g}")
            lost.append((means[ours] - means[1], by_level, share))
            where = "by level" if by_level else "at random"
            print(f"{share:>4.0%} {where:<15}" + "".join(f"{tau:12.3f}" for tau in means), end="")
            print(f"{largest:13.1f}{np.mean(parts):7.1f}{np.mean(alone):7.1f}  {names[best]}")
    seconds = time.perf_counter() - began
    print(f"\n{repetitions} tables a row, {seconds:.0f} s. Fit finite everywhere: {finite}.")
    gain, by_level, share = max(lost)
    loss = min(lost)
    where = {False: "at random", True: "by level"}
    print(f"Plackett–Luce (penalty {PENALTY:g}) against the mean rank, in Kendall's tau: ", end="")
    print(f"at best {gain:+.3f} ({share:.0%} missing {where[by_level]}), ", end="")
    print(f"at worst {loss[0]:+.3f} ({loss[2]:.0%} missing {where[loss[1]]}).")
    print("\nCoverage of 95 % intervals over resamples of the examples")
    print("benchmarks  examples  spread      rank  mean rank  mirrored  ranks in interval")
    held = []
    for shape in ((1, 100, 0.03), (1, 500, 0.03), (4, 100, 0.03), (4, 500, 0.03), (4, 100, 0.01)):
        rank, plain, mirrored, width = coverage(*shape, repetitions=2 * repetitions)
        held.append((rank, mirrored))
        print(f"{shape[0]:>10}{shape[1]:>10,}{shape[2]:>8}", end="")
        print(f"{rank:>10.1%}{plain:>11.1%}{mirrored:>10.1%}{width:>19.1f}")
    low_rank, low_mean = np.min(held, axis=0)
    rank, plain, mirrored, width = coverage(4, 100, 0.0, repetitions=2 * repetitions)
    print(f"{4:>10}{100:>10,}{0.0:>8}", end="")
    print(f"{rank:>10.1%}{plain:>11.1%}{mirrored:>10.1%}{width:>19.1f}  all truly equal")
    print(f"Lowest: {low_rank:.1%} of ranks, {low_mean:.1%} of mean ranks (mirrored, as printed);")
    print(f"of ranks {rank:.1%} where all are equal and share rank 1, which no verdict is made of.")
    return 0 if finite and low_rank > 0.93 else 1


if __name__ == "__main__":
    raise SystemExit(main())
