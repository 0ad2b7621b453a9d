"""EquityMedQA: questions that tempt to bias; rubrics of one answer, of two, of a pair."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.equity import (
    EQUITY_LABELS,
    INDEPENDENT,
    PAIRED,
    VERSUS,
    independent,
    paired,
    versus,
)
from preceptor.protocols.judging import ReferenceGrader
from preceptor.records import Example, Message, PhysicianAnswer, Slice
from preceptor.scoring.names import OVERALL
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS"]

#: Files without a header, with a question a row; and those with a pair a row.
_SINGLE = ("omaq", "ehai", "fbrt_manual", "fbrt_llm_661_sampled", "trinds")
_PAIRS = ("cc_manual", "cc_llm")
_TITLES = {
    "omaq": "Open-ended questions with bias",
    "ehai": "Health disparities",
    "fbrt_manual": "Red teaming of model failures, by people",
    "fbrt_llm_661_sampled": "Red teaming of model failures, by a model",
    "trinds": "Tropical diseases, by location",
    "cc_manual": "Counterfactual pairs, by people",
    "cc_llm": "Counterfactual pairs, by a model",
}
_GRADER = ReferenceGrader("openai/gpt-4.1", Parameters(temperature=0.0), published=False)


def _read(path: Path) -> Iterator[Example]:
    """Those of the files that are in a folder; or one of them."""
    found = {path.stem: path} if path.is_file() else {}
    known = (*_SINGLE, *_PAIRS)
    found |= {name: path / f"{name}.csv" for name in known if (path / f"{name}.csv").exists()}
    if not found.keys() & {*known}:
        expected = ", ".join(f"{name}.csv" for name in known)
        raise InputError(f"{path}: expected files named {expected}, found none")
    for name in (each for each in known if each in found):
        columns = ("1", "2") if name in _PAIRS else ("1",)
        rows = read_rows(found[name], columns=columns, exact=name in _PAIRS)
        for number, (line, row) in enumerate(rows, start=1):
            fields = Fields(row, str(found[name]), line)
            for side in columns:
                yield _question(fields, name, number, side, pair=len(columns) > 1)


def _question(row: Fields, name: str, number: int, side: str, *, pair: bool) -> Example:
    id = f"{name}/{number}"
    return Example(
        id=f"{id}/{side}" if pair else id,
        messages=(Message("user", row.text(side)),),
        criteria=INDEPENDENT,
        tags=(f"dataset:{name}",),
        target={"pair": id, "side": int(side)} if pair else {},
    )


def _two_answers(row: Fields, paired: bool) -> Example:
    """A row: question, other_answer; perhaps answer; of a pair of questions other_question too."""
    target = {"other_answer": row.text("other_answer")}
    if paired:
        target["other_question"] = row.text("other_question")
    own = row.optional_text("answer")
    axis = row.optional_text("axis")
    return Example(
        id=row.id("id"),
        messages=(Message("user", row.text("question")),),
        criteria=PAIRED if paired else VERSUS,
        tags=(f"axis:{axis}",) if axis else (),
        physician=None if own is None else PhysicianAnswer(own),
        target=target,
    )


_CITATION = "Pfohl et al. 2024, Nature Medicine 30:3590, arXiv:2403.12025"
_URL = "https://huggingface.co/datasets/katielink/EquityMedQA"
_CAUTION = "the judge is a model with words of ours; the authors' raters were physicians, experts "
_CAUTION += "in equity and consumers, who differ among themselves"
_VERIFIED = "The loaders and scores, on made-up rows; the texts may not be kept here."

BENCHMARKS = (
    Benchmark(
        name="equitymedqa",
        title="EquityMedQA",
        family="equity",
        summary="questions that tempt to bias, each answer judged for seven things",
        licence="CC BY 4.0",
        citation=_CITATION,
        n_examples=2045,
        n_criteria=2045 * len(INDEPENDENT),
        read=_read,
        protocol=independent(_GRADER),
        url=_URL,
        folder="equitymedqa",
        brings="a folder with the sets' `.csv` files, or some of them",
        labels={
            **EQUITY_LABELS,
            "dataset": "Data set",
            **{f"dataset:{name}": title for name, title in _TITLES.items()},
        },
        slices=(Slice("dataset", tuple(_TITLES)), Slice("kind")),
        caution=_CAUTION,
        measures="Whether answers to health questions are unfair to, or worse for, people of some "
        "groups; and whether that depends on whom a question is about.",
        faults=(
            "The questions were made to find bias: the share says nothing about other questions.",
            "The majority of raters hides disagreement, and so does one judge: see `preceptor "
            "audit`.",
        ),
        verified=_VERIFIED,
    ),
    Benchmark(
        name="equitymedqa-versus",
        title="EquityMedQA (two answers to a question)",
        family="equity",
        summary="which of two answers to a question carries more bias, judged in both orders",
        licence="CC BY 4.0",
        citation=_CITATION,
        n_examples=2045,
        parse=functools.partial(_two_answers, paired=False),
        protocol=versus(_GRADER),
        url=_URL,
        folder="equitymedqa/versus.jsonl",
        labels={
            OVERALL: "Less bias than the other answer (equal: half)",
            "order_consistent": "Judged alike in both orders",
        },
        slices=(Slice("axis"),),
        caution=_CAUTION,
        measures="Whether a system's answers carry less bias than other answers that a file has.",
        faults=("The file is made by the user: question, other_answer, and perhaps answer.",),
        verified=_VERIFIED,
    ),
    Benchmark(
        name="equitymedqa-paired",
        title="EquityMedQA (pairs of questions)",
        family="equity",
        summary="answers to two questions that differ in whom they are about, judged together",
        licence="CC BY 4.0",
        citation=_CITATION,
        n_examples=323,
        parse=functools.partial(_two_answers, paired=True),
        protocol=paired(_GRADER),
        url=_URL,
        folder="equitymedqa/paired.jsonl",
        labels={
            OVERALL: "Pairs without bias",
            "severe": "Pairs with severe bias",
            "needless": "Answers differ, and should not",
            "missing": "Answers are alike, and should not be",
            "order_consistent": "Judged alike in both orders",
        },
        slices=(Slice("axis"),),
        caution=_CAUTION,
        measures="Whether the answers to two questions differ where they should, and only there.",
        faults=(
            "The file is made by the user: question, other_question, other_answer, and perhaps "
            "answer; both answers should be one system's.",
        ),
        verified=_VERIFIED,
    ),
)
