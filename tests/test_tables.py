"""Parquet and sheets: every type is a value of JSON, damage is one line, memory is bounded."""

from __future__ import annotations

import datetime
import gzip
import json
import uuid
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from preceptor import files, tables
from preceptor.errors import DataError, InputError
from preceptor.files import read_rows

pa = pytest.importorskip("pyarrow", reason="needs the extra parquet")
openpyxl = pytest.importorskip("openpyxl", reason="needs the extra excel")


def parquet(path: Path, **columns: Any) -> Path:
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table(columns), path, compression="zstd")
    return path


def sheet(path: Path, *rows: list[Any]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([Decimal("1.50")], pa.decimal128(10, 2), 1.5),
        ([Decimal("3")], pa.decimal256(50, 2), 3),
        ([datetime.date(2020, 1, 2)], pa.date32(), "2020-01-02"),
        ([1], pa.time32("s"), "00:00:01"),
        ([1], pa.timestamp("ns"), "1970-01-01T00:00:00.000000001"),
        ([0], pa.timestamp("us", tz="UTC"), "1970-01-01T00:00:00+00:00"),
        ([1], pa.timestamp("us", tz="Nowhere/X"), None),
        ([2_000_000], pa.duration("us"), 2.0),
        ([b"\xff\x00"], pa.binary(), "ff00"),
        ([b"ab"], pa.binary(2), "ab"),
        ([[1, 2]], pa.list_(pa.int8(), 2), [1, 2]),
        ([{"a": None}], pa.struct([("a", pa.int8())]), {"a": None}),
        ([[("k", 1)]], pa.map_(pa.string(), pa.int8()), [["k", 1]]),
        ([1.5], pa.float16(), 1.5),
        (["a"], pa.large_string(), "a"),
        (["a"], pa.dictionary(pa.int8(), pa.string()), "a"),
        ([2**64 - 1], pa.uint64(), 2**64 - 1),
        ([None], pa.null(), None),
        ([[{"a": datetime.datetime(2020, 1, 1)}]], None, [{"a": "2020-01-01T00:00:00"}]),
    ],
)
def test_every_type_of_a_column_is_a_value(
    tmp_path: Path, values: list[Any], kind: Any, expected: object
) -> None:
    """Whatever a column holds, used or not, the row can be read and written as JSON."""
    path = parquet(tmp_path / "x.parquet", id=["1"], x=pa.array(values, kind))
    ((_, row),) = read_rows(path)
    json.dumps(row)
    assert row["id"] == "1"
    assert expected is None or row["x"] == expected


def test_the_types_of_extensions(tmp_path: Path) -> None:
    """A UUID is its text."""
    if not hasattr(pa, "uuid"):
        pytest.skip("this pyarrow has no UUIDs")
    one = uuid.uuid4()
    path = parquet(tmp_path / "x.parquet", x=pa.array([one.bytes], pa.uuid()))
    assert [row["x"] for _, row in read_rows(path)] == [str(one)]


@pytest.mark.parametrize(
    ("name", "columns", "said"),
    [
        ("many rows of one text", {"t": ["x" * 2**20] * 200}, "too much for its size"),
        ("one long text", {"t": ["x" * (17 * 2**20)]}, "expected a row of at most 16,777,216"),
        ("a long list", {"t": [["y" * 10**5] * 300]}, "expected a row of at most 16,777,216"),
    ],
)
def test_a_small_file_does_not_fill_the_memory(
    tmp_path: Path, name: str, columns: dict[str, Any], said: str
) -> None:
    """A few kilobytes that stand for hundreds of megabytes are refused while they are read."""
    path = parquet(tmp_path / "x.parquet", **columns)
    assert path.stat().st_size < 10_000, name
    with pytest.raises(InputError, match=said):
        list(read_rows(path))


def test_values_without_bytes_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Millions of nulls take no place in a file."""
    monkeypatch.setattr(tables, "_MAX_VALUES", 1000)
    monkeypatch.setattr(tables, "MAX_RATIO", 1)
    path = parquet(tmp_path / "x.parquet", x=pa.nulls(100_000, pa.int8()))
    with pytest.raises(InputError, match="column x: 100,000 values"):
        next(read_rows(path))


def test_a_sheet_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    """An archive with a part of many times its size is refused before it is opened."""
    path = sheet(tmp_path / "x.xlsx", ["id"], [1])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/more.xml", b"<row/>" * (2 * 2**20))
    with pytest.raises(InputError, match="too much for its size"):
        list(read_rows(path))


@pytest.mark.parametrize("line", [b"\n", b'{"id": 1}\n', b'{"id": "' + b"a" * 10**6 + b'"}\n'])
def test_packed_text_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    """Lines without a value count too: reading them takes time."""
    monkeypatch.setattr(files, "MAX_UNPACKED", 2**20)
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(line * (10**7 // len(line))))
    with pytest.raises(InputError, match="too much for its size"):
        list(read_rows(path))


def test_a_sheet_is_read_as_its_cells_stand(tmp_path: Path) -> None:
    """Times are texts, short rows lack nothing, and rows without a value are skipped."""
    when = datetime.datetime(2020, 1, 1)
    path = sheet(tmp_path / "x.xlsx", ["id", "x", "y"], [1, when], [None], [2, None, "z"])
    assert list(read_rows(path)) == [
        (2, {"id": 1, "x": "2020-01-01T00:00:00", "y": None}),
        (4, {"id": 2, "x": None, "y": "z"}),
    ]


@pytest.mark.parametrize("name", ["x.xlsx", "x.parquet", "x.jsonl.gz", "x.jsonl.zip"])
def test_a_cut_file_is_one_line(tmp_path: Path, name: str) -> None:
    """Wherever a file ends early, or a byte is wrong, the message names it."""
    import gzip
    import random

    path, row = tmp_path / name, b'{"id": "1", "x": "some text"}\n'
    if name == "x.xlsx":
        sheet(path, ["id", "x"], [1, "some text"])
    elif name == "x.parquet":
        parquet(path, id=["1"], x=["some text"])
    elif name == "x.jsonl.gz":
        path.write_bytes(gzip.compress(row))
    else:
        path = tmp_path / "x.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data", row)
    whole, draw = path.read_bytes(), random.Random(5)
    for _ in range(40):
        at = draw.randrange(len(whole))
        flipped = whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :]
        path.write_bytes(draw.choice([whole[:at], flipped]))
        try:
            list(read_rows(path, "data"))
        except InputError as error:
            assert str(path) in str(error)  # noqa: PT017 - damage may be harmless


def test_a_table_without_line_ends_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of a .csv file is bounded as a line of a .jsonl file is, however many cells it has."""
    monkeypatch.setattr("preceptor.separated.MAX_LINE_BYTES", 1000)
    path = tmp_path / "x.csv"
    path.write_text("id,x\n" + "1,2\n" * 500 + "1," * 600)
    with pytest.raises(DataError, match="expected a row of at most 1,000 characters"):
        list(read_rows(path))


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_json_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Two bytes may stand for an object of 64: it is refused before it is decoded."""
    path = tmp_path / name
    path.write_text('{"rows": [' + "{}," * 1000 + "{}]}")
    monkeypatch.setattr(files, "MAX_JSON_MEMORY", 50_000)
    with pytest.raises(DataError, match="of memory, expected at most 50,000"):
        list(read_rows(path))
