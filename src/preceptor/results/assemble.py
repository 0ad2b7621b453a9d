"""Graded answers and their bills as a result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.billing import Bill
from preceptor.protocols.base import Protocol
from preceptor.records import (
    AddedMetric,
    Answers,
    Example,
    Graded,
    Metric,
    Result,
    RunInfo,
    Score,
    Usage,
    examples_of,
    replies_of,
)
from preceptor.results.notes import run_notes
from preceptor.results.reweighting import REWEIGHTED, reweighted
from preceptor.scoring.added import summarise_added, without
from preceptor.scoring.columns import Scores
from preceptor.scoring.names import beside

__all__ = ["assemble"]


def assemble(
    benchmark: Benchmark,
    info: RunInfo,
    graded: Sequence[Graded],
    scores: Sequence[Score],
    bills: tuple[Bill, ...],
    *,
    departures: Iterable[str] = (),
    notes: Iterable[str] = (),
    metrics: bool = True,
) -> Result:
    """The result of one run, or of several pooled.

    Parameters
    ----------
    graded, scores
        All answers, with a score for each.
    departures, notes
        Those that the runs recorded; each is kept once.
    metrics
        False: none are computed.
    """
    table = Scores.of(scores)
    examples = list(examples_of(graded).values())
    asked, ungraded = _ungraded(graded)
    added = info.settings.metrics or {}
    result = Result(
        info=info,
        title=benchmark.title,
        labels={**benchmark.labels, **{name: each.title for name, each in added.items()}},
        slices=benchmark.slices,
        graded=graded,
        scores=table,
        metrics=_metrics(benchmark.protocol, graded, table, examples, added) if metrics else {},
        departures=list(dict.fromkeys(departures)),
        notes=run_notes(
            graded,
            notes,
            benchmark.caution,
            sliced=any(":" in name for name in benchmark.labels)
            and benchmark.protocol.scoring.sliced_by_tags,
            cut=not benchmark.protocol.asking.first_token,
            system=info.system,
        )
        + benchmark.protocol.scoring.notes(graded, table),
        coverage=1 - ungraded.total() / asked if asked else _answered(graded),
        verdicts=asked,
        ungraded=dict(ungraded.most_common()),
        cost_usd=_paid(bills),
        system_usage=_total(bills, "system"),
        grader_usage=_total(bills, "grader"),
        patient_usage=_total(bills, "patient"),
        bills=bills,
    )
    unenriched = reweighted(result) if metrics else None
    if unenriched is None:
        return result
    return msgspec.structs.replace(result, metrics=beside(result.metrics, {REWEIGHTED: unenriched}))


def _metrics(
    protocol: Protocol,
    graded: Sequence[Graded],
    scores: Sequence[Score],
    examples: Sequence[Example],
    added: Mapping[str, AddedMetric],
) -> dict[str, Metric]:
    """The family's metrics, and those of other packages beside them."""
    kept = [without(score, added) for score in scores] if added else scores
    own = protocol.summarise(kept, examples)
    own = beside(own, protocol.scoring.of_verdicts(graded))
    if not added:
        return own
    return {**own, **summarise_added(scores, examples, added, protocol.scoring.units_are)}


def _answered(graded: Sequence[Graded]) -> float:
    """Share of the answers that exist, 0 to 1: the coverage where nothing is judged."""
    return replies_of(graded).failure.count(None) / len(graded) if graded else 0.0


def _paid(bills: Sequence[Bill]) -> float | None:
    costs = [bill.cost_usd for bill in bills if bill.part != "example"]
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def _ungraded(graded: Sequence[Graded]) -> tuple[int, Counter[str]]:
    """How many verdicts were asked for, and those that are missing by reason."""
    reasons: Counter[str] = Counter()
    items: Iterable[Graded] = graded
    if isinstance(graded, Answers):  # the others have all verdicts
        items = map(graded.__getitem__, sorted(graded.told))
    for item in items:
        for verdict in item.verdicts:
            if verdict is not None and verdict.given:
                continue
            if item.response is None:
                reasons["not asked yet"] += 1
            elif item.response.failure is not None:
                reasons[f"no answer: {item.response.failure}"] += 1
            else:
                reasons["not graded yet" if verdict is None else verdict.reason or "ungraded"] += 1
    if isinstance(graded, Answers):
        return sum(map(len, graded.signs)), reasons
    return sum(len(item.verdicts) for item in graded), reasons


def _total(bills: Sequence[Bill], part: str) -> Usage:
    return sum((bill.usage + bill.reused_usage for bill in bills if bill.part == part), Usage())
