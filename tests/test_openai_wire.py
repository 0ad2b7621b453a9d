"""What goes over the wire to OpenAI-compatible endpoints, and how their replies are read."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from conftest import Clock, read_whole
from preceptor.errors import EndpointError, InputError, Unavailable
from preceptor.records import Completion, Message, ToolCall, Usage
from preceptor.systems import Ask, Parameters, parse_parameters, resolve
from preceptor.systems.endpoint import ErrorInReply
from preceptor.systems.openai import ChatModel
from preceptor.systems.openai_replies import ChatEvents, parse_chat
from preceptor.systems.prices import Price
from preceptor.systems.responses_replies import ResponseEvents, parse_responses
from preceptor.systems.wire import error_words, is_filtered, parsed
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

CONVERSATION = (
    Message("user", "Can I take ibuprofen?"),
    Message("assistant", "What for?"),
    Message("user", "Gout. I also take warfarin. \u2014 ünï, 痛風, {braces} %s"),
)
ASK = Ask(CONVERSATION)


@contextlib.asynccontextmanager
async def model_at(address: str, **values: Any) -> AsyncIterator[ChatModel]:
    model = resolve(address, Parameters(**{"timeout": 20.0, **values}))
    assert isinstance(model, ChatModel)
    clock = Clock()
    model.endpoint.now, model.endpoint.sleep = clock.now, clock.sleep
    try:
        yield model
    finally:
        await model.close()


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch, fake: FakeEndpoint) -> FakeEndpoint:
    """The fake in the place of OpenAI's own endpoint."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
    return fake


def plain(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


# Chat completions


async def test_chat_sends_only_what_is_set(fake: FakeEndpoint) -> None:
    """Without parameters the body is model and messages, and no Authorization is sent."""
    async with model_at(fake.address("m")) as model:
        completion = await model.answer(ASK)
    call = fake.log[0]
    assert call.path == "/v1/chat/completions"
    assert call.payload == {"model": "m", "messages": plain(CONVERSATION)}
    assert call.headers["Content-Type"] == "application/json"
    assert not call.authorized
    assert completion.sent is None


async def test_chat_puts_the_system_prompt_first(fake: FakeEndpoint) -> None:
    """And what was really sent is part of the completion, for the grader to see."""
    async with model_at(fake.address("m"), system_prompt="You are a triage nurse.") as model:
        completion = await model.answer(ASK)
    system = Message("system", "You are a triage nurse.")
    assert fake.log[0].payload["messages"] == plain((system, *CONVERSATION))
    assert completion.sent == (system, *CONVERSATION)


async def test_chat_sends_every_parameter(fake: FakeEndpoint) -> None:
    async with model_at(
        fake.address("m"),
        temperature=0.0,
        max_tokens=50,
        reasoning_effort="low",
        seed=7,
        extra_body={"top_k": 3, "temperature": 0.5},
    ) as model:
        await model.answer(Ask(CONVERSATION, repeat=2))
    assert fake.log[0].payload == {
        "model": "m",
        "messages": plain(CONVERSATION),
        "max_tokens": 50,
        "reasoning_effort": "low",
        "seed": 9,  # of the third repeat
        "top_k": 3,
        "temperature": 0.5,  # extra_body has the last word
    }


@pytest.mark.parametrize(
    ("name", "newer"),
    [
        ("gpt-5.4", True),
        ("o3", True),
        ("gpt-4.1", False),
        ("gpt-4o-mini", False),
        ("gpt-3.5", False),
    ],
)
async def test_openai_models_get_the_parameter_that_they_know(
    openai: FakeEndpoint, name: str, newer: bool
) -> None:
    """OpenAI's reasoning models refuse max_tokens; others know nothing else."""
    async with model_at(f"openai/{name}", max_tokens=9) as model:
        await model.answer(ASK)
    payload = openai.log[0].payload
    assert payload["model"] == name
    assert payload.get("max_completion_tokens") == (9 if newer else None)
    assert payload.get("max_tokens") == (None if newer else 9)
    assert openai.log[0].authorized


# Responses


async def test_responses_api_has_its_own_shape(openai: FakeEndpoint) -> None:
    """A reasoning effort implies it; nothing is kept at OpenAI; the role is developer."""
    async with model_at(
        "openai/gpt-5.4", reasoning_effort="low", max_tokens=5000, system_prompt="Be brief."
    ) as model:
        completion = await model.answer(ASK)
    call = openai.log[0]
    assert call.path == "/v1/responses"
    assert call.payload == {
        "model": "gpt-5.4",
        "input": plain((Message("developer", "Be brief."), *CONVERSATION)),
        "store": False,
        "max_output_tokens": 5000,
        "reasoning": {"effort": "low"},
    }
    assert completion.text
    assert completion.usage.reasoning_tokens == 64
    assert completion.sent == (Message("developer", "Be brief."), *CONVERSATION)


async def test_responses_api_by_parameter(fake: FakeEndpoint) -> None:
    """Any endpoint may be asked in that way; both ways then give the same text."""
    async with model_at(fake.address("m"), api="responses") as model:
        one = await model.answer(ASK)
    async with model_at(fake.address("m")) as model:
        other = await model.answer(ASK)
    assert [call.path for call in fake.log] == ["/v1/responses", "/v1/chat/completions"]
    assert (one.text, one.finish_reason) == (other.text, other.finish_reason)


# Ends


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize(
    ("fault", "finish_reason", "empty"),
    [
        ("empty", "stop", True),
        ("null", "stop", True),
        ("refusal", "refusal", False),
        ("filtered", "content_filter", False),
        ("cut_off", "length", False),
        ("content_filter", "content_filter", True),
    ],
)
async def test_ends_of_an_answer(api: str, fault: str, finish_reason: str, empty: bool) -> None:
    """Whatever the model did is its answer: asked once, with the way in which it ended."""
    with FakeEndpoint(script=[fault]) as fake:
        async with model_at(fake.address("m"), api=api) as model:
            completion = await model.answer(ASK)
    assert completion.finish_reason == finish_reason
    assert (completion.text == "") == empty
    assert len(fake.log) == 1


async def test_token_limit_is_said(fake: FakeEndpoint) -> None:
    async with model_at(fake.address("m"), max_tokens=3) as model:
        completion = await model.answer(ASK)
    assert completion.finish_reason == "length"
    assert len(completion.text.split()) == 3


async def test_first_token_of_a_grader(fake: FakeEndpoint) -> None:
    body = {"logprobs": True, "top_logprobs": 20}
    async with model_at(fake.address("m"), max_tokens=1, extra_body=body) as model:
        completion = await model.answer(ASK)
    assert completion.first_token is not None
    assert set(completion.first_token) == {"Yes", " yes", "No", "The"}
    assert max(completion.first_token.values()) <= 0


# Usage and cost


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_usage_and_cost(fake: FakeEndpoint, api: str) -> None:
    """Cached tokens at their own price, reasoning tokens as part of the output."""
    long = Ask((Message("user", "pain " * 500),))
    async with model_at(
        fake.address("m"), api=api, price="2/8/0.5", reasoning_effort="high"
    ) as model:
        completion = await model.answer(long)
    usage = completion.usage
    assert usage.cached_tokens > 0
    assert usage.reasoning_tokens == 64 < usage.output_tokens
    fresh = usage.input_tokens - usage.cached_tokens
    expected = (fresh * 2 + usage.cached_tokens * 0.5 + usage.output_tokens * 8) / 1e6
    assert completion.cost_usd == pytest.approx(expected)
    assert completion.latency_s > 0


async def test_cost_without_price_is_unknown(fake: FakeEndpoint) -> None:
    async with model_at(fake.address("m")) as model:
        assert (await model.answer(ASK)).cost_usd is None
    async with model_at(fake.address("m"), price="free") as model:
        assert (await model.answer(ASK)).cost_usd == 0


def test_price_of_a_cached_token_defaults_to_the_price_of_input() -> None:
    usage = Usage(1000, 10, 400, 5)
    assert Price(1, 2).cost(usage) == pytest.approx((1000 + 20) / 1e6)
    assert Price(1, 2, 0).cost(usage) == pytest.approx((600 + 20) / 1e6)


# Replies of other servers


def chat(**changes: Any) -> bytes:
    message = {"role": "assistant", "content": "Hello"}
    return msgspec.json.encode({"choices": [{"message": message}], **changes})


def said(message: dict[str, Any], **choice: Any) -> bytes:
    return chat(choices=[{"message": message, **choice}])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (chat(), Completion("Hello")),
        (chat(usage=None), Completion("Hello")),
        (chat(usage={"prompt_tokens": None}), Completion("Hello")),
        (chat(usage={"prompt_tokens": 3, "completion_tokens": 4, "cost": {"x": [1]}}),
         Completion("Hello", usage=Usage(3, 4))),
        (chat(usage={"prompt_tokens": -3, "completion_tokens": 10**40}),
         Completion("Hello", usage=Usage(0, 2**53))),
        (chat(usage={"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 5000}}),
         Completion("Hello", usage=Usage(9, 0, 9))),
        (chat(usage={"prompt_tokens": "3", "completion_tokens": 4.0}),
         Completion("Hello", usage=Usage(3, 4))),
        *((chat(usage=odd), Completion("Hello")) for odd in (
            [], "many", 7, {"prompt_tokens": 1.5}, {"prompt_tokens": [1]})),
        (said({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": None}, {}]}),
         Completion("a")),
        (said({"content": "x", "reasoning_content": "hm"}), Completion("x", reasoning_length=2)),
        (said({"content": "x", "reasoning": "hmm"}), Completion("x", reasoning_length=3)),
        (said({"content": "x", "reasoning": "hmm", "reasoning_content": "hmm"}),
         Completion("x", reasoning_length=3)),
        (said({"content": "x", "reasoning": "hmm", "reasoning_content": ""}),
         Completion("x", reasoning_length=3)),
        (said({"content": "x", "reasoning_content": None}), Completion("x")),
        (said({"content": "x", "reasoning": {"effort": "low"}}), Completion("x")),
        (said({"content": "x", "reasoning": "痛風 ünï"}), Completion("x", reasoning_length=6)),
        (said({"content": "<think>hm</think>x"}), Completion("<think>hm</think>x")),
        (said({"content": "x", "refusal": "no"}), Completion("x")),
        (said({"content": "", "refusal": "no"}), Completion("no", finish_reason="refusal")),
        (said({}), Completion("")),
        (said({"content": "x"}, logprobs={"content": []}), Completion("x")),
        (said({"content": "x"}, finish_reason="tool_calls"),
         Completion("x", finish_reason="tool_calls")),
        (said({"content": None, "tool_calls": [{"id": "c"}]}, finish_reason="stop"),
         Completion("", finish_reason="tool_calls")),
        (said({"content": None, "function_call": {"name": "f"}}),
         Completion("", finish_reason="tool_calls", calls=(ToolCall("call_0", "f"),))),
        *((said({"content": "x"}, logprobs=odd), Completion("x")) for odd in (
            [], {}, "none", {"content": None}, {"content": {}}, {"content": [None]},
            {"content": [{"token": "x", "logprob": None, "top_logprobs": None}]},
            {"content": [{"top_logprobs": [{"token": "x", "logprob": None}, None, 3]}]})),
        (said({"content": "x"}, logprobs={"content": [{"top_logprobs": [
            {"token": "x", "logprob": -1}, {"token": "y", "logprob": None}]}]}),
         Completion("x", first_token={"x": -1.0})),
        (said({"content": "x"}, logprobs={"content": [{"logprob": 1}]}).replace(b"1}", b"NaN}"),
         Completion("x")),
        (said({"content": "NaN, -Infinity", "refusal": 3}, finish_reason=7, index=None),
         Completion("NaN, -Infinity")),
        (chat(created=1.5, id=None, model=None, usage={"prompt_tokens": 2.5}), Completion("Hello")),
    ],
)  # fmt: skip
def test_chat_replies_of_many_servers(body: bytes, expected: Completion) -> None:
    """Servers leave out what they do not count, and add what they like."""
    assert parsed(body, parse_chat) == expected


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'{"choices": []}', b'{"choices": [{}]}', b'{"choices": [null]}',
     b'{"error": {"message": "overloaded"}}', said({"content": 3}), b'{"choices": [{"message": '],
)  # fmt: skip
def test_chat_bodies_that_are_no_reply(body: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        parse_chat(body)


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"output": [], "status": "failed"}', b'{"output": [], "status": "in_progress"}'],
)
def test_responses_bodies_that_are_no_reply(body: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        parse_responses(body)


@pytest.mark.parametrize(
    ("output", "changes", "expected"),
    [
        ([{"type": "message", "content": "a"}], {"status": None}, Completion("a")),
        ([{"type": "message", "content": [{"type": "output_text", "text": None}, None,
                                          {"type": "output_text", "text": "a", "logprobs": []}]}],
         {"incomplete_details": [], "created_at": 1.5}, Completion("a")),
        ([{"type": "message", "content": None}], {}, Completion("")),
        ([{"type": "function_call", "name": "f"}], {},
         Completion("", "tool_calls", calls=(ToolCall("call_0", "f"),))),
        ([], {}, Completion("")),
    ],
)  # fmt: skip
def test_odd_optional_fields_of_responses(
    output: list[Any], changes: dict[str, Any], expected: Completion
) -> None:
    """Odd optional fields never cost the answer; a tool call is named as the end."""
    assert parse_responses(msgspec.json.encode({"output": output, **changes})) == expected


def test_responses_with_several_parts() -> None:
    """Reasoning is left out, the parts of the message are joined."""
    body = {
        "output": [
            {"type": "reasoning", "summary": [], "content": None},
            {"type": "message", "content": [{"type": "output_text", "text": "a"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "b"}]},
        ],
        "usage": {"input_tokens": None, "output_tokens": 2},
    }
    assert parse_responses(msgspec.json.encode(body)) == Completion("ab", usage=Usage(0, 2))


@pytest.mark.parametrize(
    "error",
    [
        {"code": "content_filter", "message": "The response was filtered", "type": None},
        {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"},
        {"code": "400", "message": "litellm.ContentPolicyViolationError: AzureException - no"},
    ],
)
def test_errors_that_are_the_filter_of_a_provider(error: dict[str, Any]) -> None:
    """Of OpenAI and Azure, of Anthropic, of a LiteLLM proxy before any of them."""
    assert is_filtered(*error_words(msgspec.json.encode({"error": error})))
    assert not is_filtered(*error_words(b'{"error": {"code": "x", "message": "filter full"}}'))


# Streams


async def test_stream_is_asked_for_with_its_usage(openai: FakeEndpoint) -> None:
    """Chat completions count tokens in a stream only where that is asked for, too."""
    for api, fields in (
        ("chat", {"stream": True, "stream_options": {"include_usage": True}}),
        ("responses", {"stream": True}),
    ):
        async with model_at("openai/gpt-5.4", api=api, stream=True) as model:
            streamed = await model.answer(ASK)
        payload = openai.log[-1].payload
        assert {name: payload[name] for name in payload if "stream" in name} == fields
        async with model_at("openai/gpt-5.4", api=api, stream=False) as model:
            whole = await model.answer(ASK)
        assert not [name for name in openai.log[-1].payload if "stream" in name]
        assert (streamed.text, streamed.usage) == (whole.text, whole.usage)


async def test_first_token_of_a_grader_that_streams(fake: FakeEndpoint) -> None:
    """The chances of the first token are those of a reply in one piece."""
    body = {"logprobs": True, "top_logprobs": 20}
    chances = []
    for stream in (False, True):
        async with model_at(fake.address("m"), extra_body=body, stream=stream) as model:
            chances.append((await model.answer(ASK)).first_token)
    assert chances[0] == chances[1] is not None


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_in_a_stream_is_measured_and_left_out(field: str) -> None:
    """Its length and the text are those of a reply in one piece."""
    completions = []
    with FakeEndpoint(reasoning=field) as fake:
        for stream in (False, True):
            async with model_at(fake.address("m"), reasoning_effort="low", stream=stream) as model:
                completions.append(await model.answer(ASK))
    assert completions[0].reasoning_length == completions[1].reasoning_length is not None
    assert completions[0].text == completions[1].text


def chunk(delta: dict[str, Any] | None, end: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": end, **more}]}


def events(*chunks: object, done: bool = True) -> bytes:
    lines = [b"data: " + msgspec.json.encode(chunk) for chunk in chunks]
    return b"\n\n".join([*lines, *([b"data: [DONE]"] if done else []), b""])


def read_chat_stream(body: bytes) -> Completion:
    return read_whole(body, parse_chat, ChatEvents)


def read_responses_stream(body: bytes) -> Completion:
    return read_whole(body, parse_responses, ResponseEvents)


A, B = chunk({"role": "assistant", "content": "a"}), chunk({"content": "b"}, "stop")
COUNTS = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (events(A, B, COUNTS), Completion("ab", usage=Usage(3, 4))),
        # OpenRouter's comments, what Azure's filter found, CRLF, no blank line at the end.
        (b": OPENROUTER PROCESSING\n\n: x\n" + events(A, B), Completion("ab")),
        (events({"choices": [], "prompt_filter_results": [{}]}, A, B), Completion("ab")),
        (events(A, {"choices": [{"content_filter_offsets": {}, "index": 0}]}, B), Completion("ab")),
        (events(A, B).replace(b"\n", b"\r\n"), Completion("ab")),
        (events(A, B).rstrip(b"\n"), Completion("ab")),
        (events(A, B).replace(b"data: ", b"data:"), Completion("ab")),
        (b"event: message\nid: 1\nretry: 3\n" + events(A, B), Completion("ab")),
        # SGLang: every field in each piece, an empty reason until the end.
        (events(chunk({"role": None, "content": "a", "reasoning_content": None}, ""), B),
         Completion("ab")),
        # llama.cpp: no text in the first piece, timings beside the choices, usage in the last.
        (events(chunk({"role": "assistant", "content": None}), A,
                {**B, "usage": {"prompt_tokens": 3}, "timings": {"prompt_n": 1}}),
         Completion("ab", usage=Usage(3))),
        # vLLM: usage null until it comes, the reasoning first, the stop token after the end.
        (events({**chunk({"reasoning": "hm"}), "usage": None}, A, {**B, "usage": None}, COUNTS),
         Completion("ab", usage=Usage(3, 4), reasoning_length=2)),
        (events(A, chunk({}, "length", stop_reason=None)), Completion("a", "length")),
        (events(chunk({"refusal": "no"}), chunk({}, "stop")), Completion("no", "refusal")),
        (events(A, {"choices": [{"index": 1, "delta": {"content": "x"}}]}, B), Completion("ab")),
        (events(chunk({"content": [{"type": "text", "text": "a"}]}), B), Completion("ab")),
        (events(chunk(None, "stop")), Completion("")),
        # No [DONE], or cut behind the end.
        (events(A, B, done=False), Completion("ab")),
        (events(A, B)[:-10], Completion("ab")),
        (events(A, B, COUNTS, done=False)[:-10], Completion("ab")),
        # Optional fields that are odd.
        (events({"choices": [{"index": None, "delta": {"content": "a"}, "logprobs": []}]},
                chunk({"content": "b", "refusal": {}, "tool_calls": []}, "stop")),
         Completion("ab")),
        (chat(), Completion("Hello")),
    ],
)  # fmt: skip
def test_streams_of_many_servers(body: bytes, expected: Completion) -> None:
    """What each adds to the common form changes nothing; a plain reply is read, too."""
    assert read_chat_stream(body) == expected


@pytest.mark.parametrize(
    "body",
    [b"", events(), events(A), events(A, done=False), events(A, COUNTS),
     events(A, {"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]}),
     b"data: {\n\n" + events(A, B), b"<html>", b'error: {"code": 500}\n\n'],
)  # fmt: skip
def test_stream_that_was_cut_is_no_reply(body: bytes) -> None:
    """Without its last event nobody knows whether the text is whole."""
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        read_chat_stream(body)


@pytest.mark.parametrize(
    "last",
    [b"", b'data: {"type": "response.created", "response": {"output": []}}\n\n',
     b'data: {"type": "response.completed"}\n\n', b"data: [DONE]\n\n"],
)  # fmt: skip
def test_responses_stream_that_was_cut_is_no_reply(last: bytes) -> None:
    """The response as a whole comes with the last event, and only that is an answer."""
    begun = b'event: x\ndata: {"type": "response.output_text.delta", "delta": "a"}\n\n'
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        read_responses_stream(begun + last)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 429, "message": "slow down"}, 429),  # OpenRouter
        ({"code": "503", "type": "None", "message": "no"}, 503),  # LiteLLM proxy
        ({"code": 400, "type": "BadRequestError", "message": "too long"}, 400),  # vLLM
        ({"code": None, "type": "api_error", "message": "runner stopped"}, 500),  # Ollama
        ({"code": "rate_limit_exceeded", "message": "slow down"}, 429),  # OpenAI
        ({"code": "insufficient_quota", "message": "pay"}, 429),
        ({"type": "invalid_request_error", "code": "unknown_code", "message": "no"}, 400),
        ({"code": 10**9, "message": "odd"}, 500),
        ("overloaded", 500),
    ],
)
def test_error_within_a_reply_has_its_status(error: Any, status: int) -> None:
    """In the place of a reply, in its choice, in an event of a stream, and in both APIs."""
    failed = {"type": "response.failed", "response": {"status": "failed", "error": error}}
    wholly = msgspec.json.encode({"error": error})
    for parse, body in (
        (parse_chat, wholly),
        (parse_chat, said({"content": "a"}, error=error, finish_reason="error")),
        (parse_chat, chat(choices=[{"error": error, "finish_reason": "error"}])),
        (read_chat_stream, events(A, {"error": error}, done=False)),
        (read_chat_stream, events(A, chunk({"content": ""}, "error", error=error))),
        (parse_responses, msgspec.json.encode(failed["response"])),
        (read_responses_stream, events(failed, done=False)),
        (read_responses_stream, events({"type": "error", "error": error}, done=False)),
    ):
        with pytest.raises(ErrorInReply) as caught:
            parse(body)
        assert caught.value.status == status


def test_a_reply_that_ends_in_an_error_is_no_answer() -> None:
    """OpenRouter may say so by the reason of the end alone."""
    with pytest.raises(ErrorInReply):
        parse_chat(said({"content": "a"}, finish_reason="error"))
    with pytest.raises(ErrorInReply):
        read_chat_stream(events(A, chunk({"content": ""}, "error")))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # vLLM, SGLang, llama.cpp, Ollama, LiteLLM proxy, OpenRouter: what they add or leave out.
        (chat(usage={"prompt_tokens": 3, "prompt_tokens_details": None}, prompt_logprobs=None,
              kv_transfer_params=None), Completion("Hello", usage=Usage(3))),
        (said({"content": "x", "reasoning_content": None, "tool_calls": None}, matched_stop=2,
              logprobs=None), Completion("x")),
        (chat(timings={"prompt_ms": 1.5}, usage={"prompt_tokens": 3, "total_tokens": 3},
              __verbose={}), Completion("Hello", usage=Usage(3))),
        (said({"content": "x", "tool_calls": []}, finish_reason="load"),
         Completion("x", finish_reason="load")),
        (said({"content": "x", "provider_specific_fields": {"refusal": None}}, provider=None),
         Completion("x")),
        (said({"content": "x", "reasoning": "hm", "reasoning_details": [{}]},
              native_finish_reason="end_turn", error=None), Completion("x", reasoning_length=2)),
    ],
)  # fmt: skip
def test_replies_of_well_known_servers(body: bytes, expected: Completion) -> None:
    """Fields that are not OpenAI's change nothing, and those that are may be missing."""
    assert parse_chat(body) == expected


def summary(*texts: object) -> list[dict[str, object]]:
    return [{"type": "summary_text", "text": text} for text in texts]


@pytest.mark.parametrize(
    ("items", "length"),
    [
        ([], None),
        ([{"summary": []}], None),
        ([{"summary": summary("ab", "cde")}], 5),
        ([{"summary": summary("ab")}, {"summary": summary("cde")}], 5),
        ([{"summary": [], "content": [{"type": "reasoning_text", "text": "abcd"}]}], 4),
        ([{"summary": summary("ab"), "content": [{"type": "reasoning_text", "text": "abcd"}]}], 4),
        ([{"summary": summary(None)}], None),
        ([{"summary": "detailed"}], None),
        ([{"summary": ["ab"], "encrypted_content": "x"}], None),
    ],
)
def test_length_of_reasoning_in_responses(items: list[dict[str, Any]], length: int | None) -> None:
    """The reasoning itself before a summary of it; unknown where no text came."""
    message = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
    body = {"output": [*({"type": "reasoning", **item} for item in items), message]}
    completion = parse_responses(msgspec.json.encode(body))
    assert completion == Completion("a", reasoning_length=length)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_of_a_chat_is_measured_and_left_out(field: str) -> None:
    """The answer is without it; more effort is more of it; no effort is none."""
    lengths = []
    with FakeEndpoint(reasoning=field) as fake:
        for effort in (None, "low", "high"):
            async with model_at(fake.address("m"), reasoning_effort=effort) as model:
                completion = await model.answer(ASK)
            lengths.append(completion.reasoning_length)
            assert completion.text.endswith(")")
    assert lengths[0] is None
    assert 0 < (lengths[1] or 0) < (lengths[2] or 0)


async def test_reasoning_of_the_responses_api_is_measured(openai: FakeEndpoint) -> None:
    """OpenAI shows a summary, and only where one is asked for."""
    async with model_at("openai/gpt-5.4", reasoning_effort="low") as model:
        silent = await model.answer(ASK)
    body = {"reasoning": {"effort": "low", "summary": "auto"}}
    async with model_at("openai/gpt-5.4", reasoning_effort="low", extra_body=body) as model:
        summarised = await model.answer(ASK)
    assert silent.reasoning_length is None
    assert (summarised.reasoning_length or 0) > 0
    assert silent.text == summarised.text


async def test_reasoning_that_a_server_shows_in_the_responses_api() -> None:
    with FakeEndpoint(reasoning="reasoning") as fake:
        async with model_at(fake.address("m"), api="responses", reasoning_effort="low") as model:
            one = await model.answer(ASK)
        async with model_at(fake.address("m"), reasoning_effort="low") as model:
            other = await model.answer(ASK)
    assert one.reasoning_length == other.reasoning_length
    assert one.reasoning_length is not None


# Verbosity


async def test_verbosity_in_both_apis(openai: FakeEndpoint) -> None:
    """A field of its own in chat completions, a part of ``text`` in the Responses API."""
    lengths = {}
    for api, field in (
        ("chat", {"verbosity": "low"}),
        ("responses", {"text": {"verbosity": "low"}}),
    ):
        async with model_at("openai/gpt-5.4", api=api, verbosity="low") as model:
            lengths[api] = len((await model.answer(ASK)).text)
        assert field.items() <= openai.log[-1].payload.items()
        assert len(openai.log[-1].payload) == 3 + (api == "responses")  # model, messages, store
    async with model_at("openai/gpt-5.4", verbosity="high") as model:
        assert len((await model.answer(ASK)).text) > lengths["chat"]
    assert openai.log[-1].path == "/v1/chat/completions"  # it does not imply the other API


def test_verbosity_is_part_of_the_identity_only_where_it_is_set() -> None:
    """So that answers of earlier versions are found again."""
    plain_one, low = resolve("http://h/v1#m"), resolve("http://h/v1#m", Parameters(verbosity="low"))
    assert "verbosity" not in plain_one.identity()
    assert low.identity() == {**plain_one.identity(), "verbosity": "low"}


async def test_what_was_found_instead_of_a_reply_is_shown() -> None:
    with FakeEndpoint(script=["html"] * 2) as fake:
        async with model_at(fake.address("m"), retries=1) as model:
            with pytest.raises(EndpointError, match="expected a completion, found '<html>"):
                await model.answer(ASK)


# Addresses and keys


def test_openai_without_key_says_which_variable() -> None:
    with pytest.raises(Unavailable, match="set the environment variable OPENAI_API_KEY"):
        resolve("openai/gpt-5.4")
    with pytest.raises(Unavailable, match="MY_KEY"):
        resolve("http://127.0.0.1:1/v1#m", Parameters(api_key_env="MY_KEY"))


@pytest.mark.parametrize(
    "address", ["http://", "http://h", "http://h#", "http:///v1#m", "https://#m"]
)
def test_address_without_host_or_model(address: str) -> None:
    with pytest.raises(InputError, match="expected http://HOST:PORT/v1#MODEL"):
        resolve(address)


def test_key_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        resolve("http://user:sk-secret@host/v1#m")
    assert "sk-secret" not in str(caught.value)


def test_identity_has_what_answers_depend_on_and_nothing_else() -> None:
    """Time-outs, prices and concurrency may change without asking everything again."""
    address = "http://h/v1#m"
    one = resolve(address, Parameters(temperature=0.5, timeout=3, price="1/2", concurrency=2))
    other = resolve(address, Parameters(temperature=0.5, retries=1))
    warm = resolve(address, Parameters(temperature=0.6))
    assert one.identity() == other.identity() != warm.identity()


def test_parameters_from_texts() -> None:
    given = ["temperature=0.5", "max_tokens=12", 'extra_body={"a": [1]}', "seed=none"]
    assert parse_parameters(given, "-p", defaults=Parameters(seed=3, api="chat")) == Parameters(
        temperature=0.5, max_tokens=12, extra_body={"a": [1]}, api="chat"
    )
    for wrong in ("temperature", "heat=1", "max_tokens=many", "extra_body={"):
        with pytest.raises(InputError, match="-p"):
            parse_parameters([wrong], "-p")


@pytest.mark.parametrize("odd", [[], "none", {"cached_tokens": [1]}, 7])
def test_odd_details_cost_no_other_count(odd: object) -> None:
    """A count that is no number counts as not said; those beside it are kept, and paid for."""
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    usage |= {"prompt_tokens_details": odd, "completion_tokens_details": {"reasoning_tokens": 2}}
    reply = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": usage}
    made = parse_chat(json.dumps(reply).encode()).usage
    assert (made.input_tokens, made.output_tokens, made.reasoning_tokens) == (7, 3, 2)


@pytest.mark.parametrize("word", ["length", "max_tokens", "MAX_TOKENS", "model_length"])
def test_every_word_for_the_limit_of_tokens(word: str) -> None:
    """An answer that a gateway says was cut off in its provider's word was cut off."""
    reply = {"choices": [{"message": {"content": "Hi"}, "finish_reason": word}]}
    assert parse_chat(json.dumps(reply).encode()).finish_reason == "length"


def test_empty_event_costs_no_answer() -> None:
    """An event without data, which keeps a connection open, is no part of a stream."""
    chunk = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    body = f"data:\n\ndata: {json.dumps(chunk)}\n\ndata:\n\n"
    assert read_chat_stream(body.encode()).text == "Hi"
