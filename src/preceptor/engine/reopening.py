"""From a run in a store to the pipeline that resumes it."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from preceptor import benchmarks
from preceptor.engine.budget import Budget
from preceptor.engine.patients import everyone, resolve_patient
from preceptor.engine.pipeline import Pipeline, Share
from preceptor.engine.resolve import check_price, grader_as_before, keep_prices, system_as_before
from preceptor.errors import InputError, shorten
from preceptor.graders import NoGrader, Settings
from preceptor.protocols.recorded import RecordedProtocol
from preceptor.records import RunInfo, reading_settings
from preceptor.store import Spent, Store
from preceptor.systems.base import Parameters
from preceptor.systems.batch.model import batched

__all__ = ["paid_in_sweep", "reopen"]


def reopen(
    store: Store,
    run: RunInfo,
    *,
    max_cost: float | None = None,
    max_tokens: int | None = None,
    share: Share | None = None,
    budget: Budget | None = None,
) -> Pipeline:
    """The pipeline of an existing run, with its own settings; the caps may be given anew.

    With ``share`` for a part of it, and ``budget`` in place of the run's own.
    """
    from preceptor.systems.recorded import Replay  # it reads answers in many languages

    settings = run.settings
    if settings.template is UNSET:
        raise InputError(f"run {run.name}: was imported: there is nothing to resume")
    benchmark = benchmarks.of(run)
    if isinstance(benchmark.protocol, RecordedProtocol):
        benchmark.protocol.about.missing(f"run {run.name}: resuming it")
    judged = settings.template is not None
    with reading_settings(f"run {shorten(run.name)}"):
        parameters = msgspec.convert(settings.system_parameters or {}, Parameters)
        called = Settings.decode(settings.grader_parameters or {})
        as_patient = msgspec.convert(settings.patient_parameters or {}, Parameters)
    if share is not None:
        parameters = _divided(parameters, share.workers)
        as_patient = _divided(as_patient, share.workers)
        members = tuple(_divided(each, share.workers) for each in called.members)
        called = msgspec.structs.replace(called, members=members)
    through = batched if settings.batch else None
    system = system_as_before(store, run, parameters, through)
    if isinstance(system, Replay):
        system.first = settings.options_count_from
    grader = grader_as_before(store, run, benchmark, called, through) if judged else NoGrader()
    patient = None if settings.patient is None else resolve_patient(settings.patient, as_patient)
    keep_prices(everyone(system, patient, grader), settings.prices or {})
    cap = (settings.max_cost or None) if max_cost is None else max_cost
    check_price(cap, system, grader, patient)
    if budget is None:
        spent = _paid(store, run)
        budget = Budget(
            max_cost=cap,
            max_tokens=(settings.max_total_tokens or None) if max_tokens is None else max_tokens,
            cost=spent.cost_usd,
            tokens=spent.tokens,
        )
    return Pipeline(
        store,
        run,
        protocol=benchmark.protocol,
        system=system,
        grader=grader,
        budget=budget,
        patient=patient,
        share=share,
    )


def _divided(parameters: Parameters, workers: int) -> Parameters:
    """So that all workers together have no more calls under way than the user said."""
    if parameters.concurrency is None:
        return parameters
    concurrency = max(1, parameters.concurrency // workers)
    return msgspec.structs.replace(parameters, concurrency=concurrency)


def _paid(store: Store, run: RunInfo) -> Spent:
    """What counts for the caps of a run: the runs of a sweep have theirs in common."""
    sweep = run.settings.sweep
    return store.spent(run) if sweep is None else paid_in_sweep(store, sweep.name)


def paid_in_sweep(store: Store, name: str) -> Spent:
    """What the runs of a sweep have paid so far."""
    runs = [run for run in store.runs() if (at := run.settings.sweep) and at.name == name]
    paid = [store.spent(run) for run in runs]
    return Spent(
        sum(each.cost_usd for each in paid),
        sum(each.tokens for each in paid),
        all(each.priced for each in paid),
    )
