"""R2MED: passages that answer a clinical question by reasoning, in eight sets.

Source: Li et al. 2025, arXiv 2505.14558.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark
from preceptor.benchmarks.collection import corpus_of_folder, holds_collection, queries_of_folder
from preceptor.corpora import pointer
from preceptor.errors import InputError, shorten
from preceptor.protocols.retrieval import RETRIEVAL_LABELS, retrieval
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS", "SETS"]

SETS = (
    *("Biology", "Bioinformatics", "Medical-Sciences", "MedXpertQA-Exam", "MedQA-Diag"),
    *("PMC-Treatment", "PMC-Clinical", "IIYi-Clinical"),
)
#: Other names of a set, in folders and in the authors' results.
_ALSO = {"PMCPatients": "PMC-Clinical", "PMC-Patients": "PMC-Clinical", "IIYi": "IIYi-Clinical"}


def _folders(path: Path) -> dict[str, Path]:
    """Set → its folder, with corpus, queries and grades."""
    found: dict[str, Path] = {}
    for folder in sorted({file.parent for file in path.rglob("query.jsonl")}):
        name = folder.name.removesuffix("-demo")
        name = _ALSO.get(name, name)
        if name not in SETS:
            known = ", ".join(SETS)
            raise InputError(f"{folder}: expected one of {known}, found {shorten(name)}")
        if name in found:
            raise InputError(f"{folder}: {name} is in {found[name]} too")
        if not holds_collection(folder) or corpus_of_folder(folder) is None:
            raise InputError(f"{folder}: expected corpus.jsonl, query.jsonl and qrels.jsonl")
        found[name] = folder
    if not found:
        raise InputError(f"{path}: expected a folder for each set, such as {SETS[0]}, found none")
    return found


def _read(path: Path) -> Iterator[Example]:
    for name, folder in _folders(path).items():
        for example in queries_of_folder(folder):
            yield msgspec.structs.replace(example, id=f"{name}/{example.id}", tags=(f"set:{name}",))


def _pointer(path: Path) -> bytes:
    corpora = (corpus_of_folder(folder) for folder in _folders(path).values())
    return pointer(each for each in corpora if each is not None)


BENCHMARKS = (
    Benchmark(
        name="r2med",
        title="R2MED",
        family="retrieval",
        summary="876 questions in eight sets → passages of each set's corpus",
        licence="MIT (code); of each corpus its own",
        citation="Li et al. 2025, arXiv:2505.14558",
        n_examples=876,
        protocol=retrieval("set"),
        read=_read,
        materials=_pointer,
        url="https://github.com/R2MED/R2MED",
        brings="a folder for each set, with `corpus.jsonl`, `query.jsonl` and `qrels.jsonl`",
        folder="r2med",
        labels=RETRIEVAL_LABELS,
        slices=(Slice("set", SETS),),
        caution="The published figure is the mean of eight sets; that over questions is another",
        measures="Whether passages are found that answer a question only by reasoning.",
        faults=(
            "A set has two names: PMC-Clinical is PMCPatients in some files. Both are read.",
            "Corpora and questions are on a hub alone: a folder of yours with a folder for each "
            "set is read.",
        ),
        verified="Its loader, on the demo of the release; the mean of sets against a hand "
        "computation.",
    ),
)
