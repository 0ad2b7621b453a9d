"""Any value in any place of a file: it is read, or refused in one line; never another error."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_fixtures import graded_row, professional_row, row, write_rows
from preceptor import benchmarks
from preceptor.audit.labels import read_meta_eval
from preceptor.bridges.graded import read_graded
from preceptor.errors import PreceptorError
from preceptor.lint.check import lint
from preceptor.lint.own import shape_of
from preceptor.systems.recorded import Replay

ODD = [
    *(None, "", "x", "A", "1e400", "9" * 400, "[1, 2]", "{", "[" * 3000, "\x00", "\u202e\n"),
    *(True, 0, -3, 2.5, math.inf, math.nan, 10**400, 2**63),
    *([], {}, [None], [[]], [{}], {"a": None}, ["x", "x"], {"x": {"y": [1]}}, {"": ""}),
]
EXAM = {
    "question": "made-up",
    "options": {"A": "one", "B": "two"},
    "answer_idx": "B",
    "meta_info": "step1",
}
LOG = [{"role": "user", "content": "q"}, {"role": "assistant", "content": [{"text": "B"}]}]
META = {
    "prompt_id": "p",
    "prompt": [{"role": "user", "content": "made-up"}],
    "completion": "made-up",
    "rubric": "made-up",
    "category": "cluster:x",
    "binary_labels": [True, False],
    "anonymized_physician_ids": ["a", "b"],
    "graders": {"judge": {"criteria_met": True}},
}
OWN = {"id": "o1", "question": "made-up?", "options": ["a", "b"], "answer": "b"}


def _load(name: str) -> Callable[[Path], object]:
    return lambda path: benchmarks.get(name).load(path)


READERS: dict[str, tuple[dict[str, Any], Callable[[Path], object]]] = {
    "healthbench": (row(), _load("healthbench")),
    "professional": (professional_row(), _load("healthbench-professional")),
    "an exam": (EXAM, _load("medqa")),
    "a table of calculations": ({"Row Number": 1, "Question": "made-up"}, _load("medcalc-bench")),
    "recorded answers": (
        {"id": "1", "response": LOG, "target": "B", "choices": ["x", "y"]},
        lambda path: Replay("replay:x", path),
    ),
    "graded answers": (
        {**row(), **graded_row()},
        lambda path: read_graded(path, benchmarks.get("healthbench")),
    ),
    "rows for an audit": (META, read_meta_eval),
    "rows of one's own": (OWN, lambda path: lint(path, shape_of(path))),
}


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The keys on the way to each part of a value."""
    if place:
        yield place
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*place, key))


def odd_rows(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for *way, last in places(whole):
        for value in ODD:
            changed = copy.deepcopy(whole)
            inner: Any = changed
            for key in way:
                inner = inner[key]
            inner[last] = value
            yield changed


@pytest.mark.parametrize("name", READERS)
def test_any_value_in_any_place_is_read_or_refused(name: str, tmp_path: Path) -> None:
    """Wrong types, endless numbers, nested text: one message that can be shown on a line."""
    whole, read = READERS[name]
    path = tmp_path / "test_data.jsonl"
    for changed in odd_rows(whole):
        write_rows(path, [changed])
        said = ""
        try:
            read(path)
        except PreceptorError as error:
            said = str(error)
        assert len(said.replace(str(path), "")) < 600, json.dumps(changed)[:300]
