"""What `preceptor list benchmarks` says of each, from a file: to import them all takes longer.

``docs/generate_cards.py`` writes the file, and a test fails where it is stale.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import msgspec

from preceptor.cache import cache_dir
from preceptor.plugins import plugins

if TYPE_CHECKING:
    from preceptor.benchmarks.base import Benchmark

__all__ = ["CATALOGUE", "Listed", "Place", "listed", "listed_as", "ours", "written"]

_DATA = Path(__file__).parent / "data"
CATALOGUE = _DATA / "catalogue.jsonl"


class Place(msgspec.Struct, frozen=True):
    """Where the data of a benchmark lies: the fields of that name of :class:`Benchmark`.

    ``file`` is that in its folder of fetched files, where there is only one.
    """

    name: str
    file: str | None = None
    contained: str | None = None
    installed: tuple[str, str, str | None] | None = None
    rows: Path | None = None

    def path(self) -> Path:
        """It need not be there."""
        if self.rows is not None:
            return self.rows
        if self.installed is not None and (found := _installed(*self.installed[:2])) is not None:
            return found
        if self.contained is not None:
            return _DATA / self.contained
        folder = cache_dir() / "data" / self.name
        return folder if self.file is None else folder / self.file


def _installed(package: str, inside: str) -> Path | None:
    """The place of a file or folder of another package; None where that is not installed."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        return Path(str(distribution(package).locate_file(inside)))
    except PackageNotFoundError:
        return None


class Listed(msgspec.Struct, frozen=True):
    """A benchmark in the list; ``examples`` and ``criteria`` are their numbers."""

    name: str
    family: str
    examples: int
    criteria: int | None
    licence: str
    source: str
    pinned: bool
    citation: str
    summary: str
    languages: tuple[str, ...]
    place: Place
    #: The module here that has it.
    module: str | None = None


@functools.cache
def ours() -> Sequence[Listed]:
    """Those of this package."""
    return msgspec.json.Decoder(Listed).decode_lines(CATALOGUE.read_bytes())


def listed() -> Sequence[Listed]:
    """Every benchmark, in the order of :func:`preceptor.benchmarks.all_benchmarks`."""
    if next(plugins("benchmarks"), None) is None:
        return ours()
    from preceptor.benchmarks.outside import outside

    return [*ours(), *map(listed_as, outside(each.name for each in ours()))]


def listed_as(benchmark: Benchmark, module: str | None = None) -> Listed:
    return Listed(
        benchmark.name,
        benchmark.family,
        benchmark.n_examples,
        benchmark.n_criteria,
        benchmark.licence,
        _source(benchmark),
        bool(benchmark.sources) or benchmark.contained is not None,
        benchmark.citation,
        benchmark.summary,
        benchmark.languages,
        benchmark.place,
        module,
    )


def written(modules: Iterable[ModuleType]) -> str:
    """The file of the benchmarks of these modules."""
    each = (
        listed_as(benchmark, module.__name__.rpartition(".")[2])
        for module in modules
        for benchmark in module.BENCHMARKS
    )
    return msgspec.json.Encoder().encode_lines(each).decode()


def _source(benchmark: Benchmark) -> str:
    if benchmark.sources:
        return benchmark.sources[0].repo
    if benchmark.rows is not None:
        return str(benchmark.rows)
    return "contained in this package" if benchmark.contained else benchmark.url or "–"
