"""Answers in a clinician's own tables, by system and task."""

from __future__ import annotations

from preceptor.benchmarks.own_tasks.task_columns import Columns
from preceptor.benchmarks.own_tasks.task_rows import Faulty, Rows, TaskRows, task_id
from preceptor.sheets import Sheet, letters

__all__ = ["AnswerRows"]


class AnswerRows:
    """Answers by system and task, in a row each, or with a column for each system."""

    def __init__(self, faults: Faulty, tasks: TaskRows) -> None:
        self.faults, self.tasks = faults, tasks.tasks
        self.by_system: dict[str, dict[str, tuple[str, ...]]] = {}
        self.remarks: list[str] = []

    def read(self, sheet: Sheet, columns: Columns) -> None:
        rows = Rows(sheet, columns, self.faults)
        wide: dict[str, int] = {}
        for column, name in columns.systems.items():
            if wide.setdefault(name, column) != column:
                problem = f"is the system of column {letters(wide[name])} too: rename one of them"
                self.faults.add(sheet.fault(columns.header, column, name, problem))
        if not wide and not {"system", "answer"} <= columns.at.keys():
            lacking = "system" if "answer" in columns.at else "answer"
            self.faults.add(
                sheet.fault(columns.header, 1, lacking, f"there is no column for the {lacking}")
            )
            return
        rows.at = {**rows.at, **wide}
        id: str | None = None
        system: str | None = None
        for row in rows.numbers:
            if not any(column in sheet.rows[row] for column in rows.at.values()):
                continue
            neither = not wide and not rows.cell(row, "system") and not rows.cell(row, "task id")
            if neither:
                rows.fault(row, "answer", "expected a task id or a system beside the answer")
                continue
            id = task_id(rows, row, id, self.tasks)
            for name in wide:
                self._add(rows, row, name, id, name)
            if not wide:
                blank = rows.cell(row, "system") is None
                system = system if blank else rows.text(row, "system")
                if system is None and blank:
                    rows.fault(row, "system", "expected the system's name, found an empty cell")
                named = None if system is None else rows.name("system", system)
                self._add(rows, row, "answer", id, named)
        self.remarks += rows.remarks()

    def _add(self, rows: Rows, row: int, field: str, id: str | None, system: str | None) -> None:
        said = rows.text(row, field)
        if id is None or system is None:
            return
        answers = self.by_system.setdefault(system, {})
        if said is None and rows.cell(row, field) is None:
            name = rows.sheet.line(row, rows.at).place(str(rows.sheet.path), field)
            self.remarks.append(f"{name}: no answer of {system} to task {id}: it is not asked this")
        elif said is not None:
            answers[id] = (*answers.get(id, ()), said)
