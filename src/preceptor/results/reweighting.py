"""The mean of an enriched sample, without its enrichment."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from preceptor.records import Metric, Result
from preceptor.results.values import values_of
from preceptor.scoring import OVERALL
from preceptor.statistics.stratified import stratified_mean

__all__ = ["REWEIGHTED", "means_by_example", "reweighted", "strata_of"]

#: The metric that undoes an enriched sample.
REWEIGHTED = "overall_score_reweighted"


def reweighted(result: Result) -> Metric | None:
    """The mean that the run would have without the enrichment of its sample; None without one."""
    if result.info.settings.stratify is None:
        return None
    means = means_by_example(result)
    if not means:
        return None
    strata, population = strata_of(result, list(means), 0)
    if set(strata) != {name for name, size in population.items() if size}:
        return None
    found = stratified_mean(np.array(list(means.values())), strata, population)
    low, high = found.ci95 or (None, None)
    return Metric(
        value=min(1.0, max(0.0, found.value)),
        raw_mean=found.value,
        n=found.n,
        ci95=(
            None
            if low is None or high is None
            else (min(1.0, max(0.0, low)), min(1.0, max(0.0, high)))
        ),
        raw_ci95=found.ci95,
        bootstrap_std=None,
        coverage=result.coverage,
    )


def means_by_example(result: Result) -> dict[str, float]:
    return {name: sum(each) / len(each) for name, each in values_of(result, OVERALL).items()}


def strata_of(result: Result, ids: list[str], total: int) -> tuple[list[str], dict[Hashable, int]]:
    """The stratum of each example and the sizes of the strata; one stratum where none was made."""
    drawn = result.info.settings.stratify
    if drawn is None:
        return ["all"] * len(ids), {"all": total}
    rich = set(drawn.rich)
    sizes: dict[Hashable, int] = {name: each.population for name, each in drawn.strata.items()}
    return ["rich" if name in rich else "other" for name in ids], sizes
