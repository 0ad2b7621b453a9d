"""What goes over the wire to Google's Gemini API, and how its replies are read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conftest import Clock, read_whole
from preceptor.errors import EndpointError, EndpointRefused
from preceptor.records import Completion, Message, Usage
from preceptor.systems import Ask, Parameters, resolve
from preceptor.systems.endpoint import ErrorInReply
from preceptor.systems.gemini import GeminiModel
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

CONVERSATION = (
    Message("user", "Can I take ibuprofen?"),
    Message("assistant", "What for?"),
    Message("user", "Gout."),
)
ASK = Ask(CONVERSATION, repeat=2)
CONTENTS = [
    {"role": "user", "parts": [{"text": "Can I take ibuprofen?"}]},
    {"role": "model", "parts": [{"text": "What for?"}]},
    {"role": "user", "parts": [{"text": "Gout."}]},
]


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch, fake: FakeEndpoint) -> FakeEndpoint:
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    return fake


async def answer(address: str = "google/gemini-3-pro", **values: Any) -> Completion:
    model = resolve(address, Parameters(**{"timeout": 20.0, **values}))
    assert isinstance(model, GeminiModel)
    clock = Clock()
    model.endpoint.now, model.endpoint.sleep = clock.now, clock.sleep
    try:
        return await model.answer(ASK)
    finally:
        await model.close()


async def test_only_what_is_set_is_sent(google: FakeEndpoint) -> None:
    """The model stands in the path, the key in a header and never in the query."""
    await answer()
    call = google.log[0]
    assert call.path == "/v1beta/models/gemini-3-pro:generateContent"
    assert call.payload == {"contents": CONTENTS}
    assert call.authorized
    assert "Authorization" not in call.headers


async def test_every_parameter_is_sent(google: FakeEndpoint) -> None:
    """In `generationConfig`, where more may be added; repeats of a seeded question differ."""
    completion = await answer(
        system_prompt="Be brief.",
        temperature=0.0,
        max_tokens=300,
        seed=7,
        reasoning_effort="low",
        extra_body={"generationConfig": {"thinkingConfig": {"includeThoughts": True}, "topK": 3}},
    )
    assert google.log[0].payload == {
        "contents": CONTENTS,
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {
            "temperature": 0.0,
            "maxOutputTokens": 300,
            "seed": 9,
            "thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True},
            "topK": 3,
        },
    }
    assert completion.sent == (Message("system", "Be brief."), *CONVERSATION)
    assert completion.usage.reasoning_tokens == 64 < completion.usage.output_tokens
    assert (completion.reasoning_length or 0) > 0


async def test_stream_has_its_own_method(google: FakeEndpoint) -> None:
    """A name with a slash stays one part of the path."""
    await answer("google/tunedModels/mine", stream=True)
    path = "/v1beta/models/tunedModels%2Fmine:streamGenerateContent?alt=sse"
    assert google.log[0].path == path


async def test_either_variable_holds_the_key(
    monkeypatch: pytest.MonkeyPatch, google: FakeEndpoint
) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY")
    monkeypatch.setenv("GEMINI_API_KEY", "k\n")
    assert (await answer()).text
    assert google.log[0].authorized


async def test_wrong_key_stops_the_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google says 400 to that, with the reason in the details."""
    with FakeEndpoint(script=["unauthorized"]) as fake:
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        with pytest.raises(EndpointRefused, match=r"HTTP 400: 'API key not valid\.': check key"):
            await answer()


async def test_request_that_the_api_refuses_is_an_error_in_its_words(google: FakeEndpoint) -> None:
    with pytest.raises(EndpointError, match='Unknown name "top_k"') as caught:
        await answer(extra_body={"top_k": 3})
    assert caught.value.kind == "bad_request"


async def test_usage_and_cost(google: FakeEndpoint) -> None:
    """Thoughts are paid for as output, though Google counts them apart."""
    completion = await answer(price="2/8/0.5", reasoning_effort="high")
    usage = completion.usage
    expected = (usage.input_tokens * 2 + usage.output_tokens * 8) / 1e6
    assert completion.cost_usd == pytest.approx(expected)
    assert usage.output_tokens == 64 + len(completion.text.split()) + 1


def candidate(*parts: dict[str, Any], end: str | None = "STOP", **more: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts)}
    return {"candidates": [{"content": content, "finishReason": end, **more}]}


HELLO = {"text": "Hello"}


def read(*replies: Any) -> Completion:
    """One reply in one piece, several as a stream."""
    model = GeminiModel("google/m", "http://h", "m", "k", Parameters())
    if len(replies) == 1:
        return model.exchange(ASK).parse(msgspec.json.encode(replies[0]))
    content = b"".join(b"data: " + msgspec.json.encode(reply) + b"\r\n\r\n" for reply in replies)
    exchange = model.exchange(ASK, stream=True)
    return read_whole(content, exchange.parse, exchange.events)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (candidate(HELLO), Completion("Hello")),
        (candidate(HELLO, {"text": "!"}), Completion("Hello!")),
        (candidate({"text": "hm", "thought": True}, HELLO),
         Completion("Hello", reasoning_length=2)),
        (candidate({"functionCall": {}}, {"text": None}), Completion("", "tool_calls")),
        (candidate(HELLO, index=None, logprobsResult=[]), Completion("Hello")),
        ({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "content": {}}]},
         Completion("", "malformed_function_call")),
        (candidate(HELLO, end="MAX_TOKENS"), Completion("Hello", "length")),
        (candidate(HELLO, end="SAFETY"), Completion("Hello", "content_filter")),
        (candidate(HELLO, end="RECITATION"), Completion("Hello", "content_filter")),
        (candidate(HELLO, end="OTHER"), Completion("Hello", "other")),
        ({"candidates": [{"finishReason": "MAX_TOKENS"}]}, Completion("", "length")),
        ({"candidates": [{"content": {}, "finishReason": "STOP"}]}, Completion("")),
        ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
          "usageMetadata": {"promptTokenCount": 7}},
         Completion("", "content_filter", usage=Usage(7))),
        ({**candidate(HELLO), "promptFeedback": {}}, Completion("Hello")),
        ({**candidate(HELLO), "usageMetadata": {
            "promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 5,
            "thoughtsTokenCount": 20, "toolUsePromptTokenCount": 3, "totalTokenCount": 128}},
         Completion("Hello", usage=Usage(103, 25, 60, 20))),
        ({**candidate(HELLO), "usageMetadata": {"promptTokenCount": None}}, Completion("Hello")),
        ({**candidate(HELLO), "usageMetadata": "many"}, Completion("Hello")),
        ({**candidate(HELLO), "usageMetadata": {"promptTokenCount": "7"}},
         Completion("Hello", usage=Usage(7))),
    ],
)  # fmt: skip
def test_replies(reply: Any, expected: Completion) -> None:
    """What is not there was not counted; a blocked prompt is an answer without text."""
    assert read(reply) == expected


def test_stream_is_put_together() -> None:
    """The last counts are the totals, and the end is in the last piece."""
    begun = candidate({"text": "a"}, end=None) | {"usageMetadata": {"promptTokenCount": 7}}
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 2}
    last = candidate({"text": "b"}) | {"usageMetadata": usage}
    assert read(begun, last) == Completion("ab", usage=Usage(7, 2))


def test_stream_that_was_cut_is_no_reply() -> None:
    begun = candidate({"text": "a"}, end=None)
    with pytest.raises(ValueError, match="no finishReason"):
        read(begun, begun)


@pytest.mark.parametrize("reply", [{}, [], None, {"candidates": []}, candidate(HELLO, end=None)])
def test_bodies_that_are_no_reply(reply: Any) -> None:
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        read(reply)


def test_error_in_the_place_of_a_reply_has_its_status() -> None:
    with pytest.raises(ErrorInReply) as caught:
        read({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}})
    assert caught.value.status == 503
