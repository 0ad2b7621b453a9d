"""Benchmarks of other packages, which name them in the entry points ``preceptor.benchmarks``."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from preceptor.benchmarks.base import Benchmark
from preceptor.errors import Unavailable
from preceptor.plugins import load, package_of, plugins

__all__ = ["outside"]


def outside(taken: Iterable[str]) -> list[Benchmark]:
    """The benchmarks behind every entry point: each is a tuple of them, or one.

    Raises
    ------
    Unavailable
        One cannot be loaded, is none, or has a name that is taken.
    """
    names, found = set(taken), []
    for entry in plugins("benchmarks"):
        where, made = package_of(entry), load(entry)
        for benchmark in (made,) if isinstance(made, Benchmark) else made:
            if not isinstance(benchmark, Benchmark):
                raise Unavailable(f"{where}: expected benchmarks, found {type(benchmark).__name__}")
            if benchmark.name in names:
                raise Unavailable(
                    f"{where}: there is a benchmark {benchmark.name} already: rename it"
                )
            names.add(benchmark.name)
            package = entry.dist.name if entry.dist else entry.value
            found.append(msgspec.structs.replace(benchmark, package=package))
    return found
