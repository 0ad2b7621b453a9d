"""A judge's labels, one for each criterion → the scores of one response."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np

from preceptor.records import Graded, Metric, Score, Verdict
from preceptor.scoring.bounds import Bounds, bounded
from preceptor.scoring.sets import mean_metric

__all__ = ["Worth", "count_metric", "score_labels"]

#: (place of a criterion in the rubric, what each label of its is worth).
Worth = tuple[int, Mapping[str, float]]


def score_labels(
    graded: Graded, metrics: Mapping[str, Sequence[Worth]], sums: Collection[str] = ()
) -> Score:
    """Each metric is the mean of what its labels are worth, or their sum where it is in ``sums``.

    A verdict that is met or not has the label ``met`` or ``not met``. A metric is in ``values``
    only if all its labels were given and are among those that are worth something. ``low`` and
    ``high`` say what the missing ones allow: from the label that is worth least to that which is
    worth most. A metric without criteria is not defined.

    Raises
    ------
    ValueError
        If there is not exactly one verdict (or None) for each criterion.
    """
    if len(graded.verdicts) != len(graded.example.criteria):
        raise ValueError("expected one verdict for each criterion")
    found: dict[str, Bounds] = {}
    for name, parts in metrics.items():
        if not parts:
            continue
        given, least, most = 0, 0.0, 0.0
        for place, worth in parts:
            label = _label(graded.verdicts[place])
            known = label in worth
            given += known
            least += worth[label] if known else min(worth.values())
            most += worth[label] if known else max(worth.values())
        share = 1 if name in sums else len(parts)
        found[name] = Bounds(given, len(parts), least / share, most / share)
    return bounded(graded, found)


def _label(verdict: Verdict | None) -> str:
    """What the judge said; empty where it said nothing."""
    if verdict is None:
        return ""
    if verdict.met is not None:
        return "met" if verdict.met else "not met"
    return verdict.label or ""


def count_metric(
    scores: Sequence[Score],
    name: str,
    units: Mapping[str, str],
    *,
    unit: str,
    higher_is_better: bool = False,
) -> Metric:
    """The mean over examples of something that is counted, and not clipped to 0 to 1.

    An example counts with the mean of its complete repeats; ``bounds`` are what the missing
    verdicts allow.
    """
    rows = [score for score in scores if name in score.low]
    complete: dict[str, list[float]] = {}
    for score in rows:
        if name in score.values:
            complete.setdefault(score.example_id, []).append(score.values[name])
    asked = sum(score.counts[name][1] for score in rows)
    given = sum(score.counts[name][0] for score in rows)
    metric = mean_metric(
        [sum(each) / len(each) for each in complete.values()],
        list(complete),
        units,
        unit=unit,
        higher_is_better=higher_is_better,
        coverage=given / asked if asked else 0.0,
        lowest=0.0,
    )
    if all(name in score.values for score in rows):
        return metric
    bounds = (_by_example(rows, name, "low"), _by_example(rows, name, "high"))
    return msgspec.structs.replace(metric, bounds=bounds)


def _by_example(rows: Sequence[Score], name: str, field: str) -> float:
    each: dict[str, list[float]] = {}
    for score in rows:
        each.setdefault(score.example_id, []).append(getattr(score, field)[name])
    return float(np.mean([np.mean(values) for values in each.values()]))
