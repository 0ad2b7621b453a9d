"""The score on all examples, estimated from a sample of them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import msgspec
import numpy as np

from preceptor.claims.sides import Side, values_of
from preceptor.errors import InputError, shorten
from preceptor.records import Metric, Result
from preceptor.scoring import OVERALL
from preceptor.statistics.subsets import Estimate, control_variate_estimate, stratified_mean

__all__ = ["REWEIGHTED", "SampleEstimate", "estimate", "reweighted"]

#: The metric that undoes an enriched sample.
REWEIGHTED = "overall_score_reweighted"


class SampleEstimate(msgspec.Struct, frozen=True):
    """The mean over all examples, from a sample of them and a control that has all.

    Attributes
    ----------
    plain
        The mean of the sample, reweighted where it was enriched: without the control.
    controlled
        The regression estimate with the control variate.
    correlation
        Of the scores of sample and control, over the examples of the sample.
    left_out
        Examples of the sample that the control has no score for, or with another prompt.
    """

    sample: str
    control: str
    n: int
    n_total: int
    plain: Estimate
    controlled: Estimate
    correlation: float | None
    left_out: int


def estimate(sample: Side, control: Side) -> SampleEstimate:
    """What ``sample`` would score on all the examples that ``control`` has.

    The control may be another system's run, or the same answers judged by a cheaper grader: its own
    level does not matter, only that the two go up and down together.

    Raises
    ------
    InputError
        Different benchmarks, too few common examples, or a control that does not cover the
        examples which an enriched sample was drawn from.
    """
    names = {side.result.info.benchmark for side in (sample, control)}
    if len(names) > 1:
        raise InputError(f"estimate: expected one benchmark, found {', '.join(sorted(names))}")
    prompts = {item.example.id: item.example.prompt_key for item in control.result.graded}
    own = {item.example.id: item.example.prompt_key for item in sample.result.graded}
    expensive = _means(sample.result)
    cheap = _means(control.result)
    ids = [name for name in expensive if name in cheap and own[name] == prompts[name]]
    if len(ids) < 3:
        raise InputError(
            f"estimate: expected three common scored examples or more of {shorten(sample.label)} "
            f"and {shorten(control.label)}, found {len(ids)}"
        )
    y = np.array([expensive[name] for name in ids])
    x = np.array([cheap[name] for name in ids])
    x_all = np.array(list(cheap.values()))
    strata, population = _strata(sample.result, ids, len(x_all))
    if sum(population.values()) != len(x_all):
        raise InputError(
            f"--control {shorten(control.label)}: expected scores of the "
            f"{sum(population.values()):,} examples that the sample was drawn from, "
            f"found {len(x_all):,}"
        )
    # Only the sizes of the strata matter, not which of the control's examples is in which.
    everywhere = [name for name, size in population.items() for _ in range(size)]
    varies = y.std() > 0 and x.std() > 0
    return SampleEstimate(
        sample=sample.label,
        control=control.label,
        n=len(ids),
        n_total=len(x_all),
        plain=stratified_mean(y, strata, population),
        controlled=control_variate_estimate(y, x, x_all, strata=strata, strata_all=everywhere),
        correlation=float(np.corrcoef(x, y)[0, 1]) if varies else None,
        left_out=len(expensive) - len(ids),
    )


def reweighted(result: Result) -> Metric | None:
    """The mean that the run would have without the enrichment of its sample; None without one."""
    if "stratify" not in result.info.settings:
        return None
    means = _means(result)
    if not means:
        return None
    strata, population = _strata(result, list(means), 0)
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


def _means(result: Result) -> dict[str, float]:
    return {name: sum(each) / len(each) for name, each in values_of(result, OVERALL).items()}


def _strata(result: Result, ids: list[str], total: int) -> tuple[list[str], dict[Hashable, int]]:
    """The stratum of each example and the sizes of the strata; one stratum where none was made."""
    drawn: dict[str, Any] | None = result.info.settings.get("stratify")
    if drawn is None:
        return ["all"] * len(ids), {"all": total}
    rich = set(drawn["rich"])
    sizes: dict[Hashable, int] = {
        name: int(each["population"]) for name, each in drawn["strata"].items()
    }
    return ["rich" if name in rich else "other" for name in ids], sizes
