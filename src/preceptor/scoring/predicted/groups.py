"""Metrics by group, their gaps, and equity-scaled scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.records import Metric
from preceptor.scoring.predicted.numbers import metric
from preceptor.scoring.predicted.table import Predicted
from preceptor.statistics.prediction import decisions as dec
from preceptor.statistics.prediction import discrimination as dis
from preceptor.statistics.prediction.calibrating import observed_expected
from preceptor.statistics.prediction.equity import equity_scaled, gap
from preceptor.statistics.prediction.outcomes import Outcomes, Sums
from preceptor.statistics.prediction.resampling import Spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["FEWEST", "RATES", "GroupParts", "group_metrics", "grouped"]

#: A group with fewer rows of a class is shown and not compared.
FEWEST = 10
#: Numbers of each group, after its AUROC; those that need probabilities.
RATES = ("positive_rate", "sensitivity", "false_positive_rate", "ppv", "observed_expected")
_GAPS = ("auroc_gap", "equalised_odds_gap", "equal_opportunity_gap", "demographic_parity_gap")
_SCALED = ("es_auroc", "es_auroc_sd")


class GroupParts(msgspec.Struct):
    """One column's groups: for each, the rows of each repeat.

    ``compared`` says which have enough rows of both classes; ``threshold`` is where a row is called
    positive: the prevalence of all rows.
    """

    column: str
    names: list[str]
    outcomes: list[list[Outcomes]]
    n: list[int]
    units: list[int]
    compared: list[bool]
    rank: bool
    threshold: float

    @property
    def parts(self) -> list[Outcomes]:
        return [part for parts in self.outcomes for part in parts]

    def names_of_numbers(self) -> list[str]:
        """What `numbers` returns, as names of metrics."""
        column = self.column
        found = [f"{column}:{name}" for name in self.names]
        rates = () if self.rank else RATES
        found += [f"{column}_{rate}:{name}" for rate in rates for name in self.names]
        gaps = (*_GAPS[:1], *_SCALED) if self.rank else (*_GAPS, *_SCALED)
        return found + [f"{column}_fairness:{name}" for name in gaps]

    def numbers(self, sums: Sequence[Sums], whole: Sequence[Sums]) -> list[Floats]:
        """AUROC and rates of each group, the gaps between them, and the AUROC scaled by them."""
        repeats = len(whole)
        by_group = [sums[at : at + repeats] for at in range(0, len(sums), repeats)]
        area = [_mean([dis.auroc(each) for each in some]) for some in by_group]
        overall = _mean([dis.auroc(each) for each in whole])
        compared = [value for value, use in zip(area, self.compared, strict=True) if use]
        gaps = [gap(compared)]
        found = list(area)
        if not self.rank:
            rates = {
                name: [
                    _mean([_rate(each, name, self.threshold) for each in some]) for some in by_group
                ]
                for name in RATES
            }
            found += [value for name in RATES for value in rates[name]]
            ranges = {
                name: gap([v for v, use in zip(rates[name], self.compared, strict=True) if use])
                for name in ("sensitivity", "false_positive_rate", "positive_rate")
            }
            gaps += [np.maximum(ranges["sensitivity"], ranges["false_positive_rate"])]
            gaps += [ranges["sensitivity"], ranges["positive_rate"]]
        scaled = [
            equity_scaled(overall, compared),
            equity_scaled(overall, compared, by="sd"),
        ]
        return [*found, *gaps, *scaled]


def _rate(sums: Sums, name: str, threshold: float) -> Floats:
    if name == "observed_expected":
        return observed_expected(sums)
    table = dec.at_threshold(sums, threshold)
    if name == "positive_rate":
        return table.called
    if name == "false_positive_rate":
        return 1 - table.specificity
    rate: Floats = getattr(table, name)
    return rate


def _mean(values: Sequence[Floats]) -> Floats:
    mean: Floats = np.mean(np.stack(values), axis=0)
    return mean


def grouped(table: Predicted, rows: Sequence[NDArray[np.intp]]) -> list[GroupParts]:
    """The groups of each column, largest first, among these rows of each repeat."""
    y, score = table.outcome["y_true"], table.said["y_score"]
    every = np.concatenate(rows)
    found = []
    for column, values in table.groups.items():
        texts = np.array(values, dtype=object)
        names, counts = np.unique(texts[every].astype(str), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        parts, sizes, units, compared = [], [], [], []
        for name in names[order]:
            some = [part[texts[part] == name] for part in rows]
            parts.append(
                [Outcomes(y[s], score[s], table.unit[s], probability=not table.rank) for s in some]
            )
            mine = np.concatenate(some)
            sizes.append(len(mine))
            units.append(len(np.unique(table.unit[mine])))
            cases = min(float(y[s].sum()) for s in some)
            others = min(float((1 - y[s]).sum()) for s in some)
            compared.append(min(cases, others) >= FEWEST)
        listed = [str(name) for name in names[order]]
        threshold = float(y[every].mean())
        found.append(
            GroupParts(column, listed, parts, sizes, units, compared, table.rank, threshold)
        )
    return found


def group_metrics(
    groups: Sequence[GroupParts], numbers: Sequence[tuple[float, Spread]], coverage: float
) -> dict[str, Metric]:
    """The numbers of the groups, in their order, as metrics."""
    found: dict[str, Metric] = {}
    start = 0
    for group in groups:
        names = group.names_of_numbers()
        size = dict(zip(group.names, zip(group.n, group.units, strict=True), strict=True))
        for name, (value, spread) in zip(names, numbers[start : start + len(names)], strict=True):
            space, _, rest = name.partition(":")
            fair = space == f"{group.column}_fairness"
            n, units = (sum(group.n), sum(group.units)) if fair else size[rest]
            found[name] = metric(
                value,
                spread.ci95,
                n,
                units,
                coverage,
                higher_is_better=not name.endswith("_gap"),
                sd=spread.sd,
            )
        start += len(names)
    return found
