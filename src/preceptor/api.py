"""The library's front door, the same for scripts, notebooks and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from preceptor.cache import DEFAULT_STORE
from preceptor.engine.drive import Outcome, drive
from preceptor.engine.plan import Request, check, reopen
from preceptor.engine.progress import Progress
from preceptor.records import Result, RunInfo
from preceptor.store import Store

__all__ = ["Run", "load", "resume", "run", "runs"]

Watch = Callable[[Progress], None]


class Run:
    """A run in a store.

    Attributes
    ----------
    info
        Name, benchmark, system, grader, settings.
    outcome
        How the call that returned it ended; None for a run that was only loaded.
    """

    def __init__(self, store: str | Path, info: RunInfo, outcome: Outcome | None = None) -> None:
        self.store = store
        self.info = info
        self.outcome = outcome

    def __repr__(self) -> str:
        return f"<Run {self.info.name}: {self.info.system} on {self.info.benchmark}>"

    def result(self) -> Result:
        """Everything known of the run: answers, verdicts, scores, metrics."""
        from preceptor.reports.result import load_result

        with Store(self.store, create=False) as store:
            return load_result(store, store.run(self.info.name))

    def score(self) -> dict[str, Any]:
        """What ``preceptor score RUN --json`` prints."""
        from preceptor.reports.score import score_json

        return score_json(self.result())

    def report(self, path: str | Path, *, share: bool = False) -> Path:
        """Write the HTML report; with ``share``, without any text of examples or answers."""
        from preceptor.reports.html import render
        from preceptor.reports.writing import write_text

        return write_text(Path(path), render([self.result()], share=share))

    def export(self, path: str | Path, format: str | None = None) -> Path:
        """Write answers and verdicts as jsonl, csv or parquet, by ``format`` or the suffix."""
        from preceptor.reports.export import export

        return export(self.result(), Path(path), format)


def run(
    benchmark: str,
    *,
    system: str,
    grader: str | None = None,
    store: str | Path = DEFAULT_STORE,
    watch: Watch | None = None,
    **options: Any,
) -> Run:
    """Ask ``system`` every example of ``benchmark`` and have ``grader`` judge the answers.

    Parameters
    ----------
    benchmark
        A name; ``preceptor list benchmarks`` shows them.
    system, grader
        Addresses; ``preceptor list systems`` shows their forms. Without ``grader``, the one that
        the benchmark's authors used.
    store
        The workspace, made where there is none.
    watch
        Called a few times a second with the :class:`preceptor.engine.progress.Progress`.
    **options
        The other fields of :class:`preceptor.engine.plan.Request`: ``limit``, ``repeats``,
        ``data``, ``max_cost``, …; ``system_params`` and ``grader_params`` may be a dict.

    Returns
    -------
    Run
        Done, incomplete or interrupted: see its ``outcome``.
    """
    if options.get("data") is not None:
        options["data"] = Path(options["data"])
    for name in ("system_params", "grader_params"):
        if isinstance(options.get(name), Mapping):
            options[name] = tuple(f"{key}={value}" for key, value in options[name].items())
    request = Request(benchmark=benchmark, system=system, grader=grader, **options)
    plan = check(request)
    with Store(store) as opened:
        pipeline = plan.create(opened)
        return Run(store, pipeline.run, drive(pipeline, watch))


def resume(
    name: str,
    *,
    store: str | Path = DEFAULT_STORE,
    max_cost: float | None = None,
    max_total_tokens: int | None = None,
    watch: Watch | None = None,
) -> Run:
    """Go on with a run where it stopped. No finished call is made again."""
    with Store(store, create=False) as opened:
        pipeline = reopen(opened, opened.run(name), max_cost=max_cost, max_tokens=max_total_tokens)
        return Run(store, pipeline.run, drive(pipeline, watch))


def load(name: str = "latest", *, store: str | Path = DEFAULT_STORE) -> Run:
    """A run of the store, by name, beginning of the name, or ``latest``."""
    with Store(store, create=False) as opened:
        return Run(store, opened.run(name))


def runs(*, store: str | Path = DEFAULT_STORE, benchmark: str | None = None) -> Sequence[Run]:
    """All runs of the store, oldest first."""
    with Store(store, create=False) as opened:
        return [Run(store, info) for info in opened.runs(benchmark)]
