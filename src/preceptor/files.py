"""Reading rows from a user's file, with the line of every fault."""

from __future__ import annotations

import ast
import contextlib
import csv
import decimal
import gzip
import hashlib
import json
import math
import re
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from preceptor.errors import DataError, InputError, Unavailable, shorten

__all__ = [
    "MAX_LINE_BYTES",
    "MET_WORDS",
    "SemicolonRow",
    "decode_json",
    "file_sha256",
    "id_text",
    "is_missing",
    "listed",
    "quoted",
    "read_met",
    "read_number",
    "read_rows",
]

#: The longest real row known has 0.3 MB; a line beyond this is a wrong file or an attack.
MAX_LINE_BYTES = 16 * 2**20

Row = dict[str, Any]


class SemicolonRow(Row):
    """A row of a table with ``;`` between its cells, in which 2,5 is a number."""


def read_rows(
    path: Path,
    member: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    exact: bool = False,
) -> Iterator[tuple[int, Row]]:
    """Yield (line number, row) from a file of rows, by its suffix.

    ``.jsonl`` (also ``.jsonl.gz``, or as ``member`` of a ``.zip``), ``.json``, ``.csv``, ``.tsv``,
    ``.xlsx`` and ``.parquet``. A ``.json`` file holds a list of rows, or
    ``{"rows": [{"row": {…}}, …]}`` as the data set server of Hugging Face answers; in it and in
    ``.parquet`` files the number is that of the row, from 1. The cells of ``.csv`` and ``.tsv``
    files are texts, and ``.csv`` files may have ``;`` or tabs between them, as Excel writes them
    where a comma stands in numbers. NaN, which Python writes into JSON, is null. The first line,
    or that of the first sheet of an ``.xlsx`` file, has the names of the columns, unless
    ``columns`` names those of a table without such a line. A row of cells that ends early lacks
    the rest; with ``exact`` it is a fault.

    Raises
    ------
    InputError
        The file is missing, unreadable or of another kind.
    DataError
        A line is not a JSON object.
    """
    try:
        if path.is_dir():
            problem = "expected a file, found a folder: name the .jsonl file in it"
            raise InputError(f"{path}: {problem}")
        suffix = path.suffix.lower()
        if suffix in (".csv", ".tsv"):
            yield from _separated_rows(path, columns, exact=exact)
        elif suffix in _READERS:
            yield from _READERS[suffix](path)
        else:
            with _open(path, member) as stream:
                yield from _lines(stream, str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, EOFError, *_BROKEN_ARCHIVE) as error:
        raise InputError(f"{path}: cannot be read: {_words(error)}") from None


#: What a damaged, encrypted or exotic archive raises.
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


def _lines(stream: IO[bytes], where: str) -> Iterator[tuple[int, Row]]:
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
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
        raise DataError(where, number, "", _not_utf8(error)) from None
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
    """JSON, or what Python writes as JSON: with NaN, which is null, and Infinity."""
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        # What is said of any other fault is that of the stricter reader, which takes no half of a
        # surrogate pair either.
        odd = b"NaN" in content or b"Infinity" in content
        if not odd or b"\\ud" in content.lower():
            raise
        with contextlib.suppress(ValueError):
            return json.loads(content, parse_constant=_CONSTANTS.get)
        raise


_CONSTANTS = {"NaN": None, "Infinity": math.inf, "-Infinity": -math.inf}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def _not_utf8(error: UnicodeDecodeError) -> str:
    found = error.object[error.start : error.start + 4].hex(" ")
    return f"expected UTF-8, found the bytes {found}: save the file as UTF-8"


def _start(line: bytes) -> str:
    return line[:40].decode("utf-8", "replace").strip()


def decode_json(path: Path) -> Any:
    """The content of a JSON file. Raises DataError where it is none."""
    try:
        return _decoded(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError as error:
        raise DataError(str(path), None, "", _not_utf8(error)) from None
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


def _parquet_rows(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise Unavailable(
            f"{path}: reading parquet needs pyarrow: pip install 'preceptor[parquet]'"
        ) from None
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            _header(file.schema_arrow.names, str(path))
            number = 0
            for batch in file.iter_batches(batch_size=500):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {name: _there(value) for name, value in row.items()}
    except pyarrow.ArrowException:
        raise InputError(f"{path}: expected a parquet file, found something else") from None


def _there(value: object) -> object:
    """A value of a table; NaN is how a column of floats writes null."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _separated_rows(
    path: Path, columns: Sequence[str] | None, *, exact: bool
) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(MAX_LINE_BYTES)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(path, columns)
    kind = SemicolonRow if delimiter == ";" else dict
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = _cells(stream, delimiter)
            header = _header(columns or next(reader, (1, []))[1], str(path))
            for begins, cells in reader:
                if exact and cells and len(cells) != len(header):
                    problem = f"expected {len(header)} columns, found {len(cells)}"
                    raise DataError(str(path), begins, "", problem)
                if cells:
                    yield begins, kind(_row(header, cells, str(path), begins))
    except UnicodeDecodeError as error:
        raise DataError(str(path), None, "", _not_utf8(error)) from None
    except _BrokenTable as error:
        problem = f"is not CSV: not the rows of a table: {error}"
        raise DataError(str(path), error.line, "", problem) from None


class _BrokenTable(Exception):
    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


def _cells(stream: IO[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row. A cell may hold several lines: the line is where the row begins.

    Excel's own first line, ``sep=;``, is passed over.
    """
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            if begins > 1 or not _stated("".join(cells) if len(cells) < 3 else ""):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _BrokenTable(reader.line_num, str(error)) from None


def _stated(line: str) -> str | None:
    """What a first line such as ``sep=;`` says is between cells."""
    found = re.fullmatch(r'"?sep=(.?)"?\s*', line, re.IGNORECASE)
    return found and (found[1] or ",")


def _delimiter(path: Path, columns: Sequence[str] | None) -> str:
    """What is between the cells of a ``.csv`` file: a comma, ``;`` or a tab.

    What the file states, else that by which most rows have as many cells as the first, and more
    than one. The whole file is counted, with its quotes: a text may hold any of them.
    """
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as stream:
        stated = _stated(stream.readline(_LONGEST_STATEMENT))
    if columns or stated in _DELIMITERS:
        return stated or ","
    best, most = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        with path.open(encoding="utf-8-sig", newline="", errors="replace") as stream:
            counts: Counter[int] = Counter()
            width = 0
            with contextlib.suppress(_BrokenTable):
                for _, cells in _cells(stream, delimiter):
                    width = width or len(cells)
                    if width < 2:
                        break
                    counts[len(cells)] += bool(cells)
        share = counts[width] / max(counts.total(), 1)
        if width > 1 and (share, width) > most:
            best, most = delimiter, (share, width)
    return best


def _header(names: Sequence[str], where: str) -> Sequence[str]:
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise DataError(where, 1, twice[0], "is the name of two columns")
    return names


def _row(header: Sequence[str], cells: Sequence[Any], where: str, line: int) -> Row:
    if len(cells) > len(header):
        problem = f"expected {len(header)} cells as in the first line, found {len(cells)}"
        raise DataError(where, line, "", problem)
    # A row that ends early lacks the rest, as a missing key of JSON.
    return {name: cell for name, cell in zip(header, cells, strict=False) if name}


def _sheet_rows(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        import openpyxl
    except ImportError:
        raise Unavailable(
            f"{path}: reading .xlsx needs openpyxl: pip install 'preceptor[suite]'"
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (KeyError, ValueError, *_BROKEN_ARCHIVE, openpyxl.utils.exceptions.InvalidFileException):
        raise InputError(f"{path}: expected an .xlsx file, found something else") from None
    with contextlib.closing(book):
        rows = book.worksheets[0].iter_rows(values_only=True)
        names = [str(name).strip() if name is not None else "" for name in next(rows, ())]
        header = _header(names, str(path))
        for number, cells in enumerate(rows, start=2):
            if any(cell is not None for cell in cells):
                yield number, _row(header, cells, str(path), number)


_DELIMITERS = (",", ";", "\t")
_LONGEST_STATEMENT = 20
#: Characters of a text beyond which no list or object is looked for in it.
_MOST_QUOTED = 2**18
#: Suffix → reader; in all other files a line is a row of JSON.
_READERS: dict[str, Callable[[Path], Iterator[tuple[int, Row]]]] = {
    ".parquet": _parquet_rows,
    ".json": _json_rows,
    ".xlsx": _sheet_rows,
}


# Cells

_MISSING = {"", "nan", "none", "null", "n/a", "na", "#n/a"}
#: Words of labels in small letters; those of truth are what Excel writes in its languages.
_MET = {
    *("1", "true", "t", "yes", "y", "met", "pass", "passed", "fulfilled", "satisfied"),
    *("ja", "j", "oui", "si", "sí", "sim", "wahr", "vrai", "verdadero", "vero", "verdadeiro"),
}
_NOT_MET = {
    *("0", "false", "f", "no", "n", "not met", "notmet", "unmet", "fail", "failed"),
    *("not fulfilled", "not satisfied", "nein", "non", "não", "falsch", "faux", "falso"),
}
MET_WORDS = "true, false or null (or 1 and 0, met and not met, yes and no, pass and fail)"


def is_missing(value: object) -> bool:
    """Whether a cell has no value: null, NaN, an empty text or a word for it."""
    if isinstance(value, str):
        return value.strip().casefold() in _MISSING
    return value is None or value != value  # noqa: PLR0124 (NaN, also of a decimal)


def read_met(value: object) -> bool | None:
    """Whether a label says that a criterion is met; None where it is missing.

    Raises
    ------
    ValueError
        It is no such label: nothing is guessed.
    """
    if is_missing(value):
        return None
    if isinstance(value, int | float | decimal.Decimal) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        word = " ".join(re.split(r"[\s_-]+", value.strip().casefold()))
        word = re.sub(r"^([01])[.,]0+$", r"\1", word)
        if word in _MET or word in _NOT_MET:
            return word in _MET
    raise ValueError(f"expected {MET_WORDS}")


def read_number(text: str, row: Mapping[str, Any]) -> float:
    """The number in a cell; a decimal comma is one where ``;`` stands between the row's cells.

    Raises
    ------
    ValueError
        It is no number; of a decimal comma elsewhere with words that say so.
    """
    plain = text.strip()
    if re.fullmatch(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+", plain):
        if not isinstance(row, SemicolonRow):
            raise ValueError("a number with a decimal point and no comma")
        plain = plain.replace(".", "").replace(",", ".")
    try:
        return float(plain)
    except ValueError:
        raise ValueError("a number") from None


def quoted(text: str) -> Any:
    """The list or object that a table wrote as a text, in JSON or in Python's words.

    Raises
    ------
    ValueError
        It is none, or too long to be looked at.
    """
    if len(text) > _MOST_QUOTED or not text.lstrip().startswith(("[", "{", "(")):
        raise ValueError("not a list or an object")
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings(action="ignore"):  # of escapes such as \\d
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        raise ValueError("not a list or an object") from None


def listed(value: object) -> object:
    """A list, also from the text that a table wrote of it; anything else as it is."""
    try:
        return list(quoted(value)) if isinstance(value, str) else value
    except (ValueError, TypeError):
        return value


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def id_text(value: object) -> str | None:
    """An id as the text that it is: tables make numbers of them. None for what is no id."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None
