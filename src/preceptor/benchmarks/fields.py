"""One row of a benchmark's file, read field by field."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import Any

from preceptor.cells import MET_WORDS, read_met, read_number
from preceptor.errors import DataError, shorten
from preceptor.files import id_text
from preceptor.rows import DateText

__all__ = ["Fields"]

#: Largest points of one criterion, positive or negative.
MOST_POINTS = 10
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
        if isinstance(value, DateText):
            raise self.fault(field, "a text, and no date or time: format the cell as text", value)
        if not isinstance(value, str) or not (value.strip() or empty):
            raise self.fault(field, "a text" if empty else "a text that is not empty", value)
        return value

    def id(self, field: str) -> str:
        """An id, which may be a whole number in the file."""
        value = self.need(field, "a text or a whole number")
        if isinstance(value, str):
            return self.text(field)
        name = id_text(value)
        if name is None:
            raise self.fault(field, "a text or a whole number", value)
        return name

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
            raise self.fault(field, f"one of {', '.join(allowed[:20])}"[:200], value)
        return value

    def integer(self, field: str) -> int:
        value = self.need(field, "an integer")
        # 5.0 is what a table of floats makes of 5; True is not a number here.
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fault(field, "an integer", value)
        if abs(value) >= 2**63:
            raise self.fault(field, "an integer of at most 64 bits", value)
        return value

    def number(self, field: str) -> float:
        """A number, or a text that is one, as in the cells of a .csv file."""
        value = self.need(field, "a number")
        if isinstance(value, str):
            try:
                value = read_number(value, self.row)
            except ValueError as error:
                raise self.fault(field, str(error), value) from None
        number = math.nan
        if isinstance(value, int | float) and not isinstance(value, bool):
            with contextlib.suppress(OverflowError):  # an integer of hundreds of digits
                number = float(value)
        if not math.isfinite(number):
            raise self.fault(field, "a number", value)
        return number

    def met(self, field: str, value: object = ...) -> bool | None:
        """A label of met or not met, by default the field's; None if it is missing."""
        if value is ...:
            value = self.need(field, MET_WORDS)
        try:
            return read_met(value)
        except ValueError:
            raise self.fault(field, MET_WORDS, value) from None

    def points(self, field: str) -> int:
        """The points of a criterion: see :class:`preceptor.records.Criterion`."""
        value = self.integer(field)
        if value == 0 or abs(value) > MOST_POINTS:
            expected = f"an integer from -{MOST_POINTS} to {MOST_POINTS} and not 0"
            raise self.fault(field, expected, value)
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
