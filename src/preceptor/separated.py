"""Rows of ``.csv`` and ``.tsv`` files, with commas, semicolons or tabs."""

from __future__ import annotations

import contextlib
import csv
import gzip
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from preceptor.cells import is_error
from preceptor.errors import DataError, InputError
from preceptor.rows import (
    MAX_LINE_BYTES,
    MAX_UNPACKED,
    Row,
    SemicolonRow,
    header_of,
    not_utf8,
    row_of,
)
from preceptor.sheets import Cell, Sheet

__all__ = ["read_table", "separated_rows"]

_DELIMITERS = (",", ";", "\t")
_LONGEST_STATEMENT = 20
#: A packed table may unpack to this many times its size, plus MAX_UNPACKED.
_MAX_RATIO = 100


def separated_rows(
    path: Path, columns: Sequence[str] | None, *, exact: bool
) -> Iterator[tuple[int, Row]]:
    """Yield (line, row); see :func:`preceptor.files.read_rows`."""
    with _records(path, columns) as (delimiter, reader):
        kind = SemicolonRow if delimiter == ";" else dict
        header = header_of(columns or next(reader, (1, []))[1], str(path))
        for begins, cells in reader:
            if exact and cells and len(cells) != len(header):
                problem = f"expected {len(header)} columns, found {len(cells)}"
                raise DataError(str(path), begins, "", problem)
            if cells:
                yield begins, kind(row_of(header, cells, str(path), begins))


def read_table(path: Path, most: int | None = None) -> Sheet:
    """A file, or its first rows, as a sheet; rows are counted as a spreadsheet program does.

    Raises
    ------
    DataError
        It is not CSV, or not UTF-8.
    """
    with _records(path, None) as (_, reader):
        rows = {
            number: {
                column: Cell(None, fault=f"shows the error {text.strip()}")
                if is_error(text)
                else Cell(text.replace("\r\n", "\n"))
                for column, text in enumerate(cells, start=1)
                if text.strip()
            }
            for number, (_, cells) in enumerate(itertools.islice(reader, most), start=1)
        }
    return Sheet(path, None, {number: cells for number, cells in rows.items() if cells})


@contextlib.contextmanager
def _records(
    path: Path, columns: Sequence[str] | None
) -> Iterator[tuple[str, Iterator[tuple[int, list[str]]]]]:
    """The separator, and (line, cells) of each row. Raises DataError for what is no table."""
    csv.field_size_limit(MAX_LINE_BYTES)
    tabs = path.name.lower().removesuffix(".gz").endswith(".tsv")
    delimiter = "\t" if tabs else _delimiter(path, columns)
    try:
        with _open(path) as stream:
            yield delimiter, _cells(stream, delimiter, str(path))
    except UnicodeDecodeError as error:
        raise DataError(str(path), None, "", f"{not_utf8(error)} (Excel: CSV UTF-8)") from None
    except _BrokenTable as error:
        problem = f"is not CSV: not the rows of a table: {error}"
        raise DataError(str(path), error.line, "", problem) from None


def _open(path: Path, errors: str = "strict") -> IO[str]:
    """The text of a file, which may be packed (``.csv.gz``)."""
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="", errors=errors)
    return path.open(encoding="utf-8-sig", newline="", errors=errors)


class _BrokenTable(Exception):
    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


def _cells(stream: IO[str], delimiter: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row. A cell may hold several lines: the line is where the row begins.

    Excel's own first line, ``sep=;``, is skipped.
    """
    allowed = MAX_UNPACKED + _MAX_RATIO * Path(where).stat().st_size
    lines = _BoundedLines(stream, where, allowed)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            lines.length = 0
            if begins > 1 or not _stated("".join(cells) if len(cells) < 3 else ""):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _BrokenTable(reader.line_num, str(error)) from None


def _stated(line: str) -> str | None:
    """The separator that a first line such as ``sep=;`` names."""
    found = re.fullmatch(r'"?sep=([^"\r\n]?)"?\s*', line, re.IGNORECASE)
    return found and (found[1] or ",")


def _delimiter(path: Path, columns: Sequence[str] | None) -> str:
    """The separator of a ``.csv`` file: a comma, ``;`` or a tab.

    The file may name it. Otherwise it is the one with which most rows have as many cells as the
    first, and more than one. The whole file is parsed with each, since a quoted text may hold any
    of the three.
    """
    with _open(path, "replace") as stream:
        stated = _stated(stream.readline(_LONGEST_STATEMENT))
    if columns or stated:
        return stated or ","
    best, most = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        with _open(path, "replace") as stream:
            counts: Counter[int] = Counter()
            width = 0
            with contextlib.suppress(_BrokenTable, DataError):
                for _, cells in _cells(stream, delimiter, str(path)):
                    width = width or len(cells)
                    if width < 2:
                        break
                    counts[len(cells)] += bool(cells)
        share = counts[width] / max(counts.total(), 1)
        if width > 1 and (share, width) > most:
            best, most = delimiter, (share, width)
    return best


class _BoundedLines:
    """Lines of a table; ``length`` is the length of the current row so far."""

    def __init__(self, stream: IO[str], where: str, allowed: int) -> None:
        self.stream, self.where, self.length, self.number = stream, where, 0, 0
        self.allowed, self.unpacked = allowed, 0

    def __iter__(self) -> Iterator[str]:
        while line := self.stream.readline(MAX_LINE_BYTES + 1):
            self.number += 1
            self.length += len(line)
            self.unpacked += len(line)
            if self.unpacked > self.allowed:
                problem = f"unpacks to more than {self.allowed:,} characters: too much for its size"
                raise InputError(f"{self.where}: {problem}")
            if self.length > MAX_LINE_BYTES:
                problem = f"expected a row of at most {MAX_LINE_BYTES:,} characters, found more"
                raise DataError(self.where, self.number, "", problem)
            yield line
