"""CRAFT-MD's experts: what two dermatologists said of simulated patients, asked of a grader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from preceptor.benchmarks.base import Benchmark
from preceptor.errors import InputError
from preceptor.protocols.base import Protocol
from preceptor.protocols.fidelity import (
    FIDELITY_CRITERIA,
    FIDELITY_LABELS,
    PATIENT,
    patient_question,
)
from preceptor.protocols.labelling import LabelScoring
from preceptor.records import Example, Message, Slice
from preceptor.scoring.answers import PARSED
from preceptor.scoring.names import OVERALL
from preceptor.sheets import read_sheets

__all__ = ["BENCHMARKS"]

#: Those of both experts, then of the one who decides where they differ.
_FILES = (
    "validation_clinicalllm_patientai_d1.xlsx",
    "validation_clinicalllm_patientai_d2.xlsx",
    "validation_clinicallm_patientai_tiebreak_d3.xlsx",
)
#: The experts' questions, in the order of their columns.
_ASKED = ("reachable", "key_information", "medical_terms")
_CRITERIA = {each.tags[0].removeprefix(PATIENT): each for each in FIDELITY_CRITERIA}
#: Columns of the case, the talk, the diagnosis, and the first of the answers.
_CASE, _TALK, _DIAGNOSIS, _FIRST = 2, 4, 6, 7
_ANSWERS = ("yes", "no")
_SPEAKERS = {"Doctor-AI :": "\nDoctor:", "Patient-AI :": "\nPatient:"}

#: (sheet, case) → the cells of its row.
_Rows = Mapping[tuple[str, str], Mapping[int, str]]


def _rows(path: Path) -> _Rows:
    if not path.exists():
        raise InputError(f"{path}: no such file")
    return {
        (str(sheet.name), cells[1]): cells
        for sheet in read_sheets(path)
        for cells in (
            {column: str(cell.value) for column, cell in row.items()} for row in sheet.rows.values()
        )
        if cells.get(1, "").startswith("case_")
    }


def _read(path: Path) -> Iterator[Example]:
    *both, decider = (_rows(path / file) for file in _FILES)
    for key in sorted({**both[0], **both[1]}):
        cells = next(each[key] for each in both if key in each)
        for column, name in enumerate(_ASKED, _FIRST):
            label = _label([_said(each, key, column) for each in both], _said(decider, key, column))
            if label is not None:
                yield _example(key, cells, name, label)


def _said(rows: _Rows, key: tuple[str, str], column: int) -> str | None:
    said = rows.get(key, {}).get(column, "").strip().casefold()
    return said if said in _ANSWERS else None


def _label(said: list[str | None], decided: str | None) -> str | None:
    """What the experts agree on, or what was decided; None where neither is there."""
    given = {each for each in said if each is not None}
    return decided if len(given) > 1 else next(iter(given), None)


def _example(key: tuple[str, str], cells: Mapping[int, str], name: str, label: str) -> Example:
    talk = cells[_TALK]
    for theirs, ours in _SPEAKERS.items():
        talk = talk.replace(theirs, ours)
    talk = "\n\n".join(line.strip() for line in talk.splitlines() if line.strip())
    told = {"case": cells[_CASE], "diagnosis": cells[_DIAGNOSIS]}
    model, case = key[0], key[1].removesuffix(".json")
    return Example(
        id=f"{model}/{case}/{name}",
        messages=(Message("user", patient_question(_CRITERIA[name], told, talk)),),
        criteria=(),
        tags=(f"{PATIENT}{name}",),
        target={"label": label, "cluster": case},
    )


BENCHMARKS = (
    Benchmark(
        name="craft-md-experts",
        title="CRAFT-MD (experts on simulated patients)",
        family="labelling",
        summary="a grader's questions about simulated patients, answered by dermatologists",
        licence="MIT",
        citation="Johri et al. 2025, Nature Medicine 31:77",
        n_examples=540,
        read=_read,
        protocol=Protocol(
            "labelling",
            scoring=LabelScoring({each: (each,) for each in _ANSWERS}, by="patient"),
        ),
        url="https://github.com/rajpurkarlab/craft-md",
        brings="a folder with the three workbooks `validation_clinicalllm_…xlsx`",
        folder="craft-md/expert_annotations",
        labels={
            OVERALL: "Agreement with the experts",
            PARSED: "Answers that could be read",
            "macro_f1": "Macro F1",
            "patient": FIDELITY_LABELS["patient"],
            **{f"{PATIENT}{name}": FIDELITY_LABELS[f"{PATIENT}{name}"] for name in _ASKED},
            **{f"macro_f1:{name}": FIDELITY_LABELS[f"{PATIENT}{name}"] for name in _ASKED},
        },
        slices=(Slice("patient", _ASKED),),
        measures="How far a grader of simulated patients can be trusted, on three of the questions "
        "that it is asked of a patient.",
        faults=(
            "Two experts agree on these in .82, .80 and .93: no grader can be asked for more.",
            "Few patients use medical terms: a grader that always says no is right in nine of ten.",
        ),
        verified="The agreement of the two experts is recomputed on the talks that both read.",
    ),
)
