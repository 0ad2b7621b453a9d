"""PubHealthBench in free form (Harris et al. 2025): answers held against the guidance itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.files import read_rows
from preceptor.protocols.asking import Asking
from preceptor.protocols.grounded import GROUNDED_LABELS, grounded, grounded_criteria
from preceptor.protocols.judging import ReferenceGrader
from preceptor.records import Example, Message, Slice
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS"]

_FILES = ("reviewed.parquet", "test.parquet")
#: What stands in the list of options for none.
_BLANK = "N/A"
_TOLD = (
    "The question below is about guidance of the UK Health Security Agency. Answer it with what "
    "the guidance says, and nothing beyond."
)


def _read(path: Path) -> Iterator[Example]:
    there = (path / name for name in _FILES if (path / name).exists())
    file = next(there, path / _FILES[0]) if path.is_dir() else path
    for line, row in read_rows(file):
        yield _example(Fields(row, str(file), line))


def _example(row: Fields) -> Example:
    question = row.text("question").strip()
    options = [each for each in row.texts("options") if each.strip() and each != _BLANK]
    if not options:
        raise row.fault("options", "a list of texts that is not empty", row.row.get("options"))
    place = row.integer("answer_index")
    if not 0 <= place < len(options):
        raise row.fault("answer_index", f"a number from 0 to {len(options) - 1}", place)
    letter = chr(ord("A") + place)
    if row.text("answer").strip() != letter:
        raise row.fault("answer", f"{letter}, the letter of answer_index", row.row["answer"])
    tags = [f"category:{row.id('category').strip()}"]
    if row.row.get("audience"):
        tags.append(f"audience:{row.text('audience').strip()}")
    return Example(
        id=row.id("question_id"),
        messages=(Message("user", question),),
        criteria=grounded_criteria(),
        tags=tuple(tags),
        target={
            "question": question,
            "reference": options[place],
            "passages": row.text("retrieved_context_for_judge"),
        },
    )


BENCHMARKS = (
    Benchmark(
        name="pubhealthbench-freeform",
        title="PubHealthBench (free form)",
        family="grounded",
        summary="760 questions on the UK government's public-health guidance, judged by its text",
        licence="CC BY 4.0",
        citation="Harris et al. 2025, arXiv:2505.06046",
        n_examples=760,
        n_criteria=760,
        read=_read,
        protocol=grounded(
            ReferenceGrader("openai/gpt-4o-mini-2024-07-18", Parameters(temperature=0.0)),
            Asking(_TOLD, "before"),
        ),
        url="https://huggingface.co/datasets/Joshua-Harris/PubHealthBench",
        folder="pubhealthbench",
        brings="`reviewed.parquet` or `test.parquet`",
        labels={**GROUNDED_LABELS, "category": "Topic", "audience": "Audience"},
        slices=(Slice("category"), Slice("audience"), Slice("fault")),
        measures="Whether a free answer on public-health guidance, as it stood on 8 January 2025, "
        "says what the guidance says, all of it, and nothing else.",
        faults=(
            "Guidance changes: a right answer of today may be another.",
            "A true statement that the passages do not have makes an answer wrong: long answers "
            "lose by it.",
            "The authors' judge says correct or not; here it also says what is wrong, by one "
            "label. Its reply that cannot be read is wrong there, and ungraded here.",
            "The audience that guidance is written for is read from a column audience; whether "
            "the published files have it, and under which name, is not known here.",
        ),
        verified="The loader, on made-up rows in the schema of the file; its data may not be "
        "kept here.",
    ),
)
