"""A stored run as a result."""

from __future__ import annotations

import msgspec

from preceptor import benchmarks
from preceptor.records import Graded, Result, RunInfo
from preceptor.results.assemble import assemble
from preceptor.store import Store
from preceptor.store.bills import bills
from preceptor.store.said import Took, read_said

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
    protocol = benchmarks.get(run.benchmark).protocol
    took: Took | None = None
    if words:
        graded = store.graded(run)
        scores = [protocol.score(item) for item in graded]
    else:
        graded, scores = [], []
        with store.reading() as connection:
            answers, took = read_said(connection, run, texts=protocol.reads_text)
            for item in answers:
                scores.append(protocol.score(item))
                graded.append(_wordless(item))
    return assemble(
        run,
        graded,
        scores,
        bills(store, run, took),
        departures=run.settings.get("departures", ()),
        notes=run.settings.get("notes", ()),
        metrics=metrics,
    )


def _wordless(item: Graded) -> Graded:
    if item.response is None:
        return item
    replace = msgspec.structs.replace
    return replace(item, response=replace(item.response, text="", raw=None, sent=None))
