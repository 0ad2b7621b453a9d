"""The benchmarks, by name: one short file per benchmark or family of files."""

from __future__ import annotations

import difflib
from pathlib import Path

from preceptor.benchmarks import healthbench, healthbench_professional
from preceptor.benchmarks.base import Benchmark, Dataset
from preceptor.errors import UnknownName, shorten

__all__ = ["Benchmark", "Dataset", "all_benchmarks", "get", "recorded"]

_MODULES = (healthbench, healthbench_professional)


def all_benchmarks() -> list[Benchmark]:
    """Every benchmark, in the order of the modules."""
    return [benchmark for module in _MODULES for benchmark in module.BENCHMARKS]


def get(name: str) -> Benchmark:
    """The benchmark of that name. Raises UnknownName, with the nearest names."""
    known = {benchmark.name: benchmark for benchmark in all_benchmarks()}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UnknownName(
            f"unknown benchmark {shorten(name)}: {hint}known are {', '.join(sorted(known))}"
        )
    return known[name]


def recorded(model: str) -> Path:
    """Answers of a small local model to `starter`, with verdicts, recorded by bench/record.py."""
    return Path(__file__).parent / "data" / "recorded" / f"starter-{model}.jsonl"
