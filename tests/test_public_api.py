"""The one public face: complete, light, and usable as its documentation says."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import preceptor
from data_fixtures import isolate, row, write_rows
from preceptor import extend
from preceptor.testing import FakeEndpoint


@pytest.mark.parametrize("name", preceptor.__all__)
def test_every_name_resolves(name: str) -> None:
    """What `__all__` promises is there, and documented."""
    found = getattr(preceptor, name)
    if name != "__version__":
        assert inspect.getdoc(found), name


@pytest.mark.parametrize("module", [preceptor, extend])
def test_names_are_complete(module: Any) -> None:
    """`dir()` shows them all; nothing is promised twice; the type checker sees the same."""
    assert len(module.__all__) == len(set(module.__all__))
    assert set(module.__all__) <= set(dir(module))
    source = ast.parse(inspect.getsource(module))
    block = next(node for node in source.body if isinstance(node, ast.If))
    typed = {
        line.module: {alias.name for alias in line.names}
        for line in block.body
        if isinstance(line, ast.ImportFrom)
    }
    assert {home: set(names) for home, names in module._HOMES.items()} == typed
    assert set(module.__all__) - {"__version__"} == set(module._HOME_OF)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """So that hasattr, copy and pickle work."""
    assert not hasattr(preceptor, "frobnicate")
    with pytest.raises(AttributeError, match="frobnicate"):
        preceptor.frobnicate  # noqa: B018


def test_import_is_light() -> None:
    """`import preceptor` alone loads no other library, and no room of ours."""
    script = "import sys, preceptor; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    heavy = {"numpy", "sqlalchemy", "aiohttp", "rich", "jinja2", "typer", "msgspec", "asyncio"}
    assert not heavy & loaded
    assert {name for name in loaded if name.startswith("preceptor")} == {
        "preceptor",
        "preceptor.version",
    }


@pytest.mark.parametrize(
    "module",
    [
        "errors",
        "records",
        "scoring",
        "statistics",
        "benchmarks",
        "bridges.graded",
        "bridges.imported",
        "bridges.simple_evals",
        "rewards.records",
        "rewards.rewarder",
        "rewards.server",
        "rewards.wire",
        "reports.export",
        "results.load",
        "reports.score",
        "reports.files",
        "cli",
        "api",
    ],
)
def test_the_lists_of_modules_are_true(module: str) -> None:
    """Each module's `__all__` names what is in it."""
    found = importlib.import_module(f"preceptor.{module}")
    for name in found.__all__:
        assert hasattr(found, name), name


@pytest.mark.parametrize("room", ["records", "errors", "scoring", "statistics"])
def test_the_ground_floor_imports_nothing_above_it(room: str) -> None:
    """Verdicts become scores without a store, a network or a command line."""
    script = f"import sys, preceptor.{room}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    rooms = {name.split(".")[1] for name in done.stdout.split() if name.startswith("preceptor.")}
    ground = {"billing", "errors", "patterns", "reasoning", "records", "scoring", "statistics"}
    assert rooms <= {*ground, "version"}


def test_errors_are_what_a_caller_expects() -> None:
    """One root to catch; wrong input is also a ValueError, a missing name also a LookupError."""
    for name in preceptor.__all__:
        found = getattr(preceptor, name)
        if inspect.isclass(found) and issubclass(found, Exception):
            assert issubclass(found, preceptor.PreceptorError)
    assert issubclass(preceptor.DataError, preceptor.InputError)
    assert issubclass(preceptor.InputError, ValueError)
    assert issubclass(preceptor.UnknownName, LookupError)
    assert str(preceptor.UnknownName("it's")) == "it's"


def test_a_script_needs_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run, score, list, load, report, export: all from the package itself; paths may be texts."""
    isolate(monkeypatch, tmp_path)
    data = write_rows(Path("data.jsonl"), [row("a"), row("b")])
    seen: list[Any] = []
    with FakeEndpoint() as fake:
        run = preceptor.run(
            "healthbench",
            system=fake.address("m"),
            grader=fake.address("judge"),
            data=str(data),
            name="script",
            limit=1,
            watch=seen.append,
        )
    assert repr(run) == f"<Run script: {fake.address('m')} on healthbench>"
    assert run.outcome is not None
    assert run.outcome.status == "done"
    assert seen
    assert run.score()["n_examples"] == 1
    assert [each.info.name for each in preceptor.runs()] == ["script"]
    assert preceptor.load().info == preceptor.load("scr").info
    result = preceptor.load("script").result()
    assert isinstance(result, preceptor.Result)
    assert isinstance(result.metrics["overall_score"], preceptor.Metric)
    assert run.report("report.html", share=True) == Path("report.html")
    assert run.export("answers.jsonl") == Path("answers.jsonl")
    with pytest.raises(preceptor.InputError, match="exists already"):
        preceptor.run(
            "healthbench",
            system="physician",
            grader="http://127.0.0.1:9/v1#m",
            data=write_physician(),
            name="script",
        )
    with pytest.raises(preceptor.UnknownName, match="no such run"):
        preceptor.load("nope")


def write_physician() -> str:
    answer = {"ideal_completion": "made-up", "ideal_completions_group": "Group 1"}
    return str(write_rows(Path("p.jsonl"), [row("a", ideal_completions_data=answer)]))
