"""Passages of a corpus before each question, found by a retriever when a run is planned."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.corpora import Corpus, open_corpus
from preceptor.errors import InputError
from preceptor.records import Example, Passages
from preceptor.systems import resolve
from preceptor.systems.base import Parameters

if TYPE_CHECKING:
    from preceptor.engine.plan import Request
    from preceptor.systems.retrieval.base import Retriever

__all__ = ["DEFAULT_PASSAGES", "said", "with_passages"]

DEFAULT_PASSAGES = 5
#: Characters of a passage that are shown: a document may be a book.
_LONGEST = 4_000
#: Questions that are searched for at once.
_AT_ONCE = 8


def with_passages(
    chosen: Sequence[tuple[Example, int]], benchmark: Benchmark, request: Request
) -> tuple[list[tuple[Example, int]], Passages | None]:
    """The examples with the passages that were found for each, and what was asked for, if it was.

    A passage stands before the question, in the same message, under its id: it is part of what is
    sent, kept and shown to a judge.

    Raises
    ------
    InputError
        There is no corpus, the benchmark is an interaction or itself a search, or the retriever is
        none.
    """
    if request.retriever is None:
        if request.corpus is not None or request.passages is not None:
            raise InputError("--corpus, --passages: are for --retriever, which is not there")
        return [*chosen], None
    if request.corpus is None:
        raise InputError("--retriever: needs --corpus with the passages, found none")
    if benchmark.family == "retrieval" or benchmark.protocol.environment is not None:
        what = "a search" if benchmark.family == "retrieval" else "an interaction"
        raise InputError(f"--retriever: is for single questions, and {benchmark.name} is {what}")
    count = DEFAULT_PASSAGES if request.passages is None else request.passages
    if not 1 <= count <= 100:
        raise InputError(f"--passages: expected a number from 1 to 100, found {count}")
    retriever = _retriever(request)
    corpus = open_corpus(_corpus_file(request.corpus))
    found = asyncio.run(_found(retriever, corpus, [example for example, _ in chosen], count))
    told = Passages(request.retriever, str(request.corpus), corpus.sha256, count)
    return [(example, n) for example, (_, n) in zip(found, chosen, strict=True)], told


def said(passages: Passages | None) -> list[str]:
    """The sentence beside the score."""
    if passages is None:
        return []
    where = Path(passages.corpus).name
    return [
        f"Asked with {passages.count} passages of {where} before each question, found by "
        f"{passages.retriever}."
    ]


def _retriever(request: Request) -> Retriever:
    from preceptor.systems.retrieval.base import RetrieverSystem

    assert request.retriever is not None
    system = resolve(request.retriever, Parameters())
    if not isinstance(system, RetrieverSystem):
        raise InputError(
            f"--retriever {request.retriever}: expected bm25, tfidf, encoder:…, hybrid:… or "
            f"rerank:…"
        )
    if request.max_cost is not None and system.price is None:
        raise InputError(
            f"--max-cost: what {request.retriever} takes for vectors is not counted: leave it out"
        )
    return system.retriever


def _corpus_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    names = ("corpus.jsonl", "corpus.jsonl.gz")
    found = next((path / name for name in names if (path / name).is_file()), None)
    if found is None:
        raise InputError(f"{path}: expected corpus.jsonl or corpus.jsonl.gz in it, found neither")
    return found


async def _found(
    retriever: Retriever, corpus: Corpus, examples: Sequence[Example], count: int
) -> list[Example]:
    try:
        await retriever.prepare(corpus)
        found = []
        for start in range(0, len(examples), _AT_ONCE):
            some = examples[start : start + _AT_ONCE]
            works = [_one(retriever, corpus, example, count) for example in some]
            found += await asyncio.gather(*works)
        return found
    finally:
        await retriever.close()


async def _one(retriever: Retriever, corpus: Corpus, example: Example, count: int) -> Example:
    *before, last = example.messages
    ranked = await retriever.search(last.text, count)
    places = [place for each in ranked if (place := corpus.place(each.id)) is not None]
    shown = [
        f"[{each.id}] {text if len(text) <= _LONGEST else f'{text[:_LONGEST]}…'}"
        for each, text in zip(ranked, corpus.texts(places), strict=True)
    ]
    passages = "\n\n".join(shown) or "(none was found)"
    asked = f"Passages:\n\n{passages}\n\nQuestion:\n\n{last.text}"
    return msgspec.structs.replace(example, messages=(*before, last.with_text(asked)))
