"""What is above a code: chapter, block and category of ICD-10-CM, its beginnings, or a table."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from preceptor.errors import DataError, InputError
from preceptor.files import read_rows
from preceptor.installation import MissingExtra
from preceptor.terminology.codes import normal_code

__all__ = ["Hierarchy", "by_beginning", "hierarchy_of", "icd10_cm_hierarchy", "read_parents"]

_DEEPEST = 50


class Hierarchy(msgspec.Struct, frozen=True):
    """The codes of a terminology in levels.

    Attributes
    ----------
    levels
        Names of the levels from the top; the last one is that of the codes themselves.
    path
        Code → itself, its parent, and so on to the top; None where it is not known.
    """

    name: str
    levels: tuple[str, ...]
    path: Callable[[str], tuple[str, ...] | None]

    def at(self, code: str) -> tuple[str, ...] | None:
        """The code at each of the levels; itself where its path is shorter."""
        path = self.path(code)
        if path is None:
            return None
        above = len(self.levels) - 1
        return (*(path[-1 - i] if len(path) > i else path[0] for i in range(above)), path[0])


def hierarchy_of(name: str) -> Hierarchy:
    """``icd-10-cm``, ``prefix``, or the path of a table of parents."""
    if name == "icd-10-cm":
        return icd10_cm_hierarchy()
    return by_beginning() if name == "prefix" else read_parents(Path(name))


def icd10_cm_hierarchy() -> Hierarchy:
    """Chapters, blocks and categories of ``simple-icd-10-cm``.

    Raises MissingExtra where the package is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import simple_icd_10_cm as package
    except ImportError:
        raise MissingExtra("ICD-10-CM: needs simple-icd-10-cm", "codes") from None

    @functools.cache
    def path(code: str) -> tuple[str, ...] | None:
        name = normal_code(code)
        if name is None or not package.is_valid_item(name):
            return None
        return (name, *package.get_ancestors(name))

    levels = ("chapter", "block", "category", "subcategory", "code")
    return Hierarchy("ICD-10-CM", levels, path)


def by_beginning() -> Hierarchy:
    """A code belongs to its first three characters and to its first four: any form of ICD-10."""

    def path(code: str) -> tuple[str, ...] | None:
        name = normal_code(code)
        if name is None:
            return None
        # The point is the fourth sign of I10.9: three signs, then five.
        return tuple(dict.fromkeys((name, name[:5], name[:3])))

    return Hierarchy("beginnings of codes", ("category", "subcategory", "code"), path)


def read_parents(table: Path) -> Hierarchy:
    """A table with the columns ``code`` and ``parent``; a code without a parent is at the top.

    Raises
    ------
    InputError, DataError
        Other columns, a code with two parents, or a code that is above itself.
    """
    parents: dict[str, str] = {}
    for line, row in read_rows(table):
        for column in ("code", "parent"):
            if column not in row:
                raise DataError(str(table), line, column, "missing: expected code and parent")
        code, parent = (str(row[column] or "").strip() for column in ("code", "parent"))
        if not code:
            raise DataError(str(table), line, "code", "expected a code, found nothing")
        if parents.setdefault(code, parent) != parent:
            problem = f"{code} has another parent, {parents[code] or 'none'}, on a line before"
            raise DataError(str(table), line, "parent", problem)
    if not parents:
        raise InputError(f"{table}: expected rows with code and parent, found none")
    paths = {code: _up(code, parents, table) for code in parents}
    above = sorted({parent for parent in parents.values() if parent and parent not in parents})
    paths |= {code: (code,) for code in above}
    depth = min(5, max(map(len, paths.values())))
    levels = (*(f"level {number + 1}" for number in range(depth - 1)), "code")
    return Hierarchy(table.name, levels, paths.get)


def _up(code: str, parents: Mapping[str, str], table: Path) -> tuple[str, ...]:
    path = [code]
    while parents.get(path[-1]):
        path.append(parents[path[-1]])
        if len(path) > _DEEPEST or path[-1] in path[:-1]:
            raise InputError(f"{table}: {code}: expected parents up to a top, found a circle")
    return tuple(path)
