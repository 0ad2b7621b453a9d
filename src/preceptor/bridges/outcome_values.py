"""The outcome and the prediction in a row, by kind: checked, and added to the columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from preceptor.bridges.outcome_columns import CellReader, OutcomeColumns, Roles

__all__ = ["readers_of"]

Take = Callable[[dict[str, list[Any]], dict[str, list[Any]], Mapping[str, Any], int], None]


def readers_of(path: Path, roles: Roles, asked: OutcomeColumns) -> Take:
    """What adds a row's outcome and prediction to these columns; a wrong cell is a DataError."""
    return _KINDS[roles.kind](path, roles, asked)


def _binary(path: Path, roles: Roles, asked: OutcomeColumns) -> Take:
    y = CellReader(path, "y_true").outcome(asked.positive)
    score = CellReader(path, "y_score")
    otherwise = ", or --score-is rank for scores that only rank rows"

    def take(
        outcome: dict[str, list[Any]], said: dict[str, list[Any]], row: Mapping[str, Any], line: int
    ) -> None:
        outcome["y_true"].append(y(row, line))
        found = score.number(row, line) if asked.rank else score.probability(row, line, otherwise)
        said["y_score"].append(_known(found))

    return take


def _known(value: float) -> float | None:
    """NaN, which a failed prediction has, is null in a run."""
    return value if value == value else None  # noqa: PLR0124


_KINDS: dict[str, Callable[[Path, Roles, OutcomeColumns], Take]] = {"binary": _binary}
