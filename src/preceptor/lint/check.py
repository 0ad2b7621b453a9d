"""Run of all rules on one file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark
from preceptor.benchmarks.datasheet import QUESTIONS, Answered, counted_answers, unanswered
from preceptor.errors import DataError, Faults, InputError
from preceptor.lint.answers import classes, contradictions, leaks
from preceptor.lint.licence import licence
from preceptor.lint.own import OwnShape
from preceptor.lint.personal import personal
from preceptor.lint.rows import Finding, Row, malformed, read_examples, with_ids
from preceptor.lint.rubrics import ADVICE, rubrics
from preceptor.lint.similar import duplicates
from preceptor.rows import SheetLine

__all__ = ["RULES", "Linted", "lint", "unread"]

#: Every rule, in the order of docs/lint.md.
RULES = (
    "malformed-row",
    "duplicate-id",
    "duplicate",
    "near-duplicate",
    "contradictory-label",
    "leaked-answer",
    "wrong-sign",
    "no-positive-points",
    "duplicate-criterion",
    "empty-criterion",
    "invalid-points",
    "empty-class",
    "unbalanced-class",
    "personal-data",
    "missing-licence",
    "unanswered-question",
)
#: Protocol → the rule that does not hold for it: many questions, and facts that stand in documents.
_USUAL = {"boolean": "many-criteria", "insights": "leaked-answer"}
_CHECKS = (duplicates, contradictions, leaks, rubrics, classes, personal)


class Linted(msgspec.Struct, frozen=True):
    """Findings in one file.

    Attributes
    ----------
    benchmark
        Benchmark that the rows were read as; ``choice``, ``rubric`` or ``label`` for a user's file.
    rows
        Number of rows, malformed ones included.
    findings
        Faults, sorted by rule, then by line.
    advice
        What might be better in a rubric, in the same order.
    datasheet
        How much of its data sheet is answered; None where it has none.
    """

    file: str
    benchmark: str
    rows: int
    findings: list[Finding]
    advice: list[Finding] = []
    datasheet: Answered | None = None


def unread(path: Path, error: InputError) -> Linted:
    """Faults of a user's own tables, which are read as a whole. Raises any other error again."""
    faults = error.faults if isinstance(error, Faults) else [error]
    known = [each for each in faults if isinstance(each, DataError)]
    if not all(isinstance(each.line, SheetLine) for each in known) or len(known) < len(faults):
        raise error
    found = [malformed(each) for each in known]
    return Linted(str(path), "tasks", len({(each.where, each.line) for each in known}), found)


def lint(path: Path, benchmark: Benchmark | OwnShape) -> Linted:
    """Check a file against every rule.

    Parameters
    ----------
    path
        A file, or a folder for benchmarks that are folders.
    benchmark
        Benchmark of the rows, or the shape of a user's own rows.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    known = None if isinstance(benchmark, OwnShape) else benchmark
    if isinstance(benchmark, OwnShape):
        read = list(with_ids(benchmark.read(path)))
    else:
        read = list(read_examples(benchmark, path))
    rows = [item for item in read if isinstance(item, Row)]
    found = [item for item in read if isinstance(item, Finding)]
    for check in _CHECKS:
        found += check(rows)
    found += licence(path, known)
    sheet = {} if known is None else known.datasheet
    found += [_unanswered(key) for key in unanswered(sheet)] if sheet else []
    usual = None if known is None else _USUAL.get(known.protocol.name)
    found = [finding for finding in found if finding.rule != usual]
    order = (*RULES, *ADVICE)
    found.sort(key=lambda finding: (order.index(finding.rule), finding.line or 0))
    advice = [finding for finding in found if finding.rule in ADVICE]
    found = [finding for finding in found if finding.rule in RULES]
    malformed = sum(finding.rule == "malformed-row" for finding in found)
    return Linted(
        str(path),
        benchmark.name,
        len(rows) + malformed,
        found,
        advice,
        counted_answers(sheet) if sheet else None,
    )


def _unanswered(key: str) -> Finding:
    problem = f"[datasheet] {key}: no answer to “{QUESTIONS[key].text}”"
    return Finding("unanswered-question", None, None, problem)
