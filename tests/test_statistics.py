"""Intervals and bootstrap against independent implementations, theory and simulation."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from data_fixtures import example  # noqa: F401  (loads the profile of hypothesis)
from preceptor.statistics import bootstrap_std, mean_interval

SCORES = st.floats(-3, 1, allow_nan=False)
TABLES = st.lists(st.lists(SCORES, min_size=1, max_size=4), min_size=2, max_size=8)


def matrix(rows: list[list[float]]) -> np.ndarray:
    """Ragged rows as a matrix, NaN where a repeat is missing."""
    wide = max(map(len, rows))
    return np.array([[*row, *[math.nan] * (wide - len(row))] for row in rows])


def interval_by_hand(rows: list[list[float]]) -> tuple[float, float, float]:
    """The formula of HealthBench Professional, with the standard library alone."""
    means = [statistics.fmean(row) for row in rows]
    n, m = len(rows), sum(map(len, rows)) / len(rows)
    several = [statistics.variance(row) for row in rows if len(row) > 1]
    sigma2 = statistics.fmean(several) if several else 0.0
    tau2 = max(0.0, statistics.variance(means) - sigma2 / m)
    half = 1.96 * math.sqrt(tau2 / n + sigma2 / (n * m))
    mean = statistics.fmean(means)
    return mean, mean - half, mean + half


@given(TABLES)
def test_the_interval_follows_the_published_formula(rows: list[list[float]]) -> None:
    """Mean and interval equal a plain implementation, for any pattern of repeats."""
    mean, interval = mean_interval(matrix(rows))
    assert interval is not None
    assert (mean, *interval) == pytest.approx(interval_by_hand(rows), abs=1e-9)


@given(st.lists(SCORES, min_size=2, max_size=30))
def test_with_one_repeat_it_is_the_usual_standard_error(scores: list[float]) -> None:
    """mean ± 1.96 standard errors, as scipy has them."""
    mean, interval = mean_interval(np.array(scores)[:, None])
    error = float(scipy.stats.sem(scores))
    assert interval == pytest.approx((mean - 1.96 * error, mean + 1.96 * error), abs=1e-9)


@given(TABLES, st.randoms(use_true_random=False))
def test_neither_examples_nor_repeats_have_an_order(rows: list[list[float]], rng) -> None:
    """Shuffling examples, or the repeats within them, changes nothing."""
    shuffled = [rng.sample(row, len(row)) for row in rng.sample(rows, len(rows))]
    mean, interval = mean_interval(matrix(rows))
    again, interval_again = mean_interval(matrix(shuffled))
    assert (again, *interval_again) == pytest.approx((mean, *interval), abs=1e-9)


@given(TABLES, st.floats(-2, 2), st.floats(0.1, 5))
def test_the_interval_moves_and_scales_with_the_scores(
    rows: list[list[float]], shift: float, scale: float
) -> None:
    """It is equivariant: no hidden clipping, no absolute constants."""
    mean, interval = mean_interval(matrix(rows))
    moved, interval_moved = mean_interval(matrix(rows) * scale + shift)
    expected = [scale * value + shift for value in (mean, *interval)]
    assert (moved, *interval_moved) == pytest.approx(expected, abs=1e-8)


def test_equal_repeats_add_no_certainty() -> None:
    """Asking a deterministic system four times is as good as once: examples are what varies."""
    once = np.array([[0.1], [0.5], [0.9], [0.4]])
    assert mean_interval(np.repeat(once, 4, axis=1))[1] == pytest.approx(mean_interval(once)[1])


def test_noise_within_examples_is_not_mistaken_for_differences_between_them() -> None:
    """Where all examples are equal and only repeats differ, τ² is 0 and σ²/(n·m) remains."""
    rows = [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    mean, interval = mean_interval(np.array(rows))
    half = 1.96 * math.sqrt(0.5 / (3 * 2))
    assert interval == pytest.approx((mean - half, mean + half))


def test_one_example_has_a_mean_and_no_interval() -> None:
    """Also with several repeats: they say nothing about other examples."""
    assert mean_interval(np.array([[0.2, 0.4]])) == (pytest.approx(0.3), None)


@pytest.mark.parametrize("scores", [np.empty((0, 1)), np.array([[0.5], [np.nan]])])
def test_an_example_without_a_score_is_an_error(scores: np.ndarray) -> None:
    """A row of NaN is not a 0 and not left out silently."""
    with pytest.raises(ValueError, match="at least one score"):
        mean_interval(scores)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """2,000 seeded samples of 100 examples × 3 noisy repeats: 95 % intervals cover about 95 %."""
    rng = np.random.default_rng(20250507)
    covered, trials, truth = 0, 2000, 0.3
    for _ in range(trials):
        ability = rng.normal(truth, 0.4, size=(100, 1))
        _, interval = mean_interval(ability + rng.normal(0, 0.5, size=(100, 3)))
        assert interval is not None
        covered += interval[0] <= truth <= interval[1]
    assert 0.93 < covered / trials < 0.965


def naive_bootstrap(means: np.ndarray, seed: int, resamples: int = 1000) -> float:
    """One resample at a time, as the reference implementation does, with our generator."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        picked = means[rng.integers(0, len(means), size=len(means))]
        found.append(min(1.0, max(0.0, picked.mean())))
    return float(np.std(found))


@pytest.mark.parametrize("n", [1, 2, 57])
@pytest.mark.parametrize("seed", [0, 7])
def test_the_bootstrap_equals_a_naive_loop(n: int, seed: int) -> None:
    """Vectorising changes nothing: the same seed gives the same number."""
    means = np.random.default_rng(1).normal(0.1, 0.5, n)
    assert bootstrap_std(means, seed=seed) == pytest.approx(naive_bootstrap(means, seed), abs=1e-12)


def test_the_bootstrap_equals_a_naive_loop_when_it_works_in_portions(monkeypatch) -> None:
    """Large data are resampled in portions, which draw the same numbers."""
    monkeypatch.setattr("preceptor.statistics.bootstrap._RESAMPLED_AT_ONCE", 1300)
    means = np.random.default_rng(2).normal(0.4, 0.2, 40)
    assert bootstrap_std(means) == pytest.approx(naive_bootstrap(means, 0), abs=1e-12)


def test_the_bootstrap_is_the_population_std_of_the_mean() -> None:
    """Theory: far from the clip it is np.std(scores)/√n, give or take the noise of 1,000 draws."""
    means = np.random.default_rng(3).normal(0.5, 0.1, 400)
    assert bootstrap_std(means) == pytest.approx(np.std(means) / 20, rel=0.08)


def test_the_bootstrap_is_seeded() -> None:
    """Twice the same call, twice the same number; another seed, another number."""
    means = np.random.default_rng(4).normal(0.5, 0.1, 30)
    assert bootstrap_std(means) == bootstrap_std(means)
    assert bootstrap_std(means, seed=1) != bootstrap_std(means)


def test_the_bootstrap_clips_each_mean() -> None:
    """A run far below zero prints 0 every time: its standard deviation is 0, too."""
    assert bootstrap_std(np.array([-1.0, -2.0, -3.0])) == 0.0
    near_zero = np.array([-0.5, 0.5, -0.4, 0.4])
    unclipped = near_zero[np.random.default_rng(0).integers(0, 4, (1000, 4))].mean(axis=1).std()
    assert 0 < bootstrap_std(near_zero) < unclipped


def test_the_bootstrap_of_nothing_is_an_error() -> None:
    """Not 0, not NaN."""
    with pytest.raises(ValueError, match="no examples"):
        bootstrap_std(np.array([]))
