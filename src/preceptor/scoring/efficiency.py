"""What is good and what it takes: the Pareto front of several columns, and one declared mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Weighed", "beaten", "weighed"]


class Weighed(msgspec.Struct, frozen=True):
    """A row: its values, whether no other row is as good in all and better in one, and ``ours``.

    ``beaten_by`` names a row that is, empty on the front. ``ours`` is None where a value is missing
    or all rows are equal in every column.
    """

    name: str
    values: dict[str, float | None]
    on_front: bool
    beaten_by: str
    ours: float | None


def beaten(good: ArrayLike) -> list[int | None]:
    """Of each row the first that is as good in every column and better in one; None on the front.

    Parameters
    ----------
    good
        Shape (rows, columns), more being better; a row with NaN beats none, and none beats it.
    """
    table = np.asarray(good, dtype=np.float64)
    found = []
    for row in table:
        better = (table >= row).all(axis=1) & (table > row).any(axis=1)
        found.append(int(better.argmax()) if better.any() else None)
    return found


def weighed(
    names: Sequence[str],
    more: Mapping[str, Sequence[float | None]],
    less: Mapping[str, Sequence[float | None]],
) -> list[Weighed]:
    """The rows by ``ours``, best first; a row without a value in a column is on no front.

    ``ours`` is the geometric mean of the columns, each from 0 for its worst row to 1 for its best
    (of ``less``, the smallest). It is 0 for a row that is the worst in one column, and changes with
    the rows beside it. It is not the U-Score, whose formula is not published with its code.
    """
    columns = [*more, *less]
    given = [*more.values(), *less.values()]
    table = np.array([[np.nan if v is None else v for v in values] for values in given]).T
    good = table * np.array([1.0] * len(more) + [-1.0] * len(less))
    whole = ~np.isnan(good).any(axis=1)
    ours = _geometric(good, whole)
    by = beaten(good)
    found = []
    for place, name in enumerate(names):
        better = by[place]
        values = {
            column: None if np.isnan(value) else float(value)
            for column, value in zip(columns, table[place], strict=True)
        }
        found.append(
            Weighed(
                name=name,
                values=values,
                on_front=bool(whole[place]) and better is None,
                beaten_by="" if better is None else names[better],
                ours=None if np.isnan(ours[place]) else float(ours[place]),
            )
        )
    return sorted(found, key=lambda row: -1.0 if row.ours is None else row.ours, reverse=True)


def _geometric(
    good: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    whole: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    found = np.full(len(good), np.nan)
    if not whole.any():
        return found
    low, high = good[whole].min(axis=0), good[whole].max(axis=0)
    differs = high > low
    if differs.any():
        terms = (good[whole][:, differs] - low[differs]) / (high - low)[differs]
        found[whole] = terms.prod(axis=1) ** (1 / differs.sum())
    return found
