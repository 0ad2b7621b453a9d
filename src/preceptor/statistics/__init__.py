"""Scores → claims: intervals, tests, rankings, power. Pure and vectorised."""

from preceptor.statistics.bootstrap import (
    bca_intervals,
    bootstrap_std,
    bootstrap_stds,
    resampled_means,
)
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
from preceptor.statistics.intervals import (
    effective_rows,
    mean_interval,
    score_interval,
    share_interval,
    wilson_interval,
)
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
    "bootstrap_stds",
    "clustered_difference",
    "effect_size",
    "effective_rows",
    "equivalence",
    "holm",
    "mcnemar",
    "mean_interval",
    "paired_difference",
    "permutation_p",
    "resampled_means",
    "score_interval",
    "share_interval",
    "wilson_interval",
    "win_rate",
]
