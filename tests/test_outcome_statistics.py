"""Numbers of predictions: against scikit-learn and statsmodels, under weights, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from preceptor.statistics.prediction import calibrating, decisions, discrimination
from preceptor.statistics.prediction.amounts import errors
from preceptor.statistics.prediction.classes import called, chances
from preceptor.statistics.prediction.delong import delong, delong_difference
from preceptor.statistics.prediction.equity import equity_scaled, gap
from preceptor.statistics.prediction.labels import labelled
from preceptor.statistics.prediction.outcomes import Outcomes
from preceptor.statistics.prediction.resampling import Measures, draws, resampled, spread_of
from preceptor.statistics.prediction.survival import Survival


def made(seed: int, n: int = 60, levels: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and scores with ties."""
    rng = np.random.default_rng(seed)
    p = rng.integers(0, levels + 1, n) / levels
    y = (rng.random(n) < 0.2 + 0.5 * p).astype(float)
    y[:2] = 0, 1
    return y, p


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_discrimination_is_scikit_learns(seed: int) -> None:
    """AUROC, average precision and the trapezoid equal scikit-learn's, with tied scores."""
    y, p = made(seed)
    sums = Outcomes(y, p).sums()
    precision, recall, _ = sk.precision_recall_curve(y, p)
    assert float(discrimination.auroc(sums)) == pytest.approx(sk.roc_auc_score(y, p), abs=1e-12)
    assert float(discrimination.average_precision(sums)) == pytest.approx(
        sk.average_precision_score(y, p), abs=1e-12
    )
    assert float(discrimination.pr_trapezoid(sums)) == pytest.approx(
        sk.auc(recall, precision), abs=1e-12
    )
    false, true, _ = sk.roc_curve(y, p, drop_intermediate=False)
    assert float(discrimination.sensitivity_at_specificity(sums)) == pytest.approx(
        true[false <= 0.05].max()
    )
    assert float(discrimination.min_precision_sensitivity(sums)) == pytest.approx(
        np.minimum(precision, recall).max()
    )


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000))
def test_a_weighted_draw_is_its_rows_copied(seed: int) -> None:
    """Every statistic of a resample equals that of the rows copied as often as they were drawn."""
    y, p = made(seed)
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, 15, len(y))
    counts = np.bincount(rng.integers(0, 15, 15), minlength=15).astype(float)
    rows = np.repeat(np.arange(len(y)), counts[cluster].astype(int))
    drawn, copied = Outcomes(y, p, cluster).sums(counts[None]), Outcomes(y[rows], p[rows]).sums()
    statistics = [
        discrimination.auroc,
        discrimination.average_precision,
        discrimination.min_precision_sensitivity,
        calibrating.brier,
        calibrating.log_loss,
        calibrating.observed_expected,
        lambda s: calibrating.calibration_error(calibrating.equal_width(s)),
        lambda s: decisions.net_benefit(s, 0.25),
        lambda s: decisions.at_threshold(s, 0.5).mcc,
    ]
    for statistic in statistics:
        assert float(statistic(drawn)[0]) == pytest.approx(
            float(statistic(copied)), abs=1e-12, nan_ok=True
        )


def test_calibration_is_that_of_a_logistic_regression() -> None:
    """Slope and intercepts are those of scikit-learn's regression without penalty, on the logit."""
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    p = rng.uniform(0.02, 0.9, 400)
    y = (rng.random(400) < p**1.3).astype(float)
    logit = np.log(p / (1 - p))
    found = calibrating.recalibration(y, p)
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(logit[:, None], y)
    assert found is not None
    assert (found.slope, found.intercept) == pytest.approx(
        (float(fit.coef_[0, 0]), float(fit.intercept_[0])), abs=1e-5
    )
    assert float((y - expit(logit + found.large)).sum()) == pytest.approx(0, abs=1e-8)
    assert calibrating.recalibration(np.ones(5), np.full(5, 0.4)) is None


def test_the_interval_of_the_slope_allows_for_patients() -> None:
    """Its standard error is that of refitted resamples of patients, who have four rows each."""
    rng = np.random.default_rng(4)
    patient = np.repeat(np.arange(80), 4)
    p = np.repeat(rng.uniform(0.05, 0.9, 80), 4)
    y = (np.repeat(rng.random(80), 4) < p).astype(float)
    found = calibrating.recalibration(y, p, patient)
    assert found is not None
    assert found.slope_ci95 is not None
    slopes = []
    for _ in range(150):
        rows = (rng.integers(0, 80, 80)[:, None] * 4 + np.arange(4)).ravel()
        each = calibrating.recalibration(y[rows], p[rows])
        slopes.append(np.nan if each is None else each.slope)
    width = found.slope_ci95[1] - found.slope_ci95[0]
    assert width / 3.92 == pytest.approx(np.nanstd(slopes), rel=0.25)
    alone = calibrating.recalibration(y, p)
    assert alone is not None
    assert alone.slope_ci95 is not None
    assert alone.slope_ci95[1] - alone.slope_ci95[0] < 0.7 * width


def test_calibration_of_separated_classes_is_undefined() -> None:
    """Scores that separate the classes have no finite slope: nothing is returned, not a number."""
    assert calibrating.recalibration([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]) is None


def test_delong_has_the_coverage_it_claims() -> None:
    """The 95 % interval holds the true AUROC of two normal distributions in about 95 % of draws."""
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    truth, inside = norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(200):
        y = np.repeat([0, 1], 60)
        found = delong(y, rng.normal(size=120) + y)
        assert found is not None
        inside += found.ci95[0] <= truth <= found.ci95[1]
    assert 0.90 <= inside / 200 <= 0.985


def test_delongs_difference_of_equal_scores_is_nothing() -> None:
    """The same scores twice differ by 0 with p 1; fewer than two of a class have no test."""
    y, p = made(3)
    same = delong_difference(y, p, p)
    assert same is not None
    assert (same.value, same.p) == (0, 1)
    assert delong([0, 0, 1], [0.1, 0.2, 0.3]) is None


def test_clusters_widen_the_interval() -> None:
    """Rows that are copies of each other leave the interval of the AUROC as it was."""
    y, p = made(5, 80)
    once = Outcomes(y, p)
    copied = Outcomes(np.tile(y, 4), np.tile(p, 4), np.tile(np.arange(80), 4))
    widths = []
    for rows, clusters in ((once, 80), (copied, 80)):
        measures = Measures(
            ["auroc"], lambda d, rows=rows: [discrimination.auroc(rows.sums(d))], 320
        )
        ci95 = spread_of(resampled([measures], clusters, resamples=200)[0][:, 0]).ci95
        assert ci95 is not None
        widths.append(ci95)
    # The copies are drawn together, by numbers of the patients that are the same ones.
    assert widths[0] == pytest.approx(widths[1])


def test_draws_do_not_depend_on_how_many_are_made_at_once() -> None:
    """One seed gives the same resamples in portions of any size, each of all clusters."""
    whole = np.concatenate(list(draws(7, 20, 3, 20)))
    parts = np.concatenate(list(draws(7, 20, 3, 6)))
    assert (whole == parts).all()
    assert (whole.sum(axis=1) == 7).all()


def test_undefined_numbers_are_nan() -> None:
    """One class only has no AUROC, an empty group no rate, one group no gap: never 0."""
    one = Outcomes([1, 1, 1], [0.1, 0.5, 0.9]).sums()
    assert np.isnan(discrimination.auroc(one))
    assert np.isnan(decisions.at_threshold(one, 0.5).specificity)
    assert np.isnan(gap([np.array(0.4)]))
    assert np.isnan(gap([np.array(0.4), np.array(np.nan)]))
    assert np.isnan(equity_scaled(np.array(0.8), [np.array(0.8), np.array(np.nan)]))


def test_equity_scaled_scores_are_those_of_the_papers() -> None:
    """I / (1 + Σ|I − I_g|), and the first version's I / (1 + SD)."""
    groups = [np.array(0.9), np.array(0.7)]
    assert float(equity_scaled(np.array(0.8), groups)) == pytest.approx(0.8 / 1.2)
    assert float(equity_scaled(np.array(0.8), groups, by="sd")) == pytest.approx(
        0.8 / (1 + np.std([0.9, 0.7], ddof=1))
    )


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
def test_classes_are_scikit_learns(seed: int) -> None:
    """Accuracy, F1, κ of all weights, log loss and AUROCs of classes equal scikit-learn's."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(3), rng.integers(0, 3, 50)])
    p = rng.dirichlet([1, 1, 1], len(truth))
    said, rows = p.argmax(axis=1), np.arange(len(truth))
    found = dict(zip(*_read(called(truth, said, rows, len(rows), 3)), strict=True))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(truth, said))
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(truth, said))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(truth, said, average="macro"))
    assert found["weighted_f1"] == pytest.approx(sk.f1_score(truth, said, average="weighted"))
    for name, weights in (("kappa", None), ("kappa_linear", "linear")):
        assert found[name] == pytest.approx(sk.cohen_kappa_score(truth, said, weights=weights))
    quadratic = sk.cohen_kappa_score(truth, said, weights="quadratic")
    assert found["kappa_quadratic"] == pytest.approx(quadratic)
    values = dict(zip(*_read(chances(truth, p, rows, len(rows))), strict=True))
    for name, way in (("overall_score", "ovr"), ("auroc_ovo", "ovo")):
        assert values[name] == pytest.approx(sk.roc_auc_score(truth, p, multi_class=way))
    assert values["log_loss"] == pytest.approx(sk.log_loss(truth, p))


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
def test_labels_are_scikit_learns(seed: int) -> None:
    """Samples-F1 with zero_division 1, Jaccard, LRAP and macro-F1 equal scikit-learn's."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((40, 3)) < 0.3).astype(float)
    truth[:2] = [[1, 1, 1], [0, 0, 0]]
    p = np.round(rng.random((40, 3)), 1)
    said = p >= 0.5
    found = dict(zip(*_read(labelled(truth, p, np.arange(40), 40)), strict=True))
    samples = sk.f1_score(truth, said, average="samples", zero_division=1)
    assert found["samples_f1"] == pytest.approx(samples)
    assert found["macro_f1"] == pytest.approx(sk.f1_score(truth, said, average="macro"))
    assert found["micro_f1"] == pytest.approx(sk.f1_score(truth, said, average="micro"))
    assert found["jaccard"] == pytest.approx(
        sk.jaccard_score(truth, said, average="samples", zero_division=1)
    )
    assert found["lrap"] == pytest.approx(sk.label_ranking_average_precision_score(truth, p))


def test_amounts_of_a_draw_are_those_of_its_rows_copied() -> None:
    """Median, rank correlation and R² of a resample equal those of the rows, copied."""
    from scipy.stats import spearmanr

    rng = np.random.default_rng(2)
    y = np.round(rng.normal(size=40), 1)
    said = np.round(y + rng.normal(size=40), 1)
    counts = np.bincount(rng.integers(0, 40, 40), minlength=40).astype(float)
    rows = np.repeat(np.arange(40), counts.astype(int))
    measures = errors(y, said, np.arange(40), 40)
    found = dict(zip(measures.names, measures.of(counts[None]), strict=True))
    truth, guess = y[rows], said[rows]
    assert float(found["median_absolute_error"][0]) == pytest.approx(
        sk.median_absolute_error(truth, guess)
    )
    assert float(found["spearman"][0]) == pytest.approx(spearmanr(truth, guess)[0])
    assert float(found["r2"][0]) == pytest.approx(sk.r2_score(truth, guess))


def test_survival_without_censoring_is_plain() -> None:
    """Without censoring C is the share of ordered pairs, and Brier the mean squared difference."""
    time, risk = np.array([1.0, 2, 3, 4]), np.array([4.0, 3, 1, 2])
    rows, one = Survival(time, np.ones(4), risk), np.ones(4)
    assert float(rows.harrell(one)) == pytest.approx(5 / 6)
    assert float(rows.uno(one, None)) == pytest.approx(5 / 6)
    survival = np.array([0.1, 0.4, 0.7, 0.9])
    expected = np.mean((survival - (time > 2)) ** 2)
    assert float(rows.brier(one, 2, survival)) == pytest.approx(expected)
    assert float(rows.auc(one, 2)) == 1


def test_ties_in_time_are_counted_as_declared() -> None:
    """Two events at a time are no pair; a censoring at the time of an event is later; equal risks
    count half."""
    rows = Survival(np.array([2.0, 2, 2]), np.array([1.0, 1, 0]), np.array([3.0, 1, 1]))
    right, total = rows.harrell_pairs(np.ones(3))
    assert (float(right), float(total)) == (1.5, 2)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
def test_survival_of_a_draw_is_that_of_its_rows_copied(seed: int) -> None:
    """C, AUC and Brier of a resample equal those of the rows copied, with ties and censoring."""
    rng = np.random.default_rng(seed)
    time, event = rng.integers(1, 9, 30).astype(float), (rng.random(30) < 0.6).astype(float)
    risk, survival = rng.integers(0, 5, 30).astype(float), rng.random(30)
    time[0], event[0] = 20, 0
    counts = np.bincount(rng.integers(0, 30, 30), minlength=30).astype(float)
    counts[0] += 1
    rows = np.repeat(np.arange(30), counts.astype(int))
    drawn, copied = Survival(time, event, risk), Survival(time[rows], event[rows], risk[rows])
    one = np.ones(len(rows))
    for value, expected in (
        (drawn.harrell(counts[None]), copied.harrell(one)),
        (drawn.uno(counts[None], 7), copied.uno(one, 7)),
        (drawn.auc(counts[None], 5), copied.auc(one, 5)),
        (drawn.brier(counts[None], 5, survival), copied.brier(one, 5, survival[rows])),
    ):
        assert float(value[0]) == pytest.approx(float(expected), nan_ok=True)


def _read(measures: Measures) -> tuple[list[str], list[float]]:
    return list(measures.names), measures.values()
