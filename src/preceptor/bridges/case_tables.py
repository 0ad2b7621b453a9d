"""Tables of scores, case by case → metric → structure → case → value."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from preceptor.cells import is_missing, read_number
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows
from preceptor.scoring.case_metrics import case_metric, is_case_metric
from preceptor.wording import plural

__all__ = ["CaseTable", "is_long", "is_wide", "read_long", "read_wide", "stem_of", "table_names"]

_CASES = ("name", "case", "case_id", "case id", "image", "image_id", "scan", "id", "patient_id")
#: Names that tell a table of scores from another whose cells are numbers, too.
_SURE = ("name", "case", "case_id")
_LONG = {
    "case": _CASES,
    "algorithm": ("algorithm", "system", "model", "method"),
    "structure": ("structure", "organ", "label", "class"),
    "metric": ("metric", "measure"),
    "value": ("value", "score"),
}
_ENDINGS = (".gz", ".csv", ".tsv", ".jsonl", ".json", ".parquet", ".xlsx", ".ods")
#: A Dice of 0.9365394711494446 may be 1.0000001 in single precision.
_ROUNDING = 1e-6
_ONLY = "all"


class CaseTable:
    """The scores of one algorithm.

    Attributes
    ----------
    values
        Metric → structure → case → value, of the cells that are filled.
    lines
        Case → the line where it is first.
    """

    def __init__(self, path: Path, algorithm: str) -> None:
        self.path, self.algorithm = path, algorithm
        self.values: dict[str, dict[str, dict[str, float]]] = {}
        self.lines: dict[str, int] = {}

    def add(self, other: CaseTable) -> None:
        """Add the metrics of another file. Raises InputError where it has one of these."""
        both = [metric for metric in other.values if metric in self.values]
        if both:
            raise InputError(
                f"{other.path}: {shorten(self.algorithm)} has {both[0]} already, in {self.path}"
            )
        self.values |= other.values
        self.lines = {**other.lines, **self.lines}

    def structures(self, metric: str) -> list[str]:
        return list(self.values.get(metric, {}))

    def cells(self, metric: str) -> Iterator[tuple[str, str]]:
        """Case and structure of each cell with a value."""
        for structure, values in self.values.get(metric, {}).items():
            yield from ((case, structure) for case in values)

    def of_case(self, case: str) -> dict[str, dict[str, float]]:
        """Metric → structure → value, of what is there."""
        found = {
            metric: {name: values[case] for name, values in of.items() if case in values}
            for metric, of in self.values.items()
        }
        return {metric: of for metric, of in found.items() if of}

    def notes(self, primary: str) -> list[str]:
        """How many cells and cases are without a value."""
        of = self.values.get(primary, {})
        empty = sum(len(self.lines) - len(values) for values in of.values())
        filled = {case for values in of.values() for case in values}
        without = len(self.lines) - len(filled)
        if not empty:
            return []
        cells = plural(len(self.lines) * len(of), "cell")
        note = f"{empty:,} of {cells} of {primary} are empty (structure absent): in no mean"
        if without:
            note += f"; {plural(without, 'case')} with no structure and no score"
        return [f"{note}."]


def is_long(names: Sequence[str]) -> bool:
    """Whether a table's columns are ``case, structure, metric, value``, algorithm or none."""
    found = _roles(names)
    return all(role in found for role in ("case", "structure", "metric", "value"))


def is_wide(row: Mapping[str, Any], path: Path) -> bool:
    """Whether a first row may be that of a table with a column of numbers for each structure."""
    known = [name for name in row if _plain(name) in _SURE]
    if len(known) != 1 or len(row) < 2:
        return False
    return all(
        _number(value, row) is not None or is_missing(value)
        for name, value in row.items()
        if name != known[0]
    )


def stem_of(path: Path) -> str:
    name = path.name
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def table_names(path: Path) -> tuple[str, str, str | None]:
    """Folder of the benchmark, algorithm and metric, by the names of file and folders.

    ``touchstone/nnU-Net/dsc.csv`` says all three, ``touchstone/nnU-Net.csv`` the first two.
    """
    whole, stem = path.resolve(), stem_of(path)
    if is_case_metric(stem):
        return whole.parent.parent.name or "cases", whole.parent.name or stem, stem
    return whole.parent.name or "cases", stem, None


def read_wide(path: Path, metric: str, id: str | None = None) -> CaseTable:
    """Read a table with a column for each structure.

    Raises
    ------
    InputError, DataError
        No column of cases, a case twice, a cell that is neither empty nor a score.
    """
    table = CaseTable(path, "")
    column: str | None = None
    for line, row in read_rows(path):
        if column is None:
            column = _case_column(list(row), path, id)
            table.values[metric] = {name: {} for name in row if name != column}
        case = _case(row, column, path, line)
        if case in table.lines:
            problem = f"{shorten(case)} is already on line {table.lines[case]:,}"
            raise DataError(str(path), line, column, problem)
        table.lines[case] = line
        for name, values in table.values[metric].items():
            if (value := _score(row, name, metric, path, line)) is not None:
                values[case] = value
    if column is None:
        raise InputError(f"{path}: expected a row for each case, found an empty file")
    return table


def read_long(path: Path, algorithm: str) -> dict[str, CaseTable]:
    """Read ``case, algorithm, structure, metric, value``; ``algorithm`` where no column says it."""
    tables: dict[str, CaseTable] = {}
    seen: dict[tuple[str, ...], int] = {}
    roles: dict[str, str] = {}
    for line, row in read_rows(path):
        roles = roles or _roles(list(row))
        case = _case(row, roles["case"], path, line)
        said = {
            role: _text(row, roles[role], path, line)
            for role in ("algorithm", "structure", "metric")
            if role in roles
        }
        name = said.get("algorithm", algorithm)
        key = (name, said["metric"], said["structure"], case)
        if key in seen:
            what = f"{said['metric']} of {shorten(said['structure'])} for {shorten(case)}"
            problem = f"{what} is already on line {seen[key]:,}"
            raise DataError(str(path), line, roles["case"], problem)
        seen[key] = line
        table = tables.setdefault(name, CaseTable(path, name))
        table.lines.setdefault(case, line)
        values = table.values.setdefault(said["metric"], {}).setdefault(said["structure"], {})
        value = _score(row, roles["value"], said["metric"], path, line)
        if value is not None:
            values[case] = value
    if not tables:
        raise InputError(f"{path}: expected a row for each case, found an empty file")
    return tables


def _roles(names: Sequence[str]) -> dict[str, str]:
    by_name = {_plain(name): name for name in reversed(names)}
    found = {}
    for role, known in _LONG.items():
        name = next((by_name[each] for each in known if each in by_name), None)
        if name is not None:
            found[role] = name
    return found


def _plain(name: str) -> str:
    return name.strip().casefold()


def _case_column(names: Sequence[str], path: Path, id: str | None) -> str:
    if id is not None:
        if id not in names:
            shown = ", ".join(shorten(name, 40) for name in names[:12])
            raise InputError(f"{path}: --id {shorten(id)}: expected a column, found {shown}")
        return id
    by_name = {_plain(name): name for name in reversed(names)}
    column = next((by_name[name] for name in _CASES if name in by_name), None)
    if column is None or len(names) < 2:
        shown = ", ".join(shorten(name, 40) for name in names[:12])
        raise InputError(
            f"{path}: expected a column of cases ({', '.join(_CASES[:3])}, or --id COLUMN) and one "
            f"for each structure, found {shown}"
        )
    return column


def _case(row: Mapping[str, Any], column: str, path: Path, line: int) -> str:
    return _text(row, column, path, line)


def _text(row: Mapping[str, Any], column: str, path: Path, line: int) -> str:
    value = row.get(column)
    if is_missing(value):
        raise DataError(str(path), line, column, "expected a name, found an empty cell")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _score(row: Mapping[str, Any], column: str, metric: str, path: Path, line: int) -> float | None:
    """A cell's value; None where it is empty."""
    cell = row.get(column)
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    value = _number(cell, row)
    if value is None or not abs(value) < float("inf"):
        hint = " (an absent structure is an empty cell, a missed one Dice 0)"
        said = "'nan'" if isinstance(cell, float) else shorten(str(cell), 40)
        problem = f"expected a number or an empty cell, found {said}{hint}"
        raise DataError(str(path), line, column, problem)
    about = case_metric(metric)
    highest = 1.0 if about.unit == "share" else math.inf
    if not about.lowest - _ROUNDING <= value <= highest + _ROUNDING:
        to = "or more" if highest == math.inf else f"to {highest:g}"
        hint = ": divide percentages by 100" if highest < value <= 100 else ""
        problem = f"expected {metric} of {about.lowest:g} {to}, found {value:g}{hint}"
        raise DataError(str(path), line, column, problem)
    return min(highest, max(about.lowest, value))


def _number(cell: object, row: Mapping[str, Any]) -> float | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        value = float(cell)
    elif isinstance(cell, str) and re.match(r"\s*[+-]?[\d.]", cell):
        try:
            value = read_number(cell, row)
        except ValueError:
            return None
    else:
        return None
    return value if value == value else None  # noqa: PLR0124 (NaN)
