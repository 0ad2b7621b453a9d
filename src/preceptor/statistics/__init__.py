"""Scores → claims: intervals, tests, rankings, power. Pure and vectorised."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

#: Module → those of these names that are its own.
_HOMES = {
    "bootstrap": (
        "bca_intervals",
        "bootstrap_std",
        "bootstrap_stds",
        "resampled_means",
    ),
    "comparisons": (
        "Difference",
        "EffectSize",
        "Equivalence",
        "McNemar",
        "clustered_difference",
        "effect_size",
        "equivalence",
        "mcnemar",
        "paired_difference",
        "permutation_p",
    ),
    "intervals": (
        "effective_rows",
        "mean_interval",
        "score_interval",
        "share_interval",
        "wilson_interval",
    ),
    "multiplicity": (
        "benjamini_hochberg",
        "holm",
    ),
    "win_rates": (
        "WinRate",
        "win_rate",
    ),
}


def __getattr__(name: str) -> Any:
    """Import on first use: a score compares nothing."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
