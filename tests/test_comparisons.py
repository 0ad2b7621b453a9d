"""Comparisons of two systems against scipy, statsmodels, enumeration and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.linalg import block_diag
from statsmodels.regression.linear_model import OLS
from statsmodels.stats import contingency_tables, weightstats

from data_fixtures import example  # noqa: F401  (loads the profile of hypothesis)
from preceptor.statistics import (
    clustered_difference,
    effect_size,
    equivalence,
    mcnemar,
    paired_difference,
    permutation_p,
)

VALUES = st.lists(st.floats(-2, 2).map(lambda x: round(x, 4)), min_size=2, max_size=30)


def skewed(n: int, seed: int, shift: float = 0.05) -> np.ndarray:
    """Differences with a tail."""
    return np.random.default_rng(seed).exponential(0.4, n) - 0.4 + shift


def varies(values) -> bool:
    return float(np.ptp(values)) > 1e-3


# Paired t


@given(VALUES)
def test_the_paired_test_is_that_of_scipy(values: list[float]) -> None:
    """t, df, p and interval are those of scipy's paired t-test."""
    assume(varies(values))
    found = paired_difference(values)
    expected = scipy.stats.ttest_rel(values, np.zeros(len(values)))
    interval = expected.confidence_interval()
    assert found is not None
    assert (found.t, found.df) == pytest.approx((expected.statistic, expected.df), abs=1e-9)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-12)
    assert found.ci95 == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert (found.n, found.clusters) == (len(values), None)


@given(VALUES)
def test_exchanging_the_systems_changes_signs_alone(values: list[float]) -> None:
    """The same p, the mirrored interval."""
    there, back = paired_difference(values), paired_difference([-x for x in values])
    assert there is not None
    assert back is not None
    assert (back.mean, back.p) == pytest.approx((-there.mean, there.p))
    assert back.ci95 == pytest.approx((-there.ci95[1], -there.ci95[0]))


@given(VALUES)
def test_p_and_interval_agree(values: list[float]) -> None:
    """p < 0.05 exactly where the 95 % interval leaves out 0."""
    assume(varies(values))
    found = paired_difference(values)
    assert found is not None
    assume(abs(found.p - 0.05) > 1e-9)
    assert (found.p < 0.05) == (not found.ci95[0] <= 0 <= found.ci95[1])


def test_no_difference_anywhere_is_p_1() -> None:
    """Two copies of one system do not differ: t is 0, not 0/0; rounding is no difference."""
    for values in ([0.0] * 5, [1e-17, 0.0, -1e-17]):
        found = paired_difference(values)
        assert found is not None
        assert (found.mean, found.t, found.p, found.ci95) == (0, 0, 1, (0, 0))


def test_the_same_difference_everywhere_is_no_certainty() -> None:
    """t is infinite; p is that of flipping signs, 2^(1−n), which two equal rows leave at a half."""
    for n in (2, 5, 10):
        values = np.full(n, -0.3)
        values[0] = 0.1 - 0.4  # off by rounding
        found = paired_difference(values)
        assert found is not None
        assert (found.t, found.df, found.p) == (-math.inf, n - 1, 2.0 ** (1 - n))
        assert found.p == pytest.approx(permutation_p(values))
        assert found.ci95 == pytest.approx((-0.3, -0.3))


def test_one_difference_cannot_be_tested() -> None:
    """Nor none at all; nor one cluster."""
    assert paired_difference([0.3]) is None
    assert paired_difference([]) is None
    assert clustered_difference([0.1, 0.4], np.array([7, 7])) is None
    assert clustered_difference([], np.array([])) is None


@pytest.mark.parametrize("values", [[0.1, math.nan], [0.1, math.inf], [[0.1, 0.2]]])
def test_incomplete_pairs_are_an_error(values) -> None:
    """NaN is not left out silently; nor is infinity, nor another shape."""
    for test in (paired_difference, permutation_p, effect_size):
        with pytest.raises(ValueError, match="finite differences"):
            test(values)
    with pytest.raises(ValueError, match="finite differences"):
        equivalence(values, 0.1)
    with pytest.raises(ValueError, match="finite differences"):
        clustered_difference(values, np.arange(2))


# Clusters


def cr2_by_matrices(d: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Standard error and df of CR2 with full matrices, as Pustejovsky and Tipton write them."""
    order = np.argsort(clusters, kind="stable")
    d, clusters = d[order], clusters[order]
    n = len(d)
    x = np.ones((n, 1))
    bread = np.linalg.inv(x.T @ x)
    rest = np.eye(n) - x @ bread @ x.T
    adjust, weights = [], []
    for label in np.unique(clusters):
        rows = clusters == label
        values, vectors = np.linalg.eigh(rest[np.ix_(rows, rows)])
        root = vectors @ np.diag(values**-0.5) @ vectors.T
        adjust.append(root)
        weights.append(rest[:, rows] @ root @ x[rows] @ bread[:, 0])
    scores = block_diag(*adjust) @ rest @ d
    sums = [scores[clusters == label].sum() for label in np.unique(clusters)]
    error = math.sqrt(float(bread[0, 0] ** 2 * np.square(sums).sum()))
    spectrum = np.linalg.eigvalsh(np.array(weights) @ np.array(weights).T)
    return error, float(spectrum.sum() ** 2 / (spectrum**2).sum())


@given(VALUES, st.randoms(use_true_random=False))
def test_the_clustered_test_is_cr2_by_matrices(values: list[float], rng) -> None:
    """The closed form for a mean equals the general one: standard error, df, p and interval."""
    d = np.array(values)
    clusters = np.array([rng.randint(0, 5) for _ in values])
    assume(len(set(clusters)) > 1)
    error, df = cr2_by_matrices(d, clusters)
    assume(error > 1e-6)
    found = clustered_difference(d, clusters)
    assert found is not None
    assert found.t == pytest.approx(d.mean() / error, rel=1e-6, abs=1e-9)
    assert found.df == pytest.approx(df, rel=1e-9)
    assert found.p == pytest.approx(2 * scipy.stats.t.sf(abs(d.mean()) / error, df), abs=1e-7)
    half = scipy.stats.t.ppf(0.975, df) * error
    assert found.ci95 == pytest.approx((d.mean() - half, d.mean() + half), rel=1e-6, abs=1e-9)
    assert (found.n, found.clusters) == (len(d), len(set(clusters)))


def test_with_many_clusters_it_is_the_common_sandwich() -> None:
    """Statsmodels' cluster-robust error (CR1) differs by 1 % at 600 clusters of 1 to 4 rows."""
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(600), rng.integers(1, 5, 600))
    d = rng.normal(size=600)[clusters] + rng.normal(size=len(clusters))
    fit = OLS(d, np.ones(len(d))).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    found = clustered_difference(d, clusters)
    assert found is not None
    assert found.mean / found.t == pytest.approx(fit.bse[0], rel=0.01)
    assert found.mean == pytest.approx(fit.params[0])


@given(VALUES)
def test_one_row_a_cluster_is_the_paired_test(values: list[float]) -> None:
    """Exactly, whatever the labels; only the number of clusters is added."""
    assume(varies(values))
    names = np.array([f"prompt {index}" for index in range(len(values))])
    found, plain = clustered_difference(values, names), paired_difference(values)
    assert found is not None
    assert plain is not None
    assert (found.t, found.df, found.p) == pytest.approx((plain.t, plain.df, plain.p))
    assert found.ci95 == pytest.approx(plain.ci95)
    assert found.clusters == found.n


def test_equal_clusters_are_the_t_test_of_their_means() -> None:
    """Eight clusters of three: 7 df, and rows within a cluster add no certainty."""
    d = skewed(24, 2).reshape(8, 3)
    found = clustered_difference(d.ravel(), np.repeat(np.arange(8), 3))
    expected = scipy.stats.ttest_1samp(d.mean(axis=1), 0)
    assert found is not None
    assert (found.t, found.df, found.p) == pytest.approx((expected.statistic, 7, expected.pvalue))


def test_clusters_without_spread_are_no_certainty() -> None:
    """Three clusters of one mean: what holds for three equal differences."""
    found = clustered_difference([0.1, 0.3, 0.2, 0.2, 0.2], np.array([0, 0, 1, 1, 2]))
    assert found is not None
    assert (found.t, found.p) == (math.inf, 0.25)
    assert found.ci95 == pytest.approx((0.2, 0.2))


def test_clusters_of_another_length_are_an_error() -> None:
    """One label for each row."""
    with pytest.raises(ValueError, match="3 clusters"):
        clustered_difference([0.1, 0.2, 0.3], np.array([1, 2]))


# Sign flips


@given(st.lists(st.sampled_from([-0.3, -0.1, 0.0, 0.1, 0.2, 0.7]), min_size=1, max_size=8))
def test_few_sign_flips_are_enumerated(values: list[float]) -> None:
    """Exactly the share of all 2^n patterns that reach the observed mean, ties included."""
    d = np.array(values)
    every = [abs(d @ np.array(signs)) for signs in itertools.product((1, -1), repeat=len(d))]
    expected = np.mean(np.array(every) >= abs(d.sum()) - 1e-9)
    assert permutation_p(d, resamples=256) == pytest.approx(expected)


@pytest.mark.parametrize("n", [3, 13])
def test_sign_flips_are_those_of_scipy(n: int, monkeypatch) -> None:
    """Its exact permutation test of paired samples, also when ours works in portions."""
    monkeypatch.setattr("preceptor.statistics.comparisons._FLIPPED_AT_ONCE", 1000)
    d = skewed(n, 3, 0.2)
    expected = scipy.stats.permutation_test(
        (d, np.zeros(n)), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=2**n
    ).pvalue
    assert permutation_p(d, resamples=2**n) == pytest.approx(expected)


def test_drawn_sign_flips_come_near_the_exact_p() -> None:
    """Within 4 standard errors of what all 2^13 patterns say; never 0."""
    d = skewed(13, 4, 0.15)
    exact, drawn = permutation_p(d, resamples=2**13), permutation_p(d, resamples=2**13 - 1)
    assert drawn == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 2**13))
    assert drawn != exact
    assert permutation_p(np.full(100, 0.1), resamples=99) == 0.01


@given(VALUES)
def test_whole_clusters_are_flipped(values: list[float]) -> None:
    """As many units as clusters: flipping clusters is flipping their sums."""
    clusters = np.arange(len(values)) % 4
    sums = [sum(values[start::4]) for start in range(min(4, len(values)))]
    found = permutation_p(values, clusters=clusters)
    assert found == pytest.approx(permutation_p(sums))
    assert 2.0 ** -len(sums) <= found <= 1


def test_sign_flips_are_seeded() -> None:
    """Twice the same p; another seed, another p."""
    d = skewed(40, 5, 0.1)
    assert permutation_p(d, resamples=500) == permutation_p(d, resamples=500)
    assert permutation_p(d, resamples=500) != permutation_p(d, resamples=500, seed=1)


def test_nothing_cannot_be_flipped() -> None:
    """No differences, or no resamples."""
    for values, resamples in (([], 10), ([0.1], 0)):
        with pytest.raises(ValueError, match="permutation_p"):
            permutation_p(values, resamples=resamples)


# Effect size


@pytest.mark.parametrize("n", [3, 10, 200, 5000])
@pytest.mark.parametrize("shift", [-2.0, 0.0, 0.3])
def test_the_interval_of_an_effect_inverts_the_noncentral_t(n: int, shift: float) -> None:
    """At its ends, scipy's non-central t has the observed t at its 97.5th and 2.5th percentile."""
    d = np.random.default_rng(n).normal(shift, 1, n)
    t = scipy.stats.ttest_1samp(d, 0).statistic
    found = effect_size(d)
    assert found is not None
    ends = np.array(found.ci95) * math.sqrt(n)
    assert scipy.stats.nct.cdf(t, n - 1, ends) == pytest.approx([0.975, 0.025], abs=1e-5)
    ratio = scipy.special.gamma(1.0) / (math.sqrt(1.0) * scipy.special.gamma(0.5))
    if n == 3:  # Hedges's J, by the gamma function itself
        assert found.value == pytest.approx(ratio * d.mean() / d.std(ddof=1))
    if n > 3:  # and by his own approximation
        factor = 1 - 3 / (4 * (n - 1) - 1)
        assert found.value == pytest.approx(factor * d.mean() / d.std(ddof=1), rel=1e-3)


def test_hedges_correction_removes_the_bias() -> None:
    """The mean over 4,000 samples of six is the true effect, which mean/sd overstates by 19 %."""
    samples = np.random.default_rng(6).normal(0.8, 1, (4000, 6))
    plain = samples.mean(axis=1) / samples.std(axis=1, ddof=1)
    found = [effect.value for effect in map(effect_size, samples) if effect is not None]
    error = np.std(found) / math.sqrt(4000)
    assert np.mean(found) == pytest.approx(0.8, abs=3.5 * error)
    assert plain.mean() > 0.8 + 5 * error


@given(VALUES, st.floats(0.01, 100))
def test_an_effect_has_no_unit(values: list[float], scale: float) -> None:
    """Points or hundredths of points: the same effect; exchanged, its negative."""
    assume(varies(values) and len(values) > 2)
    found = effect_size(values)
    assert found is not None
    scaled, turned = effect_size(np.array(values) * scale), effect_size(-np.array(values))
    assert scaled is not None
    assert turned is not None
    assert (scaled.value, *scaled.ci95) == pytest.approx((found.value, *found.ci95), abs=1e-6)
    assert (turned.value, turned.ci95[0]) == pytest.approx(
        (-found.value, -found.ci95[1]), rel=1e-4, abs=1e-6
    )


@pytest.mark.parametrize("values", [[], [0.1], [0.1, 0.3], [0.2] * 5, [0.0] * 5, [1, 1, 1 + 1e-7]])
def test_without_spread_there_is_no_effect_size(values: list[float]) -> None:
    """Nor for two differences, where the correction is 0: undefined, not infinite."""
    assert effect_size(values) is None


# Equivalence


@given(VALUES, st.floats(0.01, 3))
def test_equivalence_is_that_of_statsmodels(values: list[float], margin: float) -> None:
    """Two one-sided paired t-tests; equivalent is where the 90 % interval is within the margin."""
    assume(varies(values))
    found = equivalence(values, margin)
    expected = weightstats.ttost_paired(np.array(values), np.zeros(len(values)), -margin, margin)
    assert found is not None
    assert found.p == pytest.approx(float(expected[0]), abs=1e-12)
    interval = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.90)
    assert found.ci90 == pytest.approx((interval.low, interval.high), abs=1e-9)
    assume(abs(found.p - 0.05) > 1e-9)
    assert found.equivalent == (-margin < found.ci90[0] and found.ci90[1] < margin)


def test_equivalence_of_clusters_has_their_standard_error() -> None:
    """Its p is of the t with the error and df that `clustered_difference` has."""
    d, clusters = skewed(60, 7), np.arange(60) // 3
    found, tested = equivalence(d, 0.2, clusters=clusters), clustered_difference(d, clusters)
    assert found is not None
    assert tested is not None
    error = tested.mean / tested.t
    expected = scipy.stats.t.sf((0.2 - abs(tested.mean)) / error, tested.df)
    assert found.p == pytest.approx(expected)
    assert found.p > equivalence(np.sort(d), 0.2).p  # type: ignore[union-attr]


def test_equivalence_without_spread() -> None:
    """Five equal rows suffice inside the margin, four do not; on the margin none do."""
    five, four = equivalence([0.0] * 5, 0.01), equivalence([0.0] * 4, 0.01)
    edge = equivalence([0.1] * 50, 0.1)
    assert five is not None
    assert four is not None
    assert edge is not None
    assert (five.p, five.equivalent) == (2.0**-5, True)
    assert (four.p, four.equivalent) == (2.0**-4, False)
    assert (edge.p, edge.equivalent) == (1.0, False)


@pytest.mark.parametrize("margin", [0.0, -0.1, math.nan, math.inf])
def test_a_margin_is_above_zero(margin: float) -> None:
    """Everything is equivalent within infinity, nothing within zero."""
    with pytest.raises(ValueError, match="margin"):
        equivalence([0.1, 0.2], margin)
    assert equivalence([0.1], 0.5) is None


# McNemar


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_mcnemar_is_that_of_statsmodels(pairs: list[tuple[bool, bool]]) -> None:
    """The 2 × 2 table, and the exact two-sided p."""
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    found = mcnemar(a, b)
    cells = [[found.both, found.only_a], [found.only_b, found.neither]]
    assert cells == [
        [pairs.count((True, True)), pairs.count((True, False))],
        [pairs.count((False, True)), pairs.count((False, False))],
    ]
    if found.only_a + found.only_b:
        expected = contingency_tables.mcnemar(np.array(cells), exact=True).pvalue
        assert found.p == pytest.approx(expected)
    else:
        assert found.p == 1.0


def test_mcnemar_is_flipping_signs_of_outcomes() -> None:
    """The exact permutation test of the differences of 0s and 1s, by another way."""
    a = np.array([True] * 9 + [False] * 3)
    assert mcnemar(a, ~a).p == pytest.approx(permutation_p(a.astype(float) - ~a))


@pytest.mark.parametrize(
    ("a", "b"), [([True], [True, False]), ([0.2], [True]), ([1], [0]), ([math.nan], [True])]
)
def test_mcnemar_needs_truth_values_in_pairs(a, b) -> None:
    """A score is not an outcome, and a missing one is not False."""
    with pytest.raises(ValueError, match="mcnemar"):
        mcnemar(a, b)


# Error rates


def binomial(share: float, trials: int) -> float:
    """3.5 binomial standard errors."""
    return 3.5 * math.sqrt(share * (1 - share) / trials)


def test_error_rates_are_as_claimed() -> None:
    """1,000 seeded samples without a difference: each errs in 5 %, equivalence at its margin."""
    rng = np.random.default_rng(8)
    trials = 1000
    hits = dict.fromkeys(("paired", "flips", "equivalence"), 0)
    for _ in range(trials):
        d = rng.exponential(0.3, 60) - rng.exponential(0.3, 60)
        paired, within = paired_difference(d), equivalence(d + 0.25, 0.25)
        assert paired is not None
        assert within is not None
        hits["paired"] += paired.p < 0.05
        hits["flips"] += permutation_p(d, resamples=199) <= 0.05
        hits["equivalence"] += within.equivalent
    for name, count in hits.items():
        assert count / trials == pytest.approx(0.05, abs=binomial(0.05, trials)), name


def test_few_unequal_clusters_err_as_claimed_where_the_naive_test_does_not() -> None:
    """12 clusters of 1 to 5 related rows: 5 % with clusters; rows as if independent, over 12 %."""
    rng = np.random.default_rng(9)
    trials, clustered, naive = 1000, 0, 0
    for _ in range(trials):
        clusters = np.repeat(np.arange(12), rng.integers(1, 6, 12))
        d = rng.normal(0, 1, 12)[clusters] + rng.normal(0, 0.7, len(clusters))
        found, plain = clustered_difference(d, clusters), paired_difference(d)
        assert found is not None
        assert plain is not None
        clustered += found.p < 0.05
        naive += plain.p < 0.05
    assert clustered / trials == pytest.approx(0.05, abs=binomial(0.05, trials))
    assert naive / trials > 0.12
