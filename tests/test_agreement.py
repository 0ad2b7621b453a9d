"""Agreement of raters: published examples, other implementations, brute force, properties."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import permutations
from typing import Any

import krippendorff
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score
from statsmodels.formula.api import ols
from statsmodels.stats import inter_rater
from statsmodels.stats.anova import anova_lm

from preceptor.statistics.agreement import (
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    macro_f1,
    observed_agreement,
)
from preceptor.statistics.icc import agreement_icc, icc, mean_icc
from preceptor.statistics.rank_correlation import kendall_tau, spearman_rho
from preceptor.statistics.sums import Statistic, difference, intervals

NAN = math.nan

#: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability: 12 units, 4 raters; also Gwet's.
FOUR_RATERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T

#: Shrout & Fleiss (1979), table 2: six targets, four judges.
SIX_TARGETS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
)

TWO_RATERS: list[Callable[[Any], Statistic]] = [
    observed_agreement,
    cohen_kappa,
    macro_f1,
    spearman_rho,
    kendall_tau,
]
ANY_RATERS: list[Callable[[Any], Statistic]] = [
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    lambda table: krippendorff_alpha(table, "ordinal"),
    lambda table: krippendorff_alpha(table, "interval"),
]
ALL = TWO_RATERS + ANY_RATERS

ratings = arrays(np.float64, st.tuples(st.integers(2, 25), st.just(2)), elements=st.integers(0, 3))
with_gaps = arrays(
    np.float64,
    st.tuples(st.integers(2, 15), st.integers(2, 5)),
    elements=st.one_of(st.integers(1, 4), st.just(NAN)),
)


def made(n: int, raters: int = 2, values: int = 3, missing: float = 0.0, seed: int = 0) -> Any:
    """Ratings that agree in part."""
    rng = np.random.default_rng(seed)
    table = rng.integers(0, values, (n, raters)).astype(float)
    table[:, 1:] = np.where(rng.random((n, raters - 1)) < 0.5, table[:, :1], table[:, 1:])
    table[rng.random(table.shape) < missing] = NAN
    return table


# Published


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_of_krippendorffs_example(level: Any, published: float) -> None:
    """Krippendorff's own worked example with missing ratings comes out on three levels."""
    assert krippendorff_alpha(FOUR_RATERS, level).value == pytest.approx(published, abs=5e-4)


def test_ac1_and_kappa_of_gwets_example() -> None:
    """Gwet's coefficients for the same ratings (2014, table 2.10) come out."""
    assert gwet_ac1(FOUR_RATERS).value == pytest.approx(0.77544, abs=5e-6)
    assert fleiss_kappa(FOUR_RATERS).value == pytest.approx(0.76117, abs=5e-6)


def test_the_correlations_of_shrout_and_fleiss() -> None:
    """ICC(1,1) .17, ICC(2,1) .29, ICC(3,1) .71 and ICC(3,4) .91 of their table, with intervals."""
    found = icc(SIX_TARGETS)
    assert found is not None
    assert (found.n, found.raters) == (6, 4)
    for one, value, low, high in (
        (found.one_way, 0.17, -0.13, 0.72),
        (found.agreement, 0.29, 0.02, 0.76),
        (found.consistency, 0.71, 0.34, 0.95),
        (found.average, 0.91, 0.68, 0.99),
    ):
        assert one.ci95 is not None
        assert (one.value, *one.ci95) == pytest.approx((value, low, high), abs=5e-3)


def test_published_judges_of_health_answers() -> None:
    """From the confusion counts of a published audit of a judge: macro F1 .6239, kappa .2504."""
    cells = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [15933, 5481, 3871, 4225], axis=0)
    assert macro_f1(cells).value == pytest.approx(0.6239, abs=5e-5)
    assert cohen_kappa(cells).value == pytest.approx(0.2504, abs=5e-5)


# Other implementations


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_cohens_kappa_is_that_of_statsmodels(weights: Any) -> None:
    """Unweighted and weighted kappa equal statsmodels' on the same table."""
    table = made(80, values=4)
    square = np.zeros((4, 4))
    np.add.at(square, tuple(table.astype(int).T), 1)
    theirs = inter_rater.cohens_kappa(square, wt=weights).kappa
    assert cohen_kappa(table, weights).value == pytest.approx(theirs)


def test_weighted_kappa_counts_steps_that_nobody_used() -> None:
    """With the scale given it equals scikit-learn's on the whole scale, and statsmodels'."""
    table = made(60, values=4) * 2 + 1  # of 1 to 7 the even ones are not used
    scale = range(1, 8)
    square = np.zeros((7, 7))
    np.add.at(square, tuple(table.astype(int).T - 1), 1)
    found = cohen_kappa(np.where(table == 7, 6, table), "quadratic", scale).value
    theirs = cohen_kappa_score(
        *np.where(table == 7, 6, table).T.astype(int), labels=list(scale), weights="quadratic"
    )
    assert found == pytest.approx(theirs, abs=1e-12)
    whole = cohen_kappa(table, "quadratic", scale).value
    assert whole == pytest.approx(inter_rater.cohens_kappa(square, wt="quadratic").kappa, abs=1e-12)
    with pytest.raises(ValueError, match="none of the categories"):
        cohen_kappa(table, None, range(1, 7))


def test_fleiss_kappa_is_that_of_statsmodels() -> None:
    """Without missing ratings it is Fleiss' own formula."""
    table = made(50, raters=5, values=4)
    counts, _ = inter_rater.aggregate_raters(table.astype(int))
    assert fleiss_kappa(table).value == pytest.approx(inter_rater.fleiss_kappa(counts))


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@given(table=with_gaps)
def test_alpha_is_that_of_the_package_krippendorff(level: Any, table: Any) -> None:
    """On any ratings with gaps alpha equals another implementation's, wherever that has one."""
    pairable = table[(~np.isnan(table)).sum(axis=1) >= 2]
    assume(len(np.unique(pairable[~np.isnan(pairable)])) > 1)
    theirs = krippendorff.alpha(table.T, level_of_measurement=level)
    assert krippendorff_alpha(table, level).value == pytest.approx(theirs)


@given(table=ratings)
def test_rank_correlations_are_scipys(table: Any) -> None:
    """Spearman's rho and Kendall's tau-b with ties equal scipy's."""
    assume((np.ptp(table, axis=0) > 0).all())
    assert spearman_rho(table).value == pytest.approx(
        scipy.stats.spearmanr(*table.T).statistic, abs=1e-9
    )
    assert kendall_tau(table).value == pytest.approx(
        scipy.stats.kendalltau(*table.T).statistic, abs=1e-9
    )


def test_ac1_by_hand() -> None:
    """Two raters, 8 of 10 alike, shares 0.6 and 0.4: (0.8 − 0.48) / (1 − 0.48)."""
    table = [[1, 1]] * 5 + [[0, 0]] * 3 + [[1, 0], [0, 1]]
    assert gwet_ac1(table).value == pytest.approx((0.8 - 0.48) / 0.52)


def test_macro_f1_by_hand() -> None:
    """3 TP, 1 FP, 2 FN, 4 TN: F1 of met 6/9, of not met 8/11."""
    table = [[1, 1]] * 3 + [[1, 0]] + [[0, 1]] * 2 + [[0, 0]] * 4
    assert macro_f1(table).value == pytest.approx((6 / 9 + 8 / 11) / 2)


def test_icc_is_the_ratio_of_variances() -> None:
    """With many things the ICCs find the shares of variance that the ratings were made with."""
    rng = np.random.default_rng(3)
    offsets = np.array([-1.0, 0.0, 0.5, 0.5])
    table = rng.normal(0, 2, (20_000, 1)) + offsets + rng.normal(0, 1, (20_000, 4))
    spread = float(offsets.var(ddof=1))
    found = icc(table)
    assert found is not None
    assert found.agreement.value == pytest.approx(4 / (4 + spread + 1), abs=0.01)
    assert found.consistency.value == pytest.approx(4 / 5, abs=0.01)
    # Mean squares: 4·4 + 1 between things, 1 + spread within.
    one_way = (17 - 1 - spread) / (17 + 3 * (1 + spread))
    assert found.one_way.value == pytest.approx(one_way, abs=0.01)


@pytest.mark.parametrize("k", [2, 3])
def test_the_icc_of_sums_is_that_of_an_analysis_of_variance(k: int) -> None:
    """From sums it equals `icc` and statsmodels' mean squares; things with a gap are left out."""
    draw = np.random.default_rng(4)
    table = draw.normal(4, 1.2, (40, 1)) + draw.normal([0, 0.7, -0.2][:k], 1, (40, k))
    gap = np.vstack([table, [[NAN, *range(k - 1)]]])
    ours, average = agreement_icc(gap).value, mean_icc(gap).value
    exact = icc(table)
    assert exact is not None
    assert ours == pytest.approx(exact.agreement.value, abs=1e-12)
    assert average == pytest.approx(exact.average.value, abs=1e-12)
    frame = pd.DataFrame(
        {
            "y": table.ravel(),
            "thing": np.repeat(np.arange(40), k),
            "rater": np.tile(np.arange(k), 40),
        }
    )
    found = anova_lm(ols("y ~ C(thing) + C(rater)", frame).fit())
    r, c, e = (found["mean_sq"][each] for each in ("C(thing)", "C(rater)", "Residual"))
    assert ours == pytest.approx((r - e) / (r + (k - 1) * e + k * (c - e) / 40), abs=1e-12)
    assert average == pytest.approx((r - e) / r, abs=1e-12)
    assert math.isnan(agreement_icc([[1, 1], [1, 1]]).value)
    assert math.isnan(agreement_icc([[1, 2]]).value)


def test_intervals_of_the_icc_of_two_raters_cover() -> None:
    """Of clustered things with a true ICC of 0.5, at least nine in ten intervals hold it."""
    draw, held = np.random.default_rng(5), 0
    for _ in range(200):
        tasks = np.repeat(np.arange(40), 2)
        thing = draw.normal(0, 0.5**0.5, 40)[tasks] + draw.normal(0, 0.5**0.5, 80)
        table = thing[:, None] + draw.normal(0, 1, (80, 2))
        low, high = agreement_icc(table).interval(tasks, resamples=400) or (1.0, 0.0)
        held += low <= 0.5 <= high
    assert 0.9 < held / 200 <= 0.99


def test_icc_intervals_cover() -> None:
    """Over 400 samples of normal ratings 95 % intervals hold the truth about 95 times in 100."""
    rng = np.random.default_rng(5)
    held = {"agreement": 0, "consistency": 0}
    for _ in range(400):
        table = rng.normal(0, 1, (20, 1)) + rng.normal(0, 0.5, 3) + rng.normal(0, 1, (20, 3))
        found = icc(table)
        assert found is not None
        for which, truth in (("agreement", 1 / 2.25), ("consistency", 0.5)):
            low, high = getattr(found, which).ci95
            held[which] += low <= truth <= high
    assert 0.92 <= held["consistency"] / 400 <= 0.98
    assert 0.91 <= held["agreement"] / 400 <= 0.99


# Intervals


@pytest.mark.parametrize("measure", [cohen_kappa, gwet_ac1, krippendorff_alpha, macro_f1])
def test_the_interval_is_the_brute_force_bootstrap(measure: Callable[[Any], Statistic]) -> None:
    """Resampling sums of clusters gives what recomputing on resampled rows gives."""
    table, clusters = made(60, values=2, seed=2), np.repeat(np.arange(20), 3)
    rng = np.random.default_rng(8)
    values = [
        measure(table[(rng.integers(0, 20, 20)[:, None] * 3 + np.arange(3)).ravel()]).value
        for _ in range(4_000)
    ]
    found = measure(table).interval(clusters, resamples=4_000)
    assert found == pytest.approx(tuple(np.nanquantile(values, (0.025, 0.975))), abs=0.03)


def test_clusters_of_equal_rows_widen_the_interval() -> None:
    """The same rows five times over are no more evidence: by cluster the interval stays."""
    table = made(60, values=2, seed=4)
    five, who = np.repeat(table, 5, axis=0), np.repeat(np.arange(60), 5)
    alone = cohen_kappa(table).interval()
    naive, honest = cohen_kappa(five).interval(), cohen_kappa(five).interval(who)
    assert alone is not None
    assert naive is not None
    assert honest == pytest.approx(alone, abs=1e-9)
    assert naive[1] - naive[0] < 0.6 * (alone[1] - alone[0])


def test_intervals_cover() -> None:
    """In 200 samples clustered in threes kappa's interval holds the truth 9 times in 10 or more."""
    rng = np.random.default_rng(1)
    # Both raters see one truth of the cluster and err one time in five, independently.
    big = _judgements(rng, 200_000)
    truth, held = cohen_kappa(big[0]).value, 0
    for _ in range(200):
        table, clusters = _judgements(rng, 60)
        low, high = cohen_kappa(table).interval(clusters, resamples=400) or (NAN, NAN)
        held += low <= truth <= high
    assert held / 200 >= 0.9


def _judgements(rng: np.random.Generator, clusters: int) -> tuple[Any, Any]:
    truth = np.repeat(rng.random(clusters) < 0.6, 3)
    wrong = rng.random((len(truth), 2)) < 0.2
    return (truth[:, None] ^ wrong).astype(float), np.repeat(np.arange(clusters), 3)


def test_a_difference_is_of_both_and_paired_by_cluster() -> None:
    """Of a statistic with itself the difference is 0 in every resample; else a − b."""
    table, clusters = made(60, values=2), np.repeat(np.arange(20), 3)
    other = made(60, values=2, seed=9)
    same = difference(cohen_kappa(table), cohen_kappa(table))
    both = np.concatenate([clusters, clusters])
    assert same.value == 0
    assert same.interval(both) == pytest.approx((0, 0), abs=1e-9)
    apart = difference(cohen_kappa(table), cohen_kappa(other))
    assert apart.value == pytest.approx(cohen_kappa(table).value - cohen_kappa(other).value)


def test_one_draw_serves_several_statistics() -> None:
    """Intervals asked for together are those asked for one by one."""
    table = made(40, values=2)
    several = [cohen_kappa(table), macro_f1(table), gwet_ac1(table)]
    assert np.array(intervals(several)) == pytest.approx(
        np.array([one.interval() for one in several])
    )
    assert intervals([]) == []


def test_an_interval_that_cannot_be_given_is_none() -> None:
    """One cluster, or a class so rare that many resamples lack it: no interval."""
    assert cohen_kappa(made(30, values=2)).interval(np.zeros(30)) is None
    rare = [[0, 0]] * 30 + [[1, 1]]
    assert macro_f1(rare).value == 1
    assert macro_f1(rare).interval() is None


# Properties


@given(table=ratings)
def test_agreement_is_at_most_one_and_is_one_for_the_same(table: Any) -> None:
    """No statistic exceeds 1; of a rater with itself each is 1, where defined."""
    same = np.column_stack([table[:, 0]] * 2)
    for measure in ALL:
        value, itself = measure(table).value, measure(same).value
        assert math.isnan(value) or value <= 1 + 1e-9
        assert math.isnan(itself) or itself == pytest.approx(1)


@given(table=ratings, seed=st.integers(0, 99))
def test_order_of_units_and_raters_does_not_matter(table: Any, seed: int) -> None:
    """Shuffled units and swapped raters change nothing."""
    shuffled = np.random.default_rng(seed).permutation(table)[:, ::-1]
    for measure in ALL:
        assert measure(shuffled).value == pytest.approx(measure(table).value, nan_ok=True)


@given(table=with_gaps)
def test_order_of_several_raters_does_not_matter(table: Any) -> None:
    """Any order of the columns gives the same, and so does a unit without ratings."""
    blank = np.full((1, table.shape[1]), NAN)
    for measure in ANY_RATERS:
        expected = measure(table).value
        assert measure(np.vstack([table, blank])).value == pytest.approx(expected, nan_ok=True)
        for order in list(permutations(range(table.shape[1])))[:6]:
            assert measure(table[:, order]).value == pytest.approx(expected, nan_ok=True)


@given(table=ratings)
def test_ranks_ignore_the_scale(table: Any) -> None:
    """Spearman, Kendall and ordinal alpha see order alone; interval alpha a linear change not."""
    stretched = np.exp(table)
    for measure in (
        spearman_rho,
        kendall_tau,
        lambda each: krippendorff_alpha(each, "ordinal"),
    ):
        assert measure(stretched).value == pytest.approx(measure(table).value, nan_ok=True)
    moved = krippendorff_alpha(1000 - 3 * table, "interval").value
    assert moved == pytest.approx(krippendorff_alpha(table, "interval").value, nan_ok=True)


@given(table=arrays(np.float64, (8, 3), elements=st.integers(0, 5)), shift=st.integers(1, 5))
def test_a_rater_who_is_always_higher_is_consistent_but_disagrees(table: Any, shift: int) -> None:
    """An offset of one rater leaves ICC(C,1) as it is."""
    before, after = icc(table), icc(table + np.array([shift, 0, 0]))
    if before is not None and after is not None:
        assert after.consistency.value == pytest.approx(before.consistency.value, nan_ok=True)
        assert after.agreement.value <= 1 + 1e-9
    assume(len(np.unique(table[:, 0])) > 1)
    exact = icc(np.column_stack([table[:, 0], table[:, 0] + shift]))
    assert exact is not None
    assert exact.consistency.value == pytest.approx(1)
    assert exact.agreement.value < 1


# Undefined, missing, wrong


def test_what_the_ratings_do_not_define_is_nan() -> None:
    """One category only: every coefficient that corrects for chance is undefined, not 1 or 0."""
    for measure in (cohen_kappa, fleiss_kappa, gwet_ac1, krippendorff_alpha, macro_f1, kendall_tau):
        assert math.isnan(measure([[1, 1]] * 5).value)
    assert observed_agreement([[1, 1]] * 5).value == 1
    assert math.isnan(observed_agreement([[1, NAN]]).value)
    assert icc([[1, 1], [1, 1]]) is None
    assert icc([[1, 2], [NAN, 1]]) is None


def test_a_category_that_nobody_chose_counts_for_ac1() -> None:
    """With the categories named, AC1 of unanimous raters is 1."""
    assert gwet_ac1([[1, 1]] * 5, (0, 1)).value == 1


def test_pairs_with_a_missing_rating_are_left_out() -> None:
    """A unit that one of two raters skipped does not change any statistic of two raters."""
    table = made(30)
    for measure in ALL[:5]:
        more = np.vstack([table, [[1, NAN], [NAN, 0]]])
        assert measure(more).value == pytest.approx(measure(table).value)


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: cohen_kappa([[1, 2, 3]]), r"shape \(n, 2\)"),
        (lambda: fleiss_kappa([1, 2]), r"shape \(n, two or more\)"),
        (lambda: gwet_ac1([[1, math.inf]]), "finite"),
        (lambda: gwet_ac1([[1, 7]], (0, 1)), "none of the categories"),
        (lambda: icc([[1], [2]]), "2 or more"),
        (lambda: icc([[1, math.inf], [2, 1]]), "finite"),
        (lambda: kendall_tau(np.random.default_rng(0).random((1_001, 2))), "1,000"),
    ],
)
def test_wrong_input_is_refused(call: Callable[[], object], problem: str) -> None:
    """Shapes, infinities and unknown categories raise with what was expected."""
    with pytest.raises(ValueError, match=problem):
        call()
