"""MedCalc-Bench v1.0: what a clinical calculator would give for a patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import InputError
from preceptor.files import decode_json, id_text, read_rows
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.numeric import CALCULATION_LABELS, CalculationScoring
from preceptor.records import Example, Message, Slice
from preceptor.scoring.abstention import ABSTAINED
from preceptor.scoring.dates import read_date, read_weeks

__all__ = ["BENCHMARKS"]

_FORM = (
    "The result is a number without its unit, a date as month/day/year, or weeks and days as "
    '"W weeks, D days". Give it as JSON: {"answer": <result>}'
)
_DIRECT = f"Reply with the result alone, without explanation. {_FORM}"
_REASONED = (
    "Work it out step by step: the formula or the rule, the values that the note has for it, the "
    f"arithmetic. {_FORM} on the last line."
)
_OUTPUT_TYPES = ("decimal", "integer", "date")
_CORRECTED = ("corrected_labels_v1_887.csv", "medcalc_v1_corrected.csv")
_EXEMPLARS = ("one_shot_exemplars.json", "one_shot_finalized_explanation.json")


def _kind(row: Fields) -> str:
    kind = row.one_of("Output Type", _OUTPUT_TYPES)
    weeks = kind == "integer" and read_weeks(row.text("Ground Truth Answer")) is not None
    return "weeks" if weeks else kind


def _label(row: Fields, kind: str) -> dict[str, Any]:
    """The three columns of a label; a corrected one has weeks and days as days."""
    text = row.text("Ground Truth Answer")
    if kind == "date":
        day = read_date(text)
        if day is None:
            raise row.fault("Ground Truth Answer", "a date", text)
        return {"answer": day}
    if kind == "weeks":
        time = read_weeks(text)
        return {"answer": list(time or divmod(int(row.number("Ground Truth Answer")), 7))}
    limits = {name: row.number(f"{name.title()} Limit") for name in ("lower", "upper")}
    return {"answer": row.number("Ground Truth Answer"), **limits}


def _question(note: str, question: str) -> Message:
    return Message("user", f"Patient note:\n\n{note}\n\nQuestion: {question}")


def _read(path: Path, one_shot: bool = False) -> Iterator[Example]:
    found = {file.name: file for file in (sorted(path.rglob("*")) if path.is_dir() else [path])}
    tables = [file for name, file in found.items() if name.startswith("test_data")]
    table = path if path.is_file() else next(iter(tables), None)
    if table is None:
        raise InputError(f"{path}: expected test_data….csv in this folder, found none")
    corrected = {
        _number(row): Fields(row, str(found[name]), line)
        for name in _CORRECTED
        if name in found
        for line, row in read_rows(found[name])
    }
    exemplars = next((found[name] for name in _EXEMPLARS if name in found), None)
    if one_shot and exemplars is None:
        raise InputError(f"{path}: expected a folder with {_EXEMPLARS[0]}, found none")
    shown = Fields(decode_json(exemplars), str(exemplars), 1) if one_shot and exemplars else None
    for line, row in read_rows(table):
        fields = Fields(row, str(table), line)
        yield _example(fields, corrected.get(_number(row)), shown)


def _number(row: Mapping[str, object]) -> str | None:
    """What a row and its correction have in common."""
    return id_text(row.get("Row Number", row.get("Unique ID")))


def _example(row: Fields, corrected: Fields | None, shown: Fields | None) -> Example:
    kind, question = _kind(row), row.text("Question")
    target = {"kind": kind, **_label(row, kind)}
    if corrected is not None:
        none = corrected.text("Ground Truth Answer") == ABSTAINED
        target["corrected"] = ABSTAINED if none else _label(corrected, kind)
    before: tuple[Message, ...] = ()
    if shown is not None:
        case = shown.nested(row.text("Calculator ID"))
        said = case.nested("Response")
        result = msgspec.json.encode({"answer": said.need("answer", "a result")}).decode()
        reply = f"{said.text('step_by_step_thinking')}\n{result}"
        before = (_question(case.text("Patient Note"), question), Message("assistant", reply))
    return Example(
        id=row.text("Row Number"),
        messages=(*before, _question(row.text("Patient Note"), question)),
        criteria=(),
        tags=(f"category:{row.text('Category')}",),
        target=target,
    )


def _read_one_shot(path: Path) -> Iterator[Example]:
    return _read(path, one_shot=True)


_HOME = "ncbi-nlp/MedCalc-Bench"
_CASES = Source(
    _HOME,
    # The last revision with v1.0; what followed under this name are other versions.
    "fdb7eb8112bc76d1c7a120b0b8b62ed547cb4458",
    "dataset/test_data.csv",
    "c2d23097f8bdb7ae4a77dbf4a5a767335df7303998d7c7664a73a29fd8e2b31a",
    host="github",
)
_LABELS = Source(
    "junzeye/validate-medcalc-labels",
    "b6f0416858f0b1cbb6dcb2ff93214275d0276c49",
    f"data/{_CORRECTED[1]}",
    "f6db9ab8b7bba365f7a0c30127aea0284446fe0269e8f72a7f34e8c52506ce97",
    host="github",
    extra=True,
)
_EXAMPLES = Source(
    _HOME,
    "20b10f9d66a8c3b0356ae3138533f5ec91666b6a",
    f"evaluation/{_EXEMPLARS[1]}",
    "9ae0909b2b056ad0b846250c078835b036ef17430256374271e22cc2bc20dfbc",
    host="github",
)


def _benchmark(
    suffix: str, way: str, instructions: str, read: Callable[[Path], Iterator[Example]] = _read
) -> Benchmark:
    return Benchmark(
        slices=(Slice("category"),),
        name=f"medcalc-bench{suffix}",
        title=f"MedCalc-Bench ({way})",
        family="numbers",
        summary=f"clinical calculations from a patient note, {way}",
        licence="CC BY-SA 4.0 (corrected labels: MIT)",
        citation="Khandekar et al. 2024, arXiv:2406.12036",
        n_examples=1047,
        protocol=Protocol(
            "calculation", asking=Asking(instructions, "every"), scoring=CalculationScoring()
        ),
        read=read,
        source=(_CASES, _LABELS, _EXAMPLES) if read is _read_one_shot else (_CASES, _LABELS),
        url=f"https://github.com/{_HOME}",
        folder="medcalc_bench",
        labels=CALCULATION_LABELS,
        measures="Whether a model finds the values for a clinical calculator in a note, knows its "
        "formula or rule, and computes the result.",
        faults=(
            "Of 887 labels that were checked again with physicians, 69 have no answer and others "
            "have another one: the corrected labels are scored beside the original ones.",
            "A circulating checker joins the two limits with 'or' and so passes every number that "
            "is not far below zero; here both must hold.",
        ),
        verified="The published verdicts of three stored prediction files, 990 of them, come out "
        "exactly.",
    )


BENCHMARKS = (
    _benchmark("", "chain of thought", _REASONED),
    _benchmark("-direct", "direct answer", _DIRECT),
    _benchmark("-one-shot", "one worked example", _REASONED, _read_one_shot),
)
