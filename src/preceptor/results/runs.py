"""Which runs a store has."""

from __future__ import annotations

from collections.abc import Sequence

from preceptor.records import RunInfo
from preceptor.store import Store

__all__ = ["runs_of"]


def runs_of(store: Store, benchmark: str | None = None) -> Sequence[RunInfo]:
    """All runs of the store, or those of a benchmark, oldest first."""
    runs = store.runs()
    if benchmark is None:
        return runs
    from preceptor import benchmarks  # as long to import as all that lists runs

    name = benchmarks.named(benchmark, (run.benchmark for run in runs))
    return [run for run in runs if run.benchmark == name]
