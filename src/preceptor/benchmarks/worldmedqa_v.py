"""WorldMedQA-V (Matos et al. 2024): exam questions of four countries, in two languages each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.images import asked_about, images_of
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.base import Protocol
from preceptor.protocols.bilingual import BilingualScoring
from preceptor.protocols.choice import CHOICE_LABELS, choice_asking, choice_example
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS"]

_COUNTRIES = {"brazil": "pt", "israel": "he", "japan": "ja", "spain": "es"}
_PROCESSED = "_processed.tsv"
_LABELS = {
    **CHOICE_LABELS,
    "language_gap": "English minus local language",
    "language_kappa": "Agreement between languages (Cohen's kappa)",
    "exam": "Exam and language",
    "language:en": "English",
    "language:pt": "Portuguese",
    "language:he": "Hebrew",
    "language:ja": "Japanese",
    "language:es": "Spanish",
}
_SLICES = (Slice("country"), Slice("language"), Slice("exam"))


def _read(path: Path) -> Iterator[Example]:
    """Files ``COUNTRY_english.jsonl`` and ``COUNTRY_local.jsonl``, in a folder or one alone."""
    names = [f"{country}_{lang}" for country in _COUNTRIES for lang in ("english", "local")]
    inside = {path.stem: path} if path.is_file() else {file.stem: file for file in path.iterdir()}
    files = {name: inside[name] for name in names if name in inside}
    if not files:
        raise InputError(f"{path}: expected files such as brazil_english.jsonl, found none")
    for name, file in files.items():
        seen: Counter[int] = Counter()
        for number, row in read_rows(file):
            yield _parse(Fields(row, str(file), number), name, seen)


def _read_with_images(path: Path) -> Iterator[Example]:
    """Files ``COUNTRY_english_processed.tsv`` and ``COUNTRY_local_processed.tsv``."""
    names = [f"{country}_{lang}" for country in _COUNTRIES for lang in ("english", "local")]
    files = [path] if path.is_file() else [path / f"{name}{_PROCESSED}" for name in names]
    found = [
        file for file in files if file.is_file() and file.name.removesuffix(_PROCESSED) in names
    ]
    if not found:
        raise InputError(f"{path}: expected files such as brazil_english{_PROCESSED}, found none")
    for file in found:
        seen: Counter[int] = Counter()
        for number, row in read_rows(file):
            fields = Fields(row, str(file), number)
            made = _parse(fields, file.name.removesuffix(_PROCESSED), seen)
            shown = images_of(fields, "image", file.parent, file.parent, {})
            asked = asked_about(shown, made.messages[0].text)
            yield msgspec.structs.replace(made, messages=(asked,))


def _parse(row: Fields, name: str, seen: Counter[int]) -> Example:
    country, _, lang = name.partition("_")
    key = "answer"
    if "options" in row:
        texts = row.nested("options")
        options = {letter: texts.text(letter) for letter in texts.row}
        index = row.integer("index")
    else:  # The file with images: its column of answers has gaps.
        key = "correct_option" if "correct_option" in row else key
        options = {letter: row.text(letter) for letter in "ABCD"}
        index = int(row.number("index"))
    seen[index] += 1
    # Israel has two questions of one number.
    number = f"{index}~{seen[index]}" if seen[index] > 1 else str(index)
    language = "en" if lang == "english" else _COUNTRIES[country]
    tags = (f"country:{country}", f"language:{language}", f"exam:{country}-{lang}")
    answer = row.one_of(key, tuple(options))
    return choice_example(
        f"{country}/{lang}/{number}",
        row.text("question"),
        options,
        answer,
        tags,
        cluster=f"{country}/{number}",
    )


BENCHMARKS = (
    Benchmark(
        slices=_SLICES,
        name="worldmedqa-v",
        title="WorldMedQA-V",
        family="choice",
        summary="exam questions of four countries, in the local language and in English",
        licence="MIT",
        citation="Matos et al. 2024, arXiv:2410.12722",
        n_examples=1136,
        read=_read,
        protocol=Protocol("choice-bilingual", asking=choice_asking(), scoring=BilingualScoring()),
        url="https://huggingface.co/datasets/WorldMedQA/V",
        brings="files such as `brazil_english.jsonl` and `brazil_local.jsonl`",
        folder="worldmedqa_v",
        labels=_LABELS,
        caution="Preceptor asks the questions without their images; imported answers may have "
        "been given with them",
        languages=("en", "pt", "he", "ja", "es"),
        measures="Whether a system answers the same exam question as well in the language of the "
        "exam as in English.",
        faults=(
            "Two questions of Israel have the number 84; published answers to both are one text.",
        ),
        verified="Accuracy of 168 published runs (23,856 answers), recomputed independently; "
        "language gap, image lift and kappa from them.",
    ),
    Benchmark(
        slices=_SLICES,
        name="worldmedqa-v-images",
        title="WorldMedQA-V, with images",
        family="choice",
        summary="exam questions of four countries with their images, in the local language and in "
        "English",
        licence="MIT",
        citation="Matos et al. 2024, arXiv:2410.12722",
        n_examples=1136,
        read=_read_with_images,
        protocol=Protocol("choice-bilingual", asking=choice_asking(), scoring=BilingualScoring()),
        url="https://huggingface.co/datasets/WorldMedQA/V",
        brings=f"files such as `brazil_english{_PROCESSED}`, with the images in them",
        folder="worldmedqa-v-images",
        labels=_LABELS,
        languages=("en", "pt", "he", "ja", "es"),
        measures="Whether a system answers the same exam question as well in the language of the "
        "exam as in English, with its image.",
        faults=("The files' column of answers has gaps: the column of the right option is read.",),
        verified="The loader, on made-up rows in the schema of the files; its images may not be "
        "kept here.",
    ),
)
