"""What goes over the wire to Anthropic's Messages API, and how its replies are read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import preceptor
from conftest import Clock, read_whole
from data_fixtures import row, write_rows
from preceptor.errors import EndpointError
from preceptor.records import Completion, Message, Usage
from preceptor.systems import Ask, Parameters, resolve
from preceptor.systems.anthropic import DEFAULT_MAX_TOKENS, AnthropicModel
from preceptor.systems.endpoint import ErrorInReply
from preceptor.systems.prices import Price
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

CONVERSATION = (
    Message("user", "Can I take ibuprofen?"),
    Message("assistant", "What for?"),
    Message("user", "Gout."),
)
ASK = Ask(CONVERSATION)
TURNS = [{"role": turn.role, "content": turn.content} for turn in CONVERSATION]


@pytest.fixture
def anthropic(monkeypatch: pytest.MonkeyPatch, fake: FakeEndpoint) -> FakeEndpoint:
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    return fake


def model_of(**values: Any) -> AnthropicModel:
    model = resolve("anthropic/m", Parameters(**{"timeout": 20.0, **values}))
    assert isinstance(model, AnthropicModel)
    clock = Clock()
    model.endpoint.now, model.endpoint.sleep = clock.now, clock.sleep
    return model


@pytest.fixture
async def model(anthropic: FakeEndpoint) -> AsyncIterator[AnthropicModel]:
    model = model_of()
    yield model
    await model.close()


# Requests


async def test_only_what_is_set_is_sent(anthropic: FakeEndpoint, model: AnthropicModel) -> None:
    """Beside model and turns: the limit that the API wants, and the headers for key and version."""
    await model.answer(ASK)
    call = anthropic.log[0]
    assert call.path == "/v1/messages"
    assert call.payload == {"model": "m", "max_tokens": DEFAULT_MAX_TOKENS, "messages": TURNS}
    assert call.headers["anthropic-version"] == "2023-06-01"
    assert call.authorized
    assert "Authorization" not in call.headers


async def test_every_parameter_is_sent(anthropic: FakeEndpoint) -> None:
    """The system prompt stands beside the turns, and the grader is shown it as sent."""
    model = model_of(
        system_prompt="Be brief.",
        temperature=0.5,
        max_tokens=300,
        reasoning_effort="low",
        extra_body={"top_k": 3, "output_config": {"format": None}},
    )
    completion = await model.answer(ASK)
    await model.close()
    assert anthropic.log[0].payload == {
        "model": "m",
        "max_tokens": 300,
        "messages": TURNS,
        "system": "Be brief.",
        "temperature": 0.5,
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low", "format": None},
        "top_k": 3,
    }
    assert completion.sent == (Message("system", "Be brief."), *CONVERSATION)
    assert completion.usage.reasoning_tokens == 64
    assert (completion.reasoning_length or 0) > 0


def test_limit_is_part_of_the_identity(anthropic: FakeEndpoint) -> None:
    """Also where it is the default: with another one, answers may be cut elsewhere."""
    known = model_of().identity()
    assert known.pop("server").startswith("http://127.0.0.1")  # not the provider's own
    assert known == {"model": "anthropic/m", "max_tokens": DEFAULT_MAX_TOKENS}
    assert model_of(max_tokens=9).identity()["max_tokens"] == 9
    assert "stream" not in model_of(stream=True).identity()


async def test_request_that_the_api_refuses_is_an_error_in_its_words(
    anthropic: FakeEndpoint,
) -> None:
    """It refuses the log-probabilities of every call alike, so the first says it for all."""
    model = model_of(extra_body={"logprobs": True})
    with pytest.raises(EndpointError, match="logprobs: Extra inputs are not permitted") as caught:
        await model.answer(ASK)
    await model.close()
    assert caught.value.kind == "refused"


# The cache


async def test_shared_beginning_is_written_to_the_cache_once(anthropic: FakeEndpoint) -> None:
    """The text of the turn stays what it is; the marked part is read by the next question."""
    model = model_of(price="3/15/0.3")
    shared = "The conversation. " * 500
    usages = []
    for rest in ("First item?", "Second item?"):
        ask = Ask((Message("user", shared + rest),), shared=len(shared))
        usages.append((await model.answer(ask)).usage)
        content = anthropic.log[-1].payload["messages"][0]["content"]
        assert content == [
            {"type": "text", "text": shared, "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": rest},
        ]
    await model.close()
    assert usages[0].cached_tokens == 0
    assert usages[1].cached_tokens > 2000
    assert abs(usages[1].input_tokens - usages[0].input_tokens) < 5


@pytest.mark.parametrize(
    ("length", "shared", "price"),
    [(9000, 0, "3/15/0.3"), (5000, 4600, "3/15/0.3"), (9000, 9000, "3/15/0.3"),
     (9000, 8000, "3/15"), (9000, 8000, None)],
)  # fmt: skip
async def test_nothing_is_marked_where_it_does_not_pay(
    anthropic: FakeEndpoint, length: int, shared: int, price: str | None
) -> None:
    """Nothing shared, too little of it, the whole turn, or no discount: nobody would gain."""
    model = model_of(price=price)
    await model.answer(Ask((Message("user", "x" * length),), shared=shared))
    await model.close()
    assert anthropic.log[0].payload["messages"] == [{"role": "user", "content": "x" * length}]


@pytest.mark.parametrize("grader", ["anthropic/claude-sonnet-4-5", "openai/gpt-4.1"])
def test_grading_one_answer_writes_its_conversation_to_the_cache_once(
    anthropic: FakeEndpoint, tmp_path: Path, grader: str
) -> None:
    """All criteria of an answer share the conversation: the first writes it, the rest read it."""
    turns = [{"role": "user", "content": f"{number} " * 3000} for number in (1, 2)]
    rows = [row(f"e{n}", (5, -3, 2, 1), prompt=[turn]) for n, turn in enumerate(turns)]
    run = preceptor.run(
        "healthbench",
        data=write_rows(tmp_path / "rows.jsonl", rows),
        system=anthropic.address("m"),
        grader=grader,
        grader_template="preceptor",
        store=tmp_path / "preceptor.db",
    )
    graders = [call for call in anthropic.log if "criteria_met" in repr(call.payload)]
    marked = [call for call in graders if "cache_control" in repr(call.payload)]
    assert len(graders) == 8
    assert len(marked) == (8 if grader.startswith("anthropic") else 0)
    read = [
        verdict.usage.cached_tokens
        for each in run.result().graded
        for verdict in each.verdicts
        if verdict is not None
    ]
    if marked:
        assert sorted(tokens > 1000 for tokens in read) == [False] * 2 + [True] * 6


def body(**changes: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 100, "output_tokens": 10},
        **changes,
    }


def read(reply: Any, price: Price | None = None) -> Completion:
    model = AnthropicModel("anthropic/m", "http://h", "m", "k", Parameters(), price=price)
    return model.exchange(ASK).parse(msgspec.json.encode(reply))


def test_tokens_of_the_cache_are_counted_and_priced() -> None:
    """Anthropic counts them apart from the input; here the input includes them."""
    usage = {
        "input_tokens": 100,
        "cache_creation_input_tokens": 2000,
        "cache_read_input_tokens": 30_000,
        "output_tokens": 10,
    }
    completion = read(body(usage=usage), Price(3, 15, 0.3, 3.75))
    assert completion.usage == Usage(32_100, 10, 30_000)
    assert completion.cost_usd == pytest.approx((100 * 3 + 2000 * 3.75 + 30_000 * 0.3 + 150) / 1e6)
    assert read(body(usage=usage)).cost_usd is None


async def test_cost_is_that_of_reads_and_writes(anthropic: FakeEndpoint) -> None:
    """What is paid for an answer is not computed anew from tokens that do not show the writing."""
    model = model_of(price="3/15/0.3")
    shared = "The conversation. " * 500
    completion = await model.answer(Ask((Message("user", shared + "?"),), shared=len(shared)))
    await model.close()
    usage = completion.usage
    assert completion.cost_usd == pytest.approx(
        (usage.input_tokens * 3 + usage.output_tokens * 15) / 1e6
    )


# Replies


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Completion("Hello", usage=Usage(100, 10))),
        ({"stop_reason": "stop_sequence", "usage": None}, Completion("Hello")),
        ({"stop_reason": "max_tokens", "usage": {}}, Completion("Hello", "length")),
        ({"stop_reason": "model_context_window_exceeded", "usage": {"input_tokens": None}},
         Completion("Hello", "length")),
        ({"stop_reason": "refusal", "content": [], "usage": {"output_tokens": 2},
          "stop_details": {"type": "refusal", "category": "bio"}},
         Completion("", "refusal", usage=Usage(0, 2))),
        ({"stop_reason": "pause_turn", "usage": None}, Completion("Hello", "pause_turn")),
        ({"content": [{"type": "text", "text": "a"}, {"type": "server_tool_use", "id": "x"},
                      {"type": "text", "text": "b", "citations": []}], "usage": None},
         Completion("ab")),
        ({"content": [{"type": "thinking", "thinking": "hmm", "signature": "s"},
                      {"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "a"}],
          "usage": {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 7}}},
         Completion("a", usage=Usage(0, 9, 0, 7), reasoning_length=3)),
        ({"content": [{"type": "thinking", "thinking": "", "signature": "s"}], "usage": None},
         Completion("")),
        ({"usage": {"input_tokens": -1, "output_tokens": 10**30}},
         Completion("Hello", usage=Usage(0, 2**53))),
        ({"usage": {"input_tokens": "7", "output_tokens": 2.0}},
         Completion("Hello", usage=Usage(7, 2))),
        ({"usage": ["many"]}, Completion("Hello")),
    ],
)  # fmt: skip
def test_replies(changes: dict[str, Any], expected: Completion) -> None:
    """Text, end and tokens; thinking that is left out of a reply has no length."""
    assert read(body(**changes)) == expected


@pytest.mark.parametrize(
    "reply", [{}, [], None, body(content=None), body(stop_reason=None), body(content="text")]
)
def test_bodies_that_are_no_reply(reply: Any) -> None:
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        read(reply)


@pytest.mark.parametrize(
    ("kind", "status"), [("overloaded_error", 529), ("rate_limit_error", 429), ("news", 500)]
)
def test_error_in_the_place_of_a_reply_has_its_status(kind: str, status: int) -> None:
    with pytest.raises(ErrorInReply) as caught:
        read({"type": "error", "error": {"type": kind, "message": "no"}})
    assert caught.value.status == status


# Streams


def stream(*events: dict[str, Any]) -> bytes:
    return b"".join(
        f"event: {event['type']}\ndata: ".encode() + msgspec.json.encode(event) + b"\n\n"
        for event in events
    )


def delta(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": fields}


START = {"type": "message_start", "message": body(content=[], stop_reason=None)}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
STOP = {"type": "message_stop"}


def read_stream(content: bytes) -> Completion:
    model = AnthropicModel("anthropic/m", "http://h", "m", "k", Parameters())
    exchange = model.exchange(ASK, stream=True)
    return read_whole(content, exchange.parse, exchange.events)


def test_stream_is_put_together() -> None:
    """Counts of the last event are totals; events that are not known change nothing."""
    events = (
        START,
        {"type": "content_block_start", "content_block": {"type": "thinking", "thinking": ""}},
        delta(type="thinking_delta", thinking="hm"),
        delta(type="signature_delta", signature="s"),
        {"type": "ping"},
        {"type": "content_block_start", "content_block": {"type": "text", "text": ""}},
        delta(type="text_delta", text="a\r\nü"),
        delta(type="text_delta", text="痛"),
        {"type": "something_new", "delta": {"type": "x"}},
        END,
        STOP,
    )
    expected = Completion("a\r\nü痛", usage=Usage(100, 5), reasoning_length=2)
    assert read_stream(stream(*events)) == expected
    assert read_stream(stream(*events).replace(b"\n", b"\r\n")) == expected


@pytest.mark.parametrize("cut", [(START,), (START, END), (START, STOP), ()])
def test_stream_that_was_cut_is_no_reply(cut: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(ValueError, match="the stream was cut"):
        read_stream(stream(*cut))
