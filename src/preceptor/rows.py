"""Rows of a file: type, header, place and bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from preceptor.errors import DataError

__all__ = [
    "MAX_LINE_BYTES",
    "MAX_UNPACKED",
    "DateText",
    "Row",
    "SemicolonRow",
    "SheetLine",
    "header_of",
    "not_utf8",
    "row_of",
]

#: The longest real row known has 0.3 MB; a longer row than this is a wrong file or an attack.
MAX_LINE_BYTES = 16 * 2**20
#: A packed file may unpack to this many bytes, plus a multiple of its size.
MAX_UNPACKED = 64 * 2**20
#: The most columns of a spreadsheet.
MAX_COLUMNS = 16_384

Row = dict[str, Any]


class SemicolonRow(Row):
    """A row of a table with ``;`` between its cells, in which 2,5 is a number."""


class DateText(str):
    """A date or time of a spreadsheet, which may have made it of another text."""

    __slots__ = ()


class SheetLine(int):
    """The number of a spreadsheet's row, with the names of its sheet and columns for messages."""

    def __new__(cls, row: int, sheet: str | None, columns: Mapping[str, str]) -> SheetLine:
        made = super().__new__(cls, row)
        made.sheet, made.columns = sheet, columns
        return made

    sheet: str | None
    columns: Mapping[str, str]

    def place(self, where: str, field: str) -> str:
        """File, sheet and cell, as a message begins."""
        column = self.columns.get(field)
        cell = f"row {int(self)}" if column is None else f"cell {column}{int(self)}"
        return f"{where}: {cell}" if self.sheet is None else f"{where}: sheet {self.sheet}, {cell}"


def header_of(names: Sequence[str], where: str) -> Sequence[str]:
    """The names of a table's columns. Raises DataError for duplicates and for too many."""
    if len(names) > MAX_COLUMNS:
        problem = f"expected at most {MAX_COLUMNS:,} columns, found {len(names):,}"
        raise DataError(where, 1, "", problem)
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise DataError(where, 1, twice[0], "is the name of two columns")
    return names


def row_of(header: Sequence[str], cells: Sequence[Any], where: str, line: int) -> Row:
    """The cells of a line, by column. Raises DataError for more cells than columns."""
    if len(cells) > len(header):
        problem = f"expected {len(header)} cells as in the first line, found {len(cells)}"
        raise DataError(where, line, "", problem)
    # A row that ends early lacks the rest, as a missing key of JSON.
    return {name: cell for name, cell in zip(header, cells, strict=False) if name}


def not_utf8(error: UnicodeDecodeError) -> str:
    """The message for bytes that are not UTF-8: what was found, and what to do."""
    if error.object.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "expected UTF-8, found UTF-16: save the file as UTF-8"
    found = error.object[error.start : error.start + 4].hex(" ")
    return f"expected UTF-8, found the bytes {found}: save the file as UTF-8"
