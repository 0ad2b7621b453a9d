"""Questions about health records, and notes against them: drawn, or made from the user's own."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.fhir_qa.drawn import records
from preceptor.benchmarks.fhir_qa.facts import Chart, chart_of
from preceptor.benchmarks.fhir_qa.notes import statements_of, tables_of
from preceptor.benchmarks.fhir_qa.questions import asked_of
from preceptor.environments.fhir.held import patient_of, read_records
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.health_records import (
    NOTE_CHECK,
    NOTE_LABELS,
    RECORD_LABELS,
    RECORD_QUESTIONS,
)
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS", "charts", "read_notes", "read_questions"]

#: Kinds of resources that are shown.
_SHOWN = ("Patient", "Observation", "Condition", "MedicationRequest", "Encounter")


def charts(path: Path) -> list[Chart]:
    """The charts drawn by a file with ``patients`` and ``seed``, or those of a user's FHIR files.

    A folder, an ``.ndjson`` or ``.jsonl`` file, or a Bundle (``.json``) holds FHIR R4 resources.
    """
    if path.is_file() and path.name.endswith(".draw.jsonl"):
        (number, row), *_ = read_rows(path)
        fields = Fields(row, str(path), number)
        count, seed = fields.integer("patients"), fields.integer("seed")
        if not 1 <= count <= 2000:
            raise fields.fault("patients", "a number from 1 to 2,000", count)
        return [chart_of(each[0]["id"], each) for each in records(count, seed)]
    files = (
        [path]
        if path.is_file()
        else sorted(
            file for file in path.rglob("*") if file.suffix in (".ndjson", ".jsonl", ".json")
        )
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for each in read_records(files):
        if isinstance(each, dict) and each.get("resourceType") in _SHOWN:
            own = each.get("id") if each["resourceType"] == "Patient" else patient_of(each)
            if isinstance(own, str):
                found.setdefault(own, []).append(each)
    if not found:
        raise InputError(f"{path}: expected FHIR resources of patients, found none")
    return [chart_of(patient, resources) for patient, resources in sorted(found.items())]


def read_questions(path: Path) -> Iterator[Example]:
    """Up to nine questions about each patient, each with the patient's resources."""
    every = charts(path)
    laboratory = sorted({(each.code, each.name) for chart in every for each in chart.readings})
    for chart in every:
        lines = [msgspec.json.encode(each).decode() for each in chart.resources]
        shown = "\n".join(sorted(lines))
        for asked in asked_of(chart, laboratory):
            yield Example(
                id=f"{chart.patient}/{asked.kind}",
                messages=(Message("user", f"Record:\n{shown}\n\nQuestion: {asked.text}"),),
                criteria=(),
                tags=(f"kind:{asked.kind}",),
                target={
                    "answer": asked.answer,
                    "sources": list(asked.sources),
                    "cluster": chart.patient,
                },
            )


def read_notes(path: Path) -> Iterator[Example]:
    """A note on each patient, with some statements changed, and the tables of the record."""
    for chart in charts(path):
        statements = statements_of(chart)
        if not statements:
            continue
        lines = "\n".join(f"{place}. {each.text}" for place, each in enumerate(statements, 1))
        yield Example(
            id=chart.patient,
            messages=(Message("user", f"Tables:\n{tables_of(chart)}\n\nNote:\n{lines}"),),
            criteria=(),
            target={"changes": [each.change for each in statements], "cluster": chart.patient},
        )


_KINDS = {
    "latest": "Latest value",
    "day": "Day of the latest value",
    "highest": "Highest value",
    "mean": "Mean",
    "since": "Number of measurements since a day",
    "absent": "Value that the record lacks",
    "conditions": "Active diagnoses",
    "medicines": "Active medicines",
    "encounters": "Number of encounters",
}
_common = functools.partial(
    Benchmark,
    licence="Apache-2.0 (drawn by Preceptor)",
    contained="records.draw.jsonl",
)

BENCHMARKS = (
    _common(
        name="fhir-qa",
        title="Questions about FHIR records",
        family="record-questions",
        summary="360 questions about 40 drawn FHIR R4 records, with computed answers",
        citation="after the two stages of FHIR-record question answering (genloop)",
        n_examples=360,
        protocol=RECORD_QUESTIONS,
        read=read_questions,
        labels={**RECORD_LABELS, **{f"kind:{name}": said for name, said in _KINDS.items()}},
        slices=(Slice("kind", tuple(_KINDS)),),
        measures="Whether a question about a record is answered from the right resources.",
        faults=(
            "The records are drawn and short: a real one may not fit a model's window. Name a "
            "folder of FHIR files with --data to ask about records of yours.",
            "Who sees this code knows the answers: another seed draws other records.",
        ),
        verified="Answers against a second computation from the resources' JSON.",
    ),
    _common(
        name="note-check",
        title="Notes against tables",
        family="note-check",
        summary="40 notes on drawn records, some of whose statements the tables deny",
        citation="after EHRCon, Kwon et al. 2024, arXiv:2406.16341",
        n_examples=40,
        protocol=NOTE_CHECK,
        read=read_notes,
        labels={
            **NOTE_LABELS,
            "recall:value": "Recall, changed value",
            "recall:day": "Recall, changed day",
            "recall:dose": "Recall, changed dose",
            "recall:status": "Recall, changed status",
            "recall:invented": "Recall, invented diagnosis",
        },
        measures="Whether statements of a note that the record's tables deny are found.",
        faults=(
            "The statements are sentences of a few forms, and given one by one: EHRCon's notes are "
            "written by clinicians, and their entities have to be found first.",
        ),
        verified="That every changed statement is denied by the tables, and no other.",
    ),
)
