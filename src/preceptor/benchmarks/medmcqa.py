"""MedMCQA: the entrance examinations of Indian medical colleges (AIIMS, NEET PG)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import DataError
from preceptor.protocols.choice import CHOICE_LABELS, WAYS, ChoiceProtocol, choice_example
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS"]

_SOURCE = Source(
    "Teddy-XiongGZ/MIRAGE",
    "392943af99cd94cafd50a0de2e7fca24bbf65494",
    "rawdata/medmcqa/data/dev.json",
    "a2b5f53890f4e742b728378fb847bc5338088d48ea01218676379f587270af31",
    host="github",
)


def _read(path: Path) -> Iterator[Example]:
    """dev.json, alone or in a folder: whatever its name says, it has one row a line."""
    file = next(iter(sorted(path.rglob("dev.json"))), path) if path.is_dir() else path
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                row = msgspec.json.decode(line, type=dict)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DataError(str(file), number, "", f"expected an object ({error})") from None
            yield _example(Fields(row, str(file), number))


def _example(row: Fields) -> Example:
    """`opa` to `opd`, and `cop`, the number of the right one from 1."""
    right = row.integer("cop")
    if not 1 <= right <= 4:
        raise row.fault("cop", "1 to 4 (a copy that counts from 0 is another release)", right)
    return choice_example(
        row.text("id"),
        row.text("question"),
        {letter: row.text(f"op{letter.lower()}") for letter in "ABCD"},
        "ABCD"[right - 1],
        (f"subject:{row.text('subject_name')}",),
    )


def _benchmark(suffix: str, how: str, instructions: str) -> Benchmark:
    return Benchmark(
        slices=(Slice("subject"),),
        name=f"medmcqa{suffix}",
        title=f"MedMCQA, {how}",
        family="choice",
        summary=f"questions of Indian entrance exams in 21 subjects; {how}",
        licence="MIT",
        citation="Pal et al. 2022, arXiv:2203.14371",
        n_examples=4183,
        read=_read,
        protocol=ChoiceProtocol(instructions),
        source=_SOURCE,
        folder="mirage-rawdata/rawdata/medmcqa",
        url="https://medmcqa.github.io",
        labels=CHOICE_LABELS,
        measures="Knowledge as it is asked for entry to postgraduate training in India.",
        faults=(
            "The answers of the test split are not public; the development split is used.",
            "In 21 questions two options have the same text, so that one letter is right and "
            "another with the same words is wrong.",
        ),
        verified="All 4,183 rows of dev.json are read, with 21 subjects.",
    )


BENCHMARKS = tuple(_benchmark(*way) for way in WAYS)
