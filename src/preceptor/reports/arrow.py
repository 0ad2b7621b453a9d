"""Arrow's columns from values of Python, made from their bytes.

``pyarrow.array`` does the same, and imports pandas for it where that is installed: that takes as
long as to export ten thousand verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow

__all__ = ["array"]

_NUMBERS = {
    "int32": (pyarrow.int32(), np.int32),
    "int64": (pyarrow.int64(), np.int64),
    "bool": (pyarrow.bool_(), np.bool_),
    "double": (pyarrow.float64(), np.float64),
}


def array(values: Sequence[Any], kind: str, rows: Any = None) -> Any:
    """A column of ``string``, ``int64``, ``bool`` or ``double``; None is null.

    Parameters
    ----------
    rows
        Which of the values each row has, as an array of numpy. Strings are then a dictionary and
        its indices.
    """
    gone = values.count(None)
    if gone == len(values) and rows is None:
        return pyarrow.nulls(gone, _NUMBERS[kind][0] if kind in _NUMBERS else pyarrow.string())
    there = np.array([value is not None for value in values]) if gone else None
    if kind == "string" and rows is None:
        return _strings([value or "" for value in values] if gone else values, there)
    if kind != "string":
        return _numbers([value or 0 for value in values] if gone else values, there, kind, rows)
    # Parquet wants each value once in a dictionary, and no null.
    known = list(dict.fromkeys(values))
    if gone:
        known.remove(None)
    number: dict[str | None, int] = dict(zip(known, range(len(known)), strict=True))
    number.setdefault(None, 0)
    indices = _numbers(list(map(number.__getitem__, values)), there, "int32", rows)
    return pyarrow.DictionaryArray.from_arrays(indices, _strings(known, None))


def _numbers(values: Sequence[Any], there: Any, kind: str, rows: Any) -> Any:
    made, dtype = _NUMBERS[kind]
    numbers: Any = np.array(values, dtype=dtype)
    if rows is not None:
        numbers, there = numbers[rows], None if there is None else there[rows]
    length = len(numbers)
    if kind == "bool":
        numbers = np.packbits(numbers, bitorder="little")
    return _from(made, length, there, pyarrow.py_buffer(numbers))


def _strings(values: Sequence[str], there: Any) -> Any:
    texts: Sequence[str | bytes] = values
    data = "".join(values)
    if not data.isascii():
        texts = [value.encode(errors="replace") for value in values]
    ends = np.zeros(len(texts) + 1, dtype=np.int32)
    np.cumsum(np.fromiter(map(len, texts), np.int32, len(texts)), out=ends[1:])
    whole = pyarrow.py_buffer(data.encode(errors="replace"))
    return _from(pyarrow.string(), len(texts), there, pyarrow.py_buffer(ends), whole)


def _from(kind: Any, length: int, there: Any, *buffers: Any) -> Any:
    known = None if there is None else pyarrow.py_buffer(np.packbits(there, bitorder="little"))
    return pyarrow.Array.from_buffers(kind, length, [known, *buffers])
