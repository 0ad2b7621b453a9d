"""Slopes of score on length against statsmodels, and the derived penalty against the paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from data_fixtures import example  # noqa: F401  (loads the profile of hypothesis)
from preceptor.scoring import LengthRule
from preceptor.statistics.length import LengthFit, LengthPoint, derive_penalty, length_fit


def answers(
    seed: int, groups: int = 25, slope: float = 0.02
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, lengths, groups: 1 to 5 answers to each example, noise that depends on the length."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(groups), rng.integers(1, 6, groups))
    lengths = np.round(rng.gamma(4, 400, groups)[labels] + rng.normal(0, 300, len(labels)))
    noise = rng.normal(0, 0.1, len(labels)) * (1 + np.abs(lengths) / 2000)
    scores = rng.normal(0.4, 0.3, groups)[labels] + slope * lengths / 500 + noise
    return scores, lengths, labels


def jackknife(scores: np.ndarray, design: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """First coefficient and its error, by refits of statsmodels with one group left out."""

    def first(rows: np.ndarray) -> float:
        kept = design[rows]
        return float(sm.OLS(scores[rows], kept[:, kept.any(axis=0)]).fit().params[0])

    whole = first(np.ones(len(scores), dtype=bool))
    names = np.unique(labels)
    each = np.array([first(labels != name) for name in names])
    return whole, math.sqrt((len(names) - 1) / len(names) * ((each - whole) ** 2).sum())


def check(fit: LengthFit | None, slope: float, error: float, groups: int) -> None:
    """Slope, interval, p and groups are those of a t statistic with groups − 1."""
    assert fit is not None
    t = scipy.stats.t(groups - 1)
    half = t.ppf(0.975) * error
    assert fit.per_500 == pytest.approx(slope, rel=1e-8)
    assert fit.ci95 == pytest.approx((slope - half, slope + half), rel=1e-7)
    assert fit.p == pytest.approx(2 * t.sf(abs(slope) / error), rel=1e-6)
    assert fit.groups == groups


def with_dummies(lengths: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which answers have company, and the design with a dummy for each of their examples."""
    sizes = np.bincount(labels)
    keep = sizes[labels] > 1
    dummies = np.eye(len(sizes))[labels[keep]][:, sizes > 1]
    return keep, np.column_stack([lengths[keep] / 500, dummies])


@pytest.mark.parametrize("seed", range(5))
def test_within_groups_it_is_the_regression_with_dummies(seed: int) -> None:
    """Slope and error equal OLS with a dummy for each example, one example left out at a time."""
    scores, lengths, labels = answers(seed)
    keep, design = with_dummies(lengths, labels)
    fit = length_fit(scores, lengths, labels)
    check(fit, *jackknife(scores[keep], design, labels[keep]), len(np.unique(labels[keep])))
    assert fit is not None
    assert fit.n == keep.sum()


@pytest.mark.parametrize("seed", range(5))
def test_across_answers_it_is_the_plain_regression(seed: int) -> None:
    """Slope and error equal OLS with one intercept, one example left out at a time."""
    scores, lengths, labels = answers(seed)
    fit = length_fit(scores, lengths, labels, within=False)
    design = np.column_stack([lengths / 500, np.ones(len(scores))])
    check(fit, *jackknife(scores, design, labels), len(np.unique(labels)))
    assert fit is not None
    assert fit.correlation == pytest.approx(scipy.stats.pearsonr(scores, lengths)[0])
    assert fit.n == len(scores)


def test_without_groups_every_answer_is_its_own() -> None:
    """The error is statsmodels' HC3 times √((n−1)/n), and ``within`` makes no difference."""
    scores, lengths, _ = answers(9)
    fit = length_fit(scores, lengths)
    model = sm.OLS(scores, np.column_stack([lengths / 500, np.ones(len(scores))])).fit(
        cov_type="HC3"
    )
    n = len(scores)
    check(fit, *jackknife(scores, model.model.exog, np.arange(n)), n)
    assert fit is not None
    half = scipy.stats.t(n - 1).ppf(0.975) * model.bse[0] * math.sqrt((n - 1) / n)
    assert fit.ci95 == pytest.approx((fit.per_500 - half, fit.per_500 + half), rel=1e-7)
    assert fit == length_fit(scores, lengths, within=False)
    assert fit == length_fit(scores, lengths, np.arange(n), within=False)


@pytest.mark.parametrize("within", [True, False])
def test_with_many_groups_the_error_is_the_usual_clustered_one(within: bool) -> None:
    """With 3,000 examples it is within 2 % of statsmodels' cov_type="cluster"."""
    scores, lengths, labels = answers(17, groups=3000)
    fit = length_fit(scores, lengths, labels, within=within)
    assert fit is not None
    if within:
        # Deviations from the example's means: the same slope as with 3,000 dummies.
        sizes = np.bincount(labels)
        scores = scores - (np.bincount(labels, weights=scores) / sizes)[labels]
        lengths = lengths - (np.bincount(labels, weights=lengths) / sizes)[labels]
    model = sm.OLS(scores, sm.add_constant(lengths / 500)).fit(
        cov_type="cluster", cov_kwds={"groups": labels}
    )
    assert fit.per_500 == pytest.approx(model.params[1], rel=1e-7)
    width = fit.ci95[1] - fit.ci95[0]
    assert width == pytest.approx(2 * 1.96 * model.bse[1], rel=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_the_usual_clustered_error_is_narrower_with_few_groups(seed: int) -> None:
    """With dummies and clusters as statsmodels has them, uncorrected, it is below the jackknife."""
    scores, lengths, labels = answers(seed, groups=12)
    keep, design = with_dummies(lengths, labels)
    model = sm.OLS(scores[keep], design).fit(
        cov_type="cluster", cov_kwds={"groups": labels[keep], "use_correction": False}
    )
    fit = length_fit(scores, lengths, labels)
    assert fit is not None
    t = scipy.stats.t(fit.groups - 1).ppf(0.975)
    assert model.params[0] == pytest.approx(fit.per_500)
    assert 0.6 < model.bse[0] / ((fit.ci95[1] - fit.ci95[0]) / 2 / t) < 1


def test_the_correlation_within_groups_is_of_the_deviations() -> None:
    """Pearson's r after each example's mean is taken off."""
    scores, lengths, labels = answers(3)
    fit = length_fit(scores, lengths, labels)
    assert fit is not None
    parts = [labels == label for label in np.unique(labels) if (labels == label).sum() > 1]
    y = np.concatenate([scores[part] - scores[part].mean() for part in parts])
    x = np.concatenate([lengths[part] - lengths[part].mean() for part in parts])
    assert fit.correlation == pytest.approx(scipy.stats.pearsonr(y, x)[0])


def test_hard_questions_with_long_answers_do_not_hide_the_slope() -> None:
    """Within questions longer scores higher, across them lower: the two fits tell them apart."""
    questions = np.repeat(np.arange(20), 3)
    extra = np.tile([0.0, 500.0, 1000.0], 20)
    lengths = 1000.0 + 200 * questions + extra
    scores = 0.9 - 0.04 * questions + 0.03 * extra / 500
    inside = length_fit(scores, lengths, questions)
    across = length_fit(scores, lengths, questions, within=False)
    assert inside is not None
    assert across is not None
    assert inside.per_500 == pytest.approx(0.03)
    assert inside.correlation == pytest.approx(1.0)
    assert inside.ci95 == pytest.approx((0.03, 0.03))
    assert across.per_500 < 0


@pytest.mark.parametrize("within", [True, False])
def test_the_interval_covers_the_true_slope(within: bool) -> None:
    """So do 95 ± 2 % of 1,500 simulated intervals, with 60 examples of 1 to 5 answers."""
    hits = 0
    for seed in range(1500):
        scores, lengths, labels = answers(1000 + seed, groups=60, slope=0.015)
        fit = length_fit(scores, lengths, labels, within=within)
        assert fit is not None
        hits += fit.ci95[0] <= 0.015 <= fit.ci95[1]
    assert hits / 1500 == pytest.approx(0.95, abs=0.02)


@given(st.integers(0, 10_000), st.floats(-2, 2), st.floats(0, 5000), st.floats(0.1, 4))
def test_it_moves_as_its_units_do(seed: int, shift: float, start: float, scale: float) -> None:
    """Adding to scores or lengths changes nothing; scaling the scores scales the slope."""
    scores, lengths, labels = answers(seed, groups=8)
    for within in (True, False):
        plain = length_fit(scores, lengths, labels, within=within)
        moved = length_fit(scores * scale + shift, lengths + start, labels, within=within)
        assert (plain is None) == (moved is None)
        if plain is not None and moved is not None:
            assert moved.per_500 == pytest.approx(plain.per_500 * scale, abs=1e-7)
            assert moved.ci95 == pytest.approx(np.array(plain.ci95) * scale, abs=1e-7)


def test_answers_that_say_nothing_of_a_slope_are_not_counted() -> None:
    """Single answers, and answers of equal length, are left out of n and groups."""
    labels = ["a", "a", "b", "b", "c", "d", "d"]
    lengths = np.array([100.0, 600, 100, 1100, 700, 400, 400])
    scores = np.array([0.1, 0.2, 0.3, 0.6, 0.9, 0.1, 0.8])
    fit = length_fit(scores, lengths, labels)
    assert fit is not None
    assert (fit.n, fit.groups) == (4, 2)
    # By hand: deviations ±250 and ±500 characters, ±0.05 and ±0.15.
    assert fit.per_500 == pytest.approx(
        (0.5 * 0.05 + 1.0 * 0.15) * 2 / 2 / (0.5**2 + 1.0**2) * 2 / 2
    )


@pytest.mark.parametrize(
    ("lengths", "labels", "within"),
    [
        ([], [], True),
        ([], None, True),
        ([100, 200, 300, 400], ["a", "a", "a", "a"], True),
        ([100, 200, 300, 400], ["a", "b", "c", "d"], True),
        ([100, 100, 300, 300], ["a", "a", "b", "b"], True),
        ([100, 200, 100, 200], ["a", "a", "b", "b"], False),
        ([100, 100, 100, 100], None, False),
        ([100, 100, 100, 400], None, False),
        ([100, 100, 100, 400, 700], ["a", "b", "c", "d", "d"], False),
        ([100, 200], None, False),
    ],
)
def test_where_there_is_no_slope_there_is_no_fit(lengths, labels, within) -> None:
    """Too few groups, equal lengths, or a slope that hangs on one group: None, not a number."""
    scores = np.linspace(0, 1, len(lengths))
    assert length_fit(scores, np.array(lengths, dtype=float), labels, within=within) is None


def test_equal_scores_have_no_correlation() -> None:
    """The slope is 0 without doubt; the correlation is undefined."""
    fit = length_fit(np.full(4, 0.5), np.array([1.0, 2, 3, 5]), ["a", "a", "b", "b"])
    assert fit is not None
    assert (fit.per_500, fit.ci95, fit.p, fit.correlation) == (0.0, (0.0, 0.0), 1.0, None)


@pytest.mark.parametrize(
    ("scores", "lengths", "labels"),
    [
        ([0.1, math.nan], [1, 2], None),
        ([0.1, 0.2], [1, math.inf], None),
        ([0.1, 0.2], [1], None),
        ([0.1, 0.2], [1, 2], ["a"]),
    ],
)
def test_bad_input_is_an_error(scores, lengths, labels) -> None:
    """Missing values and unequal lengths are the caller's mistake."""
    with pytest.raises(ValueError, match="length_fit"):
        length_fit(np.array(scores), np.array(lengths, dtype=float), labels)


# The derived penalty


def test_the_paper_s_verbosity_step_gives_its_penalty() -> None:
    """+1,300 characters and +3.9 points from low to medium verbosity are 1.5 points per 500."""
    points = [LengthPoint("gpt-5.4, low", 1800, 0.440), LengthPoint("gpt-5.4, low", 3100, 0.479)]
    penalty = derive_penalty(points)
    assert penalty is not None
    assert penalty.per_500 * 100 == pytest.approx(1.5)
    assert round(penalty.per_500, 4) == pytest.approx(0.0147, abs=0.0005)  # what was published


def test_slopes_are_averaged_over_settings() -> None:
    """Each setting counts once; levels beyond 4,000 characters and lone levels do not count."""
    points = [
        LengthPoint("a", 1000, 0.40),
        LengthPoint("a", 2000, 0.42),
        LengthPoint("a", 3000, 0.44),
        LengthPoint("a", 9000, 0.10),  # too long
        LengthPoint("b", 1000, 0.50),
        LengthPoint("b", 4000, 0.56),  # exactly the longest: used
        LengthPoint("c", 3900, 0.50),
        LengthPoint("c", 4001, 0.60),
        LengthPoint("d", 2000, 0.50),
        LengthPoint("d", 2000, 0.60),
    ]
    penalty = derive_penalty(points)
    assert penalty is not None
    assert penalty.slopes == pytest.approx({"a": 0.01, "b": 0.01})
    assert penalty.per_500 == pytest.approx(0.01)
    assert penalty.used == ("a", "b")
    assert penalty.left_out == ("c", "d")
    wider = derive_penalty(points, longest=5000)
    assert wider is not None
    assert wider.slopes["c"] == pytest.approx(0.1 / 101 * 500)
    assert wider.left_out == ("d",)


@given(
    st.lists(st.integers(100, 3900), min_size=2, max_size=5, unique=True),
    st.floats(-0.05, 0.05),
    st.integers(0, 1000),
)
def test_each_slope_is_least_squares(lengths: list[int], slope: float, seed: int) -> None:
    """A setting's slope is that of scipy's linregress."""
    noise = np.random.default_rng(seed).normal(0, 0.01, len(lengths))
    scores = [0.3 + slope * length / 500 + bit for length, bit in zip(lengths, noise, strict=True)]
    points = [LengthPoint("a", *pair) for pair in zip(lengths, scores, strict=True)]
    penalty = derive_penalty(points)
    assert penalty is not None
    expected = scipy.stats.linregress(lengths, scores).slope * 500
    assert penalty.per_500 == pytest.approx(expected, abs=1e-9)


def test_the_derived_penalty_makes_verbosity_levels_equal() -> None:
    """Applied as a rule, it leaves no slope: that is what it is for."""
    points = [LengthPoint("a", 1000.0 + 700 * step, 0.4 + 0.02 * step) for step in range(4)]
    penalty = derive_penalty(points)
    assert penalty is not None
    rule = LengthRule(penalty.per_500 * 100)
    adjusted = [rule.adjust(point.score, point.length) for point in points]
    assert adjusted == pytest.approx([adjusted[0]] * 4)


def test_without_two_levels_there_is_no_penalty() -> None:
    """None, not 0."""
    assert derive_penalty([]) is None
    assert derive_penalty([LengthPoint("a", 1000, 0.4), LengthPoint("b", 2000, 0.5)]) is None


def test_a_level_without_score_is_an_error() -> None:
    """Its setting is named."""
    with pytest.raises(ValueError, match="gpt, low"):
        derive_penalty([LengthPoint("gpt, low", 1000, math.nan)])
