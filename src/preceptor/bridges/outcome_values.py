"""The outcome and the prediction in a row, by kind: checked, and added to the columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from preceptor.bridges.outcome_columns import CROWDS, NAIVES, CellReader, OutcomeColumns, Roles
from preceptor.cells import is_missing
from preceptor.scoring.predicted.stays import STAY, STAY_PREDICTED
from preceptor.scoring.predicted.table import NAIVE

__all__ = ["readers_of"]

#: How far from 1 the probabilities of the classes may sum, and survival may rise.
_SUM_TOLERANCE, _ROUNDING = 1e-3, 1e-9

Take = Callable[[dict[str, list[Any]], dict[str, list[Any]], Mapping[str, Any], int], None]


def readers_of(path: Path, roles: Roles, asked: OutcomeColumns) -> Take:
    """What adds a row's outcome and prediction to these columns; a wrong cell is a DataError."""
    return _KINDS[roles.kind](path, roles, asked)


def _binary(path: Path, roles: Roles, asked: OutcomeColumns) -> Take:
    y = CellReader(path, "y_true").outcome(asked.positive)
    score = CellReader(path, "y_score")
    stay = CellReader(path, STAY) if STAY in roles.outcome else None
    stay_said = CellReader(path, STAY_PREDICTED) if STAY_PREDICTED in roles.said else None
    otherwise = ", or --score-is rank for scores that only rank rows"

    def take(
        outcome: dict[str, list[Any]], said: dict[str, list[Any]], row: Mapping[str, Any], line: int
    ) -> None:
        outcome["y_true"].append(y(row, line))
        found = score.number(row, line) if asked.rank else score.probability(row, line, otherwise)
        said["y_score"].append(_known(found))
        if stay is not None:
            left = stay.needed(row, line, "what is left of the stay, 0 or more")
            if left < 0:
                raise stay.fault(line, "what is left of the stay, 0 or more", row.get(STAY))
            outcome[STAY].append(left)
        if stay_said is not None:
            there = stay_said.number(row, line)
            if math.isnan(there) != math.isnan(found):
                expected = "a number where there is a y_score, and none without one"
                raise stay_said.fault(line, expected, row.get(STAY_PREDICTED))
            said[STAY_PREDICTED].append(_known(there))

    return take


def _forecast(path: Path, roles: Roles, asked: OutcomeColumns) -> Take:
    y = CellReader(path, "y_true").outcome(asked.positive)
    readers = [CellReader(path, name) for name in roles.said]
    names = [NAIVE if name in CROWDS else name for name in roles.said]

    def take(
        outcome: dict[str, list[Any]], said: dict[str, list[Any]], row: Mapping[str, Any], line: int
    ) -> None:
        outcome["y_true"].append(y(row, line))
        for name, reader in zip(names, readers, strict=True):
            said[name].append(_known(reader.probability(row, line)))

    return take


def _multiclass(path: Path, roles: Roles, asked: OutcomeColumns) -> Take:
    y, labels = CellReader(path, "y_true"), set(roles.labels)
    expected = f"one of the classes {', '.join(roles.labels)}"
    chances = [CellReader(path, name) for name in roles.said if name.startswith("p:")]
    guess = CellReader(path, "y_pred") if "y_pred" in roles.said else None

    def label(reader: CellReader, row: Mapping[str, Any], line: int) -> str:
        found = reader.text(row, line)
        if found not in labels:
            raise reader.fault(line, expected, found)
        return found

    def take(
        outcome: dict[str, list[Any]], said: dict[str, list[Any]], row: Mapping[str, Any], line: int
    ) -> None:
        outcome["y_true"].append(label(y, row, line))
        p = [reader.probability(row, line) for reader in chances]
        total = sum(p)
        if p and total == total and abs(total - 1) > _SUM_TOLERANCE:  # noqa: PLR0124
            if not (asked.normalise and total > 0):
                problem = f"probabilities that sum to 1 (within {_SUM_TOLERANCE:g})"
                problem += ", or --normalise"
                raise chances[0].fault(line, problem, round(total, 6))
            p = [each / total for each in p]
        for reader, each in zip(chances, p, strict=True):
            said[reader.column].append(_known(each))
        if guess is not None:
            empty = is_missing(row.get("y_pred"))
            said["y_pred"].append(None if empty else label(guess, row, line))

    return take


def _multilabel(path: Path, roles: Roles, asked: OutcomeColumns) -> Take:
    truths = [(name, CellReader(path, name).outcome(asked.positive)) for name in roles.outcome]
    chances = [CellReader(path, name) for name in roles.said]

    def take(
        outcome: dict[str, list[Any]], said: dict[str, list[Any]], row: Mapping[str, Any], line: int
    ) -> None:
        for name, read in truths:
            outcome[name].append(read(row, line))
        for reader in chances:
            said[reader.column].append(_known(reader.probability(row, line)))

    return take


def _regression(path: Path, roles: Roles, asked: OutcomeColumns) -> Take:
    y = CellReader(path, "y_true")
    readers = [CellReader(path, name) for name in roles.said]
    names = [NAIVE if name in NAIVES else name for name in roles.said]

    def take(
        outcome: dict[str, list[Any]], said: dict[str, list[Any]], row: Mapping[str, Any], line: int
    ) -> None:
        outcome["y_true"].append(y.needed(row, line))
        for name, reader in zip(names, readers, strict=True):
            said.setdefault(name, []).append(_known(reader.number(row, line)))

    return take


def _survival(path: Path, roles: Roles, asked: OutcomeColumns) -> Take:
    time, event = CellReader(path, "time"), CellReader(path, "event").outcome(None)
    risk = CellReader(path, "risk") if "risk" in roles.said else None
    curve = [CellReader(path, name) for name in roles.said if name != "risk"]

    def take(
        outcome: dict[str, list[Any]], said: dict[str, list[Any]], row: Mapping[str, Any], line: int
    ) -> None:
        when = time.needed(row, line, "a time above 0")
        if when <= 0:
            raise time.fault(line, "a time above 0", row.get("time"))
        outcome["time"].append(when)
        outcome["event"].append(event(row, line))
        if risk is not None:
            said["risk"].append(_known(risk.number(row, line)))
        before = 1.0
        for reader in curve:
            here = reader.probability(row, line)
            if here > before + _ROUNDING:
                expected = f"a survival of at most {before:g}, as at the horizon before"
                raise reader.fault(line, expected, row.get(reader.column))
            before = min(before, here)
            said[reader.column].append(_known(here))

    return take


def _start_stop(path: Path, roles: Roles, asked: OutcomeColumns) -> Take:
    start, stop, risk = (CellReader(path, name) for name in ("start", "stop", "risk"))
    event = CellReader(path, "event").outcome(None)

    def take(
        outcome: dict[str, list[Any]], said: dict[str, list[Any]], row: Mapping[str, Any], line: int
    ) -> None:
        begin, end = start.needed(row, line), stop.needed(row, line)
        if end <= begin:
            raise stop.fault(line, f"a time after its start {begin:g}", row.get("stop"))
        outcome["start"].append(begin)
        outcome["stop"].append(end)
        outcome["event"].append(event(row, line))
        said["risk"].append(_known(risk.number(row, line)))

    return take


def _known(value: float) -> float | None:
    """NaN, which a failed prediction has, is null in a run."""
    return value if value == value else None  # noqa: PLR0124


_KINDS: dict[str, Callable[[Path, Roles, OutcomeColumns], Take]] = {
    "binary": _binary,
    "forecast": _forecast,
    "multiclass": _multiclass,
    "multilabel": _multilabel,
    "regression": _regression,
    "survival": _survival,
    "start_stop": _start_stop,
}
