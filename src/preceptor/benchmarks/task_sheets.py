"""A clinician's own tasks, rubric and answers, in a workbook or a folder of ``.csv`` files."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks.task_columns import ABOUT, PARTS, Columns, find_columns, meaning
from preceptor.benchmarks.task_rows import AnswerRows, Faulty, TaskRows
from preceptor.errors import Faults, InputError, shorten
from preceptor.records import Example
from preceptor.separated import read_table
from preceptor.sheets import SHEETS, Sheet, letters, read_sheets, warn

__all__ = ["TABLES", "Tasks", "holds_tasks", "read_tasks", "slug", "tables_in"]

TABLES = (".csv", ".tsv")
#: Part → what its columns must say.
_READ = {
    "tasks": "the id and the question",
    "rubric": "the task's id, the criterion and the points",
    "answers": "the task's id, the system and the answer",
}
#: Our template's sheet that is not read.
HOW_TO = "how to"


class Tasks(msgspec.Struct, frozen=True):
    """What a workbook holds.

    Attributes
    ----------
    about
        Field of the sheet *about* → what it says.
    answers
        System → id of a task → its answers.
    slices
        Field of a task that has values (``specialty``) → the values, as they come.
    reading
        What was read from which sheet and column, one line each.
    """

    about: dict[str, str]
    examples: list[Example]
    answers: dict[str, dict[str, tuple[str, ...]]]
    slices: dict[str, list[str]]
    reading: tuple[str, ...]


def tables_in(folder: Path) -> dict[str, Path]:
    """The ``.csv`` files of a folder that are parts of a benchmark, by part."""
    files = sorted(each for each in folder.iterdir() if each.suffix.lower() in TABLES)
    parts = {each: meaning(each.stem, PARTS) for each in files}
    found: dict[str, Path] = {}
    for file, part in sorted(parts.items(), key=lambda each: [*PARTS, None].index(each[1])):
        if part is not None and found.setdefault(part, file) is not file:
            raise InputError(f"{folder}: both {found[part].name} and {file.name} may be the {part}")
    return found


def holds_tasks(path: Path) -> bool:
    """Whether a file has columns of tasks and their criteria."""
    try:
        return bool(_parts(path).sheets)
    except (InputError, FileNotFoundError):
        return False


def read_tasks(path: Path) -> Tasks:
    """Read a workbook, or the ``.csv`` file with the tasks and those beside it.

    Raises
    ------
    InputError, Faults
        All that is wrong with it, each with sheet and cell.
    """
    files = [path] if path.suffix.lower() in SHEETS else list(_beside(path).values())
    try:
        stamps = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    return _read(path, stamps)


def _beside(path: Path) -> dict[str, Path]:
    """A file with the tasks, and the parts beside it where it has that name."""
    if path.is_file() and meaning(path.stem, PARTS) == "tasks":
        return {"tasks": path, **tables_in(path.parent)}
    return {"tasks": path}


@functools.lru_cache(maxsize=4)
def _read(path: Path, stamps: tuple[tuple[Path, int, int], ...]) -> Tasks:
    """``stamps`` change when a file is saved."""
    parts = _parts(path)
    warn(parts.remarks)
    faults = Faulty()
    tasks = TaskRows(parts.sheets["tasks"], parts.columns["tasks"], faults)
    if (rubric := parts.columns.get("rubric")) is not None:
        tasks.add_rubric(parts.sheets["rubric"], rubric)
    answers = AnswerRows(faults, tasks)
    if (columns := parts.columns.get("answers")) is not None:
        answers.read(parts.sheets["answers"], columns)
    about = dict(_about(parts.about, faults)) if parts.about is not None else {}
    examples = tasks.examples()
    if faults.found:
        raise faults.found[0] if len(faults.found) == 1 else Faults(faults.found)
    warn([*tasks.remarks, *answers.remarks])
    return Tasks(about, examples, answers.by_system, tasks.slices, tuple(parts.reading))


class _Parts:
    """Sheets and columns of each part."""

    def __init__(self) -> None:
        self.sheets: dict[str, Sheet] = {}
        self.columns: dict[str, Columns] = {}
        self.about: Sheet | None = None
        self.reading: list[str] = []
        self.remarks: list[str] = []


def _parts(path: Path) -> _Parts:
    """Find the part of each sheet, by its name, else by its columns."""
    if path.suffix.lower() in SHEETS:
        sheets = read_sheets(path)
        names = {sheet.name: meaning(str(sheet.name), PARTS) for sheet in sheets}
        stated = [(sheet, names[sheet.name]) for sheet in sheets]
    else:
        stated = [(read_table(file), part) for part, file in _beside(path).items()]
    found = _Parts()
    for sheet, part in stated:
        if not sheet.rows or meaning(str(sheet.name), [HOW_TO]):
            continue
        if sheet.hidden:
            found.remarks.append(f"{sheet.place}: hidden, and not read: show it to have it read")
        elif part is not None:
            _take(found, sheet, part)
    visible = [sheet for sheet, _ in stated if not sheet.hidden and sheet.rows]
    known = {id(sheet) for sheet in (*found.sheets.values(), found.about)}
    rest = [sheet for sheet in visible if id(sheet) not in known]
    for sheet in rest:
        parts = (part for part in _READ if part not in found.sheets)
        part = next((part for part in parts if find_columns(sheet, part) is not None), None)
        if part is not None:
            _take(found, sheet, part)
        elif not meaning(str(sheet.name), [HOW_TO]):
            found.reading.append(f"{sheet.place}: not read")
    _check(path, found, visible)
    found.reading[:0] = [_read_words(found.sheets[p], found.columns[p]) for p in found.columns]
    found.remarks += [line for sheet in found.sheets.values() for line in sheet.left_out()]
    return found


def _read_words(sheet: Sheet, columns: Columns) -> str:
    """From which columns a part is read, in one line."""
    above = any(row < columns.header for row in sheet.rows)
    rows = f"; rows above row {columns.header} are not read" if above else ""
    stated = columns.part in (sheet.name, sheet.path.stem)
    named = "" if stated else f" read as {columns.part}:"
    return f"{sheet.place}:{named} {columns.in_words()}{rows}"


def _take(found: _Parts, sheet: Sheet, part: str) -> None:
    if part == "about":
        found.about = found.about or sheet
        return
    if part in found.sheets:
        raise InputError(
            f"{sheet.path}: both the sheet {found.sheets[part].name} and {sheet.name} may be the "
            f"{part}: rename one of them"
        )
    columns = find_columns(sheet, part)
    if columns is not None:
        found.sheets[part], found.columns[part] = sheet, columns
        return
    row = min(sheet.rows)
    has = ", ".join(f"{letters(c)} {shorten(v.value, 40)}" for c, v in sheet.rows[row].items())
    hidden = "; hidden columns are not read" if sheet.hidden_columns else ""
    raise InputError(
        f"{sheet.place}, row {row}: expected the names of columns for {_READ[part]}; found {has}"
        f"{hidden}"
    )


def _check(path: Path, found: _Parts, visible: list[Sheet]) -> None:
    names = ", ".join(str(each.name or each.path.name) for each in visible) or "none"
    if "tasks" not in found.sheets:
        raise InputError(
            f"{path}: expected a sheet with tasks, with columns such as id and question, found the "
            f"sheets {names}: `preceptor tasks template -o tasks.xlsx` makes one to fill in"
        )
    if "rubric" in found.sheets:
        return
    at = found.columns["tasks"].at
    if not {"criterion", "points"} <= at.keys():
        lacking = [field for field in ("criterion", "points") if field not in at]
        one = f"{found.sheets['tasks'].place}: has no column for the {lacking[0]}"
        none = (
            f"{path}: expected a sheet rubric with task id, criterion and points, found the sheets"
        )
        raise InputError(one if len(lacking) == 1 else f"{none} {names}")


def _about(sheet: Sheet, faults: Faulty) -> Iterator[tuple[str, str]]:
    """(field, what it says): the name in one column, the text in the next one."""
    columns = sorted({column for cells in sheet.rows.values() for column in cells})
    counts = {
        column: sum(_field(cells, column) is not None for cells in sheet.rows.values())
        for column in columns
    }
    names = max(columns, key=lambda column: counts[column], default=1)
    for row, cells in sheet.rows.items():
        field, cell = _field(cells, names), cells.get(names + 1)
        if field is None or cell is None:
            continue
        if cell.fault or cell.typed:
            problem = cell.fault or f"expected a text, found {cell.typed}: format the cell as text"
            faults.add(sheet.fault(row, names + 1, field, problem))
        else:
            text = " ".join(str(cell.shown or cell.value).split())
            yield field, text


def _field(cells: Mapping[int, Any], column: int) -> str | None:
    cell = cells.get(column)
    return meaning(cell.value, ABOUT) if cell and isinstance(cell.value, str) else None


def slug(title: str) -> str:
    """A name to type, from a title; empty where it has no Latin letter or digit."""
    text = unicodedata.normalize("NFKD", title.replace("ß", "ss")).casefold()
    plain = text.encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")
