"""The rows of predictions as a file, with the columns that they are imported by."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.bridges.outcome_columns import FORMULA
from preceptor.errors import InputError
from preceptor.installation import MissingExtra
from preceptor.records import Result, examples_of
from preceptor.reports.files import whole_file
from preceptor.scoring.predicted.table import blocks_of

__all__ = ["export_rows"]


def export_rows(results: Sequence[Result], path: Path, format: str) -> Path:
    """Write one row a prediction as ``csv``, ``jsonl`` or ``parquet``; it can be imported again.

    In csv a text that a spreadsheet would run has a ``'`` before it, which the import takes off.
    """
    if format not in ("csv", "jsonl", "parquet"):
        raise InputError(f"{path}: predictions are written as csv, jsonl or parquet, not {format}")
    rows = [row for result in results for row in _rows(result)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    if format == "parquet":
        return _parquet(rows, names, path)
    with whole_file(path) as stream:
        if format == "jsonl":
            stream.writelines(msgspec.json.encode(row) + b"\n" for row in rows)
            return path
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(names)
        writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
        stream.write(text.getvalue().encode())
    return path


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _rows(result: Result) -> Iterator[dict[str, Any]]:
    known = result.info.settings.columns or {}
    blocks, said = blocks_of(list(result.scores), list(examples_of(result.graded).values()))
    for block, predicted in zip(blocks, said, strict=True):
        columns: dict[str, Sequence[Any]] = {
            "id": block.id,
            **({"group_id": block.unit} if block.unit != block.id else {}),
            **({"time_index": block.at} if block.at else {}),
            **block.within,
            **block.outcome,
            **predicted,
            **block.numbers,
            **block.groups,
        }
        for values in zip(*columns.values(), strict=True):
            row = dict(zip(columns, values, strict=True))
            yield {
                "model": result.info.name,
                **{k: v for k, v in known.items() if k != "model"},
                **row,
            }


def _parquet(rows: Sequence[dict[str, Any]], names: Sequence[str], path: Path) -> Path:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra(f"{path}: writing parquet needs pyarrow", "parquet") from None
    table = pyarrow.table({name: [row.get(name) for row in rows] for name in names})
    with whole_file(path) as stream:
        pyarrow.parquet.write_table(table, stream)
    return path
