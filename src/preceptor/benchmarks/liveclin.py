"""LiveClin: cases of recent reports, asked in turn from the first finding to the follow-up."""

from __future__ import annotations

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.protocols.staged import STAGED, STAGED_LABELS, Question, staged_example
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS"]


def _parse(row: Fields) -> Example:
    case = row.nested("exam_creation").nested("final_policy")
    before = [case.text("scenario"), *_tables(case, "scenario_table_details")]
    questions = []
    for item in case.items("mcqs"):
        options = item.nested("options").row
        if not all(isinstance(text, str) for text in options.values()):
            raise item.fault("options", "texts by letter", options)
        answer = item.one_of("correct_answer", tuple(options))
        stem = "\n\n".join([*before, item.text("question"), *_tables(item, "table_details")])
        questions.append(Question(stem, options, answer))
        before = []
    chapter = row.text("Level1").partition(": ")[2] or row.text("Level1")
    return staged_example(
        row.id("pmc"), questions, (f"chapter:{chapter}", f"rarity:{row.id('Rarity').lower()}")
    )


def _tables(item: Fields, name: str) -> list[str]:
    """The tables that a question is put with, each under its caption."""
    tables = item.items(name) if item.row.get(name) else []
    words = ("caption_prefix", "caption", "content")
    return ["\n".join(filter(None, map(table.optional_text, words))) for table in tables]


def _benchmark(suffix: str, part: str, n: int, folder: str) -> Benchmark:
    return Benchmark(
        name=f"liveclin{suffix}",
        title=f"LiveClin{part}",
        family="staged",
        summary=f"cases of recent reports, several questions in turn{part}",
        licence="Apache-2.0",
        citation="AQ-MedAI 2026, ICLR, arXiv:2602.16747",
        n_examples=n,
        parse=_parse,
        protocol=STAGED,
        url="https://github.com/AQ-MedAI/LiveClin",
        folder=folder,
        labels={**STAGED_LABELS, "chapter": "Chapter of ICD-10", "rarity": "Rarity"},
        slices=(Slice("rarity"), Slice("chapter", compared=False), Slice("turn", compared=False)),
        caution="asked without the pictures of the cases, which most of them have: not comparable "
        "with published rates",
        measures="Whether a model stays right through a whole case: findings, diagnosis, "
        "treatment, complications, follow-up.",
        faults=(
            "Later questions tell what earlier ones asked for: an early mistake need not be "
            "repeated.",
            "The authors' program counts the rest of a case as wrong where one call fails; here "
            "such a case is missing.",
        ),
        verified="The 46 questions of the 10 demo cases are read as the file has them; no answers "
        "of models are public to compare with.",
    )


BENCHMARKS = (
    _benchmark("", "", 1407, "liveclin/2025h1.jsonl"),
    _benchmark("-demo", " (the 10 demo cases)", 10, "liveclin-demo/demo.jsonl"),
)
