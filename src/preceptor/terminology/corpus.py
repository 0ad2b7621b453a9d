"""A list of codes as a corpus that retrievers search: a document a code, its text the title."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from preceptor.cache import alone, cache_dir, publish, workshop
from preceptor.corpora import Corpus, open_corpus
from preceptor.terminology.code_lists import CodeList

__all__ = ["corpus_of"]


def corpus_of(codes: CodeList) -> Corpus:
    """The corpus of a list, in a file of the cache folder that is named by its content."""
    lines = [msgspec.json.encode({"_id": each.code, "text": each.title}) for each in codes]
    whole = b"\n".join(lines) + b"\n"
    path = cache_dir() / "corpora" / f"codes-{hashlib.sha256(whole).hexdigest()[:32]}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path):
        if not path.exists():
            with workshop(path) as folder:
                made = Path(folder) / path.name
                made.write_bytes(whole)
                publish(made, path)
    return open_corpus(path)
