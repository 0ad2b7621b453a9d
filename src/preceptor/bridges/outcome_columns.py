"""Columns of a file with outcomes and predictions, and the values of their cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.cells import is_missing, read_number
from preceptor.errors import DataError, InputError, shorten
from preceptor.scoring.predicted.stays import STAY, STAY_PREDICTED
from preceptor.scoring.predicted.table import REPEATS

__all__ = ["CellReader", "OutcomeColumns", "Roles", "has_outcomes", "roles_of"]

_GROUPS = ("group_id", "patient", "patient_id", "subject_id")
_STAYS = ("stay_id",)
TIMES = ("hour", "day", "time_index")
#: Columns of which each combination of values is a run.
RUNS = ("model", "system", "task", "k", "source", "target")
WITHIN = (*REPEATS, "fold")
#: Columns of a prediction without a model, beside that of an amount.
NAIVES = ("naive", "baseline", "last_value")
#: Columns of what a crowd or a market said, beside a forecast.
CROWDS = ("crowd", "market")
#: How a text begins that a spreadsheet would run; an export in CSV puts ``'`` before it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_YES, _NO = ("1", "true", "yes", "1.0"), ("0", "false", "no", "0.0")


class OutcomeColumns(msgspec.Struct, frozen=True, kw_only=True):
    """What the user says of a file with outcomes: options of ``preceptor import``.

    Attributes
    ----------
    groups
        Columns of subgroups; None for all with 2 to 12 values.
    where
        Column → the value that a row must have to be read.
    positive
        The value of ``y_true`` that counts as 1.
    rank
        Scores only rank rows.
    forecast
        Scores are forecasts: measured by the Brier score, beside a crowd's.
    quartiles
        Columns of numbers by whose quartiles rows are measured.
    classes
        Classes in their order; empty for that of the columns.
    """

    groups: Sequence[str] | None = None
    where: Mapping[str, str] = {}
    positive: str | None = None
    rank: bool = False
    forecast: bool = False
    quartiles: Sequence[str] = ()
    classes: Sequence[str] = ()
    normalise: bool = False


class Roles(msgspec.Struct, frozen=True):
    """Kind of the outcomes, and the column of each role."""

    kind: str
    id: str
    unit: str
    outcome: tuple[str, ...]
    said: tuple[str, ...]
    at: str | None
    runs: tuple[str, ...]
    within: tuple[str, ...]
    labels: tuple[str, ...]
    others: tuple[str, ...]


def has_outcomes(names: Sequence[str]) -> bool:
    """Whether these are the columns of a file with outcomes, rather than of text answers."""
    known = set(names)
    predicted = any(
        name in ("y_score", "y_pred", "risk") or name.startswith(("p:", "s@")) for name in names
    )
    outcome = (
        "y_true" in known
        or {"time", "event"} <= known
        or {"start", "stop", "event"} <= known
        or any(name.startswith("y:") for name in names)
    )
    return outcome and predicted


def roles_of(names: Sequence[str], where: Path, asked: OutcomeColumns) -> Roles:
    """The roles of the columns, by their names.

    Raises
    ------
    InputError
        A column is missing; the message names those that there are.
    """
    for option, named in (
        ("--group", asked.groups or ()),
        ("--where", asked.where),
        ("--quartiles", asked.quartiles),
    ):
        for name in named:
            if name not in names:
                raise InputError(f"{where}: {option} {shorten(name)}: {_has(names)}")
    kind, outcome, said, labels = _outcomes(names, where, asked)
    at = next((name for name in TIMES if name in names), None)
    unit = next((name for name in (*_GROUPS, *(_STAYS if at else ())) if name in names), None)
    id = "id" if "id" in names else unit
    if id is None:
        raise InputError(f"{where}: expected a column id, {_has(names)}")
    if kind == "start_stop":
        at = "start"
    runs = tuple(name for name in RUNS if name in names)
    within = tuple(name for name in WITHIN if name in names)
    used = {id, unit, *outcome, *said, at, *runs, *within}
    others = tuple(name for name in names if name not in used and not name.startswith("p:"))
    return Roles(kind, id, unit or id, outcome, said, at, runs, within, labels, others)


def _has(names: Sequence[str]) -> str:
    shown = ", ".join(shorten(name, 40).strip("'") for name in names[:20])
    return f"found the columns {shown}{', …' if len(names) > 20 else ''}"


def _outcomes(
    names: Sequence[str], where: Path, asked: OutcomeColumns
) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Kind, columns of the outcome, of what was predicted, and labels."""
    known = set(names)
    labels = tuple(name[2:] for name in names if name.startswith("y:") and len(name) > 2)
    chances = tuple(name for name in names if name.startswith("p:") and len(name) > 2)
    if labels:
        missing = [label for label in labels if f"p:{label}" not in known]
        if missing:
            raise InputError(
                f"{where}: expected a column p:{missing[0]} beside y:{missing[0]}, {_has(names)}"
            )
        return (
            "multilabel",
            tuple(f"y:{each}" for each in labels),
            tuple(f"p:{each}" for each in labels),
            labels,
        )
    if "y_true" not in known:
        return _survival(names, where)
    if "y_score" in known:
        return _binary(names, where, asked)
    if chances or asked.classes:
        return _classes(names, where, asked, chances)
    if "y_pred" in known:
        quantiles = tuple(name for name in names if is_quantile(name))
        naive = next((name for name in NAIVES if name in known), None)
        return "regression", ("y_true",), ("y_pred", *quantiles, *([naive] if naive else [])), ()
    raise InputError(
        f"{where}: expected a column y_score, y_pred or p:CLASS beside y_true, {_has(names)}"
    )


def _binary(
    names: Sequence[str], where: Path, asked: OutcomeColumns
) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """A forecast has a crowd's beside it; a risk along a stay has what is left of the stay."""
    if asked.forecast:
        crowd = next((name for name in CROWDS if name in names), None)
        return "forecast", ("y_true",), ("y_score", *([crowd] if crowd else [])), ()
    if STAY not in names:
        if STAY_PREDICTED in names:
            raise InputError(
                f"{where}: expected a column {STAY} beside {STAY_PREDICTED}, {_has(names)}"
            )
        return "binary", ("y_true",), ("y_score",), ()
    said = ("y_score", STAY_PREDICTED) if STAY_PREDICTED in names else ("y_score",)
    return "binary", ("y_true", STAY), said, ()


def _classes(
    names: Sequence[str], where: Path, asked: OutcomeColumns, chances: tuple[str, ...]
) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    there = tuple(name[2:] for name in chances)
    labels = tuple(asked.classes) or there
    if chances and {*labels} != {*there}:
        raise InputError(
            f"{where}: --classes {','.join(labels)}: the columns p:… are of {', '.join(there)}"
        )
    if len(labels) < 2:
        raise InputError(f"{where}: expected two classes or more, found {', '.join(labels)}")
    said = tuple(f"p:{label}" for label in labels) if chances else ()
    said += ("y_pred",) if "y_pred" in names else ()
    if not said:
        raise InputError(f"{where}: expected columns p:CLASS or y_pred, {_has(names)}")
    return "multiclass", ("y_true",), said, labels


def _survival(
    names: Sequence[str], where: Path
) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    known = set(names)
    if {"start", "stop", "event"} <= known:
        if "risk" not in known:
            raise InputError(f"{where}: expected a column risk, {_has(names)}")
        return "start_stop", ("start", "stop", "event"), ("risk",), ()
    horizons: dict[float, str] = {}
    for name in names:
        if name.startswith("s@"):
            horizon = _horizon(name, where)
            if horizon in horizons:
                raise InputError(f"{where}: {horizons[horizon]} and {name} are one horizon")
            horizons[horizon] = name
    said: tuple[str, ...] = ("risk",) if "risk" in known else ()
    said += tuple(horizons[each] for each in sorted(horizons))
    if not said:
        raise InputError(f"{where}: expected a column risk or s@HORIZON, {_has(names)}")
    return "survival", ("time", "event"), said, ()


def _horizon(name: str, where: Path) -> float:
    try:
        horizon = float(name[2:])
    except ValueError:
        horizon = math.nan
    if not 0 < horizon < math.inf:
        raise InputError(f"{where}: column {shorten(name)}: expected s@ and a time above 0")
    return horizon


def is_quantile(name: str) -> bool:
    """Whether a column is that of a quantile: q0.1."""
    if not name.startswith("q"):
        return False
    try:
        return 0 < float(name[1:]) < 1
    except ValueError:
        return False


class CellReader:
    """Reads the cells of one column; each fault names line and column."""

    def __init__(self, where: Path, column: str) -> None:
        self.where, self.column = str(where), column

    def fault(self, line: int, expected: str, value: object) -> DataError:
        found = shorten(value, 40) if value is not None else "nothing"
        return DataError(self.where, line, self.column, f"expected {expected}, found {found}")

    def number(self, row: Mapping[str, Any], line: int, expected: str = "a number") -> float:
        """The number in the cell; NaN where it is empty."""
        value = row.get(self.column)
        if isinstance(value, str):
            try:
                found = float(value)
            except ValueError:
                found = self._in_words(value, row, line, expected)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            try:
                found = float(value)
            except OverflowError:  # a whole number of JSON has any length
                found = math.inf
        elif is_missing(value):
            return math.nan
        else:
            raise self.fault(line, expected, value)
        if math.isinf(found):
            raise self.fault(line, f"{expected}, finite", value)
        return found

    def _in_words(self, value: str, row: Mapping[str, Any], line: int, expected: str) -> float:
        if is_missing(value):
            return math.nan
        try:
            return read_number(value, row)
        except ValueError as error:
            said = str(error)
            raise self.fault(line, expected if said == "a number" else said, value) from None

    def needed(self, row: Mapping[str, Any], line: int, expected: str = "a number") -> float:
        """The same; an empty cell is a fault."""
        found = self.number(row, line, expected)
        if math.isnan(found):
            raise self.fault(line, expected, row.get(self.column))
        return found

    def probability(self, row: Mapping[str, Any], line: int, otherwise: str = "") -> float:
        """A number from 0 to 1; NaN where it is empty."""
        found = self.number(row, line, "a probability from 0 to 1")
        if not (0 <= found <= 1 or math.isnan(found)):
            raise self.fault(line, f"a probability from 0 to 1{otherwise}", row.get(self.column))
        return found

    def text(self, row: Mapping[str, Any], line: int) -> str:
        """The text in the cell; an empty one is a fault."""
        value = row.get(self.column)
        if is_missing(value):
            raise self.fault(line, "a value", value)
        return text_of(value)

    def outcome(self, positive: str | None) -> Callable[[Mapping[str, Any], int], int]:
        """Reads 0 or 1, or whether the cell is the positive one."""

        def read(row: Mapping[str, Any], line: int) -> int:
            value = row.get(self.column)
            if is_missing(value):
                raise self.fault(line, "an outcome", value)
            word = text_of(value).strip()
            if positive is not None:
                return int(word == positive)
            word = word.casefold()
            if word in _YES or word in _NO:
                return int(word in _YES)
            raise self.fault(line, "0 or 1 (name the value that is 1 with --positive)", value)

        return read


def text_of(value: object) -> str:
    """A cell as a text: 3.0 of a spreadsheet is 3, and ``'=a``, as our CSV has it, is ``=a``."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
