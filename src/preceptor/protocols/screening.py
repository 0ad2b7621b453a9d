"""Screening: include a record or exclude it, by one answer or by k of n votes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.labelling import LabelScoring
from preceptor.records import Example, Metric, Score
from preceptor.scoring.labels import work_saved
from preceptor.scoring.sets import mean_metric, set_metric
from preceptor.scoring.units import units

__all__ = ["EXCLUDE", "INCLUDE", "SCREENING_LABELS", "ScreeningScoring", "screening"]

#: Of the two labels, the one that keeps a record.
INCLUDE, EXCLUDE = "include", "exclude"

#: Display names of the family's metrics, for a benchmark's ``labels``.
SCREENING_LABELS = {
    "overall_score": "Agreement with the panel",
    "parse_rate": "Answers that could be read",
    "recall": "Recall",
    "precision": "Precision",
    "work_saved": "Work saved over sampling",
}

#: What a system is asked after the question and the record.
_INSTRUCTION = (
    "Could this record answer the question above? Judge by title and abstract alone. Include it "
    "when in doubt: what is excluded now, nobody reads again.\n"
    'Reply with JSON: {"decision": "include"} or {"decision": "exclude"}'
)


class ScreeningScoring(LabelScoring):
    """Records of a literature search, to be included or excluded by title and abstract.

    A run with n repeats has n votes on a record: it is kept when at least k say include. The main
    figures are those of the majority; ``recall@1/3`` is that of one vote of three. An answer that
    cannot be read is a vote to include: a person would have to look.

    Parameters
    ----------
    by
        Namespace of the tag by which all figures are given too (``guideline``).
    """

    def __init__(self, by: str) -> None:
        forms = {
            INCLUDE: ("include", "included"),
            EXCLUDE: ("exclude", "excluded", "not include", "not be included", "n't include"),
        }
        super().__init__(forms, by=by)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        own: dict[str, Metric] = {}
        votes: dict[str, list[bool]] = {}
        for score in scores:
            if score.values:
                votes.setdefault(score.example_id, []).append(score.prediction != EXCLUDE)
        n = max((len(each) for each in votes.values()), default=1)
        for k in range(1, n + 1) if n > 1 else ():
            kept = self._kept(votes, lambda cast, k=k: sum(cast) >= k)  # type: ignore[misc]
            own |= {f"{name}@{k}/{n}": each for name, each in _figures(kept, examples).items()}
        kept = self._kept(votes, lambda cast: 2 * sum(cast) > len(cast))
        own |= _figures(kept, examples)
        for tag in dict.fromkeys(tag for example in examples for tag in example.tags):
            namespace, _, value = tag.partition(":")
            if namespace == self.by:
                part = [example for example in examples if tag in example.tags]
                figures = _figures(kept, part)
                own |= {f"{name}:{value}": each for name, each in figures.items()}
        return {**super().whole_set(scores, examples), **own}

    def _kept(
        self, votes: Mapping[str, Sequence[bool]], rule: Callable[[Sequence[bool]], bool]
    ) -> dict[str, bool]:
        return {id: rule(cast) for id, cast in votes.items()}


def _figures(kept: Mapping[str, bool], examples: Sequence[Example]) -> dict[str, Metric]:
    """Recall and precision of *include*, and work saved, over the records that were answered."""
    there = [example for example in examples if example.id in kept]
    ids, unit_of = [example.id for example in there], units(examples)
    relevant = np.array([example.target["label"] == INCLUDE for example in there], dtype=bool)
    shown = np.array([kept[id] for id in ids], dtype=bool)
    saved = work_saved(np.ones(len(ids)), 1.0 - shown, 1.0 * relevant, 1.0 * (relevant & ~shown))
    coverage = len(there) / len(examples) if examples else 0.0

    def share_of(hits: NDArray[np.bool_], rows: NDArray[np.bool_]) -> Metric:
        some = [id for id, row in zip(ids, rows, strict=True) if row]
        return mean_metric(hits[rows], some, unit_of, share=True, coverage=coverage)

    return {
        "recall": share_of(shown, relevant),
        "precision": share_of(relevant, shown),
        "work_saved": set_metric(saved, ids, unit_of, coverage=coverage),
    }


def screening(by: str) -> Protocol:
    """Records to be included or excluded; ``by`` as in `ScreeningScoring`."""
    return Protocol("screening", asking=Asking(_INSTRUCTION), scoring=ScreeningScoring(by))
