"""Ranks and Plackett–Luce strengths against scipy, choix, statsmodels and enumeration."""

from __future__ import annotations

import itertools
import math

import choix
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.hazard_regression import PHReg

from data_fixtures import example  # noqa: F401  (loads the profile of hypothesis)
from preceptor.statistics.bootstrap import resampled_means
from preceptor.statistics.ranking import (
    PENALTY,
    components,
    mean_ranks,
    plackett_luce,
    rank_intervals,
    ranks,
    strengths,
)

NAN = math.nan
CELLS = st.one_of(st.just(NAN), st.integers(0, 4).map(float))
TABLES = st.integers(1, 4).flatmap(
    lambda k: st.lists(st.lists(CELLS, min_size=k, max_size=k), min_size=1, max_size=6)
)


def made_up(systems: int, benchmarks: int, missing: float, seed: int) -> np.ndarray:
    """Scores of systems of known strength, some of them missing."""
    rng = np.random.default_rng(seed)
    cells = rng.normal(size=(systems, 1)) + rng.normal(size=(systems, benchmarks))
    cells[rng.random(cells.shape) < missing] = NAN
    return cells


def rankings_of(cells: np.ndarray) -> list[list[int]]:
    """Each column as choix wants it: the items that it has, best first."""
    return [
        [int(i) for i in np.argsort(-column) if not math.isnan(column[i])] for column in cells.T
    ]


# Mean ranks


@given(st.integers(2, 7), st.integers(1, 5), st.integers(0, 10_000))
def test_a_full_table_has_the_plain_mean_of_the_ranks(n: int, k: int, seed: int) -> None:
    """Without missing cells it is the mean of scipy's ranks, ties sharing the mean rank."""
    cells = np.random.default_rng(seed).integers(0, 4, size=(n, k)).astype(float)
    expected = scipy.stats.rankdata(-cells, axis=0).mean(axis=1)
    assert mean_ranks(cells) == pytest.approx(expected)


@given(TABLES)
def test_missing_cells_are_counted_as_the_formula_says(rows: list[list[float]]) -> None:
    """The mean share of rivals ahead, on the scale of the systems that have any rival."""
    cells = np.array(rows)
    shares: list[list[float]] = [[] for _ in rows]
    for column in cells.T:
        here = [i for i, score in enumerate(column) if not math.isnan(score)]
        for i in here if len(here) > 1 else ():
            others = [column[j] for j in here if j != i]
            ahead = sum(o > column[i] for o in others) + 0.5 * sum(o == column[i] for o in others)
            shares[i].append(ahead / len(others))
    systems = sum(map(bool, shares))
    expected = [1 + (systems - 1) * float(np.mean(s)) if s else NAN for s in shares]
    assert mean_ranks(cells) == pytest.approx(expected, nan_ok=True)


def test_first_of_three_and_first_of_thirty_are_both_first() -> None:
    """Last of 2 weighs as last of 30: fields of different size are brought to one scale."""
    cells = np.full((30, 2), NAN)
    cells[:, 0] = -np.arange(30)
    cells[[0, 29], 1] = 1, 0
    found = mean_ranks(cells)
    assert (found[0], found[29]) == (1, 30)


def test_a_benchmark_without_a_rival_says_nothing() -> None:
    """A system that is alone wherever it is has no mean rank."""
    found = mean_ranks(np.array([[0.5, 0.9, NAN], [0.4, NAN, NAN], [NAN, NAN, 0.3]]))
    assert found == pytest.approx([1, 2, NAN], nan_ok=True)


def test_many_tables_at_once_are_as_each_alone() -> None:
    """The leading axes are only a batch, for mean ranks, ranks and strengths."""
    tables = np.array([made_up(5, 3, 0.3, seed) for seed in range(6)]).reshape(2, 3, 5, 3)
    fitted = strengths(tables)
    for at in np.ndindex(2, 3):
        assert mean_ranks(tables)[at] == pytest.approx(mean_ranks(tables[at]), nan_ok=True)
        assert fitted[at] == pytest.approx(strengths(tables[at]), abs=1e-8)
        assert (ranks(fitted)[at] == ranks(fitted[at])).all()


def test_equals_share_the_best_place() -> None:
    """1, 1, 3, as scipy's method "min"; what a fit leaves undecided is equal."""
    values = np.array([0.3, 1.2, 1.2 + 1e-9, -4.0])
    assert ranks(values).tolist() == [3, 1, 1, 4]
    assert ranks(values).tolist() == scipy.stats.rankdata(-values.round(6), method="min").tolist()


# Intervals


def test_intervals_are_points_that_occur_and_hold_the_point() -> None:
    """2.5 % and 97.5 % of 1 … 200 are 5 and 195; the point and the mirror image widen them."""
    samples = np.tile(np.arange(1, 201)[:, None], (1, 3))
    assert rank_intervals(samples, np.array([9, 2, 400])).T.tolist() == [
        [5, 195],
        [2, 195],
        [5, 400],
    ]
    mirrored = rank_intervals(samples, np.array([100, 20, 400]), mirrored=True).T
    assert mirrored.tolist() == [[5, 195], [-155, 195], [5, 795]]


def test_intervals_of_ranks_cover_the_true_ones() -> None:
    """Six systems, clearly apart, on three benchmarks of 100 examples: at least 93 % of the
    intervals of ranks and of mean ranks hold what endless examples would give. Where systems are
    hardly apart those of mean ranks hold less: see bench/missing_cells.py."""
    rng = np.random.default_rng(0)
    covered = np.zeros(2)
    for seed in range(150):
        truth = rng.normal(0, 0.04, size=(6, 1)) + rng.normal(0, 0.02, size=(6, 3))
        cells, drawn = np.empty((6, 3)), np.empty((200, 6, 3))
        for column in range(3):
            level = rng.normal(0, 0.25, size=(100, 1))
            scores = truth[:, column] + level + rng.normal(0, 0.2, size=(100, 6))
            cells[:, column] = scores.mean(axis=0)
            drawn[:, :, column] = resampled_means(scores, resamples=200, seed=3 * seed + column)
        theta = strengths(cells)
        again = ranks(strengths(drawn, start=theta))
        for which, (low, high), true in (
            (0, rank_intervals(again, ranks(theta)), ranks(strengths(truth))),
            (
                1,
                rank_intervals(mean_ranks(drawn), mean_ranks(cells), mirrored=True),
                mean_ranks(truth),
            ),
        ):
            covered[which] += ((low <= true + 1e-9) & (true <= high + 1e-9)).mean() / 150
    assert covered.min() > 0.93


# Plackett–Luce


@pytest.mark.parametrize("missing", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("penalty", [0.02, PENALTY, 1.0])
def test_strengths_are_those_of_choix(missing: float, penalty: float) -> None:
    """The penalised maximum is what choix finds with a general optimiser (its alpha is half)."""
    cells = made_up(8, 6, missing, seed=3)
    rankings = rankings_of(cells)
    expected = choix.opt_rankings(8, rankings, alpha=penalty / 2, method="Newton-CG", tol=1e-9)
    assert strengths(cells, penalty=penalty) == pytest.approx(expected, abs=1e-5)
    assert plackett_luce(rankings, 8, penalty=penalty) == pytest.approx(expected, abs=1e-5)


def test_a_vanishing_penalty_gives_the_maximum_likelihood() -> None:
    """The unpenalised iterative Luce spectral ranking of choix, up to the additive constant."""
    cells = made_up(6, 12, 0.2, seed=1)
    expected = choix.ilsr_rankings(6, rankings_of(cells), alpha=0.0)
    assert strengths(cells, penalty=1e-9) == pytest.approx(expected - expected.mean(), abs=1e-4)


def test_ties_are_those_of_efron_in_a_stratified_cox_regression() -> None:
    """A place is an event time, a ranking a stratum: statsmodels fits the same likelihood."""
    rng = np.random.default_rng(5)
    cells = rng.integers(0, 3, size=(5, 15)).astype(float)
    item, ranking = np.indices(cells.shape)
    dummies = (item.ravel()[:, None] == np.arange(1, 5)).astype(float)
    time = 3 - cells.ravel()
    model = PHReg(time, dummies, strata=ranking.ravel(), ties="efron")
    expected = np.concatenate([[0.0], model.fit(disp=False).params])
    found = strengths(cells, penalty=1e-9)
    assert found - found[0] == pytest.approx(expected, abs=1e-4)


def test_a_tie_is_close_to_both_orders_averaged() -> None:
    """A tie of two is within 0.05 of choix with each order once, every other ranking twice."""
    rankings = [[0, 1, 2, 3], [2, 0, 3, 1], [1, 2, 0, 3], [3, 0, 1, 2]]
    both = [*rankings, *rankings, [0, 1, 2, 3], [1, 0, 2, 3]]
    expected = choix.opt_rankings(4, both, alpha=PENALTY, tol=1e-9)
    found = plackett_luce([*rankings, [(0, 1), 2, 3]], 4)
    assert found == pytest.approx(expected, abs=0.05)


def test_it_is_the_maximum() -> None:
    """No strength on a fine grid has a higher penalised likelihood, computed by its definition."""
    rankings = [(0, 1, 2), (1, 0), (2, 0)]

    def value(theta: tuple[float, ...]) -> float:
        total = -PENALTY / 2 * sum(t * t for t in theta)
        for ranking in rankings:
            for place, item in enumerate(ranking):
                left = sum(math.exp(theta[j]) for j in ranking[place:])
                total += theta[item] - math.log(left)
        return total

    found = tuple(plackett_luce(rankings, 3))
    grid = itertools.product(np.arange(-3, 3, 0.1), repeat=3)
    assert value(found) >= max(map(value, grid))


@given(TABLES)
def test_strengths_are_finite_centred_and_blind_to_labels(rows: list[list[float]]) -> None:
    """Whatever is missing or tied; the order of systems and of benchmarks changes nothing."""
    cells = np.array(rows)
    found = strengths(cells)
    assert np.isfinite(found).all()
    labels = components(~np.isnan(cells))
    for part in range(labels.max() + 1):
        assert found[labels == part].mean() == pytest.approx(0, abs=1e-7)
    assert strengths(cells[::-1, ::-1])[::-1] == pytest.approx(found, abs=1e-6)


def test_tied_systems_are_equally_strong() -> None:
    """Five that tie everywhere have strength 0; a tied pair has one strength in a larger field."""
    assert strengths(np.ones((5, 3))) == pytest.approx(np.zeros(5), abs=1e-9)
    found = plackett_luce([[0, (1, 2), 3], [3, (2, 1), 0]], 4)
    assert found[1] == pytest.approx(found[2], abs=1e-9)


def test_who_beats_the_strong_is_stronger() -> None:
    """Two systems are first once each; the one that was first among stronger ones has more."""
    rankings = [[0, 1, 2, 3]] * 3 + [[4, 0], [5, 3]]
    found = plackett_luce(rankings, 6)
    assert found[4] > found[5]
    cells = np.full((6, 5), NAN)
    for column, ranking in enumerate(rankings):
        cells[ranking, column] = -np.arange(len(ranking))
    assert mean_ranks(cells)[4] == mean_ranks(cells)[5] == 1


def test_where_it_begins_does_not_matter() -> None:
    """A start far away leads to the same maximum."""
    cells = made_up(7, 4, 0.4, seed=9)
    far = np.linspace(-8, 8, 7)
    assert strengths(cells, start=far) == pytest.approx(strengths(cells), abs=1e-7)


def test_without_a_score_the_strength_is_the_prior() -> None:
    """A system without any cell, and a table without any benchmark, have strength 0."""
    assert strengths(np.array([[0.1], [NAN], [0.2]]))[1] == 0
    assert strengths(np.empty((3, 0))).tolist() == [0, 0, 0]
    assert np.isnan(mean_ranks(np.empty((3, 0)))).all()


@pytest.mark.parametrize(
    ("rankings", "penalty", "said"),
    [
        ([[0, 1]], 0.0, "greater than 0"),
        ([[0, 1]], NAN, "greater than 0"),
        ([[0, 3]], 1.0, "item 3 is not in"),
        ([[0, -1]], 1.0, "item -1 is not in"),
        ([[0, 1, 0]], 1.0, "item 0 is twice in ranking 0"),
    ],
)
def test_bad_input_is_named(rankings: list[list[int]], penalty: float, said: str) -> None:
    """A penalty of 0, an unknown item and a repeated one are refused."""
    with pytest.raises(ValueError, match=said):
        plackett_luce(rankings, 3, penalty=penalty)


# Components


def test_a_chain_of_benchmarks_connects() -> None:
    """a–b in one, b–c in another: one part; d–e apart; f without a score is its own."""
    present = np.zeros((6, 4), dtype=bool)
    for systems, benchmark in (((0, 1), 0), ((1, 2), 1), ((3, 4), 2), ((4,), 3)):
        present[list(systems), benchmark] = True
    assert components(present).tolist() == [0, 0, 0, 1, 1, 2]


@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(0, 6))
def test_parts_are_those_of_scipy(seed: int, systems: int, benchmarks: int) -> None:
    """The connected parts of the graph with systems and benchmarks as its points."""
    present = np.random.default_rng(seed).random((systems, benchmarks)) < 0.25
    edges = np.zeros((systems + benchmarks,) * 2)
    edges[:systems, systems:] = present
    _, expected = scipy.sparse.csgraph.connected_components(edges, directed=False)
    found = components(present)
    assert len(found) == systems
    same = found[:, None] == found[None, :]
    assert (same == (expected[:systems, None] == expected[None, :systems])).all()
    assert list(dict.fromkeys(found.tolist())) == list(range(found.max() + 1))
