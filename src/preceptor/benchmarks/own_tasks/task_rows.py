"""Rows of a clinician's own tables: tasks with their turns and criteria."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from preceptor.benchmarks.fields import MOST_POINTS
from preceptor.benchmarks.own_tasks.task_columns import Columns, meaning
from preceptor.errors import DataError, did_you_mean, shorten
from preceptor.records import Criterion, Example, Message, PhysicianAnswer
from preceptor.sheets import Cell, Merged, Sheet

__all__ = ["Faulty", "Rows", "TaskRows", "task_id"]

#: Fields of a task by which scores are sliced.
SLICES = ("specialty", "difficulty")
#: Fields whose value, merged over several rows, is that of each of them.
_GROUPING = ("id", "task id", "system", "tag", *SLICES)
#: Fields of a task that may be merged over its rows.
_OF_TASK = (*_GROUPING, "question", "ideal answer")
#: Fields by which rows are matched.
_NAMES = ("id", "task id", "system")
_ROLES = {
    "user": (
        *("user", "patient", "human", "client", "clinician", "physician", "doctor", "nutzer"),
        *("nutzerin", "benutzer", "patientin", "utilisateur", "patiente", "usuario", "paciente"),
        *("usuário", "ユーザー", "利用者", "患者"),
    ),
    "assistant": (
        *("assistant", "ai", "model", "system answer", "bot", "assistent", "ki", "modell"),
        *("assistante", "ia", "modèle", "asistente", "modelo", "assistente", "アシスタント", "ai"),
    ),
    "system": ("system", "system prompt", "instruction", "anweisung", "système", "sistema"),
}
_COMMA = re.compile(r"[+-]?\d+,\d+")
_MINUS = str.maketrans({"−": "-", "–": "-", "‐": "-", "‑": "-", "﹣": "-"})


class Faulty:
    """Faults found so far."""

    def __init__(self) -> None:
        self.found: list[DataError] = []

    def add(self, fault: DataError) -> None:
        if str(fault) not in map(str, self.found[-3:]):
            self.found.append(fault)


class Rows:
    """The rows of one part, read field by field; a wrong cell is a fault, and then None."""

    def __init__(self, sheet: Sheet, columns: Columns, faults: Faulty) -> None:
        self.sheet, self.at, self.faults = sheet, columns.at, faults
        self.numbers = [row for row in sorted(sheet.rows) if row > columns.header]
        self.merged: list[str] = []
        #: (field, name in lower case and single spaces) → its spellings, as they come.
        self._spellings: dict[tuple[str, str], list[str]] = {}
        last = max(columns.names)
        for row in self.numbers if sheet.name is None else ():
            for column in [each for each in sheet.rows[row] if each > last]:
                problem = "has no name above it: put texts with a separator in quotes"
                self.faults.add(sheet.fault(row, column, "", problem))
        self._covered = dict(self._spread(columns.header))

    def _spread(self, header: int) -> Iterator[tuple[tuple[int, str], Merged]]:
        """Each (row, field) that a merged range covers, without its first row."""
        field_of = {column: field for field, column in self.at.items()}
        for each in sorted(self.sheet.merged):
            over = [field_of[c] for c in range(each.left, each.right + 1) if c in field_of]
            first = self.sheet.rows.get(each.top, {}).get(each.left)
            if each.top <= header or not over or first is None:
                continue
            if len(over) > 1:
                self.fault(each.top, over[0], f"{each} is merged over columns: split it")
            elif over[0] not in _OF_TASK:
                problem = f"{each} is merged over rows: give each row its own {over[0]}"
                self.fault(each.top, over[0], problem)
            else:
                self.merged.append(str(each))
                yield from (((row, over[0]), each) for row in range(each.top + 1, each.bottom + 1))

    def remarks(self) -> list[str]:
        found = self.sheet.doubts(self.at.values(), self.numbers)
        if self.merged:
            named = ", ".join(self.merged[:5]) + ("" if len(self.merged) < 6 else ", …")
            found.append(f"{self.sheet.place}: merged cells count for each of their rows: {named}")
        for (field, _), (first, *others) in self._spellings.items():
            if others:
                named = ", ".join(map(shorten, others))
                spelled = f"{field}: {shorten(first)} is also spelled {named}"
                found.append(f"{self.sheet.place}: {spelled}: read as one")
        return found

    def name(self, field: str, value: str) -> str:
        """The first spelling of a name: one that differs in case and spaces only is the same."""
        plain = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
        spellings = self._spellings.setdefault((field, plain), [value])
        if value not in spellings:
            spellings.append(value)
        return spellings[0]

    def fault(self, row: int, field: str, problem: str) -> None:
        self.faults.add(self.sheet.fault(row, self.at.get(field, 1), field, problem))

    def cell(self, row: int, field: str) -> Cell | None:
        """The cell with something in it; that above where it is merged with it."""
        column = self.at.get(field)
        if column is None:
            return None
        covered = self._covered.get((row, field))
        return self.sheet.rows[covered.top if covered else row].get(column)

    def covered(self, row: int, field: str) -> bool:
        return (row, field) in self._covered

    def text(self, row: int, field: str) -> str | None:
        """The text of a cell; None where it is empty or wrong."""
        cell = self.cell(row, field)
        if cell is None:
            return None
        if problem := _no_text(cell):
            self.fault(row, field, problem)
            return None
        said = str(cell.shown or cell.value).strip()
        # Macs and Windows write é in two ways, which look the same.
        return unicodedata.normalize("NFC", said) if field in _NAMES else said

    def points(self, row: int) -> int | None:
        expected = f"expected a whole number from -{MOST_POINTS} to {MOST_POINTS} and not 0"
        cell = self.cell(row, "points")
        if cell is None:
            self.fault(row, "points", f"{expected}, found an empty cell")
            return None
        if cell.fault:
            self.fault(row, "points", cell.fault)
            return None
        if cell.typed:
            again = "format the cell as a number and type it again"
            self.fault(row, "points", f"{expected}, found {cell.typed}: {again}")
            return None
        number = whole(cell.value)
        if number is None or number == 0 or abs(number) > MOST_POINTS:
            comma = _COMMA.fullmatch(unicodedata.normalize("NFKC", str(cell.value)).strip())
            found = shorten(cell.value) + (" with a decimal comma" if comma else "")
            self.fault(row, "points", f"{expected}, found {found.lower()}")
            return None
        return number


def whole(value: object) -> int | None:
    """A whole number, or a text that is one; None for any other value."""
    if isinstance(value, str):
        plain = unicodedata.normalize("NFKC", value).translate(_MINUS).strip()
        return int(float(plain)) if re.fullmatch(r"[+-]?\d{1,9}(\.0+)?", plain) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if float(value).is_integer() else None


def _no_text(cell: Cell) -> str | None:
    """Why a cell is not read as a text."""
    if cell.fault:
        return cell.fault
    again = "format the cell as text and type it again"
    if cell.typed:
        return f"expected a text, found {cell.typed}: {again}"
    if isinstance(cell.value, bool):
        return f"expected a text, found {'true' if cell.value else 'false'}: {again}"
    if isinstance(cell.value, float) and not cell.value.is_integer():
        return f"expected a text, found the number {cell.value:g}: {again}"
    return None


class _Task:
    def __init__(self, row: int) -> None:
        self.row = row
        self.turns: list[tuple[int, str, str]] = []
        self.tags: list[str] = []
        self.ideal: str | None = None
        self.criteria: list[Criterion] = []
        #: Row in which a criterion stands first.
        self.rows: dict[str, int] = {}
        #: Whether a criterion was there and wrong.
        self.tried = False


class TaskRows(Rows):
    """Tasks by id, from the rows of the sheet *tasks*, and the criteria of the sheet *rubric*."""

    def __init__(self, sheet: Sheet, columns: Columns, faults: Faulty) -> None:
        super().__init__(sheet, columns, faults)
        self.tasks: dict[str, _Task] = {}
        self.slices: dict[str, list[str]] = {}
        last: str | None = None
        for row in self.numbers:
            if any(column in self.sheet.rows[row] for column in self.at.values()):
                last = self._row(row, last)
        self.remarks_of_rubric: list[str] = []

    @property
    def remarks(self) -> list[str]:  # type: ignore[override]
        return [*Rows.remarks(self), *self.remarks_of_rubric]

    def _row(self, row: int, last: str | None) -> str | None:
        id = self.text(row, "id") or (None if self.cell(row, "id") else last)
        if id is None:
            if self.cell(row, "id") is None:
                self.fault(row, "id", "expected an id, found an empty cell and no task above")
            return None
        if id != last and id in self.tasks:
            self.fault(row, "id", f"{shorten(id)} is already the id of row {self.tasks[id].row}")
            return id
        task = self.tasks.setdefault(id, _Task(row))
        begins = task.row == row
        self._turn(row, task, begins)
        self._about(row, task, begins)
        if self.cell(row, "criterion") is not None or (
            "criterion" in self.at and self.cell(row, "points") is not None
        ):
            add_criterion(self, row, task)
        return id

    def _turn(self, row: int, task: _Task, begins: bool) -> None:
        if self.covered(row, "question") and not begins:
            return
        said = self.text(row, "question")
        if said is None:
            if begins and self.cell(row, "question") is None:
                self.fault(row, "question", "expected a question, found an empty cell")
            return
        if not begins and "role" not in self.at:
            if any(said == before for _, _, before in task.turns):
                return  # a table with a row for each criterion
            self.fault(
                row,
                "question",
                "is a second question of one task: give it an id of its own, or say in a column "
                "role who speaks (user or assistant)",
            )
        task.turns.append((row, self._role(row), said))

    def _role(self, row: int) -> str:
        said = self.text(row, "role")
        role = "user" if said is None else meaning(said, _ROLES)
        if role is None:
            self.fault(row, "role", f"expected user or assistant, found {shorten(said)}")
        return role or "user"

    def _about(self, row: int, task: _Task, begins: bool) -> None:
        for field in SLICES:
            value = self.text(row, field) if begins or not self.covered(row, field) else None
            if value is None:
                continue
            value = self.name(field, value)
            tag = f"{field}:{value}"
            if begins:
                task.tags.append(tag)
                values = self.slices.setdefault(field, [])
                if value not in values:
                    values.append(value)
            elif tag not in task.tags:
                self.fault(row, field, f"is another than in row {task.row} of the same task")
        if begins or not self.covered(row, "ideal answer"):
            ideal = self.text(row, "ideal answer")
            if ideal is not None and task.ideal not in (None, ideal):
                self.fault(row, "ideal answer", f"is another than in row {task.row}")
            task.ideal = task.ideal or ideal

    def add_rubric(self, sheet: Sheet, columns: Columns) -> None:
        """The criteria of the tasks; a row without an id belongs to the task of the row above."""
        rows = Rows(sheet, columns, self.faults)
        last: str | None = None
        for row in rows.numbers:
            if not any(column in sheet.rows[row] for column in rows.at.values()):
                continue
            last = task_id(rows, row, last, self.tasks)
            if rows.cell(row, "criterion") is None and rows.cell(row, "points") is None:
                if rows.cell(row, "task id") is not None and not rows.covered(row, "task id"):
                    rows.fault(row, "criterion", "expected a criterion, found an empty cell")
                continue
            add_criterion(rows, row, None if last is None else self.tasks.get(last))
        self.remarks_of_rubric = rows.remarks()

    def examples(self) -> list[Example]:
        found = []
        for id, task in self.tasks.items():
            if not task.tried:
                self.fault(task.row, "id", f"task {shorten(id)} has no criterion")
            if task.turns and task.turns[-1][1] != "user":
                row = task.turns[-1][0]
                self.fault(row, "role", "expected a conversation that ends with the user")
            if task.tried and not self.faults.found:
                found.append(_example(id, task))
        if not self.tasks and not self.faults.found:
            self.fault(max(self.sheet.rows), "id", "expected tasks below the names, found none")
        return found


def _example(id: str, task: _Task) -> Example:
    return Example(
        id=id,
        messages=tuple(Message(role, said) for _, role, said in task.turns),  # type: ignore[arg-type]
        criteria=tuple(task.criteria),
        tags=tuple(task.tags),
        physician=PhysicianAnswer(task.ideal) if task.ideal else None,
    )


def task_id(rows: Rows, row: int, last: str | None, tasks: Mapping[str, Any]) -> str | None:
    """The task of a row: its id, or that of the row above; None where it is wrong."""
    id = rows.text(row, "task id")
    if id is None:
        if rows.cell(row, "task id") is None and last is None:
            rows.fault(row, "task id", "expected the id of a task, found an empty cell")
        return last if rows.cell(row, "task id") is None else None
    if id not in tasks:
        same = next((name for name in tasks if name.casefold() == id.casefold()), None)
        near = did_you_mean(id, tasks) if same is None else f"did you mean {same}?"
        some = near or f"there are {', '.join(list(tasks)[:5])}{', …' if len(tasks) > 5 else ''}"
        rows.fault(row, "task id", f"no task has the id {shorten(id)}: {some.strip()}")
    return id


def add_criterion(rows: Rows, row: int, task: _Task | None) -> None:
    text, points = rows.text(row, "criterion"), rows.points(row)
    if text is None and rows.cell(row, "criterion") is None:
        rows.fault(row, "criterion", "expected a criterion, found an empty cell")
    tags = tuple(_tags(rows, row))
    if task is None:
        return
    task.tried = True
    if text is None or points is None:
        return
    if (before := task.rows.setdefault(text, row)) != row:
        rows.fault(row, "criterion", f"is that of row {before} again: it would count twice")
    task.criteria.append(Criterion(text, points, tags))


def _tags(rows: Rows, row: int) -> Iterator[str]:
    for said in re.split(r"[,;、]", rows.text(row, "tag") or ""):
        if tag := said.strip():
            tag = rows.name("tag", tag)
            yield tag if ":" in tag else f"tag:{tag}"
