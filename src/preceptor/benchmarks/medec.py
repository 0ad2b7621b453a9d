"""MEDEC (MS collection): one medical error in a clinical note, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.files import read_rows
from preceptor.protocols.correction import CORRECTION, CORRECTION_LABELS, FIGURES
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS", "read"]

_KINDS = ("diagnosis", "management", "treatment", "pharmacotherapy", "causalOrganism")


def read(path: Path) -> Iterator[Example]:
    """A file of the release. Rows without any text (328 of the test file's) are left out."""
    for line, row in read_rows(path):
        if any(str(cell).strip() for cell in row.values()):
            yield _example(Fields(row, str(path), line))


def _example(row: Fields) -> Example:
    flag, sentence = _whole(row, "Error Flag"), _whole(row, "Error Sentence ID")
    if flag not in (0, 1):
        raise row.fault("Error Flag", "0 or 1", flag)
    kind = row.one_of("Error Type", (*_KINDS, "NA")) if flag else "none"
    correction = row.text("Corrected Sentence") if flag else None
    return Example(
        id=row.text("Text ID"),
        messages=(Message("user", row.text("Sentences")),),
        criteria=(),
        tags=(f"error_type:{kind}",),
        target={
            "flag": flag,
            "sentence": sentence if flag else -1,
            "correction": None if correction is None else " ".join(correction.split()),
            "kind": kind,
        },
    )


def _whole(row: Fields, field: str) -> int:
    """An integer, also as ``1.0``: what a table with empty rows makes of it."""
    value = row.number(field)
    if not value.is_integer():
        raise row.fault(field, "an integer", value)
    return int(value)


def _benchmark(name: str, title: str, part: str, count: int, sha256: str) -> Benchmark:
    filename = f"MEDEC-MS/MEDEC-MS-{part}-with-GroundTruth-and-ErrorType.csv"
    revision = "70268d24e3ce0cd6d0e099ff7bfd4966f2bbcc28"
    return Benchmark(
        slices=(Slice("error_type"),),
        name=name,
        title=title,
        family="correction",
        summary=f"{count} clinical notes with one error or none: flag, sentence, correction",
        licence="CC BY 4.0",
        citation="Ben Abacha et al. 2025, Findings of ACL, arXiv:2412.19260",
        n_examples=count,
        protocol=CORRECTION,
        read=read,
        source=Source("abachaa/MEDEC", revision, filename, sha256, host="github"),
        folder=f"medec/{filename}",
        labels=CORRECTION_LABELS
        | {f"{name}:none": "no error" for name in ("error_type", *FIGURES)}
        | {f"{name}:causalOrganism": "causal organism" for name in ("error_type", *FIGURES)},
        measures="Whether a medical error in a note is noticed, found and put right.",
        faults=(
            "The test file has 328 rows without text, the places of notes under another licence.",
            "Line breaks of some texts cut sentences in two, as in the release.",
            "ROUGE-1 alone; the publication averages it with BERTScore and BLEURT.",
        ),
        verified="The stored baseline on the validation set: flag .4895, sentence .3066.",
    )


BENCHMARKS = (
    _benchmark(
        "medec",
        "MEDEC",
        "TestSet",
        597,
        "f35e2c3c1e4d98ca900394c4fcff14c2a84752e48ddc83698401da6a360c707e",
    ),
    _benchmark(
        "medec-validation",
        "MEDEC (validation)",
        "ValidationSet",
        574,
        "7571aec311e2fb88d9084082af2323aa579d102e1d5e1a06faf930fe4fd3977d",
    ),
)
