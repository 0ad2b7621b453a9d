"""Estimates from cheap scores and some strong ones, against enumeration, other code and books."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from data_fixtures import example  # noqa: F401  (loads the profile of hypothesis)
from preceptor.statistics.calibration import (
    auroc,
    brier,
    calibration_error,
    isotonic,
    rogan_gladen,
)
from preceptor.statistics.comparisons import clustered_difference
from preceptor.statistics.correction import (
    Corrected,
    cascade_estimate,
    cascade_scores,
    prediction_powered,
)
from preceptor.statistics.labelling import audit_chances, labels_needed, most_telling, planned_error
from preceptor.statistics.stratified import control_variate_estimate

CHEAP = np.array([2.04, -2.56, 0.42, -0.57, -0.45, -0.22, -2.02, -0.23, -0.87, 3.32, 0.23, -0.35])
TRUE = np.array([1.62, -1.76, 0.17, -0.26, 0.18])
SOME = np.concatenate([TRUE, np.full(7, np.nan)])


def masked(values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return np.where(asked, values, np.nan)


# Prediction-powered inference


def test_it_is_ppi_as_its_authors_package_computes_it() -> None:
    """ppi-python 0.2.3 gives 0.194 for these numbers with λ = 1, its labelled set being apart."""
    found = prediction_powered(CHEAP, SOME, weight=1 + 5 / 7)
    assert found is not None
    assert found.value == pytest.approx(0.194, abs=1e-9)


def test_without_the_cheap_scores_it_is_the_mean_of_the_labelled() -> None:
    """λ = 0: mean and error of a simple random sample, with the finite-population correction."""
    found = prediction_powered(CHEAP, SOME, weight=0.0)
    assert found is not None
    assert found.value == pytest.approx(TRUE.mean())
    se = math.sqrt((1 - 5 / 12) * TRUE.var(ddof=1) / 5)
    assert found.run_se == pytest.approx(se)


def test_tuned_on_a_random_sample_it_is_the_regression_estimator() -> None:
    """Slope and value are least squares'; each error counts by Särndal's g, worked out here."""
    found = prediction_powered(CHEAP, SOME)
    cochran = control_variate_estimate(TRUE, CHEAP[:5], CHEAP)
    fit = sm.OLS(TRUE, sm.add_constant(CHEAP[:5])).fit()
    at_mean = fit.get_prediction([[1.0, CHEAP.mean()]])
    x = CHEAP[:5] - CHEAP[:5].mean()
    g = 1 + (CHEAP.mean() - CHEAP[:5].mean()) * x * 5 / (x @ x)
    error = (g**2 @ fit.resid**2) / 25 * 5 / 3 * (1 - 5 / 12)
    assert found is not None
    assert found.weight == pytest.approx(fit.params[1])
    assert found.value == pytest.approx(cochran.value) == pytest.approx(at_mean.predicted[0])
    assert found.run_se == pytest.approx(math.sqrt(error))
    half = scipy.stats.t.ppf(0.975, 3) * found.run_se
    assert found.run_ci95 == pytest.approx((found.value - half, found.value + half))


def test_the_error_is_a_regression_s_on_average() -> None:
    """Over all samples, the mean of run_se² is within a few percent of the true variance.

    Cochran's, which does not count that the slope is fitted, is too small.
    """
    rng = np.random.default_rng(5)
    cheap = rng.normal(0, 1, 16)
    truth = 0.8 * cheap + rng.normal(0, 0.4, 16)
    values, ours, plain = [], [], []
    for chosen in itertools.combinations(range(16), 6):
        rows = list(chosen)
        asked = np.isin(np.arange(16), rows)
        found = prediction_powered(cheap, masked(truth, asked))
        cochran = control_variate_estimate(truth[rows], cheap[rows], cheap)
        assert found is not None
        assert found.run_se is not None
        assert cochran.se is not None
        values.append(found.value)
        ours.append(found.run_se**2)
        plain.append(cochran.se**2)
    error = np.mean((np.array(values) - truth.mean()) ** 2)
    assert abs(np.mean(ours) / error - 1) < abs(np.mean(plain) / error - 1)
    assert np.mean(ours) == pytest.approx(error, rel=0.15)


def test_with_everything_labelled_it_is_the_clustered_mean() -> None:
    """The run has no error then, and the system's interval is that of the scores alone."""
    clusters = np.arange(12) // 2
    found = prediction_powered(CHEAP[::-1], CHEAP, clusters=clusters)
    plain = clustered_difference(CHEAP, clusters)
    assert found is not None
    assert plain is not None
    assert found.run_ci95 == (found.value, found.value)
    assert found.ci95 == pytest.approx(plain.ci95)
    assert (found.labelled, found.n, found.clusters) == (12, 12, 6)


def test_a_perfect_cheap_score_leaves_no_error_of_the_draw() -> None:
    """A cheap score on another scale and level tells the run exactly; λ is the scale."""
    truth = 3 * CHEAP + 7
    found = prediction_powered(CHEAP, masked(truth, np.arange(12) % 3 == 0))
    assert found is not None
    assert found.weight == pytest.approx(3)
    assert found.value == pytest.approx(truth.mean())
    assert found.run_se == pytest.approx(0, abs=1e-9)


def test_over_all_samples_a_fixed_weight_is_unbiased() -> None:
    """The mean over every possible sample is the truth, and se² the variance, at any λ."""
    truth, cheap = CHEAP[:8] + np.sin(np.arange(8)), CHEAP[:8]
    values, variances = [], []
    for chosen in itertools.combinations(range(8), 4):
        asked = np.isin(np.arange(8), chosen)
        found = prediction_powered(cheap, masked(truth, asked), weight=0.6)
        assert found is not None
        assert found.run_se is not None
        values.append(found.value)
        variances.append(found.run_se**2)
    assert np.mean(values) == pytest.approx(truth.mean())
    assert np.mean(variances) == pytest.approx(np.var(values))


# The cascade


PROBABILITIES = np.array([0.9, 0.2, 0.5, 0.7, 0.1, 0.6, 0.35])
VERDICTS = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0])
WEIGHTS = np.array([0.5, 0.5, -0.4, 1.0, -0.2, 0.3, 0.7])
CHANCES = np.array([0.3, 0.5, 1.0, 0.8, 0.25, 1.0, 0.6])
ANSWERS = np.array([0, 0, 0, 1, 1, 2, 2])


def every_draw() -> list[tuple[float, np.ndarray]]:
    """Each pattern of verdicts asked for, with its chance."""
    found = []
    for pattern in itertools.product([False, True], repeat=len(CHANCES)):
        asked = np.array(pattern)
        chance = float(np.where(asked, CHANCES, 1 - CHANCES).prod())
        if chance > 0:
            found.append((chance, asked))
    return found


def test_the_cascade_is_unbiased_over_every_draw() -> None:
    """Enumerated: estimate, each answer's score, and the variance are right on average."""
    truth = np.bincount(ANSWERS, weights=WEIGHTS * VERDICTS)
    value = variance = 0.0
    scores = np.zeros(3)
    second = 0.0
    for chance, asked in every_draw():
        seen = masked(VERDICTS, asked)
        scores += chance * cascade_scores(PROBABILITIES, seen, WEIGHTS, CHANCES, ANSWERS)
        found = cascade_estimate(PROBABILITIES, seen, WEIGHTS, CHANCES, ANSWERS)
        assert found is not None
        value += chance * found.value
        second += chance * found.value**2
        # Where nothing was drawn by chance no error can be told; the sum of squares is 0 there.
        variance += chance * (found.run_se or 0.0) ** 2
    assert scores == pytest.approx(truth)
    assert value == pytest.approx(truth.mean())
    assert variance == pytest.approx(second - value**2)


def test_a_cascade_that_asks_everything_is_the_score_itself() -> None:
    """With chance 1 everywhere the cheap grader does not matter."""
    found = cascade_estimate(PROBABILITIES, VERDICTS, WEIGHTS, np.ones(7), ANSWERS)
    truth = np.bincount(ANSWERS, weights=WEIGHTS * VERDICTS)
    assert found is not None
    assert (found.value, found.run_se) == pytest.approx((truth.mean(), 0.0))
    assert found.ci95 == pytest.approx(
        scipy.stats.t.interval(0.95, 2, truth.mean(), scipy.stats.sem(truth))
    )


def test_the_cascade_s_planned_error_is_what_it_has_with_calibrated_probabilities() -> None:
    """Over verdicts drawn from the probabilities, the variance over draws is the planned one."""
    rng = np.random.default_rng(0)
    m = 300
    p, w = rng.uniform(0.02, 0.98, m), rng.normal(0.2, 0.1, m)
    spread = np.abs(w) * np.sqrt(p * (1 - p))
    chances = audit_chances(spread, 90)
    planned = planned_error(spread, chances, 30)
    examples = np.arange(m) // 10
    errors = []
    for _ in range(2000):
        v = (rng.random(m) < p).astype(float)
        truth = np.bincount(examples, weights=w * v).mean()
        scores = cascade_scores(p, masked(v, rng.random(m) < chances), w, chances, examples)
        errors.append(scores.mean() - truth)
    assert np.std(errors) == pytest.approx(planned, rel=0.06)
    assert np.mean(errors) == pytest.approx(0, abs=4 * planned / math.sqrt(2000))


def test_answers_of_one_prompt_are_not_independent() -> None:
    """The system's error counts clusters: the very same answers twice tell no more than once."""
    twice = [np.concatenate([each, each]) for each in (PROBABILITIES, VERDICTS, WEIGHTS)]
    answers = np.concatenate([ANSWERS, ANSWERS + 3])
    once = cascade_estimate(PROBABILITIES, VERDICTS, WEIGHTS, np.ones(7), ANSWERS)
    both = cascade_estimate(*twice, np.ones(14), answers, clusters=answers % 3)
    apart = cascade_estimate(*twice, np.ones(14), answers)
    assert once is not None
    assert both is not None
    assert apart is not None
    assert both.ci95 == pytest.approx(once.ci95)
    assert (both.n, both.clusters) == (6, 3)
    assert apart.se is not None
    assert once.se is not None
    assert apart.se < once.se


# Coverage


def coverage(draw: Callable[[np.random.Generator], tuple[float, Corrected | None]]) -> float:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(600):
        truth, found = draw(rng)
        assert found is not None
        assert found.run_ci95 is not None
        hits += found.run_ci95[0] <= truth <= found.run_ci95[1]
    return hits / 600


def test_the_run_s_interval_covers_with_a_biased_cheap_score() -> None:
    """95 % of the intervals hold the truth, although the cheap scores are 0.3 too high."""

    def draw(rng: np.random.Generator) -> tuple[float, Corrected | None]:
        truth = rng.normal(0, 1, 200)
        cheap = 0.8 * truth + 0.3 + rng.normal(0, 0.5, 200)
        asked = np.isin(np.arange(200), rng.choice(200, 40, replace=False))
        return float(truth.mean()), prediction_powered(cheap, masked(truth, asked))

    # 600 draws: 0.95 ± 3 standard errors of 0.009.
    assert 0.923 <= coverage(draw) <= 0.977


def test_the_cascade_s_interval_covers_with_an_overconfident_cheap_grader() -> None:
    """Also where the probabilities are wrong: the audit finds out."""

    def draw(rng: np.random.Generator) -> tuple[float, Corrected | None]:
        p = rng.uniform(0.02, 0.98, 1500)
        v = (rng.random(1500) < 0.25 + 0.5 * p).astype(float)
        w = rng.uniform(0.05, 0.3, 1500)
        examples = np.arange(1500) // 10
        truth = float(np.bincount(examples, weights=w * v).mean())
        chances = np.where(np.abs(p - 0.5) < 0.1, 1.0, 0.15)
        asked = rng.random(1500) < chances
        return truth, cascade_estimate(p, masked(v, asked), w, chances, examples)

    assert 0.923 <= coverage(draw) <= 0.977


# Planning


def test_chances_are_neyman_s_and_cost_what_was_asked() -> None:
    """In proportion to the spread between floor and 1, with the wanted sum; no other does better.

    The oracle is a general optimiser under the same constraints.
    """
    spread = np.array([0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 2.0])
    chances = audit_chances(spread, 3.0, least=0.1)
    assert chances.sum() == pytest.approx(3.0)
    assert chances[-1] == 1.0
    assert chances[0] == pytest.approx(0.1)
    assert chances[3] / chances[2] == pytest.approx(1.5)
    best = scipy.optimize.minimize(
        lambda pi: 100 * float((spread**2 / pi).sum()),
        np.full(7, 3 / 7),
        bounds=[(0.1, 1.0)] * 7,
        constraints={"type": "eq", "fun": lambda pi: pi.sum() - 3.0},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert chances == pytest.approx(best.x, abs=2e-3)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.floats(0.05, 1),
)
def test_chances_always_fit(spread: list[float], share: float) -> None:
    """Whatever the spreads, chances lie between the floor and 1 and add up to the calls."""
    calls = share * len(spread)
    chances = audit_chances(spread, calls, least=0.02)
    assert chances.sum() == pytest.approx(max(calls, 0.02 * len(spread)), rel=1e-6)
    assert ((chances >= 0.02) & (chances <= 1)).all()


def test_what_to_label_next_is_what_varies_most() -> None:
    """p(1 − p)·w²: an even chance on many points first, a sure verdict last."""
    assert most_telling([0.5, 0.99, 0.6, 0.5], [0.1, 0.5, 0.3, 0.3], 3) == [3, 2, 0]
    assert most_telling([0.5], [1.0], 0) == []


def test_labels_needed_are_the_fewest_that_do() -> None:
    """That many labels give the half-width, one fewer does not; found by trying each."""
    needed = labels_needed(0.02, 0.2, 1000)
    assert needed is not None

    def half(m: int) -> float:
        return float(scipy.stats.t.ppf(0.975, m - 1) * math.sqrt((1 / m - 1 / 1000) * 0.04))

    assert half(needed) <= 0.02 < half(needed - 1)
    assert 250 < needed < 300
    assert labels_needed(0.01, 0.1, 200, score_sd=0.3) is None


# Rogan and Gladen


def test_rogan_gladen_by_hand() -> None:
    """40 % met by a grader with Se 0.8 and Sp 0.9 is (0.4 − 0.1)/0.7 of the truth."""
    found = rogan_gladen((400, 1000), (80, 100), (180, 200))
    assert found is not None
    assert found.value == found.raw == pytest.approx(3 / 7)
    assert (found.sensitivity, found.specificity) == (0.8, 0.9)


def test_rogan_gladen_with_a_known_grader_is_agresti_coull() -> None:
    """With error rates known from a million labels, its width is that of the share, stretched."""
    million = 10**9
    found = rogan_gladen((300, 1000), (8 * million // 10, million), (9 * million // 10, million))
    assert found is not None
    low, high = sm.stats.proportion_confint(300, 1000, method="agresti_coull")
    expected = ((low + 0.9 - 1) / 0.7, (high + 0.9 - 1) / 0.7)
    assert found.ci95 == pytest.approx(expected, abs=1e-4)


def test_rogan_gladen_covers() -> None:
    """Over draws of all three samples the interval holds the true share in 95 %."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(2000):
        apparent = (int(rng.binomial(500, 0.3 * 0.85 + 0.7 * 0.2)), 500)
        se, sp = (int(rng.binomial(60, 0.85)), 60), (int(rng.binomial(90, 0.8)), 90)
        found = rogan_gladen(apparent, se, sp)
        assert found is not None
        hits += found.ci95[0] <= 0.3 <= found.ci95[1]
    assert 0.935 <= hits / 2000 <= 0.975


def test_a_grader_no_better_than_chance_says_nothing() -> None:
    """Se + Sp ≤ 1: no share at all, rather than a number without meaning."""
    assert rogan_gladen((50, 100), (5, 10), (5, 10)) is None
    outside = rogan_gladen((1, 100), (9, 10), (8, 10))
    assert outside is not None
    assert outside.raw < 0 == outside.value


# Calibration


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=60))
def test_isotonic_is_scikit_learn_s(pairs: list[tuple[int, bool]]) -> None:
    """The same curve, also between and beyond the scores it was fitted on."""
    other = pytest.importorskip("sklearn.isotonic").IsotonicRegression(
        y_min=0, y_max=1, out_of_bounds="clip"
    )
    scores, labels = np.array(pairs, dtype=float).T
    grid = np.linspace(-1, 9, 41)
    found = isotonic(scores, labels)
    assert found(grid) == pytest.approx(other.fit(scores, labels).predict(grid), abs=1e-9)
    assert found(scores).mean() == pytest.approx(labels.mean())


def test_isotonic_pools_what_falls_by_hand() -> None:
    """0, 1, 0, 1 becomes 0, ½, ½, 1."""
    found = isotonic([1, 2, 3, 4], [0, 1, 0, 1])
    assert found([1, 2, 2.5, 3, 4, 9]).tolist() == [0, 0.5, 0.5, 0.5, 1, 1]
    weighted = isotonic([1, 2], [1, 0], weights=[3, 1])
    assert weighted([1, 2]).tolist() == [0.75, 0.75]


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_auroc_is_mann_whitney_s(pairs: list[tuple[int, bool]]) -> None:
    """U over the number of pairs, ties counting half; None without both kinds."""
    scores, labels = np.array(pairs, dtype=float).T
    found = auroc(scores, labels)
    if labels.all() or not labels.any():
        assert found is None
        return
    u = scipy.stats.mannwhitneyu(scores[labels == 1], scores[labels == 0]).statistic
    assert found == pytest.approx(u / (labels.sum() * (1 - labels).sum()))


def test_brier_and_calibration_error_by_hand() -> None:
    """Two bins, each right on average but for a tenth."""
    p, y = [0.1, 0.1, 0.9, 0.9], [0, 0, 1, 1]
    assert brier(p, y) == pytest.approx(0.01)
    assert calibration_error(p, y, bins=2) == pytest.approx(0.1)
    assert calibration_error([0.5, 0.5], [0, 1], bins=1) == pytest.approx(0)


# Bad input


@pytest.mark.parametrize(
    "call",
    [
        lambda: prediction_powered([1.0, np.nan], [1.0, 2.0]),
        lambda: prediction_powered([1.0, 2.0], [1.0]),
        lambda: prediction_powered([1.0, 2.0], [1.0, np.nan], chances=[0.5, 0.0]),
        lambda: prediction_powered([1.0, 2.0], [1.0, np.nan], chances=[0.5, 1.0]),
        lambda: prediction_powered([1.0, 2.0], [np.inf, np.nan]),
        lambda: cascade_scores([0.5], [1.0], [np.nan], [1.0], np.array([0])),
        lambda: cascade_estimate(
            [0.5, 0.5], [1, 1], [1, 1], [1, 1], np.array([0, 0]), clusters=np.array([0, 1])
        ),
        lambda: audit_chances([1.0, -1.0], 1),
        lambda: audit_chances([1.0], 2),
        lambda: planned_error([1.0], [0.0], 1),
        lambda: most_telling([1.5], [1.0], 1),
        lambda: labels_needed(0.0, 1.0, 10),
        lambda: rogan_gladen((2, 1), (1, 1), (1, 1)),
        lambda: isotonic([], []),
        lambda: isotonic([1.0], [1.0], weights=[0.0]),
        lambda: brier([0.5], [2.0]),
        lambda: calibration_error([0.5], [1.0], bins=0),
    ],
)
def test_what_cannot_be_is_refused(call: Callable[[], object]) -> None:
    """Wrong shapes, missing numbers and impossible chances are errors, not results."""
    with pytest.raises(ValueError, match=r"expected|chance|need|clusters"):
        call()


def test_too_few_labels_give_no_interval() -> None:
    """No label: no estimate. One or two: an estimate without an interval."""
    assert prediction_powered([1.0, 2.0], [np.nan, np.nan]) is None
    found = prediction_powered([1.0, 2.0, 3.0], [1.0, np.nan, np.nan])
    assert found is not None
    assert (found.value, found.run_ci95, found.ci95) == (1.0, None, None)
    nothing = np.array([], dtype=int)
    assert cascade_estimate([], [], [], [], nothing) is None
