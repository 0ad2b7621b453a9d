"""Scores → claims: intervals, tests, rankings, power. Pure and vectorised."""

from preceptor.statistics.bootstrap import bca_intervals, bootstrap_std, resampled_means
from preceptor.statistics.comparisons import (
    Difference,
    EffectSize,
    Equivalence,
    McNemar,
    clustered_difference,
    effect_size,
    equivalence,
    mcnemar,
    paired_difference,
    permutation_p,
)
from preceptor.statistics.intervals import mean_interval, wilson_interval
from preceptor.statistics.multiplicity import benjamini_hochberg, holm
from preceptor.statistics.win_rates import WinRate, win_rate

__all__ = [
    "Difference",
    "EffectSize",
    "Equivalence",
    "McNemar",
    "WinRate",
    "bca_intervals",
    "benjamini_hochberg",
    "bootstrap_std",
    "clustered_difference",
    "effect_size",
    "equivalence",
    "holm",
    "mcnemar",
    "mean_interval",
    "paired_difference",
    "permutation_p",
    "resampled_means",
    "wilson_interval",
    "win_rate",
]
