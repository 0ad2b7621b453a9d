"""Tables of true and predicted codes, an admission a row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from preceptor.cells import is_missing, listed
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows
from preceptor.scoring.code_levels import Admission
from preceptor.terminology.codes import normal_code

__all__ = ["read_code_sets"]

_UNITS = ("group_id", "patient", "patient_id", "subject_id")


def read_code_sets(path: Path, *, icd: bool = True) -> list[Admission]:
    """Rows with ``id``, ``true`` and ``pred``: lists, or texts with ``;``, ``,`` or spaces between.

    Parameters
    ----------
    icd
        Codes are of ICD-10: written with their point, whatever the file has.

    Raises
    ------
    InputError, DataError
        A column is missing, an id is there twice, or a cell is neither.
    """
    found: dict[str, tuple[Admission, int]] = {}
    for line, row in read_rows(path):
        for column in ("id", "true", "pred"):
            if column not in row:
                problem = (
                    f"missing: expected id, true and pred; the row has {shorten(', '.join(row))}"
                )
                raise DataError(str(path), line, column, problem)
        if is_missing(row["id"]):
            raise DataError(str(path), line, "id", "expected a value, found nothing")
        id = str(row["id"])
        if id in found:
            problem = f"{shorten(id)} is already on line {found[id][1]:,}"
            raise DataError(str(path), line, "id", problem)
        unit = next((str(row[name]) for name in _UNITS if not is_missing(row.get(name))), id)
        true, said = (_codes(path, row, line, column, icd) for column in ("true", "pred"))
        found[id] = Admission(id, unit, true, said), line
    if not found:
        raise InputError(f"{path}: expected admissions with their codes, found none")
    return [admission for admission, _ in found.values()]


def _codes(path: Path, row: Mapping[str, Any], line: int, column: str, icd: bool) -> frozenset[str]:
    value = listed(row[column])
    if is_missing(value) and not isinstance(value, list):
        return frozenset()
    if isinstance(value, str):
        value = [part for part in re.split(r"[;,|\s]+", value) if part]
    if not isinstance(value, list) or not all(isinstance(code, str) for code in value):
        problem = f"expected codes, as a list or a text, found {shorten(row[column], 40)}"
        raise DataError(str(path), line, column, problem)
    names = (code.strip() for code in value)
    return frozenset((normal_code(name) or name) if icd else name for name in names if name)
