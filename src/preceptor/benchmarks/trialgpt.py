"""Trials for a patient: TREC Clinical Trials 2021 and 2022, and SIGIR 2016, as TrialGPT has them.

Source: Jin et al. 2024 (TrialGPT), Nature Communications 15:9074.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark
from preceptor.benchmarks.collection import corpus_of_folder, queries_of_folder
from preceptor.corpora import pointer
from preceptor.protocols.retrieval import RETRIEVAL_LABELS, retrieval
from preceptor.records import Example

__all__ = ["BENCHMARKS"]


def _read(path: Path) -> Iterator[Example]:
    yield from queries_of_folder(path)


def _pointer(path: Path) -> bytes:
    """Of the trials' texts, which a user adds; without them only recorded lists are scored."""
    corpus = corpus_of_folder(path)
    return pointer([] if corpus is None else [corpus])


_common = functools.partial(
    Benchmark,
    family="retrieval",
    licence="public domain",
    protocol=retrieval(),
    read=_read,
    materials=_pointer,
    url="https://github.com/ncbi-nlp/TrialGPT",
    brings="a folder with `queries.jsonl`, the grades, and the trials in `corpus.jsonl`",
    labels=RETRIEVAL_LABELS,
    measures="Whether the trials that a patient may take part in stand first.",
    faults=(
        "The release has queries and grades, and no texts of trials: put corpus.jsonl beside "
        "queries.jsonl, or score a run with replay:run.trec.",
        "Only pooled trials were graded: see judged@10.",
    ),
)
_TREC = "Roberts et al., TREC Clinical Trials Track {}; Jin et al. 2024 (TrialGPT)"

BENCHMARKS = (
    _common(
        name="trialgpt-2021",
        title="Trials for a patient (TREC 2021)",
        summary="75 patients → trials, 35,832 judgments 0, 1 or 2",
        citation=_TREC.format(2021),
        n_examples=75,
        folder="trialgpt-trec/dataset/trec_2021",
        verified="Counts, and that lists in the order of the grades have nDCG@10 of 1.",
    ),
    _common(
        name="trialgpt-2022",
        title="Trials for a patient (TREC 2022)",
        summary="50 patients → trials, 35,394 judgments 0, 1 or 2",
        citation=_TREC.format(2022),
        n_examples=50,
        folder="trialgpt-trec/dataset/trec_2022",
        verified="Counts, and that lists in the order of the grades have nDCG@10 of 1.",
    ),
    _common(
        name="trialgpt-sigir",
        title="Trials for a patient (SIGIR 2016)",
        summary="58 patients → trials, 3,835 judgments 0, 1 or 2",
        citation="Koopman & Zuccon 2016, SIGIR; Jin et al. 2024 (TrialGPT)",
        n_examples=58,
        folder="trialgpt-trec/dataset/sigir",
        verified="Counts (one of 59 patients has no grade), and that lists in the order of the "
        "grades have nDCG@10 of 1.",
    ),
)
