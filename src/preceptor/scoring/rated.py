"""What a system says of things, held against what people said: kappa, alpha, the share alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from preceptor.records import Example, Metric
from preceptor.scoring.sets import set_metric
from preceptor.scoring.units import units
from preceptor.statistics.agreement import cohen_kappa, krippendorff_alpha, observed_agreement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from preceptor.statistics.sums import Statistic

__all__ = ["rated_alpha", "rated_pairs", "rated_steps", "statistic_metric"]

#: An example's id, what a system said of something in it, and what people did; None where nothing.
Rated = tuple[str, Any, Any]


def rated_pairs(rows: Sequence[Rated], examples: Sequence[Example]) -> dict[str, Metric]:
    """``kappa`` (Cohen's, unweighted) and ``agreement`` (the share alike) of all rows with both."""
    table, ids, coverage = _table(rows)
    return {
        "kappa": statistic_metric(cohen_kappa(table), ids, examples, "kappa", coverage),
        "agreement": statistic_metric(observed_agreement(table), ids, examples, "share", coverage),
    }


def rated_alpha(rows: Sequence[Rated], examples: Sequence[Example]) -> Metric:
    """Krippendorff's alpha of an ordinal scale, of all rows with both."""
    table, ids, coverage = _table(rows)
    return statistic_metric(krippendorff_alpha(table, "ordinal"), ids, examples, "alpha", coverage)


def rated_steps(rows: Sequence[Rated], steps: Sequence[str], examples: Sequence[Example]) -> Metric:
    """Cohen's kappa with quadratic weights of steps of a scale, of all rows with both."""
    both = [row for row in rows if row[1] is not None and row[2] is not None]
    table = np.array([[steps.index(each) for each in row[1:]] for row in both]).reshape(-1, 2)
    kappa = cohen_kappa(table, "quadratic", range(len(steps)))
    coverage = len(both) / len(rows) if rows else 0.0
    return statistic_metric(kappa, [row[0] for row in both], examples, "share", coverage)


def _table(rows: Sequence[Rated]) -> tuple[NDArray[np.float64], list[str], float]:
    both = [row for row in rows if row[1] is not None and row[2] is not None]
    names = sorted({each for _, *said in both for each in said})
    places = {name: float(place) for place, name in enumerate(names)}
    table = np.array([[places[one], places[other]] for _, one, other in both]).reshape(-1, 2)
    return table, [row[0] for row in both], len(both) / len(rows) if rows else 0.0


def statistic_metric(
    statistic: Statistic,
    ids: Sequence[str],
    examples: Sequence[Example],
    unit: str,
    coverage: float,
) -> Metric:
    """A statistic of sums as a metric, whose interval draws units of examples."""

    def of(rows: NDArray[np.intp]) -> float:
        return float(statistic.formula(statistic.terms[rows].sum(axis=0)))

    return set_metric(of, ids, units(examples), unit=unit, coverage=coverage)
