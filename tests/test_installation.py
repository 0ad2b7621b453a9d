"""Extras, the commands that are shown, `preceptor doctor`, the wheel in an empty environment."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from preceptor import installation
from preceptor.cli import main
from preceptor.installation import EXTRAS, install, program

ROOT = Path(__file__).parent.parent
#: Extras that bring several others, or tools of this repository.
_SUMS = {"suite", "docs", "dev"}


def test_extras_are_those_of_the_package() -> None:
    """Every extra of pyproject.toml is listed with its use, and in the table of the docs."""
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(EXTRAS) == set(stated["project"]["optional-dependencies"]) - _SUMS
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE) == [*EXTRAS, "suite"]


def test_an_install_command_names_packages_with_their_bounds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It needs no index that knows Preceptor, and the Python that runs, as seen from the folder."""
    python = tmp_path / ".venv" / "bin" / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.chdir(tmp_path)
    assert re.fullmatch(r"\.venv/bin/python -m pip install 'openpyxl>=[\d.]+'", install("excel")), (
        install("excel")
    )


def test_an_install_command_without_pip_is_one_of_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that uv made has no pip."""
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    assert install("figures").startswith("uv pip install --python ")


def test_the_program_is_named_as_it_must_be_typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By its name where the shell finds it, else by its path from the current folder."""
    script = tmp_path / ".venv" / "bin" / "preceptor"
    script.parent.mkdir(parents=True)
    script.touch(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [".venv/bin/preceptor", "demo"])
    monkeypatch.setenv("PATH", "/usr/bin")
    assert program() == ".venv/bin/preceptor"
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin")
    assert program() == "preceptor"


def test_doctor_says_what_is_missing_and_shows_no_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing extra has its command, a set key its name alone, and no store is made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "sk-very-secret" not in printed
    assert "OPENAI_API_KEY" in printed
    assert "openpyxl" in printed
    assert "preceptor run starter --system openai/" in printed
    assert main(["doctor", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["runs"] is None
    assert facts["keys"]["OPENAI_API_KEY"] is True
    assert not any(facts["extras"].values())
    assert facts["benchmarks"]["starter"] is True
    assert list(tmp_path.iterdir()) == []


def test_doctor_names_what_is_wrong_with_a_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is no store is a fact of the list, not the end of the command."""
    (tmp_path / "notes.db").write_text("not a database", "utf-8")
    assert main(["doctor", "--store", str(tmp_path / "notes.db"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["runs"] is None
    assert "notes.db" in facts["store_problem"]


def test_the_wheel_works_in_an_empty_environment(tmp_path: Path) -> None:
    """With the core's dependencies alone it runs the demo and writes the report."""
    built = tmp_path / "wheels"
    _done([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)], ROOT)
    (wheel,) = built.glob("*.whl")
    place = tmp_path / "environment"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    pip += ["--no-compile"]  # each file would be, and few are imported
    _done([*pip, "--no-deps", "--no-index", str(wheel)], tmp_path)
    (packages,) = (place / "lib").glob("python*/site-packages")
    _link_dependencies(packages)
    command = [str(place / "bin" / "preceptor")]
    printed = _done([*command, "demo"], tmp_path)
    assert "Overall score" in printed
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000
    assert f"{place.name}/bin/preceptor show" in printed
    assert "xllamacpp" in _done([*command, "doctor"], tmp_path)


def _done(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PRECEPTOR_CACHE": str(folder / "c")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def _link_dependencies(packages: Path) -> None:
    """Put what the core needs, and nothing else, into an environment: no network is asked."""
    wanted, seen = ["preceptor"], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        distribution = importlib.metadata.distribution(name)
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(requirement.name)
        if name != "preceptor":
            tops = {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}
            for top in tops - {"__pycache__"}:
                link, target = packages / top, Path(distribution.locate_file(top))
                if not link.exists() and target.exists():
                    link.symlink_to(target)
