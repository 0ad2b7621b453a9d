"""Intervals and families of tests against independent implementations, theory, simulation."""

from __future__ import annotations

import math
import statistics
from unittest import mock

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from data_fixtures import example  # noqa: F401  (loads the profile of hypothesis)
from preceptor.statistics import (
    benjamini_hochberg,
    holm,
    mean_interval,
    wilson_interval,
)

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


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_the_score_interval(counts: tuple[int, int]) -> None:
    """Statsmodels finds the same for any share, and the bounds stay within [0, 1]."""
    low, high = wilson_interval(*counts)
    assert (low, high) == pytest.approx(proportion_confint(*counts, method="wilson"), abs=1e-12)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1


def test_wilson_has_a_width_where_nothing_varies() -> None:
    """Three of three is not certainty: the end is exact, the other bound is z²/(n + z²) away."""
    z2 = scipy.stats.norm.ppf(0.975) ** 2
    assert wilson_interval(3, 3) == (pytest.approx(3 / (3 + z2)), 1.0)
    assert wilson_interval(0, 3) == (0.0, pytest.approx(z2 / (3 + z2)))


@pytest.mark.parametrize("counts", [(0, 0), (-1, 3), (4, 3)])
def test_wilson_needs_trials_and_no_more_successes(counts: tuple[int, int]) -> None:
    """No trials have no share."""
    with pytest.raises(ValueError, match="wilson_interval"):
        wilson_interval(*counts)


FAMILIES = st.lists(st.none() | st.floats(0, 1), max_size=12)


@given(FAMILIES)
def test_adjusted_p_values_are_those_of_statsmodels(p: list[float | None]) -> None:
    """Holm and Benjamini–Hochberg, ties included; what was not tested is not in the family."""
    given_p = [value for value in p if value is not None]
    for adjust, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        adjusted = adjust(p)
        assert [value is None for value in adjusted] == [value is None for value in p]
        with mock.patch("gc.collect"):  # statsmodels collects garbage in each call
            expected = multipletests(given_p, method=method)[1] if given_p else []
        found = [value for value in adjusted if value is not None]
        assert found == pytest.approx(list(expected), abs=1e-15)


def test_holm_by_hand() -> None:
    """The smallest of three counts thrice, and none falls below the one before."""
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert benjamini_hochberg([0.04, 0.01, 0.03]) == pytest.approx([0.04, 0.03, 0.04])


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_a_p_value_is_a_probability(adjust, p: float) -> None:
    """A NaN is not quietly sorted among the others."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        adjust([0.5, p])
