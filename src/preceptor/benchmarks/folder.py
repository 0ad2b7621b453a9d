"""A benchmark at a path of the user's: a folder with a manifest (``benchmark.toml`` or ``.json``)
and its rows, a workbook with tasks, or a folder with these as ``.csv`` files, or with queries and
grades of documents.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.collection import holds_collection, read_collection
from preceptor.benchmarks.datasheet import QUESTIONS
from preceptor.benchmarks.manifest import OWN_PROTOCOLS, Manifest, Own
from preceptor.benchmarks.own_tasks.task_sheets import (
    TABLES,
    Tasks,
    holds_tasks,
    read_tasks,
    slug,
    tables_in,
    taken,
)
from preceptor.environments import resolve_environment
from preceptor.errors import DataError, InputError, UnknownName, did_you_mean, shorten
from preceptor.files import file_sha256, read_rows
from preceptor.protocols.boolean import FILTERS, Filter
from preceptor.protocols.judging import ReferenceGrader
from preceptor.records import Slice
from preceptor.scoring import LengthRule
from preceptor.sheets import REFUSED, SHEETS
from preceptor.systems.base import Parameters

__all__ = ["MANIFESTS", "counted", "holds_benchmark", "path_of", "read_benchmark"]

MANIFESTS = ("benchmark.toml", "benchmark.json")
#: The rows, where the manifest does not name them.
_ROWS = tuple(
    f"examples{suffix}" for suffix in (".jsonl", ".jsonl.gz", ".json", ".csv", ".xlsx", ".parquet")
)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


class _Grader(Parameters, frozen=True, kw_only=True):
    """``[grader]``: who judges unless told otherwise, with the parameters of a grader."""

    address: str | None = None
    template: str | None = None


class _Stated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a manifest may say."""

    name: str
    title: str | None = None
    summary: str | None = None
    version: str | None = None
    licence: str | None = None
    citation: str | None = None
    url: str | None = None
    languages: tuple[str, ...] = ("en",)
    measures: str | None = None
    caution: str | None = None
    faults: tuple[str, ...] = ()
    verified: str | None = None
    examples: str | None = None
    protocol: str | None = None
    like: str | None = None
    rubric: str | None = None
    filter: str | None = None
    points_per_500: float | None = None
    environment: str | None = None
    grader: _Grader | None = None
    answers: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}
    slices: tuple[Slice, ...] = ()
    datasheet: Mapping[str, str] = {}


def path_of(name: str) -> Path | None:
    """The file or folder that is meant where a benchmark is named; None where it is a name."""
    path = Path(name)
    if path.name in MANIFESTS:
        return path.parent
    outside = path.is_absolute() or name.startswith(".") or os.sep in name or "/" in name
    if outside or path.suffix.lower() in (*SHEETS, *REFUSED, *TABLES):
        return path
    if any((path / each).is_file() for each in MANIFESTS):
        return path
    return path if (_tables(path) or holds_collection(path)) and not taken(name) else None


def holds_benchmark(path: Path) -> bool:
    """Whether a file or folder is a benchmark as it stands, and not a file of rows."""
    if path.is_dir():
        stated = any((path / each).is_file() for each in MANIFESTS)
        return stated or _tables(path) is not None or holds_collection(path)
    return path.suffix.lower() in (*SHEETS, *TABLES) and holds_tasks(path)


def read_benchmark(path: Path) -> Benchmark:
    """The benchmark at a path. The rows of a folder with a manifest are not read.

    Raises
    ------
    DataError, Faults, InputError
        With the file, and where known the line or cell and the field, of what is wrong.
    """
    if not any((path / each).is_file() for each in MANIFESTS) and holds_collection(path):
        return read_collection(path)
    tables = _tables(path)
    if tables:
        return _of_sheets(tables, path.resolve().name)
    if path.suffix.lower() in (*SHEETS, *REFUSED, *TABLES) and not path.is_dir():
        return _of_sheets(path, path.stem)
    return _of_manifest(path)


def _tables(path: Path) -> Path | None:
    """The file with the tasks in a folder without a manifest."""
    if not path.is_dir() or any((path / each).is_file() for each in MANIFESTS):
        return None
    return tables_in(path).get("tasks")


def _of_sheets(path: Path, called: str) -> Benchmark:
    tasks = read_tasks(path)
    title = tasks.about.get("name", called)
    name = slug(title) or slug(called) or f"tasks-{file_sha256(path)[:8]}"
    if "name" not in tasks.about:  # a file may be called as a benchmark of ours is
        name = f"own-{name}" if taken(name) else name
    about = {to: tasks.about[said] for to, said in _SAID.items() if said in tasks.about}
    language = tasks.about.get("language")
    made = Manifest(
        name=name,
        title=title,
        **about,  # type: ignore[arg-type]
        languages=tuple(re.split(r"[,;\s]+", language)) if language else ("und",),
        slices=(*(Slice(each, tuple(said)) for each, said in tasks.slices.items()), Slice("tag")),
        examples=len(tasks.examples),
        criteria=sum(len(example.criteria) for example in tasks.examples),
    ).benchmark(path)
    return msgspec.structs.replace(
        made,
        parse=None,
        read=lambda file: read_tasks(file).examples,
        answers=tasks.answers,
        reading=(_summary(path, made, tasks), *tasks.reading),
    )


def _summary(path: Path, made: Benchmark, tasks: Tasks) -> str:
    """What tables hold, in one line."""
    counts = [
        f"{number:,} {name if number == 1 else several}"
        for number, name, several in (
            (made.n_examples, "task", "tasks"),
            (made.n_criteria or 0, "criterion", "criteria"),
        )
    ]
    ideal = sum(example.physician is not None for example in tasks.examples)
    counts += [f"{ideal:,} ideal answer{'' if ideal == 1 else 's'}"] if ideal else []
    answers = ", ".join(
        f"{name} ({sum(map(len, answers.values())):,})" for name, answers in tasks.answers.items()
    )
    said = f"; answers of {answers}" if answers else ""
    return f"{path}: “{made.title}” ({made.name}): {', '.join(counts)}{said}"


#: Field of the manifest → that of the sheet *about*.
_SAID = {
    "version": "version",
    "licence": "licence",
    "citation": "authors",
    "summary": "purpose",
    "measures": "purpose",
}


def _of_manifest(folder: Path) -> Benchmark:
    """The benchmark in a folder with a manifest."""
    path = _manifest(folder)
    stated = _stated(path)
    rows = _rows(path, stated)
    made = Manifest(
        name=stated.name,
        title=stated.title or stated.name,
        **{
            field: value
            for field in Manifest.__struct_fields__
            if field not in ("name", "title", "examples", "protocol", "answers")
            and (value := getattr(stated, field, None)) is not None
        },
        protocol=_protocol(path, stated),
    )
    answers = {system: _answers(folder / file) for system, file in stated.answers.items()}
    return msgspec.structs.replace(made.benchmark(rows), answers=answers)


def _answers(path: Path) -> dict[str, tuple[str, ...]]:
    """Id of an example → the answers that a file has to it, in the form of ``replay:``."""
    found: dict[str, tuple[str, ...]] = {}
    for number, row in read_rows(path):
        fields = Fields(row, str(path), number)
        id, text = fields.id("id"), fields.text("response", empty=True)
        found[id] = (*found.get(id, ()), text)
    return found


def counted(benchmark: Benchmark) -> Benchmark:
    """The same with the number of its examples and criteria. Raises DataError of a wrong row."""
    if benchmark.reading:  # of tables that are read whole
        return benchmark
    examples = benchmark.load().examples
    criteria = sum(len(example.criteria) for example in examples) or None
    assert benchmark.manifest is not None
    manifest = msgspec.structs.replace(
        benchmark.manifest, examples=len(examples), criteria=criteria
    )
    return msgspec.structs.replace(manifest.benchmark(benchmark.rows), answers=benchmark.answers)


def _manifest(folder: Path) -> Path:
    found = [folder / name for name in MANIFESTS if (folder / name).is_file()]
    if len(found) == 2:
        raise InputError(f"{folder}: has {' and '.join(MANIFESTS)}: keep one of them")
    if not found:
        problem = "no such folder" if not folder.exists() else f"has no {MANIFESTS[0]}"
        raise InputError(
            f"{folder}: {problem}: a benchmark of your own is a folder with {MANIFESTS[0]} and "
            f"examples.jsonl, or a workbook (`preceptor tasks template -o tasks.xlsx`)"
        )
    return found[0]


def _stated(path: Path) -> _Stated:
    """What the manifest says, checked."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    try:
        said: Any = tomllib.loads(text) if path.suffix == ".toml" else msgspec.json.decode(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        problem = f"is no TOML: {str(error).partition(' (at')[0]}"
        raise DataError(str(path), int(line[1]) if line else None, "", problem) from None
    except msgspec.DecodeError as error:
        raise DataError(str(path), None, "", f"is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise DataError(str(path), None, "", f"expected an object, found {shorten(said)}")
    _check_names(path, text, said, _Stated.__struct_fields__, "")
    if isinstance(said.get("grader"), dict):
        _check_names(path, text, said["grader"], _Grader.__struct_fields__, "grader.")
    if isinstance(said.get("datasheet"), dict):
        _check_names(path, text, said["datasheet"], tuple(QUESTIONS), "datasheet.")
    if "name" not in said:
        raise DataError(str(path), None, "name", 'missing; expected a name, such as "ward-round"')
    try:
        stated = msgspec.convert(said, _Stated)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$.")
        field = place.rstrip("`")
        words = problem[:1].lower() + problem[1:]
        raise _fault(path, text, field, f"{words}{_found(said, field)}") from None
    _check(path, text, stated)
    return stated


def _check_names(
    path: Path, text: str, said: Mapping[str, Any], known: Sequence[str], within: str
) -> None:
    for name in said:
        if name not in known:
            problem = f"no such field: {did_you_mean(name, known)}there are {', '.join(known)}"
            raise _fault(path, text, within + name, problem)


def _check(path: Path, text: str, stated: _Stated) -> None:
    if not _NAME.fullmatch(stated.name):
        expected = "small letters, digits, hyphens and dots, such as ward-round"
        raise _fault(path, text, "name", f"expected {expected}, found {shorten(stated.name)}")
    if taken(stated.name):
        problem = f"there is a benchmark {stated.name} already: choose another name"
        raise _fault(path, text, "name", problem)
    if stated.protocol is not None and stated.protocol not in OWN_PROTOCOLS:
        expected = f"{' or '.join(OWN_PROTOCOLS)}, or `like` with the name of a benchmark"
        raise _fault(
            path, text, "protocol", f"expected {expected}, found {shorten(stated.protocol)}"
        )
    if stated.like is not None:
        if stated.protocol is not None:
            raise _fault(path, text, "like", "goes without `protocol`: it says that already")
        from preceptor.benchmarks import all_benchmarks

        if stated.like not in {each.name for each in all_benchmarks() if each.package is None}:
            problem = f"expected the name of a benchmark of Preceptor, found {shorten(stated.like)}"
            raise _fault(path, text, "like", problem)
    if stated.protocol in ("choice", "extractive", "quantity") and stated.grader is not None:
        problem = f"nothing is judged with `protocol` {stated.protocol}: leave it out"
        raise _fault(path, text, "grader", problem)
    if stated.points_per_500 is not None and stated.protocol not in (None, "rubric"):
        raise _fault(path, text, "points_per_500", "length is priced with `protocol` rubric alone")
    if (
        stated.protocol in ("boolean", "grounded", "insights")
        and stated.grader
        and stated.grader.template
    ):
        problem = f"`protocol` {stated.protocol} has its own: leave it out"
        raise _fault(path, text, "grader.template", problem)
    _check_boolean(path, text, stated)
    if stated.environment is not None:
        try:
            resolve_environment(stated.environment)
        except UnknownName as error:
            raise _fault(path, text, "environment", str(error)) from None
    template = None if stated.grader is None else stated.grader.template
    if template is not None and not (path.parent / template).is_file():
        raise _fault(path, text, "grader.template", f"no such file: {shorten(template)}")


def _check_boolean(path: Path, text: str, stated: _Stated) -> None:
    for field in ("rubric", "filter"):
        if getattr(stated, field) is not None and stated.protocol != "boolean":
            raise _fault(path, text, field, "goes with `protocol` boolean alone")
    if stated.filter is not None and stated.filter not in FILTERS:
        problem = f"expected {', '.join(FILTERS)}, found {shorten(stated.filter)}"
        raise _fault(path, text, "filter", problem)
    if stated.rubric is not None and not (path.parent / stated.rubric).is_file():
        raise _fault(path, text, "rubric", f"no such file: {shorten(stated.rubric)}")


def _rows(path: Path, stated: _Stated) -> Path:
    if stated.examples is not None:
        rows = path.parent / stated.examples
        if not rows.exists():
            raise DataError(str(path), None, "examples", f"no such file: {rows}")
        return rows
    found = [path.parent / name for name in _ROWS if (path.parent / name).is_file()]
    if len(found) != 1:
        there = ", ".join(each.name for each in found) or "none of them"
        problem = f"expected one of {', '.join(_ROWS)}, found {there}: name one as `examples`"
        raise DataError(str(path), None, "examples", problem)
    return found[0]


def _protocol(path: Path, stated: _Stated) -> Own:
    said, grader, template = stated.grader, None, None
    if said is not None:
        if said.address is not None:
            parameters = {f: getattr(said, f) for f in Parameters.__struct_fields__}
            grader = ReferenceGrader(said.address, Parameters(**parameters))
        template = None if said.template is None else str(path.parent / said.template)
    length = None if stated.points_per_500 is None else LengthRule(stated.points_per_500)
    family = stated.protocol or "rubric"
    rubric = None if stated.rubric is None else str(path.parent / stated.rubric)
    sees: Filter = next((each for each in FILTERS if each == stated.filter), "answer")
    return Own(family, stated.like, grader, template, length, stated.environment, rubric, sees)


def _fault(path: Path, text: str, field: str, problem: str) -> DataError:
    """With the line on which the field stands, where it is the only one or before all tables."""
    last = re.split(r"\.|\[\d+\]", field)[-1] or field
    stands = re.compile(rf"""^\s*(?:\[+\s*)?["']?{re.escape(last)}["']?\s*[]=:]""")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if stands.match(line)]
    sure = len(lines) == 1 or (lines and last == field and path.suffix == ".toml")
    return DataError(str(path), lines[0] if sure else None, field, problem)


def _found(said: Any, field: str) -> str:
    """The value at a place such as ``slices[0].order``, for a message."""
    for name, place in re.findall(r"(\w+)|\[(\d+)\]", field):
        try:
            said = said[name] if name else said[int(place)]
        except (KeyError, IndexError, TypeError):
            return ""
    return f": {shorten(said)}"
