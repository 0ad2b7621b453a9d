"""Tasks in files of others: HealthBench, HealthBench Professional, workbooks and tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks import healthbench
from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.folder import holds_benchmark
from preceptor.benchmarks.own_rows import rubric_row
from preceptor.benchmarks.own_tasks.task_sheets import read_tasks
from preceptor.errors import DataError, Faults, InputError
from preceptor.files import read_rows
from preceptor.lint.own import own_shape
from preceptor.lint.rows import Row
from preceptor.records import Example, PhysicianAnswer
from preceptor.studio.exchange.rows import SLICES
from preceptor.studio.ids import new_id
from preceptor.studio.items.content import Content, ItemCriterion, Mode, Turn

__all__ = ["Incoming", "read_incoming"]

#: Ids that stand in an address as they are.
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_MODES: tuple[Mode, ...] = ("good_faith", "red_teaming")


class Incoming(msgspec.Struct, frozen=True):
    """A task of a file.

    Attributes
    ----------
    place
        Where it stands, for messages.
    id
        Its own; None where it cannot stand in an address.
    tags
        What the content has no place for.
    """

    place: str
    id: str | None
    content: Content
    tags: tuple[str, ...] = ()
    physician: PhysicianAnswer | None = None


def read_incoming(path: Path, language: str = "") -> tuple[list[Incoming], list[InputError]]:
    """The tasks of a file, and what is wrong with its rows; ``language`` of those that say none.

    Raises
    ------
    InputError
        The file cannot be read, or holds no tasks with criteria.
    """
    tasks: list[Incoming] = []
    faults: list[InputError] = []
    try:
        for place, found, ids in _examples(path):
            if isinstance(found, InputError):
                faults.append(found)
                continue
            try:
                tasks.append(_incoming(place, found, ids, language))
            except InputError as error:
                faults.append(error)
    except Faults as several:
        faults += several.faults
    except DataError as error:
        faults.append(error)
    return tasks, faults


_Found = tuple[str, Example | InputError, tuple[str, ...]]


def _examples(path: Path) -> Iterator[_Found]:
    """Place, example or fault, and the ids of its criteria where the file has them."""
    if path.is_dir():
        raise InputError(f"{path}: expected a file, found a folder: name the file in it")
    if holds_benchmark(path):
        tasks = read_tasks(path)
        language = tasks.about.get("language")
        said = (f"language:{language}",) if language else ()
        for example in tasks.examples:
            tags = (*example.tags, *said)  # the first of a kind counts
            found = msgspec.structs.replace(example, tags=tags)
            yield f"{path}: task {example.id}", found, ()
        return
    _, first = next(iter(read_rows(path)), (0, None))
    if first is None:
        raise InputError(f"{path}: expected tasks, found an empty file")
    parse = _parser(first)
    if parse is not None:
        yield from _parsed(path, parse)
        return
    shape = own_shape(path)
    if shape is None or shape.name != "rubric":
        raise InputError(
            f"{path}: expected tasks with criteria, as of HealthBench or of a workbook (`preceptor "
            f"tasks template -o tasks.xlsx`), found the columns {', '.join(list(first)[:8])}"
        )
    for row in shape.read(path):
        if isinstance(row, Row):
            yield f"{path}: line {row.line}", row.example, ()
        else:
            yield "", DataError(str(path), row.line, "", row.problem), ()


def _parser(row: Mapping[str, Any]) -> Callable[[Fields], Example] | None:
    """For rows that have a whole task each."""
    if "prompt_id" in row and "rubrics" in row:
        return healthbench.parse
    if any(isinstance(row.get(name), list) for name in ("rubric", "rubrics", "rubric_items")):
        return rubric_row(tuple(SLICES))
    return None


def _parsed(path: Path, parse: Callable[[Fields], Example]) -> Iterator[_Found]:
    for line, row in read_rows(path):
        try:
            example = parse(Fields(row, str(path), line))
        except DataError as error:
            yield "", error, ()
        else:
            yield f"{path}: line {line}", example, _ids(row)


def _ids(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of criteria in a file of ours; none where one lacks, or two are the same."""
    items = row.get("rubric_items") or ()
    ids = [str(each.get("id")) for each in items if isinstance(each, dict) and "id" in each]
    fit = len(ids) == len(items) and all(map(_PLAIN.fullmatch, ids))
    return tuple(ids) if fit and len(set(ids)) == len(ids) else ()


def _incoming(place: str, example: Example, ids: tuple[str, ...], language: str) -> Incoming:
    said: dict[str, str] = {}
    tags: list[str] = []
    strategies: list[str] = []
    for each in example.tags:
        name, _, value = each.partition(":")
        if name == "strategy":
            strategies.append(value)
        elif name in ("use_case", "specialty", "language") and name not in said:
            said[name] = value
        elif name == "type" and value in _MODES:
            said["mode"] = value
        else:
            tags.append(each)
    ids = ids or tuple(new_id() for _ in example.criteria)
    criteria = tuple(
        ItemCriterion(id, each.text, each.points, each.tags)
        for id, each in zip(ids, example.criteria, strict=True)
    )
    content = Content(
        messages=_turns(place, example),
        criteria=criteria,
        use_case=said.get("use_case", ""),
        specialty=said.get("specialty", ""),
        language=said.get("language", language),
        mode=next((each for each in _MODES if each == said.get("mode")), "good_faith"),
        strategies=tuple(strategies),
    )
    id = example.id if _PLAIN.fullmatch(example.id) else None
    return Incoming(place, id, content, tuple(tags), example.physician)


def _turns(place: str, example: Example) -> tuple[Turn, ...]:
    turns = []
    for number, each in enumerate(example.messages, start=1):
        if each.role not in ("user", "assistant"):
            raise InputError(
                f"{place}: message {number}: expected one of user or assistant, found {each.role}"
            )
        if not isinstance(each.content, str):
            raise InputError(f"{place}: message {number}: expected text, found other parts")
        turns.append(Turn("user" if each.role == "user" else "assistant", each.content))
    return tuple(turns)
