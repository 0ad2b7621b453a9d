"""MMLU, its six medical subjects: the exam half of MultiMedQA."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.choice import CHOICE_LABELS, WAYS, ChoiceProtocol, choice_example
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS"]

_COLUMNS = ("question", "A", "B", "C", "D", "answer")
#: Subject → SHA-256 of its file.
_SUBJECTS = {
    "anatomy": "966dfd5c4579885ebdb8c05d6754ae5834f672632586d8595be3c0f9360e6f4e",
    "clinical_knowledge": "06a1ea973000d5ef5d2664c4ac1c68d0423f1cab6b3b682be7942633740811f1",
    "college_biology": "e1204cb9d19887ea266145f038b5d4cc1fbc33d7efce186259c4ecca1cbe3119",
    "college_medicine": "9c533cfff89edaa317b2e79bbabcdd5e2e522e019679cb4a6475e5f2a1861b1e",
    "medical_genetics": "cc30c698e94f12c00e610a39c62d1a1d9587fa53c005359317346081f722c5e6",
    "professional_medicine": "a034bf0dda10cb0848bdd3097eb1547d61ca2dac9e9b871563691621c38d51e9",
}
_FOLDER = "rawdata/mmlu/data/test"


def _read(path: Path) -> Iterator[Example]:
    """The files SUBJECT_test.csv of a folder, or one of them: six cells a row, no header."""
    files = [path]
    if path.is_dir():
        files = [file for name in _SUBJECTS for file in sorted(path.rglob(f"{name}_test.csv"))]
        if len(files) != len(_SUBJECTS):
            needed = f"one SUBJECT_test.csv for each of {', '.join(_SUBJECTS)}"
            raise InputError(f"{path}: expected {needed}, found {len(files)} of them")
    for file in files:
        subject = file.stem.removesuffix("_test")
        for number, (line, row) in enumerate(read_rows(file, columns=_COLUMNS)):
            yield _example(Fields(row, str(file), line), subject, number)


def _example(row: Fields, subject: str, number: int) -> Example:
    return choice_example(
        f"{subject}-{number:03d}",
        row.text("question"),
        {letter: row.text(letter) for letter in "ABCD"},
        row.one_of("answer", ("A", "B", "C", "D")),
        (f"subject:{subject}",),
    )


def _benchmark(suffix: str, how: str, instructions: str) -> Benchmark:
    return Benchmark(
        slices=(Slice("subject"),),
        name=f"mmlu-medical{suffix}",
        title=f"MMLU, medical subjects, {how}",
        family="choice",
        summary=f"school and licensing questions in six medical subjects; {how}",
        licence="MIT",
        citation="Hendrycks et al. 2021, arXiv:2009.03300; Singhal et al. 2023, arXiv:2212.13138",
        n_examples=1089,
        read=_read,
        protocol=ChoiceProtocol(instructions),
        source=tuple(
            Source(
                "Teddy-XiongGZ/MIRAGE",
                "392943af99cd94cafd50a0de2e7fca24bbf65494",
                f"{_FOLDER}/{subject}_test.csv",
                sha256,
                host="github",
            )
            for subject, sha256 in _SUBJECTS.items()
        ),
        folder=f"mirage-rawdata/{_FOLDER}",
        url="https://github.com/hendrycks/test",
        labels={
            **CHOICE_LABELS,
            **{f"subject:{each}": each.replace("_", " ").capitalize() for each in _SUBJECTS},
        },
        measures="Medical knowledge from the school book to the licensing examination.",
        faults=("A review found wrong or unclear keys in several subjects (arXiv:2406.04127).",),
        verified="All 1,089 rows of the six test files are read.",
    )


BENCHMARKS = tuple(_benchmark(*way) for way in WAYS)
