"""What another package can bring, built from `preceptor.extend` alone."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

import preceptor
from outside_package import installed
from preceptor import cli, extend
from preceptor.errors import Unavailable, UnknownName
from preceptor.systems import resolve

pytestmark = pytest.mark.usefixtures("bare")

MODULE = """\
from preceptor.extend import (
    Ask,
    Benchmark,
    Completion,
    Environment,
    Example,
    Message,
    MetricSpec,
    ModelGrader,
    Parameters,
    RubricProtocol,
    Session,
    System,
    Verdict,
    ask_until_parsed,
    criterion,
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


class Nurse(Session):
    def __init__(self, left):
        self.left = left

    async def reply(self, said):
        self.left -= 1
        return Message("user", "and then?") if self.left >= 0 else None


class Nurses(Environment):
    def __init__(self, address: str) -> None:
        self.times = int(address.partition(":")[2])

    def open(self, example):
        return Nurse(self.times)


def parse(row):
    items = tuple(criterion(item, "text") for item in row.items("rubric"))
    return Example(row.text("id"), (Message("user", row.text("question")),), items)


BENCHMARK = Benchmark(
    name="made-up-talk", title="Made-up talk", family="rubric", summary="made up", licence="MIT",
    citation="nobody", n_examples=1, parse=parse, protocol=RubricProtocol(),
)
WORDS = MetricSpec("Words", lambda graded: len(graded.response.text.split()), unit="words")
LOUD = MetricSpec("Answers in capitals", lambda graded: float(graded.response.text.isupper()))


def hello(name: str = "you") -> None:
    print(f"hello {name}")
"""
POINTS = """\
[preceptor.systems]
parrot = made_up_things:Parrot
[preceptor.graders]
loud = made_up_things:Loud
[preceptor.environments]
nurse = made_up_things:Nurses
[preceptor.metrics]
words = made_up_things:WORDS
capitals = made_up_things:LOUD
[preceptor.benchmarks]
talk = made_up_things:BENCHMARK
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
    """Each works by its name, as ours do; what they gave is read where the package is gone."""
    rows = [{"id": "a", "question": "How?", "rubric": [{"text": "Says it.", "points": 3}]}]
    (tmp_path / "rows.jsonl").write_text(json.dumps(rows[0]), "utf-8")
    folder = tmp_path / "talk"
    folder.mkdir()
    (folder / "benchmark.toml").write_text('name = "visits"\nenvironment = "nurse:2"\n', "utf-8")
    (folder / "examples.jsonl").write_text(json.dumps(rows[0]), "utf-8")
    parts = ["--system", "parrot:loud", "--grader", "loud:parrot:loud"]
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
        asked = ["run", "made-up-talk", "--data", "rows.jsonl", *parts]
        added = ["--metric", "words", "--metric", "capitals", "--name", "counted"]
        assert cli.main([*asked, *added]) == 0
        assert cli.main(["run", "./talk", *parts, "--name", "visit"]) == 0
        assert cli.main([*asked, "--metric", "letters"]) == 2
        assert "unknown metric 'letters': words, capitals" in capsys.readouterr().err
        assert cli.main(["hello", "--name", "ward"]) == 0
        assert capsys.readouterr().out == "hello ward\n"
        assert cli.main(["--help"]) == 0
        assert "hello" in capsys.readouterr().out
    with pytest.raises(UnknownName, match="unknown system"):
        resolve("parrot:loud")
    capsys.readouterr()
    assert cli.main(["score", "counted", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert (metrics["words"]["value"], metrics["words"]["unit"]) == (1, "words")
    assert (metrics["capitals"]["value"], metrics["capitals"]["coverage"]) == (1, 1)
    assert cli.main(["score", "counted"]) == 0
    assert "Answers in capitals" in capsys.readouterr().out
    assert cli.main(["export", "visit", "-o", "visit.jsonl"]) == 0
    assert cli.main(["score", "visit"]) == 0
    (answer,) = preceptor.load("visit").result().graded
    assert answer.response is not None
    said = [turn.message.text for turn in answer.response.turns]
    assert said == ["HOW?", "and then?", "AND THEN?", "and then?", "AND THEN?"]


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
