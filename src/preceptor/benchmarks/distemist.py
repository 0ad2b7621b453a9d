"""DISTEMIST: diseases in Spanish clinical cases, and their codes of ICD-10."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark
from preceptor.benchmarks.codiesp import SLICES, cie10
from preceptor.corpora import pointer
from preceptor.errors import InputError
from preceptor.protocols.code_search import CODE_SEARCH, CODE_SEARCH_LABELS, code_query
from preceptor.records import Example
from preceptor.terminology.corpus import corpus_of
from preceptor.terminology.mentions import read_codiesp, read_distemist
from preceptor.terminology.texts import fold

__all__ = ["BENCHMARKS", "read"]


def read(path: Path) -> Iterator[Example]:
    """Diseases with a listed code; what is new is so beside CodiEsp's ``train``, if it is there."""
    codes = cie10(path)
    sha256 = corpus_of(codes).sha256
    trained = _trained(path)
    for mention in read_distemist(path):
        listed = [code for code in dict.fromkeys(mention.codes) if code in codes]
        if listed:
            yield code_query(
                mention.id,
                mention.text,
                listed,
                document=mention.document,
                corpus=sha256,
                code_list="ICD-10",
                language="es",
                trained=trained,
            )


def _trained(path: Path) -> tuple[set[str], set[str]] | None:
    beside = path.parent / "codiesp"
    try:
        train = read_codiesp(beside, "train")
    except InputError:
        if beside.exists():
            raise
        return None
    return {fold(each.text) for each in train}, {each.codes[0] for each in train}


def _pointer(path: Path) -> bytes:
    return pointer([corpus_of(cie10(path))])


BENCHMARKS = (
    Benchmark(
        name="distemist",
        title="DISTEMIST code search",
        family="retrieval",
        summary="1,383 diseases of Spanish cases → 14,212 codes of CIE-10",
        licence="CC BY 4.0 (texts); none stated (the list)",
        citation="Miranda-Escalada et al. 2022, CLEF BioASQ",
        n_examples=1383,
        protocol=CODE_SEARCH,
        read=read,
        materials=_pointer,
        url="https://zenodo.org/records/6671292",
        folder="distemist",
        brings="the corpus's folder, and `cie-10.csv`",
        labels=CODE_SEARCH_LABELS,
        slices=SLICES,
        caution="New strings and unseen codes are those that CodiEsp's training part lacks",
        languages=("es",),
        measures="Whether the code of a disease in a Spanish case is found by its title.",
        faults=(
            "The codes were mapped from SNOMED CT to the ICD-10 of the WHO, not given by coders: "
            "only 1,569 of 5,136 diseases have one, of which 125 have a range (I10-I15.9) alone.",
            "33 documents are documents of CodiEsp too, 10 of them of its test part: left out.",
        ),
        verified="Counts, on the whole training part; MRR@10 of TF-IDF of characters.",
    ),
)
