"""Worst-at-k, best-at-k and the spread of repeats, against enumeration and simulation."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_fixtures import example  # noqa: F401  (loads the profile of hypothesis)
from preceptor.statistics import mean_interval
from preceptor.statistics.reliability import expected_extreme, order_curve, variation

SCORES = st.floats(-3, 1, allow_nan=False)
RAGGED = st.lists(st.lists(SCORES, min_size=1, max_size=7), min_size=1, max_size=5)


def matrix(rows: list[list[float]]) -> np.ndarray:
    """Ragged rows as a matrix; missing repeats are NaN at the front, where they must not matter."""
    wide = max(map(len, rows))
    return np.array([[*[math.nan] * (wide - len(row)), *row] for row in rows])


def enumerated(row: list[float], k: int, worst: bool) -> float:
    """Mean over all subsets of size k of their minimum or maximum."""
    pick = min if worst else max
    return statistics.fmean(pick(subset) for subset in itertools.combinations(row, k))


@given(RAGGED, st.booleans(), st.data())
def test_it_is_the_mean_over_all_subsets(rows: list[list[float]], worst: bool, data) -> None:
    """Worst-at-k and best-at-k equal brute-force enumeration, with unequal numbers of repeats."""
    k = data.draw(st.integers(1, min(map(len, rows))))
    expected = [enumerated(row, k, worst) for row in rows]
    assert expected_extreme(matrix(rows), k, worst=worst) == pytest.approx(expected, abs=1e-12)
    curve = order_curve(matrix(rows), [k], worst=worst)
    assert curve == pytest.approx([statistics.fmean(expected)], abs=1e-12)


@given(st.integers(1, 30), st.data())
def test_of_right_and_wrong_answers_it_is_pass_at_k(n: int, data) -> None:
    """1 − C(n−c, k)/C(n, k), and C(c, k)/C(n, k) for all of k, as they are published."""
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    table = np.array([[1.0] * c + [0.0] * (n - c)])
    any_right = 1 - math.comb(n - c, k) / math.comb(n, k)
    assert expected_extreme(table, k, worst=False) == pytest.approx([any_right], abs=1e-12)
    assert expected_extreme(table, k) == pytest.approx([math.comb(c, k) / math.comb(n, k)])


@given(st.lists(SCORES, min_size=1, max_size=40))
def test_the_curve_goes_from_the_mean_to_the_extreme(row: list[float]) -> None:
    """At k = 1 it is the mean, at k = N the worst (best); in between it never turns."""
    table = np.array([row])
    ks = range(1, len(row) + 1)
    worst, best = order_curve(table, ks), order_curve(table, ks, worst=False)
    assert worst[0] == pytest.approx(np.mean(row), abs=1e-12)
    assert best[0] == pytest.approx(np.mean(row), abs=1e-12)
    assert worst[-1] == pytest.approx(min(row), abs=1e-12)
    assert best[-1] == pytest.approx(max(row), abs=1e-12)
    assert (np.diff(worst) <= 1e-12).all()
    assert (np.diff(best) >= -1e-12).all()


@pytest.mark.parametrize("k", [1, 2, 16, 1500, 2999, 3000])
def test_thousands_of_repeats_are_no_trouble(k: int) -> None:
    """For the scores 0, 1, …, N−1 the expected minimum of k is (N−k)/(k+1), also for N = 3,000."""
    n = 3000
    table = np.arange(n, dtype=float)[None, :]
    assert expected_extreme(table, k)[0] == pytest.approx((n - k) / (k + 1), rel=1e-9, abs=1e-9)


def test_examples_count_equally_whatever_their_repeats() -> None:
    """An example with sixteen answers weighs no more than one with two."""
    table = np.full((2, 16), np.nan)
    table[0], table[1, :2] = 1.0, (0.0, 0.0)
    assert order_curve(table, [1, 2]) == pytest.approx([0.5, 0.5])


def test_an_example_with_too_few_answers_is_an_error() -> None:
    """It is never dropped in silence, as that would move the mean."""
    table = np.array([[0.1, 0.2], [0.3, math.nan]])
    with pytest.raises(ValueError, match="1 of 2 have fewer"):
        order_curve(table, [1, 2])
    with pytest.raises(ValueError, match="every example needs 2"):
        expected_extreme(table, 2)


@pytest.mark.parametrize("k", [0, -1])
def test_k_starts_at_one(k: int) -> None:
    """No answers have no worst."""
    with pytest.raises(ValueError, match="k must be 1"):
        order_curve(np.ones((2, 2)), [k, 1])


@pytest.mark.parametrize("table", [np.ones(3), np.ones((0, 2)), np.ones((2, 0))])
def test_the_shape_is_checked(table: np.ndarray) -> None:
    """Scores are a table of examples by repeats, and not an empty one."""
    with pytest.raises(ValueError, match="shape"):
        expected_extreme(table, 1)
    with pytest.raises(ValueError, match="shape"):
        variation(table)


def test_an_empty_curve_is_an_error() -> None:
    """No k at all is a mistake of the caller."""
    with pytest.raises(ValueError, match="at least one k"):
        order_curve(np.ones((2, 2)), [])


@given(st.lists(st.lists(SCORES, min_size=1, max_size=4), min_size=2, max_size=8))
def test_variation_is_the_decomposition_by_hand(rows: list[list[float]]) -> None:
    """σ, τ, the share that changed and the run-to-run spread, with the standard library alone."""
    several = [row for row in rows if len(row) > 1]
    found = variation(matrix(rows))
    if not several:
        assert found is None
        return
    assert found is not None
    within = statistics.fmean(statistics.variance(row) for row in several)
    m = sum(map(len, rows)) / len(rows)
    between = max(0.0, statistics.variance([statistics.fmean(row) for row in rows]) - within / m)
    assert found.within_sd**2 == pytest.approx(within, abs=1e-9)
    assert found.between_sd is not None
    assert found.between_sd**2 == pytest.approx(between, abs=1e-9)
    assert found.n == len(several)
    changed = sum(max(row) - min(row) > 1e-9 for row in several) / len(several)
    assert found.changed == pytest.approx(changed)
    assert found.run_to_run_sd**2 == pytest.approx(within / len(rows), abs=1e-9)


def test_the_decomposition_is_that_of_the_interval() -> None:
    """τ²/n + σ²/(n·m) gives the standard error of `mean_interval`, with unequal repeats too."""
    rng = np.random.default_rng(4)
    table = rng.normal(0.4, 0.3, (60, 1)) + rng.normal(0, 0.1, (60, 3))
    table[:20, 2] = np.nan
    found = variation(table)
    _, interval = mean_interval(table)
    assert found is not None
    assert found.between_sd is not None
    assert interval is not None
    m = np.isfinite(table).sum() / 60
    error = math.sqrt(found.between_sd**2 / 60 + found.within_sd**2 / (60 * m))
    assert (interval[1] - interval[0]) / 2 == pytest.approx(1.96 * error)


def test_run_to_run_is_how_much_the_mean_moves_on_the_same_examples() -> None:
    """The estimate equals the standard deviation of the mean over 4,000 fresh runs, within 5 %.

    n = 5,000 examples and σ = 0.15 give 0.0021, as in HealthBench's table 7 (0.0016 to 0.0029).
    """
    rng = np.random.default_rng(11)
    true = rng.beta(2, 2, 500)
    runs = np.array([(true + rng.normal(0, 0.15, 500)).mean() for _ in range(4000)])
    found = variation(true[:, None] + rng.normal(0, 0.15, (500, 16)))
    assert found is not None
    assert found.run_to_run_sd == pytest.approx(runs.std(), rel=0.05)
    assert found.run_to_run_sd * math.sqrt(500 / 5000) == pytest.approx(0.0021, abs=0.0001)


def test_equal_repeats_do_not_vary() -> None:
    """A deterministic system has no spread within, and nothing changed."""
    found = variation(np.repeat([[0.2], [0.6], [0.7]], 3, axis=1))
    assert found is not None
    assert found.changed == 0.0
    assert (found.within_sd, found.run_to_run_sd) == pytest.approx((0, 0), abs=1e-15)
    assert found.between_sd == pytest.approx(statistics.stdev([0.2, 0.6, 0.7]))


def test_one_example_has_no_spread_between() -> None:
    """Undefined stays undefined."""
    found = variation(np.array([[0.2, 0.4]]))
    assert found is not None
    assert found.between_sd is None
    assert found.within_sd == pytest.approx(statistics.stdev([0.2, 0.4]))


def test_an_example_without_score_is_an_error() -> None:
    """The caller leaves it out, and says so."""
    with pytest.raises(ValueError, match="at least one score"):
        variation(np.array([[0.1, 0.2], [math.nan, math.nan]]))
