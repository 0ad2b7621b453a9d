"""The beta and Student's t distribution against SciPy's."""

from __future__ import annotations

import itertools

import pytest
import scipy.special

from preceptor.statistics.quantiles import beta_below, beta_quantile, t_below, t_quantile

SHAPES = (0.3, 0.5, 1, 2.5, 9.9, 10, 33, 400, 1e4, 1e6)


def close(value: float) -> object:
    return pytest.approx(value, rel=2e-10, abs=1e-300)


def test_beta_is_scipys() -> None:
    """Shares and quantiles of beta distributions are SciPy's, for shapes from 0.3 to a million."""
    for a, b in itertools.product(SHAPES, repeat=2):
        for p in (0.025, 0.5, 0.975):
            x = float(scipy.special.betaincinv(a, b, p))
            assert beta_quantile(a, b, p) == close(x)
            assert beta_below(a, b, x) == close(float(scipy.special.betainc(a, b, x)))
    assert [beta_below(2, 3, x) for x in (0, 1)] == [0, 1]


def test_t_is_scipys() -> None:
    """So are those of Student's t, its lower tail included."""
    for df in (0.7, 1, 1.3, 2, 3.7, 10, 29, 100.5, 1e3, 1e6):
        for p in (0.5001, 0.75, 0.95, 0.975, 0.9999):
            assert t_quantile(df, p) == close(float(scipy.special.stdtrit(df, p)))
        for t in (-30, -5, -2, -0.3, 0, 0.4, 3):
            assert t_below(df, t) == close(float(scipy.special.stdtr(df, t)))
