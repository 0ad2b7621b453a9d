"""The commands and programs that the documents show are run, as they stand there.

A block of ``console`` is a list of commands with a part of what they print; ``# exit N`` behind a
command is the exit code that it must have. A block of ``python`` that begins with ``# name.py`` is
that file; any other is a program, run as a notebook would: inside a running event loop.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pytest

import children
from preceptor.testing import FakeEndpoint

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "docs/tour.md", "docs/importing.md", "docs/systems.md", "docs/api.md"]
PAGES += [
    "docs/extending.md",
    "CONTRIBUTING.md",
    "docs/comparing.md",
    "docs/rewards.md",
    "docs/scaling.md",
    "docs/cost.md",
    "docs/reading.md",
    "docs/frames.md",
    "docs/outcomes.md",
    "docs/baselines.md",
    "docs/own-tasks.md",
    "docs/segmentation.md",
    "docs/studio.md",
]

_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\w+\.py)\n")
_EXIT = re.compile(r"\s+# exit (\d+)$")


class Shell:
    """A folder with the environment in which a reader would type."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self.folder = folder
        passed = ("HOME", "LANG", "TMPDIR", "PYTHONPATH")
        kept = {key: os.environ[key] for key in passed if key in os.environ}
        programs = folder.with_name(f"{folder.name}-bin")
        path = [str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]
        self.environment = (
            kept
            | children.commands(programs)
            | {
                "PATH": os.pathsep.join(path),
                "OPENAI_BASE_URL": base_url,
                "OPENAI_API_KEY": "not-a-key",
                "PRECEPTOR_CACHE": str(folder / "cache"),
                "HF_HUB_OFFLINE": "1",
                "PIP_NO_INDEX": "1",
                "PYTHONWARNINGS": "error",
                "PYTHONUTF8": "1",
            }
        )

    def run(self, command: str) -> tuple[int, str]:
        """(exit code, all that it printed)."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout


def _is_a_target(shell: Shell, command: str) -> None:
    target = command.removeprefix("make ")
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def _says(*expected: str) -> Callable[[Shell, str], None]:
    def check(shell: Shell, command: str) -> None:
        code, printed = shell.run(command)
        assert code == 2, printed
        assert printed.strip().splitlines()[-1].startswith("error: "), printed
        for text in expected:
            assert text in printed

    return check


def _with_marks(shell: Shell, command: str) -> None:
    path = shell.folder / "marks.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book["marks"]
    column = [cell.value for cell in sheet[1]].index("mark") + 1
    for number in range(2, sheet.max_row + 1):
        sheet.cell(number, column).value = ("met", "not met")[number % 2]
    book.save(path)
    code, printed = shell.run(command)
    assert code == 0, printed
    assert "agree" in printed


#: Beginning of a command → why it is not run, and what is checked instead.
NOT_RUN: dict[str, tuple[str, Callable[[Shell, str], None]]] = {
    "make ": ("builds an environment of its own, with a network", _is_a_target),
    "preceptor fetch healthbench": (
        "needs a network; without one it says what to get by hand",
        _says("by hand and put it at", "--data"),
    ),
    "preceptor fetch local/": (
        "needs a network; without one it says where the file goes",
        _says("SHA-256", "models"),
    ),
    "preceptor run healthbench-": (
        "needs data that is fetched; without it, it says so",
        _says("preceptor fetch healthbench-"),
    ),
    "preceptor tasks read marks.xlsx": ("a person marks in between; here a program", _with_marks),
    "preceptor run starter --system local/": (
        "needs a gigabyte of weights and minutes; without them it says so",
        _says("preceptor fetch local/smollm2-135m"),
    ),
}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    (tmp_path / "docs").mkdir()
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    with FakeEndpoint() as fake:
        yield Shell(tmp_path, fake.address("any").partition("#")[0])


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_works(page: str, shell: Shell) -> None:
    """Every command ends as the page says and prints the lines that it shows; programs run."""
    blocks = _BLOCK.findall((ROOT / page).read_text("utf-8"))
    assert blocks
    for language, text in blocks:
        if language == "python":
            _run_program(shell, text)
        else:
            for command, shown in _commands(text):
                _run_command(shell, command, shown)


def test_every_exception_is_needed() -> None:
    """A command that is no longer in any page is no longer in the table of exceptions."""
    texts = [(ROOT / page).read_text("utf-8") for page in PAGES]
    for beginning in NOT_RUN:
        assert any(f"$ {beginning}" in text for text in texts), beginning


def test_links_of_the_readme_lead_somewhere() -> None:
    """Every relative link of the README and of CONTRIBUTING names a file, and its heading."""
    for page in ("README.md", "CONTRIBUTING.md"):
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)", (ROOT / page).read_text("utf-8")):
            path, _, heading = link.partition("#")
            linked = ROOT / (path or page)
            assert linked.exists(), link
            target = linked.read_text("utf-8") if heading else ""
            headings = [_slug(text) for text in re.findall(r"^#+ (.*)$", target, re.MULTILINE)]
            assert not heading or heading in headings, link


def _slug(heading: str) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def _commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """(command, the lines shown below it) of a console block."""
    joined = text.replace("\\\n", " ")
    assert joined.startswith("$ "), text
    for part in re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]:
        command, *shown = part.rstrip("\n").split("\n")
        yield command, shown


def _run_command(shell: Shell, command: str, shown: list[str]) -> None:
    for beginning, (_, check) in NOT_RUN.items():
        if command.startswith(beginning):
            check(shell, command)
            return
    marked = _EXIT.search(command)
    code, printed = shell.run(_EXIT.sub("", command))
    # The fake endpoint's answers to an exam cannot be read, which a run ends with 1 for.
    unread = code == 1 and "no answer could be read" in " ".join(printed.split())
    assert unread or code == (int(marked[1]) if marked else 0), f"{command}\n{printed}"
    assert "Traceback" not in printed
    real = [_loose(line) for line in printed.splitlines()]
    for line in shown:
        wanted = _loose(line.partition("…")[0])
        cut = "…" in line
        assert any(r.startswith(wanted) if cut else r == wanted for r in real), (
            f"$ {command}\ndoes not print\n{line}\nbut\n{printed}"
        )


def _loose(line: str) -> str:
    """A line without what varies: lines of tables, decimals, the column for clipped scores."""
    line = re.sub(r"[\u2500-\u257f]", " ", line)
    line = re.sub(r"-?\d+\.\d+%?( to -?\d+\.\d+)?", " ", line)
    return " ".join(line.replace("–", " ").replace("unclipped", " ").split())


def _run_program(shell: Shell, text: str) -> None:
    named = _FILE.match(text)
    if named:
        (shell.folder / named[1]).write_text(text, "utf-8")
        code, printed = shell.run(f"python {named[1]}")
    else:
        (shell.folder / "program.txt").write_text(text, "utf-8")
        run = "exec(compile(open('program.txt').read(), 'program', 'exec'), globals())"
        main = f"import asyncio\nasync def main():\n    {run}\nasyncio.run(main())\n"
        (shell.folder / "cell.py").write_text(main, "utf-8")
        code, printed = shell.run("python cell.py")
    assert code == 0, f"{text}\n{printed}"
