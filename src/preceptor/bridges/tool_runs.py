"""What a tool's files hold: runs, answers, verdicts and the tool's own scores.

A tool's reader fills these; :mod:`preceptor.bridges.resolve` finds the questions and makes runs.
"""

from __future__ import annotations

import functools
import math
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import Benchmark
from preceptor.bridges.answer_files import answer_rows
from preceptor.bridges.outcome_columns import OutcomeColumns
from preceptor.errors import InputError, PreceptorError, shorten
from preceptor.files import decode_json
from preceptor.records import (
    NO_GRADER,
    Completion,
    Example,
    Response,
    RunSettings,
    ToolScore,
    Verdict,
    as_answer,
)
from preceptor.systems.base import without_text
from preceptor.systems.content import Tally

__all__ = [
    "Asked",
    "Start",
    "ToolAnswer",
    "ToolRun",
    "Unread",
    "finite",
    "mapping",
    "mappings",
    "response_of",
]

#: Number of fields and kinds of rows that are named.
_MOST_NAMED = 12


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the user says of the files: the options of ``preceptor import``.

    ``metric``, ``metadata`` and ``groups`` are of scores of cases: which metric is the score of a
    case, the table of what is known of the cases, and its columns that are groups. ``outcomes`` is
    for files of predictions that have their outcomes.
    """

    benchmark: str | None = None
    data: Path | None = None
    system: str | None = None
    grader: str | None = None
    id: str | None = None
    answer: Sequence[str] = ()
    by: Sequence[str] | None = None
    metric: str | None = None
    metadata: Path | None = None
    groups: Sequence[str] | None = None
    outcomes: OutcomeColumns = OutcomeColumns()

    def ours(self, file: Path, named: str | None = None) -> Benchmark:
        """The benchmark that the user names, else the one that the file does.

        Raises
        ------
        InputError
            Neither names one.
        """
        if self.benchmark is None and named is None:
            raise InputError(f"{file}: does not name the benchmark: name it with --benchmark NAME")
        return benchmarks.get(self.benchmark or named or "")


class Start:
    """The beginning of a file, by which its tool is recognised; unreadable parts are empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @functools.cached_property
    def members(self) -> frozenset[str]:
        """Names in a zip archive."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                return frozenset(archive.namelist())
        except (OSError, zipfile.BadZipFile, ValueError):
            return frozenset()

    @functools.cached_property
    def object(self) -> Mapping[str, Any]:
        """The object that a ``.json`` file holds."""
        if self.path.suffix.lower() != ".json":
            return {}
        try:
            content = decode_json(self.path)
        except (OSError, PreceptorError):
            return {}
        return content if isinstance(content, dict) else {}

    @functools.cached_property
    def row(self) -> dict[str, Any]:
        """The first row of a table, of JSON lines or of a JSON list."""
        try:
            return next((row for _, row in answer_rows(self.path)), {})
        except PreceptorError:
            return {}


class Unread:
    """What of a tool's files was not understood."""

    def __init__(self) -> None:
        self._rows: dict[str, list[str]] = {}
        self._fields: dict[str, None] = {}

    def row(self, place: str | int, why: str) -> None:
        """Count a row that is left out; ``place`` is its line, or words."""
        self._rows.setdefault(why, []).append(f"line {place}" if isinstance(place, int) else place)

    def fields(self, names: Iterable[str]) -> None:
        self._fields |= dict.fromkeys(names)

    def in_words(self) -> list[str]:
        """One line, or none."""
        said = [
            f"{len(places):,} {'row' if len(places) == 1 else 'rows'} ({why}; first {places[0]})"
            for why, places in list(self._rows.items())[:_MOST_NAMED]
        ]
        if names := [shorten(name, 40).strip("'") for name in self._fields]:
            more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
            said.append(f"the fields {', '.join(names[:_MOST_NAMED])}{more}")
        return [f"Not understood: {'; '.join(said)}."] if said else []


def finite(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def mapping(value: object) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, Any]]:
    """The JSON objects in a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def response_of(completion: Completion) -> Response:
    """The answer in a reply, or why it has none; without a key."""
    response = as_answer(
        Response(
            "",
            text=completion.whole,
            finish_reason=completion.finish_reason,
            usage=completion.usage,
            latency_s=completion.latency_s,
            cost_usd=completion.cost_usd,
            reasoning_length=completion.reasoning_length,
            served_model=completion.served_model,
        )
    )
    kind = without_text(completion)
    if response.failure is not None or kind is None:
        return response
    detail = f"a reply without a text ({completion.finish_reason})"
    return msgspec.structs.replace(response, failure=kind, detail=detail)


class ToolAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a tool's file.

    Attributes
    ----------
    id
        The question's id in the file.
    response
        The answer or its failure; its key is set later.
    line
        Where it stands in the file, for messages.
    verdicts
        Those that the file has, without keys; empty if nothing was judged.
    criteria
        The texts that the verdicts are on; None if they are in the rubric's order.
    texts
        Readings of the answer, the first good one counts; empty for ``response.text`` alone.
    fallback
        Whether they are not from the first column of the answer.
    repeats
        The answer's items, if it is a list of texts: each is a repeat, unless the question wants a
        list. One that is None failed.
    question, options, right
        The question's text, its options in the file's order, and the right one, as the file has
        them.
    about, hints
        Words that are, or may be, parts of the question's id.
    example
        The question itself, if the file has it in full.
    """

    id: str
    response: Response
    line: int = 0
    verdicts: tuple[Verdict, ...] = ()
    criteria: tuple[str, ...] | None = None
    texts: tuple[str, ...] = ()
    fallback: bool = False
    repeats: tuple[str | None, ...] = ()
    question: str = ""
    options: dict[str, str] | None = None
    right: str | None = None
    about: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    example: Example | None = None


class ToolRun(msgspec.Struct, kw_only=True):
    """One run of a tool's files.

    Attributes
    ----------
    tool
        Name and version, as shown.
    benchmark
        Its name in the tool, if that is one of ours; or the file's own tasks as a benchmark.
    scores
        The tool's own, printed beside ours.
    columns
        Of a table: the columns of the answer.
    tally, notes
        Sentences for the run's score; ``row_words`` are what the tally counts, and one of it.
    remarks
        Lines that are printed at the import only.
    """

    name: str
    tool: str
    path: Path
    system: str
    answers: list[ToolAnswer]
    benchmark: str | Benchmark | None = None
    grader: str = NO_GRADER
    scores: list[ToolScore] = []
    columns: tuple[str, ...] = ()
    tally: Tally = msgspec.field(default_factory=Tally)
    row_words: tuple[str, str] = ("rows", "line")
    notes: list[str] = []
    remarks: list[str] = []
    settings: RunSettings = msgspec.field(default_factory=RunSettings)
    unread: Unread = msgspec.field(default_factory=Unread)
