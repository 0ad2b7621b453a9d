"""The public functions, the same for scripts, notebooks and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from preceptor.cache import DEFAULT_STORE
from preceptor.errors import UnknownName, shorten
from preceptor.handles import Run, Suite, Sweep, load_finished
from preceptor.store import Store

if TYPE_CHECKING:
    from preceptor.analysis.comparison import Comparison
    from preceptor.benchmarks import Benchmark
    from preceptor.engine.options import RunOptions
    from preceptor.engine.progress import Progress
    from preceptor.estimate.parts import Estimate
    from preceptor.results.pool import Side

__all__ = [
    "Run",
    "Suite",
    "Sweep",
    "compare",
    "dry_run",
    "dry_run_suite",
    "dry_run_sweep",
    "load",
    "load_suite",
    "resume",
    "run",
    "runs",
    "sides",
    "suite",
    "sweep",
]

Watch = Callable[["Progress"], None]


def run(
    benchmark: str | Benchmark,
    *,
    system: str,
    grader: str | None = None,
    name: str | None = None,
    store: str | Path = DEFAULT_STORE,
    watch: Watch | None = None,
    processes: int | None = None,
    backend: str | None = None,
    **options: Unpack[RunOptions],
) -> Run:
    """Ask ``system`` every example of ``benchmark`` and have ``grader`` judge the answers.

    Parameters
    ----------
    benchmark
        A benchmark's name (see ``preceptor list benchmarks``), a workbook of tasks, or a folder
        with a manifest or such tasks (``./my-benchmark``); or one that was made of a table.
    system, grader
        Addresses: see ``preceptor list systems``; ``system`` may be the name of one whose answers a
        workbook has. Default of ``grader``: that of the benchmark's authors.
    name
        The run's name. Default: ``BENCHMARK-SYSTEM-N``.
    store
        The store; created if it does not exist.
    watch
        Called a few times a second with the :class:`preceptor.engine.progress.Progress`.
    processes
        Number of processes. Default: one, or with a backend one on each of its nodes.
    backend
        ``ray`` for workers on a Ray cluster. Default: workers on this machine.
    **options
        The other fields of :class:`preceptor.engine.plan.Request`: ``limit``, ``repeats``,
        ``data``, ``max_cost``, …; ``system_params`` and ``grader_params`` may be a dict.

    Returns
    -------
    Run
        Its ``outcome`` is done, incomplete or interrupted.
    """
    from preceptor.engine.options import request_of
    from preceptor.engine.plan import check
    from preceptor.engine.runner import execute
    from preceptor.engine.workers.pool import arrange

    called, made = _named(benchmark)
    request = request_of(called, system, grader, {"name": name, **options})
    plan = check(request, where=store, benchmark=made)
    with Store(store) as opened:
        pool = arrange(
            opened,
            request.system,
            plan.grader.address,
            plan.settings,
            processes=processes,
            backend=backend,
        )
        pipeline = plan.create(opened)
        del plan  # the pipeline has its own examples, and a run may be long
        return Run(store, pipeline.run, execute(pool.work(pipeline), watch))


def _named(benchmark: str | Benchmark) -> tuple[str, Benchmark | None]:
    return (benchmark, None) if isinstance(benchmark, str) else (benchmark.name, benchmark)


def dry_run(
    benchmark: str | Benchmark,
    *,
    system: str,
    grader: str | None = None,
    name: str | None = None,
    store: str | Path = DEFAULT_STORE,
    **options: Unpack[RunOptions],
) -> Estimate:
    """Estimate the calls and the cost of :func:`run`. Nothing is called or written.

    Parameters
    ----------
    benchmark, system, grader, name, store, **options
        As in :func:`run`. What the store has is not counted; a missing store is not created.

    Raises
    ------
    InputError, Unavailable
        An option is wrong, or something needed is missing.
    """
    from preceptor.engine.options import request_of
    from preceptor.engine.plan import check
    from preceptor.estimate.dry_run import estimates

    called, made = _named(benchmark)
    request = request_of(called, system, grader, {"name": name, **options})
    return estimates({"": check(request, where=store, benchmark=made)}, store)[""]


def dry_run_sweep(
    benchmark: str,
    *,
    system: str,
    vary: Mapping[str, Sequence[object]],
    grader: str | None = None,
    store: str | Path = DEFAULT_STORE,
    **options: Unpack[RunOptions],
) -> dict[str, Estimate]:
    """Estimates of a :func:`sweep`, by name of cell; what two cells share is in both.

    Caps are for all cells together, so those of an estimate are empty.
    """
    from preceptor.engine.options import request_of
    from preceptor.estimate.dry_run import estimates
    from preceptor.experiments.sweep import check_sweep

    values = {key: [_text(value) for value in given] for key, given in vary.items()}
    request = request_of(benchmark, system, grader, _uncapped(options))
    planned = check_sweep(request, values, where=store)
    return estimates({cell.name: plan for cell, plan in planned}, store)


def dry_run_suite(
    group: str,
    *,
    system: str,
    grader: str | None = None,
    store: str | Path = DEFAULT_STORE,
    **options: Unpack[RunOptions],
) -> tuple[dict[str, Estimate], dict[str, str]]:
    """Estimates of a :func:`suite`, by benchmark; and why others are skipped.

    Caps are for all benchmarks together, so those of an estimate are empty.
    """
    from preceptor.engine.options import request_of
    from preceptor.estimate.dry_run import estimates
    from preceptor.experiments.suite import check_suite

    request = request_of("", system, grader, _uncapped(options))
    checked = check_suite(group, request, where=store)
    plans = {plan.benchmark.name: plan for _, plan in checked.planned}
    return estimates(plans, store), checked.skipped


def _uncapped(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: options[key] for key in options if key not in ("max_cost", "max_total_tokens")}


def sweep(
    benchmark: str,
    *,
    system: str,
    vary: Mapping[str, Sequence[object]],
    name: str | None = None,
    grader: str | None = None,
    store: str | Path = DEFAULT_STORE,
    watch: Watch | None = None,
    tell: Callable[[str], None] | None = None,
    **options: Unpack[RunOptions],
) -> Sweep:
    """Run each combination of settings, as ``NAME/key=value,key=value``.

    With the ``name`` of an earlier sweep, that sweep is resumed: what is done is skipped.

    Parameters
    ----------
    benchmark, system, grader, store, watch, **options
        As in :func:`run`; ``max_cost`` and ``max_total_tokens`` are for all runs together.
    vary
        Key → values: ``{"reasoning_effort": ["low", "high"], "instruction": ["brief", "@a.txt"]}``.
        A key is a parameter of systems, or ``instruction``: ``brief``, ``normal``, ``thorough``, or
        a file with your own.
    name
        The sweep's name. Default: ``sweep-BENCHMARK-SYSTEM-N``.
    tell
        Called with a line when a run begins or is skipped.

    Returns
    -------
    Sweep
        Its ``outcome`` is done, incomplete or interrupted.

    Raises
    ------
    InputError, Unavailable
        Something is wrong with one of the runs; none has begun.
    """
    from preceptor.engine.options import request_of
    from preceptor.experiments.sweep import check_sweep
    from preceptor.experiments.sweep import sweep as work

    values = {key: [_text(value) for value in given] for key, given in vary.items()}
    request = request_of(benchmark, system, grader, options)
    planned = check_sweep(request, values, name=name, where=store)
    with Store(store) as opened:
        swept = work(planned, opened, name=name, watch=watch, tell=tell)
    return Sweep(swept.name, [Run(store, *each) for each in swept.runs], swept.outcome)


def _text(value: object) -> str:
    import msgspec

    if value is None:
        return "none"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def resume(
    name: str,
    *,
    store: str | Path = DEFAULT_STORE,
    max_cost: float | None = None,
    max_total_tokens: int | None = None,
    watch: Watch | None = None,
    processes: int | None = None,
    backend: str | None = None,
) -> Run:
    """Resume a run where it stopped. No finished call is made again."""
    from preceptor.engine.reopening import reopen
    from preceptor.engine.runner import execute
    from preceptor.engine.workers.pool import arrange

    if (finished := load_finished(name, store)) is not None:
        return finished
    with Store(store, create=False) as opened:
        info = opened.run(name)
        pipeline = reopen(opened, info, max_cost=max_cost, max_tokens=max_total_tokens)
        pool = arrange(
            opened, info.system, info.grader, info.settings, processes=processes, backend=backend
        )
        return Run(store, info, execute(pool.work(pipeline), watch))


def load(name: str = "latest", *, store: str | Path = DEFAULT_STORE) -> Run:
    """Load a run of the store, by name, beginning of the name, or ``latest``."""
    with Store(store, create=False) as opened:
        return Run(store, opened.run(name))


def runs(*, store: str | Path = DEFAULT_STORE, benchmark: str | None = None) -> Sequence[Run]:
    """All runs of the store, or those of a benchmark, oldest first."""
    from preceptor.results.runs import runs_of

    with Store(store, create=False) as opened:
        return [Run(store, info) for info in runs_of(opened, benchmark)]


def sides(texts: Sequence[str], *, store: str | Path = DEFAULT_STORE) -> list[Side]:
    """The sides of a comparison; each text is ``[LABEL=]RUN[,RUN…]`` with patterns allowed.

    Runs behind a label are pooled: their answers to one example are repeats. A pattern without a
    label is a side for each run that fits.
    """
    from preceptor.results.select import gather

    with Store(store, create=False) as opened:
        return gather(texts, opened)


def compare(
    runs_: Sequence[str] | Sequence[Side],
    *,
    store: str | Path = DEFAULT_STORE,
    adjusted: bool = False,
    namespaces: Sequence[str] | None = None,
    margin: float | None = None,
    across_graders: bool = False,
    all_pairs: bool = False,
    seed: int = 0,
) -> Comparison:
    """Compare sides on their common examples: each with the first, or the first of its family.

    Parameters
    ----------
    runs_
        Texts as for :func:`sides`, or what that returned.
    adjusted, namespaces, margin, across_graders, all_pairs, seed
        See :func:`preceptor.analysis.comparison.compare`; without ``namespaces``, those that the
        benchmark states.
    """
    from preceptor.analysis.comparison import compare as compare_sides
    from preceptor.analysis.predictions import are_predictions
    from preceptor.errors import InputError

    texts = [side for side in runs_ if isinstance(side, str)]
    ready = [side for side in runs_ if not isinstance(side, str)]
    ready += sides(texts, store=store) if texts else []
    if are_predictions([side.result.info for side in ready]):
        raise InputError(
            "compare: these are predictions with outcomes: `preceptor compare`, or "
            "preceptor.analysis.predictions.compare_predictions"
        )
    return compare_sides(
        ready,
        adjusted=adjusted,
        namespaces=namespaces,
        margin=margin,
        across_graders=across_graders,
        all_pairs=all_pairs,
        seed=seed,
    )


def suite(
    group: str,
    *,
    system: str,
    name: str | None = None,
    grader: str | None = None,
    store: str | Path = DEFAULT_STORE,
    watch: Watch | None = None,
    tell: Callable[[str], None] | None = None,
    **options: Unpack[RunOptions],
) -> Suite:
    """Run one system on a group of benchmarks.

    With the ``name`` of an earlier suite, that suite is resumed: what is done is skipped.

    Parameters
    ----------
    group
        ``exams``, ``open``, ``safety``, ``notes``, ``extraction``, ``languages`` or ``all``.
    system, grader, store, watch, **options
        As in :func:`run`; ``max_cost`` and ``max_total_tokens`` are for all runs together. ``data``
        is a folder with the data of many benchmarks. ``grader`` is used where anything is judged.
    name
        The suite's name. Default: ``suite-GROUP-SYSTEM-N``.
    tell
        Called with a line when a run begins or is skipped.

    Raises
    ------
    InputError, Unavailable
        Something is wrong with one of the runs; none has begun.
    """
    from preceptor.engine.options import request_of
    from preceptor.experiments.suite import check_suite
    from preceptor.experiments.suite import suite as work

    request = request_of("", system, grader, options)
    checked = check_suite(group, request, called=name, where=store)
    with Store(store) as opened:
        done = work(checked, opened, name=name, watch=watch, tell=tell)
    runs = [Run(store, *each) for each in done.runs]
    return Suite(done.name, runs, done.outcome, checked.skipped)


def load_suite(name: str, *, store: str | Path = DEFAULT_STORE) -> Suite:
    """Load the runs of a suite from the store. Raises UnknownName if there are none."""
    from preceptor.engine.runner import Outcome

    with Store(store, create=False) as opened:
        found = [run for run in opened.runs() if run.name == f"{name}/{run.benchmark}"]
    if not found:
        raise UnknownName(f"suite {shorten(name)}: has no runs in {store}; see `preceptor runs`")
    done = all(run.status == "done" for run in found)
    return Suite(
        name, [Run(store, run) for run in found], Outcome("done" if done else "incomplete"), {}
    )
