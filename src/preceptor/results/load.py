"""A stored run as a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from preceptor import benchmarks
from preceptor.records import Example, Graded, Result, RunInfo, Score
from preceptor.results.assemble import assemble
from preceptor.results.record import foreign_code, scored_by
from preceptor.store import Store
from preceptor.store.bills import bills
from preceptor.store.graded import read_worded
from preceptor.store.said import Took, read_columns, read_said

__all__ = ["load_result", "runs_of", "scored_answers"]


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
        False: none are computed. A run that is to be pooled has no use for its own.
    words
        False: an answer has no text once it is scored, and a verdict says ``met``, ``label``,
        ``reason`` and ``probability`` and nothing else. A run with a million of them takes a third
        of the memory, and less time.
    known
        Examples of other runs by key, which this one may share; its own are added.
    """
    scoring = scored_by(store, run)
    took: Took | None = None
    graded: Sequence[Graded]
    scores: Sequence[Score]
    with foreign_code(run, scoring.benchmark.package):
        if words:
            graded = store.graded(run)
            scores = scoring.all(graded)
        elif scoring.benchmark.protocol.scoring.reads_text:
            graded, scores = [], []
            with store.reading() as connection:
                answers, took = read_said(connection, run)
                for item in answers:
                    scores.append(scoring.one(item))
                    graded.append(_wordless(item))
        else:
            with store.reading() as connection:
                graded, took = read_columns(connection, run, known)
                scores = scoring.all(graded)
        result = assemble(
            scoring.benchmark,
            run,
            graded,
            scores,
            bills(store, run, took),
            departures=run.settings.departures or (),
            notes=run.settings.notes,
            metrics=metrics,
        )
    return msgspec.structs.replace(result, store=store.address)


def runs_of(store: Store, benchmark: str | None = None) -> Sequence[RunInfo]:
    """All runs of the store, or those of a benchmark, oldest first."""
    runs = store.runs()
    if benchmark is None:
        return runs
    name = benchmarks.named(benchmark, (run.benchmark for run in runs))
    return [run for run in runs if run.benchmark == name]


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
