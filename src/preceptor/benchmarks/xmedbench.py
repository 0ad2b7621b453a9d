"""XMedBench: medical exam questions in six languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.choice import CHOICE_LABELS, DIRECT, ChoiceProtocol, choice_example
from preceptor.records import Example, Metric, Score
from preceptor.scoring.groups import group_gaps

__all__ = ["BENCHMARKS"]

_LANGUAGES = {
    "en": "English",
    "zh": "Chinese",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "ar": "Arabic",
}
_SEVERAL = "answers:several"
_INSTRUCTIONS = {
    "": DIRECT,
    _SEVERAL: "哪些选项正确？可能不止一个。只回答所有正确选项的字母。",
    "language:zh": "哪个选项正确？只回答该选项的字母。",
    "language:es": "¿Qué opción es correcta? Responde solo con su letra.",
    "language:fr": "Quelle option est correcte ? Réponds uniquement par sa lettre.",
    "language:hi": "कौन सा विकल्प सही है? केवल उसका अक्षर लिखिए।",
    "language:ar": "أي خيار هو الصحيح؟ أجب بحرفه فقط.",
}
_OPTION = re.compile(r"^\(([A-J])\)\s*", re.MULTILINE)


class _Languages(ChoiceProtocol):
    """Beside the accuracy over all: its unweighted mean over languages, and gaps to English."""

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        metrics = super().summarise(scores, examples)
        return metrics | group_gaps(scores, examples, "language", "en")


def _read(path: Path) -> Iterator[Example]:
    """The files xx.json or xx_source.jsonl of a folder, xx being a language; or one of them."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    found = [file for file in files if file.suffix in (".json", ".jsonl")]
    known = [file for file in found if file.stem.partition("_")[0] in _LANGUAGES]
    if not known:
        raise InputError(f"{path}: expected files such as zh.json, en_medmcqa.jsonl; found none")
    for file in known:
        language = file.stem.partition("_")[0]
        for number, (line, row) in enumerate(read_rows(file), start=1):
            yield _example(Fields(row, str(file), line), f"{file.stem}-{number}", language)


def _example(row: Fields, id: str, language: str) -> Example:
    # Files differ in their keys; some spell "answer" without its s.
    options = _options(row, "options" if "options" in row else "option")
    field = "answer" if "answer" in row or "anwer" not in row else "anwer"
    letters = row.text(field).strip().strip("()")
    if not letters or not set(letters) <= set(options):
        raise row.fault(field, f"letters of the options {', '.join(options)}", row.row[field])
    context = row.optional_text("context")
    stem = f"{context}\n\n{row.text('question')}" if context else row.text("question")
    tags = (f"language:{language}", f"source:{row.text('source')}")
    if len(letters) == 1:
        return choice_example(id, stem, options, letters, tags)
    return choice_example(id, stem, options, list(letters), (_SEVERAL, *tags))


def _options(row: Fields, field: str) -> dict[str, str]:
    """ "(A) text", each on a line of its own. Some English rows end with a stray quotation mark."""
    parts = _OPTION.split(row.text(field))
    options = {
        letter: text.strip().removesuffix('\n".')
        for letter, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    if len(options) < 2 or len(options) != len(parts) // 2 or not all(options.values()):
        raise row.fault(field, "lines (A) …, (B) …, each with a text", row.row[field])
    return options


BENCHMARKS = (
    Benchmark(
        name="xmedbench",
        title="XMedBench",
        family="choice",
        summary="exam questions in English, Chinese, Spanish, French, Hindi and Arabic",
        licence="Apache-2.0",
        citation="Wang et al. 2024, arXiv:2403.03640",
        n_examples=22326,
        read=_read,
        protocol=_Languages(_INSTRUCTIONS),
        folder="xmedbench",
        url="https://github.com/FreedomIntelligence/Apollo",
        labels={
            **CHOICE_LABELS,
            **{f"language:{code}": name for code, name in _LANGUAGES.items()},
            _SEVERAL: "Several right answers",
            "language_mean": "Mean over languages",
            "language_gap": "English less other languages",
            **{
                f"language_gap:{code}": f"English less {name}"
                for code, name in _LANGUAGES.items()
                if code != "en"
            },
        },
        languages=tuple(_LANGUAGES),
        measures="Medical exam knowledge, and how far it depends on the language of the question.",
        faults=(
            "Hindi and Arabic are machine translations of MMLU; the others are exams of their "
            "countries: the languages do not have the same questions.",
            "In 62 Chinese questions several options are right together.",
            "78 English questions of MMLU are there twice.",
        ),
        verified="All 22,326 rows of ten files in three layouts are read.",
    ),
)
