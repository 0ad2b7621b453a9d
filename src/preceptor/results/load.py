"""A stored run as a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from preceptor import benchmarks
from preceptor.records import Example, Graded, Result, RunInfo, Score
from preceptor.results.assemble import assemble
from preceptor.store import Store
from preceptor.store.bills import bills
from preceptor.store.graded import read_worded
from preceptor.store.said import Took, read_columns, read_said

__all__ = ["load_result", "scored_answers"]


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
    protocol = benchmarks.get(run.benchmark).protocol
    took: Took | None = None
    graded: Sequence[Graded]
    scores: Sequence[Score]
    if words:
        graded = store.graded(run)
        scores = protocol.scores(graded)
    elif protocol.reads_text:
        graded, scores = [], []
        with store.reading() as connection:
            answers, took = read_said(connection, run)
            for item in answers:
                scores.append(protocol.score(item))
                graded.append(_wordless(item))
    else:
        with store.reading() as connection:
            graded, took = read_columns(connection, run, known)
            scores = protocol.scores(graded)
    return assemble(
        run,
        graded,
        scores,
        bills(store, run, took),
        departures=run.settings.get("departures", ()),
        notes=run.settings.get("notes", ()),
        metrics=metrics,
    )


def scored_answers(store: Store, run: RunInfo) -> Iterator[tuple[Graded, Score]]:
    """A run's answers and scores one after the other, with all words and without any usage."""
    protocol = benchmarks.get(run.benchmark).protocol
    with store.reading() as connection:
        for item in read_worded(connection, run):
            yield item, protocol.score(item)


def _wordless(item: Graded) -> Graded:
    if item.response is None:
        return item
    replace = msgspec.structs.replace
    raw = None if item.response.raw is None else ""  # that reasoning stood in it stays known
    return replace(item, response=replace(item.response, text="", raw=raw, sent=None))
