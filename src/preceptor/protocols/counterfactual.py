"""Pairs of texts that differ in what should not matter: does the answer change?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from preceptor.protocols.labelling import MultiLabelScoring
from preceptor.records import Example, Metric, Score
from preceptor.scoring.names import OVERALL
from preceptor.scoring.paired import mcnemar_p, p_metric
from preceptor.scoring.sets import mean_metric
from preceptor.scoring.units import units

__all__ = ["CounterfactualScoring"]


class _Pair(msgspec.Struct, frozen=True):
    """The answers to a text and to the same with a word about the patient inserted."""

    tags: tuple[str, ...]
    id: str
    changed: bool
    right: tuple[bool, bool]


class CounterfactualScoring(MultiLabelScoring):
    """Labels for texts, some of which are another one (their ``of``) with a group inserted.

    ``changed`` is the share of pairs whose set of labels differs, over all and by the tags of the
    namespaces ``groups`` (Guevara et al. 2024, npj Digital Medicine 7:6). A pair counts when both
    answers could be read. Two tests, whose metrics are p-values and treat pairs as independent:

    - ``changed_p``: does inserting make answers worse or better? McNemar's exact test on which of
      the two was right (McNemar 1947, Psychometrika 12:153).
    - ``NAMESPACE_p``: do the groups differ in how often answers change? Pearson's χ²
      (``scipy.stats.chi2_contingency``, without continuity correction).
    """

    units_are = "sentences"

    def __init__(
        self,
        labels: Sequence[str],
        marked: str,
        other: str,
        *,
        groups: tuple[str, ...],
    ) -> None:
        super().__init__(labels, marked, other)
        self.groups = groups

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        own, unit_of = {}, units(examples)
        pairs = _pairs(scores, {example.id: example for example in examples})
        asked = sum(isinstance(example.of, str) for example in examples)
        repeats = len({score.repeat for score in scores}) or 1
        coverage = len(pairs) / (asked * repeats) if asked else 0.0
        own["changed"] = _changed(pairs, unit_of, min(1.0, coverage))
        own["changed_p"] = p_metric(mcnemar_p([pair.right for pair in pairs]), len(pairs))
        for namespace in self.groups:
            parts: dict[str, list[_Pair]] = {}
            for pair in pairs:
                for tag in pair.tags:
                    if tag.startswith(f"{namespace}:"):
                        parts.setdefault(tag.partition(":")[2], []).append(pair)
            for value, part in sorted(parts.items()):
                own[f"changed:{value}"] = _changed(part, unit_of, min(1.0, coverage))
            own[f"{namespace}_p"] = p_metric(_chi_squared(parts), sum(map(len, parts.values())))
        return {**super().whole_set(scores, examples), **own}


def _pairs(scores: Sequence[Score], by_id: Mapping[str, Example]) -> list[_Pair]:
    read = {
        (score.example_id, score.repeat): score for score in scores if score.prediction is not None
    }
    pairs = []
    for (id, repeat), score in read.items():
        example = by_id[id]
        before = read.get((example.of, repeat)) if isinstance(example.of, str) else None
        if before is not None:
            pairs.append(
                _Pair(
                    example.tags,
                    id,
                    set(before.prediction) != set(score.prediction),
                    (before.values[OVERALL] == 1, score.values[OVERALL] == 1),
                )
            )
    return pairs


def _changed(pairs: Sequence[_Pair], unit_of: Mapping[str, str], coverage: float) -> Metric:
    return mean_metric(
        [pair.changed for pair in pairs],
        [pair.id for pair in pairs],
        unit_of,
        share=True,
        higher_is_better=False,
        coverage=coverage,
    )


def _chi_squared(parts: Mapping[str, Sequence[_Pair]]) -> float | None:
    from scipy.stats import chi2_contingency

    table = np.array(
        [[sum(pair.changed for pair in part), len(part)] for part in parts.values()], dtype=float
    ).reshape(-1, 2)
    table[:, 1] -= table[:, 0]
    if len(table) < 2 or not table.sum(axis=0).all():
        return None
    return float(chi2_contingency(table, correction=False).pvalue)
