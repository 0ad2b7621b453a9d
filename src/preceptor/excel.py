"""Sheets of an ``.xlsx`` file, read by openpyxl: once for formulas, once for their values."""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from preceptor.cells import is_error
from preceptor.installation import MissingExtra
from preceptor.sheets import UNCALCULATED, Cell, Merged, Sheet

__all__ = ["read_xlsx"]

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_DAY_0, _FIRST_DAYS = datetime.datetime(1899, 12, 31), datetime.datetime(1900, 3, 1)
_ZEROS = re.compile(r'(?:"([^"]*)")?(0{2,})')


def read_xlsx(path: Path) -> list[Sheet]:
    """All sheets. Raises MissingExtra where openpyxl is missing."""
    try:
        import openpyxl
    except ImportError:
        raise MissingExtra(f"{path}: reading .xlsx needs openpyxl", "excel") from None
    with warnings.catch_warnings(action="ignore"):  # of styles and extensions
        book = openpyxl.load_workbook(path, rich_text=True)
        sheets = book.worksheets
        if not any(cell.data_type == "f" for sheet in sheets for cell in _cells(sheet)):
            return [_sheet(path, sheet, None) for sheet in sheets]
        values = openpyxl.load_workbook(path, data_only=True)
        return [_sheet(path, *pair) for pair in zip(sheets, values.worksheets, strict=True)]


def _cells(sheet: Any) -> Iterable[Any]:
    # iter_rows would make every cell up to the last one, which may be XFD1048576.
    return [cell for _, cell in sorted(sheet._cells.items())]


def _sheet(path: Path, sheet: Any, values: Any) -> Sheet:
    rows: dict[int, dict[int, Cell]] = {}
    hidden_rows: dict[int, dict[int, Cell]] = {}
    hidden_columns: dict[int, None] = {}
    columns = [
        (each.min, each.max) for each in sheet.column_dimensions.values() if _is_hidden(each)
    ]
    for each in _cells(sheet):
        number, column = each.row, each.column
        if each.data_type == "f":
            cell = _calculated(values._cells.get((number, column)))
        elif each.value is None:
            continue
        else:
            cell = _cell(each)
        shown = not _is_hidden(sheet.row_dimensions[number])
        if any(low <= column <= high for low, high in columns):
            hidden_columns |= {column: None} if shown else {}
        elif not cell.empty:
            (rows if shown else hidden_rows).setdefault(number, {})[column] = cell
    return Sheet(
        path,
        sheet.title,
        rows,
        hidden=sheet.sheet_state != "visible",
        hidden_rows=hidden_rows,
        hidden_columns=tuple(hidden_columns),
        merged=tuple(Merged(*each.bounds) for each in sheet.merged_cells.ranges),
    )


def _is_hidden(dimension: Any) -> bool:
    height = getattr(dimension, "height", None)
    return bool(dimension.hidden) or height == 0


def _calculated(each: Any) -> Cell:
    """The value that a formula had when the file was saved."""
    # A formula whose result is an empty text has a type and no value.
    if each is None or (each.value is None and each.data_type == "n"):
        return Cell(None, fault=UNCALCULATED)
    return _cell(each)


def _cell(each: Any) -> Cell:
    value = each.value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        percent = "%" in (each.number_format or "")
        typed = f"the percentage {100 * value:.6g} %" if percent else ""
        return Cell(value, typed=typed, shown=_zeros(value, each.number_format))
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta):
        return _dated(value)
    text = _unescaped(str(value if value is not None else ""))
    if each.data_type == "e" or is_error(text):
        return Cell(None, fault=f"shows the error {text.strip()}")
    return Cell(text, struck=_struck(each, text))


def _unescaped(text: str) -> str:
    """Excel writes control characters as _x000D_."""
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _struck(each: Any, text: str) -> str:
    if each.font is not None and each.font.strike and text.strip():
        return text
    parts = each.value if isinstance(each.value, list) else []
    runs = [part.text for part in parts if getattr(getattr(part, "font", None), "strike", False)]
    return "".join(runs).strip()


def _zeros(value: float, number_format: str) -> str:
    found = _ZEROS.fullmatch(number_format or "")
    if isinstance(value, bool | float) or not found:
        return ""
    shown = f"{found[1] or ''}{value:0{len(found[2])}d}"
    return shown if shown != str(value) else ""


def _dated(value: datetime.date | datetime.time | datetime.timedelta) -> Cell:
    """A cell with a date or a time; 24:00 is in the first days of the calendar."""
    if isinstance(value, datetime.datetime) and value < _FIRST_DAYS:
        value -= _DAY_0
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        shown = f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
        return Cell(value.total_seconds(), typed=f"the time {shown}")
    text = value.isoformat()
    shown = re.sub("T00:00:00$|(?<=:..):00$", "", text).replace("T", " ")
    return Cell(text, typed=f"the {'time' if isinstance(value, datetime.time) else 'date'} {shown}")
