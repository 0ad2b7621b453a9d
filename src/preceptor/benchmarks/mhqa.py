"""MHQA: mental-health questions made from PubMed abstracts, four numbered options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.files import read_rows
from preceptor.protocols.choice import CHOICE_LABELS, ChoiceProtocol, choice_example
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS"]

_NUMBERS = ("1", "2", "3", "4")
_INSTRUCTIONS = "Which option is right? Reply with its number only."


def _read(path: Path) -> Iterator[Example]:
    """mhqa.csv, alone or in a folder. Several questions from one abstract have its id and ~2, …"""
    file = next(iter(sorted(path.rglob("mhqa.csv"))), path) if path.is_dir() else path
    seen = Counter[str]()
    for line, content in read_rows(file):
        row = Fields(content, str(file), line)
        id = row.text("id")
        seen[id] += 1
        yield _example(row, id if seen[id] == 1 else f"{id}~{seen[id]}")


def _example(row: Fields, id: str) -> Example:
    topic, kind = row.text("topic"), row.text("type")
    return choice_example(
        id,
        row.text("question"),
        {number: row.text(f"option{number}") for number in _NUMBERS},
        row.one_of("correct_option_number", _NUMBERS),
        (f"topic:{topic}", f"type:{kind}", f"topic_type:{topic}, {kind}"),
    )


BENCHMARKS = (
    Benchmark(
        slices=(Slice("topic"), Slice("type"), Slice("topic_type", compared=False)),
        name="mhqa",
        title="MHQA",
        family="choice",
        summary="mental-health questions from PubMed abstracts, by topic and type",
        licence="none stated",
        citation="Racha et al. 2025, arXiv:2502.15418",
        n_examples=2475,
        read=_read,
        protocol=ChoiceProtocol(_INSTRUCTIONS, labels=_NUMBERS),
        source=Source(
            "joshiprashanthd/mhqa",
            "c8e2584d8190c5b7f7bc906dfed5a8d62daf6df9",
            "datasets/mhqa.csv",
            "be81b6b78adb2a6468fc51bd710db70ececc4a35ce7780103556b2ff239c8026",
            host="github",
        ),
        folder="mhqa",
        url="https://github.com/joshiprashanthd/mhqa",
        labels={**CHOICE_LABELS, "macro_f1": "Macro-F1"},
        measures="Knowledge of anxiety, depression, trauma and obsessive-compulsive disorders.",
        faults=(
            "The questions were written by a language model from abstracts, and reviewed.",
            "Question 35162757 has a number for its answer that belongs to another option than "
            "the text of the answer; the number counts.",
            "For 22 questions the abstract is that of another question too.",
        ),
        verified="All 2,475 rows are read, and accuracy and macro-F1 of the authors' 1,599 "
        "published answers of Llama 3 8B come out as scikit-learn computes them.",
    ),
)
