"""Clinical named entities: BC5CDR (chemicals and diseases) and the NCBI disease corpus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Source
from preceptor.errors import DataError, InputError, shorten
from preceptor.protocols.extraction import EXTRACTION_LABELS, extraction, span_example
from preceptor.records import Example
from preceptor.scoring.spans import spans_of_characters

__all__ = ["BENCHMARKS", "read_iob", "read_pubtator"]

_TAG = re.compile(r"O|[BI]-(\w+)")
_TOKEN = re.compile(r"\w+|[^\w\s]")


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(f"{path}: expected a file, found none")
    return path.read_text(encoding="utf-8").split("\n")


def read_iob(path: Path, labels: tuple[str, ...]) -> Iterator[Example]:
    """Lines of token, tab and IOB tag; an empty line ends a sentence."""
    tokens: list[str] = []
    tags: list[str] = []
    for number, line in enumerate([*_lines(path), ""], start=1):
        if line.strip():
            token, _, tag = line.rstrip("\r").partition("\t")
            known = _TAG.fullmatch(tag)
            if known is None or (known[1] or labels[0]) not in labels:
                expected = f"O, or B- or I- with one of {', '.join(labels)}"
                raise DataError(
                    str(path), number, "tag", f"expected {expected}, found {shorten(tag)}"
                )
            tokens.append(token)
            tags.append(tag)
        elif tokens:
            yield span_example(f"line-{number - len(tokens)}", tokens, labels, tags=tags)
            tokens, tags = [], []


def read_pubtator(path: Path) -> Iterator[Example]:
    """PubTator: ``id|t|title``, ``id|a|abstract``, then id, start, end, mention, type by tabs."""
    title, text = "", ""
    found: list[tuple[int, int, str]] = []
    id = ""
    for number, line in enumerate([*_lines(path), ""], start=1):
        head = line.split("|", 2)
        if len(head) == 3 and head[1] in ("t", "a"):
            id, title = head[0], head[2] if head[1] == "t" else title
            text = title if head[1] == "t" else f"{title} {head[2]}"
        elif line.strip():
            cells = line.split("\t")
            if len(cells) < 5 or not (cells[1].isdigit() and cells[2].isdigit()):
                problem = f"expected id, start, end, mention and type, found {shorten(line)}"
                raise DataError(str(path), number, "", problem)
            start, end = int(cells[1]), int(cells[2])
            if text[start:end] != cells[3]:
                problem = f"expected {shorten(cells[3])} there, found {shorten(text[start:end])}"
                raise DataError(str(path), number, "start", problem)
            found.append((start, end, "Disease"))
        elif text:
            tokens = _TOKEN.findall(text)
            spans = spans_of_characters(text, tokens, found)
            yield span_example(id, tokens, ("Disease",), spans=spans, text=text)
            text, found = "", []


def _cdr(path: Path) -> Iterator[Example]:
    return read_iob(path, ("Chemical", "Disease"))


def _ncbi(path: Path) -> Iterator[Example]:
    return read_iob(path, ("Disease",))


def _source(corpus: str, sha256: str) -> Source:
    revision = "df0df02fae6dbb87d88ffcf323b9096528f06f84"
    return Source(_HOME, revision, f"data/{corpus}/test.tsv", sha256, host="github")


_HOME = "cambridgeltl/MTL-Bioinformatics-2016"
_PROTOCOL = extraction()
_QUOTED = (
    "A quoted mention does not say which of equal words is meant: the truth, quoted, has F1 {}."
)

BENCHMARKS = (
    Benchmark(
        name="ncer-bc5cdr",
        title="BC5CDR entities",
        family="extraction",
        summary="4,797 sentences of abstracts: chemicals and diseases",
        licence="CC BY 4.0",
        citation="Li et al. 2016, Database baw068",
        n_examples=4797,
        protocol=_PROTOCOL,
        read=_cdr,
        source=_source(
            "BC5CDR-IOB", "e41a2843a5fff0cd8d1a88cb147968d61ae29336ca70cddc3d7fb8ff21dfa1e8"
        ),
        url=f"https://github.com/{_HOME}",
        folder="ncer/BC5CDR_test_iob.tsv",
        labels=EXTRACTION_LABELS,
        measures="Whether mentions of chemicals and diseases are found with their ends right.",
        faults=(_QUOTED.format(".999"),),
        verified="Counts, and that the truth given back as tags scores 1.",
    ),
    Benchmark(
        name="ncer-ncbi",
        title="NCBI disease entities",
        family="extraction",
        summary="940 sentences of abstracts: diseases",
        licence="public domain",
        citation="Doğan et al. 2014, J Biomed Inform 47:1",
        n_examples=940,
        protocol=_PROTOCOL,
        read=_ncbi,
        source=_source(
            "NCBI-disease-IOB", "8f088ce45dc4746592188f9e69de3d89d87f3bb8f0ed8c4a287d018123fa148d"
        ),
        url=f"https://github.com/{_HOME}",
        folder="ncer/NCBI_disease_test_iob.tsv",
        labels=EXTRACTION_LABELS,
        measures="Whether mentions of diseases are found with their ends right.",
        faults=(_QUOTED.format(".994"),),
        verified="Counts, and that the truth given back as tags scores 1.",
    ),
    Benchmark(
        name="ncer-ncbi-abstracts",
        title="NCBI disease entities, whole abstracts",
        family="extraction",
        summary="100 abstracts: diseases",
        licence="public domain",
        citation="Doğan et al. 2014, J Biomed Inform 47:1",
        n_examples=100,
        protocol=_PROTOCOL,
        read=read_pubtator,
        url="https://www.ncbi.nlm.nih.gov/CBBresearch/Dogan/DISEASE/",
        folder="ncer/NCBI_disease_test_pubtator.txt",
        labels=EXTRACTION_LABELS,
        measures="Whether all mentions of diseases in an abstract are found with their ends right.",
        faults=(
            "Its four types of mention (specific, class, modifier, composite) count as one.",
            _QUOTED.format(".966"),
        ),
        verified="Counts, and that every mention stands where the file says.",
    ),
)
