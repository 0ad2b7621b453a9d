"""Rows of parquet files as JSON values, within bounds of memory."""

from __future__ import annotations

import contextlib
import datetime
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preceptor.errors import DataError, InputError, PreceptorError
from preceptor.installation import MissingExtra
from preceptor.rows import MAX_LINE_BYTES, MAX_UNPACKED, Row, header_of

if TYPE_CHECKING:
    import pyarrow

__all__ = ["MAX_RATIO", "parquet_rows", "size_of"]

#: A file may unpack to this many times its size (gzip's most), plus MAX_UNPACKED.
MAX_RATIO = 1000
#: Most values of one column of a row group: a few bytes may encode any number.
_MAX_VALUES = 8 * 2**20
_BATCH = 500


def parquet_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield (number, row); times are ISO texts, bytes are texts or hexadecimal.

    Raises
    ------
    InputError, DataError
        The file is damaged, of another format, or would fill the memory.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra(f"{path}: reading parquet needs pyarrow", "parquet") from None
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            header_of(file.schema_arrow.names, str(path))
            _check_parquet(path, file.metadata)
            texts = _columns_of_texts(file.metadata)
        with pyarrow.parquet.ParquetFile(path, read_dictionary=texts) as file:
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH, use_threads=False):
                for row in _rows_of(batch, str(path), number):
                    number += 1
                    yield number, row
    except (PreceptorError, FileNotFoundError, PermissionError):
        raise
    except Exception:  # a damaged file makes its reader raise anything
        problem = "expected a parquet file, found something else, or one that is damaged or cut off"
        raise InputError(f"{path}: {problem}") from None


def _check_parquet(path: Path, metadata: Any) -> None:
    """Refuse a file that would fill the memory, by its own metadata."""
    if metadata.num_columns == 0 and metadata.num_rows > 0:
        raise InputError(f"{path}: expected rows with columns, found rows without any")
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        for place in range(rows.num_columns):
            column = rows.column(place)
            packed = min(column.total_compressed_size, path.stat().st_size)
            many = column.num_values > _MAX_VALUES + MAX_RATIO * packed
            if many or column.total_uncompressed_size > MAX_UNPACKED + MAX_RATIO * packed:
                raise InputError(
                    f"{path}: column {column.path_in_schema}: {column.num_values:,} values of "
                    f"{column.total_uncompressed_size:,} bytes in {packed:,}: too much for its size"
                )


def _columns_of_texts(metadata: Any) -> list[str]:
    """Columns to keep dictionary-encoded: a text that is stored once takes memory once."""
    columns = (metadata.schema.column(place) for place in range(metadata.num_columns))
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def _rows_of(batch: pyarrow.RecordBatch, where: str, before: int) -> Iterator[Row]:
    """The rows of a batch, split until each part fits the memory bound."""
    size = sum(_bytes_of(column) for column in batch.columns)
    if size > MAX_LINE_BYTES and batch.num_rows > 1:
        half = batch.num_rows // 2
        yield from _rows_of(batch.slice(0, half), where, before)
        yield from _rows_of(batch.slice(half), where, before + half)
        return
    if size > MAX_LINE_BYTES:
        problem = f"expected a row of at most {MAX_LINE_BYTES:,} bytes, found {size:,}"
        raise DataError(where, before + 1, "", problem)
    names = batch.schema.names
    columns = [
        _values(column, where, before, name)
        for name, column in zip(names, batch.columns, strict=True)
    ]
    for cells in zip(*columns, strict=True):
        yield dict(zip(names, cells, strict=True))


def _bytes_of(column: Any) -> int:
    """Bytes of a column's values, each occurrence of a text counted."""
    import pyarrow
    import pyarrow.compute

    kind = column.type
    if isinstance(column, pyarrow.ExtensionArray):
        return _bytes_of(column.storage)
    if pyarrow.types.is_dictionary(kind):
        lengths = pyarrow.compute.binary_length(column.dictionary)
        return int(pyarrow.compute.sum(lengths.take(column.indices)).as_py() or 0)
    if pyarrow.types.is_struct(kind):
        return sum(_bytes_of(part) for part in column.flatten())
    if pyarrow.types.is_map(kind):
        parts = (column.keys, column.items)
        first, last = column.offsets[0].as_py() or 0, column.offsets[-1].as_py() or 0
        return sum(_bytes_of(part.slice(first, last - first)) for part in parts)
    if hasattr(column, "flatten"):
        return int(8 * len(column) + _bytes_of(column.flatten()))
    return int(column.nbytes)


def _values(column: Any, where: str, before: int, name: str) -> list[Any]:
    import pyarrow

    try:
        return [_value(value) for value in column.to_pylist()]
    except UnicodeDecodeError:
        raise DataError(where, before + 1, name, "expected UTF-8, found other bytes") from None
    except (ValueError, OverflowError, pyarrow.ArrowException):
        # A time that Python cannot hold: the year 20000, a nanosecond, an unknown zone.
        for kind in (pyarrow.string(), pyarrow.int64()):
            with contextlib.suppress(pyarrow.ArrowException):
                return list(column.cast(kind).to_pylist())
        problem = f"expected values that can be read, found some of type {column.type} that cannot"
        raise DataError(where, before + 1, name, problem) from None


def _value(value: Any) -> Any:
    """A library's value as a JSON value."""
    if value is None or isinstance(value, bool | int | float | str):
        # A column of floats writes null as NaN.
        return None if isinstance(value, float) and math.isnan(value) else value
    if isinstance(value, dict):
        return {str(name): _value(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_value(each) for each in value]
    if isinstance(value, bytes):
        with contextlib.suppress(UnicodeDecodeError):
            return value.decode()
        return value.hex()
    return _scalar(value)


def _scalar(value: Any) -> bool | float | str:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    item = getattr(value, "item", None)  # numpy's numbers
    found = item() if callable(item) else None
    return found if isinstance(found, bool | int | float) else str(value)


def size_of(value: Any) -> int:
    """Approximate bytes of memory of a value."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return 232 + sum(len(name) + size_of(each) for name, each in value.items())
    if isinstance(value, list):
        return 56 + 8 * len(value) + sum(map(size_of, value))
    return 32
