"""Suite: one system on several benchmarks, one run each, resumable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.benchmarks.groups import group
from preceptor.engine.plan import Plan, Request, check
from preceptor.engine.progress import Progress
from preceptor.engine.runner import Outcome
from preceptor.errors import InputError, Unavailable
from preceptor.experiments.grid import Cell
from preceptor.experiments.sweep import Swept, check_name, sweep
from preceptor.store import Store
from preceptor.store.names import free_sweep_name
from preceptor.systems import parse_parameters

__all__ = ["Checked", "check_suite", "suite"]


class _Member(Cell, frozen=True):
    """A cell of one benchmark; its run is ``SUITE/BENCHMARK``."""

    @property
    def name(self) -> str:
        return self.values["benchmark"]


class Checked(msgspec.Struct, frozen=True):
    """A validated suite.

    Attributes
    ----------
    group
        Name of the group of benchmarks.
    planned
        Cell and plan of each benchmark whose data is on this machine.
    skipped
        Name of each other benchmark → reason.
    """

    group: str
    planned: list[tuple[Cell, Plan]]
    skipped: dict[str, str]


def check_suite(
    name: str,
    request: Request,
    *,
    called: str | None = None,
    where: str | Path | None = None,
) -> Checked:
    """Validate every benchmark of a suite before any run is created or call made.

    Parameters
    ----------
    name
        A group; see :mod:`preceptor.benchmarks.groups`.
    request
        Options common to all benchmarks; its ``benchmark`` and ``name`` are ignored. ``data`` is a
        folder with the data of many benchmarks; the rest is read from where `fetch` puts it. The
        grader is used by the benchmarks that need one.
    called
        The suite's name.

    Raises
    ------
    InputError, Unavailable
        An option is wrong, or the data of all benchmarks is missing.
    """
    if called is not None:
        check_name(called)
    if request.data is not None and not request.data.is_dir():
        raise InputError(
            f"--data {request.data}: expected a folder with the data of many benchmarks"
        )
    parameters = parse_parameters(request.system_params, "--system-param", address=request.system)
    planned: list[tuple[Cell, Plan]] = []
    skipped: dict[str, str] = {}
    for benchmark in group(name):
        asked = _member_request(benchmark, request)
        try:
            dataset = benchmark.load(asked.data)
        except Unavailable as error:
            skipped[benchmark.name] = str(error).removeprefix(f"{benchmark.name}: ")
            continue
        member = _Member({"benchmark": benchmark.name}, parameters)
        try:
            plan = check(asked, where=where, parameters=parameters, dataset=dataset)
        except Unavailable as error:
            if asked.grader is None and benchmark.protocol.judging.judged:
                problem = f"{benchmark.name} needs a grader: {error}, or name one with --grader"
                raise Unavailable(problem) from None
            raise
        planned.append((member, plan))
    if not planned:
        raise Unavailable(
            f"suite {name}: the data of all {len(skipped)} benchmarks is missing on this machine; "
            f"fetch some with `preceptor fetch NAME`, or name a folder of copies with --data"
        )
    return Checked(name, planned, skipped)


def _member_request(benchmark: Benchmark, request: Request) -> Request:
    """Adapt the request to one benchmark: its data folder, a grader and a patient if it has one."""
    folder = request.data
    own = folder / benchmark.folder if folder is not None and benchmark.folder else None
    there = folder if own is not None and own.exists() else None
    asked = msgspec.structs.replace(request, benchmark=benchmark.name, data=there)
    environment = benchmark.protocol.environment
    if environment is None or not environment.has_patient:
        asked = msgspec.structs.replace(asked, patient=None, patient_params=())
    if benchmark.protocol.judging.judged:
        return asked
    return msgspec.structs.replace(asked, grader=None, grader_params=(), grader_template=None)


def suite(
    checked: Checked,
    store: Store,
    *,
    name: str | None = None,
    watch: Callable[[Progress], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Swept:
    """Run one benchmark after the other; skip complete runs and resume incomplete ones.

    Parameters
    ----------
    name
        Name of the suite; by default a new ``suite-GROUP-SYSTEM-N``.
    watch, tell
        As in :func:`preceptor.experiments.sweep.sweep`.

    Returns
    -------
    The runs and the outcome, which is ``incomplete`` also if benchmarks were skipped.

    Raises
    ------
    InputError
        A run of the same name was made with other settings.
    EndpointRefused, StoreError, Unavailable
        The work cannot continue; stored results are kept.
    """
    if name is None:
        taken: Sequence[str] = [run.name for run in store.runs()]
        system = checked.planned[0][1].request.system
        name = free_sweep_name(taken, checked.group, system, kind="suite")
    done = sweep(checked.planned, store, name=name, watch=watch, tell=tell, called="benchmarks")
    if checked.skipped and done.outcome.status == "done":
        total = len(checked.planned) + len(checked.skipped)
        why = f"{len(checked.skipped)} of {total} benchmarks were skipped: their data is missing"
        return msgspec.structs.replace(done, outcome=Outcome("incomplete", why))
    return done
