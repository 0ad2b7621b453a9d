"""``preceptor runs`` and ``preceptor show``."""

from __future__ import annotations

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import BenchmarkName, Json, RunName, StorePath
from preceptor.cli.output import note, print_json
from preceptor.cli.output import show as show_table

__all__ = ["runs", "show"]


def runs(
    benchmark: BenchmarkName = None, store: StorePath = DEFAULT_STORE, as_json: Json = False
) -> None:
    """List the runs of the store, oldest first."""
    from rich.table import Table

    from preceptor import api

    found = [run.info for run in api.runs(store=store, benchmark=benchmark)]
    if as_json:
        import msgspec

        each = [msgspec.structs.asdict(info) for info in found]
        print_json(
            [{"run": one.pop("name"), **one, "settings": one["settings"].plain()} for one in each]
        )
        return
    table = Table("run", "benchmark", "system", "grader", "status", "n", "started (UTC)")
    for info in found:
        size = f"{info.n_examples:,}" + (f" × {info.repeats}" if info.repeats > 1 else "")
        table.add_row(
            info.name, info.benchmark, info.system, info.grader, info.status, size, info.created_at
        )
    show_table(table)


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
