"""``preceptor import simple-evals``: runs of the reference implementation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import Benchmark
from preceptor.benchmarks.base import Fields
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
from preceptor.bridges.tool_runs import Asked, Start, finite
from preceptor.errors import DataError, InputError, Unavailable, shorten
from preceptor.files import decode_json
from preceptor.records import Example, RunSettings, ToolScore, Usage
from preceptor.systems.content import Content, Tally

__all__ = ["is_mine", "read", "read_simple_evals"]

#: The answer that the reference implementation writes where a request failed.
_REFUSED = "No response (bad request)."
_NAME = re.compile(
    r"healthbench(?P<subset>_hard|_consensus|_professional)?_(?P<model>.+?)(_\d{8}_\d{6})?_allresults"
)


def read_simple_evals(
    path: Path, benchmark: str | None = None, data: Path | None = None
) -> ImportedRun:
    """Read the run in a ``*_allresults.json``.

    The file has no tags of examples: these come from ``data``, or from the benchmark's data if it
    is on this machine.

    Parameters
    ----------
    benchmark
        Name of the benchmark; None takes it from the file's name.

    Raises
    ------
    InputError, DataError
        The file is of another form; the message names the place.
    """
    whole = _load(path)
    named = _NAME.match(path.name)
    if benchmark is None:
        if named is None:
            raise InputError(
                f"{path}: expected a name such as healthbench_hard_MODEL_allresults.json; "
                f"name the benchmark with --benchmark"
            )
        benchmark = "healthbench" + (named["subset"] or "").replace("_", "-")
    answered = benchmarks.get(benchmark)
    tags = _example_tags(answered, data)
    run_name = path.name.removesuffix(".json").removesuffix("_allresults")
    rows = whole.nested("metadata").items("example_level_metadata")
    tally = Tally()
    answers = _answers(rows, run_name, tags, tally)
    refused = sum(answer.response.text == _REFUSED for answer in answers)
    failed = f"Requests that failed, graded as the answer {_REFUSED!r}: {refused:,}."
    return ImportedRun(
        name=run_name,
        benchmark=answered.name,
        manifest=manifest_of(answered),
        system=named["model"] if named else run_name,
        grader="not stated (simple-evals)",
        answers=answers,
        settings=RunSettings(
            tool="simple-evals",
            tool_scores=_own_scores(whole, len(answers)),
            notes=[GRADED_ELSEWHERE, *tally.in_words(), *([failed] if refused else [])],
        ),
    )


def _own_scores(whole: Fields, n: int) -> list[ToolScore] | None:
    score = finite(whole.row.get("score"))
    return None if score is None else [ToolScore("score", score, n)]


def is_mine(start: Start) -> bool:
    """Whether a file is a ``*_allresults.json``."""
    metadata = start.object.get("metadata")
    return isinstance(metadata, dict) and "example_level_metadata" in metadata


def read(files: Sequence[Path], asked: Asked) -> Iterator[Incoming]:
    for file in files:
        yield Incoming.of(read_simple_evals(file, asked.benchmark, asked.data), file)


def _load(path: Path) -> Fields:
    try:
        content = decode_json(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    metadata = content.get("metadata") if isinstance(content, dict) else None
    if not isinstance(metadata, dict) or "example_level_metadata" not in metadata:
        raise DataError(str(path), None, "metadata.example_level_metadata", _other_file(content))
    return Fields(content, str(path), 1)


def _other_file(content: object) -> str:
    expected = "expected a *_allresults.json of simple-evals"
    if not isinstance(content, dict):
        return f"{expected}, found {shorten(content, 40)}"
    if any("pairwise_model" in key for key in content):
        return f"{expected}, found metrics of a meta-evaluation, which has no rubric verdicts"
    return (
        f"{expected}, found an object with {', '.join(shorten(k, 30) for k in list(content)[:3])}"
    )


def _example_tags(benchmark: Benchmark, data: Path | None) -> dict[str, tuple[str, ...]]:
    try:
        return {example.id: example.tags for example in benchmark.load(data).examples}
    except Unavailable:
        return {}


def _answers(
    rows: list[Fields], run: str, tags: dict[str, tuple[str, ...]], tally: Tally
) -> list[Answer]:
    answers: list[Answer] = []
    seen: dict[str, Example] = {}
    for nth, row in enumerate(rows):
        answer = _answer(row, run, nth, tags, tally)
        example = answer.example
        if seen.setdefault(example.id, example) != example:
            problem = f"{shorten(example.id)} has other content than before"
            raise DataError(row.where, row.line, f"{row.prefix}prompt_id", problem)
        answers.append(answer)
    return answers


def _answer(
    row: Fields, run: str, nth: int, tags: dict[str, tuple[str, ...]], tally: Tally
) -> Answer:
    sent = tuple(message(item) for item in row.items("prompt"))
    asked = tuple(turn for turn in sent if turn.role not in ("system", "developer"))
    items = row.items("rubric_items")
    example_id = row.text("prompt_id")
    example = Example(
        id=example_id,
        messages=asked,
        criteria=tuple(criterion(item, "criterion") for item in items),
        tags=tags.get(example_id, ()),
    )
    # The reference implementation grades null as an empty answer.
    null = "completion" in row and row.row["completion"] is None
    content = Content("") if null else answer_in(row, "completion", tally)
    response = msgspec.structs.replace(
        imported_response(run, example.key, nth, content.text, reason=content.reason),
        sent=None if sent == asked else sent,
        usage=_usage(row),
    )
    if response.failure is not None:
        return Answer(example, response, ())
    verdict = VerdictsOf(response)
    verdicts = tuple(
        verdict(index, item.met("criteria_met"), item.optional_text("explanation") or "", None)
        for index, item in enumerate(items)
    )
    return Answer(example, response, verdicts)


def _usage(row: Fields) -> Usage:
    if row.row.get("usage") is None:
        return Usage()
    usage = row.nested("usage")
    names = ("input_tokens", "output_tokens", "input_cached_tokens", "output_reasoning_tokens")
    return Usage(*(usage.integer(n) if usage.row.get(n) is not None else 0 for n in names))
