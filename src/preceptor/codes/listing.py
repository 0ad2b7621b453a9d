"""The list that is searched, row by row, and the files that coded mentions come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from preceptor.codes.texts import MAX_TEXT, plain
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows
from preceptor.terminology.code_lists import Code, CodeList
from preceptor.terminology.codes import normal_code
from preceptor.terminology.mentions import read_codiesp

__all__ = ["MAX_CODES", "Listing", "Mention", "read_mentions"]

#: More is no list of codes: ICD-10-CM with all its extensions has 98,186.
MAX_CODES = 300_000
#: Files of CodiEsp → the part that they hold.
_CODIESP = {"trainX.tsv": "train", "devX.tsv": "dev"}


class Mention(NamedTuple):
    """Words of a record, the code that a person gave them, and the record."""

    text: str
    code: str
    document: str


class Listing:
    """Codes in ascending order, each in a row.

    Parameters
    ----------
    further
        Code → more terms for it: titles of another list, inclusion terms, other languages.

    Attributes
    ----------
    parents
        Row of the longest other listed code that each begins with, −1 where there is none.
    others
        Row and text of each further term.
    """

    def __init__(
        self, codes: CodeList, further: Sequence[Mapping[str, Sequence[str]]] = ()
    ) -> None:
        if len(codes) > MAX_CODES:
            raise InputError(f"{codes.name}: expected at most {MAX_CODES:,} codes, found more")
        self.name, self.language = codes.name, codes.language
        self.codes = [each.code for each in codes]
        self.titles = [plain(each.title) for each in codes]
        self._row = {code: row for row, code in enumerate(self.codes)}
        self.parents = [self._nearest(codes, code[:-1]) for code in self.codes]
        self._codes = codes
        self.others: list[tuple[int, str]] = []
        for row, each in enumerate(codes):
            known = {self.titles[row]}
            for text in self._terms(each, further):
                if text and text not in known:
                    known.add(text)
                    self.others.append((row, text))

    @staticmethod
    def _terms(code: Code, further: Sequence[Mapping[str, Sequence[str]]]) -> Iterator[str]:
        yield from map(plain, code.inclusions)
        for each in further:
            yield from map(plain, each.get(code.code, ()))

    def __len__(self) -> int:
        return len(self.codes)

    def row(self, code: str) -> int | None:
        """Of exactly this code."""
        return self._row.get(code)

    def nearest(self, code: str) -> int | None:
        """Of this code, or of the longest listed one that it begins with."""
        row = self._nearest(self._codes, code)
        return None if row < 0 else row

    def _nearest(self, codes: CodeList, code: str) -> int:
        found = codes.longest_listed(code)
        return -1 if found is None else self._row[found]


def read_mentions(paths: Sequence[Path]) -> list[Mention]:
    """Rows with ``text``, ``code`` and ``document``, or CodiEsp's ``trainX.tsv`` and ``devX.tsv``.

    Without a document each row is taken for one of its own.

    Raises
    ------
    InputError, DataError
        A file or a row is not as expected, or there is no row.
    """
    found: list[Mention] = []
    for path in paths:
        found += _codiesp(path) if path.name in _CODIESP else _rows(path)
    if not found:
        raise InputError(f"{paths[0]}: expected rows with text and code, found none")
    return found


def _codiesp(path: Path) -> list[Mention]:
    return [
        Mention(plain(each.text), each.codes[0], each.document)
        for each in read_codiesp(path, _CODIESP[path.name])
    ]


def _rows(path: Path) -> Iterator[Mention]:
    for number, row in read_rows(path):
        text, written = _cell(row, "text", path, number), _cell(row, "code", path, number)
        code = normal_code(written)
        if code is None:
            problem = f"expected a code such as Q62.11, found {shorten(written)}"
            raise DataError(str(path), number, "code", problem)
        yield Mention(text, code, plain(str(row.get("document") or f"{path.name}:{number}")))


def _cell(row: Mapping[str, Any], name: str, path: Path, number: int) -> str:
    value = row.get(name)
    text = plain(value) if isinstance(value, str) else ""
    if not text:
        problem = f"expected a text of 1 to {MAX_TEXT} characters, found {shorten(value)}"
        raise DataError(str(path), number, name, problem)
    return text
