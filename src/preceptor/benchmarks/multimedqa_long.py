"""The long answers of MultiMedQA: LiveQA-Med and MedicationQA, on the axes of Singhal et al."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import DataError, InputError
from preceptor.protocols.axes import AXES, AXIS_CRITERIA, AXIS_LABELS, axes
from preceptor.protocols.judging import ReferenceGrader
from preceptor.records import Example, Message, Slice
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS", "live_questions", "medication_question"]

_LIVE = "TREC-2017-LiveQA-Medical-Test-Questions-w-summaries.xml"


def live_questions(path: Path) -> Iterator[Example]:
    """Examples of the test set's XML: subject and message, types, reference answers."""
    path = path / _LIVE if path.is_dir() else path
    for line, element in _elements(path):
        row = Fields(
            {
                "qid": element.get("qid"),
                "MESSAGE": element.findtext("Original-Question/MESSAGE"),
                "SUBJECT": element.findtext("Original-Question/SUBJECT"),
            },
            str(path),
            line,
        )
        subject = (row.optional_text("SUBJECT") or "").strip()
        message = row.text("MESSAGE").strip()
        answers = [
            (each.text or "").strip() for each in element.iterfind("ReferenceAnswers/*/ANSWER")
        ]
        types = [(each.text or "").strip().lower() for each in element.iterfind("ANNOTATIONS/TYPE")]
        yield _example(
            row.text("qid"), "\n\n".join(filter(None, (subject, message))), types, answers
        )


def _elements(path: Path) -> Iterator[tuple[int, ElementTree.Element]]:
    """Each question with the line on which it begins."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise DataError(str(path), None, "", "expected XML in UTF-8") from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # The release has none, an attack does.
        raise DataError(str(path), None, "", "expected XML without a document type, found one")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError as error:
        raise DataError(str(path), error.position[0], "", f"expected XML: {error}") from None
    begins = [text.count("\n", 0, at.start()) + 1 for at in re.finditer("<NLM-QUESTION", text)]
    yield from zip(begins, root.iter("NLM-QUESTION"), strict=True)


def medication_question(row: Fields) -> Example:
    """A row: `Question`, `Question Type`, `Answer`. Its id is its place, from 1."""
    kind = row.text("Question Type")
    return _example(str(row.line - 1), row.text("Question").strip(), [kind], [row.text("Answer")])


def _example(id: str, question: str, types: list[str], answers: list[str]) -> Example:
    return Example(
        id=id,
        messages=(Message("user", question),),
        criteria=AXIS_CRITERIA,
        tags=tuple(dict.fromkeys(f"type:{each}" for each in types)),
        target={"references": answers},
    )


_PROTOCOL = axes(
    ReferenceGrader("openai/gpt-4.1-2025-04-14", Parameters(temperature=0.0), published=False)
)
_LABELS = AXIS_LABELS | {"type": "Type of question"}
_CAUTION = (
    "The axes were published for physicians and lay readers, and here a model judges; the mean of "
    "the axes is Preceptor's own"
)
_FAULTS = (
    "The authors' raters, and their 140 questions, are not published: the default grader is our "
    "choice, and shares are not comparable with published ones.",
    "Of the clinicians' axes, those on comprehension, retrieval and reasoning are not asked.",
    "The reference answers are kept with each example but not shown to the judge, as to the "
    "authors' raters.",
)

BENCHMARKS = (
    Benchmark(
        slices=(Slice("type"), Slice("axis")),
        name="liveqa-med",
        title="LiveQA-Med",
        family="axes",
        summary="consumers' health questions: long answers on the axes of MultiMedQA",
        licence="none stated",
        citation="Ben Abacha et al. 2017, TREC; axes: Singhal et al. 2023, Nature 620:172",
        n_examples=104,
        n_criteria=104 * len(AXES),
        read=live_questions,
        protocol=_PROTOCOL,
        source=Source(
            "abachaa/LiveQA_MedicalTask_TREC2017",
            "3f5a42ccbaa0b8ff1c665a6dc23785740ab0f09f",
            f"TestDataset/{_LIVE}",
            "f6384fcf03e9b1bd0d9a15f6ea1a1aafc9491082e63fef0922ae2d6bc451805b",
            host="github",
        ),
        folder="liveqa-med/TestDataset",
        labels=_LABELS,
        caution=_CAUTION,
        measures="Whether a long answer to a consumer's health question is right, complete, "
        "harmless and helpful.",
        faults=_FAULTS,
        verified="104 questions with 167 reference answers are read. No ratings are published.",
    ),
    Benchmark(
        slices=(Slice("type"), Slice("axis")),
        name="medication-qa",
        title="MedicationQA",
        family="axes",
        summary="consumers' questions on medicines: long answers on the axes of MultiMedQA",
        licence="none stated",
        citation="Ben Abacha et al. 2019, MEDINFO; axes: Singhal et al. 2023, Nature 620:172",
        n_examples=690,
        n_criteria=690 * len(AXES),
        parse=medication_question,
        protocol=_PROTOCOL,
        source=Source(
            "abachaa/Medication_QA_MedInfo2019",
            "8756adc5f4bb99f6bcff690a13921337d9f9bb7e",
            "MedInfo2019-QA-Medications.xlsx",
            "4f13d0e3b195bd6a5d72a1872f9118cb5f69fd02c370001695330cfc9e3b5832",
            host="github",
        ),
        folder="medication-qa",
        labels=_LABELS,
        caution=_CAUTION,
        measures="Whether a long answer to a consumer's question on a medicine is right, complete, "
        "harmless and helpful.",
        faults=(
            *_FAULTS,
            "Some questions stand there up to four times, with other answers: they count as one "
            "in intervals.",
        ),
        verified="690 questions are read. No ratings are published.",
    ),
)
