"""Messages of parts, tools on every wire, and the loop between a system and its environment."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import msgspec
import pytest

from conftest import read_whole
from preceptor.engine.interaction import interact
from preceptor.engine.keys import response_key
from preceptor.environments.base import Session
from preceptor.graders.base import render_conversation
from preceptor.records import (
    Completion,
    Criterion,
    Example,
    File,
    Graded,
    Image,
    Message,
    Reasoning,
    Response,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    as_answer,
)
from preceptor.results.notes import run_notes
from preceptor.systems import resolve
from preceptor.systems.base import Ask, Parameters, ToolSpec
from preceptor.systems.http_model import HttpModel

PNG = b"\x89PNG made up"
IMAGE = Image.of(PNG, "image/png")
PDF = File.of(b"%PDF made up", "application/pdf", "letter.pdf")
LOOK = ToolSpec("look_up", "Looks a value up.", {"type": "object", "properties": {}})
ASKED = Message("user", (Text("What is this?"), IMAGE, PDF))
CALL = ToolCall("c1", "look_up", '{"a":1}')
CALLED = Message("assistant", (Reasoning("hm"), Text("I look."), CALL))
GAVE = Message("tool", (ToolResult("c1", "look_up", "7 mmol/L"),))
DATA = base64.b64encode(PNG).decode()
PDF_DATA = base64.b64encode(PDF.data).decode()
SYSTEMS = {
    "chat": ("openai/gpt-4.1", Parameters()),
    "responses": ("openai/gpt-4.1", Parameters(api="responses")),
    "anthropic": ("anthropic/claude-sonnet-4-5", Parameters()),
    "gemini": ("google/gemini-2.5-flash", Parameters()),
}


def system(wire: str, monkeypatch: pytest.MonkeyPatch) -> HttpModel:
    """A model that is never called."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, "sk-made-up")
    found = resolve(*SYSTEMS[wire])
    assert isinstance(found, HttpModel)
    return found


def payload(wire: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is posted for a question with an image and a file, a tool call and its result."""
    ask = Ask((ASKED, CALLED, GAVE), tools=(LOOK,))
    return msgspec.to_builtins(system(wire, monkeypatch).exchange(ask).payload)


def test_chat_carries_parts_and_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images and files go as data URLs; reasoning goes to no other call."""
    found = payload("chat", monkeypatch)
    url = f"data:image/png;base64,{DATA}"
    file = {"filename": "letter.pdf", "file_data": f"data:application/pdf;base64,{PDF_DATA}"}
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"a":1}'}}
    assert found["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": url}},
                {"type": "file", "file": file},
            ],
        },
        {"role": "assistant", "content": "I look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "7 mmol/L"},
    ]
    assert found["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "look_up",
                "description": "Looks a value up.",
                "parameters": LOOK.parameters,
            },
        }
    ]


def test_responses_carry_parts_and_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls and their results are items beside the messages."""
    found = payload("responses", monkeypatch)
    image, file = found["input"][0]["content"][1:]
    assert image == {"type": "input_image", "image_url": f"data:image/png;base64,{DATA}"}
    assert file["type"] == "input_file"
    assert found["input"][1:] == [
        {"role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "7 mmol/L"},
    ]
    assert found["tools"][0]["name"] == "look_up"


def test_anthropic_carries_parts_and_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result stands in the user's turn; arguments are an object."""
    found = payload("anthropic", monkeypatch)
    source = {"type": "base64", "media_type": "image/png", "data": DATA}
    assert found["messages"][0]["content"][1] == {"type": "image", "source": source}
    assert found["messages"][1]["content"] == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "c1", "name": "look_up", "input": {"a": 1}},
    ]
    assert found["messages"][2] == {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "7 mmol/L"}],
    }
    assert found["tools"][0]["input_schema"] == LOOK.parameters


def test_gemini_carries_parts_and_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call is told by its name, and by its id where Gemini gave it one."""
    found = payload("gemini", monkeypatch)
    assert found["contents"][0]["parts"][1] == {
        "inlineData": {"mimeType": "image/png", "data": DATA}
    }
    assert found["contents"][1]["parts"][1] == {
        "functionCall": {"id": "c1", "name": "look_up", "args": {"a": 1}}
    }
    given = {"id": "c1", "name": "look_up", "response": {"result": "7 mmol/L"}}
    assert found["contents"][2] == {"role": "user", "parts": [{"functionResponse": given}]}
    assert found["tools"][0]["functionDeclarations"][0]["name"] == "look_up"


def events(*data: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + msgspec.json.encode(each) + b"\n\n" for each in data)


REPLIES = {
    "chat": msgspec.json.encode(
        {
            "model": "gpt-4.1-2025-04-14",
            "choices": [
                {
                    "finish_reason": "tool_calls",
                    "message": {
                        "content": "I look.",
                        "tool_calls": [
                            {
                                "id": "c1",
                                "type": "function",
                                "function": {"name": "look_up", "arguments": '{"a":1}'},
                            }
                        ],
                    },
                }
            ],
        }
    ),
    "responses": msgspec.json.encode(
        {
            "model": "gpt-4.1-2025-04-14",
            "status": "completed",
            "output": [
                {"type": "message", "content": [{"type": "output_text", "text": "I look."}]},
                {
                    "type": "function_call",
                    "call_id": "c1",
                    "name": "look_up",
                    "arguments": '{"a":1}',
                },
            ],
        }
    ),
    "anthropic": msgspec.json.encode(
        {
            "model": "claude-sonnet-4-5-20250929",
            "stop_reason": "tool_use",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "look_up", "input": {"a": 1}},
            ],
        }
    ),
    "gemini": msgspec.json.encode(
        {
            "modelVersion": "gemini-2.5-flash",
            "candidates": [
                {
                    "finishReason": "STOP",
                    "content": {
                        "parts": [
                            {"text": "I look."},
                            {"functionCall": {"id": "c1", "name": "look_up", "args": {"a": 1}}},
                        ]
                    },
                }
            ],
        }
    ),
}


@pytest.mark.parametrize("wire", REPLIES)
def test_a_reply_has_its_tool_calls_and_the_model_that_answered(
    wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the words, which stay what is graded."""
    found = system(wire, monkeypatch).exchange(Ask((ASKED,))).parse(REPLIES[wire])
    assert found.text == "I look."
    assert found.calls == (CALL,)
    assert found.served_model is not None
    assert found.served_model in REPLIES[wire].decode()


def test_calls_in_pieces_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams give the arguments of several calls in turn, by index."""
    first = {"index": 0, "id": "c1", "function": {"name": "look_up", "arguments": '{"a"'}}
    second = {"index": 1, "id": "c2", "function": {"name": "look_up", "arguments": "{}"}}
    rest = {"index": 0, "function": {"arguments": ":1}"}}
    chat = events(
        {"choices": [{"delta": {"tool_calls": [first, second]}}]},
        {"choices": [{"delta": {"tool_calls": [rest]}, "finish_reason": "tool_calls"}]},
    )
    anthropic = events(
        {"type": "message_start", "message": {"model": "m"}},
        {
            "type": "content_block_start",
            "content_block": {"type": "tool_use", "id": "c1", "name": "look_up", "input": {}},
        },
        {
            "type": "content_block_delta",
            "delta": {"type": "input_json_delta", "partial_json": '{"a"'},
        },
        {
            "type": "content_block_delta",
            "delta": {"type": "input_json_delta", "partial_json": ":1}"},
        },
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    )
    asked = system("chat", monkeypatch).exchange(Ask((ASKED,)), stream=True)
    found = read_whole(chat, asked.parse, asked.events)
    assert found.calls == (CALL, ToolCall("c2", "look_up"))
    asked = system("anthropic", monkeypatch).exchange(Ask((ASKED,)), stream=True)
    found = read_whole(anthropic, asked.parse, asked.events)
    assert found == Completion(
        "",
        "tool_use",
        served_model="m",
        calls=(CALL,),
        cost_usd=found.cost_usd,
    )


def test_a_message_that_is_a_text_encodes_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the keys in stores that exist stay valid; an image counts by its hash alone."""
    plain = Message("user", "Hello")
    assert msgspec.json.encode(plain) == b'{"role":"user","content":"Hello"}'
    example = Example("e", (plain,), (Criterion("c", 3),), ("a:b",))
    # As commit 777975d, whose stores have format 5, gives them.
    assert example.key == "b42c4e7add089dd7a6b10bf5aab18e82"
    assert example.prompt_key == "9fab8cad2424a8f1a1bac0e2e6e55ce9"
    model = system("chat", monkeypatch)
    assert response_key(model, Ask((plain,)), None) == "e93ce2fbdec9f3b236bcb0cdbb3e1693"
    bare = msgspec.structs.replace(IMAGE, data=b"")
    one, other = (Example("e", (Message("user", (Text("x"), each)),), ()) for each in (IMAGE, bare))
    assert one.key == other.key
    assert one.prompt_key == other.prompt_key
    assert one.key != Example("e", (Message("user", (Text("x"),)),), ()).key


def test_parts_come_back_from_json() -> None:
    """Each part is tagged with its type."""
    for message in (ASKED, CALLED, GAVE):
        assert msgspec.json.decode(msgspec.json.encode(message), type=Message) == message
    assert CALLED.text == "I look."
    assert ASKED.with_text("And this?").parts == (IMAGE, PDF, Text("And this?"))


def test_a_tool_call_behind_reasoning_is_no_failure() -> None:
    """It has no text, and something was done; reasoning alone stays a failure."""
    thought = Response("k", "", reasoning_length=40)
    assert as_answer(thought).failure == "reasoning_only"
    calling = Turn(Message("assistant", (CALL,)))
    assert as_answer(msgspec.structs.replace(thought, turns=(calling,))).failure is None
    said = (calling, Turn(Message("assistant", "")))
    assert as_answer(msgspec.structs.replace(thought, turns=said)).failure == "reasoning_only"


def test_a_judge_is_shown_what_was_done() -> None:
    """Tool calls, results and the names of files stand in the conversation, reasoning does not."""
    assert render_conversation((ASKED, CALLED, GAVE)) == (
        "user: What is this?\n\n[image/png]\n\n[letter.pdf]\n\n"
        'assistant: I look.\n\n[calls look_up: {"a":1}]\n\n'
        "tool: [result of look_up: 7 mmol/L]"
    )


class Ward(Session):
    """Answers each tool call once, then is done."""

    tools = (LOOK,)

    def __init__(self) -> None:
        self.closed = False
        self.looked: list[str] = []

    async def reply(self, said: Message) -> Message | None:
        calls = [part for part in said.parts if isinstance(part, ToolCall)]
        self.looked += [call.id for call in calls]
        if not calls:
            return None
        return Message("tool", tuple(ToolResult(call.id, call.name, "7") for call in calls))

    @property
    def state(self) -> Any:
        return {"looked": self.looked}

    async def close(self) -> None:
        self.closed = True


def test_one_loop_for_tools() -> None:
    """The system's calls are answered until it makes none; all turns and the state are kept."""
    asked: list[Ask] = []

    async def call(ask: Ask) -> Response:
        asked.append(ask)
        if len(asked) == 1:
            return Response("k1", "I look.", usage=Usage(5, 5), turns=(Turn(CALLED),))
        return Response("k2", "It is 7.", cost_usd=0.5, latency_s=2.0)

    ward = Ward()
    found = asyncio.run(interact("whole", Ask((ASKED,)), ward, call))
    assert [ask.tools for ask in asked] == [(LOOK,), (LOOK,)]
    assert asked[1].messages == (
        ASKED,
        CALLED,
        Message("tool", (ToolResult("c1", "look_up", "7"),)),
    )
    assert [turn.party for turn in found.turns] == ["system", "environment", "system"]
    assert (found.key, found.text, found.state) == ("whole", "It is 7.", {"looked": ["c1"]})
    assert found.sent == asked[1].messages
    # What each turn took was kept with it.
    assert (found.usage, found.cost_usd, found.latency_s) == (Usage(), 0.0, 2.0)
    assert ward.closed


def test_tools_are_part_of_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words with other tools are another question; without tools the key is as before."""
    model = system("chat", monkeypatch)
    plain, with_tools = Ask((Message("user", "x"),)), Ask((Message("user", "x"),), tools=(LOOK,))
    assert response_key(model, plain, None) != response_key(model, with_tools, None)


@pytest.mark.parametrize(
    ("system", "served", "said"),
    [
        ("openai/gpt-4.1", "gpt-4.1-2025-04-14", False),
        ("http://host:8000/v1#Qwen/Qwen3-8B", "qwen3-8b", False),
        ("openrouter/meta/llama-3", "meta/llama-3", False),
        ("azure/ward-assistant", "gpt-4o", False),
        ("openai/gpt-4.1", "gpt-4o-mini", True),
        ("openai/gpt-4.1", None, False),
    ],
)
def test_another_model_than_asked_for_is_a_note(
    system: str, served: str | None, said: bool
) -> None:
    """Beside the score; a date behind the name is the same model."""
    example = Example("e", (Message("user", "x"),), (), ("a:b",))
    graded = [Graded(example, 0, Response("k", "y", served_model=served), ())]
    notes = run_notes(graded, system=system)
    assert any("another model than asked for" in note for note in notes) is said
