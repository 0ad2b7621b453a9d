"""TrialPanorama: eight tasks about trials, from the user's copy of its benchmark.

Source: Wang et al. 2025, arXiv 2505.16097. The data is on a hub: each task is a folder with
``test.jsonl``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.collection import corpus_of_folder
from preceptor.corpora import pointer
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.choice import CHOICE_LABELS, ChoiceProtocol, choice_example
from preceptor.protocols.numeric import CALCULATION_LABELS, CalculationScoring
from preceptor.protocols.retrieval import RETRIEVAL_LABELS, query, retrieval
from preceptor.protocols.screening import EXCLUDE, INCLUDE, SCREENING_LABELS, screening
from preceptor.protocols.trials_design import COMPLETION, COMPLETION_LABELS
from preceptor.records import Example, Message

__all__ = ["BENCHMARKS"]


def _rows(path: Path, task: str) -> Iterator[Fields]:
    file = path if path.is_file() else path / task / "test.jsonl"
    file = file if file.is_file() else path / "test.jsonl"
    if not file.is_file():
        raise InputError(f"{path}: expected {task}/test.jsonl in it, found none")
    for number, row in read_rows(file):
        yield Fields(row, str(file), number)


def _choice(path: Path, task: str) -> Iterator[Example]:
    for row in _rows(path, task):
        options = row.nested("options")
        texts = {letter.upper(): options.text(letter) for letter in options.row}
        answer = row.text("answer").strip().upper()
        if answer not in texts:
            raise row.fault("answer", f"one of {', '.join(texts)}", answer)
        yield choice_example(_id(row), row.text("question"), texts, answer)


def _id(row: Fields) -> str:
    return row.id("id") if row.row.get("id") not in (None, "") else str(row.line)


def _sizes(path: Path) -> Iterator[Example]:
    """Right is a size within a fifth of the trial's."""
    for row in _rows(path, "sample_size_estimation"):
        size = row.number("answer")
        if size <= 0:
            raise row.fault("answer", "a number above 0", size)
        yield Example(
            id=_id(row),
            messages=(Message("user", row.text("question")),),
            criteria=(),
            target={"kind": "decimal", "answer": size, "lower": 0.8 * size, "upper": 1.2 * size},
        )


def _setup(inputs: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{name.replace('_', ' ').capitalize()}: {value}"
        for name, value in inputs.items()
        if value is not None
    )


def _screened(path: Path) -> Iterator[Example]:
    """Each candidate of each review, asked by itself; the candidates of a review are one unit."""
    for row in _rows(path, "study_screening"):
        labels = {
            each.id("PMID"): each.one_of("label", ("included", "excluded"))
            for each in row.items("labels")
        }
        review = row.nested("metadata").id("PMID")
        setup = _setup(row.nested("inputs").row)
        for study in row.items("context"):
            own = study.id("PMID")
            if own not in labels:
                raise study.fault("PMID", "one of those that have a label", own)
            text = f"{study.text('title')}\n{study.optional_text('abstract') or ''}".strip()
            yield Example(
                id=f"{review}/{own}",
                messages=(Message("user", f"Review:\n{setup}\n\nRecord:\n{text}"),),
                criteria=(),
                target={
                    "label": INCLUDE if labels[own] == "included" else EXCLUDE,
                    "cluster": review,
                },
            )


def _searched(path: Path) -> Iterator[Example]:
    """The set-up of each review as a query; the records that it included are relevant."""
    corpus = _corpus(path)
    sha256 = None if corpus is None else corpus.sha256
    for row in _rows(path, "study_search"):
        relevant = row.need("labels", "a list of PMIDs")
        if not isinstance(relevant, list) or not relevant:
            raise row.fault("labels", "a list of PMIDs that is not empty", relevant)
        grades = {str(each).strip(): 1 for each in relevant}
        yield query(_id(row), _setup(row.nested("inputs").row), grades, sha256)


def _corpus(path: Path) -> Any:
    folder = path.parent if path.is_file() else path
    return corpus_of_folder(folder) or corpus_of_folder(folder / "study_search")


def _pointer(path: Path) -> bytes:
    corpus = _corpus(path)
    return pointer([] if corpus is None else [corpus])


def _completion(path: Path) -> Iterator[Example]:
    for row in _rows(path, "trial_completion_assessment"):
        labels = row.nested("labels")
        outcome = labels.text("outcome").lower()
        if outcome not in ("complete", "terminate"):
            raise labels.fault("outcome", "complete or terminate", outcome)
        reason = labels.optional_text("terminate_type") if outcome == "terminate" else None
        yield Example(
            id=row.nested("metadata").id("study_nctid"),
            messages=(Message("user", _trial(row)),),
            criteria=(),
            target={"label": outcome, "reason": reason.lower() if reason else None},
        )


def _trial(row: Fields) -> str:
    """What is known of a trial before it begins: design, criteria, arms."""
    parts = [_setup(row.nested("inputs").row)]
    for item in row.items("context") if row.row.get("context") else ():
        if item.row.get("type") == "eligibility_criteria":
            parts.append(f"Eligibility:\n{item.text('criteria', empty=True).replace('~', chr(10))}")
        elif item.row.get("type") == "arm_design":
            arms = item.items("arms")
            shown = (
                f"{a.text('title', empty=True)}: {a.row.get('description') or ''}" for a in arms
            )
            parts.append("Arms:\n" + "\n".join(shown))
    return "\n\n".join(parts)


_common = functools.partial(
    Benchmark,
    own=True,
    licence="not stated here",
    citation="Wang et al. 2025 (TrialPanorama), arXiv:2505.16097",
    url="https://github.com/RyanWangZf/TrialPanorama",
    brings="the task's folder with `test.jsonl`",
    verified="Its reading, on made-up rows in the schema of the authors' code.",
)
_COUNT = "How many test rows there are is not pinned: they are on a hub."
_CHOICES = {
    "arms": ("arm_design", "arms of a trial"),
    "criteria": ("eligibility_criteria_design", "eligibility criteria of a trial"),
    "endpoints": ("endpoint_design", "endpoints of a trial"),
    "evidence": ("evidence_summary", "evidence from trials"),
}

BENCHMARKS = (
    *(
        _common(
            name=f"trialpanorama-{name}",
            title=f"TrialPanorama: {said}",
            family="choice",
            summary=f"questions on the {said}, by options",
            n_examples=0,
            protocol=ChoiceProtocol(),
            read=functools.partial(_choice, task=task),
            labels=CHOICE_LABELS,
            measures=f"Whether the {said} are chosen from options.",
            faults=(_COUNT,),
        )
        for name, (task, said) in _CHOICES.items()
    ),
    _common(
        name="trialpanorama-size",
        title="TrialPanorama: sample size",
        family="numeric",
        summary="sample sizes of trials, right within 20 %",
        n_examples=0,
        protocol=Protocol(
            "calculation",
            asking=Asking("How many participants does the trial need? Reply with one number."),
            scoring=CalculationScoring(),
        ),
        read=_sizes,
        labels=CALCULATION_LABELS,
        measures="Whether the size of a trial is estimated within a fifth.",
        faults=(_COUNT, "The size that a trial had need not be the size that it needed."),
    ),
    _common(
        name="trialpanorama-screening",
        title="TrialPanorama: study screening",
        family="screening",
        summary="records of systematic reviews: include or exclude, one by one",
        n_examples=0,
        protocol=screening("review"),
        read=_screened,
        labels=SCREENING_LABELS,
        measures="Whether the records that a review included are kept.",
        faults=(
            _COUNT,
            "The authors show all candidates of a review at once, and leave answers that cannot be "
            "read out of every denominator; here each is asked alone, and none is left out.",
        ),
    ),
    _common(
        name="trialpanorama-search",
        title="TrialPanorama: study search",
        family="retrieval",
        summary="set-ups of systematic reviews → the studies that they included",
        n_examples=0,
        protocol=retrieval(),
        read=_searched,
        materials=_pointer,
        labels=RETRIEVAL_LABELS,
        measures="Whether the studies of a review are found from its set-up.",
        faults=(
            _COUNT,
            "The authors send a query to PubMed as it is on that day; here a corpus.jsonl of yours "
            "is searched, or a run is scored with replay:run.trec.",
        ),
    ),
    _common(
        name="trialpanorama-completion",
        title="TrialPanorama: trial completion",
        family="classification",
        summary="trials: completed or terminated, and the reason",
        n_examples=0,
        protocol=COMPLETION,
        read=_completion,
        labels=COMPLETION_LABELS,
        measures="Whether it is foreseen that a trial is terminated, and why.",
        faults=(
            _COUNT,
            "The authors count the reason only where termination was predicted rightly: predicting "
            "it rarely makes that figure easy. Both are given.",
        ),
    ),
)
