"""MedQA: the questions of the United States Medical Licensing Examination (USMLE)."""

from __future__ import annotations

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.protocols.choice import CHOICE_LABELS, WAYS, ChoiceProtocol, choice_example
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS"]

_FILE = "data_clean/questions/US/4_options/phrases_no_exclude_test.jsonl"
#: The USMLE is passed with about this share of right answers (usmle.org, scoring).
_PASS_MARK = 0.6
_SOURCE = Source(
    "Teddy-XiongGZ/MIRAGE",
    "392943af99cd94cafd50a0de2e7fca24bbf65494",
    f"rawdata/medqa/{_FILE}",
    "c3b905ccfa66152dc25afbcb2c10e86c0bdb208824f0658fcdb2c040f60a2beb",
    host="github",
)


def _parse(row: Fields) -> Example:
    """A row of the four-option test: `question`, `options` {letter: text}, `answer_idx`."""
    texts = row.nested("options")
    options = {letter: texts.text(letter) for letter in texts.row}
    if len(options) < 2:
        raise row.fault("options", "two or more", options)
    return choice_example(
        f"{row.line - 1:04d}",
        row.text("question"),
        options,
        row.one_of("answer_idx", tuple(options)),
        (f"step:{row.text('meta_info').removeprefix('step')}",),
    )


def _benchmark(suffix: str, how: str, instructions: str) -> Benchmark:
    return Benchmark(
        slices=(Slice("step"),),
        name=f"medqa{suffix}",
        title=f"MedQA, {how}",
        family="choice",
        summary=f"USMLE questions with four options; {how}",
        licence="MIT",
        citation="Jin et al. 2021, arXiv:2009.13081",
        n_examples=1273,
        parse=_parse,
        protocol=ChoiceProtocol(instructions, pass_mark=_PASS_MARK),
        source=_SOURCE,
        folder=f"mirage-rawdata/{_SOURCE.filename}",
        url="https://github.com/jind11/MedQA",
        labels={
            **CHOICE_LABELS,
            "above_pass_mark": "Above the pass mark (about 60 %)",
            "step:1": "Step 1",
            "step:2&3": "Steps 2 and 3",
        },
        measures="Knowledge and reasoning as medical students in the United States are examined.",
        faults=(
            "The questions have been public since 2020, so a model may have seen them.",
            "Findings that the exam shows as pictures are there in words or not at all.",
        ),
        verified="All 1,273 rows of the test file are read; their answer texts and letters agree.",
    )


BENCHMARKS = tuple(_benchmark(*way) for way in WAYS)
