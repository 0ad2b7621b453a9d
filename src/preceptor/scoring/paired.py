"""Pairs of questions that differ in what should not matter: how often the answer gets worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from preceptor.records import Metric
from preceptor.scoring.sets import mean_metric
from preceptor.statistics import holm, mcnemar

__all__ = ["Pair", "changes", "mcnemar_p", "p_metric"]


class Pair(NamedTuple):
    """Whether the answers to a question and to its twin are right, or well: 0 or 1."""

    id: str
    group: str
    before: float
    after: float


def changes(pairs: Sequence[Pair], name: str) -> dict[str, Metric]:
    """How much worse the twins are answered: over all pairs, and by group where there are several.

    ``NAME`` is the mean of before less after, −1 to 1; ``NAME_p`` McNemar's exact p-value
    (McNemar 1947, Psychometrika 12:153), which takes pairs as independent. ``NAME:GROUP`` and
    ``NAME_p:GROUP`` are those of a group, whose p-values are Holm's (1979) over the groups.
    """
    if not pairs:
        return {}
    groups = sorted({pair.group for pair in pairs})
    parts = [[pair for pair in pairs if pair.group == group] for group in groups]
    found = {name: _drop(pairs), f"{name}_p": p_metric(_p(pairs), len(pairs))}
    if len(groups) < 2:
        return found
    adjusted = holm([_p(part) for part in parts])
    for group, part, p in zip(groups, parts, adjusted, strict=True):
        found[f"{name}:{group}"] = _drop(part)
        found[f"{name}_p:{group}"] = p_metric(p, len(part))
    return found


def _drop(pairs: Sequence[Pair]) -> Metric:
    drops = [pair.before - pair.after for pair in pairs]
    ids = [pair.id for pair in pairs]
    return mean_metric(drops, ids, higher_is_better=False, lowest=-1.0)


def _p(pairs: Sequence[Pair]) -> float | None:
    return mcnemar_p([(bool(pair.before), bool(pair.after)) for pair in pairs])


def mcnemar_p(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """McNemar's exact p-value; None where no pair differs: there is nothing to test."""
    if all(before == after for before, after in pairs):
        return None
    before, after = zip(*pairs, strict=True)
    return mcnemar(before, after).p


def p_metric(value: float | None, n: int) -> Metric:
    """A p-value as a metric."""
    return Metric(value, value, n, None, None, None, 1.0, unit="p", higher_is_better=False)
