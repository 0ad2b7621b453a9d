"""Sweep: one run per combination of settings, resumable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor import benchmarks
from preceptor.engine.plan import Plan, Request, check, loaded
from preceptor.engine.progress import Progress
from preceptor.engine.reopening import paid_in_sweep
from preceptor.engine.runner import STOPPED, Outcome, execute
from preceptor.errors import BudgetExceeded, InputError, shorten
from preceptor.experiments.grid import Cell, grid
from preceptor.records import RunInfo, RunSettings, SweepCell
from preceptor.store import Store
from preceptor.store.names import free_sweep_name
from preceptor.systems.base import PRACTICAL

__all__ = ["Swept", "check_name", "check_sweep", "named", "sweep"]

Planned = Sequence[tuple[Cell, Plan]]
#: Characters of name patterns.
_NOT_IN_NAMES = "*?[]"


class Swept(msgspec.Struct, frozen=True):
    """Result of a sweep.

    Attributes
    ----------
    runs
        Existing runs with their outcomes, in the order of the grid.
    outcome
        ``done`` if all cells are done, else the reason.
    """

    name: str
    runs: list[tuple[RunInfo, Outcome]]
    outcome: Outcome


def check_sweep(
    request: Request,
    vary: Mapping[str, Sequence[str]],
    *,
    name: str | None = None,
    where: str | Path | None = None,
) -> list[tuple[Cell, Plan]]:
    """Validate every cell of a sweep before any run is created or call made.

    Parameters
    ----------
    request
        Options common to all cells; its ``name`` is ignored.
    vary
        Key → values; see :func:`preceptor.experiments.grid.grid`.
    name
        Name of the sweep.

    Raises
    ------
    InputError, Unavailable
        An option is wrong, or something needed is missing.
    """
    if name is not None:
        check_name(name)
    benchmark = benchmarks.get(request.benchmark)
    cells = grid(vary, request.system, request.system_params)
    dataset = loaded(benchmark, request)
    return [
        (cell, check(request, where=where, parameters=cell.parameters, dataset=dataset))
        for cell in cells
    ]


def check_name(name: str) -> None:
    """Raise InputError for a name that a sweep cannot have."""
    wrong = name.startswith("-") or any(sign in _NOT_IN_NAMES for sign in name)
    if wrong or not name.isprintable() or not name.strip():
        raise InputError(
            f"--name {shorten(name)}: expected printable characters without "
            f"{' '.join(_NOT_IN_NAMES)} or a leading -"
        )


def named(planned: Planned, store: Store, name: str | None) -> tuple[str, list[Plan]]:
    """Name the sweep, and add the name to the plans' settings.

    Raises
    ------
    InputError
        A run of the same name was made with other settings.
    """
    if name is None:
        first = planned[0][1].request
        taken = [run.name for run in store.runs()]
        name = free_sweep_name(taken, first.benchmark, first.system)
    plans = [_named(cell, plan, name) for cell, plan in planned]
    begun = _runs_by_name(store)
    for plan in plans:
        run = begun.get(plan.request.name)
        if run is not None:
            _check_same(run, plan)
    return name, plans


def _named(cell: Cell, plan: Plan, sweep: str) -> Plan:
    about = SweepCell(sweep, cell.values, cell.setting)
    return msgspec.structs.replace(
        plan,
        request=msgspec.structs.replace(plan.request, name=f"{sweep}/{cell.name}"),
        settings=msgspec.structs.replace(plan.settings, sweep=about),
    )


def _runs_by_name(store: Store) -> dict[str | None, RunInfo]:
    """Read the store's runs by name."""
    return {run.name: run for run in store.runs()}


def _check_same(run: RunInfo, plan: Plan) -> None:
    request = plan.request
    asked = {
        "benchmark": request.benchmark,
        "system": request.system,
        "grader": plan.grader.address,
        "repeats": request.repeats,
        **_result_settings(plan.settings),
    }
    found = {
        "benchmark": run.benchmark,
        "system": run.system,
        "grader": run.grader,
        "repeats": run.repeats,
        **_result_settings(run.settings),
    }
    for key, value in asked.items():
        if found.get(key) != value:
            raise InputError(
                f"run {run.name}: exists with another {key.replace('_', ' ')}; choose another "
                f"--name, or repeat the options of the first time"
            )


def _result_settings(settings: RunSettings) -> dict[str, Any]:
    """Settings that answers and verdicts depend on, those that must be equal to resume a run."""
    return {
        "data_sha256": settings.data_sha256,
        "limit": settings.limit or None,
        "stratify": settings.stratify,
        "template": settings.template or None,
        "sweep": settings.sweep,
        "system_parameters": _without_practical(settings.system_parameters or {}),
        "grader_parameters": _without_practical(settings.grader_parameters or {}),
        "patient": settings.patient,
        "patient_parameters": _without_practical(settings.patient_parameters or {}),
    }


def _without_practical(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in PRACTICAL}


def sweep(
    planned: Planned,
    store: Store,
    *,
    name: str | None = None,
    watch: Callable[[Progress], None] | None = None,
    tell: Callable[[str], None] | None = None,
    called: str = "cells",
) -> Swept:
    """Run one cell after the other; skip complete runs and resume incomplete ones.

    Parameters
    ----------
    watch
        As in :func:`preceptor.engine.runner.execute`, for the current cell.
    tell
        Called with a line as each cell is started or skipped.
    called
        Plural noun for the runs in messages.

    Raises
    ------
    InputError
        A run of a cell's name was made with other settings.
    EndpointRefused, StoreError, Unavailable
        The work cannot continue; stored results are kept.
    """
    name, plans = named(planned, store, name)
    begun = _runs_by_name(store)
    tell = tell or (lambda _: None)
    runs: list[tuple[RunInfo, Outcome]] = []
    stop = None
    try:
        for number, plan in enumerate(plans, start=1):
            run, paid = begun.get(plan.request.name), paid_in_sweep(store, name)
            place = f"{plan.request.name} ({number} of {len(plans)})"
            if run is not None and run.status == "done":
                tell(f"{place}: skipped, is done")
                runs.append((run, Outcome("done")))
                continue
            plan.budget(paid).check()
            tell(f"{place}: " + ("started" if run is None else "resumed"))
            pipeline = plan.create(store, paid) if run is None else plan.pipeline(store, run, paid)
            outcome = execute(pipeline, watch)
            runs.append((pipeline.run, outcome))
            stop = _stop(pipeline.progress, outcome, last=number == len(plans))
            if stop is not None:
                break
    except BudgetExceeded as error:  # before a cell was started
        stop = Outcome("incomplete", str(error))
    except KeyboardInterrupt:  # between two cells
        stop = Outcome("interrupted", STOPPED)
    return Swept(name, runs, stop or _combined([outcome for _, outcome in runs], called))


def _stop(progress: Progress, outcome: Outcome, *, last: bool) -> Outcome | None:
    """Why no further cell may start; None if one may."""
    why = progress.stopping
    if why is None or (last and outcome.status == "done"):
        return None
    return Outcome("interrupted" if why == STOPPED else "incomplete", why)


def _combined(outcomes: Sequence[Outcome], called: str) -> Outcome:
    incomplete = sum(outcome.status != "done" for outcome in outcomes)
    if incomplete == 0:
        return Outcome("done")
    return Outcome("incomplete", f"{incomplete} of {len(outcomes)} {called} are incomplete")
