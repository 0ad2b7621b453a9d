"""``preceptor import cases``: scores that were measured case by case, as tables.

A table has a column for each structure and a row for each case (one file for an algorithm, or for
an algorithm and a metric), or is long: ``case, algorithm, structure, metric, value``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from preceptor.benchmarks.manifest import Manifest, Own
from preceptor.bridges.case_groups import CaseGroups, case_groups
from preceptor.bridges.case_tables import (
    CaseTable,
    is_long,
    is_wide,
    read_long,
    read_wide,
    stem_of,
    table_names,
)
from preceptor.bridges.imported import Answer, ImportedRun, Incoming, imported_response
from preceptor.bridges.tool_runs import Asked, Start
from preceptor.errors import InputError, shorten
from preceptor.records import NO_GRADER, RunSettings, Slice
from preceptor.scoring.case_examples import CASES, case_example, case_labels
from preceptor.scoring.case_metrics import case_metric, primary_of
from preceptor.wording import plural

__all__ = ["is_mine", "read"]

_IMPORTED = "Imported: measured elsewhere."


def is_mine(start: Start) -> bool:
    """Whether a file's columns are those of scores of cases."""
    if is_long(list(start.row)):
        return True
    from preceptor.bridges import predictions

    return is_wide(start.row, start.path) and not predictions.is_mine(start)


def read(files: Sequence[Path], asked: Asked) -> Iterator[Incoming]:
    """Yield a run for each algorithm of the files, all of one benchmark."""
    tables, benchmark = _tables(files, asked)
    metrics = list(dict.fromkeys(metric for table in tables.values() for metric in table.values))
    primary = _primary(metrics, asked.metric, files[0])
    groups = case_groups(asked.metadata, asked.groups, _cases(tables))
    structures = _structures(tables, primary)
    gaps = _gaps(tables, primary)
    about = _About(benchmark, primary, metrics, groups)
    for algorithm, table in tables.items():
        made = _run(about, algorithm, table, structures)
        made.settings.notes += gaps.get(algorithm, [])
        yield Incoming.of(made, table.path)


class _About(msgspec.Struct, frozen=True):
    """What all runs share."""

    benchmark: str
    primary: str
    metrics: list[str]
    groups: CaseGroups


def _tables(files: Sequence[Path], asked: Asked) -> tuple[dict[str, CaseTable], str]:
    """Algorithm → its scores, and the name of the benchmark."""
    tables: dict[str, CaseTable] = {}
    folders: dict[str, None] = {}
    for file in files:
        long = is_long(list(Start(file).row))
        folder, algorithm, metric = table_names(file)
        folders[stem_of(file) if long else folder] = None
        if long:
            found = read_long(file, asked.system or stem_of(file))
        else:
            name = asked.system or algorithm
            found = {name: read_wide(file, metric or asked.metric or "score", asked.id)}
        for name, table in found.items():
            if name in tables:
                tables[name].add(table)
            else:
                tables[name] = table
    return tables, asked.benchmark or next(iter(folders))


def _primary(metrics: list[str], asked: str | None, file: Path) -> str:
    if asked is not None and (asked not in metrics or not case_metric(asked).is_score):
        usable = [metric for metric in metrics if case_metric(metric).is_score]
        raise InputError(
            f"--metric {shorten(asked)}: expected one from 0 to 1 that the files have "
            f"({', '.join(usable) or 'none'})"
        )
    found = asked or primary_of(metrics)
    if found is None:
        raise InputError(
            f"{file}: expected a metric from 0 to 1 to rank by, such as dice, found only "
            f"{', '.join(metrics)}: import the file with one beside them"
        )
    return found


def _cases(tables: dict[str, CaseTable]) -> dict[str, None]:
    return {case: None for table in tables.values() for case in table.lines}


def _structures(tables: dict[str, CaseTable], primary: str) -> list[str]:
    """The structures that a score is a mean over; all algorithms must have the same."""
    found = {name: table.structures(primary) for name, table in tables.items()}
    first, expected = next(iter(found.items()))
    for name, structures in found.items():
        if sorted(structures) != sorted(expected):
            other = sorted({*structures} ^ {*expected})
            raise InputError(
                f"{tables[name].path}: {shorten(name)}: expected the structures of "
                f"{shorten(first)} in {primary}, found others ({', '.join(other[:5])}): their "
                "means would not be of the same"
            )
    return sorted(expected)


def _gaps(tables: dict[str, CaseTable], primary: str) -> dict[str, list[str]]:
    """Algorithm → a note where cells are empty that another algorithm has filled."""
    filled = {cell for table in tables.values() for cell in table.cells(primary)}
    notes = {}
    for name, table in tables.items():
        mine = {*table.cells(primary)}
        missing = sum(cell not in mine and cell[0] in table.lines for cell in filled)
        if missing:
            notes[name] = [
                f"{plural(missing, 'cell')} of {name} are empty where another algorithm has a "
                "value: a structure that is there and was missed has Dice 0, not an empty cell."
            ]
    return notes


def _run(about: _About, algorithm: str, table: CaseTable, structures: Sequence[str]) -> ImportedRun:
    benchmark, primary, metrics = about.benchmark, about.primary, about.metrics
    groups = about.groups
    name = f"{_named(benchmark)}/{_named(algorithm)}"
    answers = []
    for case in table.lines:
        example = case_example(
            case, primary, structures, groups.of(case), groups.patients.get(case)
        )
        said = msgspec.json.encode(table.of_case(case)).decode()
        answers.append(Answer(example, imported_response(name, example.key, 0, said), ()))
    slices = [Slice(each, compared=each == primary) for each in metrics]
    return ImportedRun(
        name=name,
        benchmark=benchmark,
        system=algorithm,
        grader=NO_GRADER,
        answers=answers,
        settings=RunSettings(
            notes=[_IMPORTED, *table.notes(primary), *groups.notes(table.lines)], departures=[]
        ),
        manifest=Manifest(
            name=benchmark,
            title=benchmark,
            summary="scores of cases",
            labels=case_labels(metrics, primary, groups.kinds),
            slices=(*slices, *(Slice(kind, compared=False) for kind in groups.kinds)),
            examples=len(table.lines),
            protocol=Own(protocol=CASES),
        ),
        remarks=[f"the score of a case is its {primary}; other metrics stand beside it"]
        if len(metrics) > 1
        else [],
    )


def _named(text: str) -> str:
    """As part of a run's name, where commas, = and * have a meaning."""
    return re.sub(r"[^\w.+-]+", "_", text) or "-"
