"""Metrics of HealthBench's meta-evaluation, under the names of the reference implementation.

Source: arXiv 2505.08775, section on meta-evaluation, and its published code. Each pair of a
rater's judgement with another's on the same row counts once. Precision is per class of the rater,
recall per class of the other; F1 combines both; *balanced* is the mean of the two classes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.audit.labels import THEMES, Judged, theme_of
from preceptor.statistics.bootstrap import resampled_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Table = NDArray[np.float64]

__all__ = [
    "Band",
    "Share",
    "by_class",
    "by_physician",
    "category_bands",
    "metrics",
    "theme_bands",
]

#: Percentiles use physicians with more pairs than this, counted as the reference counts them.
LEAST_PAIRS = 50

_CLASSES = {"pos": 1, "neg": 0}
_F1 = "f1_balanced"


class Share(msgspec.Struct, frozen=True):
    """A value and its number of judgements, as the reference counts them.

    For F1, n is TP + FP + FN; for a balanced value it is the sum over both classes.
    """

    n: float
    value: float


class Band(msgspec.Struct, frozen=True):
    """Rank of a grader among the physicians in one theme or category (HealthBench, table 5).

    Attributes
    ----------
    macro_f1
        The grader's, weighted by n over categories; None if a class never occurs.
    physicians
        Number of physicians with more than 50 pairs, who enter the percentile.
    average
        Macro F1 of all physicians against their colleagues, weighted by n.
    percentile
        Percentage of ``physicians`` below the grader; ties count half.
    """

    name: str
    macro_f1: float | None
    physicians: int
    average: float | None
    percentile: float | None


def by_class(table: Table) -> dict[str, Share]:
    """Compute precision, recall and F1 of one rater's pairs, by class and balanced.

    Parameters
    ----------
    table
        Shape (2, 2): pairs by the rater's own judgement (row: not met, met) and the other's.

    Returns
    -------
    ``precision_pos`` … ``f1_balanced`` → share, in the reference's order. A metric without pairs
    has no entry; F1 of a class is 0 if precision and recall are both 0.
    """
    found: dict[str, Share] = {}
    for name, kind in _CLASSES.items():
        for metric, total in (("precision", table[kind].sum()), ("recall", table[:, kind].sum())):
            if total:
                found[f"{metric}_{name}"] = Share(float(total), float(table[kind, kind] / total))
    for name in _CLASSES:
        precision, recall = found.get(f"precision_{name}"), found.get(f"recall_{name}")
        if precision and recall:
            found[f"f1_{name}"] = _f1(precision, recall)
    for metric in ("precision", "recall", "f1"):
        pos, neg = found.get(f"{metric}_pos"), found.get(f"{metric}_neg")
        if pos and neg:
            found[f"{metric}_balanced"] = Share(pos.n + neg.n, (pos.value + neg.value) / 2)
    return found


def _f1(precision: Share, recall: Share) -> Share:
    total = precision.value + recall.value
    value = 2 * precision.value * recall.value / total if total else 0.0
    return Share(precision.n + recall.n - precision.value * precision.n, value)


def pairs_by_category(rows: Iterable[Judged], grader: str) -> dict[str, Table]:
    """Count the grader's pairs with physicians by category; other rows are skipped."""
    tables: dict[str, Table] = defaultdict(lambda: np.zeros((2, 2)))
    for row in rows:
        if grader in row.verdicts:
            own = tables[row.category][int(row.verdicts[grader])]
            met = sum(row.labels)
            own += (len(row.labels) - met, met)
    return dict(tables)


def by_physician(rows: Iterable[Judged]) -> dict[str, dict[str, Table]]:
    """Count pairs with every other physician of the same row, by category and physician."""
    tables: dict[str, dict[str, Table]] = defaultdict(lambda: defaultdict(lambda: np.zeros((2, 2))))
    for row in rows:
        met = sum(row.labels)
        for name, label in zip(row.physicians, row.labels, strict=True):
            others = met - label
            tables[row.category][name][int(label)] += (len(row.labels) - 1 - others, others)
    return {category: dict(each) for category, each in tables.items()}


def metrics(rows: Sequence[Judged], grader: str, *, seed: int = 0) -> dict[str, float]:
    """Compute the reference implementation's metrics of a grader, sorted by name.

    A class that never occurs has no keys. ``:bootstrap_std`` is seeded here, so it differs from the
    reference's by the noise of 1,000 resamples (about 2 % of its value). As in the reference,
    ``score:bootstrap_std`` and ``score:n_samples`` describe the share of met verdicts.

    Raises
    ------
    ValueError
        No row has a verdict of the grader.
    """
    judged = [row for row in rows if grader in row.verdicts]
    if not judged:
        raise ValueError(f"metrics: no verdicts of {grader}")
    tables = pairs_by_category(judged, grader)
    prefixes = {"": sum(tables.values(), np.zeros((2, 2)))} | {
        f"{category}: ": table for category, table in tables.items()
    }
    found = _row_means(judged, grader, seed)
    for prefix, table in prefixes.items():
        for name, share in by_class(table).items():
            found[f"{prefix}pairwise_model_{name}"] = share.value
    if f"pairwise_model_{_F1}" in found:
        found["score"] = found[f"pairwise_model_{_F1}"]
    return dict(sorted(found.items()))


def _row_means(rows: Sequence[Judged], grader: str, seed: int) -> dict[str, float]:
    values = np.array(
        [
            (row.verdicts[grader], len(row.labels), sum(row.labels) / len(row.labels))
            for row in rows
        ],
        dtype=np.float64,
    )
    names = ("model_predicted_positive", "num_physician_labels", "percent_physician_pos")
    where: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        where[""].append(place)
        where[f"{row.category}: "].append(place)
    found: dict[str, float] = {}
    for prefix, places in where.items():
        chosen = values[places]
        spread = resampled_means(chosen, resamples=1_000, seed=seed).std(axis=0)
        for column, name in enumerate(names):
            found[f"{prefix}{name}"] = float(chosen[:, column].mean())
            found[f"{prefix}{name}:bootstrap_std"] = float(spread[column])
            found[f"{prefix}{name}:n_samples"] = len(places)
    for statistic in ("bootstrap_std", "n_samples"):
        found[f"score:{statistic}"] = found[f"{names[0]}:{statistic}"]
    return found


# Table 5


def theme_bands(rows: Sequence[Judged], grader: str) -> list[Band]:
    """Rank the grader among the physicians by HealthBench theme; other categories are skipped."""
    groups: dict[str, list[str]] = {theme: [] for theme in THEMES}
    for category in sorted({row.category for row in rows}):
        theme = theme_of(category)
        if theme is not None:
            groups[theme].append(category)
    groups = {theme: categories for theme, categories in groups.items() if categories}
    return _bands(rows, grader, groups)


def category_bands(rows: Sequence[Judged], grader: str) -> list[Band]:
    """Rank the grader among the physicians by category."""
    categories = sorted({row.category for row in rows if row.category})
    return _bands(rows, grader, {category: [category] for category in categories})


def _bands(rows: Sequence[Judged], grader: str, groups: Mapping[str, Sequence[str]]) -> list[Band]:
    own = {
        name: by_class(table).get(_F1) for name, table in pairs_by_category(rows, grader).items()
    }
    others = {
        category: {name: by_class(table).get(_F1) for name, table in tables.items() if name}
        for category, tables in by_physician(rows).items()
    }
    return [
        band(
            group,
            [share for category in categories if (share := own.get(category))],
            _by_physician([others[category] for category in categories]),
        )
        for group, categories in groups.items()
    ]


def _by_physician(categories: Iterable[Mapping[str, Share | None]]) -> list[Share]:
    """Combine each physician's shares of several categories into one."""
    each: dict[str, list[Share]] = defaultdict(list)
    for shares in categories:
        for name, share in shares.items():
            if share:
                each[name].append(share)
    return [weighted(shares) for shares in each.values()]


def weighted(shares: Sequence[Share]) -> Share:
    """Average shares weighted by n. Raises ZeroDivisionError if there are none."""
    n = sum(share.n for share in shares)
    return Share(n, sum(share.value * share.n for share in shares) / n)


def band(name: str, own: Sequence[Share], physicians: Sequence[Share]) -> Band:
    """Apply table 5's procedure to the grader's shares by category and one share per physician."""
    model = weighted(own).value if own else None
    counted = [share.value for share in physicians if share.n > LEAST_PAIRS]
    percentile = None
    if model is not None and counted:
        below = sum(value < model for value in counted)
        equal = sum(value == model for value in counted)
        percentile = 100 * (below + equal / 2) / len(counted)
    average = weighted(physicians).value if physicians else None
    return Band(name, model, len(counted), average, percentile)
