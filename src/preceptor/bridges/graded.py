"""``preceptor import graded``: answers with verdicts made elsewhere, one answer a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.healthbench import parse
from preceptor.bridges.imported import (
    Answer,
    ImportedRun,
    imported_response,
    imported_verdict,
    text_of,
)
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows
from preceptor.records import Example, Response, Verdict
from preceptor.store.rows import storable

__all__ = ["read_graded"]

_IDS = ("prompt_id", "id", "example_id")
_TEXTS = ("response", "completion", "answer")


class _Seen(msgspec.Struct):
    """An example that a run has met before: its answers are repeats."""

    example: Example
    line: int
    count: int = 0


_Judgement = tuple[bool | None, str, str | None]


def read_graded(
    path: Path,
    benchmark: Benchmark,
    data: Path | None = None,
    *,
    system: str | None = None,
    grader: str | None = None,
) -> list[ImportedRun]:
    """The runs of a file: one for each value of its ``run`` field, else one named after the file.

    A row has the example's id (``prompt_id``), the ``response``, and the verdicts in the order of
    the rubric: ``criteria_met`` (true, false, null) with ``explanations`` beside it, or a list
    ``verdicts`` of ``{"criteria_met": …, "explanation": …}``. The example comes from the
    benchmark's data, or from the row itself where it has ``prompt`` and ``rubrics``.

    Raises
    ------
    DataError
        With the line and field.
    """
    known: dict[str, Example] | None = None
    runs: dict[str, ImportedRun] = {}
    seen: dict[tuple[str, str], _Seen] = {}
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
    for number, row in read_rows(path):
        fields = Fields(row, str(path), number)
        if "prompt" in row and "rubrics" in row and data is None:
            example = parse(fields)
        else:
            if known is None:
                known = {example.id: example for example in benchmark.load(data).examples}
            example = _example(fields, known, benchmark, data)
        name = fields.optional_text("run") or stem
        run = runs.get(name)
        if run is None:
            run = runs[name] = _run(name, benchmark, fields, system, grader)
        before = seen.setdefault((name, example.id), _Seen(example, number))
        if before.example != example:
            problem = f"{shorten(example.id)} has another content here than on line {before.line}"
            raise DataError(str(path), number, "prompt_id", problem)
        run.answers.append(_answer(fields, name, example, before.count))
        before.count += 1
    if not runs:
        raise InputError(f"{path}: expected answers with verdicts, found an empty file")
    return list(runs.values())


def _run(
    name: str, benchmark: Benchmark, fields: Fields, system: str | None, grader: str | None
) -> ImportedRun:
    model = system or fields.optional_text("model") or "unnamed system"
    condition = fields.optional_text("condition")
    if condition and not system and condition != "baseline":
        model = f"{model} [{condition}]"
    settings: dict[str, Any] = {"condition": condition} if condition else {}
    if departures := fields.texts("departures"):
        settings["departures"] = list(departures)
    return ImportedRun(
        name=name,
        benchmark=benchmark.name,
        system=model,
        grader=grader or fields.optional_text("grader") or "not stated",
        answers=[],
        settings=settings,
    )


def _first(row: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in row), None)


def _example(
    fields: Fields, known: dict[str, Example], benchmark: Benchmark, data: Path | None
) -> Example:
    field = _first(dict(fields.row), _IDS) or _IDS[0]
    example_id = fields.text(field)
    if example_id not in known:
        where = data or benchmark.path()
        problem = f"{shorten(example_id)} is not among the {len(known):,} examples of {where}"
        raise DataError(fields.where, fields.line, field, problem)
    return known[example_id]


def _answer(fields: Fields, run: str, example: Example, nth: int) -> Answer:
    field = _first(dict(fields.row), _TEXTS) or _TEXTS[0]
    text = text_of(fields.need(field, "an answer"), fields, field)
    failure = fields.optional_text("failure")
    response = imported_response(run, example, nth, text, failure)
    end = fields.optional_text("finish_reason")
    if end and text is not None:
        response = msgspec.structs.replace(response, finish_reason=storable(end))
    judgements = list(_judgements(fields))
    if len(judgements) != len(example.criteria):
        expected = f"{len(example.criteria)} verdicts, one for each criterion"
        raise fields.fault("criteria_met", expected, len(judgements))
    return Answer(example, response, _verdicts(response, judgements))


def _verdicts(response: Response, judgements: list[_Judgement]) -> tuple[Verdict, ...]:
    if response.failure is not None:
        return ()
    return tuple(
        imported_verdict(response, index, met, explanation, reason)
        for index, (met, explanation, reason) in enumerate(judgements)
    )


def _judgements(fields: Fields) -> Iterator[_Judgement]:
    if "verdicts" in fields.row:
        for item in fields.items("verdicts"):
            yield _met(item, "criteria_met"), item.optional_text("explanation") or "", None
        return
    verdicts = fields.need("criteria_met", "a list of true, false or null")
    if not isinstance(verdicts, list):
        raise fields.fault("criteria_met", "a list of true, false or null", verdicts)
    explanations = _beside(fields, "explanations", len(verdicts))
    reasons = _beside(fields, "reasons", len(verdicts))
    for index, met in enumerate(verdicts):
        if met is not None and not isinstance(met, bool):
            raise fields.fault(f"criteria_met[{index}]", "true, false or null", met)
        yield met, explanations[index] or "", reasons[index]


def _met(item: Fields, field: str) -> bool | None:
    met = item.need(field, "true, false or null")
    if met is not None and not isinstance(met, bool):
        raise item.fault(field, "true, false or null", met)
    return met


def _beside(fields: Fields, field: str, length: int) -> list[str | None]:
    values = fields.row.get(field)
    if values is None:
        return [None] * length
    if not isinstance(values, list) or len(values) != length:
        raise fields.fault(field, f"a list of {length}, like criteria_met", values)
    for value in values:
        if value is not None and not isinstance(value, str):
            raise fields.fault(field, "a list of texts", value)
    return values
