"""Win rates against a plain loop, a rank statistic and made-up cases done by hand."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from data_fixtures import example  # noqa: F401  (loads the profile of hypothesis)
from preceptor.statistics import (
    WinRate,
    mean_interval,
    score_interval,
    wilson_interval,
    win_rate,
)

# Coarse scores and lengths: ties, missing answers and pairs at the tolerance are common.
SCORE = st.sampled_from([-0.5, 0.0, 0.3, 0.1 + 0.2, 0.5, 1.0, math.nan])
LENGTH = st.sampled_from([0.0, 95.0, 100.0, 105.0, 200.0, math.nan])


@st.composite
def studies(draw) -> tuple[np.ndarray, ...]:
    """Scores and lengths of two systems on the same examples."""
    n, m, k = draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.integers(1, 4))

    def table(each, width: int) -> np.ndarray:
        size = n * width
        return np.array(draw(st.lists(each, min_size=size, max_size=size))).reshape(n, width)

    return table(SCORE, m), table(SCORE, k), table(LENGTH, m), table(LENGTH, k)


def by_hand(a, b, long_a, long_b, tolerance: float | None) -> WinRate | None:
    """Table 4's rule, pair by pair, with the standard library alone."""
    rates, halves, pairs, ties = [], [], 0, 0
    for row_a, row_b, lengths_a, lengths_b in zip(a, b, long_a, long_b, strict=True):
        wins = losses = even = 0
        for x, l_x in zip(row_a, lengths_a, strict=True):
            for y, l_y in zip(row_b, lengths_b, strict=True):
                if math.isnan(x) or math.isnan(y):
                    continue
                if tolerance is not None:
                    middle = (l_x + l_y) / 2
                    alike = middle == 0 or abs(l_x - l_y) / middle <= tolerance + 1e-12
                    if math.isnan(middle) or not alike:
                        continue
                wins += x - y > 1e-9
                losses += y - x > 1e-9
                even += abs(x - y) <= 1e-9
        if wins + losses:
            rates.append(wins / (wins + losses))
        if wins + losses + even:
            halves.append((wins + even / 2) / (wins + losses + even))
        pairs, ties = pairs + wins + losses + even, ties + even
    if not rates:
        return None
    rate = statistics.fmean(rates)
    interval = score_interval(np.array(rates)[:, None])[1]
    if interval is not None:
        interval = max(0.0, interval[0]), min(1.0, interval[1])
    if len(rates) > 1 and rate in (0, 1):
        interval = wilson_interval(int(rate * len(rates)), len(rates))
    return WinRate(rate, interval, statistics.fmean(halves), ties / pairs, len(rates), pairs)


def assert_equal(found: WinRate | None, expected: WinRate | None) -> None:
    if found is None or expected is None:
        assert found is expected is None
        return
    for field in ("rate", "with_ties", "ties", "n", "pairs"):
        assert getattr(found, field) == pytest.approx(getattr(expected, field), abs=1e-12), field
    if found.ci95 is None or expected.ci95 is None:
        assert found.ci95 is expected.ci95 is None
    else:
        assert found.ci95 == pytest.approx(expected.ci95, abs=1e-12)


@given(studies(), st.sampled_from([None, 0.0, 0.05, 0.1, 2.0]))
def test_it_is_the_loop_over_all_pairs(study, tolerance: float | None) -> None:
    """For any pattern of ties, missing answers and lengths, 5 % and 10 % apart included."""
    a, b, long_a, long_b = study
    found = win_rate(a, b, lengths_a=long_a, lengths_b=long_b, tolerance=tolerance)
    assert_equal(found, by_hand(a, b, long_a, long_b, tolerance))


@given(studies())
def test_one_side_wins_what_the_other_loses(study) -> None:
    """Exchanged, the rates add up to 1 and the interval is mirrored."""
    a, b, _, _ = study
    there, back = win_rate(a, b), win_rate(b, a)
    if there is None or back is None:
        assert there is back is None
        return
    assert there.rate + back.rate == pytest.approx(1)
    assert there.with_ties + back.with_ties == pytest.approx(1)
    assert (there.ties, there.n, there.pairs) == (back.ties, back.n, back.pairs)
    if there.ci95 is not None and back.ci95 is not None:
        mirrored = (1 - back.ci95[1], 1 - back.ci95[0])
        assert there.ci95 == pytest.approx(mirrored, abs=1e-12)


@given(st.lists(st.integers(0, 5), min_size=4, max_size=4).filter(lambda x: len(set(x)) > 1))
def test_with_ties_it_is_the_u_statistic_of_one_example(scores: list[int]) -> None:
    """A tie counted half, it is Mann and Whitney's U over the number of pairs."""
    a, b = np.array([scores[:2]]), np.array([scores[2:]])
    found = win_rate(a, b)
    if found is not None:
        expected = scipy.stats.mannwhitneyu(a[0], b[0], method="asymptotic").statistic / 4
        assert found.with_ties == pytest.approx(expected)


def test_a_case_done_by_hand() -> None:
    """Examples count alike, whatever their pairs; an example of ties alone counts as half only."""
    a = [[0.9, 0.1], [0.5, math.nan], [0.2, 0.8]]
    b = [[0.5, 0.1], [0.5, 0.5], [0.1, math.nan]]
    found = win_rate(a, b)
    assert found is not None
    # 1: two wins, one loss, one tie. 2: two ties. 3: two wins.
    assert found.rate == pytest.approx((2 / 3 + 1) / 2)
    assert found.with_ties == pytest.approx((2.5 / 4 + 0.5 + 1) / 3)
    assert (found.n, found.pairs) == (2, 8)
    assert found.ties == pytest.approx(3 / 8)


def test_pairs_of_unlike_length_are_not_compared() -> None:
    """At 0.10, 1,000 against 1,105 characters is compared and against 1,106 is not."""
    a, b, lengths = [[1.0], [1.0]], [[0.0], [0.0]], [[1000], [1000]]
    found = win_rate(a, b, lengths_a=lengths, lengths_b=[[1105], [1106]], tolerance=0.10)
    assert found is not None
    assert (found.n, found.pairs) == (1, 1)


def test_the_interval_is_that_of_a_mean_over_examples() -> None:
    """And is clipped to [0, 1]."""
    a = np.random.default_rng(1).normal(0.5, 1, (80, 4))
    b = np.random.default_rng(2).normal(0.0, 1, (80, 4))
    rates = (a[:, :, None] > b[:, None, :]).mean(axis=(1, 2))
    found = win_rate(a, b)
    assert found is not None
    assert found.ci95 == pytest.approx(mean_interval(rates[:, None])[1])
    nearly = win_rate([[1.0]] * 9 + [[0.0]], [[0.5]] * 10)
    assert nearly is not None
    assert nearly.ci95 is not None
    assert nearly.ci95[1] == 1.0


def test_to_win_everywhere_is_not_certainty() -> None:
    """Three of three examples won: the interval is Wilson's, not a point."""
    found = win_rate([[1.0]] * 3, [[0.0]] * 3)
    assert found is not None
    assert (found.rate, found.ci95) == (1.0, wilson_interval(3, 3))


def test_rounding_is_not_a_win() -> None:
    """0.1 + 0.2 ties with 0.3."""
    found = win_rate([[0.1 + 0.2], [1.0]], [[0.3], [0.0]])
    assert found is not None
    assert (found.rate, found.ties, found.n) == (1.0, 0.5, 1)


@pytest.mark.parametrize("b", [[[0.5]], [[math.nan]]])
def test_without_a_comparable_pair_there_is_no_rate(b) -> None:
    """All tied, or nothing to compare: undefined, not 0 and not a half."""
    assert win_rate([[0.5]], b) is None
    assert win_rate(np.empty((0, 1)), np.empty((0, 2))) is None


@pytest.mark.parametrize(
    ("a", "b", "options"),
    [
        ([[0.1]], [[0.1], [0.2]], {}),
        ([0.1], [0.2], {}),
        ([[0.1]], [[0.2]], {"tolerance": 0.1}),
        ([[0.1]], [[0.2]], {"tolerance": -0.1, "lengths_a": [[1]], "lengths_b": [[1]]}),
        ([[0.1]], [[0.2]], {"tolerance": 0.1, "lengths_a": [[1, 2]], "lengths_b": [[1]]}),
        ([[0.1]], [[0.2]], {"tolerance": 0.1, "lengths_a": [[-1]], "lengths_b": [[1]]}),
    ],
)
def test_wrong_input_is_an_error(a, b, options) -> None:
    """Other examples, no repeats, no lengths to control for, a negative tolerance or length."""
    with pytest.raises(ValueError, match="win_rate"):
        win_rate(a, b, **options)
