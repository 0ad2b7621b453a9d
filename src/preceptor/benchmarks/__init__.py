"""The benchmarks, by name: one short file per benchmark or family of files."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Dataset
from preceptor.errors import UnknownName, shorten

__all__ = ["Benchmark", "Dataset", "all_benchmarks", "get", "recorded"]

#: What this package holds beside benchmarks.
_OTHERS = ("base", "download", "groups", "outside", "published")
#: Those whose place in lists is the first.
_FIRST = ("healthbench", "healthbench_professional")


@functools.cache
def all_benchmarks() -> tuple[Benchmark, ...]:
    """Every benchmark: each module here has a tuple of them; then those of other packages."""
    from preceptor.benchmarks.outside import outside

    names = [module.name for module in pkgutil.iter_modules(__path__)]
    rest = [name for name in names if name not in (*_FIRST, *_OTHERS)]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in (*_FIRST, *rest)]
    own = [benchmark for module in modules for benchmark in module.BENCHMARKS]
    return (*own, *outside(benchmark.name for benchmark in own))


def get(name: str) -> Benchmark:
    """The benchmark of that name. Raises UnknownName, with the nearest names."""
    if (own := _own(name)) is not None:
        return own
    known = {benchmark.name: benchmark for benchmark in all_benchmarks()}
    if name not in known:
        near = _near(name, list(known))
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UnknownName(
            f"unknown benchmark {shorten(name)}: {hint}all {len(known)} are in "
            f"`preceptor list benchmarks`"
        )
    return known[name]


@functools.cache
def _own(name: str) -> Benchmark | None:
    """That of the module whose name it begins with, without a look into all others."""
    plain = name.replace("-", "_")
    modules = [each.name for each in pkgutil.iter_modules(__path__) if plain.startswith(each.name)]
    module = max({*modules} - {*_OTHERS}, key=len, default=None)
    if module is None:
        return None
    found = importlib.import_module(f"{__name__}.{module}").BENCHMARKS
    return next((each for each in found if each.name == name), None)


def _near(name: str, known: list[str]) -> list[str]:
    """Up to four that may be meant: of the module so called, beginning so, else the nearest."""
    plain = name.strip().casefold().replace("_", "-")
    if plain in known:
        return [plain]
    module = plain.replace("-", "_")
    if module in {each.name for each in pkgutil.iter_modules(__path__)} - {*_OTHERS}:
        found = importlib.import_module(f"{__name__}.{module}").BENCHMARKS
        return [benchmark.name for benchmark in found][:4]
    begins = [each for each in known if plain and each.startswith(f"{plain}-")]
    return begins[:4] or difflib.get_close_matches(plain, known, n=1)


def recorded(model: str) -> Path:
    """Answers of a small local model to `starter`, with verdicts, recorded by bench/record.py."""
    return Path(__file__).parent / "data" / "recorded" / f"starter-{model}.jsonl"
