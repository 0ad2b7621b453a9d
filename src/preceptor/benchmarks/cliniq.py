"""Passages of notes for a clinical term, in one patient's note or over all: CliniQ's protocol.

Source: Zhao et al. 2025, arXiv 2502.06252. Its notes are of MIMIC-III, which nobody may pass on:
the user's own files are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.corpora import Corpus, open_corpus, pointer
from preceptor.errors import DataError, InputError
from preceptor.files import read_rows
from preceptor.protocols.base import Protocol
from preceptor.protocols.retrieval import RETRIEVAL_LABELS, NoteScoring, note_query
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS"]

_MATCHES = ("string", "synonym", "hyponym", "abbreviation", "implication")


class _Judgment(msgspec.Struct, frozen=True):
    document: str
    grade: int
    match: str


def _corpus(path: Path) -> Corpus:
    return open_corpus(path / "corpus.jsonl")


def _notes(path: Path) -> dict[str, str]:
    """Passage → the note that it is of."""
    file = path / "corpus.jsonl"
    rows = (Fields(row, str(file), number) for number, row in read_rows(file))
    return {row.id("_id"): row.id("note") for row in rows}


def _judgments(path: Path) -> dict[str, list[_Judgment]]:
    """Query → judgments, of qrels.tsv: query-id, corpus-id, score, match."""
    file = path / "qrels.tsv"
    found: dict[str, list[_Judgment]] = {}
    for number, row in read_rows(file):
        fields = Fields(row, str(file), number)
        grade = fields.number("score")
        if not grade.is_integer():
            raise fields.fault("score", "a whole number", grade)
        match = fields.one_of("match", _MATCHES) if grade > 0 else ""
        judged = _Judgment(fields.id("corpus-id"), int(grade), match)
        found.setdefault(fields.id("query-id"), []).append(judged)
    return found


def _queries(path: Path) -> Iterator[tuple[Fields, list[_Judgment]]]:
    judgments, file = _judgments(path), path / "queries.jsonl"
    some = False
    for number, row in read_rows(file):
        fields = Fields(row, str(file), number)
        if fields.id("_id") in judgments:
            some = True
            yield fields, judgments[fields.id("_id")]
    if not some:
        raise InputError(f"{path / 'qrels.tsv'}: expected judgments of the queries, found none")


def _single(path: Path) -> Iterator[Example]:
    """A query in each note that has a relevant passage: the passages of that note are ranked."""
    notes, sha256 = _notes(path), _corpus(path).sha256
    passages: dict[str, list[str]] = {}
    for passage, note in notes.items():
        passages.setdefault(note, []).append(passage)
    for row, judged in _queries(path):
        by_note: dict[str, list[_Judgment]] = {}
        for each in judged:
            if each.document not in notes:
                problem = f"no passage {each.document} in corpus.jsonl"
                raise DataError(str(path / "qrels.tsv"), None, "corpus-id", problem)
            by_note.setdefault(notes[each.document], []).append(each)
        for note, own in sorted(by_note.items()):
            if any(each.grade > 0 for each in own):
                yield _example(row, own, sha256, note, passages[note])


def _several(path: Path) -> Iterator[Example]:
    """A query over the passages of all notes."""
    sha256 = _corpus(path).sha256
    for row, judged in _queries(path):
        yield _example(row, judged, sha256, None, None)


def _example(
    row: Fields,
    judged: list[_Judgment],
    sha256: str,
    note: str | None,
    within: list[str] | None,
) -> Example:
    id = row.id("_id")
    return note_query(
        id if note is None else f"{id}/{note}",
        row.text("text"),
        {each.document: each.grade for each in judged},
        sha256,
        query_id=id,
        matches={each.document: each.match for each in judged if each.match},
        within=within,
        tags=(f"type:{row.text('type')}",) if row.row.get("type") else (),
    )


def _pointer(path: Path) -> bytes:
    return pointer([_corpus(path)])


def _benchmark(name: str, title: str, summary: str, read: object) -> Benchmark:
    return Benchmark(
        name=name,
        title=title,
        family="retrieval",
        summary=summary,
        licence="of your notes",
        citation="protocol: Zhao et al. 2025 (CliniQ), arXiv:2502.06252",
        n_examples=0,
        own=True,
        protocol=Protocol("retrieval", scoring=NoteScoring()),
        read=read,  # type: ignore[arg-type]
        materials=_pointer,
        url="https://github.com/zhao-zy15/CliniQ",
        brings="a folder with `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` of your notes",
        labels={
            **RETRIEVAL_LABELS,
            **{f"recall@100:{match}": f"Recall@100, {match} match" for match in _MATCHES},
        },
        slices=(Slice("type"),),
        measures="Whether passages about a disease, a procedure or a drug are found in notes.",
        faults=(
            "The authors' notes may not be passed on: corpus.jsonl (_id, note, text), "
            "queries.jsonl (_id, text, type) and qrels.tsv (query-id, corpus-id, score, match) are "
            "yours.",
        ),
        verified="Its reading and its figures, on made-up notes.",
    )


BENCHMARKS = (
    _benchmark(
        "cliniq-single",
        "CliniQ, one patient",
        "a clinical term → passages of one note, note by note",
        _single,
    ),
    _benchmark(
        "cliniq-multi", "CliniQ, all patients", "a clinical term → passages of all notes", _several
    ),
)
