"""A run with everything that is known of it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence

import msgspec
from msgspec.structs import force_setattr

from preceptor import benchmarks
from preceptor.billing import Bill
from preceptor.claims.estimating import REWEIGHTED, reweighted
from preceptor.claims.notes import run_notes
from preceptor.claims.sides import answered_share
from preceptor.records import Graded, Result, RunInfo, Usage
from preceptor.scoring.names import beside
from preceptor.store import Store
from preceptor.store.bills import bills
from preceptor.store.graded import Took, read_said

__all__ = ["load_result"]


def load_result(store: Store, run: RunInfo, *, metrics: bool = True, words: bool = True) -> Result:
    """Read a run's answers and verdicts, and score them.

    Parameters
    ----------
    metrics
        False: none are computed. A run that is to be pooled has no use for its own.
    words
        False: an answer has no text once it is scored, and a verdict says ``met``, ``label``,
        ``reason`` and ``probability`` and nothing else. A run with a million of them takes a third
        of the memory, and less time.
    """
    benchmark = benchmarks.get(run.benchmark)
    took: Took | None = None
    if words:
        graded = store.graded(run)
        scores = [benchmark.protocol.score(item) for item in graded]
    else:
        graded, scores = [], []
        with store.reading() as connection:
            answers, took = read_said(connection, run)
            for item in answers:
                scores.append(benchmark.protocol.score(item))
                graded.append(_wordless(item))
    examples = [item.example for item in graded if item.repeat == 0]
    asked = sum(len(item.verdicts) for item in graded)
    ungraded = _ungraded(graded)
    billed = bills(store, run, took)
    result = Result(
        info=run,
        title=benchmark.title,
        labels=dict(benchmark.labels),
        graded=graded,
        scores=scores,
        metrics=benchmark.protocol.summarise(scores, examples) if metrics else {},
        departures=list(run.settings.get("departures", ())),
        notes=run_notes(
            graded,
            run.settings.get("notes", ()),
            benchmark.caution,
            sliced=any(":" in name for name in benchmark.labels),
        ),
        coverage=1 - ungraded.total() / asked if asked else answered_share(graded),
        verdicts=asked,
        ungraded=dict(ungraded.most_common()),
        cost_usd=_paid(billed),
        system_usage=_total(billed, "system"),
        grader_usage=_total(billed, "grader"),
        bills=billed,
    )
    unenriched = reweighted(result) if metrics else None
    if unenriched is not None:
        metrics_of = beside(result.metrics, {REWEIGHTED: unenriched})
        result = msgspec.structs.replace(result, metrics=metrics_of)
    return result


def _wordless(item: Graded) -> Graded:
    if item.response is None:
        return item
    bare = copy.copy(item.response)  # `replace` would take an answer without a text for a failure
    for name, value in (("text", ""), ("sent", None), ("raw", None)):
        force_setattr(bare, name, value)
    return msgspec.structs.replace(item, response=bare)


def _paid(bills: Sequence[Bill]) -> float | None:
    costs = [bill.cost_usd for bill in bills if bill.part != "example"]
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def _ungraded(graded: Sequence[Graded]) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for item in graded:
        for verdict in item.verdicts:
            if verdict is not None and verdict.given:
                continue
            if item.response is None:
                reasons["not asked yet"] += 1
            elif item.response.failure is not None:
                reasons[f"no answer: {item.response.failure}"] += 1
            else:
                reasons["not graded yet" if verdict is None else verdict.reason or "ungraded"] += 1
    return reasons


def _total(bills: Sequence[Bill], part: str) -> Usage:
    return sum((bill.usage + bill.reused_usage for bill in bills if bill.part == part), Usage())
