"""Samples of examples and the estimates from them, against enumeration of all samples."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from data_fixtures import example  # noqa: F401  (loads the profile of hypothesis)
from preceptor.statistics.stratified import Estimate, control_variate_estimate, stratified_mean
from preceptor.statistics.subsets import (
    allocate,
    enriched_sample,
    quantile_strata,
    sample_weights,
    stratified_sample,
    stratum_spread,
)

LABELS = ["rich"] * 3 + ["other"] * 5
SCORES = np.array([0.1, 0.9, 0.3, 0.5, 0.6, 0.7, 0.2, -0.4])
CHEAP = np.array([0.2, 0.8, 0.4, 0.4, 0.7, 0.7, 0.3, 0.0])


def all_samples(strata: Sequence[Hashable], sizes: dict[Hashable, int]) -> list[list[int]]:
    """Every sample with the given number of examples of each stratum."""
    members = {h: [i for i, each in enumerate(strata) if each == h] for h in sizes}
    parts = [itertools.combinations(members[h], size) for h, size in sizes.items()]
    return [sorted(itertools.chain(*choice)) for choice in itertools.product(*parts)]


def estimates(
    sizes: dict[Hashable, int], estimate: Callable[[list[int]], Estimate]
) -> tuple[np.ndarray, np.ndarray]:
    """Values and squared standard errors over every possible sample."""
    found = [estimate(chosen) for chosen in all_samples(LABELS, sizes)]
    errors = [each.se for each in found]
    assert None not in errors
    return np.array([each.value for each in found]), np.array(errors) ** 2


def from_strata(chosen: list[int]) -> Estimate:
    return stratified_mean(SCORES[chosen], [LABELS[i] for i in chosen], Counter(LABELS))


# The stratified mean


@pytest.mark.parametrize("sizes", [{"rich": 2, "other": 2}, {"rich": 2, "other": 4}])
def test_the_stratified_mean_and_its_variance_are_unbiased(sizes: dict[Hashable, int]) -> None:
    """Over all possible samples: the mean is the true mean, the mean of se² the true variance."""
    values, variances = estimates(sizes, from_strata)
    assert values.mean() == pytest.approx(SCORES.mean())
    assert variances.mean() == pytest.approx(values.var())


def test_one_stratum_is_a_simple_random_sample() -> None:
    """se² = (1 − n/N)·s²/n and t with n − 1 degrees of freedom, as in any textbook."""
    values = SCORES[[0, 2, 5, 7]]
    found = stratified_mean(values, ["all"] * 4, {"all": 8})
    se = math.sqrt((1 - 4 / 8) * values.var(ddof=1) / 4)
    expected = scipy.stats.t.interval(0.95, 3, values.mean(), se)
    assert (found.value, found.se) == pytest.approx((values.mean(), se))
    assert found.ci95 == pytest.approx(expected)
    assert (found.n, found.n_total, found.slope) == (4, 8, None)


def test_in_a_large_population_the_interval_is_welch_s() -> None:
    """With two equal strata and next to no correction, df and error are those of Welch's test."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, 8), rng.normal(0, 3, 5)
    found = stratified_mean(np.concatenate([a, b]), ["a"] * 8 + ["b"] * 5, {"a": 10**9, "b": 10**9})
    welch = scipy.stats.ttest_ind(a, -b, equal_var=False).confidence_interval()
    assert found.ci95 == pytest.approx((welch.low / 2, welch.high / 2), rel=1e-6)


def test_the_whole_has_no_error() -> None:
    """With every example run, the estimate is the mean, and the interval has no width."""
    found = stratified_mean(SCORES, LABELS, Counter(LABELS))
    assert found.value == pytest.approx(SCORES.mean())
    assert found.ci95 == (found.value, found.value)
    assert found.se == 0.0


def test_a_stratum_taken_whole_adds_no_error() -> None:
    """Only the others do; a stratum of one that is sampled is whole too."""
    found = stratified_mean(
        np.array([0.3, 0.1, 0.5]), ["lone", "many", "many"], {"lone": 1, "many": 9, "none": 0}
    )
    assert found.value == pytest.approx(0.1 * 0.3 + 0.9 * 0.3)
    assert found.se == pytest.approx(0.9 * math.sqrt((1 - 2 / 9) * 0.08 / 2))
    assert found.n_total == 10


def test_one_of_several_gives_no_interval() -> None:
    """The spread of a stratum cannot be known from one example: None, not 0."""
    found = stratified_mean(np.array([0.3, 0.1, 0.5]), ["a", "b", "b"], {"a": 4, "b": 4})
    assert found.value == pytest.approx(0.3)
    assert (found.se, found.ci95) == (None, None)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=12), st.floats(0.1, 5), st.floats(-2, 2))
def test_the_estimate_moves_and_scales_with_the_scores(
    scores: list[float], scale: float, shift: float
) -> None:
    """It is equivariant."""
    values = np.array(scores)
    strata = [position % 2 for position in range(len(values))]
    population = {0: 20, 1: 30}
    plain = stratified_mean(values, strata, population)
    moved = stratified_mean(values * scale + shift, strata, population)
    assert plain.ci95 is not None
    assert moved.ci95 == pytest.approx(np.array(plain.ci95) * scale + shift, abs=1e-7)


@pytest.mark.parametrize(
    ("values", "strata", "population", "message"),
    [
        ([0.1, 0.2], ["a", "a"], {"a": 2, "b": 3}, "'b' has 3 examples and no value"),
        ([0.1, 0.2], ["a", "a"], {"a": 1}, "'a' has 2 values of 1"),
        ([0.1, 0.2], ["a", "b"], {"a": 5}, "'b' has 1 values of 0"),
        ([0.1], ["a", "b"], {"a": 5, "b": 5}, "one value and one stratum"),
        ([], [], {"a": 5}, "one value and one stratum"),
        ([0.1, math.nan], ["a", "a"], {"a": 5}, "finite"),
    ],
)
def test_a_sample_that_cannot_be_right_is_an_error(values, strata, population, message) -> None:
    """The stratum is named."""
    with pytest.raises(ValueError, match=message):
        stratified_mean(np.array(values), strata, population)


# The control variate


def helped(chosen: list[int]) -> Estimate:
    return control_variate_estimate(SCORES[chosen], CHEAP[chosen], CHEAP)


def test_the_control_variate_is_the_regression_s_prediction() -> None:
    """The value is statsmodels' OLS at the mean cheap score, the error that of its residuals."""
    chosen = [0, 1, 3, 5, 7]
    y, x = SCORES[chosen], CHEAP[chosen]
    model = sm.OLS(y, sm.add_constant(x)).fit()
    found = helped(chosen)
    assert found.value == pytest.approx(model.predict([[1, CHEAP.mean()]])[0])
    assert found.slope == pytest.approx(model.params[1])
    se = math.sqrt((1 - 5 / 8) / 5 * model.mse_resid)
    assert found.se == pytest.approx(se)
    assert found.ci95 == pytest.approx(scipy.stats.t.interval(0.95, 3, found.value, se))


def test_over_all_samples_it_is_nearly_unbiased_and_better() -> None:
    """Enumerated, 5 of 8: bias below a quarter of the error, error far below the plain mean's."""
    samples = [list(chosen) for chosen in itertools.combinations(range(8), 5)]
    values = np.array([helped(chosen).value for chosen in samples])
    plain = np.array([SCORES[chosen].mean() for chosen in samples])
    error = math.sqrt(((values - SCORES.mean()) ** 2).mean())
    assert plain.mean() == pytest.approx(SCORES.mean())
    assert abs(values.mean() - SCORES.mean()) < 0.25 * error
    assert error < 0.6 * plain.std()


@given(
    st.lists(st.floats(-1, 1), min_size=6, max_size=20, unique=True),
    st.floats(-3, 3),
    st.floats(-1, 1),
    st.booleans(),
)
def test_a_perfect_cheap_score_leaves_no_error(
    cheap: list[float], slope: float, start: float, split: bool
) -> None:
    """Where y is a line in x, every sample gives the true mean, biased as x may be."""
    x = np.array(cheap) + np.arange(len(cheap))
    y = start + slope * x
    chosen = [0, 1, 2, 3]
    strata = [position % 2 for position in range(len(x))]
    found = control_variate_estimate(
        y[chosen],
        x[chosen],
        x,
        strata=[strata[i] for i in chosen] if split else None,
        strata_all=strata if split else None,
    )
    assert found.value == pytest.approx(y.mean(), abs=1e-6)
    assert found.se == pytest.approx(0, abs=1e-6)


def test_with_strata_it_is_cochran_s_combined_estimator() -> None:
    """Slope, value and error follow his section 7.10 by hand, with the fitted slope's cost."""
    chosen = [0, 1, 3, 4, 5]
    labels = [LABELS[i] for i in chosen]
    found = control_variate_estimate(
        SCORES[chosen], CHEAP[chosen], CHEAP, strata=labels, strata_all=LABELS
    )
    parts = {"rich": ([0, 1], 3), "other": ([3, 4, 5], 5)}
    yx = xx = 0.0
    for rows, size in parts.values():
        covariance = np.cov(SCORES[rows], CHEAP[rows])
        scale = (size / 8) ** 2 * (1 - len(rows) / size) / len(rows)
        yx, xx = yx + scale * covariance[0, 1], xx + scale * covariance[1, 1]
    slope = yx / xx
    value = slope * CHEAP.mean()
    variance = 0.0
    for rows, size in parts.values():
        rest = SCORES[rows] - slope * CHEAP[rows]
        value += size / 8 * rest.mean()
        share = (size / 8) ** 2 * (1 - len(rows) / size) / len(rows)
        variance += share * rest.var(ddof=1) * 3 / 2
    assert found.slope == pytest.approx(slope)
    assert found.value == pytest.approx(value)
    assert found.se == pytest.approx(math.sqrt(variance))


def test_a_stratum_run_whole_tells_nothing_of_the_slope() -> None:
    """Slope, error and degrees of freedom come from the strata that were sampled."""
    chosen = [0, 1, 2, 3, 4, 5]
    found = control_variate_estimate(
        SCORES[chosen],
        CHEAP[chosen],
        CHEAP,
        strata=[LABELS[i] for i in chosen],
        strata_all=LABELS,
    )
    alone = control_variate_estimate(SCORES[3:6], CHEAP[3:6], CHEAP[3:])
    assert found.slope == pytest.approx(alone.slope)
    assert alone.se is not None
    assert found.se == pytest.approx(5 / 8 * alone.se)
    assert found.value == pytest.approx(3 / 8 * SCORES[:3].mean() + 5 / 8 * alone.value)
    assert found.ci95 is not None
    half = scipy.stats.t(1).ppf(0.975) * 5 / 8 * alone.se
    assert found.ci95[1] - found.value == pytest.approx(half)


def test_a_constant_cheap_score_changes_nothing() -> None:
    """The slope is 0, and the value the plain mean."""
    found = control_variate_estimate(SCORES[:5], np.ones(5), np.ones(8))
    assert (found.slope, found.value) == (0.0, pytest.approx(SCORES[:5].mean()))


def test_everything_run_needs_no_help() -> None:
    """The value is the mean, without error."""
    found = control_variate_estimate(SCORES, CHEAP, CHEAP)
    assert found.value == pytest.approx(SCORES.mean())
    assert found.se == 0.0


def test_two_examples_give_no_interval() -> None:
    """A line through two points leaves nothing to judge it by."""
    found = control_variate_estimate(SCORES[:2], CHEAP[:2], CHEAP)
    assert (found.se, found.ci95) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "strata"),
    [
        ((SCORES[:3], CHEAP[:4], CHEAP), {}),
        ((SCORES[:3], CHEAP[:3], np.full(8, math.nan)), {}),
        ((np.array([0.1, math.nan]), CHEAP[:2], CHEAP), {}),
        ((SCORES, CHEAP, CHEAP[:5]), {}),
        ((SCORES[:3], CHEAP[:3], CHEAP), {"strata": [0, 0, 0]}),
        ((SCORES[:3], CHEAP[:3], CHEAP), {"strata": [0, 0, 1], "strata_all": [0] * 8}),
        ((SCORES[:3], CHEAP[:3], CHEAP), {"strata": [0, 0, 0], "strata_all": [0] * 7}),
    ],
)
def test_cheap_scores_that_do_not_fit_are_an_error(arguments, strata) -> None:
    """Unequal numbers, missing values, and strata of one side only are refused."""
    with pytest.raises(ValueError, match=r"stratum|strata|finite|equally"):
        control_variate_estimate(*arguments, **strata)


def test_the_intervals_cover() -> None:
    """95 ± 2 % of 1,000 seeded samples of 40 in 200 hold the true mean, for each estimate."""
    rng = np.random.default_rng(6)
    x = rng.beta(2, 2, 200) * 1.4 - 0.4
    y = 0.8 * x + rng.normal(0, 0.2, 200)
    strata = quantile_strata(x, 4)
    population = Counter(strata)
    hits = np.zeros(4)
    for seed in range(1000):
        plain = [int(i) for i in rng.choice(200, 40, replace=False)]
        drawn = stratified_sample(strata, 40, seed=seed)
        labels = [strata[i] for i in drawn]
        enriched = enriched_sample(strata, 0, 3.5, 40, seed)
        sides = [label == 0 for label in strata]
        found = [
            control_variate_estimate(y[plain], x[plain], x),
            stratified_mean(y[drawn], labels, population),
            control_variate_estimate(y[drawn], x[drawn], x, strata=labels, strata_all=strata),
            stratified_mean(y[enriched], [sides[i] for i in enriched], Counter(sides)),
        ]
        for place, each in enumerate(found):
            assert each.ci95 is not None
            hits[place] += each.ci95[0] <= y.mean() <= each.ci95[1]
    assert hits / 1000 == pytest.approx([0.95] * 4, abs=0.02)


# Drawing


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.05, 20), st.data(), st.integers(0, 99))
def test_an_enriched_sample_has_the_promised_shares(
    rich: int, other: int, factor: float, data, seed: int
) -> None:
    """Right size, no repeats, and as many rich examples as the formula says, capped and rounded."""
    strata = ["difficult"] * rich + ["typical"] * other
    size = data.draw(st.integers(1, rich + other))
    chosen = enriched_sample(strata, "difficult", factor, size, seed)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == size
    drawn = sum(strata[i] == "difficult" for i in chosen)
    wanted = size * factor * rich / (factor * rich + other)
    # Never more than there are, nor so few that the others run out; at least two of each.
    low, high = max(min(2, rich), size - other), min(rich, size - min(2, other))
    if low <= high:
        assert drawn == pytest.approx(min(max(wanted, low), high), abs=1)
    if 0 < drawn < size:
        assert sample_weights(strata, chosen).sum() == pytest.approx(len(strata))


def test_rich_examples_are_that_much_likelier() -> None:
    """Over 1,500 seeds each rich example is drawn 3.5 times as often as each other, ± 5 %."""
    strata = ["difficult"] * 40 + ["typical"] * 260
    times = np.zeros(300)
    for seed in range(1500):
        times[enriched_sample(strata, "difficult", 3.5, 64, seed)] += 1
    shares = times / 1500
    assert shares[:40].mean() / shares[40:].mean() == pytest.approx(3.5, rel=0.05)
    # Within a stratum all have the same chance: no share strays beyond 4.5 binomial errors.
    for part in (shares[:40], shares[40:]):
        share = part.mean()
        assert np.abs(part - share).max() < 4.5 * math.sqrt(share * (1 - share) / 1500)


def test_an_exhausted_stratum_is_taken_whole() -> None:
    """The rest comes from the others."""
    chosen = enriched_sample(LABELS, "rich", 1000.0, 6)
    assert Counter(LABELS[i] for i in chosen) == {"rich": 3, "other": 3}
    assert sample_weights(LABELS, chosen) == pytest.approx([1, 1, 1, 5 / 3, 5 / 3, 5 / 3])


def test_weights_undo_the_enrichment() -> None:
    """Over all samples of one enriched size, the weighted mean is the true mean on average."""
    means = []
    for chosen in all_samples(LABELS, {"rich": 2, "other": 1}):
        weights = sample_weights(LABELS, chosen)
        means.append(np.average(SCORES[chosen], weights=weights))
        assert weights.sum() == pytest.approx(8)
    assert np.mean(means) == pytest.approx(SCORES.mean())


def test_weights_and_stratified_mean_agree() -> None:
    """They are the same estimate."""
    chosen = enriched_sample(LABELS, "rich", 2.0, 5)
    weighted = np.average(SCORES[chosen], weights=sample_weights(LABELS, chosen))
    assert from_strata(chosen).value == pytest.approx(weighted)


def test_all_other_strata_count_as_one() -> None:
    """Three labels or two: only rich or not matters for the draw."""
    several = ["rich"] * 3 + ["a", "b", "a", "c", "b"]
    assert enriched_sample(several, "rich", 2.0, 5, 7) == enriched_sample(LABELS, "rich", 2.0, 5, 7)


def test_a_seed_gives_the_same_sample_again() -> None:
    """And another seed another one."""
    strata = list(range(5)) * 40
    assert stratified_sample(strata, 50, seed=3) == stratified_sample(strata, 50, seed=3)
    assert stratified_sample(strata, 50, seed=3) != stratified_sample(strata, 50, seed=4)
    assert enriched_sample(strata, 0, 3, 50, 3) == enriched_sample(strata, 0, 3, 50, 3)
    assert enriched_sample(strata, 0, 3, 50, 3) != enriched_sample(strata, 0, 3, 50, 4)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any),
    st.one_of(st.none(), st.lists(st.floats(0, 1), min_size=8, max_size=8)),
    st.data(),
)
def test_an_allocation_fits(sizes: list[int], spreads: list[float] | None, data) -> None:
    """It has the size asked for, and takes no more from a stratum than it has."""
    population = dict(enumerate(sizes))
    size = data.draw(st.integers(1, sum(sizes)))
    spread = None if spreads is None else dict(enumerate(spreads))
    found = allocate(population, size, spread=spread)
    assert sum(found.values()) == size
    assert all(0 <= count <= population[h] for h, count in found.items())
    if size >= 2 * len(sizes):
        assert all(count >= min(2, population[h]) for h, count in found.items())


def test_proportional_allocation_rounds_the_largest_remainders_up() -> None:
    """By hand: 100, 60 and 41 of 201 give 9.95, 5.97 and 4.08 of 20."""
    assert allocate({"a": 100, "b": 60, "c": 41}, 20) == {"a": 10, "b": 6, "c": 4}


def test_neyman_s_allocation_is_the_best_there_is() -> None:
    """Enumerated over all allocations, none has a smaller variance."""
    population = {"a": 30, "b": 20, "c": 50}
    spread = {"a": 0.4, "b": 0.1, "c": 0.2}

    def variance(sizes: tuple[int, ...]) -> float:
        pairs = zip(population.items(), sizes, strict=True)
        return sum((n / 100) ** 2 * (1 - k / n) * spread[h] ** 2 / k for (h, n), k in pairs)

    found = allocate(population, 24, spread=spread)
    every = [
        (i, j, 24 - i - j) for i in range(2, 21) for j in range(2, 21) if 2 <= 24 - i - j <= 50
    ]
    best = min(map(variance, every))
    assert variance(tuple(found.values())) == pytest.approx(best, rel=0.01)
    assert found == {"a": 12, "b": 2, "c": 10}


def test_strata_without_spread_get_two_until_the_others_are_whole() -> None:
    """A pilot that saw no spread is not proof that there is none."""
    population = {"a": 10, "b": 10}
    assert allocate(population, 8, spread={"a": 0.3, "b": 0.0}) == {"a": 6, "b": 2}
    assert allocate(population, 15, spread={"a": 0.3, "b": 0.0}) == {"a": 10, "b": 5}
    assert allocate(population, 8, spread={"a": 0.0, "b": 0.0}) == {"a": 4, "b": 4}


def test_quantile_strata_are_of_equal_size() -> None:
    """Lowest first, equally many in each, whatever the ties."""
    assert quantile_strata(np.array([0.9, 0.1, 0.5, 0.3]), 2) == [1, 0, 1, 0]
    assert quantile_strata(np.zeros(6), 3) == [0, 0, 1, 1, 2, 2]
    sizes = Counter(quantile_strata(np.random.default_rng(0).normal(size=103), 4))
    assert set(sizes.values()) == {25, 26}


def test_spread_is_the_standard_deviation_in_each_stratum() -> None:
    """n − 1 in the denominator; 0 for one example."""
    found = stratum_spread(np.array([0.1, 0.5, 0.9]), ["a", "a", "b"])
    assert found == pytest.approx({"a": math.sqrt(0.08), "b": 0.0})


@pytest.mark.parametrize(
    "call",
    [
        lambda: enriched_sample(LABELS, "rare", 2, 3),
        lambda: enriched_sample(LABELS, "rich", 0, 3),
        lambda: enriched_sample(LABELS, "rich", math.inf, 3),
        lambda: enriched_sample(LABELS, "rich", 2, 0),
        lambda: enriched_sample(LABELS, "rich", 2, 9),
        lambda: stratified_sample(LABELS, 9),
        lambda: stratified_sample([], 1),
        lambda: allocate({"a": 3}, 0),
        lambda: allocate({"a": 3, "b": 3}, 4, spread={"a": 0.1}),
        lambda: allocate({"a": 3}, 2, spread={"a": -0.1}),
        lambda: allocate({"a": 3}, 2, spread={"a": math.nan}),
        lambda: quantile_strata(np.zeros(3), 4),
        lambda: quantile_strata(np.zeros(3), 0),
        lambda: quantile_strata(np.array([0.1, math.nan]), 2),
        lambda: sample_weights(LABELS, [0, 1]),
    ],
)
def test_a_draw_that_cannot_be_made_is_an_error(call) -> None:
    """Sizes, factors and spreads out of range, and strata that are not there."""
    with pytest.raises(ValueError, match=r"expected|must|stratum"):
        call()
