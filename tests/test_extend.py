"""What another package can bring, built from `preceptor.extend` alone."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from outside_package import installed
from preceptor import cli, extend
from preceptor.errors import Unavailable, UnknownName
from preceptor.systems import resolve

pytestmark = pytest.mark.usefixtures("bare")

MODULE = """\
from preceptor.extend import (
    Ask,
    Completion,
    ModelGrader,
    Parameters,
    System,
    Verdict,
    ask_until_parsed,
    render_conversation,
)


class Parrot(System):
    def __init__(self, address: str, parameters: Parameters) -> None:
        self.address, self.loud = address, address.endswith(":loud")

    def identity(self):
        return {"model": self.address}

    async def answer(self, ask: Ask) -> Completion:
        said = ask.messages[-1].text
        return Completion(said.upper() if self.loud else said, cost_usd=0.0)


class Loud(ModelGrader):
    def __init__(self, address: str, system: System) -> None:
        self.address, self.system = address, system

    def prompt(self, conversation, criterion):
        return render_conversation(conversation)

    async def judge(self, question):
        def read(completion):
            return Verdict(question.key, completion.text.isupper())

        return await ask_until_parsed(self.system, question, read)


def hello(name: str = "you") -> None:
    print(f"hello {name}")
"""
POINTS = """\
[preceptor.systems]
parrot = made_up_things:Parrot
[preceptor.graders]
loud = made_up_things:Loud
[preceptor.commands]
hello = made_up_things:hello
"""


def test_every_public_name_is_there() -> None:
    """Each name is in its module, and in no other place of the list."""
    for name in extend.__all__:
        assert getattr(extend, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        extend.nothing  # noqa: B018
    homes = [importlib.import_module(home) for home in extend._HOMES]
    assert len(extend.__all__) == len(set(extend.__all__)) >= len(homes)


def test_another_package_brings_each_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A system, a grader and a command work by their names, as ours do."""
    monkeypatch.chdir(tmp_path)
    with installed(monkeypatch, tmp_path / "site", {"made_up_things.py": MODULE}, POINTS):
        asked = ["run", "starter", "--system", "parrot:loud", "--grader", "loud:parrot:loud"]
        assert cli.main([*asked, "--limit", "2", "--name", "birds"]) == 0
        assert cli.main(["resume", "birds"]) == 0
        capsys.readouterr()
        assert cli.main(["score", "birds", "--json"]) == 0
        score = json.loads(capsys.readouterr().out)
        assert (score["system"], score["grader"]) == ("parrot:loud", "loud:parrot:loud")
        assert score["coverage"] == 1
        assert cli.main(["hello", "--name", "ward"]) == 0
        assert capsys.readouterr().out == "hello ward\n"
        assert cli.main(["--help"]) == 0
        assert "hello" in capsys.readouterr().out
    with pytest.raises(UnknownName, match="unknown system"):
        resolve("parrot:loud")


def test_a_broken_system_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says which package to repair."""
    files = {"made_up_things.py": "import nowhere_to_be_found"}
    with (
        installed(monkeypatch, tmp_path, files, POINTS),
        pytest.raises(
            Unavailable, match=r"entry point parrot of the package made-up: cannot be loaded"
        ),
    ):
        resolve("parrot:loud")
