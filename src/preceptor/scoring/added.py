"""Metrics of other packages, beside those of a benchmark's family."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from preceptor.records import AddedMetric, Example, Graded, Metric, Score
from preceptor.scoring.answers import merged
from preceptor.scoring.judged import count_metric
from preceptor.scoring.summary import summarise
from preceptor.scoring.units import units

__all__ = ["MetricSpec", "add", "summarise_added", "without"]

_SHARE = "share"


class MetricSpec(msgspec.Struct, frozen=True):
    """A metric of a package's own.

    Attributes
    ----------
    title
        Display name.
    of
        One response with its verdicts → its value; None where it has none.
    unit
        ``share`` for 0 to 1, which is printed times 100; else what it is counted in.
    """

    title: str
    of: Callable[[Graded], float | None]
    unit: str = _SHARE
    higher_is_better: bool = True

    def about(self) -> AddedMetric:
        """What a run keeps of it."""
        return AddedMetric(self.title, self.unit, self.higher_is_better)


def add(score: Score, graded: Graded, specs: Mapping[str, MetricSpec]) -> Score:
    """The score with the value of each metric, by name; one that fails has none."""
    for name, spec in specs.items():
        there = graded.response is not None and graded.response.failure is None
        try:
            value = spec.of(graded) if there else None
        except Exception:  # whatever is wrong with it is not ours, and the answer is paid for
            value = None
        known = {} if value is None else {name: float(value)}
        open_ = {name: 0.0}, {name: 1.0}
        low, high = (known, known) if known else open_ if spec.unit == _SHARE else ({}, {})
        counts = {name: (len(known), 1)}
        own = Score(graded.example.id, graded.repeat, known, low, high, counts, score.length)
        score = merged(score, own, [name])
    return score


def summarise_added(
    scores: Sequence[Score],
    examples: Sequence[Example],
    added: Mapping[str, AddedMetric],
    units_are: str,
) -> dict[str, Metric]:
    """The mean of each added metric: name → what the run keeps of it."""
    unit_of, found = units(examples), {}
    for name, about in added.items():
        if about.unit != _SHARE:
            better = about.higher_is_better
            metric = count_metric(scores, name, unit_of, unit=about.unit, higher_is_better=better)
            found[name] = msgspec.structs.replace(metric, units_are=units_are)
            continue
        alone = [without(score, score.counts.keys() - {name}) for score in scores]
        metric = summarise(alone, {}, None, unit_of, units_are=units_are)[name]
        found[name] = msgspec.structs.replace(metric, higher_is_better=about.higher_is_better)
    return found


def without(score: Score, names: Collection[str]) -> Score:
    """A score without these metrics."""
    bare = Score(
        score.example_id, score.repeat, {}, {}, {}, {}, score.length, prediction=score.prediction
    )
    return merged(bare, score, [name for name in score.counts if name not in names])
