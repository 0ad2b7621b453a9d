"""Rows of a user's file, with the line of every fault."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from preceptor import sheets, tables
from preceptor.errors import DataError, InputError, shorten
from preceptor.rows import MAX_LINE_BYTES, MAX_UNPACKED, Row, not_utf8
from preceptor.separated import separated_rows

__all__ = ["check_free", "decode_json", "file_sha256", "id_text", "read_rows"]

#: A packed text may unpack to this many times its size, plus MAX_UNPACKED.
MAX_TEXT_RATIO = 100
#: Most memory of a row, or of a ``.json`` file, which is decoded as a whole.
MAX_JSON_MEMORY = 256 * 2**20
#: Memory of an empty list or object, and about that of other small values.
_VALUE_BYTES = 64


def check_free(path: Path) -> None:
    """Raise InputError if the path exists: a person may have filled the file in."""
    if path.exists():
        raise InputError(f"{path}: exists already: name another, or remove it")


def read_rows(
    path: Path,
    member: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    exact: bool = False,
) -> Iterator[tuple[int, Row]]:
    """Yield (line number, row) from a file, read by its suffix.

    ``.jsonl`` (also ``.jsonl.gz``, or as ``member`` of a ``.zip``), ``.json``, ``.csv`` and
    ``.tsv`` (also with ``.gz``), ``.xlsx``, ``.ods`` and ``.parquet``. A ``.json`` file holds a
    list of rows, or ``{"rows": [{"row": {…}}, …]}`` as Hugging Face's dataset server answers. In
    ``.json`` and ``.parquet`` files the number is that of the row, from 1. The cells of ``.csv``
    and ``.tsv`` files are texts; ``.csv`` files may be separated by ``;`` or tabs, as Excel does
    where the decimal sign is a comma. NaN, which Python writes into JSON, is null. The first line
    (of spreadsheets, of the first sheet that is shown) has the names of the columns, unless
    ``columns`` gives them. A row that ends early lacks the rest; with ``exact`` it is a fault.

    Raises
    ------
    InputError
        The file is missing, unreadable or of another format.
    DataError
        A line is not a JSON object.
    """
    try:
        if path.is_dir():
            problem = "expected a file, found a folder: name the .jsonl file in it"
            raise InputError(f"{path}: {problem}")
        suffix = path.suffix.lower()
        if path.name.lower().endswith((".csv", ".tsv", ".csv.gz", ".tsv.gz")):
            yield from separated_rows(path, columns, exact=exact)
        elif suffix in _BINARY:
            yield from _binary_rows(path, suffix)
        elif suffix == ".json":
            yield from _json_rows(path)
        else:
            packed = suffix in (".gz", ".zip")
            allowed = MAX_UNPACKED + MAX_TEXT_RATIO * path.stat().st_size if packed else math.inf
            with _open(path, member) as stream:
                yield from _lines(stream, str(path), allowed)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, EOFError, *_BROKEN_ARCHIVE) as error:
        raise InputError(f"{path}: cannot be read: {_words(error)}") from None


def _binary_rows(path: Path, suffix: str) -> Iterator[tuple[int, Row]]:
    """Rows of a format that a library reads."""
    read = tables.parquet_rows if suffix == ".parquet" else sheets.sheet_rows
    produced = 0
    allowed = MAX_UNPACKED + tables.MAX_RATIO * path.stat().st_size
    for number, row in read(path):
        size = tables.size_of(row)
        produced += size
        if size > MAX_LINE_BYTES:
            problem = f"expected a row of at most {MAX_LINE_BYTES:,} bytes, found {size:,}"
            raise DataError(str(path), number, "", problem)
        if produced > allowed:
            raise InputError(
                f"{path}: unpacks to more than {allowed:,} bytes: too much for its size"
            )
        yield number, row


#: Raised by a damaged, encrypted or exotic archive.
_BROKEN_ARCHIVE = (zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)


def _words(error: BaseException) -> str:
    said = getattr(error, "strerror", None)
    return said or "it is damaged, cut off, encrypted, or not what its name says"


def _open(path: Path, member: str | None) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if path.suffix.lower() == ".zip":
        archive = zipfile.ZipFile(path)
        names = [name for name in archive.namelist() if name.split("/")[-1] == member]
        if not names:
            inside = ", ".join(shorten(name, 40) for name in archive.namelist()[:3]) or "nothing"
            raise InputError(f"{path}: expected {member or 'data'} inside, found {inside}")
        return archive.open(names[0])
    return path.open("rb")


def _lines(stream: IO[bytes], where: str, allowed: float) -> Iterator[tuple[int, Row]]:
    number = unpacked = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        unpacked += len(line) + _VALUE_BYTES
        if unpacked > allowed:
            problem = f"unpacks to more than {allowed:,.0f} bytes: too much for its size"
            raise InputError(f"{where}: {problem}")
        if len(line) > MAX_LINE_BYTES:
            problem = f"expected one row a line, found a line longer than {MAX_LINE_BYTES:,} bytes"
            raise DataError(where, number, "", problem)
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # a BOM, as Windows tools write it
        if line.strip():
            yield number, _object(line, where, number)


def _object(line: bytes, where: str, number: int) -> Row:
    try:
        row = _decoded(line)
    except UnicodeDecodeError as error:
        raise DataError(where, number, "", not_utf8(error)) from None
    except msgspec.DecodeError as error:
        if line.startswith(_UTF16):
            raise DataError(where, number, "", "expected UTF-8, found UTF-16") from None
        problem = f"expected a JSON object, found {shorten(_start(line), 40)} ({error})"
        raise DataError(where, number, "", problem) from None
    except RecursionError:
        raise DataError(where, number, "", "the JSON is nested too deeply") from None
    if not isinstance(row, dict):
        problem = f"expected a JSON object, found {shorten(row, 40)}"
        raise DataError(where, number, "", problem)
    return row


def _decoded(content: bytes) -> Any:
    """Decode JSON, or what Python writes as JSON: NaN, which becomes null, and Infinity.

    Raises DecodeError also for what would fill the memory: two bytes may stand for an object.
    """
    values = sum(map(content.count, (b",", b":", b"[", b"{")))
    if (needed := 2 * len(content) + _VALUE_BYTES * values) > MAX_JSON_MEMORY:
        found = f"{len(content):,} bytes with {values:,} signs of values: about {needed:,} bytes"
        raise msgspec.DecodeError(f"{found} of memory, expected at most {MAX_JSON_MEMORY:,}")
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        # Other faults keep the stricter reader's message. It refuses half a surrogate pair too.
        odd = b"NaN" in content or b"Infinity" in content
        if not odd or b"\\ud" in content.lower():
            raise
        with contextlib.suppress(ValueError):
            return json.loads(content, parse_constant=_CONSTANTS.get)
        raise


_CONSTANTS = {"NaN": None, "Infinity": math.inf, "-Infinity": -math.inf}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def _start(line: bytes) -> str:
    return line[:40].decode("utf-8", "replace").strip()


def decode_json(path: Path) -> Any:
    """The content of a JSON file. Raises DataError if it is not JSON."""
    try:
        if 2 * (size := path.stat().st_size) > MAX_JSON_MEMORY:
            problem = f"expected at most {MAX_JSON_MEMORY // 2:,} bytes, found {size:,}"
            raise DataError(str(path), None, "", f"{problem}: make it one row a line (.jsonl)")
        return _decoded(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError as error:
        raise DataError(str(path), None, "", not_utf8(error)) from None
    except msgspec.DecodeError as error:
        problem = f"expected JSON ({error}); one row a line belongs into a .jsonl file"
        raise DataError(str(path), None, "", problem) from None
    except RecursionError:
        raise DataError(str(path), None, "", "the JSON is nested too deeply") from None


def _json_rows(path: Path) -> Iterator[tuple[int, Row]]:
    content = decode_json(path)
    rows = content.get("rows") if isinstance(content, dict) else content
    if not isinstance(rows, list):
        problem = 'expected a list of rows or {"rows": […]}; name one row a line .jsonl instead'
        raise DataError(str(path), None, "", problem)
    for number, row in enumerate(rows, start=1):
        inner = row.get("row", row) if isinstance(row, dict) else row
        if not isinstance(inner, dict):
            raise DataError(
                str(path), number, "", f"expected an object, found {shorten(inner, 40)}"
            )
        yield number, inner


#: Suffixes of binary formats. Other files, except tables and ``.json``, have a row per line.
_BINARY = (".parquet", *sheets.SHEETS, *sheets.REFUSED)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def id_text(value: object) -> str | None:
    """An id as text, since tables turn ids into numbers; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None
