"""MediQ: a question about a patient of whom a system must first find out what matters."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.choice import CHOICE_LABELS, ChoiceProtocol, choice_example
from preceptor.protocols.interview import INTERVIEW_LABELS, interview
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS"]

#: File → what its cases are called.
_FILES = {"all_dev_good.jsonl": "medqa", "all_craft_md.jsonl": "craft-md"}
_NUMBER = re.compile(r"^\d+\.\s+")
_Told = Literal["first", "all"]


def _example(row: Fields, name: str, told: _Told) -> Example:
    context, facts = row.texts("context"), row.texts("facts")
    known = context[:1] if told == "first" else context
    texts = row.nested("options")
    options = {letter: texts.text(letter) for letter in texts.row}
    case = " ".join(sentence.strip() for sentence in known)
    example = choice_example(
        f"{name}/{row.integer('id')}",
        f"{case}\n\n{row.text('question')}",
        options,
        row.one_of("answer_idx", tuple(options)),
        (f"cases:{name}",),
    )
    example.target["facts"] = [_NUMBER.sub("", fact) for fact in facts]
    return example


def _read(path: Path, told: _Told) -> Iterator[Example]:
    found = {file: path / file for file in _FILES if (path / file).exists()}
    if not found:
        raise InputError(f"{path}: expected {' or '.join(_FILES)}, found neither")
    for file, place in found.items():
        for number, row in read_rows(place):
            yield _example(Fields(row, str(place), number), _FILES[file], told)


_CAUTION = (
    "the words that the system and the patient are told are ours: it is not comparable with "
    "published rates"
)


def _benchmark(suffix: str, way: str, told: _Told, asks: bool) -> Benchmark:
    return Benchmark(
        name=f"mediq{suffix}",
        title=f"MediQ ({way})",
        family="interview" if asks else "choice",
        summary=f"questions on patients, with four options; {way}",
        licence="CC BY 4.0",
        citation="Li et al. 2024, arXiv:2406.00922",
        n_examples=1412,
        read=functools.partial(_read, told=told),
        protocol=interview() if asks else ChoiceProtocol(),
        url="https://github.com/stellalisy/mediQ",
        folder="mediq",
        brings="a folder with `all_dev_good.jsonl`, `all_craft_md.jsonl` or both",
        cases="mediq",
        labels={
            **(INTERVIEW_LABELS if asks else CHOICE_LABELS),
            "cases:medqa": "From MedQA",
            "cases:craft-md": "From CRAFT-MD",
        },
        slices=(Slice("cases", ("medqa", "craft-md")),),
        caution=_CAUTION if asks else None,
        measures="Whether a system asks for what it needs before it answers.",
        faults=(
            "In some questions the options alone, or the first sentence, give the answer away: "
            "compare with mediq-first.",
        ),
        verified="The 1,412 rows are read; their answer texts and letters agree.",
    )


BENCHMARKS = (
    _benchmark("", "asking a patient", "first", True),
    _benchmark("-first", "only the first sentence of the case", "first", False),
    _benchmark("-full", "the whole case", "all", False),
)
