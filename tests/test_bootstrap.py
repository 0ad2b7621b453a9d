"""The bootstrap against independent implementations, enumeration and simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from data_fixtures import example  # noqa: F401  (loads the profile of hypothesis)
from preceptor.statistics import bca_intervals, bootstrap_std, resampled_means
from preceptor.statistics.bootstrap import _alike, _counts_kept, _jackknife


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


# Resampled means and BCa


def table(n: int, k: int, seed: int, missing: float = 0.0) -> np.ndarray:
    """Skewed scores, some missing."""
    rng = np.random.default_rng(seed)
    values = 1 - rng.exponential(0.3, (n, k)) + rng.normal(0, 0.1, (n, 1))
    values[rng.random((n, k)) < missing] = np.nan
    return values


def naive_means(values: np.ndarray, clusters: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Whole clusters drawn and their rows put one after another, one resample at a time."""
    rng = np.random.default_rng(seed)
    labels = np.unique(clusters)
    found = []
    for _ in range(resamples):
        picked = labels[rng.integers(0, len(labels), size=len(labels))]
        rows = np.concatenate([values[clusters == label] for label in picked])
        found.append(np.nanmean(rows, axis=0))
    return np.array(found)


@pytest.mark.parametrize("portion", [4_000_000, 700])
def test_resampled_means_equal_a_naive_loop(portion: int, monkeypatch) -> None:
    """Counts and a matrix product are the same as drawing rows, also in portions."""
    monkeypatch.setattr("preceptor.statistics.bootstrap._RESAMPLED_AT_ONCE", portion)
    values = table(120, 3, 1, missing=0.2)
    expected = naive_means(values, np.arange(120), 50, seed=5)
    assert resampled_means(values, resamples=50, seed=5) == pytest.approx(expected, abs=1e-12)


def test_resampled_means_of_clusters_equal_a_naive_loop() -> None:
    """Clusters are drawn whole, and each row of them counts, present values only."""
    values = table(150, 2, 2, missing=0.2)
    clusters = np.sort(np.random.default_rng(3).integers(0, 60, 150))
    expected = naive_means(values, clusters, 40, seed=9)
    found = resampled_means(values, clusters=clusters, resamples=40, seed=9)
    assert found == pytest.approx(expected, abs=1e-12)


def test_each_row_its_own_cluster_is_no_cluster() -> None:
    """Labels may be words, in any order."""
    values = table(50, 2, 4)
    names = np.array([f"example {index:03}" for index in range(50)])
    assert bca_intervals(values, clusters=names, resamples=500) == pytest.approx(
        bca_intervals(values, resamples=500)
    )


@pytest.mark.parametrize("n", [2, 12, 80])
def test_bca_is_that_of_scipy_given_the_same_resamples(n: int) -> None:
    """Bias, acceleration and percentiles: exactly scipy's interval, for skewed and tied scores."""
    tied = np.round(table(n, 1, n + 1)[:, 0], 1)
    for values in (table(n, 1, n)[:, 0], tied):
        means = resampled_means(values, resamples=3000)[:, 0]
        drawn = scipy.stats.bootstrap((values,), np.mean, n_resamples=2, method="percentile")
        # A tie, here, is two sums in another order: rounded, both see the same ties.
        drawn.bootstrap_distribution = np.where(
            np.abs(means - values.mean()) < 1e-12, np.mean(values), means
        )
        expected = scipy.stats.bootstrap(
            (values,), np.mean, n_resamples=0, bootstrap_result=drawn, method="BCa"
        ).confidence_interval
        assert bca_intervals(values, resamples=3000)[0] == pytest.approx(expected, abs=1e-9)


def test_bca_is_that_of_scipy_with_its_own_resamples() -> None:
    """Two generators agree within the noise of 20,000 resamples."""
    values = table(100, 1, 6)[:, 0]
    expected = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    found = bca_intervals(values, resamples=20_000)[0]
    assert found == pytest.approx(expected, abs=0.05 * (expected.high - expected.low))


def test_resamples_of_three_are_the_27_of_an_enumeration() -> None:
    """Each equally likely mean of all 3³ resamples comes as often as it should."""
    values = np.array([0.0, 0.1, 1.0])
    every = [np.mean(picked) for picked in itertools.product(values, repeat=3)]
    expected, ways = np.unique(np.round(every, 9), return_counts=True)
    found, times = np.unique(
        np.round(resampled_means(values, resamples=54_000), 9), return_counts=True
    )
    assert found == pytest.approx(expected)
    assert scipy.stats.chisquare(times, ways / 27 * 54_000).pvalue > 0.001


def test_the_jackknife_is_what_leaving_one_out_gives() -> None:
    """Closed form against leaving out each cluster in turn, for a ratio of sums."""
    rng = np.random.default_rng(7)
    sizes = rng.integers(1, 5, 12)
    clusters = np.repeat(np.arange(12), sizes)
    values = rng.normal(size=len(clusters))
    centred = values - values.mean()
    expected = [values[clusters != g].mean() - values.mean() for g in range(12)]
    sums = np.bincount(clusters, weights=centred)
    assert _jackknife(sums, sizes.astype(float)) == pytest.approx(expected, abs=1e-12)


def naive_bca(values: np.ndarray, clusters: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Efron and Tibshirani, 14.10 to 14.15, line by line for one column."""
    means = naive_means(values[:, None], clusters, resamples, seed)[:, 0]
    mean = values.mean()
    bias = scipy.stats.norm.ppf((means < mean).mean())
    without = np.array([values[clusters != label].mean() for label in np.unique(clusters)])
    off = without.mean() - without
    a = (off**3).sum() / (6 * (off**2).sum() ** 1.5)
    z = scipy.stats.norm.ppf([0.025, 0.975])
    shares = scipy.stats.norm.cdf(bias + (bias + z) / (1 - a * (bias + z)))
    return np.quantile(means, shares)


def test_bca_of_clusters_is_the_textbook_line_by_line() -> None:
    """Resamples and the jackknife both go by cluster."""
    values = table(130, 1, 8)[:, 0]
    clusters = np.random.default_rng(9).integers(0, 50, 130)
    found = bca_intervals(values, clusters=clusters, resamples=800, seed=3)[0]
    assert found == pytest.approx(naive_bca(values, clusters, 800, 3), abs=1e-12)


@given(
    st.lists(st.floats(-3, 1).map(lambda x: round(x, 3)), min_size=2, max_size=25),
    st.sampled_from([0.01, 0.5, 1.0, 300.0]),
    st.sampled_from([-2.0, 0.0, 2000.0]),
)
def test_bca_moves_and_scales_with_the_values(
    values: list[float], scale: float, shift: float
) -> None:
    """Lengths of thousands of characters are as exact as scores: no hidden constants or clips."""
    found = bca_intervals(values, resamples=200)
    moved = bca_intervals(np.array(values) * scale + shift, resamples=200)
    assert moved == pytest.approx(found * scale + shift, abs=1e-8 * scale)


@given(st.lists(st.floats(-3, 1), min_size=2, max_size=25))
def test_bca_stays_within_the_values(values: list[float]) -> None:
    """A mean of resampled values is never outside them."""
    low, high = bca_intervals(values, resamples=200)[0]
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_a_column_is_not_touched_by_others() -> None:
    """Leaving out other metrics leaves an interval as it was; so does their order."""
    values = table(200, 4, 10, missing=0.3)
    values[30:, 2] = values[25:, 3] = np.nan  # two with few examples, not the same
    whole = bca_intervals(values, resamples=300)
    for column in range(4):
        alone = bca_intervals(values[:, column], resamples=300)[0]
        assert alone == pytest.approx(whole[column], abs=1e-12)
    turned = bca_intervals(values[:, ::-1], resamples=300)
    assert turned == pytest.approx(whole[::-1], abs=1e-12)


def test_a_column_of_right_and_wrong_is_not_touched_by_others() -> None:
    """Also where units that are alike are drawn together."""
    scores = table(200, 4, 10, missing=0.3)
    values = np.where(np.isnan(scores), np.nan, scores > 0.7)
    values[:, 3] = table(200, 1, 3)[:, 0]
    whole = bca_intervals(values, resamples=300)
    for column in range(4):
        alone = bca_intervals(values[:, column], resamples=300)[0]
        assert alone == pytest.approx(whole[column], abs=1e-12)


def test_units_that_are_alike_are_drawn_together() -> None:
    """Right answers among 30 drawn of 30 are binomial, and those in a slice go with the whole."""
    right = np.repeat([1.0, 0.0], [12, 18])
    part = np.where(np.arange(30) % 3, right, np.nan)
    kinds, sizes = _alike(np.column_stack([right, np.nan_to_num(part, nan=-1.0)]))
    assert sorted(sizes) == [4, 6, 8, 12]
    assert len(kinds) == 4
    means = resampled_means(right, resamples=20_000)[:, 0]
    found = np.bincount(np.round(means * 30).astype(int), minlength=31)
    expected = scipy.stats.binom.pmf(np.arange(31), 30, 0.4) * 20_000
    usual = expected > 20
    observed = np.append(found[usual], found[~usual].sum())
    theory = np.append(expected[usual], expected[~usual].sum())
    assert scipy.stats.chisquare(observed, theory).pvalue > 0.001


def test_alike_or_not_two_columns_are_resampled_together() -> None:
    """The correlation of a whole and a part is that of drawing units one by one."""
    rng = np.random.default_rng(3)
    right = (rng.random(400) < 0.6).astype(float)
    part = np.where(np.arange(400) < 150, right, np.nan)
    both = resampled_means(np.column_stack([right, part]), resamples=20_000)
    # Units are no longer alike where each has a number of its own.
    apart = resampled_means(np.column_stack([right, part, rng.random(400)]), resamples=20_000)
    assert both.std(axis=0) == pytest.approx(apart.std(axis=0)[:2], rel=0.03)
    assert np.corrcoef(both.T)[0, 1] == pytest.approx(np.corrcoef(apart.T)[0, 1], abs=0.02)


def test_columns_are_resampled_together() -> None:
    """One draw serves all, so that the difference of two columns has the right spread."""
    base = table(300, 1, 11)
    means = resampled_means(np.hstack([base, base + 0.25]), resamples=100)
    assert means[:, 1] - means[:, 0] == pytest.approx(np.full(100, 0.25))
    few = np.vstack([np.hstack([base[:20], base[:20] + 0.25]), np.full((280, 2), np.nan)])
    means = resampled_means(few, resamples=100)
    assert means[:, 1] - means[:, 0] == pytest.approx(np.full(100, 0.25))


def test_a_rare_tag_has_no_empty_resample() -> None:
    """Three examples of 1,000 are resampled among themselves, as if alone."""
    values = np.full((1000, 2), np.nan)
    values[:, 0] = table(1000, 1, 12)[:, 0]
    values[[5, 500, 999], 1] = [0.0, 0.1, 1.0]
    means = resampled_means(values, resamples=5000)
    assert not np.isnan(means).any()
    assert means[:, 1].std() == pytest.approx(np.std([0.0, 0.1, 1.0]) / np.sqrt(3), rel=0.03)


def test_where_nothing_varies_the_interval_is_the_point() -> None:
    """Also for clusters that differ in size but not in their mean."""
    assert bca_intervals(np.full(50, 0.1)).tolist() == [[pytest.approx(0.1)] * 2]
    alike = np.array([0.0, 1.0, 0.0, 1.0, 0.5])
    found = bca_intervals(alike, clusters=np.array([0, 0, 1, 1, 2]))
    assert found.tolist() == [[pytest.approx(0.5)] * 2]


def test_fewer_than_two_units_have_no_interval() -> None:
    """One example, one cluster, or none: NaN, and the other columns are not harmed."""
    values = np.array([[0.1, np.nan, 0.3], [0.2, np.nan, np.nan], [0.6, np.nan, np.nan]])
    found = bca_intervals(values, resamples=200)
    assert np.isnan(found).tolist() == [[False] * 2, [True] * 2, [True] * 2]
    one = bca_intervals(values, clusters=np.zeros(3), resamples=200)
    assert np.isnan(one).all()
    assert bca_intervals(np.empty((0, 2)), resamples=5).shape == (2, 2)
    assert bca_intervals(np.empty((5, 0)), resamples=5).shape == (0, 2)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([[np.inf], [0.0]], {}),
        (np.zeros((2, 2, 2)), {}),
        ([0.1, 0.2], {"clusters": np.array([1])}),
        ([0.1, 0.2], {"resamples": 0}),
    ],
)
def test_wrong_input_of_the_bootstrap_is_an_error(values, options) -> None:
    """Infinity, another shape, clusters of another length, no resamples."""
    with pytest.raises(ValueError, match="bootstrap"):
        bca_intervals(values, **options)


def test_bca_is_seeded() -> None:
    """Twice the same call, twice the same interval; another seed, another one."""
    values = table(60, 1, 13)
    first = bca_intervals(values, resamples=300)
    assert np.array_equal(first, bca_intervals(values, resamples=300))
    assert not np.array_equal(first, bca_intervals(values, resamples=300, seed=1))


@pytest.mark.parametrize("clustered", [False, True])
def test_bca_covers_the_truth_about_as_often_as_it_says(clustered: bool) -> None:
    """1,000 seeded samples of skewed scores: 95 % ± 3.5 binomial standard errors."""
    rng = np.random.default_rng(14)
    covered, truth = 0, 0.7
    for block in range(20):
        sizes = rng.integers(1, 4, 120) if clustered else np.ones(120, dtype=int)
        clusters = np.repeat(np.arange(120), sizes)
        shared = rng.exponential(0.15, (120, 50))[clusters]
        values = 1 - shared - rng.exponential(0.15, (len(clusters), 50))
        low, high = bca_intervals(values, clusters=clusters, resamples=1000, seed=block).T
        covered += int(((low <= truth) & (truth <= high)).sum())
    assert abs(covered / 1000 - 0.95) < 3.5 * np.sqrt(0.95 * 0.05 / 1000)


def test_kept_draws_are_those_of_a_fresh_start() -> None:
    """A column on as many units as the last one has the interval that it has alone."""
    first, second = np.random.default_rng(3).normal(size=(2, 60))
    bca_intervals(first, resamples=500)
    after = bca_intervals(second, resamples=500)
    _counts_kept.cache_clear()
    assert bca_intervals(second, resamples=500).tolist() == after.tolist()
    assert bca_intervals(second, resamples=500, seed=1).tolist() != after.tolist()
