"""LongHealth: questions about the documents of fictional patients, some without an answer."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError
from preceptor.files import decode_json
from preceptor.protocols.choice import CHOICE_LABELS, ChoiceProtocol, choice_example
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS"]

_FILE = "benchmark_v5.json"
_Kind = Literal["own", "among", "absent"]
_LETTERS = "ABCDE"
_NONE = "The documents do not answer the question."
#: Documents of other patients, where there are some.
_OTHERS = 10
_THIRDS = ("beginning", "middle", "end")


def _read(path: Path, kind: _Kind) -> Iterator[Example]:
    file = path / _FILE if path.is_dir() else path
    try:
        content = decode_json(file)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        raise InputError(f"{file}: expected an object of patients, found {type(content).__name__}")
    patients = {
        name: Fields(row, str(file), number, f"{name}.")
        for number, (name, row) in enumerate(content.items(), start=1)
    }
    texts = {name: _texts(patient) for name, patient in patients.items()}
    for name, patient in patients.items():
        others = [text for other, each in texts.items() if other != name for text in each.values()]
        for item in patient.items("questions"):
            example = _example(name, item, texts[name], others, kind)
            if example is not None:
                yield example


def _texts(patient: Fields) -> dict[str, str]:
    texts = patient.nested("texts")
    return {name: texts.text(name) for name in texts.row}


def _example(
    patient: str, item: Fields, own: Mapping[str, str], others: Sequence[str], kind: _Kind
) -> Example | None:
    """The question with its documents; None where it names none that answer it, and must."""
    id = f"{patient}/{item.id('No')}"
    places = item.nested("answer_location").row if item.row.get("answer_location") else {}
    named = [own[name] for name in places if name in own]
    if kind != "own" and not named:
        return None
    drawn = random.Random(id)  # noqa: S311 - the same documents and order for everybody
    documents = list(own.values())
    if kind != "own":
        documents = drawn.sample(list(others), min(_OTHERS, len(others)))
        documents += named if kind == "among" else []
    drawn.shuffle(documents)
    options = {letter: item.text(f"answer_{letter.lower()}") for letter in _LETTERS}
    correct = item.text("correct")
    right = next((x for x, text in options.items() if text.strip() == correct.strip()), None)
    if right is None:
        raise item.fault("correct", "the text of an option", correct)
    tags = [f"evidence:{_third(documents, named)}"] if named and kind != "absent" else []
    if kind != "own":
        options["F"] = _NONE
        right = "F" if kind == "absent" else right
    shown = "\n\n".join(f"Document {n}\n\n{text}" for n, text in enumerate(documents, start=1))
    stem = f"{shown}\n\nQuestion: {item.text('question')}"
    return choice_example(id, stem, options, right, tags, cluster=patient)


def _third(documents: Sequence[str], named: Sequence[str]) -> str:
    """Where the first document with the answer begins, by characters."""
    at = next(place for place, text in enumerate(documents) if text in named)
    before, whole = (sum(map(len, part)) for part in (documents[:at], documents))
    return _THIRDS[min(2, 3 * before // whole)]


def _benchmark(suffix: str, way: str, kind: _Kind, fault: str) -> Benchmark:
    return Benchmark(
        name=f"longhealth{suffix}",
        title=f"LongHealth ({way})",
        family="choice",
        summary=f"questions on long records of fictional patients; {way}",
        licence="Apache-2.0 (repository)",
        citation="Adams et al. 2024, arXiv:2401.14490",
        n_examples=400,
        read=functools.partial(_read, kind=kind),
        protocol=ChoiceProtocol(),
        url="https://github.com/kbressem/LongHealth",
        brings="`benchmark_v5.json`",
        folder=f"longhealth/{_FILE}",
        labels={**CHOICE_LABELS, "evidence": "Where the answer stands"},
        slices=(Slice("evidence", _THIRDS),),
        measures="Whether a model finds what a question asks for in long records, or says that it "
        "is not there.",
        faults=(
            fault,
            "The authors draw five orders of the documents; here there is one, the same for all "
            "systems: --repeats repeats the answer, not the order.",
        ),
        verified="The loader, on made-up patients in the schema of the file; its data may not be "
        "kept here.",
    )


BENCHMARKS = (
    _benchmark(
        "", "the patient's documents", "own", "Intervals count patients, of whom there are 20."
    ),
    _benchmark(
        "-among",
        "the documents with the answer among other patients'",
        "among",
        "Questions that name no document are left out.",
    ),
    _benchmark(
        "-absent",
        "other patients' documents alone",
        "absent",
        "No question can be answered: a system that always says so scores 100.",
    ),
)
