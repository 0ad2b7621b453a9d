"""CMB-Exam (Wang et al. 2024): Chinese medical examinations, in six types of 28 classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.base import Protocol
from preceptor.protocols.choice import CHOICE_LABELS, ChoiceScoring, choice_asking, choice_example
from preceptor.records import Example, Metric, Score, Slice
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric
from preceptor.scoring.units import units

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BENCHMARKS", "read_exam"]

_QUESTIONS, _ANSWERS = "CMB-test-choice-question-merge.json", "CMB-test-choice-answer.json"
_ONE, _SEVERAL = "单项选择题", "多项选择题"
_MARK = "answers:several"
_TOLD = {
    "": "哪个选项正确？只回答该选项的字母。",
    _MARK: "哪些选项正确？可能不止一个。只回答所有正确选项的字母。",
}


def read_exam(path: Path) -> Iterator[Example]:
    """The questions of a file whose rows have their answers, or of a folder with both files."""
    answers: dict[str, Fields] = {}
    if path.is_dir():
        found = {file.name: file for file in sorted(path.rglob("CMB-test-choice-*.json"))}
        for name in (_QUESTIONS, _ANSWERS):
            if name not in found:
                raise InputError(f"{path}: expected {name}, found none")
        answers = {row.id("id"): row for row in _rows(found[_ANSWERS])}
        path = found[_QUESTIONS]
    for number, row in enumerate(_rows(path), start=1):
        id = row.id("id") if "id" in row else str(number)
        keyed = row if "answer" in row or not answers else answers.get(id)
        if keyed is None:
            raise row.fault("id", f"a question with an answer in {_ANSWERS}", id)
        yield _example(id, row, keyed)


def _rows(path: Path) -> Iterator[Fields]:
    return (Fields(row, str(path), number) for number, row in read_rows(path))


def _example(id: str, row: Fields, keyed: Fields) -> Example:
    stated = row.need("option", "the options by letter")
    if not isinstance(stated, Mapping):
        raise row.fault("option", "the options by letter", stated)
    options = {str(letter): str(text) for letter, text in stated.items() if str(text).strip()}
    right = sorted(set(keyed.text("answer").strip()))
    if not options.keys() >= set(right):
        raise keyed.fault("answer", f"letters of {', '.join(options)}", keyed.row["answer"])
    several = row.one_of("question_type", (_ONE, _SEVERAL)) == _SEVERAL
    tags = (f"exam:{row.text('exam_type')}", f"class:{row.text('exam_class')}")
    return choice_example(
        id,
        row.text("question"),
        options,
        right if several else right[0],
        (_MARK, *tags) if several else tags,
    )


class ExamScoring(ChoiceScoring):
    """The letters named must be those that are right, in any order.

    Beside the share right, as the leaderboard has it: the mean of each class, of the classes of a
    type, and of the types.
    """

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        by_id = {example.id: example for example in examples}
        there = [score for score in scores if OVERALL in score.values]
        own = super().whole_set(scores, examples)
        if not there:
            return own
        places = [by_id[score.example_id].tags[-2:] for score in there]
        names, classes = np.unique(["\n".join(place) for place in places], return_inverse=True)
        types = np.unique([name.partition("\n")[0] for name in names], return_inverse=True)[1]
        right = np.array([score.values[OVERALL] for score in there])

        def mean_of_types(rows: NDArray[np.intp]) -> float:
            asked = np.bincount(classes[rows], minlength=len(names))
            hits = np.bincount(classes[rows], right[rows], len(names))
            held = asked > 0  # a resample may leave a class out
            sums = np.bincount(types[held], hits[held] / asked[held])
            of_type = np.bincount(types[held])
            return float((sums[of_type > 0] / of_type[of_type > 0]).mean())

        ids = [score.example_id for score in there]
        coverage = len(there) / len(scores)
        own["mean_of_types"] = set_metric(mean_of_types, ids, units(examples), coverage=coverage)
        return own


BENCHMARKS = (
    Benchmark(
        name="cmb-exam",
        title="CMB-Exam",
        family="choice",
        summary="Chinese examinations of physicians, nurses, technicians, pharmacists, students",
        licence="Apache-2.0",
        citation="Wang et al. 2024, arXiv:2308.08833",
        n_examples=11200,
        languages=("zh",),
        read=read_exam,
        protocol=Protocol("choice", asking=choice_asking(_TOLD), scoring=ExamScoring()),
        url="https://github.com/FreedomIntelligence/CMB",
        brings=f"a folder with `{_QUESTIONS}` and `{_ANSWERS}`",
        folder="cmb",
        slices=(Slice("exam"), Slice("class")),
        labels={
            **CHOICE_LABELS,
            "mean_of_types": "Mean of the six types of exam",
            "exam": "Type of exam",
            "class": "Class of exam",
            "answers:several": "Several options are right",
            "exam:医师考试": "Physicians",
            "exam:护理考试": "Nurses",
            "exam:药师考试": "Pharmacists",
            "exam:医技考试": "Technicians",
            "exam:专业知识考试": "Subjects of study",
            "exam:医学考研": "Entrance to postgraduate study",
        },
        measures="Knowledge that China's medical examinations ask for.",
        faults=(
            "The published script compares strings: letters in another order are wrong there, and "
            "four of the keys are not in order themselves.",
            "It takes every letter from A to G in a reply for an answer, so the word Answer "
            "chooses A.",
            "25 questions with several answers have one letter as their key.",
        ),
        verified="By the 11,200 keys: always naming C is right in .194107, with .193375 as the "
        "mean of types.",
    ),
)
