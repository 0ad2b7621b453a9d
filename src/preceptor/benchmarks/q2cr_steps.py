"""Q2CRBench-3, three clinical guidelines: questions taken apart, and the certainty of evidence."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.guideline import (
    CERTAINTIES,
    DOMAINS,
    GRADE,
    GRADE_LABELS,
    PICO,
    PICO_LABELS,
)
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS", "read_grade", "read_pico"]


def read_pico(path: Path) -> Iterator[Example]:
    """The questions of each guideline; one that is there twice is asked twice, as one unit."""
    for folder, row in _rows(path, "PICO_Information.json"):
        yield Example(
            id=f"{folder.name}/{row.text('Index')}",
            messages=(Message("user", row.text("Question")),),
            criteria=(),
            tags=(f"guideline:{folder.name.replace('_', ' ')}",),
            target={
                "population": row.text("P"),
                "intervention": row.text("I"),
                "comparison": " ".join(row.texts("C")),
                "cluster": row.text("Question"),
            },
        )


#: A domain that was not lowered is written in three ways.
_STEPS = {
    "NONE": "not serious",
    "NOT_APPLICABLE": "not serious",
    "NOT_SERIOUS": "not serious",
    "SERIOUS": "serious",
    "VERY_SERIOUS": "very serious",
}
_NAMES = dict(
    zip(DOMAINS, ("Risk of bias", "Inconsistency", "Indirectness", "Imprecision"), strict=True)
)


def read_grade(path: Path) -> Iterator[Example]:
    """The outcomes that the panels rated; those of a systematic review, unrated, are left out."""
    for _, row in _rows(path, "merged_outcomeinfo.jsonl"):
        grade = row.nested("assessment_results").nested("GRADE")
        if "Certainty" not in grade:
            continue
        domains = {
            name: _STEPS[grade.nested(title).one_of("result", tuple(_STEPS))]
            for name, title in _NAMES.items()
        }
        certainty, guideline = grade.text("Certainty").lower(), row.text("Database")
        if certainty not in CERTAINTIES:
            raise grade.fault("Certainty", f"one of {', '.join(CERTAINTIES)}", certainty)
        yield Example(
            id=f"{guideline}/{row.line}",
            messages=(Message("user", _evidence(row, grade)),),
            criteria=(),
            tags=(f"guideline:{guideline}", f"importance:{row.text('importance')}"),
            target={
                "certainty": certainty,
                "domains": domains,
                "cluster": f"{guideline}/{row.text('PICO_IDX')}",
            },
        )


def _evidence(row: Fields, grade: Fields) -> str:
    """What the panel saw, without its ratings and their reasons."""
    lines = [
        f"Question: {row.text('clinical_question')}",
        f"Population: {row.text('population')}",
        f"Intervention: {row.text('intervention')}",
        f"Comparator: {row.text('comparator')}",
        f"Outcome: {row.text('outcome')} ({row.text('importance').lower()})",
        f"Study design: {grade.text('Study design')}",
        f"Studies: {len(row.texts('related_paper_list'))}",
    ]
    for title in ("No of participants", "Risk", "Effect"):
        if title in grade:
            lines.append(f"{title}: {json.dumps(grade.nested(title).row, ensure_ascii=False)}")
    return "\n".join(lines)


def _rows(path: Path, name: str) -> Iterator[tuple[Path, Fields]]:
    files = sorted(path.rglob(name))
    if not files:
        raise InputError(f"{path}: expected a folder with {name}, found none")
    for file in files:
        for number, row in read_rows(file):
            yield file.parent, Fields(row, str(file), number)


_common = functools.partial(
    Benchmark,
    licence="Apache-2.0",
    citation="Li et al. 2025 (Quicker), arXiv:2505.10282",
    url="https://arxiv.org/abs/2505.10282",
    folder="q2crbench3",
    brings="the release's folder, with its tables for each guideline",
    slices=(Slice("guideline"), Slice("importance")),
)

BENCHMARKS = (
    _common(
        name="q2cr-pico",
        title="Q2CRBench-3 PICO",
        family="guideline",
        summary="99 questions of three guidelines → population, intervention, comparison",
        n_examples=99,
        protocol=PICO,
        read=read_pico,
        labels=PICO_LABELS,
        measures="Whether a clinical question is taken apart as the panel did.",
        faults=(
            "Words are compared: another wording of the same loses.",
            "Outcomes are not asked for: they were chosen by the panel, not by the question, and "
            "48 of 99 rows have none.",
        ),
        verified="Counts, and that the panel's own parts score 1.",
    ),
    _common(
        name="q2cr-grade",
        title="Q2CRBench-3 GRADE",
        family="guideline",
        summary="535 outcomes of three guidelines → four domains and the certainty of evidence",
        n_examples=535,
        protocol=GRADE,
        read=read_grade,
        labels=GRADE_LABELS,
        measures="Whether the certainty of evidence is rated as the panel did.",
        faults=(
            "The papers are not given: risk of bias and indirectness can only be guessed from the "
            "design and the question.",
            "28 outcomes of systematic reviews have no ratings and are left out.",
        ),
        verified="Counts, that the panel's ratings score 1, and kappa against scikit-learn.",
    ),
)
