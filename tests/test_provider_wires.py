"""What holds for every provider: ends, streams, errors, faults, keys, addresses."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import preceptor
from conftest import Clock, read_whole
from preceptor.errors import EndpointError, EndpointRefused, InputError, Unavailable, UnknownName
from preceptor.graders import read_address, read_settings, resolve_grader
from preceptor.graders.template import OWN
from preceptor.records import Completion, Message
from preceptor.systems import Ask, Parameters, reasons, refuses_temperature, resolve
from preceptor.systems.http_model import HttpModel, instructions_apart, merged
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

SECRET = "sk-very-secret-0123456789"
ASK = Ask(
    (
        Message("user", "Can I take ibuprofen?"),
        Message("assistant", "What for?"),
        Message("user", "Gout. I also take warfarin. — ünï, 痛風"),
    )
)
#: Address → parameters with which it speaks another wire format.
WIRES = {
    "openai chat": ("openai/m", {"api": "chat"}),
    "openai responses": ("openai/m", {"api": "responses"}),
    "anthropic": ("anthropic/m", {}),
    "google": ("google/m", {}),
    "azure chat": ("azure/m", {}),
    "azure responses": ("azure/m", {"api": "responses"}),
    "openrouter": ("openrouter/m", {}),
}
every_wire = pytest.mark.parametrize("wire", WIRES)
on_and_off = pytest.mark.parametrize("stream", [None, True])


@contextlib.asynccontextmanager
async def asked_at(
    monkeypatch: pytest.MonkeyPatch, fake: FakeEndpoint, wire: str, **values: Any
) -> AsyncIterator[HttpModel]:
    """The model of a wire at the fake endpoint, its pauses on a clock that takes no time."""
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    address, own = WIRES[wire]
    model = resolve(address, Parameters(**{"timeout": 20.0, **own, **values}))
    assert isinstance(model, HttpModel)
    clock = Clock()
    model.endpoint.now, model.endpoint.sleep = clock.now, clock.sleep
    try:
        yield model
    finally:
        await model.close()


def without_latency(completion: Completion) -> tuple[Any, ...]:
    return (
        completion.text,
        completion.finish_reason,
        completion.usage,
        completion.cost_usd,
        completion.sent,
        completion.reasoning_length,
    )


@every_wire
async def test_every_provider_gives_one_answer(monkeypatch: pytest.MonkeyPatch, wire: str) -> None:
    """The same conversation has the same text, end and number of tokens, whoever is asked."""
    with FakeEndpoint() as fake:
        async with asked_at(monkeypatch, fake, wire) as model:
            completion = await model.answer(ASK)
        async with asked_at(monkeypatch, fake, "openai chat") as model:
            other = await model.answer(ASK)
    assert completion.text == other.text != ""
    assert completion.finish_reason == "stop"
    assert completion.usage == other.usage
    assert completion.sent is None
    assert completion.latency_s > 0


@every_wire
@pytest.mark.parametrize(
    "fault",
    [None, "empty", "null", "tool_calls", "malformed_call", "refusal", "filtered", "cut_off"],
)
async def test_a_stream_gives_the_same_completion(
    monkeypatch: pytest.MonkeyPatch, wire: str, fault: str | None
) -> None:
    """Text, end, tokens, cost and length of reasoning do not depend on `stream`."""
    completions = []
    for stream in (None, True):
        with FakeEndpoint(script=[fault]) as fake:
            async with asked_at(
                monkeypatch, fake, wire, stream=stream, price="2/8/0.5", reasoning_effort="low"
            ) as model:
                completions.append(without_latency(await model.answer(ASK)))
            assert len(fake.log) == 1
    assert completions[0] == completions[1]


@every_wire
@on_and_off
@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        ("empty", {"stop"}),
        ("null", {"stop"}),
        ("refusal", {"refusal", "content_filter"}),
        ("filtered", {"refusal", "content_filter"}),
        ("cut_off", {"length"}),
        ("content_filter", {"content_filter"}),
    ],
)
async def test_ends_of_an_answer(
    monkeypatch: pytest.MonkeyPatch, wire: str, stream: bool | None, fault: str, ends: set[str]
) -> None:
    """Whatever the model did is its answer: asked once, with the way in which it ended."""
    with FakeEndpoint(script=[fault]) as fake:
        async with asked_at(monkeypatch, fake, wire, stream=stream) as model:
            completion = await model.answer(ASK)
        assert len(fake.log) == 1
    assert completion.finish_reason in ends
    assert (completion.text != "") >= (fault in ("filtered", "cut_off"))


@every_wire
@on_and_off
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("rate_limit", "rate_limit"),
        ("error_500", "server_error"),
        ("error_502", "server_error"),
        ("error_503", "server_error"),
        ("reset", "connection"),
        ("truncated", "malformed"),
        ("html", "malformed"),
        ("error_in_reply", "server_error"),
    ],
)
async def test_faults_are_tried_again(
    monkeypatch: pytest.MonkeyPatch, wire: str, stream: bool | None, fault: str, kind: str
) -> None:
    """A second attempt gets the answer, and the first is counted by its kind: so a stream that was
    cut is no answer, and an error within it is that error.
    """
    with FakeEndpoint(script=[fault]) as fake:
        async with asked_at(monkeypatch, fake, wire, stream=stream) as model:
            first = await model.answer(ASK)
            second = await model.answer(ASK)
            assert dict(model.failures) == {kind: 1}
    assert first.text == second.text != ""


@every_wire
@pytest.mark.parametrize("fault", ["unauthorized", "not_found"])
async def test_refusals_of_every_call(
    monkeypatch: pytest.MonkeyPatch, wire: str, fault: str
) -> None:
    """A wrong key or model stops the run at the first call."""
    with FakeEndpoint(script=[fault]) as fake:
        async with asked_at(monkeypatch, fake, wire) as model:
            with pytest.raises(EndpointRefused):
                await model.answer(ASK)
        assert len(fake.log) == 1


@every_wire
async def test_wrong_key_is_refused(monkeypatch: pytest.MonkeyPatch, wire: str) -> None:
    """The key that was set is the one that arrives, where the provider looks for it."""
    with FakeEndpoint(api_key=SECRET) as fake:
        async with asked_at(monkeypatch, fake, wire) as model:
            assert (await model.answer(ASK)).text
        monkeypatch.setenv("MY_KEY", "another")
        async with asked_at(monkeypatch, fake, wire, api_key_env="MY_KEY") as model:
            with pytest.raises(EndpointRefused):
                await model.answer(ASK)


@every_wire
async def test_key_is_in_no_message(monkeypatch: pytest.MonkeyPatch, wire: str) -> None:
    """Not even where a server repeats it in its error, nor a part of it."""
    with FakeEndpoint(script=["echo_key"] * 2, api_key=SECRET) as fake:
        async with asked_at(monkeypatch, fake, wire, retries=1) as model:
            with pytest.raises(EndpointError) as caught:
                await model.answer(ASK)
            identity = repr(model.identity())
    for text in (str(caught.value), repr(caught.value), identity):
        assert "very" not in text
    assert "[key" in str(caught.value)


@every_wire
async def test_answers_in_one_piece_though_a_stream_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, wire: str
) -> None:
    """Servers that know no streams send the whole reply, and that is read."""
    with FakeEndpoint() as fake:
        async with asked_at(monkeypatch, fake, wire) as model:
            whole, streamed = model.exchange(ASK), model.exchange(ASK, stream=True)
            bodies = []

            def kept(body: bytes) -> bytes:
                bodies.append(body)
                return body

            await model.endpoint.post(whole.path, whole.payload, kept)
    (body,) = bodies
    assert read_whole(body, streamed.parse, streamed.events) == whole.parse(body)


def test_stream_is_no_part_of_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same question has the same answer, however it is sent."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    identities = [
        resolve("anthropic/m", Parameters(stream=stream)).identity() for stream in (None, True)
    ]
    assert identities[0] == identities[1]


# Addresses


@pytest.mark.parametrize(
    ("address", "variable"),
    [
        ("openai/m", "OPENAI_API_KEY"),
        ("anthropic/m", "ANTHROPIC_API_KEY"),
        ("google/m", "GOOGLE_API_KEY or GEMINI_API_KEY"),
        ("azure/m", "AZURE_OPENAI_API_KEY"),
        ("openrouter/a/m", "OPENROUTER_API_KEY"),
    ],
)
def test_missing_key_is_named(monkeypatch: pytest.MonkeyPatch, address: str, variable: str) -> None:
    for name in variable.split(" or "):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Unavailable, match=f"set the environment variable {variable}$"):
        resolve(address)


@pytest.mark.parametrize("address", ["openai/", "anthropic/", "google/", "azure/", "openrouter/"])
def test_address_without_model(address: str) -> None:
    with pytest.raises(InputError, match="and the model's name"):
        resolve(address)


@pytest.mark.parametrize("address", ["", "openai", "physicians", "replay:", "python", "x/y", "x:y"])
def test_address_of_no_known_form(address: str) -> None:
    with pytest.raises(UnknownName, match="expected one of openai/MODEL"):
        resolve(address)


@pytest.mark.parametrize(
    ("address", "name", "value"),
    [
        ("anthropic/m", "seed", 1),
        ("anthropic/m", "verbosity", "low"),
        ("anthropic/m", "api", "chat"),
        ("google/m", "verbosity", "low"),
        ("google/m", "api", "responses"),
    ],
)
def test_parameter_that_a_provider_has_no_field_for(
    monkeypatch: pytest.MonkeyPatch, address: str, name: str, value: Any
) -> None:
    """It is refused before anything is asked, and not left out in silence."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    with pytest.raises(InputError, match=f"{address}: {name}: .* has no such setting"):
        resolve(address, Parameters(**{name: value}))


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("openai/gpt-4.1-mini", "openai"),
        ("anthropic/claude-sonnet-4-5", "anthropic"),
        ("google/gemini-2.5-flash", "google"),
        ("azure/gpt-4.1-mini", "azure"),
        ("openrouter/openai/gpt-4.1-mini", "openrouter"),
    ],
)
def test_list_prices_are_known(
    monkeypatch: pytest.MonkeyPatch, address: str, provider: str
) -> None:
    """From the dated table, with a price of their own for cached tokens; one given wins."""
    with FakeEndpoint() as fake:
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        model, given = resolve(address), resolve(address, Parameters(price="1/2"))
    assert isinstance(model, HttpModel)
    assert model.provider == provider
    assert model.price is not None
    assert model.price.cached is not None
    assert 0 < model.price.cached < model.price.input < model.price.output
    assert given.price is not None
    assert (given.price.input, given.price.output) == (1, 2)


@pytest.mark.parametrize(
    ("address", "openai", "anthropic"),
    [
        ("openai/gpt-5.4", True, False),
        ("openai/gpt-4.1", False, False),
        ("azure/gpt-5.4", True, False),
        ("azure/my-model", False, False),
        ("anthropic/claude-opus-4-8", False, True),
        ("anthropic/claude-sonnet-4-5", False, False),
        ("anthropic/claude-opus-4-20250514", False, False),
        ("google/gemini-3-pro", False, False),
        ("openrouter/openai/gpt-5.4", False, False),
    ],
)
def test_settings_that_a_model_refuses(address: str, openai: bool, anthropic: bool) -> None:
    assert reasons(address) is openai
    assert refuses_temperature(address) is anthropic


@pytest.mark.parametrize(
    "address",
    ["anthropic/claude-opus-4-8", "anthropic/claude-haiku-4-5", "google/gemini-2.5-pro"],
)
async def test_graders_of_other_providers(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """The reference's settings for a grader are sent as far as the provider knows them."""
    with FakeEndpoint() as fake:
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        reference = Parameters(temperature=0.5, api="responses", reasoning_effort="low")
        settings = read_settings(read_address(address), [], reference)
        grader = resolve_grader(address, settings, OWN)
        completion = await grader.system.answer(ASK)
        await grader.system.close()
        payload = fake.log[-1].payload
    assert completion.finish_reason == "stop"
    sent = {**payload, **payload.get("generationConfig", {})}
    assert sent.get("temperature") == (None if refuses_temperature(address) else 0.5)
    assert not {"thinking", "output_config", "thinkingConfig"} & sent.keys()


# What providers have in common


def test_objects_within_extra_body_are_merged() -> None:
    """One field more in an object does not take away what is set in it."""
    payload = {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    extra = {"a": {"c": {"f": 4}}, "e": {"g": 5}}
    assert merged(payload, extra) == {"a": {"b": 1, "c": {"d": 2, "f": 4}}, "e": {"g": 5}}
    assert payload == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    assert merged(payload, None) == payload


def test_system_messages_at_the_beginning_are_one_prompt() -> None:
    turns = (Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Bye"))
    first = (Message("system", "Be kind."), Message("developer", "Be brief."))
    assert instructions_apart("a/m", (*first, *turns)) == ("Be kind.\n\nBe brief.", turns)
    assert instructions_apart("a/m", turns) == (None, turns)


@pytest.mark.parametrize("address", ["anthropic/m", "google/m"])
@pytest.mark.parametrize("role", ["system", "tool"])
async def test_turns_that_a_provider_does_not_know(
    monkeypatch: pytest.MonkeyPatch, address: str, role: Any
) -> None:
    """They are not moved to where they were not said: that one call fails, with the roles."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    model = resolve(address)
    with pytest.raises(EndpointError, match=f"found user, {role}, user") as caught:
        await model.answer(Ask((Message("user", "a"), Message(role, "b"), Message("user", "c"))))
    assert caught.value.kind == "bad_request"


# Runs


def run_with(
    fake: FakeEndpoint,
    monkeypatch: pytest.MonkeyPatch,
    store: Path,
    pair: tuple[str, str],
    params: list[str],
) -> preceptor.Run:
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    return preceptor.run(
        "starter",
        system=f"{pair[0]}/model-a",
        grader=f"{pair[1]}/judge",
        grader_template="preceptor",
        store=store,
        system_params=params,
        grader_params=params,
        limit=5,
    )


@pytest.mark.parametrize(
    ("pair", "stream"),
    [
        (("anthropic", "google"), "true"),
        (("google", "anthropic"), "false"),
        (("azure", "openrouter"), "true"),
    ],
)
def test_scores_do_not_depend_on_wires_streams_and_faults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pair: tuple[str, str], stream: str
) -> None:
    """One model behind any provider has one score, whatever fails on the way."""
    faults = ["rate_limit_bare", "error_503", "reset", "hang_up", "truncated", "error_in_reply"]
    with FakeEndpoint() as fake:
        plain = ("openai", "openai")
        quiet = run_with(fake, monkeypatch, tmp_path / "quiet.db", plain, []).score()
    with FakeEndpoint(faults=faults, rate=0.5, most_faults=1, api_key=SECRET) as fake:
        path = tmp_path / "stormy.db"
        stormy = run_with(fake, monkeypatch, path, pair, [f"stream={stream}"]).score()
        met = fake.met.total()
    assert met > 5
    assert stormy["metrics"] == quiet["metrics"]
    assert stormy["ungraded"] == {}
    assert SECRET.encode() not in b"".join(
        file.read_bytes() for file in tmp_path.iterdir() if file.is_file()
    )


# The fake endpoint itself


HI = {"role": "user", "content": "hi"}
PARTS = {"role": "user", "parts": [{"text": "hi"}]}
VERSION = {"anthropic-version": "2023-06-01"}
GENERATE = "/v1beta/models/m:generateContent"


@pytest.mark.parametrize(
    ("path", "headers", "payload", "words"),
    [
        ("/v1/chat/completions", {}, {"messages": [HI]}, "must provide a model"),
        ("/v1/chat/completions", {}, {"model": "m"}, "Missing required parameter: 'messages'"),
        ("/v1/chat/completions", {}, {"model": "m", "messages": [{**HI, "role": "x"}]}, "role"),
        ("/v1/chat/completions", {}, [], "could not parse"),
        ("/v1/responses", {}, {"model": "m", "input": []}, "Missing required parameter: 'input'"),
        ("/v1/messages", {}, {"model": "m", "max_tokens": 9, "messages": [HI]}, "version: header"),
        ("/v1/messages", VERSION, {"model": "m", "messages": [HI]}, "max_tokens: Field required"),
        ("/v1/messages", VERSION, {"model": "m", "max_tokens": 9, "messages": []}, "at least one"),
        ("/v1/messages", VERSION, {"model": "m", "max_tokens": 9, "messages": [
            {"role": "system", "content": "x"}]}, "should be 'user' or 'assistant'"),
        ("/v1/messages", VERSION, {"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": ""}]}, "must be non-empty"),
        ("/v1/messages", VERSION, {"model": "m", "max_tokens": 9, "messages": [HI],
            "output_config": {"effort": "none"}}, "output_config.effort"),
        (GENERATE, {}, {}, "contents is not specified"),
        (GENERATE, {}, {"contents": [{**PARTS, "role": "assistant"}]}, "valid role"),
        (GENERATE, {}, {"contents": [PARTS], "generationConfig": {"top_k": 1}}, "Unknown name"),
        ("/openai/deployments/d/chat/completions", {}, {"messages": [HI]}, "api-version"),
    ],
)  # fmt: skip
def test_fake_endpoint_refuses_what_a_provider_would(
    fake: FakeEndpoint, path: str, headers: dict[str, str], payload: Any, words: str
) -> None:
    """What could not succeed at the real one does not succeed in a test: 400, with the reason."""
    request = urllib.request.Request(
        fake.url.removesuffix("/v1") + path, json.dumps(payload).encode(), headers
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    with caught.value as reply:
        body = json.loads(reply.read())
    assert reply.code == 400
    assert words in body["error"]["message"]
    assert fake.delivered.total() == 0
