"""MedS-Bench (Wu et al. 2024): clinical tasks of eleven categories, each with its metric."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.mixed import MIXED, MIXED_LABELS
from preceptor.records import Example, Message, Role, Slice

__all__ = ["BENCHMARKS", "read_tasks"]

_RATIONALES = {51: "zh", 52: "en", 53: "fr", 54: "ja", 55: "ru", 56: "es"}
#: Category → how its answers are compared, and its tasks, by the published scorers.
_CATEGORIES: dict[str, tuple[str, tuple[int, ...]]] = {
    "rationale": ("text", tuple(_RATIONALES)),
    "explanation": ("text", (18, 46, 50)),
    "summarisation": ("text", (78, 110, 112, 114, *range(83, 95))),
    "inference-written": ("text", (42,)),
    "verification-written": ("text", (100,)),
    "multiple-choice": ("letter", (4, 5, 6, 8, 9, *range(57, 62), 122, 123, 129)),
    "outcome": ("truth", (117, 118, 119)),
    "inference": ("phrase", (41,)),
    "verification": ("phrase", (12, 16)),
    "extraction": ("phrase", (1, 2, 3, 29, 74)),
    "treatment": ("phrase", (131,)),
    "entities": ("names", (125, 126, 127, 128)),
    "text-classification": ("names", (106,)),
}
_OF_TASK = {
    f"task{number}": (category, kind)
    for category, (kind, numbers) in _CATEGORIES.items()
    for number in numbers
}
#: How a prompt of Llama 3 marks who speaks.
_TURN = re.compile(
    r"<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n(.*?)(?:<\|eot_id\|>|\Z)", re.S
)
_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}


def _messages(row: Fields) -> tuple[Message, ...]:
    text = row.text("input")
    turns = [(_ROLES.get(role), said.strip()) for role, said in _TURN.findall(text)]
    messages = tuple(Message(role, said) for role, said in turns if role and said)
    if not turns:
        return (Message("user", text),)
    if not messages or messages[-1].role != "user":
        raise row.fault("input", "a prompt that ends with the user's turn", text[-60:])
    return messages


def _rows(path: Path) -> Iterator[tuple[str, Fields]]:
    files = [path]
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.suffix in (".csv", ".jsonl"))
        if not files:
            raise InputError(f"{path}: expected .csv or .jsonl with task_id, input, GT; found none")
    for file in files:
        for line, row in read_rows(file):
            yield f"{file.stem}/{line}", Fields(row, str(file), line)


def read_tasks(path: Path) -> Iterator[Example]:
    """Rows with ``task_id``, ``input`` and ``GT``; those of a folder's files one after another."""
    for id, row in _rows(path):
        task = row.text("task_id")
        if task not in _OF_TASK:
            raise row.fault("task_id", "a task of MedS-Bench with a known metric, as task52", task)
        category, kind = _OF_TASK[task]
        language = _RATIONALES.get(int(task.removeprefix("task")))
        tags = (f"task:{task}", f"category:{category}")
        yield Example(
            id=id,
            messages=_messages(row),
            criteria=(),
            tags=(*tags, f"language:{language}") if language else tags,
            target={"kind": kind, "reference": row.text("GT")},
        )


def _outputs(path: Path) -> dict[str, tuple[str, ...]]:
    return {id: (row.text("output", empty=True),) for id, row in _rows(path)}


BENCHMARKS = (
    Benchmark(
        name="meds-bench",
        title="MedS-Bench",
        family="mixed",
        summary="clinical tasks of eleven categories: rationales, summaries, choices, names",
        licence="CC BY-SA",
        citation="Wu et al. 2024, arXiv:2408.12547",
        n_examples=300,
        languages=("zh", "en", "fr", "ja", "ru", "es"),
        read=read_tasks,
        recordings={"mmeds-llama-3": _outputs},
        protocol=MIXED,
        url="https://github.com/MAGIC-AI4Med/MedS-Ins",
        brings="`.csv` or `.jsonl` files with `task_id`, `input`, `GT`",
        folder="meds_bench_example",
        slices=(Slice("category"), Slice("task"), Slice("language")),
        labels={
            **MIXED_LABELS,
            "category": "Category",
            "category:rationale": "Rationales",
            "category:explanation": "Explanations",
            "category:summarisation": "Summaries",
            "category:inference": "Inference",
            "category:inference-written": "Inference, written",
            "category:verification": "Verification of facts",
            "category:verification-written": "Verification of facts, written",
            "category:multiple-choice": "Multiple choice",
            "category:outcome": "Clinical outcomes",
            "category:extraction": "Extraction",
            "category:treatment": "Treatment",
            "category:entities": "Entities",
            "category:text-classification": "Classes of texts",
            "task": "Task",
            "language": "Language",
            "language:en": "English",
            "language:es": "Spanish",
            "language:fr": "French",
            "language:ja": "Japanese",
            "language:ru": "Russian",
            "language:zh": "Chinese",
        },
        measures="How a system fares in clinical tasks of many kinds that are not only questions "
        "of exams.",
        faults=(
            "Usual ROUGE keeps the letters a to z alone, so that of a Chinese, Japanese or Russian "
            "text little more than the letter of an option is compared; it stands beside as ROUGE "
            "of the letters a to z.",
            "The published scorer cuts words with jieba and janome; here a character of Chinese or "
            "Japanese is a word, and elsewhere letters and digits in a row.",
            "The published scorer finds an expected phrase inside other words; here words are "
            "whole, and a reply that lists every label still has the right one among them.",
            "The published scorer of choices takes the first character of a reply for its answer.",
            "The prompts have the turn marks of one model; they are taken apart into messages.",
        ),
        verified="ROUGE-1 and ROUGE-L of the 300 released rationales of MMedS-Llama 3: .516080 and "
        ".293768 in English; .570806, .590072 and .416128 in Chinese, Japanese and Russian are "
        "what is left of the letters a to z.",
    ),
)
