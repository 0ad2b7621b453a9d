"""The reason that is named is the reason: wrong inputs as newcomers make them."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor import benchmarks
from preceptor.benchmarks.base import Benchmark
from preceptor.cli.app import main
from preceptor.errors import DataError, InputError, UnknownName
from preceptor.graders import OWN, resolve_grader
from preceptor.graders.labelled import NoGrader
from preceptor.records import Completion, Example
from preceptor.systems import Parameters, parse_parameters, resolve
from preceptor.systems.base import Ask, System
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def task(name: object, *points: int) -> dict[str, Any]:
    """A row as HealthBench has them."""
    return {
        "prompt_id": name,
        "prompt": [{"role": "user", "content": f"What about case {name}?"}],
        "rubrics": [
            {"criterion": f"Says {name} and {n}.", "points": n, "tags": []} for n in points
        ],
        "example_tags": [],
    }


# Ids


def test_id_that_is_a_number_is_found(tmp_path: Path) -> None:
    """12 and 12.0 of a recorded answer are the example "12"; true and 1.5 are no ids."""
    data = lines(tmp_path / "tasks.jsonl", [task("12", 5), task(13, 5)])
    answers = lines(tmp_path / "a.jsonl", [{"id": 12, "text": "x"}, {"id": 13.0, "text": "y"}])
    with FakeEndpoint() as fake:
        run = preceptor.run(
            "healthbench",
            system=f"replay:{answers}",
            data=data,
            grader=fake.address("g"),
            grader_template="preceptor",
            store=tmp_path / "w.db",
        )
    assert run.score()["coverage"] == 1
    for wrong in (True, 1.5, ["12"]):
        lines(answers, [{"id": wrong, "text": "x"}])
        with pytest.raises(DataError, match="id: expected a text or a whole number") as raised:
            resolve(f"replay:{answers}")
        assert repr(wrong) in str(raised.value)


def test_graded_answers_may_have_numbers_as_ids(tmp_path: Path) -> None:
    """An import finds the example whose id is the number as a text."""
    data = lines(tmp_path / "tasks.jsonl", [task("12", 5)])
    row = {"prompt_id": 12, "response": "x", "criteria_met": [True], "model": "m", "grader": "g"}
    file = lines(tmp_path / "g.jsonl", [row])
    store = f"--store={tmp_path / 'w.db'}"
    words = ["import", "graded", str(file), "--benchmark=healthbench", f"--data={data}", store]
    assert main(words) == 0


def test_default_grader_without_a_key_is_named_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --grader, the message says whose key is missing and how to name another grader."""
    words = ["run", "starter", "--system=physician", f"--store={tmp_path / 'w.db'}"]
    assert main(words) == 2
    err = capsys.readouterr().err
    assert "no key" in err
    assert "it is the grader that starter has unless --grader names another" in err
    assert main([*words, "--grader=openai/gpt-4.1"]) == 2
    assert "unless --grader" not in capsys.readouterr().err


# Scores that are undefined


def test_rubrics_without_points_to_earn_are_refused_before_the_first_call(tmp_path: Path) -> None:
    """No judge is paid for an impossible score; the reason names the example."""
    data = lines(tmp_path / "tasks.jsonl", [task("a", -5, -3), task("b", -1)])
    with FakeEndpoint() as fake:
        with pytest.raises(InputError, match="no criterion with positive points") as raised:
            preceptor.run(
                "healthbench",
                system=fake.address("m"),
                grader=fake.address("g"),
                grader_template="preceptor",
                data=data,
                store=tmp_path / "w.db",
            )
        assert "'a'" in str(raised.value)
        assert fake.calls.total() == 0
        lines(data, [task("a", -5, -3), task("b", 4)])
        run = preceptor.run(
            "healthbench",
            system=fake.address("m"),
            grader=fake.address("g"),
            grader_template="preceptor",
            data=data,
            store=tmp_path / "w.db",
        )
    [note] = [note for note in run.score()["notes"] if "undefined" in note]
    assert note.startswith("1 of 2 examples have no criterion with positive points")


# lint


@pytest.mark.parametrize("first", [12, 0, -11])
@pytest.mark.parametrize("rows", [1, 4])
def test_lint_has_the_limits_of_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], first: int, rows: int
) -> None:
    """Points that a run refuses are a fault of the file read as what it is, on line 1."""
    file = lines(
        tmp_path / "mine.jsonl", [task("a", first), *(task(f"b{n}", 5) for n in range(1, rows))]
    )
    assert main(["lint", str(file), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["benchmark"] == "healthbench"
    [fault] = [each for each in found["findings"] if each["rule"] == "malformed-row"]
    assert fault["line"] == 1
    expected = f"rubrics[0].points: expected an integer from -10 to 10 and not 0, found {first}"
    assert fault["problem"] == expected
    with pytest.raises(DataError, match="integer from -10 to 10 and not 0"):
        benchmarks.get("healthbench").load(file)


def test_lint_of_rows_of_ones_own_has_the_limits_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """lint first says that the rows are no benchmark's, and points of 12 are a fault."""
    rows = [
        {"question": f"What about case {n}?", "criterion": f"Says {n}", "points": n}
        for n in (4, 12)
    ]
    file = lines(tmp_path / "own.jsonl", rows)
    assert main(["lint", str(file)]) == 1
    out, err = capsys.readouterr()
    assert (
        "read as rows of your own, with rubric: no benchmark has such rows" in (err.splitlines()[0])
    )
    assert "expected an integer from -10 to 10 and not 0, found 12" in " ".join(
        out.replace("│", " ").split()
    )


# The library


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"limit": "3"}, "limit: expected `int | None`, got `str`: '3'"),
        ({"limitt": 3}, "limitt: no such option: did you mean limit? there are benchmark, system"),
        ({"repeats": True}, "repeats: expected `int`, got `bool`"),
        ({"max_cost": "free"}, "max_cost: expected `float | None`"),
        ({"batch": 1}, "batch: expected `bool`"),
        ({"data": 5}, "data: expected str, bytes or os.PathLike object, not int"),
        ({"grader_params": "price=free"}, "grader_params: expected `list`"),
    ],
)
@pytest.mark.parametrize("call", [preceptor.run, preceptor.dry_run])
def test_wrong_option_of_the_library_is_one_line(
    tmp_path: Path, call: Any, options: dict[str, Any], words: str
) -> None:
    """What is wrong, what was expected and what there is; never a TypeError."""
    with pytest.raises(InputError) as raised:
        call("starter", system="physician", store=tmp_path / "w.db", **options)
    assert str(raised.value).startswith(words)
    assert "\n" not in str(raised.value)


def test_integer_of_numpy_is_one(tmp_path: Path) -> None:
    """A number that a table gave is taken as the whole number that it is."""
    import numpy as np

    found = preceptor.dry_run(
        "starter", system="http://h/v1#m", grader="http://h/v1#g", limit=np.int64(3),
        grader_template="preceptor", store=tmp_path / "w.db",
    )  # fmt: skip
    assert found.answers == 3


def test_example_without_messages_is_refused(tmp_path: Path) -> None:
    """Examples without a message are refused: all would be one question, with one answer."""
    starter = benchmarks.get("starter")
    file = lines(tmp_path / "x.jsonl", [{}])
    empty = Benchmark(
        **{
            **{name: getattr(starter, name) for name in starter.__struct_fields__},
            "parse": None,
            "read": lambda _: [Example("a", (), ())],
        }
    )
    with pytest.raises(DataError, match="'a' has no message to answer"):
        empty.load(file)


async def test_what_a_system_and_a_grader_promise_is_there() -> None:
    """A system that counts no failures has none; a grader that calls nothing has no systems."""

    class Parrot(System):
        def identity(self) -> dict[str, Any]:
            return {"model": "parrot"}

        async def answer(self, ask: Ask) -> Completion:
            return Completion(ask.messages[-1].content)

    one, two = Parrot(), Parrot()
    one.failures["timeout"] += 1
    assert (one.failures.total(), two.failures.total()) == (1, 0)
    await asyncio.sleep(0)
    assert NoGrader().systems == ()
    assert NoGrader().files() == {}


# The user's own code


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of the user's in the current folder, forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("agent_of_mine", "helper_of_mine"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path / "agent_of_mine.py"


def test_missing_module_is_named(module: Path) -> None:
    """Whether the module itself is missing or one that it imports."""
    with pytest.raises(UnknownName, match=r"No module named 'agent_of_mine'.*folder"):
        resolve("python:agent_of_mine:answer")
    module.write_text("import nowhere_to_be_found\n")
    with pytest.raises(
        UnknownName, match=r"agent_of_mine imports nowhere_to_be_found, .* install it"
    ):
        resolve("python:agent_of_mine:answer")


def test_file_that_changed_before_the_resume_is_said(
    module: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper of the function's module counts, too; an unchanged one says nothing."""
    helper = module.with_name("helper_of_mine.py")
    helper.write_text("WORD = 'yes'\n")
    module.write_text("import helper_of_mine\n\ndef answer(messages):\n    return 'x'\n")
    with FakeEndpoint() as fake:
        words = ["run", "starter", "--system=python:agent_of_mine:answer", "--name=mine"]
        words += [f"--grader={fake.address('g')}", "--grader-template=preceptor"]
        assert main([*words, "--max-total-tokens=2000"]) == 1
        more = ["resume", "mine", "--max-total-tokens"]
        assert main([*more, "4000"]) == 1
        assert "two versions" not in capsys.readouterr().err
        helper.write_text("WORD = 'no'\n")
        assert main([*more, "99999999"]) == 0
    said = "helper_of_mine changed after the run began"
    assert f"warning: {said}" in capsys.readouterr().err
    assert [said in note for note in preceptor.load("mine").score()["notes"]].count(True) == 1


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("openai:gpt-4.1", "openai/gpt-4.1"),
        ("gpt-4.1", "openai/gpt-4.1"),
        ("Anthropc/mine", "anthropic/mine"),
        ("localhost:8000/v1#m", "http://localhost:8000/v1#m"),
        ("10.0.0.7:8000#m", "http://10.0.0.7:8000#m"),
        ("mine", None),
        ("ollama/mine", None),
    ],
)
def test_address_that_is_meant_is_named(address: str, meant: str | None) -> None:
    """An address that lacks a little is answered with the one that has it; no other is guessed."""
    for resolved in (resolve, lambda name: resolve_grader(name, Parameters(), OWN)):
        with pytest.raises(UnknownName, match="expected one of openai/MODEL") as raised:
            resolved(address)
        asked = f"did you mean {meant}? expected" in str(raised.value)
        assert asked if meant else "did you mean" not in str(raised.value)


def test_parameter_that_is_meant_is_named() -> None:
    """A parameter with a slip of the pen is answered with the nearest one."""
    with pytest.raises(InputError, match=r"=0': did you mean temperature\? expected KEY"):
        parse_parameters(["temprature=0"], "--system-param")
