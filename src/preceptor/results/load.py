"""A stored run as a result."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from preceptor.records import Graded, Result, RunInfo, Score
from preceptor.results.assemble import assemble
from preceptor.results.record import scored_by
from preceptor.store import Store
from preceptor.store.bills import bills
from preceptor.store.graded import read_worded
from preceptor.store.said import Took, read_said

__all__ = ["load_result", "scored_answers"]


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
    benchmark, score = scored_by(store, run)
    took: Took | None = None
    if words:
        graded = store.graded(run)
        scores = [score(item) for item in graded]
    else:
        graded, scores = [], []
        with store.reading() as connection:
            answers, took = read_said(connection, run, texts=benchmark.protocol.reads_text)
            for item in answers:
                scores.append(score(item))
                graded.append(_wordless(item))
    return assemble(
        benchmark,
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
    _, score = scored_by(store, run)
    with store.reading() as connection:
        for item in read_worded(connection, run):
            yield item, score(item)


def _wordless(item: Graded) -> Graded:
    if item.response is None or item.length is not None:  # its text was not read
        return item
    replace = msgspec.structs.replace
    return replace(item, response=replace(item.response, text="", raw=None, sent=None))
