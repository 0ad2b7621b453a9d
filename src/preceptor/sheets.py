"""Cells of spreadsheets as a person sees them: values, and what is wrong with a cell."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from preceptor.errors import DataError, DataWarning, InputError, PreceptorError
from preceptor.rows import DateText, Row, SheetLine, header_of, row_of

__all__ = [
    "REFUSED",
    "SHEETS",
    "UNCALCULATED",
    "Cell",
    "Merged",
    "Sheet",
    "letters",
    "read_sheets",
    "sheet_rows",
    "warn",
]

#: Suffixes of workbooks that are read.
SHEETS = (".xlsx", ".xlsm", ".ods")
#: Those that are not: their programs save as .xlsx.
REFUSED = (".xls", ".xlsb", ".xlt", ".numbers", ".fods", ".sxc", ".et")
#: The XML of a sheet packs to a twentieth at best; reading a megabyte takes up to a second.
_MAX_XML_RATIO = 50
_MAX_XML = 8 * 2**20
#: Excel's most characters in a cell. What is longer is cut where it is pasted or saved.
_LONGEST_CELL = 32_767
_NAMED = 5
UNCALCULATED = (
    "has a formula that was never calculated: open the file in a spreadsheet program and save it "
    "once"
)


class Cell(msgspec.Struct, frozen=True):
    """A cell with something in it.

    Attributes
    ----------
    value
        As a JSON value; a date or time as an ISO text.
    fault
        Why it has no value: an error, or a formula that was never calculated.
    typed
        What a date, time or percentage shows, in words: what was typed may have been another text.
    shown
        What a number with leading zeros shows.
    struck
        The part of the text that is struck out.
    """

    value: Any
    fault: str = ""
    typed: str = ""
    shown: str = ""
    struck: str = ""

    @property
    def empty(self) -> bool:
        text = isinstance(self.value, str) and not self.value.strip()
        return not self.fault and (self.value is None or text)


class Merged(NamedTuple):
    """A range that is merged, columns and rows from 1."""

    left: int
    top: int
    right: int
    bottom: int

    def __str__(self) -> str:
        return f"{letters(self.left)}{self.top}:{letters(self.right)}{self.bottom}"


class Sheet(msgspec.Struct, frozen=True):
    """One sheet, without its hidden rows and columns.

    Attributes
    ----------
    name
        None of a ``.csv`` file.
    rows
        Number of a row as the person sees it → column (from 1) → cell; rows and cells without
        anything are not there.
    hidden_rows, hidden_columns
        Those that have something and are not in ``rows``; of the rows, as there.
    """

    path: Path
    name: str | None
    rows: Mapping[int, Mapping[int, Cell]]
    hidden: bool = False
    hidden_rows: Mapping[int, Mapping[int, Cell]] = {}
    hidden_columns: tuple[int, ...] = ()
    merged: tuple[Merged, ...] = ()

    @property
    def place(self) -> str:
        """File and sheet, as a message begins."""
        return str(self.path) if self.name is None else f"{self.path}: sheet {self.name}"

    def line(self, row: int, columns: Mapping[str, int]) -> SheetLine:
        """The row for messages, with the columns of its fields."""
        return SheetLine(row, self.name, {name: letters(at) for name, at in columns.items()})

    def fault(self, row: int, column: int, field: str, problem: str) -> DataError:
        return DataError(str(self.path), self.line(row, {field: column}), field, problem)

    def left_out(self) -> list[str]:
        """What has something and is not read, one sentence each."""
        found = []
        for kind, numbers in (
            ("row", [str(row) for row in self.hidden_rows]),
            ("column", [letters(column) for column in self.hidden_columns]),
        ):
            if numbers:
                named = _listed(numbers)
                one = len(numbers) == 1
                found.append(
                    f"{self.place}: {len(numbers):,} hidden or filtered "
                    f"{kind}{'' if one else 's'} ({named}) {'is' if one else 'are'} not read: "
                    f"show {'it' if one else 'them'} to have {'it' if one else 'them'} read"
                )
        return found

    def doubts(self, columns: Iterable[int], rows: Iterable[int]) -> list[str]:
        """What is read and may be meant otherwise, in these columns, one sentence each."""
        struck, cut, zeros = [], [], []
        wanted = set(columns)
        for row in rows:
            for column, cell in self.rows[row].items():
                if column not in wanted:
                    continue
                name = f"{letters(column)}{row}"
                if cell.struck:
                    struck.append(f"{name} ({_quoted(cell.struck)})")
                if isinstance(cell.value, str) and len(cell.value) == _LONGEST_CELL:
                    cut.append(name)
                if cell.shown:
                    zeros.append(f"{name} ({cell.shown})")
        found = []
        if struck:
            found.append(
                f"{self.place}: struck out, and read as if it were not: {_listed(struck)}: delete "
                f"what is not meant"
            )
        if cut:
            found.append(
                f"{self.place}: probably cut at {_LONGEST_CELL:,} characters, the most that a cell "
                f"holds: {_listed(cut)}"
            )
        if zeros:
            found.append(
                f"{self.place}: numbers that are shown with leading zeros are read as shown: "
                f"{_listed(zeros)}: format the column as text to keep them"
            )
        return found


def _quoted(text: str) -> str:
    plain = " ".join(text.split())
    return f"“{plain}”" if len(plain) <= 40 else f"“{plain[:39]}…”"


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def letters(column: int) -> str:
    """The name of a column: 1 is A, 27 is AA."""
    name = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def read_sheets(path: Path) -> list[Sheet]:
    """All sheets of a workbook, hidden ones too.

    Raises
    ------
    InputError
        The file is damaged, of another format, or would fill the memory.
    """
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as stream:
            begins = stream.read(8)
        if suffix in REFUSED:
            raise InputError(f"{path}: {suffix} files are not read: save it as .xlsx")
        if begins.startswith(b"\xd0\xcf\x11\xe0"):
            problem = "has a password, or is an old .xls file: save it as .xlsx without a password"
            raise InputError(f"{path}: {problem}")
        _check_archive(path)
        if suffix == ".ods":
            from preceptor.opendocument import read_ods

            return read_ods(path)
        from preceptor.excel import read_xlsx

        return read_xlsx(path)
    except (PreceptorError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception:  # a damaged file makes its reader raise anything
        problem = f"expected an {suffix} file, found something else, or one that is damaged or"
        raise InputError(f"{path}: {problem} cut off") from None


def sheet_rows(
    path: Path, *, filtered: bool = False, having: Collection[str] = ()
) -> Iterator[tuple[int, Row]]:
    """Yield (line, row) for each row of a sheet that has a value.

    It is the first sheet that has columns of the names ``having``; the first of all if none has.

    Hidden rows (but with ``filtered``), columns and sheets are left out; what is merged over
    several rows stands in each. Both give a :class:`DataWarning`.

    Raises
    ------
    InputError, DataError
        The file is damaged, of another format, or would fill the memory; a cell has no value.
    """
    sheets = read_sheets(path)
    shown = [each for each in sheets if not each.hidden]
    if not shown:
        raise InputError(f"{path}: expected a sheet, found none that is shown")
    sheet = next((each for each in shown if _columns(each).issuperset(having)), shown[0])
    if filtered:
        both = {**sheet.rows, **sheet.hidden_rows}
        sheet = msgspec.structs.replace(sheet, rows=both, hidden_rows={})
    remarks = [
        f"{other.place}: not read: only the sheet {sheet.name} is"
        for other in sheets
        if other.name != sheet.name and other.rows
    ]
    first = min(sheet.rows, default=1)
    names = [""] * max(sheet.rows.get(first, {}), default=0)
    for column, cell in sheet.rows.get(first, {}).items():
        if cell.fault:
            raise sheet.fault(first, column, "", cell.fault)
        names[column - 1] = "" if cell.value is None else str(cell.value).strip()
    header = header_of(names, str(path))
    columns = {name: place for place, name in enumerate(header, start=1) if name}
    filled = _filled(sheet, set(columns.values()), first)
    numbers = [number for number in sorted(filled) if number > first]
    remarks += [*sheet.left_out(), *sheet.doubts(columns.values(), set(numbers) & {*sheet.rows})]
    for area in sheet.merged:
        if area.top > first and area.bottom > area.top and area.left in columns.values():
            remarks.append(f"{sheet.place}: {area} is merged: read as its first cell in each row")
    warn(remarks)
    for number in numbers:
        found = filled[number]
        for name, column in columns.items():
            if (each := found.get(column)) is not None and each.fault:
                raise sheet.fault(number, column, name, each.fault)
        cells = [_plain(found.get(place + 1)) for place in range(max(found, default=0))]
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            cells += [None] * (len(header) - len(cells))
            yield sheet.line(number, columns), row_of(header, cells, str(path), number)


def _columns(sheet: Sheet) -> set[str]:
    """The texts of the first row, in small letters."""
    first = min(sheet.rows, default=1)
    return {str(cell.value).strip().casefold() for cell in sheet.rows.get(first, {}).values()}


def warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        warnings.warn(sentence, DataWarning, stacklevel=2)


def _filled(sheet: Sheet, columns: set[int], header: int) -> dict[int, dict[int, Cell]]:
    """The rows, with what is merged over several rows in each of them."""
    rows = {number: dict(cells) for number, cells in sheet.rows.items()}
    for area in sheet.merged:
        over = [column for column in range(area.left, area.right + 1) if column in columns]
        first = rows.get(area.top, {}).get(area.left)
        if area.top <= header or not over or first is None:
            continue
        if len(over) > 1:
            raise sheet.fault(area.top, area.left, "", f"{area} is merged over columns: split it")
        for number in range(area.top + 1, area.bottom + 1):
            if number in rows:
                rows[number].setdefault(area.left, first)
    return rows


def _plain(cell: Cell | None) -> Any:
    if cell is None:
        return None
    text = cell.typed and isinstance(cell.value, str)
    return DateText(cell.value) if text else cell.shown or cell.value


def _check_archive(path: Path) -> None:
    """Refuse a file that would fill the memory. A part is never read beyond its stated length."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    allowed = _MAX_XML + _MAX_XML_RATIO * path.stat().st_size
    if unpacked > allowed:
        raise InputError(
            f"{path}: {unpacked:,} bytes unpacked, expected at most {allowed:,}: too much for its "
            f"size"
        )
