"""A stored run as a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.records import Example, Graded, Result, RunInfo, Score
from preceptor.results.assemble import assemble
from preceptor.results.record import ScoredBy, foreign_code, scored_by
from preceptor.scoring.columns import Scores
from preceptor.store import Store
from preceptor.store.bills import bills
from preceptor.store.graded import read_worded
from preceptor.store.said import Took, read_columns, read_said

__all__ = ["load_result", "scored_answers", "scored_columns"]


def load_result(
    store: Store,
    run: RunInfo,
    *,
    metrics: bool = True,
    words: bool = True,
    known: dict[str, Example] | None = None,
) -> Result:
    """Read a run's answers and verdicts, and score them.

    Parameters
    ----------
    metrics
        False: none are computed, but recorded ones are read, for they cannot be computed anew. A
        run that is to be pooled has no use for its own.
    words
        False: an answer has no text once it is scored, and a verdict says ``met``, ``label``,
        ``reason`` and ``probability`` and nothing else. A run with a million of them takes a third
        of the memory, and less time.
    known
        Examples of other runs by key, which this one may share; its own are added.
    """
    scoring = scored_by(store, run)
    took: Took | None = None
    with foreign_code(run, scoring.benchmark.package):
        if words:
            graded: Sequence[Graded] = store.graded(run)
            scores = scoring.all(graded)
        else:
            graded, scores, took = _read_scored(store, run, scoring, known)
        result = assemble(
            scoring.benchmark,
            run,
            graded,
            scores,
            bills(store, run, took),
            departures=run.settings.departures or (),
            notes=run.settings.notes,
            metrics=metrics or run.settings.recorded_scores is not None,
        )
    return msgspec.structs.replace(result, store=store.address)


def scored_columns(
    store: Store, run: RunInfo, known: dict[str, Example] | None = None
) -> tuple[Benchmark, Sequence[Graded], Scores]:
    """The benchmark, and a run's answers without words with their scores; no metric of the run."""
    scoring = scored_by(store, run)
    with foreign_code(run, scoring.benchmark.package):
        graded, scores, _ = _read_scored(store, run, scoring, known)
    return scoring.benchmark, graded, Scores.of(scores)


def _read_scored(
    store: Store, run: RunInfo, scoring: ScoredBy, known: dict[str, Example] | None
) -> tuple[Sequence[Graded], Sequence[Score], Took]:
    with store.reading() as connection:
        if not scoring.benchmark.protocol.scoring.reads_text:
            columns, took = read_columns(connection, run, known)
            return columns, scoring.all(columns), took
        answers, took = read_said(connection, run)
        graded, scores = [], []
        for item in answers:
            scores.append(scoring.one(item))
            graded.append(_wordless(item))
        return graded, scores, took


def scored_answers(store: Store, run: RunInfo) -> Iterator[tuple[Graded, Score]]:
    """A run's answers and scores one after the other."""
    score = scored_by(store, run).one
    with store.reading() as connection:
        for item in read_worded(connection, run):
            yield item, score(item)


def _wordless(item: Graded) -> Graded:
    if item.response is None:
        return item
    replace = msgspec.structs.replace
    raw = None if item.response.raw is None else ""  # that reasoning stood in it stays known
    return replace(item, response=replace(item.response, text="", raw=raw, sent=None))
