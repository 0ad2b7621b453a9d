"""The headline and the Brier score by quartile of a number known of each row, and their slope."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from preceptor.records import Metric
from preceptor.scoring.names import OVERALL
from preceptor.scoring.predicted.numbers import metric
from preceptor.scoring.predicted.table import Predicted
from preceptor.statistics.prediction.resampling import Measures, resampled, spread_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["quartile_metrics", "quartile_spaces"]

_FEWEST = 2


def quartile_spaces(column: str) -> tuple[str, str, str]:
    """Namespaces: of the headline, the Brier score, and the slopes."""
    return (f"{column}_quartile", f"{column}_quartile_brier", f"{column}_quartile_slope")


def quartile_metrics(  # noqa: PLR0917
    table: Predicted,
    measures_of: Callable[[Predicted], Measures],
    less: Callable[[str], bool],
    coverage: float,
    resamples: int,
    seed: int,
) -> dict[str, Metric]:
    """Metrics of each quartile of each number; ``measures_of`` some rows that have a prediction.

    Quartiles are of the rows that have the number and a prediction. The slope is that of the least
    squares line through the quartiles' values, for one quartile up.
    """
    found: dict[str, Metric] = {}
    for column, values in table.numbers.items():
        quartiles = _quartiles(values, table.known)
        parts = [
            measures_of(table.rows(some.tolist(), renumbered=False)) for _, _, some in quartiles
        ]
        if not parts:
            continue
        drawn = resampled(parts, len(table.units), resamples=resamples, seed=seed)
        for place, name in enumerate(parts[0].names):
            space = quartile_spaces(column)[name != OVERALL]
            better = not less(name)
            known = np.array([part.values()[place] for part in parts])
            spread = np.stack([each[:, place] for each in drawn], axis=1)
            for (_, title, some), value, one in zip(quartiles, known, spread.T, strict=True):
                size, units = len(some), len(np.unique(table.unit[some]))
                found[f"{space}:{title}"] = metric(
                    float(value),
                    spread_of(one).ci95,
                    size,
                    units,
                    coverage,
                    higher_is_better=better,
                    sd=spread_of(one).sd,
                )
            if len(quartiles) < _FEWEST:
                continue
            x = np.array([number for number, _, _ in quartiles], dtype=np.float64)
            rows = np.concatenate([some for _, _, some in quartiles])
            slopes = spread_of(_slope(x, spread))
            found[f"{quartile_spaces(column)[2]}:{name}"] = metric(
                float(_slope(x, known[None])[0]),
                slopes.ci95,
                len(rows),
                len(np.unique(table.unit[rows])),
                coverage,
                higher_is_better=better,
                sd=slopes.sd,
            )
    return found


def _quartiles(values: Floats, known: NDArray[np.bool_]) -> list[tuple[int, str, NDArray[np.intp]]]:
    """Number, name with its range, and rows of each quartile; equal values stay together."""
    there = np.flatnonzero(known & np.isfinite(values))
    if not len(there):
        return []
    edges = np.quantile(values[there], [0.25, 0.5, 0.75])
    place = np.searchsorted(edges, values[there], side="left")
    found = []
    for number in range(4):
        some = there[place == number]
        if len(some):
            low, high = values[some].min(), values[some].max()
            found.append((number + 1, f"{number + 1} ({low:g} to {high:g})", some))
    return found


def _slope(x: Floats, y: Floats) -> Floats:
    """Slope of each row of ``y`` over ``x``; NaN where a value is."""
    centred = x - x.mean()
    slope: Floats = (y * centred).sum(axis=1) / (centred**2).sum()
    return slope
