"""XMedBench: medical exam questions in six languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.base import Protocol
from preceptor.protocols.choice import (
    CHOICE_LABELS,
    DIRECT,
    ChoiceScoring,
    choice_asking,
    choice_example,
)
from preceptor.records import Example, Metric, Score, Slice
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


class _Languages(ChoiceScoring):
    """Beside the accuracy over all: its unweighted mean over languages, and gaps to English."""

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        return group_gaps(scores, examples, "language", "en")


def _read(path: Path) -> Iterator[Example]:
    """The files xx.json or xx_source.jsonl of a folder, xx being a language; or one of them.

    At home they are in the folder metadata/test, and the English ones in a folder en of it.
    """
    home = path / "metadata/test"
    folder = home if home.is_dir() else path
    files = [*folder.iterdir(), *(folder / "en").glob("*.jsonl")] if path.is_dir() else [path]
    known = {
        name: file
        for file in files
        for name in [f"en_{file.stem}" if file.parent == folder / "en" else file.stem]
        if file.suffix in (".json", ".jsonl") and name.partition("_")[0] in _LANGUAGES
    }
    if not known:
        raise InputError(f"{path}: expected files such as zh.json, en_medmcqa.jsonl; found none")
    for name, file in sorted(known.items()):
        language = name.partition("_")[0]
        for number, (line, row) in enumerate(read_rows(file), start=1):
            yield _example(Fields(row, str(file), line), f"{name}-{number}", language)


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


_OTHERS = "505c48e82207b36cf3921df61fcd58895fb6ca4e"
#: The last revision with the English files one by one.
_ENGLISH = "84538b1c64de71a3fb17f9ee7be169d623358fff"
_SOURCES = tuple(
    Source("FreedomIntelligence/Apollo", revision, f"metadata/test/{name}", sha256, host="github")
    for revision, name, sha256 in (
        (_OTHERS, "ar.json", "9e6dbbe098a1282256fec48e4147cef003e2fd850484352d9ce2d04cdaed0f43"),
        (_OTHERS, "es.json", "464f0aa43ebe0e6dbeb2962371a87ff0d2b62440c285edce5d4c5dbc818f704c"),
        (_OTHERS, "fr.json", "8432fc8983c626dc0da7156a4a76b3b9c3ef864e4659191da34dda19561a3ec5"),
        (_OTHERS, "hi.json", "79e46dee6c64fcb5a674b8423a0bedc98b8ece1e62147427e6e17030e78549d8"),
        (_OTHERS, "zh.json", "a7051b52f84edc43afd214f2a77e672b09500e1c9f20d7fa907b6eb08118629f"),
        (
            _ENGLISH,
            "en/medmcqa.jsonl",
            "a0c441ce12c5c0ac3d94a0ac5c81f729deb90268a849e330f20ea3160877a1a7",
        ),
        (
            _ENGLISH,
            "en/medqa-usmle.jsonl",
            "02dc40e8a4d9c59cf8cba17deaec9f50d5129dbbcf3df7d72601e20969eb9691",
        ),
        (
            _ENGLISH,
            "en/mmlu-medical.jsonl",
            "52a2b32da5b7ba9f65f55768f48a2e32cb3f5173b331c12c7773c45092805859",
        ),
        (
            _ENGLISH,
            "en/pubmedqa.jsonl",
            "bf935f6c1c0ef9828e6975265391a136f53feb8fb03c4739309adb158d5312de",
        ),
    )
)

BENCHMARKS = (
    Benchmark(
        slices=(Slice("language"), Slice("source")),
        name="xmedbench",
        title="XMedBench",
        family="choice",
        summary="exam questions in English, Chinese, Spanish, French, Hindi and Arabic",
        licence="Apache-2.0",
        citation="Wang et al. 2024, arXiv:2403.03640",
        n_examples=22326,
        read=_read,
        protocol=Protocol("choice", asking=choice_asking(_INSTRUCTIONS), scoring=_Languages()),
        source=_SOURCES,
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
