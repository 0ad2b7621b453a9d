"""Scores of cases → medians, distances, and what differs between groups of cases."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from preceptor.records import Metric
from preceptor.scoring.case_metrics import CaseMetric
from preceptor.scoring.sets import mean_metric, set_metric
from preceptor.statistics.multiplicity import holm
from preceptor.statistics.prediction.equity import equity_scaled
from preceptor.statistics.ranks import mann_whitney, median_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["FEWEST", "Values", "group_metrics", "mean_of_cases", "median_metric"]

#: A group with fewer cases is shown and not compared.
FEWEST = 10


class Values(msgspec.Struct, frozen=True):
    """A metric's values, each of one answer to a case."""

    ids: Sequence[str]
    values: Sequence[float]
    coverage: float = 1.0


class _Grouped(msgspec.Struct, frozen=True):
    """The values of a kind of groups: the cases that are in one."""

    ids: list[str]
    values: Any
    groups: Any
    coverage: float


def median_metric(found: Values, units: Mapping[str, str]) -> Metric:
    """The median over cases, with its interval between order statistics.

    Where several cases are one unit it is that of the bootstrap over units.
    """
    column = np.array(found.values)
    labels = {units.get(id, id) for id in found.ids}
    if len(labels) < len(column):
        return set_metric(
            lambda rows: float(np.median(column[rows])), found.ids, units, coverage=found.coverage
        )
    value, interval = float(np.median(column)), median_interval(column)
    return Metric(
        value, value, len(column), interval, interval, None, found.coverage, units=len(labels)
    )


def mean_of_cases(found: Values, units: Mapping[str, str], about: CaseMetric) -> Metric:
    """The mean of a metric over cases, in its unit."""
    of_share = about.unit == "share"
    return mean_metric(
        found.values,
        found.ids,
        units,
        share=about.flag,
        unit=about.unit,
        higher_is_better=about.higher_is_better,
        coverage=found.coverage,
        lowest=about.lowest,
        highest=1.0 if of_share else np.inf,
    )


def group_metrics(
    found: Values, groups: Mapping[str, Mapping[str, str]], units: Mapping[str, str]
) -> dict[str, Metric]:
    """For each kind of groups: the widest gap, the equity-scaled score, and tests of all pairs.

    Parameters
    ----------
    groups
        Kind (``gender``) → case → its group, for those that are in one.

    Notes
    -----
    A group of fewer than 10 cases is in none of them. Mann–Whitney's p is two-sided and adjusted
    by Holm over the pairs of a kind; it is not given where several cases are one unit, for the test
    takes them as independent.
    """
    metrics: dict[str, Metric] = {}
    for kind, group_of in groups.items():
        rows = [row for row, id in enumerate(found.ids) if id in group_of]
        part = _Grouped(
            ids=[found.ids[row] for row in rows],
            values=np.array([found.values[row] for row in rows]),
            groups=np.array([group_of[found.ids[row]] for row in rows], dtype=str),
            coverage=found.coverage,
        )
        large = [name for name, size in Counter(part.groups.tolist()).items() if size >= FEWEST]
        if len(large) < 2:
            continue
        metrics |= _fairness(kind, part, large, units)
        if len({units.get(id, id) for id in part.ids}) == len(rows):
            metrics |= _tests(kind, part, large)
    return metrics


def _fairness(
    kind: str, part: _Grouped, large: Sequence[str], units: Mapping[str, str]
) -> dict[str, Metric]:
    member = np.array([part.groups == name for name in large], dtype=np.float64)
    values = part.values

    def means(rows: NDArray[np.intp]) -> Floats:
        of = member[:, rows]
        with np.errstate(invalid="ignore"):
            found: Floats = (of @ values[rows]) / of.sum(axis=1)
        return found

    def gap(rows: NDArray[np.intp]) -> float:
        found = means(rows)
        return float(found.max() - found.min())

    def scaled(rows: NDArray[np.intp]) -> float:
        return float(equity_scaled(values[rows].mean(), list(means(rows))))

    coverage = part.coverage
    widest = set_metric(gap, part.ids, units, higher_is_better=False, coverage=coverage)
    return {
        f"{kind}_fairness:gap": widest,
        f"{kind}_fairness:equity_scaled": set_metric(scaled, part.ids, units, coverage=coverage),
    }


def _tests(kind: str, part: _Grouped, large: Sequence[str]) -> dict[str, Metric]:
    pairs = list(itertools.combinations(large, 2))
    of = {name: part.values[part.groups == name] for name in large}
    tests = [mann_whitney(of[a], of[b]) for a, b in pairs]
    adjusted = holm([None if test is None else test.p for test in tests])
    return {
        f"{kind}_test:{a} – {b}": Metric(
            p, p, sum(test.n), None, None, None, part.coverage, unit="p", higher_is_better=False
        )
        for (a, b), test, p in zip(pairs, tests, adjusted, strict=True)
        if test is not None
    }
