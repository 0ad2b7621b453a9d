"""One system on several benchmarks: one ordinary run for each; and how to resume it."""

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
    """A benchmark in place of a combination of settings: its run is ``SUITE/BENCHMARK``."""

    @property
    def name(self) -> str:
        return self.values["benchmark"]


class Checked(msgspec.Struct, frozen=True):
    """A suite in which nothing is wrong.

    Attributes
    ----------
    group
        Its benchmarks are these, and those of ``skipped``.
    planned
        A plan for each benchmark whose data is there.
    skipped
        Name of each of the others → why.
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
    """Find everything that can be wrong with any benchmark before anything is made or called.

    Parameters
    ----------
    name
        A group; see :mod:`preceptor.benchmarks.groups`.
    request
        What all benchmarks have in common; its own ``benchmark`` and ``name`` are not used. Its
        ``data`` is a folder with the data of many benchmarks; what is not in it is looked for where
        `fetch` puts it. Its grader judges where anything is judged.
    called
        The suite's name.

    Raises
    ------
    InputError, Unavailable
        With what is wrong; the data of all of them is missing.
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
        asked = _asked(benchmark, request)
        try:
            dataset = benchmark.load(asked.data)
        except Unavailable as error:
            skipped[benchmark.name] = str(error).removeprefix(f"{benchmark.name}: ")
            continue
        member = _Member({"benchmark": benchmark.name}, parameters)
        try:
            plan = check(asked, where=where, parameters=parameters, dataset=dataset)
        except Unavailable as error:
            if asked.grader is None and benchmark.protocol.judged:
                problem = f"{benchmark.name} is judged: {error}, or name a judge with --grader"
                raise Unavailable(problem) from None
            raise
        planned.append((member, plan))
    if not planned:
        raise Unavailable(
            f"suite {name}: the data of none of its {len(skipped)} benchmarks is on this machine: "
            f"fetch some with `preceptor fetch NAME`, or name a folder of copies with --data"
        )
    return Checked(name, planned, skipped)


def _asked(benchmark: Benchmark, request: Request) -> Request:
    """What is asked of one benchmark: its own place in the folder, and a grader if it has one."""
    folder = request.data
    own = folder / benchmark.folder if folder is not None and benchmark.folder else None
    there = folder if own is not None and own.exists() else None
    asked = msgspec.structs.replace(request, benchmark=benchmark.name, data=there)
    if benchmark.protocol.judged:
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
    """Work on one benchmark after the other. What is done is skipped, what was begun is resumed.

    Parameters
    ----------
    name
        Without it, ``suite-GROUP-SYSTEM-N``: a new one.
    watch, tell
        As in :func:`preceptor.experiments.sweep.sweep`.

    Returns
    -------
    ``incomplete`` also where benchmarks were skipped.

    Raises
    ------
    InputError
        A run of such a name was made with other settings.
    EndpointRefused, StoreError, Unavailable
        What made going on impossible; what was acknowledged is kept.
    """
    if name is None:
        taken: Sequence[str] = [run.name for run in store.runs()]
        system = checked.planned[0][1].request.system
        name = free_sweep_name(taken, checked.group, system, kind="suite")
    done = sweep(checked.planned, store, name=name, watch=watch, tell=tell, called="benchmarks")
    if checked.skipped and done.outcome.status == "done":
        total = len(checked.planned) + len(checked.skipped)
        why = f"{len(checked.skipped)} of {total} benchmarks were skipped: their data is not here"
        return msgspec.structs.replace(done, outcome=Outcome("incomplete", why))
    return done
