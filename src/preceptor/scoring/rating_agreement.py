"""How far a grader's ratings are those of clinicians, and these one another's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.records import Example, Metric, Score
from preceptor.scoring.sets import set_metric
from preceptor.scoring.units import units
from preceptor.statistics.agreement import krippendorff_alpha

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CLINICIAN_ALPHA", "GRADER_ALPHA", "agreement"]

GRADER_ALPHA, CLINICIAN_ALPHA = "alpha", "alpha_clinicians"


def agreement(
    scores: Sequence[Score], examples: Sequence[Example], dimensions: Sequence[str]
) -> dict[str, Metric]:
    """Krippendorff's alpha, nominal, over all dimensions and in each; intervals draw dialogues.

    A score's prediction is dimension → rating, None where that is missing; an example's target has
    the clinicians' under ``ratings``. A rating that half of them give, or fewer, is not the most.
    """
    unit_of, given = units(examples), {each.id: each.target["ratings"] for each in examples}
    found = {}
    for name, some in (("", dimensions), *((f":{each}", [each]) for each in dimensions)):
        among = [(id, ratings[each]) for id, ratings in given.items() for each in some]
        found[CLINICIAN_ALPHA + name] = _alpha([(id, *row) for id, row in among], unit_of)
        pairs = [
            (
                score.example_id,
                (score.prediction or {}).get(each),
                _most(given[score.example_id][each]),
            )
            for score in scores
            for each in some
        ]
        found[GRADER_ALPHA + name] = _alpha(pairs, unit_of)
    return found


def _most(ratings: Sequence[str]) -> str | None:
    rating, count = Counter(ratings).most_common(1)[0]
    return rating if 2 * count > len(ratings) else None


def _alpha(rows: Sequence[tuple[str | None, ...]], unit_of: dict[str, str]) -> Metric:
    """Rows are an example's id and the ratings of one thing in it."""
    names = sorted({each for _, *ratings in rows for each in ratings if each is not None})
    widest = max((len(ratings) for _, *ratings in rows), default=2)
    table = np.full((len(rows), widest), np.nan)
    for place, (_, *ratings) in enumerate(rows):
        for column, each in enumerate(ratings):
            table[place, column] = np.nan if each is None else names.index(each)
    whole = (~np.isnan(table)).sum(axis=1) >= 2
    statistic = krippendorff_alpha(table)

    def of(places: NDArray[np.intp]) -> float:
        return float(statistic.formula(statistic.terms[whole][places].sum(axis=0)))

    return set_metric(
        of,
        [str(row[0]) for row, kept in zip(rows, whole, strict=True) if kept],
        unit_of,
        unit="alpha",
        coverage=float(whole.mean()) if len(rows) else 0.0,
    )
