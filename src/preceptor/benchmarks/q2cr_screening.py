"""Q2CRBench-3, three clinical guidelines: screening of titles and abstracts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.screening import EXCLUDE, INCLUDE, SCREENING_LABELS, screening
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS", "read"]

_LABELS = {"Included": INCLUDE, "Excluded": EXCLUDE}


def read(path: Path) -> Iterator[Example]:
    """A folder with a folder for each guideline: its questions, and files of screened records."""
    folders = sorted(file.parent for file in path.rglob("PICO_Information.json"))
    if not folders:
        raise InputError(f"{path}: expected a folder with PICO_Information.json, found none")
    for folder in folders:
        file = folder / "PICO_Information.json"
        questions = [Fields(row, str(file), number) for number, row in read_rows(file)]
        for records in sorted(folder.rglob("PICO*samples).json")):
            indices = records.name.removeprefix("PICO").partition("(")[0]
            asked = [row for row in questions if _belongs(row.text("Index"), indices)]
            if not asked:
                raise InputError(f"{records}: no question {indices} in {file}")
            for number, row in read_rows(records):
                fields = Fields(row, str(records), number)
                yield _example(fields, folder.name, indices, asked)


def _belongs(index: str, indices: str) -> bool:
    """Whether question ``12a`` is one of ``12-14``, ``21-23,55`` or ``a1``."""
    number = re.match(r"\d+", index)
    for part in indices.split(","):
        first, _, last = part.partition("-")
        if index == part:
            return True
        if number and first.isdigit() and int(first) <= int(number[0]) <= int(last or first):
            return True
    return False


def _example(row: Fields, guideline: str, indices: str, questions: Sequence[Fields]) -> Example:
    # Where the panel's first look was not published, what it kept in the end is what is known.
    seen = row.row.get("Record_Screening") is not None
    decision = row.one_of("Record_Screening" if seen else "Full-text_Assessment", tuple(_LABELS))
    wanted = "\n\n".join(_question(each) for each in questions)
    record = f"Title: {row.text('Title')}\nAbstract: {row.text('Abstract')}"
    name = guideline.replace("_", " ")
    return Example(
        id=f"{guideline}/{indices}/{row.text('Paper_Index')}",
        messages=(Message("user", f"{wanted}\n\n{record}"),),
        criteria=(),
        tags=(f"guideline:{name}", f"truth:{'first look' if seen else 'full text'}"),
        target={"label": _LABELS[decision]},
    )


def _question(row: Fields) -> str:
    parts = [("P", "Population"), ("I", "Intervention"), ("C", "Comparison"), ("S", "Studies")]
    lines = [f"Question: {row.text('Question')}"]
    for field, title in parts:
        value = row.row.get(field)
        if value:
            shown = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append(f"{title}: {shown}")
    return "\n".join(lines)


BENCHMARKS = (
    Benchmark(
        slices=(Slice("guideline"), Slice("truth", compared=False)),
        name="q2cr-screening",
        title="Q2CRBench-3 screening",
        family="screening",
        summary="1,920 abstracts for three guidelines: include or exclude",
        licence="Apache-2.0",
        citation="Li et al. 2025 (Quicker), arXiv:2505.10282",
        n_examples=1920,
        protocol=screening("guideline"),
        read=read,
        url="https://arxiv.org/abs/2505.10282",
        brings="the release's folder, with a `PICO_Information.json` for each guideline",
        folder="q2crbench3",
        labels=SCREENING_LABELS,
        measures="Whether records that a guideline's panel kept are kept, and the rest is not.",
        faults=(
            "For two of three guidelines only the records kept after reading the full text are "
            "known: a good first look keeps more, so precision is too low there.",
        ),
        verified="Counts, and recall, precision and work saved against scikit-learn.",
    ),
)
