"""CodiEsp: texts of Spanish clinical cases, and the codes that they were given."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark
from preceptor.corpora import pointer
from preceptor.errors import InputError
from preceptor.protocols.code_search import CODE_SEARCH, CODE_SEARCH_LABELS, code_query
from preceptor.records import Example, Slice
from preceptor.terminology.code_lists import CodeList, icd10_cm, read_code_list
from preceptor.terminology.corpus import corpus_of
from preceptor.terminology.mentions import Mention, read_codiesp
from preceptor.terminology.texts import fold

__all__ = ["BENCHMARKS", "SLICES", "cie10", "read"]

SLICES = (
    Slice("string", ("new", "known")),
    Slice("code", ("unseen", "seen")),
    Slice("text"),
    Slice("language"),
)
_LIST = "cie-10.csv"


def cie10(path: Path) -> CodeList:
    """The Spanish list in the folder, or in ``cie10-es`` beside it."""
    inside = sorted(path.rglob(_LIST)) if path.is_dir() else []
    found = [*inside, path.parent / "cie10-es" / _LIST]
    listed = next((file for file in found if file.is_file()), None)
    if listed is None:
        raise InputError(f"{path}: expected {_LIST} in it, or in the folder cie10-es beside it")
    return read_code_list(listed)


def read(path: Path, codes: CodeList | None = None) -> Iterator[Example]:
    """The diagnoses of ``dev`` whose code is listed; what is new is so beside ``train``."""
    codes = codes or cie10(path)
    train = read_codiesp(path, "train")
    trained = ({fold(each.text) for each in train}, {each.codes[0] for each in train})
    sha256 = corpus_of(codes).sha256
    for mention in read_codiesp(path, "dev"):
        if mention.codes[0] in codes:
            yield _example(mention, trained, sha256, codes.name)


def _example(
    mention: Mention, trained: tuple[set[str], set[str]], sha256: str, name: str
) -> Example:
    return code_query(
        mention.id,
        mention.text,
        mention.codes,
        document=mention.document,
        corpus=sha256,
        code_list="ICD-10" if name == "cie-10" else name,
        language="es",
        trained=trained,
    )


def _cie10_pointer(path: Path) -> bytes:
    return pointer([corpus_of(cie10(path))])


def _cm(path: Path) -> Iterator[Example]:
    return read(path, icd10_cm())


def _cm_pointer(path: Path) -> bytes:
    return pointer([corpus_of(icd10_cm())])


_REPEATED = (
    "64 % of the texts and their codes are in the training part too: look at new strings and "
    "unseen codes."
)
_TWICE = "31 texts have more than one code in different places: recall@1 cannot be 1."
_benchmark = functools.partial(
    Benchmark,
    family="retrieval",
    licence="CC BY 4.0 (texts); none stated (the Spanish list)",
    citation="Miranda-Escalada et al. 2020, CLEF eHealth; protocol: all codes of the list",
    protocol=CODE_SEARCH,
    url="https://zenodo.org/records/3837305",
    folder="codiesp",
    brings="the corpus's folder, and `cie-10.csv` in it (`codiesp`)",
    labels=CODE_SEARCH_LABELS,
    slices=SLICES,
    caution="New strings and unseen codes tell a search from a memory of the training part",
)

BENCHMARKS = (
    _benchmark(
        name="codiesp",
        title="CodiEsp code search",
        summary="2,063 texts of Spanish cases → 14,212 codes of CIE-10",
        n_examples=2063,
        read=read,
        materials=_cie10_pointer,
        languages=("es",),
        measures="Whether the ICD-10 code of a text of a Spanish case is found by its title.",
        faults=(
            "The list has the code of 2,063 of 3,431 texts: the others are not asked.",
            _REPEATED,
            _TWICE,
            "Not comparable with arXiv:2605.30529, which has other data, pairs and candidates.",
        ),
        verified="Counts, and MRR@10 of TF-IDF of characters: .346, new strings .309, unseen .392.",
    ),
    _benchmark(
        name="codiesp-cm",
        title="CodiEsp code search, English titles",
        summary="3,380 texts of Spanish cases → 98,186 codes of ICD-10-CM in English",
        n_examples=3380,
        read=_cm,
        materials=_cm_pointer,
        languages=("es", "en"),
        measures="Whether the ICD-10-CM code of a Spanish text is found by its English title.",
        faults=(
            "The release of the list is that of the installed package simple-icd-10-cm, and later "
            "than the texts: 51 codes of them are in it no more.",
            _REPEATED,
        ),
        verified="Counts.",
    ),
)
