"""``preceptor runs`` and ``preceptor show``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import BenchmarkName, Json, RunName, StorePath
from preceptor.cli.output import note, print_json
from preceptor.cli.output import show as show_table

if TYPE_CHECKING:
    from preceptor.records import RunInfo
    from preceptor.results.filters import Condition

__all__ = ["runs", "show"]


def runs(
    benchmark: BenchmarkName = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="Only runs of which this holds, such as 'system=*gpt*', status!=done, "
            "'started>=2026-11-01' or 'score>60'. Fields: run, benchmark, system, grader, status, "
            "started, n, repeats, score (points), coverage (percent), cost (dollars). Several "
            "must all hold.",
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """List the runs of the store, oldest first."""
    from rich.table import Table

    from preceptor.results.filters import SCORED, read_condition
    from preceptor.results.runs import runs_at

    conditions = [read_condition(text) for text in where or ()]
    found = _fitting(store, runs_at(store, benchmark), conditions)
    if as_json:
        import msgspec

        each = [msgspec.structs.asdict(info) | told for info, told in found]
        print_json(
            [{"run": one.pop("name"), **one, "settings": one["settings"].plain()} for one in each]
        )
        return
    table = Table("run", "benchmark", "system", "grader", "status", "n", "started (UTC)")
    asked = [name for name in SCORED if any(each.field == name for each in conditions)]
    for name in asked:
        table.add_column(name, justify="right", no_wrap=True)
    for info, told in found:
        size = f"{info.n_examples:,}" + (f" × {info.repeats}" if info.repeats > 1 else "")
        table.add_row(
            *(info.name, info.benchmark, info.system, info.grader, info.status, size),
            info.created_at,
            *(f"{told[name]:g}" for name in asked),
        )
    show_table(table)


def _fitting(
    store: str, found: Sequence[RunInfo], conditions: Sequence[Condition]
) -> list[tuple[RunInfo, dict[str, float | None]]]:
    """The runs of which the conditions hold, each with its measures if a condition is on one."""
    from preceptor.results.filters import measures, split

    stated, measured = split(conditions)
    fitting = [run for run in found if all(each.of_run(run) for each in stated)]
    if not measured:
        return [(run, {}) for run in fitting]
    from preceptor.handles import Run

    told = [(run, measures(Run(store, run).scored())) for run in fitting]
    return [
        (info, values)
        for info, values in told
        if all(each.of_measures(values) for each in measured)
    ]


def show(run: RunName, store: StorePath = DEFAULT_STORE, as_json: Json = False) -> None:
    """Show a run's settings, status, cost and what is missing."""
    from rich.table import Table

    from preceptor import api
    from preceptor.reports.score import sentences

    result = api.load(run, store=store).scored()
    info = result.info
    facts = {
        "run": info.name,
        "benchmark": info.benchmark,
        "system": info.system,
        "grader": info.grader,
        "status": info.status,
        "created_at": info.created_at,
        "n_examples": info.n_examples,
        "repeats": info.repeats,
        "coverage": result.coverage,
        "verdicts": result.verdicts,
        "ungraded": result.ungraded,
        "cost_usd": result.cost_usd,
        "system_usage": result.system_usage,
        "grader_usage": result.grader_usage,
        "patient_usage": result.patient_usage,
        "settings": info.settings.plain(),
    }
    if as_json:
        print_json(facts)
        return
    table = Table(show_header=False)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _words(value))
    show_table(table)
    for sentence in sentences(result):
        note(f"  • {sentence}")


def _words(value: object) -> str:
    import msgspec

    from preceptor.reports.settings import flatten

    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict | msgspec.Struct):
        rows = flatten(msgspec.to_builtins(value), share=False)
        return "\n".join(f"{name}: {item}" for name, item in rows) or "none"
    return "unknown" if value is None else str(value)
