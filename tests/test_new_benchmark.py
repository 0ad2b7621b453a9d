"""Benchmarks of other packages, and the page that says how to write one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from outside_package import MODULE, POINTS, installed
from preceptor import benchmarks, cli
from preceptor.benchmarks.groups import group
from preceptor.errors import Unavailable
from preceptor.records import Example, Graded, Message, Response

PAGE = (Path(__file__).parent.parent / "docs" / "new-benchmark.md").read_text("utf-8")

pytestmark = pytest.mark.usefixtures("bare")


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every file of the page, in an empty folder that is the current one."""
    found = re.findall(
        r"^`([\w./-]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE
    )
    for name, text in found:
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRECEPTOR_STORE", raising=False)
    return tmp_path


def test_the_benchmark_of_the_page_runs(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Installed by its own pyproject.toml, it is linted, shown, run and scored as the page says."""
    project = tomllib.loads((built / "pyproject.toml").read_text("utf-8"))["project"]
    [(name, target)] = project["entry-points"]["preceptor.benchmarks"].items()
    module = (built / "ward_round.py").read_text("utf-8")
    points = f"[preceptor.benchmarks]\n{name} = {target}\n"
    [console] = re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    commands = [line.removeprefix("$ preceptor ").split() for line in console.splitlines()]
    with installed(monkeypatch, built / "site", {"ward_round.py": module}, points):
        codes = []
        for command in commands:
            capsys.readouterr()
            codes.append(cli.main(command))
    assert codes == [1, 0, 0, 0]
    assert [command[0] for command in commands] == ["lint", "card", "run", "score"]
    score = json.loads(capsys.readouterr().out)
    metrics = score["metrics"]
    assert metrics["overall_score"]["value"] == pytest.approx(1 / 3)
    assert metrics["ward:7B"]["value"] == 0.5
    assert metrics["ward:ICU"]["value"] == 0
    assert score["departures"] == []


def test_the_only_fault_of_the_rows_of_the_page_is_the_licence(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the page says."""
    module = (built / "ward_round.py").read_text("utf-8")
    points = "[preceptor.benchmarks]\nward = ward_round:BENCHMARKS\n"
    with installed(monkeypatch, built / "site", {"ward_round.py": module}, points):
        cli.main(["lint", "ward-round.jsonl", "--benchmark", "ward-round", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [finding["rule"] for finding in found["findings"]] == ["missing-licence"]


def test_the_test_of_the_page_passes(built: Path) -> None:
    """It is run by pytest, as its reader would."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_ward_round.py"]
    done = subprocess.run(command, cwd=built, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_the_protocol_of_the_page_scores(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right whatever the case, wrong if another text, missing where the call failed."""
    monkeypatch.syspath_prepend(str(built))
    made: dict[str, Any] = {}
    exec((built / "exactly.py").read_text("utf-8"), made)
    protocol = made["EXACTLY"]
    examples = [
        Example(name, (Message("user", name),), (), target={"answer": "Potassium"})
        for name in ("a", "b", "c")
    ]
    responses = [
        Response("1", " potassium\n"),
        Response("2", "sodium"),
        Response("3", failure="timeout"),
    ]
    graded = [Graded(e, 0, r, ()) for e, r in zip(examples, responses, strict=True)]
    scores = [protocol.score(item) for item in graded]
    metric = protocol.summarise(scores, examples)["overall_score"]
    assert (metric.value, metric.n, metric.bounds) == (
        0.5,
        2,
        (pytest.approx(1 / 3), pytest.approx(2 / 3)),
    )
    assert metric.coverage == pytest.approx(2 / 3)


def test_benchmarks_of_other_packages_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in every list after our own, and in the groups all and languages."""
    own = benchmarks.all_benchmarks()
    names = ["made-up-exam", "made-up-examen", "made-up-ward"]
    with installed(monkeypatch, tmp_path, {"made_up_benchmarks.py": MODULE}):
        assert [b.name for b in benchmarks.all_benchmarks()] == [*(b.name for b in own), *names]
        assert benchmarks.get("made-up-ward").title == "The ward"
        assert [b.name for b in group("all")][-3:] == names
        assert [b.name for b in group("languages")][-2:] == names[:2]
    assert benchmarks.all_benchmarks() == own


@pytest.mark.parametrize(
    ("module", "points", "complaint"),
    [
        ("", POINTS, r"cannot be loaded \(AttributeError\): repair or uninstall made-up"),
        ("import nowhere_to_be_found", POINTS, r"cannot be loaded \(ModuleNotFoundError\)"),
        ("BENCHMARKS = ('medqa',)", POINTS, "expected benchmarks, found str"),
        (
            MODULE.replace('"made-up-ward", title', '"starter", title'),
            POINTS,
            "there is a benchmark starter already",
        ),
    ],
)
def test_a_broken_package_is_named(
    module: str, points: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that says which package to repair, instead of a list with a hole in it."""
    files = {"made_up_benchmarks.py": module}
    with (
        installed(monkeypatch, tmp_path, files, points),
        pytest.raises(
            Unavailable, match=f"entry point made-up of the package made-up: {complaint}"
        ),
    ):
        benchmarks.all_benchmarks()
