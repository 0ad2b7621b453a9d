"""Under which licence a file may be used: whether anything says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark
from preceptor.files import file_sha256, read_rows
from preceptor.lint.rows import Finding

__all__ = ["licence"]

_FILES = re.compile(r"(?:un)?licen[cs]e|copying", re.IGNORECASE)
_PAGES = re.compile(r"(?:readme|datasheet|card)", re.IGNORECASE)
_SAID = re.compile(r"\blicen[cs]ed?\b", re.IGNORECASE)
_COLUMN = re.compile(r"licen[cs]e", re.IGNORECASE)
_NOTHING = ("", "none", "unknown", "n/a", "na", "nan", "tbd", "?", "-")


def licence(path: Path, benchmark: Benchmark | None) -> Iterator[Finding]:
    """``missing-licence``: nothing says under which licence the file may be used.

    Looked for: the benchmark's own where the file is its pinned release; a column ``license``; a
    file LICENSE or COPYING, a README or a ``.json`` card beside it that speaks of a licence. Where
    some rows name one, those that do not are named.
    """
    if benchmark is not None and _stated(benchmark) and _pinned(path, benchmark):
        return
    without, with_one = _column(path)
    if with_one:
        for line in without:
            yield Finding("missing-licence", line, None, "other rows name a licence, this does not")
        return
    if _beside(path):
        return
    problem = "add a column `license`, or a file LICENSE or README.md beside it that says it"
    yield Finding("missing-licence", None, None, f"no licence is stated: {problem}")


def _pinned(path: Path, benchmark: Benchmark) -> bool:
    if benchmark.contained is not None and path.resolve() == benchmark.path().resolve():
        return True
    if benchmark.rows is not None and path.resolve() == benchmark.rows.resolve():
        return True
    hashes = {source.sha256 for source in benchmark.sources}
    return bool(hashes) and path.is_file() and file_sha256(path) in hashes


def _beside(path: Path) -> bool:
    folder = path if path.is_dir() else path.parent
    for each in sorted(folder.iterdir()):
        if not each.is_file() or each == path:
            continue
        if _FILES.match(each.name):
            return True
        if _PAGES.match(each.name) and _SAID.search(each.read_text("utf-8", "replace")):
            return True
    return False


def _stated(benchmark: Benchmark) -> bool:
    return "none" not in benchmark.licence.lower().split()


def _column(path: Path) -> tuple[list[int], bool]:
    """Lines of the rows that name no licence, and whether any row does."""
    if path.is_dir():
        return [], False
    without, some = [], False
    for line, row in read_rows(path):
        cells = [row[name] for name in row if _COLUMN.fullmatch(name)]
        if any(str(cell or "").strip().casefold() not in _NOTHING for cell in cells):
            some = True
        else:
            without.append(line)
    return without, some
