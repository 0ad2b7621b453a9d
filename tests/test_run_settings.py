"""The settings of a run: typed, the same JSON as before, tolerant of other versions."""

from __future__ import annotations

import ast
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

import preceptor
from data_fixtures import isolate
from preceptor.billing import Price
from preceptor.cli import main
from preceptor.errors import StoreError
from preceptor.records import (
    AddedMetric,
    DicomView,
    Marks,
    Passages,
    RunInfo,
    RunSettings,
    Strata,
    Stratum,
    SweepCell,
    TemplateName,
    ToolScore,
    Variant,
)
from preceptor.store import Store

SOURCES = sorted(Path(preceptor.__file__).parent.rglob("*.py"))
SHA256 = "ab" * 32

#: Each field but ``other``, with a value that no default is.
FULL: dict[str, Any] = {
    "preceptor": "0.1.0",
    "imported_from": "file.jsonl",
    "import_digest": "cd" * 16,
    "inspect_task": "task",
    "inspect_status": "success",
    "condition": "baseline",
    "tool": "a tool 1.0",
    "tool_scores": [ToolScore("accuracy", 0.5, 3)],
    "columns": {"method": "cot"},
    "left_out": 0,
    "source": "labels.jsonl",
    "data_sha256": SHA256,
    "limit": 5,
    "system_parameters": {"temperature": 0.5, "extra_body": {"a": [1, None]}},
    "grader_parameters": {"members": [{}, {"seed": 1}], "rule": "majority"},
    "template": TemplateName("preceptor", SHA256),
    "max_cost": 1.5,
    "max_total_tokens": 1000,
    "min_coverage": 0.9,
    "manifest": {"name": "own", "title": "Own"},
    "metrics": {"brevity": AddedMetric("Brevity", "characters", False)},
    "departures": ["The prompt is another one."],
    "batch": ["openai/some-model"],
    "answers": "a" * 64,
    "materials": "b" * 64,
    "patient": "openai/some-model",
    "patient_parameters": {"temperature": 1.0},
    "options_count_from": 1,
    "variant": Variant(circular=True, shots=2),
    "passages": Passages("bm25", "guide", SHA256, 5),
    "dicom": DicomView((40, 400), 3),
    "prices": {"openai/some-model": Price(1.0, 2.0, batch=0.5, source="list", date="2026-11-01")},
    "servers": {"openai/some-model": "http://127.0.0.1:9"},
    "files": {"agent.py": SHA256},
    "stratify": Strata("theme:a", 2.0, {"rich": Stratum(9, 3), "other": Stratum(90, 9)}, ["e1"]),
    "notes": ["One answer is missing."],
    "sweep": SweepCell("grid", {"seed": "1"}, {"seed": "1"}),
    "scope": "first",
    "marks": Marks("first", "openai/some-model", drawn=True),
    "recorded_scores": SHA256,
}

#: What earlier versions wrote → a field as it is read.
FORMER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {"departures": None, "notes": [], "prices": None, "sweep": None}),
    "format 1": ({"min_coverage": 1.0}, {"min_coverage": 1.0, "servers": None}),
    "a run before batches, variants and servers": (
        {
            "preceptor": "0.1.0",
            "data_sha256": SHA256,
            "limit": None,
            "system_parameters": {},
            "grader_parameters": {"temperature": 0.0},
            "template": {"name": "preceptor", "sha256": SHA256},
            "max_cost": None,
            "max_total_tokens": None,
            "min_coverage": 1,
            "departures": [],
        },
        {"limit": None, "template": TemplateName("preceptor", SHA256), "batch": None},
    ),
    "nothing is judged": ({"template": None}, {"template": None}),
    "a price before batches had one": (
        {"prices": {"a": {"input": 1, "output": 2.0}}},
        {"prices": {"a": Price(1, 2)}},
    ),
    "a sample before it could be drawn by a run": (
        {"stratify": {"by": "a", "factor": 3.5, "strata": {}, "rich": []}},
        {"stratify": Strata("a", 3.5, {}, [], "tag")},
    ),
    "an imported run": (
        {"imported_from": "a.json", "import_digest": "0", "tool": "a", "notes": ["Told."]},
        {"template": msgspec.UNSET, "tool": "a", "notes": ["Told."]},
    ),
}

#: A setting → a value that it cannot have.
DAMAGED = {
    "limit": "five",
    "template": {"name": "preceptor"},
    "departures": "none",
    "prices": {"a": 1},
    "sweep": "grid",
    "variant": [True, 2],
    "stratify": {"by": "a"},
    "servers": {"a": None},
    "system_parameters": [],
}


def kept(store: Store, settings: RunSettings) -> RunInfo:
    return store.create_run(
        name="one", benchmark="b", system="s", grader="g", settings=settings, examples=[], repeats=1
    )


def test_each_setting_survives_the_store() -> None:
    """What is made is what is read, and each field is in the JSON under its name."""
    settings = RunSettings(**FULL)
    assert set(settings.plain()) == set(settings.__struct_fields__) - {"other"} == set(FULL)
    with Store("sqlite://") as store:
        kept(store, settings)
        assert store.run("one").settings == settings


@pytest.mark.parametrize("case", FORMER)
def test_settings_of_earlier_versions_are_read(case: str) -> None:
    """What is missing has its default; what is written is what was stated, defaults apart."""
    stated, expected = FORMER[case]
    found = RunSettings.of(stated)
    assert {name: getattr(found, name) for name in expected} == expected
    assert set(found.plain()) == set(stated)
    assert RunSettings.of(found.plain()) == found


def test_settings_of_a_newer_version_are_kept() -> None:
    """Keys that are not known, at any depth, do no harm and are there after a later note."""
    newer = {"other": 1, "colour": {"of": ["x"]}, "template": {"name": "n", "sha256": "0", "v": 2}}
    with Store("sqlite://") as store:
        run = kept(store, RunSettings.of(newer))
        assert run.settings.other == {"other": 1, "colour": {"of": ["x"]}}
        with store.transaction() as connection:
            connection.exec_driver_sql("UPDATE runs SET settings = ?", (json.dumps(newer),))
        store.add_note(run, "A note.")
        store.add_note(run, "A note.")
        store.add_settings(run, RunSettings(servers={}))
        with store.reading() as connection:
            text = connection.exec_driver_sql("SELECT settings FROM runs").scalar_one()
        assert json.loads(text) == {**newer, "notes": ["A note."], "servers": {}}
        assert run.settings == store.run("one").settings
        assert run.settings.servers == {}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one run."""
    isolate(monkeypatch, tmp_path)
    path = tmp_path / "work.db"
    preceptor.run("starter", system="physician", grader="python:math:floor",
                  grader_template="preceptor", limit=1, name="one", store=path)  # fmt: skip
    return path


def damage(path: Path, key: str, value: object) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE runs SET settings = json_set(settings, ?, json(?))",
            (f"$.{key}", json.dumps(value)),
        )
        connection.commit()


@pytest.mark.parametrize("key", DAMAGED)
def test_a_damaged_setting_is_one_line(
    key: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the store, the run and the setting, whichever command reads it."""
    damage(path, key, DAMAGED[key])
    capsys.readouterr()
    for command in (["runs"], ["score", "one"], ["resume", "one"]):
        assert main([*command, "--store", str(path)]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: store {path}: run 'one': its settings hold a value ")
        assert f"$.{key}" in line
        assert line.endswith("go back to a copy")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("system_parameters", {"temperature": "warm"}),
        ("grader_parameters", {"seed": "x"}),
        ("manifest", {"name": 1}),
    ],
)
def test_a_damaged_piece_is_one_line(key: str, value: object, path: Path) -> None:
    """Also where another part of the program reads what is within a setting."""
    damage(path, key, value)
    with pytest.raises(StoreError, match=r"^run 'one': its settings hold a value .* a copy$"):
        preceptor.resume("one", store=path)


def test_settings_are_printed_as_they_are_kept(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`runs` and `show` print the JSON of the store, newer keys included."""
    damage(path, "colour", "red")
    with closing(sqlite3.connect(path)) as connection:
        (text,) = connection.execute("SELECT settings FROM runs").fetchone()
    capsys.readouterr()
    assert main(["runs", "--json", "--store", str(path)]) == 0
    [run] = json.loads(capsys.readouterr().out)
    assert main(["show", "one", "--json", "--store", str(path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert json.loads(text) == run["settings"] == shown["settings"]
    assert list(run["settings"])[-1] == "colour"


def by_text(tree: ast.AST) -> Iterator[int]:
    """Lines in which settings are read or written by a text in the place of a field's name."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=held, slice=ast.Constant(value=str())):
                pass
            case ast.Call(func=ast.Attribute(value=held, attr="get" | "pop" | "setdefault")):
                pass
            case ast.Compare(left=ast.Constant(value=str()), comparators=[held]):
                pass
            case _:
                continue
        if isinstance(held, ast.Name | ast.Attribute):
            name = held.id if isinstance(held, ast.Name) else held.attr
            if name == "settings":
                yield node.lineno


@pytest.mark.parametrize("text", ['run.settings["a"]', 'settings.get("a")', '"a" in i.settings'])
def test_access_by_text_is_found(text: str) -> None:
    """The search of the next test finds what it looks for."""
    assert list(by_text(ast.parse(text))) == [1]


def test_settings_are_read_by_field() -> None:
    """No module reads a run's settings by a text, which a type checker would not see."""
    found = {path.name: list(by_text(ast.parse(path.read_text("utf-8")))) for path in SOURCES}
    assert {name: lines for name, lines in found.items() if lines} == {}
