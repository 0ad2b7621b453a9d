"""The score on all examples, estimated from a sample of them."""

from __future__ import annotations

import msgspec
import numpy as np

from preceptor.errors import InputError, shorten
from preceptor.records import examples_of
from preceptor.results.pool import Side
from preceptor.results.reweighting import means_by_example, strata_of
from preceptor.statistics.stratified import Estimate, control_variate_estimate, stratified_mean

__all__ = ["SampleEstimate", "estimate"]


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
    prompts = {id: each.prompt_key for id, each in examples_of(control.result.graded).items()}
    own = {id: each.prompt_key for id, each in examples_of(sample.result.graded).items()}
    expensive = means_by_example(sample.result)
    cheap = means_by_example(control.result)
    ids = [name for name in expensive if name in cheap and own[name] == prompts[name]]
    if len(ids) < 3:
        raise InputError(
            f"estimate: expected three common scored examples or more of {shorten(sample.label)} "
            f"and {shorten(control.label)}, found {len(ids)}"
        )
    y = np.array([expensive[name] for name in ids])
    x = np.array([cheap[name] for name in ids])
    x_all = np.array(list(cheap.values()))
    strata, population = strata_of(sample.result, ids, len(x_all))
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
