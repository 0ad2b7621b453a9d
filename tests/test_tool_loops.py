"""Interactions with tools, from the first call to exports: limits, faults, a stop in the midst."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor import benchmarks
from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.environments.base import Environment, Session
from preceptor.environments.tools import ToolError, ToolSession
from preceptor.errors import EndpointRefused
from preceptor.graders.base import judged, render_conversation
from preceptor.protocols.choice import ChoiceProtocol, choice_example
from preceptor.records import Example, Image, Message, Response, ToolCall, ToolResult, Turn
from preceptor.systems.base import ToolSpec
from preceptor.testing import FakeEndpoint

PNG = b"\x89PNG made up"
LOOK = ToolSpec("look_up", "Looks a value up.")


class Chart(ToolSession):
    """Gives a value and a picture; ``fault`` is what goes wrong."""

    tools = (LOOK,)
    fault: str | None = None

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str | ToolResult:
        self.asked.append(dict(arguments))
        if self.fault == "wrong":
            raise ToolError("no such patient")
        if self.fault == "broken":
            raise KeyError("chart")
        return ToolResult("", "", f"value {len(self.asked)}")

    async def reply(self, said: Message) -> Message | None:
        if self.fault == "silent":
            return Message("tool", ())
        if self.fault == "picture":
            return Message("user", (Image.of(PNG, "image/png"),))
        return await super().reply(said)

    @property
    def state(self) -> Any:
        return {"asked": self.asked}


class Charts(Environment):
    needs = frozenset({"tools"})
    session: type[Session] = Chart

    def open(self, example: Example) -> Session:
        return self.session()


class Looking(ChoiceProtocol):
    environment = Charts()

    def __init__(self) -> None:
        super().__init__(missing_is_wrong=True)


def parse(row: Fields) -> Example:
    asked = f"What follows on {row.text('id')}?"
    return choice_example(row.text("id"), asked, {"A": "1", "B": "2"}, "B")


BENCHMARK = Benchmark(
    name="looking",
    title="Looking",
    n_examples=4,
    protocol=Looking(),
    parse=parse,
    family="toy",
    summary="s",
    licence="MIT",
    citation="c",
    url="none",
)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Options of a run over four questions whose answers may be looked up."""
    path = tmp_path / "four.jsonl"
    path.write_text("".join(json.dumps({"id": f"{i}"}) + "\n" for i in range(4)))
    monkeypatch.chdir(tmp_path)
    known = benchmarks.all_benchmarks()
    monkeypatch.setattr(benchmarks, "all_benchmarks", lambda: (*known, BENCHMARK))
    return {"data": path, "store": "s.db"}


def session(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    monkeypatch.setattr(Charts, "session", type("Made", (Chart,), fields))


def only(run: preceptor.Run) -> Response:
    [graded] = run.result().graded
    assert graded.response is not None
    return graded.response


def results(response: Response) -> list[ToolResult]:
    parts = (part for turn in response.turns for part in turn.message.parts)
    return [part for part in parts if isinstance(part, ToolResult)]


def test_calls_that_no_tool_can_answer_are_answered(asked: dict[str, Any]) -> None:
    """Another tool, no JSON, no object: each has its result, in order; the right one is made."""
    calls = (("guess", "{}"), ("look_up", "{not JSON"), ("look_up", "[1]"), ("look_up", '{"a": 1}'))
    with FakeEndpoint(tools=[calls, calls[:2]]) as fake:
        response = only(preceptor.run("looking", system=fake.address("m"), limit=1, **asked))
    found = results(response)
    assert [each.failed for each in found] == [True, True, True, False, True, True]
    assert found[0].text == "there is no tool guess: expected one of look_up"
    assert found[1].text == "expected the arguments of look_up as a JSON object"
    assert response.state == {"asked": [{"a": 1}]}
    assert response.failure is None


@pytest.mark.parametrize(
    ("limits", "reason", "turns"),
    [
        ({"max_turns": 2}, "max_turns", 3),
        ({"max_tool_calls": 3}, "max_tool_calls", 3),
        ({"max_turns": 1}, "max_turns", 1),
    ],
)
def test_limits_end_an_interaction(
    limits: dict[str, int],
    reason: str,
    turns: int,
    asked: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a stop reason, not a failure: calls beyond a limit are not made."""
    session(monkeypatch, **limits)
    calls = (("look_up", "{}"), ("look_up", "{}"))
    with FakeEndpoint(tools=[calls] * 9) as fake:
        response = only(preceptor.run("looking", system=fake.address("m"), limit=1, **asked))
        assert len(fake.log) == (turns + 1) // 2
    assert (response.failure, response.stop_reason) == (None, reason)
    assert len(response.turns) == turns
    assert len(results(response)) == turns // 2 * 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("broken", "the environment raised KeyError: 'chart'"),
        ("silent", "the environment gave no result to the call of look_up"),
    ],
)
def test_a_failure_of_the_environment_is_its_own(
    fault: str, words: str, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is ungraded and not wrong, the others go on; resumed, no turn is paid twice."""
    session(monkeypatch, fault=fault)
    with FakeEndpoint(tools=[(("look_up", "{}"),)]) as fake:
        run = preceptor.run("looking", system=fake.address("m"), **asked)
        assert run.outcome is not None
        assert run.outcome.status == "incomplete"
        for graded, score in zip(run.result().graded, run.result().scores, strict=True):
            assert graded.response is not None
            assert graded.response.failure == "environment_failed"
            assert words in graded.response.detail
            assert not score.values
        session(monkeypatch)
        again = preceptor.resume("latest", store="s.db")
        assert again.result().coverage == 1
        assert set(fake.delivered.values()) == {1}
        assert len(fake.log) == 8


def test_a_tool_may_say_what_was_wrong(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system sees it as a failed result, and goes on."""
    session(monkeypatch, fault="wrong")
    with FakeEndpoint(tools=[(("look_up", "{}"),)]) as fake:
        response = only(preceptor.run("looking", system=fake.address("m"), limit=1, **asked))
    assert results(response) == [
        ToolResult(results(response)[0].id, "look_up", "no such patient", failed=True)
    ]
    assert response.failure is None


def test_what_the_system_cannot_take_is_not_left_out(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A picture from an environment that never said so ends the answer with a named failure."""
    session(monkeypatch, fault="picture")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "blind.py").write_text("def answer(messages, tools):\n    return 'B'\n")
    import preceptor.systems.user_code as user_code

    monkeypatch.setattr(user_code, "EVERY", frozenset({"tools"}))
    response = only(preceptor.run("looking", system="python:blind:answer", limit=1, **asked))
    assert response.failure == "environment_failed"
    assert "gave images, which the system does not take" in response.detail


def test_calls_without_tools_are_a_failure_of_any_system(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Named ``tool_calls``, also where an empty text would be an answer."""
    monkeypatch.setattr(Looking, "environment", None)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "caller.py").write_text(
        "def answer(messages):\n"
        "    function = {'name': 'look_up', 'arguments': '{}'}\n"
        "    call = {'id': 'c', 'type': 'function', 'function': function}\n"
        "    return {'role': 'assistant', 'content': None, 'tool_calls': [call]}\n"
    )
    response = only(preceptor.run("looking", system="python:caller:answer", limit=1, **asked))
    assert response.failure == "tool_calls"


def test_a_stop_in_the_midst_of_a_tool_loop_pays_for_no_turn_twice(asked: dict[str, Any]) -> None:
    """The session is replayed from the stored turns, with the same state in the end."""
    plan = [(("look_up", f'{{"a": {n}}}'),) for n in range(3)]
    with FakeEndpoint(tools=plan, script=[*[None] * 6, "unauthorized"]) as fake:
        common = {"system": fake.address("m"), "system_params": ("concurrency=1",)}
        with pytest.raises(EndpointRefused):
            preceptor.run("looking", **common, **asked)
        assert fake.delivered.total() == 6
        whole = preceptor.resume("latest", store="s.db")
        assert fake.delivered.total() == 16
        assert set(fake.delivered.values()) == {1}
    for graded in whole.result().graded:
        assert graded.response is not None
        assert graded.response.state == {"asked": [{"a": 0}, {"a": 1}, {"a": 2}]}


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "look_up", "arguments": {}}</tool_call>',
        'I look.\n```json\n{"name": "look_up", "parameters": {"a": 1}}\n```',
        '[{"function": {"name": "look_up", "arguments": "{}"}}]',
    ],
)
def test_a_call_that_is_written_as_text_is_no_answer(
    text: str, asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a stop reason of its own, and the run says so once; nobody makes the call."""
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"writer_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(f"def answer(messages, tools):\n    return {text!r}\n")
    run = preceptor.run("looking", system=f"python:{name}:answer", **asked)
    assert {graded.response.stop_reason for graded in run.result().graded} == {"call_as_text"}
    assert sum("writes tool calls as text" in note for note in run.info.settings.notes) == 1
    assert run.result().graded[0].response.state == {"asked": []}


def test_words_about_a_tool_are_an_answer(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name alone, or JSON of something else, is no call by form."""
    monkeypatch.syspath_prepend(str(tmp_path))
    text = 'With look_up I found:\n```json\n{"name": "Ana", "arguments": 2}\n```\nB'
    (tmp_path / "talker.py").write_text(f"def answer(messages, tools):\n    return {text!r}\n")
    response = only(preceptor.run("looking", system="python:talker:answer", limit=1, **asked))
    assert (response.text, response.stop_reason) == (text, None)


def test_a_turn_that_was_cut_off_makes_no_call(asked: dict[str, Any]) -> None:
    """Its arguments may be whole by chance, and not what was meant: the interaction is over."""
    plan = [(("look_up", '{"a": 1}'),)]
    with FakeEndpoint(tools=plan, script=["cut_off"]) as fake:
        response = only(preceptor.run("looking", system=fake.address("m"), limit=1, **asked))
    assert response.stop_reason == "cut_off"
    assert response.state == {"asked": []}


def test_a_server_that_drops_tools_stops_the_run(asked: dict[str, Any]) -> None:
    """Found by the first question, which goes ahead; nothing is paid again when it is resumed."""
    with FakeEndpoint(drops_tools=True) as fake:
        with pytest.raises(EndpointRefused, match="tokens in the first prompt with tools and"):
            preceptor.run("looking", system=fake.address("m"), **asked)
        with pytest.raises(EndpointRefused, match="name a model or server that takes tools"):
            preceptor.resume("latest", store="s.db")
        assert fake.delivered.total() == 2
        assert preceptor.load("latest", store="s.db").result().system_usage.total > 0


def test_a_model_that_does_not_call_is_asked_once_more(asked: dict[str, Any]) -> None:
    """Without tools, to see that they reach it: that is paid for, and said in one line."""
    with FakeEndpoint() as fake:
        run = preceptor.run("looking", system=fake.address("m"), **asked)
        assert fake.delivered.total() == 5
    assert run.outcome is not None
    [said] = [note for note in run.info.settings.notes if "once more without tools" in note]
    assert "tokens in the prompt with them" in said


def test_what_happened_goes_out_and_comes_back(asked: dict[str, Any], tmp_path: Path) -> None:
    """In jsonl and parquet; a replay and an import of the jsonl have all of it again."""
    pyarrow = pytest.importorskip("pyarrow.parquet")
    with FakeEndpoint(tools=[(("look_up", "{}"),)]) as fake:
        run = preceptor.run("looking", system=fake.address("m"), name="first", **asked)
    run.export("out.jsonl")
    run.export("out.parquet")
    first = [graded.response for graded in run.result().graded]
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    table = pyarrow.read_table("out.parquet").to_pylist()
    for response, row, cells in zip(first, rows, table, strict=True):
        assert response is not None
        assert row["state"] == json.loads(cells["state"]) == response.state
        assert row["served_model"] == cells["served_model"] == "m"
        assert row["created_at"] == cells["created_at"] == response.created_at
        assert len(row["turns"]) == len(json.loads(cells["turns"])) == 3
    replayed = preceptor.run("looking", system="replay:out.jsonl", name="again", **asked)
    again = [graded.response for graded in replayed.result().graded]
    for one, other in zip(first, again, strict=True):
        assert one is not None
        assert other is not None
        kept = ("text", "turns", "state", "stop_reason", "served_model", "created_at")
        assert [getattr(one, name) for name in kept] == [getattr(other, name) for name in kept]


def test_a_judge_is_shown_the_steps_of_an_agent() -> None:
    """They stand before the answer in one message of a tool, so that replies can be counted."""
    asked = (Message("user", "And the potassium?"),)
    called = Message("assistant", (ToolCall("1", "look_up", "{}"),))
    gave = Message("tool", (ToolResult("1", "look_up", "5.9"),))
    last = Message("assistant", "It is 5.9.")
    turns = tuple(map(Turn, (called, gave, last)))
    agent = Response("k", "It is 5.9.", turns=turns)
    assert render_conversation(judged(agent, asked)) == (
        "user: And the potassium?\n\ntool: [calls look_up: {}]\n\n[result of look_up: 5.9]\n\n"
        "assistant: It is 5.9."
    )
    looped = Response(
        "k", "It is 5.9.", sent=(Message("system", "s"), *asked, called, gave), turns=turns
    )
    assert judged(looped, asked) == (Message("system", "s"), *asked, called, gave, last)
    assert judged(Response("k", "x"), asked) == (*asked, Message("assistant", "x"))
