"""MedR-Bench: diagnosis and treatment of published cases, with the reasoning (arXiv 2503.04691)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import DataError, InputError
from preceptor.files import decode_json
from preceptor.protocols.diagnosis import (
    DIAGNOSIS_LABELS,
    diagnosis,
    reasoning_criteria,
)
from preceptor.protocols.judging import ReferenceGrader
from preceptor.records import Example, Message, Slice
from preceptor.scoring.steps import solution_steps
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS", "diagnoses", "treatments"]

_FORMAT = """
Reason step by step. Begin each step with a line of its own number, "Step 1:", "Step 2:" and so \
on. Then write a last line that begins with "Answer:" and gives {wanted} and nothing else."""

_DIAGNOSE = "Find the diagnosis of this case.\n" + _FORMAT.format(wanted="the diagnosis")
_TREAT = "Plan the treatment of this case.\n" + _FORMAT.format(wanted="the treatment")

#: As the authors call their files, and as the copies that are known are called.
_DIAGNOSES = (
    "diagnosis_957_cases_with_rare_disease_491.json",
    "diagnosis_cases_reconstructed.json",
)
_TREATMENTS = ("treatment_496_cases_with_rare_disease_165.json", "demo_treatment_100.json")


def diagnoses(path: Path) -> Iterator[Example]:
    """Examples of a JSON file, or of a folder with one: id → case with a diagnosis."""
    for id, row in _cases(path, _DIAGNOSES):
        case = row.nested("generate_case")
        steps = solution_steps(case.text("differential_diagnosis"))
        yield _example(
            id,
            row,
            task=_DIAGNOSE,
            answer=case.text("diagnosis_results"),
            # The authors take the final diagnosis for the last step.
            steps=(*steps, f"Final diagnosis: {case.text('final_diagnosis')}"),
        )


def treatments(path: Path) -> Iterator[Example]:
    """Examples of a JSON file, or of a folder with one: id → case with a plan of treatment."""
    for id, row in _cases(path, _TREATMENTS):
        case = row.nested("generate_case")
        steps = solution_steps(case.text("treatment_planning_analysis"))
        yield _example(
            id, row, task=_TREAT, answer=case.text("treatment_plan_results"), steps=tuple(steps)
        )


def _cases(path: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Fields]]:
    if path.is_dir():
        here = [path / name for name in names if (path / name).exists()]
        if not here:
            raise InputError(f"{path}: expected a folder with {names[0]}, found none")
        path = here[0]
    content = decode_json(path)
    if not isinstance(content, dict) or not all(isinstance(e, dict) for e in content.values()):
        raise DataError(str(path), None, "", "expected an object of cases by id")
    for number, (id, row) in enumerate(content.items(), start=1):
        yield id, Fields(row, str(path), number)


def _example(id: str, row: Fields, *, task: str, answer: str, steps: tuple[str, ...]) -> Example:
    rare = bool(row.texts("checked_rare_disease"))
    case = row.nested("generate_case").text("case_summary")
    return Example(
        id=id,
        messages=(Message("user", f"{task}\n\n{case}"),),
        criteria=reasoning_criteria(steps),
        tags=(
            *(f"body:{each}" for each in row.texts("body_category")),
            *(f"disorder:{each}" for each in row.texts("disorder_category")),
            f"rare_disease:{'yes' if rare else 'no'}",
        ),
        target={"answer": answer},
    )


_PROTOCOL = diagnosis(ReferenceGrader("openai/gpt-4o-2024-11-20", Parameters()))
_LABELS = DIAGNOSIS_LABELS | {
    "body": "Body system",
    "disorder": "Kind of disorder",
    "rare_disease": "Rare disease",
}
_FAULTS = (
    "The authors let a model split the written solution into steps, which gives other steps each "
    "time; here each entry of its list is a step.",
    "The authors judge the steps of an answer one by one, and look up their facts in the web; here "
    "one call judges all steps, from what the judge knows.",
    "The authors' script takes any reply that contains the word correct, incorrect among them, "
    "for right; here anything but right or wrong is asked again.",
)

BENCHMARKS = (
    Benchmark(
        slices=(Slice("body"), Slice("disorder"), Slice("rare_disease")),
        name="medr-bench",
        title="MedR-Bench diagnosis",
        family="diagnosis",
        summary="diagnosis of published cases, with all findings known, and its reasoning",
        licence="CC BY-SA",
        citation="Qiu et al. 2025, arXiv:2503.04691",
        n_examples=957,
        read=diagnoses,
        protocol=_PROTOCOL,
        url="https://github.com/MAGIC-AI4Med/MedRBench",
        folder="medr-bench",
        brings="`diagnosis_957_cases_with_rare_disease_491.json`",
        labels=_LABELS,
        measures="Whether a published case is diagnosed rightly from all its findings, and how "
        "efficient, true and complete the reasoning is.",
        faults=_FAULTS,
        verified="3,721 stored verdicts on twelve sets of answers: accuracies recompute exactly; "
        "2,940 stored judgements of reasoning: efficiency, factuality and completeness recompute "
        "exactly.",
    ),
    Benchmark(
        slices=(Slice("body"), Slice("disorder"), Slice("rare_disease")),
        name="medr-bench-treatment",
        title="MedR-Bench treatment",
        family="diagnosis",
        summary="treatment of published cases, and its reasoning",
        licence="CC BY-SA",
        citation="Qiu et al. 2025, arXiv:2503.04691",
        n_examples=100,
        read=treatments,
        protocol=_PROTOCOL,
        url="https://github.com/MAGIC-AI4Med/MedRBench",
        folder="medr-bench",
        brings="`treatment_496_cases_with_rare_disease_165.json`",
        labels=_LABELS,
        measures="Whether the treatment that is planned for a published case is the one that was "
        "given, and how efficient, true and complete the reasoning is.",
        faults=(*_FAULTS, "Of 496 published cases the 100 of the authors' demonstration are read."),
        verified="100 cases are read. No verdicts on treatments are published.",
    ),
)
