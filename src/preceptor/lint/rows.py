"""Rows of a file as examples, and the findings on them."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.own_booleans import without_filters
from preceptor.errors import DataError, InputError
from preceptor.files import read_rows
from preceptor.records import Example
from preceptor.rows import SheetLine

__all__ = [
    "Finding",
    "Row",
    "Weighted",
    "known_shape",
    "malformed",
    "read_examples",
    "with_ids",
    "words",
]


#: Number of first rows by which the benchmark of a file is recognised.
_SAMPLED = 20


class Finding(msgspec.Struct, frozen=True):
    """One fault.

    Attributes
    ----------
    rule
        Name of the rule in docs/lint.md.
    line
        Line of the file, from 1; None for the whole file.
    id
        Id of the example on that line.
    problem
        Description of the fault, with names and numbers but no text of the row.
    criterion
        Number of the criterion in its rubric, from 1; None where none alone is meant.
    """

    rule: str
    line: int | None
    id: str | None
    problem: str
    criterion: int | None = None


class Weighted(Protocol):
    """A criterion, also while it is written: its points are None until they are said."""

    @property
    def text(self) -> str: ...
    @property
    def points(self) -> int | None: ...


class Row(msgspec.Struct, frozen=True):
    """One row: its line, its example, and the full text of its question."""

    line: int
    example: Example
    asked: str

    def finding(self, rule: str, problem: str, criterion: int | None = None) -> Finding:
        return Finding(rule, self.line, self.example.id, problem, criterion)


def known_shape(path: Path) -> Benchmark | None:
    """The benchmark that the file's first rows fit best; None if they fit none.

    A row with a wrong nested value still fits; it is reported as a fault.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    rows = list(itertools.islice(read_rows(path), _SAMPLED))
    if not rows:
        raise InputError(f"{path}: expected the rows of a benchmark, found an empty file")
    best, most = None, 0
    for each in benchmarks.all_benchmarks():
        if each.parse is not None:
            fit = sum(_fit(each, path, line, row) for line, row in rows)
            if fit > most:
                best, most = each, fit
    return best


def _fit(benchmark: Benchmark, path: Path, line: int, row: dict[str, Any]) -> int:
    """2 for a readable row, 1 for the right form with a wrong nested value, else 0."""
    assert benchmark.parse is not None
    try:
        benchmark.parse(Fields(row, str(path), line))
    except DataError as error:
        return int("." in error.field and not error.problem.startswith("missing"))
    return 2


def read_examples(benchmark: Benchmark, path: Path) -> Iterator[Row | Finding]:
    """Read every row of a file, or the fault of a malformed one.

    A benchmark that reads folders or several files stops at its first fault.
    """
    return with_ids(_parsed(benchmark, path))


def with_ids(items: Iterable[Row | Finding]) -> Iterator[Row | Finding]:
    """Add a ``duplicate-id`` fault before each row whose id an earlier row has."""
    seen: dict[str, int] = {}
    for item in items:
        if isinstance(item, Row):
            earlier = seen.setdefault(item.example.id, item.line)
            if earlier != item.line:
                yield item.finding("duplicate-id", f"same id as line {earlier}")
        yield item


def _parsed(benchmark: Benchmark, path: Path) -> Iterator[Row | Finding]:
    if benchmark.parse is None:
        assert benchmark.read is not None
        try:
            for number, example in enumerate(benchmark.read(path), start=1):
                yield Row(number, example, _question_text(benchmark, example))
        except DataError as error:
            yield malformed(error)
        return
    member = Path(benchmark.sources[0].filename).name if benchmark.sources else None
    if path.is_dir() and member is not None and (path / member).exists():
        path = path / member
    for line, row in read_rows(path, member):
        try:
            example = benchmark.parse(Fields(row, str(path), line))
        except DataError as error:
            yield malformed(error)
        else:
            own = msgspec.structs.replace(example, criteria=without_filters(example.criteria))
            yield Row(int(line), own, _question_text(benchmark, example))


def malformed(error: DataError) -> Finding:
    """``malformed-row``: a row that cannot be read as an example, with the reason."""
    problem = f"{error.field}: {error.problem}" if error.field else error.problem
    if isinstance(error.line, SheetLine):
        place = error.line.place("", error.field).removeprefix(": ")
        return Finding("malformed-row", int(error.line), None, f"{place}: {problem}")
    return Finding("malformed-row", error.line, None, problem)


_NO_WORD = re.compile(r"[\W_]+")
_NO_ASCII_WORD = {sign: " " for sign in range(128) if not chr(sign).isalnum()}


def words(text: str) -> str:
    """Normalise a text for comparison: case, punctuation and spacing are removed."""
    if text.isascii():  # the same in a fifth of the time
        return " ".join(text.lower().translate(_NO_ASCII_WORD).split())
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def _question_text(benchmark: Benchmark, example: Example) -> str:
    """Text of all messages, one per line; a scripted dialogue adds its later turns."""
    said = [message.text for message in example.messages]
    if benchmark.protocol.environment is not None and example.target is not msgspec.UNSET:
        said.append(msgspec.json.encode(example.target).decode())
    return "\n".join(said)
