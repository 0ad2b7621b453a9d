"""``preceptor lint``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cli.options import Json
from preceptor.cli.output import note, print_json, show
from preceptor.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from preceptor.lint.check import Linted
    from preceptor.lint.rows import Finding

__all__ = ["lint"]

#: Most faults of one rule in the table; --json has all.
_SHOWN = 20
#: Most tasks of one rule in the table of advice.
_PLACES = 3


def lint(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A benchmark's rows, a workbook of tasks, or a folder."
        ),
    ],
    benchmark: Annotated[
        str | None,
        typer.Option(
            "--benchmark",
            metavar="NAME",
            help="The benchmark whose rows the file has. Default: the one that most of the first "
            "rows fit, else by its columns.",
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Find faults of a benchmark's file: duplicates, contradictions, leaks, personal data."""
    from preceptor import benchmarks
    from preceptor.benchmarks import Benchmark
    from preceptor.benchmarks.folder import holds_benchmark, read_benchmark
    from preceptor.lint.check import lint as look
    from preceptor.lint.check import unread
    from preceptor.lint.own import OwnShape, shape_of

    chosen: Benchmark | OwnShape
    if benchmark is None and holds_benchmark(file):
        try:
            file, chosen = (found := read_benchmark(file)).path(), found
        except InputError as error:
            return _print(file, unread(file, error), as_json)
        for line in () if as_json else found.reading:
            note(line)
    else:
        chosen = benchmarks.get(benchmark) if benchmark else shape_of(file)
    own = isinstance(chosen, OwnShape)
    if not as_json:
        whose = "rows of your own, with" if own else "those of"
        why = ": no benchmark has such rows (--benchmark NAME overrides this)" if own else ""
        note(f"{file}: read as {whose} {chosen.name}{why}")
    return _print(file, look(file, chosen), as_json)


def _print(file: Path, linted: Linted, as_json: bool) -> int:
    """Print the findings; returns the exit code."""
    from rich.table import Table

    from preceptor.lint.check import RULES

    if as_json:
        print_json(linted)
        return 1 if linted.findings else 0
    counts = Counter(finding.rule for finding in linted.findings)
    if linted.findings:
        table = Table("rule", "line", "id", "problem")
        for rule in RULES:
            for finding in [each for each in linted.findings if each.rule == rule][:_SHOWN]:
                line = "" if finding.line is None else str(finding.line)
                table.add_row(rule, line, finding.id or "", finding.problem)
            if counts[rule] > _SHOWN:
                table.add_row(rule, "", "", f"… and {counts[rule] - _SHOWN:,} more (--json)")
        show(table)
    if linted.advice:
        show(_advice(linted.advice))
    said = ", ".join(f"{count:,} {rule}" for rule, count in counts.items()) or "no faults"
    rows = "1 row" if linted.rows == 1 else f"{linted.rows:,} rows"
    more = f"; advice on rubrics: {len(linted.advice):,}" if linted.advice else ""
    note(f"{file}: {rows}: {said}{more}")
    if linted.datasheet is not None:
        note(f"data sheet: {linted.datasheet.sentence()}")
    return 1 if linted.findings else 0


def _advice(findings: Sequence[Finding]) -> Table:
    """A line for each rule: how often, in how many rows, and the first places."""
    from rich.table import Table

    places: dict[str, dict[int, list[str]]] = {}
    for each in findings:
        found = places.setdefault(each.rule, {}).setdefault(each.line or 0, [])
        found += [] if each.criterion is None else [str(each.criterion)]
    table = Table("advice", "times", "rows", "first lines: criteria")
    for rule, lines in places.items():
        first = [
            f"{line}: {', '.join(dict.fromkeys(numbers))}" if numbers else str(line)
            for line, numbers in list(lines.items())[:_PLACES]
        ]
        first += ["…"] if len(lines) > _PLACES else []
        times = sum(each.rule == rule for each in findings)
        table.add_row(rule, f"{times:,}", f"{len(lines):,}", "; ".join(first))
    return table
