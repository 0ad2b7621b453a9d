"""How much faster are the vectorised bootstrap's means than a plain loop over resamples?

    python bench/bootstrap_speed.py [--examples 5000] [--tags 100] [--resamples 10000]

Scores of all examples and, for each tag, of those that have it (3 % to 60 %). The loop draws rows,
picks them and takes `numpy.nanmean`; it runs for a few resamples and is scaled up. That both give
the same means for the same draws is checked first, on the numbers printed.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from preceptor.statistics import bca_intervals, resampled_means

LOOPED = 30


def tagged_scores(examples: int, tags: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    values = np.repeat(rng.beta(2, 3, (examples, 1)), tags, axis=1)
    values[rng.random((examples, tags)) > np.linspace(0.03, 0.6, tags)] = np.nan
    return values


def loop(values: np.ndarray, resamples: int, seed: int = 0) -> np.ndarray:
    rng, n = np.random.default_rng(seed), len(values)
    return np.array(
        [np.nanmean(values[rng.integers(0, n, size=n)], axis=0) for _ in range(resamples)]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=5000)
    parser.add_argument("--tags", type=int, default=100)
    parser.add_argument("--resamples", type=int, default=10_000)
    options = parser.parse_args()
    values = tagged_scores(options.examples, options.tags)
    started = time.perf_counter()
    plain = loop(values, LOOPED)
    looped = (time.perf_counter() - started) / LOOPED * options.resamples
    apart = np.abs(resampled_means(values, resamples=LOOPED) - plain).max()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    bca_intervals(values, resamples=options.resamples)
    vectorised = time.perf_counter() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{options.resamples} resamples × {options.tags} tags of {options.examples} examples")
    print(f"plain loop, means alone   {looped:8.1f} s (scaled from {LOOPED} resamples)")
    print(f"vectorised, BCa intervals {vectorised:8.1f} s, {grown:.0f} MB more at its peak")
    print(f"ratio {looped / vectorised:.0f}; means of the same draws differ by at most {apart:.0e}")


if __name__ == "__main__":
    main()
