"""Power of the paired t-test against statsmodels and simulation; variance components likewise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from data_fixtures import example  # noqa: F401  (loads the profile of hypothesis)
from preceptor.statistics.power import (
    Components,
    components,
    detectable_difference,
    difference_components,
    examples_needed,
    power,
)

PARTS = Components(between=0.06, within=0.03, n=200, repeats=2.0)
COMPONENTS = st.builds(
    Components,
    between=st.floats(1e-4, 0.5),
    within=st.floats(0, 0.5),
    n=st.just(100),
    repeats=st.just(2.0),
)


def integrated(effect: float, n: int, alpha: float) -> float:
    """Power as an integral: the normal probability given the sample's standard deviation."""
    shift, df = effect * math.sqrt(n), n - 1
    critical = scipy.stats.t(df).ppf(1 - alpha / 2)
    spread = scipy.stats.chi(df)

    def given_spread(quantile: float) -> float:
        edge = critical * spread.ppf(quantile) / math.sqrt(df)
        return float(scipy.special.ndtr(shift - edge) + scipy.special.ndtr(-shift - edge))

    return float(scipy.integrate.quad(given_spread, 0, 1, limit=200, epsabs=1e-9)[0])


@pytest.mark.parametrize("n", [2, 3, 10, 100, 525, 5000])
@pytest.mark.parametrize("difference", [0.001, 0.02, 0.05, -0.05, 0.3])
@pytest.mark.parametrize("repeats", [1, 4])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_power_is_that_of_two_other_ways(
    n: int, difference: float, repeats: int, alpha: float
) -> None:
    """It equals a numerical integral, and statsmodels' TTestPower where that is not NaN."""
    effect = abs(difference) / math.sqrt(PARTS.between + PARTS.within / repeats)
    found = power(difference, n, repeats, PARTS, alpha)
    assert found == pytest.approx(integrated(effect, n, alpha), abs=1e-6)
    expected = float(TTestPower().power(effect, n, alpha, alternative="two-sided"))
    assert math.isnan(expected) or found == pytest.approx(expected, abs=1e-7)


def test_power_is_the_share_of_significant_tests() -> None:
    """4,000 simulated comparisons with repeats are significant as often as predicted, ± 2 %."""
    rng = np.random.default_rng(5)
    n, repeats, difference = 60, 3, 0.1
    true = rng.normal(difference, math.sqrt(PARTS.between), (4000, n, 1))
    seen = true + rng.normal(0, math.sqrt(PARTS.within), (4000, n, repeats))
    p = scipy.stats.ttest_1samp(seen.mean(axis=2), 0, axis=1).pvalue
    predicted = power(difference, n, repeats, PARTS)
    assert 0.5 < predicted < 0.95
    assert (p < 0.05).mean() == pytest.approx(predicted, abs=0.02)


@pytest.mark.parametrize("n", [2, 3, 8, 50, 1000, 10**6])
def test_power_never_goes_wrong_in_the_tails(n: int) -> None:
    """From no effect to a huge one it rises from alpha to 1 without a gap or a NaN."""
    shifts = np.concatenate([np.linspace(0, 60, 601), [1e3, 1e6, 1e12]])
    one = Components(1.0, 0.0, 10, 1.0)
    curve = np.array([power(float(shift) / math.sqrt(n), n, 1, one) for shift in shifts])
    assert curve[0] == pytest.approx(0.05)
    assert np.isfinite(curve).all()
    assert (np.diff(curve) >= -1e-9).all()
    assert curve[-1] == 1.0


@given(COMPONENTS, st.floats(0.005, 1), st.integers(1, 8), st.floats(0.5, 0.99))
def test_the_number_needed_is_the_smallest_that_is_enough(
    parts: Components, difference: float, repeats: int, wanted: float
) -> None:
    """With n examples the power is reached, with one fewer it is not."""
    n = examples_needed(difference, repeats, parts, wanted)
    assert n is not None
    assert power(difference, n, repeats, parts) >= wanted
    if n > 2:
        assert power(difference, n - 1, repeats, parts) < wanted


def test_the_number_needed_is_that_of_statsmodels() -> None:
    """Rounded up, it is what solve_power gives."""
    for difference in (0.02, 0.05, 0.1, 0.2):
        effect = difference / math.sqrt(PARTS.between + PARTS.within)
        expected = TTestPower().solve_power(effect, power=0.8, alpha=0.05)
        assert examples_needed(difference, 1, PARTS) == math.ceil(float(expected))


@given(COMPONENTS, st.integers(2, 5000), st.integers(1, 8), st.floats(0.5, 0.99))
def test_the_detectable_difference_has_the_power_wanted(
    parts: Components, n: int, repeats: int, wanted: float
) -> None:
    """It is the inverse of the power, and n is enough for it."""
    difference = detectable_difference(n, repeats, parts, wanted)
    assert difference is not None
    assert power(difference, n, repeats, parts) == pytest.approx(wanted, abs=1e-7)
    needed = examples_needed(difference * (1 + 1e-9), repeats, parts, wanted)
    assert needed is not None
    assert needed <= n


@given(COMPONENTS, st.floats(0.01, 0.5))
def test_more_repeats_never_need_more_examples(parts: Components, difference: float) -> None:
    """And no number of repeats needs fewer than the spread between examples demands."""
    needed = [examples_needed(difference, repeats, parts) for repeats in (1, 2, 4, 16, 10**9)]
    assert all(n is not None for n in needed)
    assert needed == sorted(needed, reverse=True)
    still = Components(parts.between, 0.0, parts.n, parts.repeats)
    assert needed[-1] == pytest.approx(examples_needed(difference, 1, still), abs=1)


def test_what_cannot_be_found_is_none() -> None:
    """No number of examples shows a difference of 0; one example detects nothing."""
    assert examples_needed(0.0, 1, PARTS) is None
    assert examples_needed(1e-9, 1, PARTS) is None
    assert detectable_difference(1, 1, PARTS) is None
    assert power(0.0, 50, 1, PARTS) == pytest.approx(0.05)


def test_without_variance_anything_is_found() -> None:
    """Two examples are enough for any difference, and for none there is nothing to find."""
    still = Components(0.0, 0.0, 10, 1.0)
    assert power(0.001, 2, 1, still) == 1.0
    assert power(0.0, 2, 1, still) == 0.0
    assert examples_needed(0.001, 1, still) == 2
    assert detectable_difference(2, 1, still) == 0.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: power(0.1, 1, 1, PARTS),
        lambda: power(0.1, 10, 0, PARTS),
        lambda: power(math.nan, 10, 1, PARTS),
        lambda: power(0.1, 10, 1, PARTS, alpha=0.0),
        lambda: examples_needed(0.1, 1, PARTS, power=1.0),
        lambda: examples_needed(0.1, 1, PARTS, power=0.05),
        lambda: examples_needed(math.inf, 1, PARTS),
        lambda: examples_needed(0.1, math.nan, PARTS),
        lambda: detectable_difference(10, 1, PARTS, alpha=1.0),
        lambda: components(np.array([[0.1, 0.2]])),
        lambda: components(np.array([[0.1], [math.nan]])),
        lambda: components(np.ones(3)),
        lambda: difference_components(np.ones((2, 1)), np.ones((3, 1))),
        lambda: difference_components(np.ones((2, 1)), np.array([[0.1], [math.nan]])),
    ],
)
def test_bad_input_is_an_error(call) -> None:
    """Shares outside (0, 1), missing scores and too few examples are refused."""
    with pytest.raises(ValueError, match=r"must|need|expected|of the other"):
        call()


# Variance components


def simulated(
    rng: np.random.Generator, n: int, repeats: np.ndarray, between: float, within: float
) -> np.ndarray:
    """Scores with known components and the given numbers of repeats, NaN beyond them."""
    table = rng.normal(0.3, math.sqrt(between), (n, 1)) + rng.normal(
        0, math.sqrt(within), (n, repeats.max())
    )
    table[np.arange(repeats.max())[None, :] >= repeats[:, None]] = np.nan
    return table


def test_components_are_those_of_the_anova_table() -> None:
    """With equal repeats: σ² is the mean square within, τ² = (MS between − MS within)/m."""
    rng = np.random.default_rng(1)
    table = simulated(rng, 40, np.full(40, 4), 0.05, 0.02)
    found = components(table)
    between = 4 * ((table.mean(axis=1) - table.mean()) ** 2).sum() / 39
    within = ((table - table.mean(axis=1, keepdims=True)) ** 2).sum() / (40 * 3)
    assert between / within == pytest.approx(scipy.stats.f_oneway(*table).statistic)
    assert found.within == pytest.approx(within)
    assert found.between == pytest.approx((between - within) / 4)
    assert (found.n, found.repeats) == (40, 4.0)


def test_unequal_repeats_do_not_bias_the_components() -> None:
    """With 1 to 4 repeats as in real data, the mean of 400 estimates is the truth within 2 %."""
    rng = np.random.default_rng(2)
    repeats = np.repeat([1, 2, 3, 4], [244, 113, 37, 6])
    found = [components(simulated(rng, 400, repeats, 0.04, 0.05)) for _ in range(400)]
    assert np.mean([each.between for each in found]) == pytest.approx(0.04, rel=0.02)
    assert np.mean([each.within for each in found]) == pytest.approx(0.05, rel=0.02)


def test_components_of_differences_have_the_noise_of_both_sides() -> None:
    """Between is the variance of the true differences, within is σ²_a + σ²_b."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(400):
        easy = rng.normal(0, 0.5, (300, 1))  # shared by both: pairing takes it out
        repeats = rng.integers(1, 5, 300)
        a = simulated(rng, 300, repeats, 0.02, 0.01) + easy
        b = simulated(rng, 300, rng.permutation(repeats), 0.01, 0.03) + easy
        found.append(difference_components(a, b))
    assert np.mean([each.between for each in found]) == pytest.approx(0.03, rel=0.03)
    assert np.mean([each.within for each in found]) == pytest.approx(0.04, rel=0.03)


def test_examples_that_one_side_lacks_are_left_out() -> None:
    """Only pairs count, and n says how many."""
    a = np.array([[0.1, 0.2], [0.5, math.nan], [math.nan, math.nan], [0.9, 0.7]])
    b = np.array([[0.3], [0.4], [0.8], [math.nan]])
    found = difference_components(a, b)
    assert (found.n, found.repeats) == (2, 1.25)
    assert found.within == pytest.approx(0.005)
    expected = np.var([0.15 - 0.3, 0.5 - 0.4], ddof=1) - 0.005 * (1 / 2 + 1) / 2
    assert found.between == pytest.approx(expected)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_one_repeat_puts_all_variance_between(scores: list[float]) -> None:
    """What cannot be told apart counts as between, so that no repeat is promised to help."""
    assume(np.ptp(scores) > 1e-3)
    found = components(np.array(scores)[:, None])
    assert found.within == 0.0
    assert found.between == pytest.approx(np.var(scores, ddof=1))


def test_the_plan_s_variance_is_that_of_the_data() -> None:
    """With the data's own n and repeats, (between + within/m)/n is the variance of the mean."""
    rng = np.random.default_rng(8)
    table = simulated(rng, 50, np.full(50, 3), 0.05, 0.02)
    found = components(table)
    planned = (found.between + found.within / 3) / 50
    assert planned == pytest.approx(table.mean(axis=1).var(ddof=1) / 50)
