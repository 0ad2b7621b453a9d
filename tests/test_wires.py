"""Every kind of system carries parts, tools and media both ways, or is refused before a call."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor import benchmarks
from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.environments.base import Environment, Session
from preceptor.environments.tools import ToolSession
from preceptor.errors import EndpointError, EndpointRefused, InputError
from preceptor.protocols.choice import ChoiceProtocol, choice_example
from preceptor.records import Example, File, Image, Message, Text, ToolCall, ToolResult
from preceptor.systems.base import ToolSpec
from preceptor.systems.batch.model import BatchModel
from preceptor.systems.batch.work import Pace
from preceptor.systems.inspect_ai.failures import Failures
from preceptor.systems.wire import refuses_images
from preceptor.testing import FakeEndpoint
from preceptor.testing.batches import FakeBatches

QUESTION_PNG, RESULT_PNG, PDF = b"\x89PNG asked", b"\x89PNG found", b"%PDF asked"
LOOK = ToolSpec(
    "look_up",
    "Looks a value up.",
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
)
#: Calls of both turns: two at once, then one.
PLAN = ((("look_up", '{"a": 1}'), ("look_up", '{"a": 2}')), (("look_up", '{"a": 3}'),))


class Chart(ToolSession):
    """Gives the value that is asked for, with a picture where the environment has any."""

    tools = (LOOK,)

    def __init__(self, pictures: bool) -> None:
        self.pictures, self.asked = pictures, []

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str | ToolResult:
        self.asked.append(arguments["a"])
        media = (Image.of(RESULT_PNG, "image/png"),) if self.pictures else ()
        return ToolResult("", "", f"value {arguments['a']} found", media=media)

    @property
    def state(self) -> Any:
        return self.asked


class Charts(Environment):
    def __init__(self, pictures: bool) -> None:
        self.pictures = pictures
        self.needs = frozenset({"tools", "tool_media"} if pictures else {"tools"})

    def open(self, example: Example) -> Session:
        return Chart(self.pictures)


def looking(pictures: bool, **parts: Any) -> Benchmark:
    """One question with these parts, whose answer may be looked up first."""

    class Looking(ChoiceProtocol):
        environment = Charts(pictures)

    def parse(row: Fields) -> Example:
        asked = choice_example("e", "What follows?", {"A": "1", "B": "2"}, "B")
        words = Text(asked.messages[0].text)
        return Example("e", (Message("user", (words, *parts.values())),), (), target=asked.target)

    return Benchmark(
        name="looking",
        title="Looking",
        n_examples=1,
        protocol=Looking(),
        parse=parse,
        family="toy",
        summary="s",
        licence="MIT",
        citation="c",
        url="none",
    )


PARTS = {
    "image": Image.of(QUESTION_PNG, "image/png"),
    "file": File.of(PDF, "application/pdf", "letter.pdf"),
}
#: Kind of system → address, parameters, whether tools may give it pictures.
HTTP: dict[str, tuple[str, tuple[str, ...], bool]] = {
    "chat": ("openai/gpt-4.1", (), False),
    "chat stream": ("openai/gpt-4.1", ("stream=true",), False),
    "responses": ("openai/gpt-5-mini", ("api=responses",), True),
    "responses effort": ("openai/gpt-5-mini", ("reasoning_effort=low", "stream=true"), True),
    "anthropic": ("anthropic/claude-sonnet-4-5", (), True),
    "anthropic stream": (
        "anthropic/claude-opus-4-7",
        ("reasoning_effort=low", "stream=true"),
        True,
    ),
    "gemini 2": ("google/gemini-2.5-flash", (), False),
    "gemini 3": ("google/gemini-3-pro", (), True),
    "gemini 3 stream": ("google/gemini-3-pro", ("stream=true",), True),
    "azure": ("azure/ward", (), False),
    "azure responses": ("azure/ward", ("api=responses", "reasoning_effort=low"), True),
    "openrouter": ("openrouter/meta/llama-3", (), False),
    "compatible": ("{url}#llama", (), False),
    "compatible responses": ("{url}#llama", ("api=responses",), True),
    "inspect": ("inspect/wire/model-a", (), True),
}
BATCHES: dict[str, tuple[str, tuple[str, ...], bool]] = {
    name: HTTP[name] for name in ("chat", "responses", "anthropic")
}
PROGRAM = """
import json, sys

CALLS = {plan!r}

def answer(messages, tools):
    with open("seen.jsonl", "a") as file:
        print(json.dumps({{"messages": messages, "tools": tools}}), file=file)
    turn = sum("tool_calls" in message for message in messages)
    if turn == len(CALLS):
        return "B"
    return {{"role": "assistant", "content": "I look.", "tool_calls": [
        {{"id": f"c{{turn}}{{n}}", "type": "function",
         "function": {{"name": name, "arguments": words}}}}
        for n, (name, words) in enumerate(CALLS[turn])]}}

if __name__ == "__main__":
    given = json.load(sys.stdin)
    said = answer(given["messages"], given.get("tools"))
    print(said if isinstance(said, str) else json.dumps(said))
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., preceptor.Run]:
    """Asks a system the question in an environment with or without pictures."""
    (tmp_path / "one.jsonl").write_text('{"id": "e"}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    known = benchmarks.all_benchmarks()

    def asked(pictures: bool, parts: Mapping[str, Any] = PARTS, **options: Any) -> preceptor.Run:
        one = looking(pictures, **parts)
        monkeypatch.setattr(benchmarks, "all_benchmarks", lambda: (*known, one))
        return preceptor.run("looking", data=tmp_path / "one.jsonl", store="s.db", **options)

    return asked


@contextlib.contextmanager
def endpoint(
    monkeypatch: pytest.MonkeyPatch, reasoning: str | None = None, script: Sequence[str] = ()
) -> Iterator[FakeEndpoint]:
    with FakeEndpoint(tools=PLAN, reasoning=reasoning, script=script) as fake:
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("INSPECT_WIRE_URL", fake.url)
        yield fake


def carried(asked: list[str], pictures: bool) -> None:
    """Each request has what was asked and offered, and the results of the turns before it."""
    for request in asked:
        for data in (QUESTION_PNG, PDF):
            assert base64.b64encode(data).decode() in request
        assert "Looks a value up." in request
    for turn, request in enumerate(asked):
        for value in (1, 2, 3):
            found = turn > (0 if value < 3 else 1)
            assert (f"value {value} found" in request) is found
        picture = base64.b64encode(RESULT_PNG).decode() in request
        assert picture is (pictures and turn > 0)


def kept(made: preceptor.Run) -> None:
    """The transcript, its state and who answered."""
    [graded] = made.result().graded
    response = graded.response
    assert response is not None
    assert (response.failure, response.detail) == (None, "")
    kinds = [turn.party for turn in response.turns]
    assert kinds == ["system", "environment", "system", "environment", "system"]
    called = [
        json.loads(part.arguments)["a"]
        for turn in response.turns
        for part in turn.message.parts
        if isinstance(part, ToolCall)
    ]
    assert called == response.state == [1, 2, 3]
    assert response.created_at is not None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", HTTP)
def test_http_carries_parts_tools_and_media(
    kind: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Image and file in, calls out, results back, with a picture where the provider takes any."""
    if kind == "inspect":
        pytest.importorskip("inspect_ai")
        assert importlib.util.find_spec("inspect_wire")
        import inspect_wire  # noqa: F401

    address, parameters, pictures = HTTP[kind]
    with endpoint(monkeypatch) as fake:
        made = run(pictures, system=address.format(url=fake.url), system_params=parameters)
        asked = [json.dumps(call.payload) for call in fake.log]
    kept(made)
    assert len(asked) == 3
    carried(asked, pictures)
    [graded] = made.result().graded
    assert graded.response is not None
    assert graded.response.served_model in address


@pytest.mark.parametrize("kind", BATCHES)
def test_batches_carry_parts_tools_and_media(
    kind: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each turn is a batch of its own."""
    monkeypatch.setattr(BatchModel, "pace", Pace(0.02, 0.05, 0.0, 0.1))
    address, parameters, pictures = BATCHES[kind]
    with FakeBatches(tools=PLAN) as fake, fake.environment():
        made = run(pictures, system=address, system_params=parameters, batch=True)
        asked = [json.dumps(body) for job in fake.jobs for body in job.requests.values()]
    kept(made)
    assert len(asked) == 3
    carried(asked, pictures)


@pytest.mark.parametrize("address", ["python:program:answer", "command:python program.py"])
def test_programs_carry_parts_tools_and_media(address: str, run: Any, tmp_path: Path) -> None:
    """In the form of chat completions, which a program may hand on to a model as it is."""
    (tmp_path / "program.py").write_text(PROGRAM.format(plan=PLAN))
    made = run(True, system=address)
    asked = (tmp_path / "seen.jsonl").read_text().splitlines()
    kept(made)
    carried(asked, True)
    last = json.loads(asked[-1])
    image, file, words = last["messages"][0]["content"]
    assert (words["type"], image["type"], file["type"]) == ("text", "image_url", "file")
    assert last["messages"][1]["tool_calls"][0]["function"]["name"] == "look_up"
    assert last["messages"][2]["tool_call_id"] == "c00"
    assert last["tools"][0]["function"]["parameters"] == LOOK.parameters


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "kind", ["chat", "responses", "anthropic stream", "gemini 3", "azure", "compatible"]
)
def test_a_model_without_vision_stops_the_run_at_once(
    kind: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server says of images is a fault of the set-up: no retry, and no wrong answer."""
    address, parameters, pictures = HTTP[kind]
    with endpoint(monkeypatch, script=["no_images"] * 9) as fake:
        with pytest.raises(EndpointRefused, match="takes no images as it is served: name one"):
            run(pictures, system=address.format(url=fake.url), system_params=parameters)
        assert len(fake.log) == 1


def test_an_exception_that_means_no_vision_stops_the_run() -> None:
    """Of a model that Inspect AI calls; another bad request fails its call alone."""

    class Refusal(Exception):
        status_code = 400

    failures = Failures("inspect/openai/made-up")
    error = failures.read(Refusal("image_url is only supported by certain models."))
    assert isinstance(error, EndpointRefused)
    assert "takes no images as it is served" in str(error)
    other = failures.read(Refusal("max_tokens is too large"))
    assert (other.kind, type(other)) == ("bad_request", EndpointError)


#: What servers say of a request with an image → whether the model takes none at all.
SAID = {
    "image input is not supported - hint: you may need to provide the mmproj": True,
    "Invalid content type. image_url is only supported by certain models.": True,
    "Invalid value: 'image_url'. Supported values are: 'text'.": True,
    "messages[0]: unknown variant `image_url`, expected `text` at line 1": True,
    "No endpoints found that support image input": True,
    "made-up-1 is not a multimodal model": True,
    "At most 0 image(s) may be provided in one prompt.": True,
    "Model does not support images. Please use a model that does.": True,
    "'claude-made-up' does not support image input.": True,
    "Image input modality is not enabled for models/made-up": True,
    "'messages.0.content' must be a string": True,
    "unsupported content[].type": True,
    "At most 1 image(s) may be provided in one prompt.": False,
    "You uploaded an unsupported image. Please use one of these formats: png": False,
    "image exceeds 5 MB maximum": False,
    "Could not process image": False,
    "The server had an error": False,
    "temperature is not supported by this model": False,
}


@pytest.mark.parametrize("words", SAID)
def test_words_that_mean_no_vision(words: str) -> None:
    """Of one image, or of too many, they do not; nor of a request that has none."""
    sent = b'{"content":[{"type":"image_url"}]}'
    assert refuses_images(400, words, sent) is SAID[words]
    assert not refuses_images(400, words, b'{"content":"of an \\"image_url\\""}')
    assert not refuses_images(429, words, sent)


AGENT = """
from inspect_ai.solver import generate, solver

@solver
def plain():
    return generate()
"""
#: Address, parts of the question, whether tools give pictures → what is lacking.
REFUSED = {
    "local image": ("local/qwen2.5-1.5b", "image", False, "takes no images"),
    "local file": ("local/qwen2.5-1.5b", "file", False, "takes no files"),
    "local tools": ("local/qwen2.5-1.5b", None, False, "takes no tools"),
    "chat": ("openai/gpt-4.1", None, True, "takes no images or files from tools"),
    "azure": ("azure/ward", None, True, "takes no images or files from tools"),
    "openrouter": ("openrouter/meta/llama-3", None, True, "takes no images or files from tools"),
    "gemini 2": ("google/gemini-2.5-flash", None, True, "takes no images or files from tools"),
    "python": ("python:simple:answer", None, False, "give the function a parameter tools"),
    "agent": ("inspect:agents.py@plain", None, False, "an agent has its own: name a model"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_a_system_lacks_is_refused_before_a_call(
    kind: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line names the system, what it does not take, and how many examples need it."""
    address, part, pictures, words = REFUSED[kind]
    if kind == "agent":
        pytest.importorskip("inspect_ai")
    (tmp_path / "simple.py").write_text("def answer(messages):\n    return 'B'\n")
    (tmp_path / "agents.py").write_text(AGENT)
    parts = {part: PARTS[part]} if part else {}
    with endpoint(monkeypatch) as fake:
        with pytest.raises(InputError, match=words) as caught:
            run(pictures, parts, system=address)
        assert not fake.log
    assert "\n" not in str(caught.value)
    assert "1 of 1 examples of looking need" in str(caught.value)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_goes_back_with_results(
    name: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the name that the server gave it; other requests have none."""
    with endpoint(monkeypatch, reasoning=name) as fake:
        run(False, system=f"{fake.url}#m", system_params=("reasoning_effort=low",))
        first, second, third = (call.payload["messages"] for call in fake.log)
    assert not any(name in message for message in first)
    assert [message[name] != "" for message in third if name in message] == [True, True]
    assert second[1][name] == third[1][name]
