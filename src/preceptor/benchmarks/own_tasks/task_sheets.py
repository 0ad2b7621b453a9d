"""A clinician's own tasks, rubric and answers, in a workbook or a folder of ``.csv`` files."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from preceptor.benchmarks.own_tasks.task_answers import AnswerRows
from preceptor.benchmarks.own_tasks.task_columns import ABOUT, PARTS, Columns, find_columns, meaning
from preceptor.benchmarks.own_tasks.task_rows import Faulty, TaskRows
from preceptor.errors import Faults, InputError, shorten
from preceptor.records import Example
from preceptor.separated import read_table
from preceptor.sheets import REFUSED, SHEETS, Sheet, letters, read_sheets, warn

__all__ = ["TABLES", "Tasks", "holds_tasks", "read_tasks", "slug", "tables_in", "taken"]

TABLES = (".csv", ".tsv")
#: Part → what its columns must say.
_READ = {
    "tasks": "the id and the question",
    "rubric": "the task's id, the criterion and the points",
    "answers": "the task's id, the system and the answer",
}
#: Our template's sheet that is not read.
HOW_TO = "how to"
#: Rows of a table by which it is recognised.
_TOP = 20


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
    parts = {each: _part(each) for each in _tables(folder)}
    found: dict[str, Path] = {}
    for file, part in sorted(parts.items(), key=lambda each: [*PARTS, None].index(each[1])):
        if part is not None and found.setdefault(part, file) is not file:
            raise InputError(f"{folder}: both {found[part].name} and {file.name} may be the {part}")
    return found


def holds_tasks(path: Path) -> bool:
    """Whether a file has columns of tasks and their criteria."""
    try:
        return bool(_parts(path, _TOP).sheets)
    except (InputError, FileNotFoundError):
        return False


def read_tasks(path: Path) -> Tasks:
    """Read a workbook, or the ``.csv`` file with the tasks and those beside it.

    Raises
    ------
    InputError, Faults
        All that is wrong with it, each with sheet and cell.
    """
    files = [path] if _is_workbook(path) else list(_beside(path).values())
    try:
        stamps = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    return _read(path, stamps)


def _tables(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in TABLES)


def _part(file: Path) -> str | None:
    """The part that a file is called; LibreOffice puts the workbook's name before it."""
    return meaning(file.stem, PARTS) or meaning(file.stem.rpartition("-")[2], PARTS)


def _is_workbook(path: Path) -> bool:
    return path.suffix.lower() in (*SHEETS, *REFUSED)


def _beside(path: Path) -> dict[str, Path]:
    """A file with the tasks, and the parts beside it where it has that name."""
    if path.is_file() and _part(path) == "tasks":
        return {"tasks": path, **tables_in(path.parent)}
    return {"tasks": path}


@functools.lru_cache(maxsize=4)
def _read(path: Path, stamps: tuple[tuple[Path, int, int], ...]) -> Tasks:
    """``stamps`` change when a file is saved."""
    parts = _parts(path)
    warn(parts.remarks)
    faults = Faulty()
    tasks = TaskRows(parts.sheets["tasks"], parts.columns["tasks"], faults)
    # Without a task each id of the other sheets would be a fault as well.
    if tasks.tasks and (rubric := parts.columns.get("rubric")) is not None:
        tasks.add_rubric(parts.sheets["rubric"], rubric)
    answers = AnswerRows(faults, tasks)
    if tasks.tasks and (columns := parts.columns.get("answers")) is not None:
        answers.read(parts.sheets["answers"], columns)
    about = _about(parts, faults)
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


def _parts(path: Path, most: int | None = None) -> _Parts:
    """Find the part of each sheet, by its name, else by its columns; ``most`` rows of a table."""
    found = _Parts()
    if _is_workbook(path):
        sheets = read_sheets(path)
        names = {sheet.name: meaning(str(sheet.name), PARTS) for sheet in sheets}
        stated = [(sheet, names[sheet.name]) for sheet in sheets]
    else:
        beside = _beside(path)
        stated = [(read_table(file, most), part) for part, file in beside.items()]
        if len(beside) > 1:  # a folder of tables
            others = {each.name for each in _tables(path.parent)} - {
                f.name for f in beside.values()
            }
            found.reading += [f"{path.parent / name}: not read" for name in sorted(others)]
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
    return f"{sheet.place}:{named} {columns.in_words(sheet)}{rows}"


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
    names = ", ".join(str(each.name or each.path.name) for each in visible)
    if "tasks" not in found.sheets:
        has = f"the sheets {names}" if visible else "none"
        raise InputError(
            f"{path}: expected a sheet with tasks, with columns such as id and question, found "
            f"{has}: `preceptor tasks template -o tasks.xlsx` makes one to fill in"
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


def _about(parts: _Parts, faults: Faulty) -> dict[str, str]:
    """Field → what the sheet *about* says."""
    sheet, found, left = parts.about, dict[str, str](), list[str]()
    if sheet is None:
        return found
    for field, row, column in _places(sheet):
        cell = sheet.rows.get(row, {}).get(column)
        if field is None or field in found:
            left += [] if cell is None else [f"{letters(column)}{row}"]
        elif cell is not None and (cell.fault or cell.typed):
            problem = cell.fault or f"expected a text, found {cell.typed}: format the cell as text"
            faults.add(sheet.fault(row, column, field, problem))
        elif cell is not None:
            found[field] = " ".join(str(cell.shown or cell.value).split())
            if field == "name" and taken(slug(found[field])):
                problem = f"there is a benchmark {slug(found[field])} already: choose another name"
                faults.add(sheet.fault(row, column, field, problem))
    said = f"; not read: {', '.join(left[:5])}" if left else ""
    parts.reading.append(f"{sheet.place}: {', '.join(found) or 'nothing is filled in'}{said}")
    return found


def _places(sheet: Sheet) -> Iterator[tuple[str | None, int, int]]:
    """(field, row, column) of each text: beside its name, or below where names are in one row."""
    named = {
        (row, column): meaning(cell.value, ABOUT)
        for row, cells in sheet.rows.items()
        for column, cell in cells.items()
        if isinstance(cell.value, str)
    }
    known = [place for place, field in named.items() if field is not None]
    (top, in_top), *_ = Counter(row for row, _ in known).most_common(1) or [(0, 0)]
    (left, in_left), *_ = Counter(column for _, column in known).most_common(1) or [(1, 0)]
    if in_top > max(in_left, 1):
        yield from ((named.get((top, column)), top + 1, column) for column in sheet.rows[top])
    else:
        yield from ((named.get((row, left)), row, left + 1) for row in sheet.rows)


def taken(name: str) -> bool:
    """Whether a benchmark of ours, or of another package, has the name."""
    from preceptor.benchmarks import all_benchmarks

    return any(name == each.name for each in all_benchmarks())


def slug(title: str) -> str:
    """A name to type, from a title; empty where it has no Latin letter or digit."""
    text = unicodedata.normalize("NFKD", title.replace("ß", "ss")).casefold()
    plain = text.encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")
