"""Which runs a store has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from preceptor.records import RunInfo
from preceptor.store.listing import runs_in_file

if TYPE_CHECKING:
    from preceptor.store import Store

__all__ = ["runs_at", "runs_of"]


def runs_at(where: str, benchmark: str | None = None) -> Sequence[RunInfo]:
    """All runs of the store at that place, or those of a benchmark, oldest first."""
    runs = runs_in_file(where)
    if runs is not None:
        return _of(runs, benchmark)
    from preceptor.store import Store

    with Store(where, create=False) as opened:
        return runs_of(opened, benchmark)


def runs_of(store: Store, benchmark: str | None = None) -> Sequence[RunInfo]:
    """All runs of the store, or those of a benchmark, oldest first."""
    return _of(store.runs(), benchmark)


def _of(runs: Sequence[RunInfo], benchmark: str | None) -> Sequence[RunInfo]:
    if benchmark is None:
        return runs
    from preceptor import benchmarks  # as long to import as all that lists runs

    name = benchmarks.named(benchmark, (run.benchmark for run in runs))
    return [run for run in runs if run.benchmark == name]
