"""Code lists and coded mentions, and the files they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.codes.texts import MAX_TEXT, plain
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows

__all__ = ["Code", "CodeList", "Mention", "key", "read_codes", "read_mentions"]

#: More is no code list: ICD-10-CM with all its extensions has 98,505.
MAX_CODES = 300_000
_LONGEST_CODE = 20
_SHORTEST_CATEGORY = 3


class Code(msgspec.Struct, frozen=True):
    """A code as the list writes it; ``others`` are further titles of it."""

    code: str
    title: str
    others: tuple[str, ...] = ()


class Mention(msgspec.Struct, frozen=True):
    """Words of a record, the code that somebody gave them, and the record."""

    text: str
    code: str
    document: str


def key(code: str) -> str:
    """A code without dots and blanks, in upper case: lists and records differ in these."""
    return "".join(code.split()).replace(".", "").upper()


class CodeList:
    """Codes in the order of their keys, each once.

    Attributes
    ----------
    parents
        Row of the longest other listed code that each begins with, −1 where there is none.
    """

    def __init__(self, codes: Sequence[Code]) -> None:
        by_key = {key(each.code): each for each in codes}
        self.keys = sorted(by_key)
        self.codes = [by_key[each] for each in self.keys]
        self._row = {each: row for row, each in enumerate(self.keys)}
        self.parents = [self._parent(each) for each in self.keys]

    def __len__(self) -> int:
        return len(self.keys)

    def row(self, code: str) -> int | None:
        """Of exactly this code."""
        return self._row.get(key(code))

    def nearest(self, code: str) -> int | None:
        """Of this code, or else of the longest listed one that it begins with."""
        short = key(code)
        while len(short) >= _SHORTEST_CATEGORY:
            if (row := self._row.get(short)) is not None:
                return row
            short = short[:-1]
        return None

    def _parent(self, own: str) -> int:
        row = self.nearest(own[:-1])
        return -1 if row is None else row

    def titles(self) -> list[str]:
        return [each.title for each in self.codes]

    def others(self) -> tuple[list[str], list[int]]:
        """All further titles, and the row of each one's code."""
        found = [(text, row) for row, each in enumerate(self.codes) for text in each.others]
        return [text for text, _ in found], [row for _, row in found]


def read_codes(paths: Sequence[Path]) -> CodeList:
    """The list in these files: rows with ``code`` and ``title`` (or ``description``).

    A code that comes again gives a further title. Ranges (``A00-B99``) and codes that no title
    follows are left out.

    Raises
    ------
    InputError, DataError
        A file or row is not as expected, or there is no code.
    """
    titles: dict[str, list[str]] = {}
    written: dict[str, str] = {}
    for path in paths:
        for number, row in read_rows(path):
            code = _text(row, ("code",), path, number)
            title = _text(row, ("title", "description"), path, number)
            if "-" in code:
                continue
            if len(code) > _LONGEST_CODE:
                problem = f"expected a code of at most {_LONGEST_CODE} characters"
                raise DataError(str(path), number, "code", f"{problem}, found {shorten(code)}")
            written.setdefault(key(code), code)
            known = titles.setdefault(key(code), [])
            if title not in known:
                known.append(title)
            if len(titles) > MAX_CODES:
                raise InputError(f"{path}: expected at most {MAX_CODES:,} codes, found more")
    if not titles:
        raise InputError(f"{paths[0]}: expected rows with code and title, found none")
    return CodeList(
        [Code(written[each], first, tuple(rest)) for each, (first, *rest) in titles.items()]
    )


def read_mentions(paths: Sequence[Path]) -> list[Mention]:
    """Rows with ``text``, ``code`` and, where there is one, ``document``.

    Without a document each row is taken for one of its own. Raises as :func:`read_codes`.
    """
    found = list(_mentions(paths))
    if not found:
        raise InputError(f"{paths[0]}: expected rows with text and code, found none")
    return found


def _mentions(paths: Sequence[Path]) -> Iterator[Mention]:
    for path in paths:
        for number, row in read_rows(path):
            document = str(row.get("document") or f"{path.name}:{number}")
            text = _text(row, ("text",), path, number)
            yield Mention(text, _text(row, ("code",), path, number), plain(document))


def _text(row: dict[str, Any], names: tuple[str, ...], path: Path, number: int) -> str:
    name = next((each for each in names if row.get(each) not in (None, "")), None)
    if name is None:
        expected = " or ".join(names)
        raise DataError(str(path), number, names[0], f"expected a text as {expected}, found none")
    value = row[name]
    if not isinstance(value, str):
        raise DataError(str(path), number, name, f"expected a text, found {shorten(value)}")
    if not (text := plain(value)):
        problem = f"expected a text of 1 to {MAX_TEXT} characters, found {shorten(value)}"
        raise DataError(str(path), number, name, problem)
    return text
