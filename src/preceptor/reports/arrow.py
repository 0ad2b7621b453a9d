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

_NUMBERS = {"int64": (pyarrow.int64(), np.int64), "double": (pyarrow.float64(), np.float64)}


def array(values: Sequence[Any], kind: str, rows: Sequence[int] | None = None) -> Any:
    """A column of ``string``, ``int64``, ``bool`` or ``double``; None is null.

    Parameters
    ----------
    rows
        Which of the values each row has. Strings are then a dictionary and its indices.
    """
    there = np.array([value is not None for value in values], dtype=bool)
    place = np.arange(len(values)) if rows is None else np.array(rows, dtype=np.intp)
    if kind != "string":
        return _numbers(values, there, kind, place)
    if rows is None:
        return _strings(values, there)
    # Parquet wants each value once in a dictionary, and no null.
    known: dict[str, int] = {}
    codes = [0 if value is None else known.setdefault(value, len(known)) for value in values]
    indices = pyarrow.py_buffer(np.array(codes, dtype=np.int32)[place])
    return pyarrow.DictionaryArray.from_arrays(
        _from(pyarrow.int32(), there[place], indices),
        _strings(list(known), np.ones(len(known), dtype=bool)),
    )


def _strings(values: Sequence[str | None], there: Any) -> Any:
    texts = [(value or "").encode(errors="replace") for value in values]
    ends = np.zeros(len(texts) + 1, dtype=np.int32)
    np.cumsum([len(text) for text in texts], out=ends[1:])
    data = pyarrow.py_buffer(b"".join(texts))
    return _from(pyarrow.string(), there, pyarrow.py_buffer(ends), data)


def _numbers(values: Sequence[Any], there: Any, kind: str, place: Any) -> Any:
    known = [0 if value is None else value for value in values]
    if kind == "bool":
        packed = np.packbits(np.array(known, dtype=bool)[place], bitorder="little")
        return _from(pyarrow.bool_(), there[place], pyarrow.py_buffer(packed))
    made, dtype = _NUMBERS[kind]
    return _from(made, there[place], pyarrow.py_buffer(np.array(known, dtype=dtype)[place]))


def _from(kind: Any, there: Any, *buffers: Any) -> Any:
    known = None if there.all() else pyarrow.py_buffer(np.packbits(there, bitorder="little"))
    return pyarrow.Array.from_buffers(kind, len(there), [known, *buffers])
