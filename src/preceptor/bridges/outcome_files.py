"""Files of predictions with their outcomes → imported runs, each on a benchmark of its own rows."""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks.manifest import Manifest, Own
from preceptor.bridges.imported import (
    Answer,
    ImportedRun,
    Incoming,
    imported_response,
)
from preceptor.bridges.outcome_columns import (
    CROWDS,
    NAIVES,
    CellReader,
    OutcomeColumns,
    Roles,
    roles_of,
    text_of,
)
from preceptor.bridges.outcome_values import readers_of
from preceptor.cells import is_missing
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows
from preceptor.records import NO_GRADER, Example, Message, RunSettings
from preceptor.scoring.predicted.kinds import last_horizon
from preceptor.scoring.predicted.labels import group_name, labels_of, slices_of
from preceptor.scoring.predicted.notes import notes_of
from preceptor.scoring.predicted.table import NAIVE, Block, Predicted, Rows

__all__ = ["outcome_runs", "runs_of_rows"]

_BLOCK = 5000
#: A column with more values than this is no group unless it is named.
_MOST_GROUPS = 12
_IMPORTED = "Imported: predicted elsewhere."


class _Run:
    """Rows of one run, while the file is read."""

    def __init__(self, roles: Roles) -> None:
        self.id: list[str] = []
        self.unit: list[str] = []
        self.at: list[str] = []
        self.outcome: dict[str, list[Any]] = {name: [] for name in roles.outcome}
        self.said: dict[str, list[Any]] = {
            NAIVE if name in (*NAIVES, *CROWDS) else name: [] for name in roles.said
        }
        self.within: dict[str, list[str]] = {name: [] for name in roles.within}
        self.others: dict[str, list[str | None]] = {}
        self.numbers: dict[str, list[float | None]] = {}
        self.seen: dict[tuple[str, ...], int] = {}


def outcome_runs(
    path: Path,
    asked: OutcomeColumns,
    benchmark: str | None,
    system: str | None,
    made: str = _IMPORTED,
) -> Iterator[Incoming]:
    """Yield the runs of a file: one for each model, task, k, source and target.

    ``made`` says who predicted, in a sentence beside the score.

    Raises
    ------
    InputError, DataError
        What is wrong with the file: line, column, expected, found.
    """
    stem = path.name
    for ending in (".gz", ".csv", ".tsv", ".jsonl", ".json", ".parquet", ".xlsx"):
        stem = stem.removesuffix(ending)
    yield from runs_of_rows(read_rows(path), path, asked, benchmark, system, stem, made)


def runs_of_rows(  # noqa: PLR0917
    given: Iterable[tuple[int, Mapping[str, Any]]],
    path: Path,
    asked: OutcomeColumns,
    benchmark: str | None,
    system: str | None,
    stem: str,
    made: str = _IMPORTED,
) -> Iterator[Incoming]:
    """The same of rows with their lines; ``stem`` is what the names of runs begin with."""
    roles, runs = _read(given, path, asked)
    for values, run in runs.items():
        parts = [re.sub(r"[^\w.+-]+", "_", value) or "-" for value in values]
        name = "/".join([stem, *parts])
        by = dict(zip(roles.runs, values, strict=True))
        rows = _rows(run, roles, asked, path)
        task = [by[key] for key in ("task", "target") if key in by]
        about = benchmark or "/".join([stem, *task])
        who = by.get("model") or by.get("system") or system or stem
        how = ", ".join(f"{k} {v}" for k, v in by.items() if k in ("k", "source"))
        yield Incoming(
            name,
            path,
            _digest(rows, about),
            functools.partial(
                _run,
                rows,
                name=name,
                benchmark=about,
                system=f"{who} [{how}]" if how else who,
                by=by,
                made=made,
            ),
        )


def _read(
    given: Iterable[tuple[int, Mapping[str, Any]]], path: Path, asked: OutcomeColumns
) -> tuple[Roles, dict[tuple[str, ...], _Run]]:
    roles: Roles | None = None
    runs: dict[tuple[str, ...], _Run] = {}
    take: Callable[[_Run, Mapping[str, Any], int], None] | None = None
    left = 0
    for line, row in given:
        if roles is None or take is None:
            roles = roles_of(list(row), path, asked)
            take = _taking(path, roles, asked)
        if any(text_of(row.get(name)) != value for name, value in asked.where.items()):
            left += 1
            continue
        values = tuple(text_of(row.get(name)) for name in roles.runs)
        run = runs.get(values)
        if run is None:
            run = runs[values] = _Run(roles)
        take(run, row, line)
    if roles is None:
        raise InputError(f"{path}: expected rows of predictions, found an empty file")
    if not runs:
        said = ", ".join(f"{name}={value}" for name, value in asked.where.items())
        raise InputError(f"{path}: --where {said}: fits none of its {left:,} rows")
    return roles, runs


def _taking(
    path: Path, roles: Roles, asked: OutcomeColumns
) -> Callable[[_Run, Mapping[str, Any], int], None]:
    """What adds a row to its run, checked."""
    id, unit = CellReader(path, roles.id), CellReader(path, roles.unit)
    at = None if roles.at is None else CellReader(path, roles.at)
    within = {name: CellReader(path, name) for name in roles.within}
    values = readers_of(path, roles, asked)
    keyed = [name for name in roles.within if name != "fold"]
    groups = roles.others if asked.groups is None else tuple(asked.groups)
    groups = tuple(name for name in groups if name not in asked.quartiles)
    numbers = {name: CellReader(path, name) for name in asked.quartiles}

    def take(run: _Run, row: Mapping[str, Any], line: int) -> None:
        name = id.text(row, line)
        when = "" if at is None else at.text(row, line)
        coordinates = {key: reader.text(row, line) for key, reader in within.items()}
        key = (name, when, *(coordinates[each] for each in keyed))
        if key in run.seen:
            what = f"{shorten(name)}{f' at {when}' if when else ''} is already on line"
            raise DataError(str(path), line, roles.id, f"{what} {run.seen[key]:,}")
        run.seen[key] = line
        values(run.outcome, run.said, row, line)
        run.id.append(name)
        run.unit.append(name if roles.unit == roles.id else unit.text(row, line))
        if at is not None:
            run.at.append(when)
        for each, text in coordinates.items():
            run.within[each].append(text)
        for column, reader in numbers.items():
            number = reader.number(row, line)
            run.numbers.setdefault(column, []).append(None if math.isnan(number) else number)
        for column in groups:
            cell = row.get(column)
            known = run.others.setdefault(column, [])
            known.append(None if is_missing(cell) else text_of(cell))

    return take


def _rows(run: _Run, roles: Roles, asked: OutcomeColumns, path: Path) -> Rows:
    """The columns of a run; of those that are not named, the ones with few values are groups."""
    groups = {}
    for column, values in run.others.items():
        if asked.groups is not None or _is_group(values):
            groups[group_name(column)] = values
    run.seen = {}
    block = Block(
        roles.kind,
        run.id,
        run.unit,
        run.outcome,
        at=run.at,
        within=run.within,
        groups=groups,
        numbers={name.replace(":", "_"): values for name, values in run.numbers.items()},
        labels=roles.labels,
        rank=asked.rank,
    )
    return Rows(block, run.said)


def _is_group(values: Sequence[str | None]) -> bool:
    """Whether a column has few values, none of them a number with decimals."""
    known = {*values} - {None}
    return 2 <= len(known) <= _MOST_GROUPS and not any(
        re.fullmatch(r"-?\d*\.\d+(e-?\d+)?", str(value), re.IGNORECASE) for value in known
    )


def _digest(rows: Rows, benchmark: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(benchmark.encode())
    for part in rows.parts(_BLOCK):
        digest.update(msgspec.json.encode(part))
    return digest.hexdigest()


def _run(
    rows: Rows, *, name: str, benchmark: str, system: str, by: Mapping[str, str], made: str
) -> ImportedRun:
    answers = []
    for number, part in enumerate(rows.parts(_BLOCK)):
        count = len(part.block.id)
        example = Example(
            id=f"rows-{number + 1}",
            messages=(Message("user", f"{count:,} rows of {benchmark}, part {number + 1}"),),
            criteria=(),
            target=msgspec.to_builtins(part.block),
        )
        said = msgspec.json.encode(part.said).decode()
        answers.append(Answer(example, imported_response(name, example.key, 0, said), ()))
    table = Predicted([rows.block], [rows.said])
    _check_horizons(table, name)
    return ImportedRun(
        name=name,
        benchmark=benchmark,
        system=system,
        grader=NO_GRADER,
        answers=answers,
        settings=RunSettings(columns=dict(by), notes=[made, *notes_of(table)], departures=[]),
        manifest=Manifest(
            name=benchmark,
            title=benchmark,
            summary=f"predictions of a {rows.block.kind.replace('_', '–')} outcome",
            labels=labels_of(
                rows.block.kind,
                list(rows.block.groups),
                list(rows.block.numbers),
                probabilities=any(column.startswith("p:") for column in rows.said),
            ),
            slices=slices_of(list(rows.block.groups), list(rows.block.numbers)),
            examples=len(rows.block.id),
            protocol=Own(protocol="predictions"),
        ),
        remarks=_remarks(rows),
        rows=len(rows.block.id),
    )


def _check_horizons(table: Predicted, name: str) -> None:
    """Raises InputError for a horizon at which nobody is left: no weight for censoring is known."""
    if table.kind != "survival":
        return
    last = last_horizon(table)
    for column in table.said:
        if column.startswith("s@") and float(column[2:]) >= last:
            raise InputError(
                f"{name}: column {column}: expected a horizon below {last:g}, the last time at "
                "which someone is not censored"
            )


def _remarks(rows: Rows) -> list[str]:
    block = rows.block
    said = [f"{block.kind.replace('_', '–')}: {len(block.id):,} rows"]
    if block.groups:
        said.append(f"groups: {', '.join(block.groups)} (choose with --group)")
    if block.within:
        said.append(f"coordinates: {', '.join(block.within)}")
    return ["; ".join(said)]
