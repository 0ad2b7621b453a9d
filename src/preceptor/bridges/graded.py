"""``preceptor import graded``: answers with verdicts from elsewhere, one per line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.healthbench import parse
from preceptor.benchmarks.manifest import manifest_of
from preceptor.benchmarks.own_rows import criterion, message
from preceptor.bridges.imported import (
    GRADED_ELSEWHERE,
    Answer,
    ImportedRun,
    Incoming,
    VerdictsOf,
    answer_in,
    imported_response,
)
from preceptor.bridges.tool_runs import Asked, Start
from preceptor.cells import is_missing, listed
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows
from preceptor.graders.base import Case
from preceptor.records import Example, Graded, Message, Response, RunSettings
from preceptor.records.episodes import episode_in
from preceptor.store.rows import storable
from preceptor.systems.content import Tally

__all__ = ["is_mine", "read", "read_graded"]

_IDS = ("prompt_id", "id", "example_id")
_TEXTS = ("response", "completion", "answer")
#: Fields that an example is made of.
_OF_EXAMPLE = (
    *("prompt_id", "prompt", "rubrics", "example_tags", "target"),
    "ideal_completions_data",
)
_json = msgspec.json.Encoder(enc_hook=repr)


class _Seen(msgspec.Struct):
    """An example already seen in a run: further answers are repeats."""

    example: Example
    key: str
    line: int
    count: int = 0


class _Examples:
    """The examples of a file's rows; those that are written alike are one object."""

    def __init__(self, benchmark: Benchmark, data: Path | None) -> None:
        self._benchmark, self._data = benchmark, data
        self._loaded: dict[str, Example] | None = None
        self._parsed: dict[bytes, Example] = {}

    def of(self, fields: Fields) -> Example:
        benchmark, row = self._benchmark, fields.row
        if not ("prompt" in row and "rubrics" in row and self._data is None):
            if self._loaded is None:
                examples = benchmark.load(self._data).examples
                self._loaded = {example.id: example for example in examples}
            return _example(fields, self._loaded, benchmark, self._data)
        # As JSON, for to Python 1 is the same as true.
        written = _json.encode([row.get(name) for name in _OF_EXAMPLE])
        digest = hashlib.blake2b(written, digest_size=16).digest()
        if digest not in self._parsed:
            rubric = benchmark.protocol.name == "rubric"
            self._parsed[digest] = parse(fields) if rubric else _exported_example(fields, benchmark)
        return self._parsed[digest]


class _Judgement(msgspec.Struct, frozen=True):
    """The file's verdict on one criterion, and its field."""

    field: str
    met: bool | None
    label: str | None
    explanation: str
    reason: str | None


def read_graded(
    path: Path,
    benchmark: Benchmark,
    data: Path | None = None,
    *,
    system: str | None = None,
    grader: str | None = None,
) -> list[ImportedRun]:
    """Read the runs of a file: one per value of its ``run`` field, else one named after the file.

    A row has the example's id (``prompt_id``), the ``response``, and the verdicts in the order of
    the rubric: ``criteria_met`` (true, false, null) with optional ``explanations``, or a list
    ``verdicts`` of ``{"criteria_met": …, "explanation": …}``. If the benchmark's judge gives
    labels, they are ``labels``, or a ``label`` in each of ``verdicts``. The example comes from the
    row if it has ``prompt`` and ``rubrics``, else from the benchmark's data.

    Raises
    ------
    DataError
        A field is missing or wrong; the message names line and field.
    """
    examples = _Examples(benchmark, data)
    runs: dict[str, ImportedRun] = {}
    seen: dict[tuple[str, str], _Seen] = {}
    tallies: dict[str, Tally] = {}
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
    for number, row in read_rows(path):
        fields = Fields(row, str(path), number)
        example = examples.of(fields)
        name = fields.optional_text("run") or stem
        run = runs.get(name)
        if run is None:
            run = runs[name] = _run(name, benchmark, fields, system, grader)
        before = seen.get((name, example.id))
        if before is None:
            before = seen[name, example.id] = _Seen(example, example.key, number)
        if before.example is not example and before.example != example:
            problem = f"{shorten(example.id)} has other content than on line {before.line}"
            raise DataError(str(path), number, "prompt_id", problem)
        tally = tallies.setdefault(name, Tally())
        answer = _answer(fields, name, before, benchmark=benchmark, tally=tally)
        run.answers.append(answer)
        before.count += 1
    if not runs:
        raise InputError(f"{path}: expected answers with verdicts, found an empty file")
    for name, tally in tallies.items():
        runs[name].settings.notes = [GRADED_ELSEWHERE, *tally.in_words()]
    return list(runs.values())


def is_mine(start: Start) -> bool:
    """Whether a file's lines are answers with verdicts, as ``preceptor export`` writes them."""
    row = start.row
    judged = {"criteria_met", "verdicts", "labels"} & row.keys()
    return bool(judged) and _first(row, _IDS) is not None and _first(row, _TEXTS) is not None


def read(files: Sequence[Path], asked: Asked) -> Iterator[Incoming]:
    for file in files:
        named = Start(file).row.get("benchmark")
        benchmark = asked.ours(file, named if isinstance(named, str) else None)
        runs = read_graded(file, benchmark, asked.data, system=asked.system, grader=asked.grader)
        yield from (Incoming.of(run, file) for run in runs)


def _run(
    name: str, benchmark: Benchmark, fields: Fields, system: str | None, grader: str | None
) -> ImportedRun:
    model = system or fields.optional_text("model") or "unnamed system"
    condition = fields.optional_text("condition")
    if condition and not system and condition != "baseline":
        model = f"{model} [{condition}]"
    settings = RunSettings(condition=condition or None)
    if departures := fields.texts("departures"):
        settings.departures = list(departures)
    return ImportedRun(
        name=name,
        benchmark=benchmark.name,
        manifest=manifest_of(benchmark),
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
    example_id = fields.id(field)
    if example_id not in known:
        where = data or benchmark.path()
        problem = f"{shorten(example_id)} is not among the {len(known):,} examples of {where}"
        raise DataError(fields.where, fields.line, field, problem)
    return known[example_id]


def _exported_example(fields: Fields, benchmark: Benchmark) -> Example:
    """Read the example in a row that ``preceptor export`` wrote, of any family."""
    example = _example_in_row(fields)
    blank = Graded(example, 0, Response("", text=""), (None,) * len(example.criteria))
    try:
        benchmark.protocol.score(blank)
    except (LookupError, TypeError, ValueError, AttributeError):
        problem = (
            f"not as `preceptor export` writes them for {benchmark.name}; name its data with --data"
        )
        raise DataError(fields.where, fields.line, "rubrics, target", problem) from None
    return example


def _example_in_row(fields: Fields) -> Example:
    target = fields.row.get("target")
    rubrics = fields.items("rubrics") if fields.row["rubrics"] else []
    return Example(
        id=fields.text("prompt_id"),
        messages=tuple(_message(item) for item in fields.items("prompt")),
        criteria=tuple(criterion(item, "criterion", empty=True) for item in rubrics),
        tags=fields.texts("example_tags"),
        target=msgspec.UNSET if target is None else target,
    )


def _message(fields: Fields) -> Message:
    """A message of a text, or of parts as the export writes them."""
    if not isinstance(fields.row.get("content"), list):
        return message(fields)
    try:
        return msgspec.convert(dict(fields.row), Message)
    except msgspec.ValidationError as error:
        raise fields.fault("content", f"a text or parts ({error})", fields.row["content"]) from None


def _answer(fields: Fields, run: str, seen: _Seen, *, benchmark: Benchmark, tally: Tally) -> Answer:
    example = seen.example
    field = _first(dict(fields.row), _TEXTS) or _TEXTS[0]
    content = answer_in(fields, field, tally)
    text, failure = content.text, fields.optional_text("failure")
    response = imported_response(run, seen.key, seen.count, text, failure, reason=content.reason)
    end = fields.optional_text("finish_reason")
    if end and text is not None:
        response = msgspec.structs.replace(response, finish_reason=storable(end))
    try:
        episode = episode_in(fields.row)
    except ValueError as error:
        raise DataError(fields.where, fields.line, "turns", f"expected {error}") from None
    response = response if episode is None else episode.added_to(response)
    labelled = benchmark.protocol.judging.judge is not None
    judgements = list(_judgements(fields, labelled))
    if len(judgements) != len(example.criteria):
        expected = f"{len(example.criteria)} verdicts, one per criterion"
        raise fields.fault("labels" if labelled else "criteria_met", expected, len(judgements))
    if response.failure is not None:
        return Answer(example, response, ())
    if labelled:
        judgements = list(_checked_labels(fields, benchmark, example, response.text, judgements))
    verdict = VerdictsOf(response)
    verdicts = tuple(
        verdict(index, said.met, said.explanation, said.reason, label=said.label)
        for index, said in enumerate(judgements)
    )
    return Answer(example, response, verdicts)


def _checked_labels(
    fields: Fields,
    benchmark: Benchmark,
    example: Example,
    text: str,
    judgements: Sequence[_Judgement],
) -> Iterator[_Judgement]:
    """Normalise labels to the judge's own; refuse one that the judge cannot give."""
    judge = benchmark.protocol.judging.judge
    assert judge is not None
    conversation = (*example.messages, Message("assistant", text))
    case = Case(conversation, dict(enumerate(example.criteria)), "", example.target)
    for said, asked in zip(judgements, example.criteria, strict=True):
        if said.label is None:
            yield said
            continue
        try:
            label = judge.known(said.label)
        except ValueError as error:
            raise DataError(fields.where, fields.line, said.field, str(error)) from None
        objection = judge.objection(label, case, asked)
        if objection is not None:
            raise DataError(fields.where, fields.line, said.field, objection)
        yield msgspec.structs.replace(said, label=label)


def _judgements(fields: Fields, labelled: bool) -> Iterator[_Judgement]:
    one = "label" if labelled else "criteria_met"
    if "verdicts" in fields.row:
        for place, item in enumerate(fields.items("verdicts")):
            said = item.need(one, "a label or null" if labelled else "true, false or null")
            met, label = _met_or_label(item, one, said, labelled)
            explanation = item.optional_text("explanation") or ""
            yield _Judgement(f"verdicts[{place}].{one}", met, label, explanation, None)
        return
    field = "labels" if labelled else one
    expected = f"a list of {'labels' if labelled else 'true, false'} or null"
    verdicts = listed(fields.need(field, expected))
    if not isinstance(verdicts, list):
        raise fields.fault(field, expected, verdicts)
    explanations = _parallel_texts(fields, "explanations", len(verdicts), field)
    reasons = _parallel_texts(fields, "reasons", len(verdicts), field)
    for index, (verdict, why, reason) in enumerate(
        zip(verdicts, explanations, reasons, strict=True)
    ):
        if (verdict is True or verdict is False) and not labelled:
            yield _Judgement(field, verdict, None, why or "", reason)
            continue
        name = f"{field}[{index}]"
        met, label = _met_or_label(fields, name, verdict, labelled)
        yield _Judgement(name, met, label, why or "", reason)


def _met_or_label(
    fields: Fields, field: str, said: object, labelled: bool
) -> tuple[bool | None, str | None]:
    """Read one verdict as (met, label)."""
    if is_missing(said):
        return None, None
    if labelled:
        if isinstance(said, float) and said.is_integer():
            said = int(said)  # how a table of floats writes an ordinal
        if isinstance(said, bool) or not isinstance(said, str | int):
            raise fields.fault(field, "a label or null", said)
        return None, str(said)
    return fields.met(field, said), None


def _parallel_texts(fields: Fields, field: str, length: int, of: str) -> list[str | None]:
    values = listed(fields.row.get(field))
    if is_missing(values):
        return [None] * length
    if not isinstance(values, list) or len(values) != length:
        raise fields.fault(field, f"a list of {length}, as many as {of}", values)
    texts = [None if value is None or value != value else value for value in values]  # noqa: PLR0124
    for value in texts:
        if value is not None and not isinstance(value, str):
            raise fields.fault(field, "a list of texts", value)
    return texts
