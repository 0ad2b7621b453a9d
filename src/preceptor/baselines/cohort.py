"""A table of patients: features and outcomes in arrays, and who is drawn together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from preceptor.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["LARGEST", "Cohort", "age_group", "in_order"]

#: Numbers of a table at most: squares of greater ones overflow where columns are scaled.
LARGEST = 1e100


class Cohort(msgspec.Struct, kw_only=True):
    """The rows of a data set.

    Attributes
    ----------
    kind
        ``binary``, ``multiclass``, ``multilabel``, ``regression`` or ``survival``.
    id, unit
        Of each row: what is predicted, and the stay or patient that stays in one fold.
    hour
        When each row is, in the unit of its file; None where there is one row a stay.
    x
        Features, rows × columns, NaN where not measured; ``features`` are their names.
    y
        Name of the outcome → its values; of several classes numbers in ``classes``.
    groups
        Column → the row's group, None where it is missing.
    last
        The last known value of what is predicted.
    series
        Columns that change during a stay, of which ``NAME_last`` and others are features.
    texts
        Column of texts → the row's text, None where it is missing.
    dropped
        Those with too many values to be features.
    """

    name: str
    kind: str
    id: list[str]
    unit: list[str]
    features: list[str]
    x: Any
    y: dict[str, Any]
    hour: list[float] | None = None
    groups: dict[str, list[str | None]] = {}
    classes: tuple[str, ...] = ()
    last: Any = None
    series: tuple[str, ...] = ()
    texts: dict[str, list[str | None]] = {}
    dropped: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.id:
            raise InputError(f"{self.name}: expected rows with an outcome, found none")

    @property
    def units(self) -> tuple[list[str], Places]:
        """The distinct units in ascending order, and each row's number among them."""
        names = in_order(set(self.unit))
        place = {name: number for number, name in enumerate(names)}
        return names, np.array([place[name] for name in self.unit], dtype=np.intp)


def in_order(names: set[str]) -> list[str]:
    """Whole numbers by value, where all are; else texts."""
    if all(re.fullmatch(r"-?\d{1,18}", name) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def age_group(age: float) -> str | None:
    return None if np.isnan(age) else "65+" if age >= 65 else "<65"
