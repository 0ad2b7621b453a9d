"""What a benchmark is: a named, versioned set of examples with its protocol."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from preceptor.cache import cache_dir
from preceptor.errors import DataError, InputError, Unavailable, shorten
from preceptor.files import file_sha256, read_rows
from preceptor.protocols.base import Protocol
from preceptor.records import Example

__all__ = ["Benchmark", "Dataset", "Fields", "Source"]


class Source(msgspec.Struct, frozen=True):
    """Where the data is at home: a file of a Hugging Face data set, pinned and hashed."""

    repo: str
    revision: str
    filename: str
    sha256: str


class Dataset(msgspec.Struct, frozen=True):
    """The examples of one file.

    ``official`` is True when the file's hash is the pinned one.
    """

    examples: list[Example]
    sha256: str
    official: bool

    def sample(self, limit: int | None) -> list[Example]:
        """All examples, or the reference implementation's own random choice of ``limit`` of them.

        ``random.Random(0).sample``, so that a limited run covers the examples that a limited run
        of simple-evals covers.
        """
        if limit is None or limit >= len(self.examples):
            return self.examples
        return random.Random(0).sample(self.examples, limit)  # noqa: S311


class Benchmark(msgspec.Struct, frozen=True):
    """One benchmark.

    Attributes
    ----------
    name, title
        As typed, and as shown.
    parse
        (fields of one row) → Example; raises DataError.
    protocol
        How it asks, grades, scores and aggregates.
    n_examples, n_criteria
        As published; a file with other counts is used all the same, and the run says so.
    source
        None for data that the package contains, at ``contained``.
    caution
        What must be said beside every score of it.
    """

    name: str
    title: str
    family: str
    summary: str
    licence: str
    citation: str
    n_examples: int
    n_criteria: int | None
    parse: Callable[[Fields], Example]
    protocol: Protocol
    source: Source | None = None
    contained: str | None = None
    labels: Mapping[str, str] = {}
    caution: str | None = None

    def path(self) -> Path:
        """Where the data lies on this machine; the file need not be there."""
        if self.contained is not None:
            return Path(__file__).parent / "data" / self.contained
        assert self.source is not None
        return cache_dir() / "data" / self.name / self.source.filename

    def load(self, data: Path | None = None) -> Dataset:
        """Read the examples from ``data``, or from where `fetch` put them.

        Raises
        ------
        Unavailable
            Nothing was fetched yet and no file was named.
        DataError
            A row is not what the schema says; two rows have one id.
        """
        path = data or self.path()
        if data is None and not path.exists():
            raise Unavailable(
                f"{self.name}: its data is not on this machine: run `preceptor fetch {self.name}`, "
                f"or name a copy with --data PATH"
            )
        member = self.source.filename if self.source else None
        examples = list(self._examples(path, member))
        if not examples:
            raise InputError(f"{path}: expected the rows of {self.name}, found an empty file")
        digest = file_sha256(path)
        official = self.source is None or digest == self.source.sha256
        return Dataset(examples, digest, official)

    def _examples(self, path: Path, member: str | None) -> Iterator[Example]:
        seen: dict[str, int] = {}
        for number, row in read_rows(path, member):
            example = self.parse(Fields(row, str(path), number))
            if example.id in seen:
                problem = f"{shorten(example.id)} is already on line {seen[example.id]}"
                raise DataError(str(path), number, "id", problem)
            seen[example.id] = number
            yield example


_JSON_WORDS = {"None": "null", "True": "true", "False": "false"}


class Fields:
    """One row, read field by field; a wrong one raises DataError with file, line and field."""

    def __init__(self, row: Mapping[str, Any], where: str, line: int, prefix: str = "") -> None:
        self.row, self.where, self.line, self.prefix = row, where, line, prefix

    def fault(self, field: str, expected: str, found: object) -> DataError:
        shown = _JSON_WORDS.get(repr(found), shorten(found))
        problem = f"expected {expected}, found {shown}"
        return DataError(self.where, self.line, self.prefix + field, problem)

    def __contains__(self, field: str) -> bool:
        return field in self.row

    def need(self, field: str, expected: str) -> Any:
        if field not in self.row:
            known = ", ".join(list(self.row)[:8])
            problem = f"missing; expected {expected}; the row has: {shorten(known)}"
            raise DataError(self.where, self.line, self.prefix + field, problem)
        return self.row[field]

    def text(self, field: str, *, empty: bool = False) -> str:
        value = self.need(field, "a text")
        if not isinstance(value, str) or not (value.strip() or empty):
            raise self.fault(field, "a text" if empty else "a text that is not empty", value)
        return value

    def optional_text(self, field: str) -> str | None:
        return self.text(field, empty=True) if self.row.get(field) is not None else None

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of texts; null or absent counts as none."""
        value = self.row.get(field)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fault(field, "a list of texts", value)
        return tuple(value)

    def one_of(self, field: str, allowed: tuple[str, ...]) -> str:
        value = self.text(field)
        if value not in allowed:
            raise self.fault(field, f"one of {', '.join(allowed)}", value)
        return value

    def integer(self, field: str) -> int:
        value = self.need(field, "an integer")
        # 5.0 is what a table of floats makes of 5; True is not a number here.
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fault(field, "an integer", value)
        return value

    def nested(self, field: str) -> Fields:
        value = self.need(field, "an object")
        if not isinstance(value, dict):
            raise self.fault(field, "an object", value)
        return Fields(value, self.where, self.line, f"{self.prefix}{field}.")

    def items(self, field: str) -> list[Fields]:
        """A list of objects that is not empty.

        Hugging Face stores such a column either as it is or as an object of equally long lists;
        both are read.
        """
        value = self.need(field, "a list of objects")
        if isinstance(value, dict) and value and all(isinstance(v, list) for v in value.values()):
            if len({len(v) for v in value.values()}) != 1:
                raise self.fault(field, "lists of one length", value)
            value = [
                dict(zip(value, items, strict=True)) for items in zip(*value.values(), strict=True)
            ]
        if not isinstance(value, list) or not value:
            raise self.fault(field, "a list of objects that is not empty", value)
        for position, item in enumerate(value):
            if not isinstance(item, dict):
                raise self.fault(f"{field}[{position}]", "an object", item)
        return [
            Fields(item, self.where, self.line, f"{self.prefix}{field}[{position}].")
            for position, item in enumerate(value)
        ]
