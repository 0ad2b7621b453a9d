"""MedVAL-Bench (Aali et al. 2025): do judges see the errors, and the risk, that physicians see?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.risk import RISK_LABELS, RISK_TOLD, RiskScoring
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS", "read_risks"]

#: What a column is called in the release, and in the program's own tables.
_SOURCE, _TEXT = ("input", "reference"), ("output", "candidate")
_RISK = ("physician_risk_grade", "risk")
_GRADE = re.compile(r"(?:level\s*)?([1-4])(?:\.0)?(?!\d)", re.IGNORECASE)
_TASKS = {
    "medication2answer": "Answers on medication",
    "query2question": "Questions in short",
    "report2impression": "Impressions of reports",
    "report2simplified": "Reports in plain words",
    "impression2simplified": "Impressions in plain words",
    "bhc2spanish": "Hospital courses in Spanish",
    "dialogue2note": "Notes of dialogues",
}


def _named(row: Fields, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in row), names[0])


def read_risks(path: Path) -> Iterator[Example]:
    """Rows with ``input``, ``output``, ``physician_risk_grade``: a file, or a folder's test.csv."""
    files = sorted(path.rglob("test.csv")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: expected test.csv in this folder, found none")
    for file in files:
        for line, given in read_rows(file):
            row = Fields(given, str(file), line)
            column = _named(row, _RISK)
            found = _GRADE.match(str(row.need(column, "a grade from 1 to 4")).strip())
            if found is None:
                raise row.fault(column, "a grade from 1 to 4, as 3 or Level 3", given[column])
            source, text = row.text(_named(row, _SOURCE)), row.text(_named(row, _TEXT))
            task = row.optional_text("task")
            yield Example(
                id=str(line),
                messages=(Message("user", f"Source:\n{source}\n\nText:\n{text}"),),
                criteria=(),
                tags=(f"task:{task}",) if task else (),
                target={"risk": int(found[1]), "cluster": source},
            )


BENCHMARKS = (
    Benchmark(
        name="medval",
        title="MedVAL-Bench",
        family="risk",
        summary="errors and risk of texts by models, as a judge and as physicians grade them",
        licence="MIT (code); the data by its page",
        citation="Aali et al. 2025, arXiv:2507.03152",
        n_examples=840,
        languages=("en", "es"),
        read=read_risks,
        protocol=Protocol("risk", asking=Asking(RISK_TOLD, "before"), scoring=RiskScoring()),
        url="https://github.com/StanfordMIMI/MedVAL",
        brings="`test.csv`",
        folder="medval",
        slices=(Slice("task"),),
        labels={**RISK_LABELS, "task": "Task", **{f"task:{k}": v for k, v in _TASKS.items()}},
        measures="Whether a judge grades the risk of a text as physicians do; the system is the "
        "judge.",
        faults=(
            "The words of the prompt are ours: figures are not those of the authors' validator.",
            "The published attacks are drawn by a hash of the text that differs in each process, "
            "so the training set cannot be made again.",
            "The physicians' errors are free text without kinds: of the kinds only what the judge "
            "names is counted.",
        ),
        verified="Metrics on made-up grades, against scikit-learn; the rows are not here.",
    ),
)
