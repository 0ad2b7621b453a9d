"""A run's answers and verdicts as files for other tools."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from preceptor.errors import InputError, Unavailable, shorten
from preceptor.records import Criterion, Graded, Result, Score, Verdict
from preceptor.reports.files import whole_file
from preceptor.scoring import OVERALL
from preceptor.scoring.answers import PARSED

__all__ = ["FORMATS", "export"]

#: Of answers and verdicts; ``croissant`` is metadata of the benchmark.
FORMATS = ("jsonl", "csv", "parquet", "inspect", "croissant")

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")

_COLUMNS = {
    "run": "string",
    "benchmark": "string",
    "system": "string",
    "grader": "string",
    "example_id": "string",
    "repeat": "int64",
    "criterion": "int64",
    "criterion_text": "string",
    "points": "int64",
    "criterion_tags": "string",
    "example_tags": "string",
    "met": "bool",
    "reason": "string",
    "explanation": "string",
    "probability": "double",
    "response": "string",
    "failure": "string",
    "label": "string",
    "prediction": "string",
    "score": "double",
    "read": "bool",
}


def export(result: Result, path: Path, format: str | None = None) -> Path:
    """Write ``path``.

    ``jsonl`` has one answer a line with its verdicts, in the form that ``preceptor import graded``
    reads; ``csv`` and ``parquet`` have one row a verdict, and one an answer where nothing is
    judged.

    A spreadsheet that opens a csv file runs a cell as a formula if its text begins with ``=``,
    ``+``, ``-`` or ``@``, and the texts here were written by models and strangers. So in csv a
    text that begins with one of these, a tab, a carriage return or ``'`` has a ``'`` put before
    it: drop the first ``'`` of a cell to have the text back. ``jsonl`` and ``parquet`` hold the
    texts as they are.

    ``inspect`` (or a name that ends in ``.eval``) is a log of Inspect AI, which ``inspect view``
    shows and ``preceptor import inspect`` reads.

    ``croissant`` is the metadata of the benchmark that was run, for data catalogues: nothing of the
    answers.

    Raises
    ------
    InputError
        Unknown format, no benchmark of that name any more, or the place cannot be written.
    Unavailable
        Parquet without pyarrow, a log without inspect-ai.
    """
    chosen = format or path.suffix.lstrip(".").lower()
    chosen = "inspect" if chosen == "eval" else chosen
    if chosen not in FORMATS:
        found = (
            f"--format {shorten(format)}" if format else f"{path}: the format by the file's name"
        )
        raise InputError(f"{found}: expected one of {', '.join(FORMATS)}")
    if chosen == "parquet":
        return _parquet(result, path)
    if chosen == "inspect":
        return _inspect(result, path)
    if chosen == "croissant":
        return _croissant(result, path)
    with whole_file(path) as stream:
        if chosen == "jsonl":
            for item, score in zip(result.graded, result.scores, strict=True):
                stream.write(msgspec.json.encode(_answer(result, item, score)) + b"\n")
        else:
            text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="")
            writer = csv.DictWriter(text, _COLUMNS)
            writer.writeheader()
            for row in _verdicts(result):
                writer.writerow({name: _harmless(value) for name, value in row.items()})
            text.flush()
            text.detach()
    return path


def _croissant(result: Result, path: Path) -> Path:
    from preceptor.benchmarks import get
    from preceptor.reports.croissant import croissant

    made = croissant(get(result.info.benchmark))
    with whole_file(path) as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
    return path


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _answer(result: Result, item: Graded, score: Score) -> dict[str, Any]:
    info, response = result.info, item.response
    return {
        "run": info.name,
        "benchmark": info.benchmark,
        "model": info.system,
        "grader": info.grader,
        "prompt_id": item.example.id,
        "repeat": item.repeat,
        "prompt": item.example.messages,
        "example_tags": item.example.tags,
        "rubrics": [
            {"criterion": c.text, "points": c.points, "tags": c.tags} for c in item.example.criteria
        ],
        "response": response.text if response and response.failure is None else None,
        "failure": response.failure if response else None,
        "finish_reason": response.finish_reason if response and response.failure is None else None,
        "criteria_met": [None if v is None else v.met for v in item.verdicts],
        "explanations": [None if v is None else v.explanation for v in item.verdicts],
        "reasons": [None if v is None else v.reason for v in item.verdicts],
        "labels": [None if v is None else v.label for v in item.verdicts],
        "target": None if item.example.target is msgspec.UNSET else item.example.target,
        "prediction": score.prediction,
        "read": _read(score),
        "score": score.values.get(OVERALL),
        "departures": result.departures,
    }


_Pair = tuple[Criterion | None, Verdict | None]


def _verdicts(result: Result) -> Iterator[dict[str, Any]]:
    for item, score in zip(result.graded, result.scores, strict=True):
        pairs: list[_Pair] = list(zip(item.example.criteria, item.verdicts, strict=True))
        for index, pair in enumerate(pairs or [(None, None)]):
            yield _row(result, item, score, index if pairs else None, pair)


def _row(
    result: Result, item: Graded, score: Score, index: int | None, pair: _Pair
) -> dict[str, Any]:
    info, response = result.info, item.response
    criterion, verdict = pair
    prediction = score.prediction
    return {
        "run": info.name,
        "benchmark": info.benchmark,
        "system": info.system,
        "grader": info.grader,
        "example_id": item.example.id,
        "repeat": item.repeat,
        "criterion": index,
        "criterion_text": None if criterion is None else criterion.text,
        "points": None if criterion is None else criterion.points,
        "criterion_tags": None if criterion is None else " ".join(criterion.tags),
        "example_tags": " ".join(item.example.tags),
        "met": None if verdict is None else verdict.met,
        "reason": None if verdict is None else verdict.reason,
        "explanation": None if verdict is None else verdict.explanation,
        "probability": None if verdict is None else verdict.probability,
        "response": response.text if response and response.failure is None else None,
        "failure": response.failure if response else None,
        "label": None if verdict is None else verdict.label,
        "prediction": prediction
        if prediction is None or isinstance(prediction, str)
        else msgspec.json.encode(prediction).decode(),
        "score": score.values.get(OVERALL),
        "read": _read(score),
    }


def _read(score: Score) -> bool | None:
    """Whether something could be read out of the answer; None where a grader reads it."""
    parsed = score.values.get(PARSED)
    return None if parsed is None else bool(parsed)


def _parquet(result: Result, path: Path) -> Path:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise Unavailable("parquet needs pyarrow: pip install 'preceptor[parquet]'") from None
    types = {"string": pyarrow.string(), "int64": pyarrow.int64(), "bool": pyarrow.bool_()}
    schema = pyarrow.schema(
        [(name, types.get(kind, pyarrow.float64())) for name, kind in _COLUMNS.items()]
    )
    with whole_file(path) as stream, pyarrow.parquet.ParquetWriter(stream, schema) as writer:
        rows = list(_verdicts(result))
        writer.write_table(pyarrow.Table.from_pylist(rows, schema))
    return path


def _inspect(result: Result, path: Path) -> Path:
    from preceptor.bridges.inspect_export import log_bytes

    if path.suffix != ".eval":  # Inspect looks for its logs by this name
        raise InputError(f"{path}: expected a name that ends in .eval for a log of Inspect")
    content = log_bytes(result)
    with whole_file(path) as stream:
        stream.write(content)
    return path
