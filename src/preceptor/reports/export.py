"""A run's answers and verdicts as files for other tools."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from preceptor.errors import InputError, shorten
from preceptor.installation import MissingExtra
from preceptor.records import Example, Graded, Response, Result, RunInfo, Score, Usage, Verdict
from preceptor.records.episodes import episode_of
from preceptor.reports.files import whole_file
from preceptor.scoring import OVERALL
from preceptor.scoring.answers import PARSED

__all__ = [
    "COLUMNS",
    "FORMATS",
    "OF_ANSWER",
    "STREAMED",
    "Answers",
    "export",
    "export_runs",
    "format_of",
    "parts",
    "tables",
]

#: Of answers and verdicts; ``croissant`` is metadata of the benchmark.
FORMATS = ("jsonl", "csv", "parquet", "inspect", "croissant")

#: Those that are written answer by answer, however many there are.
STREAMED = ("jsonl", "csv", "parquet")
#: An answer and its score.
Answer = tuple[Graded, Score]
#: A run, its answers with their scores, and its departures.
Answers = tuple[RunInfo, Iterable[Answer], Sequence[str]]
#: Answers in one batch of rows, and the most bytes of a parquet column's dictionary: enough for the
#: texts of one batch.
_AT_ONCE, _DICTIONARY = 1000, 2**24
#: Pieces of csv that are written together.
_PIECES = 5_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")

#: Columns of csv, parquet and data frames, and what is in them.
COLUMNS = {
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
    "stop_reason": "string",
    "state": "string",
    "served_model": "string",
    "created_at": "string",
    "turns": "string",
    "finish_reason": "string",
    "input_tokens": "int64",
    "output_tokens": "int64",
    "cached_tokens": "int64",
    "reasoning_tokens": "int64",
    "seconds": "double",
    "cost_usd": "double",
    "grader_input_tokens": "int64",
    "grader_output_tokens": "int64",
    "grader_seconds": "double",
    "grader_cost_usd": "double",
    "grader_served_model": "string",
}
_OF_CRITERION = ("criterion", "criterion_text", "points", "criterion_tags")
_OF_VERDICT = (
    *("met", "reason", "explanation", "probability", "label"),
    *(name for name in COLUMNS if name.startswith("grader_")),
)
#: Neighbours in COLUMNS that are all of an answer, of a criterion or of a verdict.
_BLOCKS = [
    tuple(names)
    for _, names in itertools.groupby(
        COLUMNS, lambda name: (name in _OF_CRITERION, name in _OF_VERDICT)
    )
]
#: What gives each value of _OF_VERDICT.
_IN_VERDICT = [
    operator.attrgetter(name)
    for name in (
        *("met", "reason", "explanation", "probability", "label", "usage.input_tokens"),
        *("usage.output_tokens", "latency_s", "cost_usd", "served_model"),
    )
]
#: The verdict of a row that has none: every value is None.
_NOTHING = SimpleNamespace(
    **dict.fromkeys(Verdict.__struct_fields__)
    | {"usage": SimpleNamespace(**dict.fromkeys(Usage.__struct_fields__))}
)
#: Those of an answer.
OF_ANSWER = tuple(name for name in COLUMNS if name not in (*_OF_CRITERION, *_OF_VERDICT))


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
    chosen = format_of(path, format)
    if chosen == "inspect":
        return _inspect(result, path)
    if chosen == "croissant":
        return _croissant(result, path)
    answers = zip(result.graded, result.scores, strict=True)
    return export_runs([(result.info, answers, result.departures)], path, chosen)


def format_of(path: Path, format: str | None) -> str:
    """The format that is asked for, by its name or by that of the file."""
    chosen = format or path.suffix.lstrip(".").lower()
    chosen = "inspect" if chosen == "eval" else chosen
    if chosen not in FORMATS:
        found = (
            f"--format {shorten(format)}" if format else f"{path}: the format by the file's name"
        )
        raise InputError(f"{found}: expected one of {', '.join(FORMATS)}")
    return chosen


def export_runs(runs: Iterable[Answers], path: Path, format: str) -> Path:
    """Write the answers of runs to one file as one of STREAMED: one after the other."""
    if format == "parquet":
        return _parquet(runs, path)
    with whole_file(path) as stream:
        if format == "csv":
            stream.write(",".join(COLUMNS).encode() + b"\r\n")
            stream.writelines(_csv(runs))
            return path
        for info, answers, departures in runs:
            for item, score in answers:
                line = _answer(info, item, score) | {"departures": departures}
                stream.write(msgspec.json.encode(line) + b"\n")
    return path


def parts(runs: Iterable[Answers]) -> Iterator[tuple[RunInfo, list[Answer]]]:
    """The answers of each run, some at a time."""
    for info, answers, _ in runs:
        rest = iter(answers)
        while part := list(itertools.islice(rest, _AT_ONCE)):
            yield info, part


def _croissant(result: Result, path: Path) -> Path:
    from preceptor.benchmarks import of
    from preceptor.reports.croissant import croissant

    made = croissant(of(result.info))
    with whole_file(path) as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
    return path


def _cells(name: str, values: Sequence[Any]) -> list[str]:
    """The values of a column as cells of csv."""
    if COLUMNS[name] == "string":
        return ["" if value is None else _cell(value) for value in values]
    return ["" if value is None else str(value) for value in values]


def _cell(value: str) -> str:
    """A text as a cell of csv that no spreadsheet runs."""
    text = f"'{value}" if value.startswith(_FORMULA) else value
    if "," in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _answer(info: RunInfo, item: Graded, score: Score) -> dict[str, Any]:
    response = item.response
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
        **msgspec.structs.asdict(episode_of(response)),
    }


def _of_answer(info: RunInfo, item: Graded, score: Score) -> tuple[Any, ...]:
    """The values of OF_ANSWER, which all rows of an answer have."""
    response, prediction = item.response, score.prediction
    if prediction is not None and not isinstance(prediction, str):
        prediction = msgspec.json.encode(prediction).decode()
    return (
        *(info.name, info.benchmark, info.system, info.grader),
        *(item.example.id, item.repeat, " ".join(item.example.tags)),
        response.text if response and response.failure is None else None,
        response.failure if response else None,
        *(prediction, score.values.get(OVERALL), _read(score)),
        *_episode(response),
    )


def _episode(response: Response | None) -> tuple[Any, ...]:
    """How an answer came about, and what it took; what is no text is JSON."""
    if response is None:
        return (None,) * 12
    state = None if response.state is None else msgspec.json.encode(response.state).decode()
    turns = msgspec.json.encode(episode_of(response).turns).decode() if response.turns else None
    usage = response.usage
    return (
        *(response.stop_reason, state, response.served_model, response.created_at, turns),
        response.finish_reason if response.failure is None else None,
        *(usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens),
        *(response.latency_s, response.cost_usd),
    )


def _of_criteria(example: Example) -> list[tuple[Any, ...]]:
    """The values of _OF_CRITERION of each criterion; of one without any, where none is judged."""
    return [
        (number, criterion.text, criterion.points, " ".join(criterion.tags))
        for number, criterion in enumerate(example.criteria)
    ] or [(None,) * len(_OF_CRITERION)]


def _csv(runs: Iterable[Answers]) -> Iterator[bytes]:
    """The rows, some at a time. What several rows have is made bytes once."""
    for info, part in parts(runs):
        cells: dict[str, Sequence[str]] = {}
        places: dict[str, Sequence[int]] = {}
        for names, columns, rows in tables(info, part):
            places |= dict.fromkeys(names, rows)
            cells |= zip(names, map(_cells, names, columns), strict=True)
        blocks = []
        for names in _BLOCKS:
            end = "\r\n" if names is _BLOCKS[-1] else ","
            texts = map(",".join, zip(*map(cells.__getitem__, names), strict=True))
            values = [f"{text}{end}".encode(errors="replace") for text in texts]
            blocks.append(map(values.__getitem__, places[names[0]]))
        pieces = itertools.chain.from_iterable(zip(*blocks, strict=True))
        while some := b"".join(itertools.islice(pieces, _PIECES)):
            yield some


def _read(score: Score) -> bool | None:
    """Whether something could be read out of the answer; None where a grader reads it."""
    parsed = score.values.get(PARSED)
    return None if parsed is None else bool(parsed)


def _parquet(runs: Iterable[Answers], path: Path) -> Path:
    try:
        import numpy
        import pyarrow
        import pyarrow.parquet

        from preceptor.reports.arrow import array
    except ImportError:
        raise MissingExtra("parquet needs pyarrow", "parquet") from None
    types = {"string": pyarrow.string(), "int64": pyarrow.int64(), "bool": pyarrow.bool_()}
    schema = pyarrow.schema(
        [(name, types.get(kind, pyarrow.float64())) for name, kind in COLUMNS.items()]
    )
    #: Columns that an answer's rows have in common are written once, and which each row has.
    shared = {name for name in schema.names if name not in _OF_VERDICT}
    #: No two verdicts have these in common; the least of texts helps nobody to find one.
    alone = ("explanation", "probability")
    texts = ("explanation", "response", "criterion_text", "turns", "state")
    once = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    stored = pyarrow.schema(
        [
            field.with_type(once) if field.name in shared and field.type == "string" else field
            for field in schema
        ]
    )
    with (
        whole_file(path) as stream,
        pyarrow.parquet.ParquetWriter(
            stream,
            stored,
            use_dictionary=[name for name in schema.names if name not in alone],
            write_statistics=[name for name in schema.names if name not in texts],
            store_schema=False,
            dictionary_pagesize_limit=_DICTIONARY,
        ) as writer,
    ):
        for info, part in parts(runs):
            named: dict[str, Any] = {}
            for names, columns, rows in tables(info, part):
                places = None if names is _OF_VERDICT else numpy.array(rows, dtype=numpy.intp)
                for name, values in zip(names, columns, strict=True):
                    named[name] = array(values, COLUMNS[name], places)
            ordered = [named[name] for name in COLUMNS]
            writer.write_table(pyarrow.Table.from_arrays(ordered, schema=stored))
    return path


def tables(
    info: RunInfo, answers: Sequence[Answer]
) -> Iterator[tuple[Sequence[str], Iterable[Sequence[Any]], Sequence[int]]]:
    """Names of columns, values of each, and which of these each row has: each is made once."""
    criteria: list[tuple[Any, ...]] = []
    verdicts: list[Any] = []
    of_answer: list[int] = []
    of_criterion: list[int] = []
    example: Example | None = None
    first = 0
    for number, (item, _) in enumerate(answers):
        if item.example is not example:
            example, first = item.example, len(criteria)
            criteria += _of_criteria(example)
        given = item.verdicts or (None,)
        verdicts += [_NOTHING if each is None else each for each in given]
        of_answer += [number] * len(given)
        of_criterion += range(first, first + len(given))
    said = [_of_answer(info, *answer) for answer in answers]
    yield OF_ANSWER, zip(*said, strict=True), of_answer
    yield _OF_CRITERION, zip(*criteria, strict=True), of_criterion
    values = (list(map(value, verdicts)) for value in _IN_VERDICT)
    yield _OF_VERDICT, values, range(len(verdicts))


def _inspect(result: Result, path: Path) -> Path:
    from preceptor.bridges.inspect_export import log_bytes

    if path.suffix != ".eval":  # Inspect looks for its logs by this name
        raise InputError(f"{path}: expected a name that ends in .eval for a log of Inspect")
    content = log_bytes(result)
    with whole_file(path) as stream:
        stream.write(content)
    return path
