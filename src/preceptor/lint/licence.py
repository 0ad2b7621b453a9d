"""Rule on the licence under which a file may be used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark
from preceptor.files import file_sha256, read_rows
from preceptor.lint.rows import Finding

__all__ = ["licence"]

_LICENCE_FILE = re.compile(r"(?:un)?licen[cs]e|copying", re.IGNORECASE)
_PAGE = re.compile(r"(?:readme|datasheet|card)", re.IGNORECASE)
_MENTION = re.compile(r"\blicen[cs]ed?\b", re.IGNORECASE)
_COLUMN = re.compile(r"licen[cs]e", re.IGNORECASE)
_EMPTY = ("", "none", "unknown", "n/a", "na", "nan", "tbd", "?", "-")


def licence(path: Path, benchmark: Benchmark | None) -> Iterator[Finding]:
    """``missing-licence``: no licence is stated for the file.

    Places searched: the benchmark's licence if the file is its pinned release; the sheet *about* of
    a workbook of tasks, else a column ``license``; beside the file, a LICENSE or COPYING, or a
    README, datasheet or card that mentions a licence. If some rows name a licence, each row without
    one is a finding.
    """
    if benchmark is not None and _has_licence(benchmark) and _is_release(path, benchmark):
        return
    tables = benchmark is not None and bool(benchmark.reading)  # its licence is in the sheet about
    without, with_one = ([], False) if tables else _licence_column(path)
    if with_one:
        for line in without:
            yield Finding("missing-licence", line, None, "no licence, but other rows name one")
        return
    if _has_licence_file(path):
        return
    where = "state it in the sheet about" if tables else "add a column `license`"
    remedy = f"{where}, or state it in a LICENSE or README.md beside the file"
    yield Finding("missing-licence", None, None, f"no licence found; {remedy}")


def _is_release(path: Path, benchmark: Benchmark) -> bool:
    if benchmark.contained is not None and path.resolve() == benchmark.path().resolve():
        return True
    if benchmark.rows is not None and path.resolve() == benchmark.rows.resolve():
        return True
    hashes = {source.sha256 for source in benchmark.sources}
    return bool(hashes) and path.is_file() and file_sha256(path) in hashes


def _has_licence_file(path: Path) -> bool:
    folder = path if path.is_dir() else path.parent
    for each in sorted(folder.iterdir()):
        if not each.is_file() or each == path:
            continue
        if _LICENCE_FILE.match(each.name):
            return True
        if _PAGE.match(each.name) and _MENTION.search(each.read_text("utf-8", "replace")):
            return True
    return False


def _has_licence(benchmark: Benchmark) -> bool:
    return "none" not in benchmark.licence.lower().split()


def _licence_column(path: Path) -> tuple[list[int], bool]:
    """Lines of the rows without a licence, and whether any row has one."""
    if path.is_dir():
        return [], False
    without, some = [], False
    for line, row in read_rows(path):
        cells = [row[name] for name in row if _COLUMN.fullmatch(name)]
        if any(str(cell or "").strip().casefold() not in _EMPTY for cell in cells):
            some = True
        else:
            without.append(line)
    return without, some
