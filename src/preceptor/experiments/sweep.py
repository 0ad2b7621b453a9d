"""A grid of runs: one ordinary run for each combination of settings; and how to resume it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor import benchmarks
from preceptor.engine.plan import Plan, Request, check, paid_in_sweep
from preceptor.engine.progress import Progress
from preceptor.engine.runner import STOPPED, Outcome, execute
from preceptor.errors import BudgetExceeded, InputError, shorten
from preceptor.experiments.grid import Cell, grid
from preceptor.records import RunInfo
from preceptor.store import Store
from preceptor.store.names import free_sweep_name

__all__ = ["Swept", "check_name", "check_sweep", "named", "sweep"]

Planned = Sequence[tuple[Cell, Plan]]
#: May change between two attempts: no answer depends on it.
_PRACTICAL = ("api_key_env", "stream", "timeout", "concurrency", "retries", "price")
#: What a run must have been made with to be resumed.
_SAME = ("data_sha256", "limit", "stratify", "template", "sweep")
#: Would be read as a part of a pattern of names, or as an option.
_NOT_IN_NAMES = "*?[]"


class Swept(msgspec.Struct, frozen=True):
    """What became of a sweep.

    Attributes
    ----------
    runs
        Those that there are, in the order of the grid, each with how it ended.
    outcome
        ``done`` if all cells are, else why not.
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
    """Find everything that can be wrong with any cell before anything is made or called.

    Parameters
    ----------
    request
        What all cells have in common; its own ``name`` is not used.
    vary
        Key → values; see :func:`preceptor.experiments.grid.grid`.
    name
        Of the sweep.

    Raises
    ------
    InputError, Unavailable
        With what is wrong.
    """
    if name is not None:
        check_name(name)
    benchmark = benchmarks.get(request.benchmark)
    cells = grid(vary, request.system, request.system_params)
    dataset = benchmark.load(request.data)
    return [
        (cell, check(request, where=where, parameters=cell.parameters, dataset=dataset))
        for cell in cells
    ]


def check_name(name: str) -> None:
    """Raise InputError where a sweep cannot be called that."""
    wrong = name.startswith("-") or any(sign in _NOT_IN_NAMES for sign in name)
    if wrong or not name.isprintable() or not name.strip():
        raise InputError(
            f"--name {shorten(name)}: expected a name without any of {' '.join(_NOT_IN_NAMES)}"
        )


def named(planned: Planned, store: Store, name: str | None) -> tuple[str, list[Plan]]:
    """The sweep's name, and the plans with it in their settings.

    Raises
    ------
    InputError
        A run of such a name was made with other settings: its answers are not this cell's.
    """
    if name is None:
        first = planned[0][1].request
        taken = [run.name for run in store.runs()]
        name = free_sweep_name(taken, first.benchmark, first.system)
    plans = [_named(cell, plan, name) for cell, plan in planned]
    begun = _begun(store)
    for plan in plans:
        run = begun.get(plan.request.name)
        if run is not None:
            _check_same(run, plan)
    return name, plans


def _named(cell: Cell, plan: Plan, sweep: str) -> Plan:
    about = {"name": sweep, "cell": cell.values, "setting": cell.setting}
    return msgspec.structs.replace(
        plan,
        request=msgspec.structs.replace(plan.request, name=f"{sweep}/{cell.name}"),
        settings={**plan.settings, "sweep": about},
    )


def _begun(store: Store) -> dict[str | None, RunInfo]:
    """The store's runs by name, read once for all cells."""
    return {run.name: run for run in store.runs()}


def _check_same(run: RunInfo, plan: Plan) -> None:
    request = plan.request
    asked = {
        "benchmark": request.benchmark,
        "system": request.system,
        "grader": plan.grader.address,
        "repeats": request.repeats,
        **_telling(msgspec.to_builtins(plan.settings)),
    }
    found = {
        "benchmark": run.benchmark,
        "system": run.system,
        "grader": run.grader,
        "repeats": run.repeats,
        **_telling(run.settings),
    }
    for key, value in asked.items():
        if found.get(key) != value:
            raise InputError(
                f"run {run.name}: exists with another {key.replace('_', ' ')}: choose another "
                f"--name, or give the options of the first time"
            )


def _telling(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of the settings, what answers and verdicts depend on."""
    found = {key: settings.get(key) for key in _SAME}
    for key in ("system_parameters", "grader_parameters"):
        parameters = settings.get(key, {})
        found[key] = {name: parameters[name] for name in parameters if name not in _PRACTICAL}
    return found


def sweep(
    planned: Planned,
    store: Store,
    *,
    name: str | None = None,
    watch: Callable[[Progress], None] | None = None,
    tell: Callable[[str], None] | None = None,
    called: str = "cells",
) -> Swept:
    """Work on one cell after the other. What is done is skipped, what was begun is resumed.

    Parameters
    ----------
    watch
        As in :func:`preceptor.engine.runner.execute`, for the cell at work.
    tell
        Called with a line as each cell is begun or skipped.
    called
        What the runs are, in the plural.

    Raises
    ------
    InputError
        A run of a cell's name was made with other settings.
    EndpointRefused, StoreError, Unavailable
        What made going on impossible; what was acknowledged is kept.
    """
    name, plans = named(planned, store, name)
    begun = _begun(store)
    tell = tell or (lambda _: None)
    runs: list[tuple[RunInfo, Outcome]] = []
    stop = None
    try:
        for number, plan in enumerate(plans, start=1):
            run, paid = begun.get(plan.request.name), paid_in_sweep(store, name)
            place = f"{plan.request.name} ({number} of {len(plans)})"
            if run is not None and run.status == "done":
                tell(f"{place}: is done: skipped")
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
    except BudgetExceeded as error:  # before a cell was begun
        stop = Outcome("incomplete", str(error))
    except KeyboardInterrupt:  # between two cells
        stop = Outcome("interrupted", STOPPED)
    return Swept(name, runs, stop or _together([outcome for _, outcome in runs], called))


def _stop(progress: Progress, outcome: Outcome, *, last: bool) -> Outcome | None:
    """Why no further cell may be begun; None if nothing speaks against it."""
    why = progress.stopping
    if why is None or (last and outcome.status == "done"):
        return None
    return Outcome("interrupted" if why == STOPPED else "incomplete", why)


def _together(outcomes: Sequence[Outcome], called: str) -> Outcome:
    incomplete = sum(outcome.status != "done" for outcome in outcomes)
    if incomplete == 0:
        return Outcome("done")
    return Outcome("incomplete", f"{incomplete} of {len(outcomes)} {called} are incomplete")
