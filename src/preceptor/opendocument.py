"""Sheets of an ``.ods`` file, from its ``content.xml``: tabs and line breaks of a cell are kept."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from preceptor.cells import is_error
from preceptor.errors import InputError
from preceptor.sheets import UNCALCULATED, Cell, Merged, Sheet

__all__ = ["read_ods"]

_NAMESPACES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "calcext": "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0",
}
#: Type of a cell → the attribute with its value.
_VALUES = {
    "float": "value",
    "currency": "value",
    "percentage": "value",
    "boolean": "boolean-value",
    "date": "date-value",
    "time": "time-value",
}
#: A row or cell may be repeated to the end of the sheet; where it is empty it is skipped.
_MOST_REPEATED = 16_384


def _name(prefix: str, local: str) -> str:
    return f"{{{_NAMESPACES[prefix]}}}{local}"


_TABLE, _ROW, _CELL = _name("table", "table"), _name("table", "table-row"), "table-cell"
_CELLS = (_name("table", _CELL), _name("table", f"covered-{_CELL}"))
#: LibreOffice writes one or both.
_LINES = ("style", "type")
_WRAPPED = re.compile(r"\s*[\r\n]\s*")
_PARAGRAPH, _SPAN = _name("text", "p"), _name("text", "span")


def read_ods(path: Path) -> list[Sheet]:
    """All sheets. Raises InputError for a file that is encrypted or defines entities."""
    with zipfile.ZipFile(path) as archive:
        if b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise InputError(f"{path}: has a password: save it without one")
        content = archive.read("content.xml")
    if b"<!ENTITY" in content:
        raise InputError(f"{path}: expected an .ods file, found one that defines entities")
    root = ElementTree.fromstring(content)  # noqa: S314 (no entities, bounded size)
    styles = _styles(root)
    return [_sheet(path, table, styles) for table in root.iter(_TABLE)]


class _Styles:
    """Names of the styles that strike text out, and of those that hide a sheet."""

    def __init__(self) -> None:
        self.struck: set[str] = set()
        self.hidden: set[str] = set()


def _styles(root: ElementTree.Element) -> _Styles:
    found = _Styles()
    for style in root.iter(_name("style", "style")):
        name = style.get(_name("style", "name"), "")
        for properties in style:
            lines = (properties.get(_name("style", f"text-line-through-{of}")) for of in _LINES)
            if any(line not in (None, "none") for line in lines):
                found.struck.add(name)
            if properties.get(_name("table", "display")) == "false":
                found.hidden.add(name)
    return found


def _sheet(path: Path, table: ElementTree.Element, styles: _Styles) -> Sheet:
    rows: dict[int, dict[int, Cell]] = {}
    hidden_rows: dict[int, dict[int, Cell]] = {}
    hidden_columns: dict[int, None] = {}
    merged: list[Merged] = []
    collapsed = _collapsed(table)
    number = 1
    for row in _rows(table):
        times = _times(row, "rows")
        cells = dict(_row(row, number, styles, merged))
        visible = row.get(_name("table", "visibility"), "visible") == "visible"
        for place in range(number, number + min(times, _MOST_REPEATED) if cells else number):
            hidden_columns.update(dict.fromkeys(cells.keys() & collapsed if visible else ()))
            shown = {column: cell for column, cell in cells.items() if column not in collapsed}
            if shown:
                (rows if visible else hidden_rows)[place] = shown
        number += times
    return Sheet(
        path,
        table.get(_name("table", "name"), ""),
        rows,
        hidden=table.get(_name("table", "style-name")) in styles.hidden,
        hidden_rows=hidden_rows,
        hidden_columns=tuple(sorted(hidden_columns)),
        merged=tuple(merged),
    )


def _rows(table: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The rows in order, those of groups and headers too, without tables inside of cells."""
    for child in table:
        if child.tag == _ROW:
            yield child
        elif child.tag.startswith(_name("table", "table-")) or child.tag == _name(
            "table", "table-rows"
        ):
            yield from _rows(child)


def _times(element: ElementTree.Element, of: str) -> int:
    return int(element.get(_name("table", f"number-{of}-repeated"), "1"))


def _collapsed(table: ElementTree.Element) -> set[int]:
    found: set[int] = set()
    number = 1
    for column in table.iter(_name("table", "table-column")):
        times = _times(column, "columns")
        if column.get(_name("table", "visibility"), "visible") != "visible":
            found.update(range(number, number + min(times, _MOST_REPEATED)))
        number += times
    return found


def _row(
    row: ElementTree.Element, number: int, styles: _Styles, merged: list[Merged]
) -> Iterator[tuple[int, Cell]]:
    column = 1
    for element in row:
        if element.tag not in _CELLS:
            continue
        times = _times(element, "columns")
        down = int(element.get(_name("table", "number-rows-spanned"), "1"))
        across = int(element.get(_name("table", "number-columns-spanned"), "1"))
        if down > 1 or across > 1:
            merged.append(Merged(column, number, column + across - 1, number + down - 1))
        # What a merged range covers is not seen.
        cell = None if element.tag == _CELLS[1] else _cell(element, styles)
        if cell is not None and not cell.empty:
            for place in range(column, column + min(times, _MOST_REPEATED)):
                yield place, cell
        column += times


def _cell(element: ElementTree.Element, styles: _Styles) -> Cell | None:
    struck: list[str] = []
    text = "\n".join(_text(each, styles, struck) for each in element.findall(_PARAGRAPH))
    kind = element.get(_name("office", "value-type"))
    if element.get(_name("calcext", "value-type")) == "error" or is_error(text):
        return Cell(None, fault=f"shows the error {text.strip()}")
    if element.get(_name("table", "formula")) is not None and kind is None:
        return Cell(None, fault=UNCALCULATED)
    if kind in _VALUES:
        return _typed(kind, element.get(_name("office", _VALUES[kind]), ""), text)
    whole = element.get(_name("table", "style-name")) in styles.struck
    return Cell(text, struck=text if whole else "".join(struck).strip()) if text else None


def _typed(kind: str, value: str, text: str) -> Cell:
    """A cell with another value than a text."""
    if kind == "boolean":
        return Cell(value == "true")
    if kind in ("date", "time"):
        return Cell(value, typed=f"the {kind} {text or value}")
    if kind == "percentage":
        return Cell(float(value), typed=f"the percentage {text}")
    return _number(float(value), text)


def _number(value: float, text: str) -> Cell:
    if not value.is_integer():
        return Cell(value)
    zeros = text.startswith("0") and text.isdigit() and len(text) > 1
    return Cell(int(value), shown=text if zeros else "")


def _text(element: ElementTree.Element, styles: _Styles, struck: list[str]) -> str:
    """The text of a paragraph, with its spaces, tabs and line breaks; comments are left out."""
    parts = [_WRAPPED.sub(" ", element.text or "")]
    for child in element:
        if child.tag == _name("text", "s"):
            parts.append(" " * int(child.get(_name("text", "c"), "1")))
        elif child.tag == _name("text", "tab"):
            parts.append("\t")
        elif child.tag == _name("text", "line-break"):
            parts.append("\n")
        elif child.tag not in (_name("office", "annotation"), _name("text", "ruby-text")):
            inner = _text(child, styles, struck)
            if child.tag == _SPAN and child.get(_name("text", "style-name")) in styles.struck:
                struck.append(inner)
            parts.append(inner)
        parts.append(_WRAPPED.sub(" ", child.tail or ""))
    return "".join(parts)
