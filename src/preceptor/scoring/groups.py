"""Groups of examples side by side: their unweighted mean, and how far they are from one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.records import Example, Metric, Score
from preceptor.scoring.names import OVERALL
from preceptor.scoring.units import units
from preceptor.statistics import resampled_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["group_gaps"]


def group_gaps(
    scores: Sequence[Score], examples: Sequence[Example], namespace: str, reference: str
) -> dict[str, Metric]:
    """Metrics of the groups that the tags ``namespace:…`` make, such as languages.

    Parameters
    ----------
    reference
        The group that the others are compared with.

    Returns
    -------
    ``NAMESPACE_mean``: the mean over groups of the mean overall score in each, 0 to 1; within a
    group, a question counts once.
    ``NAMESPACE_gap:GROUP``: the mean of the reference less that of the group, −1 to 1; and
    ``NAMESPACE_gap``: the mean of these. Only where the run has two groups, and for gaps the
    reference among them.
    """
    group_of = {
        example.id: tag.partition(":")[2]
        for example in examples
        for tag in example.tags
        if tag.startswith(f"{namespace}:")
    }
    question = {each.id: each.of if isinstance(each.of, str) else each.id for each in examples}
    asked = [score for score in scores if score.example_id in group_of]
    # One row a question: its orders and repeats together.
    by_question: dict[tuple[str, str], list[float]] = {}
    unit_of, drawn_with = units(examples), dict[str, str]()
    for score in asked:
        if OVERALL in score.values:
            row = (question[score.example_id], group_of[score.example_id])
            by_question.setdefault(row, []).append(score.values[OVERALL])
            drawn_with[row[0]] = unit_of[score.example_id]
    groups = sorted({group for _, group in by_question})
    if len(groups) < 2:
        return {}
    found = _Groups(groups, by_question, drawn_with)
    share = np.full(len(groups), 1 / len(groups))
    metrics = {f"{namespace}_mean": found.metric(share)}
    if reference in groups:
        only = np.eye(len(groups))
        place = groups.index(reference)
        others = [group for group in range(len(groups)) if group != place]
        metrics[f"{namespace}_gap"] = found.metric(only[place] - only[others].mean(axis=0))
        for group in others:
            metrics[f"{namespace}_gap:{groups[group]}"] = found.metric(only[place] - only[group])
    return {
        name: msgspec.structs.replace(each, coverage=found.answers / len(asked))
        for name, each in metrics.items()
    }


class _Groups:
    """The groups' means, and those of 10,000 resamples of the questions."""

    def __init__(
        self,
        groups: Sequence[str],
        by_question: Mapping[tuple[str, str], Sequence[float]],
        unit_of: Mapping[str, str],
    ) -> None:
        place = {group: index for index, group in enumerate(groups)}
        values = np.full((len(by_question), len(groups)), np.nan)
        for row, ((_, group), each) in zip(values, by_question.items(), strict=True):
            row[place[group]] = sum(each) / len(each)
        self.answers = sum(map(len, by_question.values()))
        self.means = np.nanmean(values, axis=0)
        self.there = ~np.isnan(values)
        self.units = np.array([unit_of[question] for question, _ in by_question])
        self.drawn = resampled_means(values, clusters=self.units)

    def metric(self, weights: NDArray[np.float64]) -> Metric:
        """A weighted sum of the groups' means; ``n`` counts the questions of the groups in it.

        The percentile bootstrap over questions (Efron & Tibshirani 1993, chapter 13).
        """
        value, drawn = float(weights @ self.means), self.drawn @ weights
        low, high = (float(end) for end in np.quantile(drawn, [0.025, 0.975]))
        interval = (low, high) if high - low > 1e-12 else None
        rows = self.there[:, weights != 0]
        return Metric(
            value=value,
            raw_mean=value,
            n=int(rows.sum()),
            ci95=interval,
            raw_ci95=interval,
            bootstrap_std=float(drawn.std()),
            coverage=1.0,
            bootstrap_ci95=interval,
            units=len(np.unique(self.units[rows.any(axis=1)])),
        )
