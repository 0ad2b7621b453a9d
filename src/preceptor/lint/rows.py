"""What the rules look at: the rows of a file, each as an example where it can be read as one."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import DataError, InputError
from preceptor.files import read_rows
from preceptor.records import Example

__all__ = ["Finding", "Row", "known_shape", "malformed", "read_examples", "with_ids", "words"]


#: Rows by which the form of a file is recognised.
_LOOKED_AT = 20


class Finding(msgspec.Struct, frozen=True):
    """One fault.

    Attributes
    ----------
    rule
        Its name in docs/lint.md.
    line
        Of the file, from 1; None where the file as a whole is meant.
    id
        Of the example on that line.
    problem
        What is wrong. It has names and numbers, and no text of the row.
    """

    rule: str
    line: int | None
    id: str | None
    problem: str


class Row(msgspec.Struct, frozen=True):
    """One row: where it is, the example that it becomes, and all that is asked in it."""

    line: int
    example: Example
    asked: str

    def finding(self, rule: str, problem: str) -> Finding:
        return Finding(rule, self.line, self.example.id, problem)


def known_shape(path: Path) -> Benchmark | None:
    """The benchmark that most of the file's first rows fit; None if they fit none.

    A row with a wrong value deep within still fits, and has a fault.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    rows = list(itertools.islice(read_rows(path), _LOOKED_AT))
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
    """2 for a readable row, 1 for one of the right form with a fault deep within, else 0."""
    assert benchmark.parse is not None
    try:
        benchmark.parse(Fields(row, str(path), line))
    except DataError as error:
        return int("." in error.field and not error.problem.startswith("missing"))
    return 2


def read_examples(benchmark: Benchmark, path: Path) -> Iterator[Row | Finding]:
    """Every row of a file, or the fault because of which it is none.

    A benchmark that reads whole folders or several files says no more after its first fault.
    """
    return with_ids(_parsed(benchmark, path))


def with_ids(items: Iterable[Row | Finding]) -> Iterator[Row | Finding]:
    """The same, each row whose id an earlier one has after that fault."""
    seen: dict[str, int] = {}
    for item in items:
        if isinstance(item, Row):
            earlier = seen.setdefault(item.example.id, item.line)
            if earlier != item.line:
                yield item.finding("duplicate-id", f"the id is that of line {earlier} too")
        yield item


def _parsed(benchmark: Benchmark, path: Path) -> Iterator[Row | Finding]:
    if benchmark.parse is None:
        assert benchmark.read is not None
        try:
            for number, example in enumerate(benchmark.read(path), start=1):
                yield Row(number, example, _asked(benchmark, example))
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
            yield Row(line, example, _asked(benchmark, example))


def malformed(error: DataError) -> Finding:
    """``malformed-row``: a row that is no example, and why."""
    problem = f"{error.field}: {error.problem}" if error.field else error.problem
    return Finding("malformed-row", error.line, None, problem)


_NO_WORD = re.compile(r"[\W_]+")


def words(text: str) -> str:
    """A text without case, punctuation and kinds of space: what two copies have in common."""
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def _asked(benchmark: Benchmark, example: Example) -> str:
    """Every message from its own line on; of a scripted dialogue also what is said later."""
    said = [message.text for message in example.messages]
    if benchmark.protocol.environment is not None and example.target is not msgspec.UNSET:
        said.append(msgspec.json.encode(example.target).decode())
    return "\n".join(said)
