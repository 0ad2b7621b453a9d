"""The sheet in which a person marks criteria: written blind to the grader, and read back."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from preceptor.audit.frontier import conversation_of
from preceptor.audit.mark_words import CHOICES, Choice, read_mark
from preceptor.audit.marks import Item, Mark
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import check_free, read_rows
from preceptor.installation import MissingExtra
from preceptor.records import Graded
from preceptor.reports.files import whole_file
from preceptor.sheets import SHEETS, sheet_rows

__all__ = ["Marked", "asked_and_answered", "read_marks", "write_marks"]

#: Excel holds 32,767 characters in a cell, in units of UTF-16, and a cell of just as many is
#: taken to be cut.
_MOST_IN_CELL = 32_000
_MOST_ROWS = 1_048_575
_HOW_TO = "how to"
_NEEDED = ("id", "mark")
#: Letters from which on a text tells rows apart; a shorter one a program may take for a date.
_TELLING = 10
#: A spreadsheet takes a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: What XML cannot hold.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: What a spreadsheet reads as the sign of that code.
_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_WIDTHS = {"no.": 6, "question": 50, "answer": 70, "criterion": 45, "mark": 13, "comment": 30}
_STEPS = (
    "How to mark (this sheet is not read)",
    "1. Each row of the sheet marks has a question, an answer to it, and one criterion.",
    "2. Read the answer, and choose in the column mark whether it meets the criterion: met, not "
    "met, or cannot tell.",
    "3. Mark what the answer says, not what you would have said. A criterion may describe "
    "something bad: met means that the answer does it.",
    "4. cannot tell is for a criterion that you cannot judge. It counts for neither side. A blank "
    "mark is a row that was not marked.",
    "5. A comment is read too: say what the criterion or the answer leaves open.",
    "You may sort and filter the rows, delete those that you do not mark, and save as .xlsx or "
    ".csv. Keep the column id: it says which answer and criterion a row is.",
    "What a program says of these answers is not in this file, so that you are not led by it.",
    "Save it under your name, and read it with: preceptor tasks read YOUR-NAME.xlsx",
)


class Marked(msgspec.Struct, frozen=True):
    """What one file says.

    Attributes
    ----------
    marks, lines
        By id: the mark, and the line that it is on.
    drawn
        Ids of rows that `preceptor check-grader` drew.
    blank
        Rows without a mark.
    words
        Other words than met, not met and cannot tell → what they were read as, and how often.
    """

    path: Path
    marks: dict[str, Mark]
    lines: dict[str, int]
    drawn: frozenset[str]
    blank: int
    words: dict[tuple[str, Choice], int]
    #: By id: the row's question, answer and criterion, as :func:`_said` compares them.
    texts: dict[str, dict[str, str]]

    def changed(self, item: Item) -> str | None:
        """Which text of the item's row is not the item's; None where all are."""
        question, answer = asked_and_answered(item)
        wanted = {"question": question, "answer": answer, "criterion": item.criterion}
        for name, found in self.texts[item.id].items():
            if len(text := _said(wanted[name])) >= _TELLING and found != text:
                return name
        return None


def asked_and_answered(item: Item) -> tuple[str, str]:
    """The conversation before the answer, and the answer, as a judge is shown them."""
    graded = Graded(item.example, 0, item.response, ())
    *before, answer = conversation_of(graded) or ()
    if len(before) == 1:
        return before[0].shown, answer.shown
    return "\n\n".join(f"{each.role}: {each.shown}" for each in before), answer.shown


# Writing


def write_marks(items: Sequence[Item], path: Path, *, drawn: bool) -> list[str]:
    """Write a sheet (.xlsx or .csv) with a row for each criterion; returns remarks on it.

    Raises
    ------
    InputError
        Another kind of file, one that exists, or too many rows for a sheet.
    """
    suffix = path.suffix.lower()
    if suffix not in (".xlsx", ".csv"):
        raise InputError(f"--output {path}: expected a name that ends in .xlsx or .csv")
    check_free(path)  # it may hold marks
    if len(items) > _MOST_ROWS:
        raise InputError(
            f"{path}: {len(items):,} criteria, and a sheet has {_MOST_ROWS:,} rows: use --limit"
        )
    parts = [_parts(item) for item in items]
    widest = {name: max(len(each[name]) for each in parts) for name in parts[0]}
    columns = [
        name if place == 0 else f"{name} ({place + 1})"
        for name, many in widest.items()
        for place in range(many)
    ]
    header = ["no.", *columns, "mark", "comment", "id"]
    rows = []
    for number, (item, each) in enumerate(zip(items, parts, strict=True), start=1):
        texts = [
            text for name, many in widest.items() for text in (*each[name], *[""] * many)[:many]
        ]
        rows.append([number, *texts, "", "", f"{'drawn' if drawn else 'all'}.{item.id}"])
    with whole_file(path) as stream:
        if suffix == ".csv":
            _write_csv(stream, [header, *rows])
        else:
            _write_workbook(path, stream, header, rows)
    long = [f"{name} ({widest[name]} columns)" for name in widest if widest[name] > 1]
    if not long:
        return []
    return [f"Longer than a cell holds, and continued in further columns: {', '.join(long)}."]


def _parts(item: Item) -> dict[str, list[str]]:
    question, answer = asked_and_answered(item)
    texts = {"question": question, "answer": answer, "criterion": item.criterion}
    return {name: list(_split(text)) or [""] for name, text in texts.items()}


def _split(text: str) -> Iterator[str]:
    """Parts that a cell holds, split at the end of a line or word where there is one."""
    rest = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))
    while rest:
        # A sign beyond the first plane takes two units.
        end = min(len(rest), _MOST_IN_CELL)
        while (over := len(rest[:end].encode("utf-16-le")) // 2 - _MOST_IN_CELL) > 0:
            end -= (over + 1) // 2
        if end < len(rest):
            end = max(rest.rfind(sign, end // 2, end) + 1 for sign in "\n ") or end
        yield rest[:end]
        rest = rest[end:]


def _write_csv(stream: IO[bytes], rows: Sequence[Sequence[Any]]) -> None:
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")  # Excel needs the mark
    # An apostrophe makes a spreadsheet take a text for a text.
    csv.writer(text).writerows(
        [f"'{cell}" if str(cell).startswith(_FORMULA) else cell for cell in row] for row in rows
    )
    text.flush()
    text.detach()


def _write_workbook(
    path: Path, stream: IO[bytes], header: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    try:
        import openpyxl
    except ImportError:
        raise MissingExtra(f"{path}: writing .xlsx needs openpyxl", "excel") from None
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "marks"
    sheet.append(header)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", "1F4E5F")
    wrapped = Alignment(wrap_text=True, vertical="top")
    for place, row in enumerate(rows, start=2):
        for column, value in enumerate(row, start=1):
            cell = sheet.cell(place, column)
            cell.alignment = wrapped
            if isinstance(value, str) and value:
                cell.value = _ESCAPED.sub("_x005F_", value)
                cell.data_type = "s"  # else one that begins with = is a formula
                cell.quotePrefix = value.startswith(_FORMULA)
            elif value != "":
                cell.value = value
        sheet.cell(place, len(row)).font = Font(size=8, color="808080")
    for column, name in enumerate(header, start=1):
        width = _WIDTHS.get(name.partition(" (")[0], 12)
        sheet.column_dimensions[get_column_letter(column)].width = width
    mark = get_column_letter(header.index("mark") + 1)
    choice = DataValidation(type="list", formula1=f'"{",".join(CHOICES)}"', allow_blank=True)
    choice.errorTitle, choice.error = "mark", f"One of: {', '.join(CHOICES)}."
    sheet.add_data_validation(choice)
    choice.add(f"{mark}2:{mark}{len(rows) + 1}")
    sheet.freeze_panes = "B2"
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "1:1"
    sheet.auto_filter.ref = sheet.dimensions
    how_to = book.create_sheet(_HOW_TO)
    for line in _STEPS:
        how_to.append([line])
    how_to.column_dimensions["A"].width = 110
    for (cell,) in how_to.iter_rows():
        cell.alignment = wrapped
    how_to["A1"].font = Font(bold=True)
    book.save(stream)


# Reading


def read_marks(path: Path) -> Marked:
    """Read a sheet of `write_marks`, sorted, filtered or shortened.

    Raises
    ------
    InputError, DataError
        A column is missing, a word is not known, an id is none or has two marks; the message says
        where.
    """
    marks: dict[str, Mark] = {}
    lines: dict[str, int] = {}
    drawn: set[str] = set()
    texts: dict[str, dict[str, str]] = {}
    words: Counter[tuple[str, Choice]] = Counter()
    blank = 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f".*sheet {_HOW_TO}: not read")
        sheet = path.suffix.lower() in SHEETS
        for line, cells in (
            sheet_rows(path, filtered=True, having=_NEEDED) if sheet else read_rows(path)
        ):
            row = {str(name).strip().casefold(): cell for name, cell in cells.items()}
            _check_columns(row, path)
            choice = _choice(row, path, line)
            if choice is None:
                blank += _text(row, "id") != ""
                continue
            found, was_drawn = _id(row, path, line)
            mark = Mark({"met": True, "not met": False}.get(choice), _text(row, "comment"))
            if marks.setdefault(found, mark).met is not mark.met:
                problem = "this answer and criterion has another mark in a row above"
                raise DataError(str(path), line, "mark", problem)
            lines[found] = line
            texts[found] = _texts(row)
            if was_drawn:
                drawn.add(found)
            word = _text(row, "mark")
            if word != choice:
                words[word, choice] += 1
    if not marks and not blank:
        raise InputError(f"{path}: expected rows of `preceptor tasks review`, found none")
    return Marked(path, marks, lines, frozenset(drawn), blank, dict(words), texts)


def _check_columns(row: Mapping[str, Any], path: Path) -> None:
    for name in _NEEDED:
        if name not in row:
            problem = (
                f"expected the columns of `preceptor tasks review`, found "
                f"{shorten(', '.join(row), 120)}"
            )
            raise DataError(str(path), 1, name, problem)


def _choice(row: Mapping[str, Any], path: Path, line: int) -> Choice | None:
    try:
        return read_mark(row["mark"])
    except ValueError as error:
        problem = f"{error}, or a blank cell, found {shorten(row['mark'])}"
        raise DataError(str(path), line, "mark", problem) from None


def _id(row: Mapping[str, Any], path: Path, line: int) -> tuple[str, bool]:
    """The id, and whether it was drawn by the grader's verdicts."""
    text = _text(row, "id")
    kind, _, found = text.partition(".")
    if kind not in ("all", "drawn") or "." not in found:
        problem = f"expected the id that the row was written with, found {shorten(text)}"
        raise DataError(str(path), line, "id", problem)
    return found, kind == "drawn"


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    """The row's texts, each put together again where it went on in further columns."""
    parts: dict[str, str] = {}
    for name in row:
        if (column := name.partition(" (")[0]) in ("question", "answer", "criterion"):
            parts[column] = parts.get(column, "") + _text(row, name)
    return {name: _said(text) for name, text in parts.items()}


def _said(text: str) -> str:
    """A text's letters: programs change its spaces, signs and numbers when they save a sheet."""
    plain = unicodedata.normalize("NFKC", text.replace("_x005F_", "_"))
    return "".join(sign for sign in plain.casefold() if sign.isalpha())


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()
