"""The benchmarks, by name: one short file per benchmark or family of files."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark, Dataset
from preceptor.errors import UnknownName, shorten
from preceptor.records import RunInfo, reading_settings

__all__ = ["Benchmark", "Dataset", "all_benchmarks", "get", "named", "of", "recorded"]

#: Modules of this package beside those of benchmarks.
_OTHERS = (
    *(
        "base",
        "collection",
        "datasheet",
        "download",
        "fields",
        "folder",
        "groups",
        "images",
        "manifest",
        "outside",
        "own_booleans",
        "own_insights",
        "own_rows",
    ),
    *("own_tasks", "published", "dicom", "png"),
)
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


def of(run: RunInfo) -> Benchmark:
    """The benchmark of a run: where its code is not here, what the run carries of it.

    Raises UnknownName where it is neither here nor carried, StoreError where that is damaged.
    """
    carried = run.settings.manifest
    if carried is None:
        return get(run.benchmark)
    from preceptor.benchmarks.manifest import Manifest

    with reading_settings(f"run {shorten(run.name)}"):
        manifest = msgspec.convert(carried, Manifest)
    benchmark = manifest.benchmark()
    if benchmark.package is None:
        return benchmark
    return next((each for each in all_benchmarks() if each.name == run.benchmark), benchmark)


def get(name: str) -> Benchmark:
    """The benchmark of that name, or at that path.

    Raises
    ------
    UnknownName
        With the nearest names.
    InputError
        What is wrong with the file or folder.
    """
    own = _own(name)
    if own is not None and not Path(name).exists():  # what reads folders is long to import
        return own
    from preceptor.benchmarks.folder import counted, path_of, read_benchmark

    path = path_of(name)
    if path is not None:
        return counted(read_benchmark(path))
    if own is not None:
        return own
    known = {benchmark.name: benchmark for benchmark in all_benchmarks()}
    if name not in known:
        if Path(name).is_dir():
            return read_benchmark(Path(name))  # says what the folder lacks
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


def named(name: str, used: Iterable[str]) -> str:
    """The name of the benchmark that is meant: one of those used, any other, or in a folder.

    Raises what `get` raises.
    """
    return name if name in set(used) else get(name).name


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
