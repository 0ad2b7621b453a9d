"""CRAFT-MD: a case as a vignette, or as a patient whom a system must ask before it concludes."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.environments.facts import sentences
from preceptor.files import read_rows
from preceptor.protocols.choice import CHOICE_LABELS
from preceptor.protocols.consultation import DIAGNOSIS, MOST, Told, consultation, opening
from preceptor.protocols.fidelity import FIDELITY_CRITERIA, FIDELITY_LABELS, TALK_LABELS
from preceptor.protocols.judging import ReferenceGrader
from preceptor.records import Example, Message, Slice
from preceptor.scoring.choices import listed
from preceptor.scoring.names import OVERALL
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS"]

_GRADER = ReferenceGrader("openai/gpt-4-1106-preview", Parameters(temperature=0.0))
_FILE = "cases.csv"
_SOURCES = {
    "MedQA_USMLE": "medqa",
    "dermatology_public": "dermatology-public",
    "dermatology_private": "dermatology-private",
}


class _Way(NamedTuple):
    """What a system is told of a case, and whether it chooses among options."""

    suffix: str
    words: str
    told: Told
    choices: bool = False


_TOLD: tuple[tuple[str, str, Told], ...] = (
    ("", "asking a patient", "dialogue"),
    ("-first", "the first words of a patient", "first"),
    ("-summary", "from a summary of the talk", "summary"),
    ("-vignette", "the whole case", "vignette"),
)
_WAYS = (
    *(_Way(suffix, words, told) for suffix, words, told in _TOLD),
    *(_Way(f"{each}-choices", f"{words}; four options", told, True) for each, words, told in _TOLD),
)


def _example(row: Fields, way: _Way) -> Example | None:
    """None where options are asked for and none is the answer."""
    name, case = row.text("case_id"), row.text("case_vignette").strip()
    diagnosis, source = row.text("answer").strip(), row.one_of("dataset", tuple(_SOURCES))
    texts = {letter: row.text(f"choice_{at}").strip() for at, letter in enumerate("ABCD", 1)}
    right = next((letter for letter, text in texts.items() if text == diagnosis), None)
    if way.choices and right is None:
        return None
    target: dict[str, Any] = {"diagnosis": diagnosis, "case": case, "cluster": name}
    if way.told in ("dialogue", "first"):  # a summary needs a model
        target["facts"] = sentences(case)
    if way.choices:
        target |= {"options": texts, "answer": right}
    about_patient = FIDELITY_CRITERIA if way.told == "dialogue" else ()
    whole = case + (listed(texts) if way.choices else "")
    return Example(
        id=name,
        messages=(Message("user", whole),) if way.told == "vignette" else opening(way.told),
        criteria=() if way.choices else (DIAGNOSIS, *about_patient),
        tags=(f"specialty:{row.text('category')}", f"source:{_SOURCES[source]}"),
        target=target,
    )


def _read(path: Path, way: _Way) -> Iterator[Example]:
    place = path / _FILE if path.is_dir() else path
    for number, row in read_rows(place):
        example = _example(Fields(row, str(place), number), way)
        if example is not None:
            yield example


_JUDGED = (
    "the words that system and grader are told are ours: it is not comparable with published rates"
)
_CAUTION = (
    "the words that system, patient and grader are told are ours, and so is the end of a talk "
    f"after {MOST} questions: it is not comparable with published rates"
)


def _benchmark(way: _Way) -> Benchmark:
    talk = way.told != "vignette"
    return Benchmark(
        name=f"craft-md{way.suffix}",
        title=f"CRAFT-MD ({way.words})",
        family="consultation" if talk or not way.choices else "choice",
        summary=f"the diagnosis of a case; {way.words}",
        licence="MIT",
        citation="Johri et al. 2025, Nature Medicine 31:77",
        n_examples=2003 if way.choices else 2004,
        read=functools.partial(_read, way=way),
        protocol=consultation(way.told, None if way.choices else _GRADER),
        url="https://github.com/rajpurkarlab/craft-md",
        brings="`cases.csv`",
        folder="craft-md",
        cases="craft-md",
        labels={
            **(CHOICE_LABELS if way.choices else {}),
            **(TALK_LABELS if talk else {}),
            **(FIDELITY_LABELS if way.told == "dialogue" and not way.choices else {}),
            OVERALL: "Accuracy",
            "source": "Source",
            "specialty": "Specialty",
            **{f"source:{each}": each for each in _SOURCES.values()},
        },
        slices=(Slice("source", tuple(_SOURCES.values())), Slice("specialty", compared=False)),
        caution=_CAUTION if talk else None if way.choices else _JUDGED,
        measures="Whether a system finds the diagnosis of a case, and how much is lost when it "
        "must ask a patient for what it needs.",
        faults=(
            "Some answers are no diagnosis but a test, a drug or a number: the question that "
            "asked for them was cut from the case.",
            "Dermatologists found more than one possible answer to some of the cases.",
            "In one case the answer is none of the four options.",
        ),
        verified="The published rates of five models follow from the authors' verdicts, and the "
        "agreement of their grader with a dermatologist.",
    )


BENCHMARKS = tuple(map(_benchmark, _WAYS))
