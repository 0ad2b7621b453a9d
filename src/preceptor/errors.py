"""Every exception that Preceptor raises on purpose.

    PreceptorError
    ├── InputError          an option, file or parameter is wrong (also a ValueError)
    │   ├── DataError       a line of a data file
    │   ├── Faults          several of them
    │   └── UnknownName     no such benchmark, run, address       (also a LookupError)
    ├── Unavailable         a needed file, package or network is missing
    ├── StoreError          the store cannot be read or written
    │   └── StoreBusy       another process is working on this run
    ├── EndpointError       one call to a model failed for good
    │   └── EndpointRefused the endpoint refuses every call: a key, a name, a parameter
    └── BudgetExceeded      the cap on cost or tokens is reached

A message is one line: place, what was expected, what was found, what to do. A :class:`DataWarning`
says what is read and may be meant otherwise, or is left out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = [
    "BudgetExceeded",
    "DataError",
    "DataWarning",
    "EndpointError",
    "EndpointRefused",
    "Faults",
    "InputError",
    "PreceptorError",
    "StoreBusy",
    "StoreError",
    "Unavailable",
    "UnknownName",
    "did_you_mean",
    "shorten",
]


#: Most faults of a file that are shown at once.
_SHOWN = 20


def shorten(value: object, limit: int = 80) -> str:
    """`repr` of an outside value, bounded, on one line and without control characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question with the nearest known name; empty if none is near."""
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}? " if near else ""


class PreceptorError(Exception):
    """Base of every error that Preceptor raises on purpose."""


class InputError(PreceptorError, ValueError):
    """An option, a file or a parameter is wrong."""


class DataError(InputError):
    """A line of a data file does not fit its schema.

    The text names file, line and field: ``hard.jsonl:17: rubrics[2].points: expected …, found …``;
    of a spreadsheet file, sheet and cell: ``tasks.xlsx: sheet rubric, cell C5: points: …``.
    """

    def __init__(self, where: str, line: int | None, field: str, problem: str) -> None:
        cell = getattr(line, "place", None)  # of a spreadsheet's row
        place = where if line is None else cell(where, field) if cell else f"{where}:{line}"
        super().__init__(f"{place}: {field}: {problem}" if field else f"{place}: {problem}")
        self.where, self.line, self.field, self.problem = where, line, field, problem


class Faults(InputError):
    """Several faults of one file; the text has a line for each, up to a bound."""

    def __init__(self, faults: Sequence[InputError]) -> None:
        self.faults = faults
        self.lines = [str(each) for each in faults[:_SHOWN]]
        if more := len(faults) - len(self.lines):
            self.lines.append(f"and {more:,} more")
        super().__init__("\n".join(self.lines))


class DataWarning(UserWarning):
    """Something in a file is left out, or is read and may be meant otherwise."""


class UnknownName(InputError, LookupError):
    """A benchmark, run or address does not exist; the message lists those that do."""

    __str__ = Exception.__str__


class Unavailable(PreceptorError):
    """A needed file, package, key or network is missing; the message says how to get it."""


class StoreError(PreceptorError):
    """The store cannot be opened, read or written."""


class StoreBusy(StoreError):
    """Another living process is working on this run."""


class EndpointError(PreceptorError):
    """A call to a model failed and retrying it did not help.

    Attributes
    ----------
    kind
        One word for tables: ``rate_limit``, ``server_error``, ``timeout``, ``connection``,
        ``malformed``, ``too_large``, ``bad_request``, ``refused``, ``system_failed``, or
        ``no_answer`` of recorded answers.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class EndpointRefused(EndpointError):
    """The endpoint will refuse every call alike (wrong key, model or parameter): stop the run."""


class BudgetExceeded(PreceptorError):
    """The cap on cost or tokens is reached; the run stops cleanly and can be resumed."""
