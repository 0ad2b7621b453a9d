"""What a table says of cases: the groups that they are in, and whose they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from preceptor.cells import is_missing
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows
from preceptor.wording import plural

__all__ = ["CaseGroups", "case_groups"]

#: A column with more values than this is no group unless it is named; with more than the second
#: it is none.
_MOST_GROUPS, _MOST_NAMED = 12, 50
_PATIENTS = ("patient", "patient_id", "subject", "subject_id", "group_id")


class CaseGroups(msgspec.Struct, frozen=True):
    """Kind of groups → case → group; and case → its patient, where a column says."""

    by_kind: dict[str, dict[str, str]] = {}
    patients: dict[str, str] = {}

    @property
    def kinds(self) -> list[str]:
        return list(self.by_kind)

    def of(self, case: str) -> dict[str, str]:
        return {kind: of[case] for kind, of in self.by_kind.items() if case in of}

    def notes(self, cases: Collection[str]) -> list[str]:
        """How many cases are in no group."""
        said = []
        for kind, of in self.by_kind.items():
            if without := sum(case not in of for case in cases):
                said.append(f"{plural(without, 'case')} without a value of {kind}")
        return [f"Groups: {'; '.join(said)}."] if said else []


def case_groups(
    path: Path | None, columns: Sequence[str] | None, cases: Collection[str]
) -> CaseGroups:
    """Read the table of cases; without one there are no groups.

    Parameters
    ----------
    columns
        Those that are groups; None for all with 2 to 12 values.

    Raises
    ------
    InputError, DataError
        A column is missing, a case occurs twice, or no case is in both files.
    """
    if path is None:
        if columns:
            raise InputError(
                f"--group {','.join(columns)}: expected --metadata FILE with these columns"
            )
        return CaseGroups()
    rows: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    key, names = "", list[str]()
    for line, row in read_rows(path):
        if not names:
            names = list(row)
            key = _key(names, row, cases, path)
        case = "" if is_missing(row.get(key)) else str(row[key]).strip()
        if case in lines:
            problem = f"{shorten(case)} is already on line {lines[case]:,}"
            raise DataError(str(path), line, key, problem)
        lines[case] = line
        if case in cases:
            rows[case] = {n: str(v).strip() for n, v in row.items() if not is_missing(v)}
    if not rows:
        raise InputError(f"{path}: {key or 'no column'}: has none of the {len(cases):,} cases")
    patient = next((name for name in names if name.casefold() in _PATIENTS and name != key), None)
    chosen = _chosen(rows, [n for n in names if n not in (key, patient)], columns, path)
    by_kind = {
        name.replace(":", "_"): {case: of[name] for case, of in rows.items() if name in of}
        for name in chosen
    }
    own = {} if patient is None else {c: of[patient] for c, of in rows.items() if patient in of}
    return CaseGroups(by_kind, own)


def _key(
    names: Sequence[str], row: Mapping[str, object], cases: Collection[str], path: Path
) -> str:
    """The column of cases: by its usual names, else the first."""
    usual = ("name", "case", "case_id", "image_id", "id", "image", "scan")
    by_name = {name.strip().casefold(): name for name in reversed(names)}
    found = next((by_name[name] for name in usual if name in by_name), None)
    if found is None:
        found = next((name for name in names if str(row.get(name)).strip() in cases), names[0])
    return found


def _chosen(
    rows: Mapping[str, Mapping[str, str]],
    names: Sequence[str],
    columns: Sequence[str] | None,
    path: Path,
) -> list[str]:
    count = {name: len({of[name] for of in rows.values() if name in of}) for name in names}
    if columns is None:
        return [name for name in names if 2 <= count[name] <= _MOST_GROUPS]
    for name in columns:
        if name not in count:
            raise InputError(
                f"{path}: --group {shorten(name)}: expected one of its columns "
                f"({', '.join(names[:12])})"
            )
        if count[name] > _MOST_NAMED:
            raise InputError(
                f"{path}: --group {shorten(name)}: {count[name]:,} values are no groups: write "
                "bands into a column of their own"
            )
    return list(columns)
