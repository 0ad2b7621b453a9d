"""A model's code: refused without a sandbox, shut in with one; tasks that programs solve."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor.benchmarks import get
from preceptor.environments.sandbox import check_sandbox, run_python
from preceptor.errors import DataError, Unavailable
from preceptor.records import Graded, Response, ToolResult
from preceptor.testing import FakeEndpoint
from suite_answers import DATA, needs

GYM = get("medagentgym-npower")


def refusal() -> str | None:
    try:
        check_sandbox("the tests")
    except Unavailable as error:
        return str(error)
    return None


shut_in = pytest.mark.skipif(refusal() is not None, reason=refusal() or "")


def tasks(folder: Path, **changes: Any) -> Path:
    row = {
        "task_type": "Made-up test",
        "task_id": 1,
        "estimate_target": "size",
        "question": "How many of 7.5 made-up people?",
        "answer": 42,
        **changes,
    }
    path = folder / "test_tasks.jsonl"
    path.write_text(json.dumps(row) + "\n")
    return path


def tool(folder: Path, script: str) -> None:
    path = folder / "bwrap"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("there", [False, True])
async def test_without_a_sandbox_nothing_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Not there, or not able: the run is refused before its first call, and so is a program."""
    empty = tmp_path / "bin"
    empty.mkdir()
    if there:
        tool(empty, "echo 'bwrap: No permissions to create new namespace' >&2; exit 1")
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.chdir(tmp_path)
    words = "cannot make one here: bwrap: No permissions" if there else "install the package"
    with FakeEndpoint() as fake:
        asked = {"system": fake.address("m"), "data": tasks(tmp_path)}
        with pytest.raises(Unavailable, match=words) as caught:
            preceptor.run("medagentgym-npower", **asked)
        assert not fake.log
    assert "code is never run without it" in str(caught.value)
    if not there:
        marker = tmp_path / "ran"
        with pytest.raises(Unavailable, match="bubblewrap"):
            await run_python(f"open({str(marker)!r}, 'w')")
        assert not marker.exists()


@shut_in
async def test_a_program_is_shut_in(tmp_path: Path) -> None:
    """No files of the host, no network, no variables; what it writes is gone, and it is alone."""
    secret = tmp_path / "secret"
    secret.write_text("made up")
    ran = await run_python(
        "import os, socket\n"
        f"print(os.path.exists({str(secret)!r}), 'PRECEPTOR_TEST_DATA' in os.environ)\n"
        "open('/tmp/mine', 'w').write('x'); print(os.listdir('/tmp'))\n"
        "reach = lambda: socket.create_connection(('1.1.1.1', 80))\n"
        "for act in (lambda: open('/usr/x', 'w'), reach):\n"
        "    try: act(); print('done')\n"
        "    except OSError as error: print(type(error).__name__)\n"
        "print(len([name for name in os.listdir('/proc') if name.isdigit()]))\n"
    )
    *lines, processes = ran.output.splitlines()
    assert lines == ["False False", "['mine']", "OSError", "OSError"]
    assert int(processes) <= 3
    assert ran.code == 0
    assert not os.path.exists("/tmp/mine")
    again = await run_python("import os; print(os.listdir('/tmp'))")
    assert again.output == "[]\n"


@shut_in
async def test_limits_stop_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time, output and memory; an error is the program's own words and exit code."""
    with monkeypatch.context() as shorter:
        shorter.setattr("preceptor.environments.sandbox._SECONDS", 1)
        assert (await run_python("while True: pass")).stopped == "no end after 1 s"
    flood = await run_python("while True: print('y' * 1000)")
    assert flood.stopped is not None
    assert "bytes of output" in flood.stopped
    assert len(flood.output) <= 100_000
    large = await run_python("x = 'a' * 10**11")
    assert (large.code, large.output.splitlines()[-1]) == (1, "MemoryError")


@shut_in
def test_an_agent_runs_programs_and_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees what they print and how they fail; a wrong call is answered, and not the end."""
    monkeypatch.chdir(tmp_path)
    turns = [
        [("run_python", {"code": "print(6 * 7)"}), ("run_python", {"code": "1 / 0"})],
        [("finish", {"answer": "42"}), ("run_python", {})],
        [("finish", {"answer": 42})],
    ]
    plan = [[(name, json.dumps(given)) for name, given in turn] for turn in turns]
    with FakeEndpoint(tools=plan) as fake:
        run = preceptor.run("medagentgym-npower", system=fake.address("m"), data=tasks(tmp_path))
    (item,) = run.result().graded
    assert item.response is not None
    parts = [part for turn in item.response.turns for part in turn.message.parts]
    results = [part for part in parts if isinstance(part, ToolResult)]
    assert [each.failed for each in results] == [False, True, True, True]
    assert results[0].text == "42\n"
    assert "ZeroDivisionError" in results[1].text
    metrics = run.result().metrics
    assert metrics["overall_score"].value == 1
    assert metrics["programs"].value == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"estimate_target": "mean"}, "estimate_target: expected one of size, power"),
        ({"answer": 41.5}, "answer: expected a whole number of a size"),
        ({"answer": "many"}, "answer: expected"),
    ],
)
def test_a_wrong_task_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """With file, line and field."""
    with pytest.raises(DataError, match=rf"test_tasks\.jsonl:1: {words}"):
        GYM.load(tasks(tmp_path, **change))


@needs("medagentgym")
def test_sizes_are_exact_and_powers_within_one_per_cent() -> None:
    """Of all 343 tasks; who does not finish is wrong, and not read."""
    examples = GYM.load(DATA).examples
    assert len(examples) == 343
    for example in examples:
        target = example.target
        right, size = target["answer"], target["tolerance"] == 0
        near, far = (right, right + 1) if size else (right * 1.009, right * 1.02)
        for said, score in ((right, 1), (near, 1), (far, 0), (None, 0)):
            response = Response("r", state={"finish": said, "programs": 1})
            values = GYM.protocol.score(Graded(example, 0, response, ())).values
            assert (values["overall_score"], values["parse_rate"]) == (score, said is not None)
    assert len({example.target["cluster"] for example in examples}) < 100


@shut_in
def test_an_estimate_has_the_turns_of_an_agent(tmp_path: Path) -> None:
    """Three calls a task are assumed, each with the tools and with what those before it gave."""
    with FakeEndpoint() as fake:
        asked = {"system": fake.address("m"), "data": tasks(tmp_path)}
        part = preceptor.dry_run("medagentgym-npower", **asked).parts[0]
        assert not fake.log
        preceptor.run("medagentgym-npower", **asked)
        first = fake.log[0].payload
    tools = sum(len(json.dumps(each["function"])) for each in first["tools"])
    assert part.calls.expected == 3
    assert part.input_tokens.expected > 3 * tools / 4.5 + 1_600 / 4.5
