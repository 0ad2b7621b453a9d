"""One HTTP endpoint: every fault at the wire has its kind, is tried again or not, and bounded."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import statistics
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from conftest import Clock
from preceptor.errors import EndpointError, EndpointRefused
from preceptor.records import Completion, Message, Usage
from preceptor.systems import Ask, Parameters, resolve, wire
from preceptor.systems import endpoint as module
from preceptor.systems.events import Body
from preceptor.systems.openai import ChatModel
from preceptor.testing import FakeEndpoint, Fault

pytestmark = pytest.mark.usefixtures("bare")

ASK = Ask((Message("user", "My ear hurts."),))
TRANSIENT = {
    "rate_limit": "rate_limit",
    "rate_limit_date": "rate_limit",
    "rate_limit_bare": "rate_limit",
    "error_500": "server_error",
    "error_502": "server_error",
    "error_503": "server_error",
    "reset": "connection",
    "hang_up": "connection",
    "stall": "timeout",
    "truncated": "malformed",
    "html": "malformed",
    "nested": "malformed",
    "echo_key": "server_error",
}


@contextlib.asynccontextmanager
async def model_at(
    address: str, clock: Clock | None = None, **values: Any
) -> AsyncIterator[ChatModel]:
    """The model at an address, its pauses on a clock of the test's."""
    model = resolve(address, Parameters(**{"timeout": 20.0, **values}))
    assert isinstance(model, ChatModel)
    if clock is not None:
        model.endpoint.now, model.endpoint.sleep = clock.now, clock.sleep
    try:
        yield model
    finally:
        await model.close()


def short(fault: str) -> dict[str, Any]:
    return {"timeout": 0.3} if fault == "stall" else {}


async def test_right_answer_is_asked_for_once(fake: FakeEndpoint, clock: Clock) -> None:
    """Without a fault there is one call, no pause, and the server's text."""
    async with model_at(fake.address("m"), clock) as model:
        completion = await model.answer(ASK)
    assert completion.text.startswith(tuple("abcdefghijklmnopqrstuvwxyzIAC"))
    assert completion.finish_reason == "stop"
    assert (len(fake.log), clock.slept, model.failures.total()) == (1, [], 0)


@pytest.mark.parametrize(("fault", "kind"), TRANSIENT.items())
async def test_transient_fault_is_tried_again(fault: str, kind: str, clock: Clock) -> None:
    """What another attempt may not meet is counted by kind and tried again, after a pause."""
    with FakeEndpoint(script=[fault]) as fake:
        async with model_at(fake.address("m"), clock, **short(fault)) as model:
            text = (await model.answer(ASK)).text
            again = (await model.answer(ASK)).text
    assert text == again
    assert dict(model.failures) == {kind: 1}
    assert len(fake.log) == 3
    if fault != "rate_limit_date":  # its date may be over by the time it arrives
        assert len(clock.slept) == 1


@pytest.mark.parametrize(
    ("fault", "kind"), [item for item in TRANSIENT.items() if item[1] != "rate_limit"]
)
async def test_transient_fault_for_good_has_its_kind(fault: str, kind: str, clock: Clock) -> None:
    """After ``retries`` further attempts the call has failed, with the kind of its last fault."""
    with FakeEndpoint(script=[fault] * 9) as fake:
        async with model_at(fake.address("m"), clock, retries=2, **short(fault)) as model:
            with pytest.raises(EndpointError) as caught:
                await model.answer(ASK)
    assert caught.value.kind == kind
    assert not isinstance(caught.value, EndpointRefused)
    assert fake.url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(fake.log) == 3


async def test_pauses_grow_and_are_bounded(clock: Clock) -> None:
    """Each pause is drawn from a longer span than the one before, up to the longest."""
    with FakeEndpoint(script=["error_500"] * 9) as fake:
        async with model_at(fake.address("m"), clock, retries=8) as model:
            with pytest.raises(EndpointError):
                await model.answer(ASK)
    spans = [min(30.0, 0.5 * 2**i) for i in range(8)]
    assert len(clock.slept) == 8
    for slept, span in zip(clock.slept, spans, strict=True):
        assert span / 2 <= slept <= span


async def test_rate_limit_does_not_use_up_the_retries(clock: Clock) -> None:
    """Being told to wait is no failed attempt: it ends with the patience, not with the retries."""
    with FakeEndpoint(script=[Fault("rate_limit", seconds=5)] * 20) as fake:
        async with model_at(fake.address("m"), clock, retries=0) as model:
            assert (await model.answer(ASK)).text
    assert model.failures["rate_limit"] == 20
    with FakeEndpoint(script=[Fault("rate_limit", seconds=50)] * 500) as fake:
        async with model_at(fake.address("m"), clock, retries=0) as model:
            with pytest.raises(EndpointError) as caught:
                await model.answer(ASK)
    assert caught.value.kind == "rate_limit"
    assert len(fake.log) <= wire.PATIENCE_S / 50 + 2


@pytest.mark.parametrize("kind", ["rate_limit", "rate_limit_date"])
async def test_retry_after_is_honoured(kind: str, clock: Clock) -> None:
    """The pause is at least as long as Retry-After says, in seconds or as a date."""
    with FakeEndpoint(script=[Fault(kind, seconds=60)]) as fake:
        async with model_at(fake.address("m"), clock) as model:
            await model.answer(ASK)
    # A date has whole seconds, and the clock on the wall went on between the two programs.
    assert (50 if kind == "rate_limit_date" else 60) <= sum(clock.slept) <= 61


async def test_retry_after_of_an_overloaded_server_is_honoured(clock: Clock) -> None:
    with FakeEndpoint(script=[Fault("error_503", seconds=42)]) as fake:
        async with model_at(fake.address("m"), clock) as model:
            await model.answer(ASK)
    assert clock.slept == [42]


async def test_retry_after_zero_is_no_tight_loop(clock: Clock) -> None:
    """A server that says "now" again and again is still given a moment each time."""
    with FakeEndpoint(script=[Fault("rate_limit", seconds=0)] * 5) as fake:
        async with model_at(fake.address("m"), clock) as model:
            await model.answer(ASK)
    assert len(clock.slept) == 5
    assert min(clock.slept) >= 0.05


async def test_rate_limits_without_retry_after_back_off(clock: Clock) -> None:
    """Without a header the pauses grow too, so that an endpoint at its limit is not hammered."""
    with FakeEndpoint(script=["rate_limit_bare"] * 8) as fake:
        async with model_at(fake.address("m"), clock) as model:
            await model.answer(ASK)
    assert clock.slept[-1] > 10 > clock.slept[0]


async def test_rate_limit_holds_back_the_whole_endpoint() -> None:
    """While one call is told to wait, no other call of the same endpoint is sent."""
    released = asyncio.Event()
    clock = Clock()

    async def wait(seconds: float) -> None:
        await released.wait()
        clock.time += seconds

    with FakeEndpoint(script=[Fault("rate_limit", seconds=30)]) as fake:
        async with model_at(fake.address("m")) as model:
            model.endpoint.now, model.endpoint.sleep = clock.now, wait
            first = asyncio.ensure_future(model.answer(ASK))
            while not model.failures:
                await asyncio.sleep(0.01)
            others = [
                asyncio.ensure_future(model.answer(Ask((Message("user", str(i)),))))
                for i in range(5)
            ]
            await asyncio.sleep(0.2)
            assert len(fake.log) == 1
            released.set()
            await asyncio.gather(first, *others)
    assert len(fake.log) == 7


@pytest.mark.parametrize("fault", ["unauthorized", "quota", "forbidden", "not_found", "redirect"])
async def test_refusal_of_every_call_stops_at_once(fault: str, clock: Clock) -> None:
    """A wrong key, model, address or an empty account is not asked a second time."""
    with FakeEndpoint(script=[fault] * 9) as fake:
        async with model_at(fake.address("m"), clock) as model:
            with pytest.raises(EndpointRefused) as caught:
                await model.answer(ASK)
    assert caught.value.kind == "refused"
    assert "check key, credit, model and address" in str(caught.value)
    assert (len(fake.log), clock.slept) == (1, [])


@pytest.mark.parametrize("fault", ["forbidden", "not_found", "redirect"])
async def test_odd_status_after_an_answer_is_a_bad_moment(fault: str, clock: Clock) -> None:
    """Once an endpoint has answered, 403 or 404 is some gateway's: it is tried again."""
    with FakeEndpoint(script=[None, fault]) as fake:
        async with model_at(fake.address("m"), clock) as model:
            assert await model.answer(ASK)
            assert await model.answer(ASK)
    assert model.failures["server_error"] == 1


async def test_bad_request_fails_its_call_alone(clock: Clock) -> None:
    """A prompt that the endpoint cannot take is not asked again; the others go on."""
    with FakeEndpoint(script=["bad_request", None] + ["bad_request"] * 5) as fake:
        async with model_at(fake.address("m"), clock) as model:
            for good in (False, True, False, False, False, False, False, True):
                if good:
                    assert await model.answer(ASK)
                    continue
                with pytest.raises(EndpointError) as caught:
                    await model.answer(ASK)
                assert caught.value.kind == "bad_request"
                assert not isinstance(caught.value, EndpointRefused)
    assert len(fake.log) == 8


async def test_bad_requests_alone_are_a_wrong_parameter(clock: Clock) -> None:
    """An endpoint that has never answered and refuses one request after another refuses all."""
    with FakeEndpoint(script=["bad_request"] * 9) as fake:
        async with model_at(fake.address("m"), clock) as model:
            for _ in range(2):
                with pytest.raises(EndpointError) as caught:
                    await model.answer(ASK)
                assert not isinstance(caught.value, EndpointRefused)
            with pytest.raises(EndpointRefused, match="refuses every call"):
                await model.answer(ASK)


async def test_filtered_prompt_is_an_empty_answer(clock: Clock) -> None:
    """What the provider's filter does to a prompt is the system's behaviour, asked once."""
    with FakeEndpoint(script=["content_filter"]) as fake:
        async with model_at(fake.address("m"), clock) as model:
            completion = await model.answer(ASK)
    assert completion == Completion("", finish_reason="content_filter")
    assert len(fake.log) == 1


async def test_server_that_is_not_there_is_said_soon(clock: Clock) -> None:
    """Nobody waits for the whole backoff to hear that an address is wrong."""
    with FakeEndpoint() as gone:
        address = gone.address("m")
    async with model_at(address, clock) as model:
        with pytest.raises(EndpointRefused, match="cannot be reached") as caught:
            await model.answer(ASK)
    assert caught.value.kind == "connection"
    assert sum(clock.slept) < 2


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "no-such-host.invalid"])
async def test_host_that_cannot_be(host: str, clock: Clock) -> None:
    """A host name that is none is refused with one line."""
    async with model_at(f"http://{host}:1/v1#m", clock) as model:
        with pytest.raises(EndpointRefused) as caught:
            await model.answer(ASK)
    assert "\n" not in str(caught.value)


async def test_redirect_is_not_followed_and_takes_no_key_along(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "sk-secret")
    with FakeEndpoint(script=["redirect"], api_key="sk-secret") as fake:
        async with model_at(fake.address("m"), clock, api_key_env="KEY") as model:
            with pytest.raises(EndpointRefused):
                await model.answer(ASK)
    assert [(call.path, call.authorized) for call in fake.log] == [("/v1/chat/completions", True)]


@pytest.mark.parametrize("fault", ["endless", "gzip_bomb"])
async def test_body_is_read_no_further_than_the_bound(
    fault: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endless stream and a compressed giant are given up at the bound, and not tried again."""
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 2**20)
    inflated = []

    class Inflate:
        def __init__(self, bits: int) -> None:
            self.object = zlib.decompressobj(bits)

        def decompress(self, data: bytes, limit: int) -> bytes:
            out = self.object.decompress(data, limit)
            inflated.append(len(out))
            return out

    class Zlib:
        decompressobj, error, MAX_WBITS = Inflate, zlib.error, zlib.MAX_WBITS

    monkeypatch.setattr(wire, "zlib", Zlib)
    with FakeEndpoint(script=[fault] * 3) as fake:
        async with model_at(fake.address("m"), clock) as model:
            with pytest.raises(EndpointError, match="longer than 1,048,576 bytes") as caught:
                await model.answer(ASK)
    assert caught.value.kind == "too_large"
    assert len(fake.log) == 1
    assert sum(inflated) <= 2**20 + 1
    assert bool(inflated) == (fault == "gzip_bomb")


async def test_compressed_answer_is_read(clock: Clock) -> None:
    """We ask for no compression; a server that compresses all the same is understood."""
    with FakeEndpoint(script=["gzip"]) as fake:
        async with model_at(fake.address("m"), clock) as model:
            assert await model.answer(ASK)
            assert fake.log[0].headers["Accept-Encoding"] == "identity"
            assert model.failures.total() == 0
    assert gzip.decompress(gzip.compress(b"")) == b""


async def test_key_stays_out_of_messages_and_logs(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A gateway that repeats the key does not get it, or a part of it, into what we say."""
    key = "sk-" + "0123456789abcdef" * 4
    monkeypatch.setenv("KEY", key)
    caplog.set_level(logging.DEBUG)
    with FakeEndpoint(script=["echo_key"] * 3, api_key=key) as fake:
        async with model_at(fake.address("m"), clock, api_key_env="KEY", retries=1) as model:
            with pytest.raises(EndpointError) as caught:
                await model.answer(ASK)
            assert key not in str(model.identity())
    error: BaseException | None = caught.value
    while error is not None:
        assert "[key]" in str(error) or "sk-" not in str(error)
        assert key[:12] not in f"{error!r}{error.args}"
        error = error.__cause__
    assert key[:12] not in caplog.text


async def test_key_with_a_newline_is_a_key(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was read from a file ends with its newline."""
    monkeypatch.setenv("KEY", "sk-secret\n")
    with FakeEndpoint(api_key="sk-secret") as fake:
        async with model_at(fake.address("m"), clock, api_key_env="KEY") as model:
            assert await model.answer(ASK)


async def test_netrc_does_not_take_the_keys_place(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A password for the host in the user's ~/.netrc is not for us."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("KEY", "sk-secret")
    with FakeEndpoint(api_key="sk-secret") as fake:
        async with model_at(fake.address("m"), clock, api_key_env="KEY") as model:
            assert await model.answer(ASK)
        async with model_at(fake.address("m"), clock) as model:
            with pytest.raises(EndpointRefused):
                await model.answer(ASK)
    assert [call.authorized for call in fake.log] == [True, False]


async def test_proxy_of_the_environment_is_used(
    fake: FakeEndpoint, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY names a way to the endpoint, NO_PROXY takes hosts away from it."""
    monkeypatch.setenv("http_proxy", fake.url.removesuffix("/v1"))
    monkeypatch.setenv("no_proxy", "elsewhere.invalid")
    async with model_at("http://model.invalid/v1#m", clock) as model:
        assert await model.answer(ASK)
    assert fake.log[0].headers["Host"] == "model.invalid"
    async with model_at("http://elsewhere.invalid/v1#m", clock) as model:
        with pytest.raises(EndpointRefused):
            await model.answer(ASK)
    assert len(fake.log) == 1


async def test_at_most_so_many_calls_at_once(clock: Clock) -> None:
    with FakeEndpoint(latency=0.02) as fake:
        async with model_at(fake.address("m"), clock, concurrency=3) as model:
            asks = [Ask((Message("user", str(i)),)) for i in range(12)]
            await asyncio.gather(*(model.answer(ask) for ask in asks))
    assert fake.peak["m"] == 3


async def test_waiting_for_a_slot_is_no_lateness(clock: Clock) -> None:
    """A call that waited long for its turn still has all its retries."""
    with FakeEndpoint(script=[None, "error_500"]) as fake:
        async with model_at(fake.address("m"), clock, concurrency=1) as model:
            first = asyncio.ensure_future(model.answer(ASK))
            second = asyncio.ensure_future(model.answer(Ask((Message("user", "other"),))))
            await asyncio.sleep(0)
            clock.time += 2 * wire.PATIENCE_S
            assert (await first).text
            assert (await second).text
    assert len(fake.log) == 3


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("3", 3, 3),
        ("2.5", 2.5, 2.5),
        ("-4", 0, 0.05),
        ("1e9", 900, 900),
        ("inf", 900, 900),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0, 0.05),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900, 900),
    ],
)
def test_retry_after_is_bounded(value: str, low: float, high: float) -> None:
    wait = wire.retry_after({"Retry-After": value})
    assert wait is not None
    assert low <= wait <= high


def test_other_words_for_when_to_ask_again() -> None:
    """OpenAI and Azure say it to the millisecond in a header, Google in the error's details."""
    assert wire.retry_after({"retry-after-ms": "300", "Retry-After": "1"}) == 0.3
    details = [{"reason": "RATE_LIMIT_EXCEEDED"}, {"retryDelay": "37.5s"}]
    google = msgspec.json.encode({"error": {"code": 429, "details": details}})
    assert wire.retry_after({}, google) == 37.5
    assert wire.retry_after({"Retry-After": "2"}, google) == 2


@pytest.mark.parametrize("value", ["", "soon", "nan", "Fri, 99 Foo 2024", "\x00"])
def test_retry_after_that_says_nothing(value: str) -> None:
    assert wire.retry_after({"Retry-After": value}) is None


@pytest.mark.parametrize(
    "body", [b"", b"[" * 100_000, b'{"error": 3}', b"\xff\xfe", b'{"error": {"code": 7}}', b"null"]
)
def test_error_body_of_any_kind_has_words(body: bytes) -> None:
    """Whatever an error page holds, it becomes one bounded line."""
    code, words = wire.error_words(body)
    assert isinstance(code, str)
    assert len(words) <= 200
    assert "\n" not in words


async def test_outage_is_waited_for(clock: Clock) -> None:
    """An endpoint that has answered and is gone for a minute costs no call its retries."""
    with FakeEndpoint() as fake:
        port = int(fake.url.split(":")[2].split("/")[0])
        address = fake.address("m")
        model = resolve(address, Parameters(retries=1, timeout=20.0))
        assert isinstance(model, ChatModel)
        assert await model.answer(ASK)
    back = clock.time + 60
    restarted = FakeEndpoint(port=port)

    async def sleep(seconds: float) -> None:
        if clock.time < back <= clock.time + seconds:
            restarted.__enter__()
        await clock.sleep(seconds)

    model.endpoint.now, model.endpoint.sleep = clock.now, sleep
    try:
        asks = [Ask((Message("user", f"{i}"),)) for i in range(5)]
        assert all(answer.text for answer in await asyncio.gather(*map(model.answer, asks)))
        assert model.failures["connection"] > 10
        assert set(restarted.delivered.values()) == {1}
    finally:
        await model.close()
        restarted.__exit__(None, None, None)


async def test_outage_without_an_end_is_a_failure(clock: Clock) -> None:
    """After three minutes without an answer to anybody, the retries count again."""
    with FakeEndpoint(script=[None] + ["error_500"] * 99) as fake:
        async with model_at(fake.address("m"), clock, retries=2) as model:
            assert await model.answer(ASK)
            with pytest.raises(EndpointError) as caught:
                await model.answer(ASK)
    assert caught.value.kind == "server_error"
    assert 180 <= sum(clock.slept) < 300


async def test_failure_of_one_call_among_answers_is_its_own(clock: Clock) -> None:
    """While others are answered, a call that fails again and again has its retries and no more."""
    poison = [f for _ in range(4) for f in ("error_500", None)]
    with FakeEndpoint(script=[None, *poison]) as fake:
        async with model_at(fake.address("m"), clock, retries=3) as model:
            assert await model.answer(ASK)

            async def sleep(seconds: float) -> None:
                await model.endpoint._attempt(
                    "/chat/completions", fake_body("other"), Body(bytes), lambda _: None
                )
                await clock.sleep(seconds)

            model.endpoint.sleep = sleep
            with pytest.raises(EndpointError):
                await model.answer(Ask((Message("user", "poison"),)))
    assert model.failures["server_error"] == 4
    assert sum(clock.slept) < 10


def fake_body(text: str) -> bytes:
    return b'{"model": "m", "messages": [{"role": "user", "content": "%s"}]}' % text.encode()


async def test_limit_of_the_endpoint_is_found_at_the_wire() -> None:
    """A server that takes ten calls at once: every call is answered, and soon none is rejected."""
    under_way = peak = rejected = 0
    limits: list[int] = []

    async def serve(_: web.Request) -> web.Response:
        nonlocal under_way, peak, rejected
        limits.append(model.endpoint.limiter.limit)
        if under_way >= 10:
            rejected += 1
            return web.json_response({"error": {"message": "slow down"}}, status=429)
        under_way += 1
        peak = max(peak, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return web.json_response({"choices": [{"message": {"content": "Yes."}}]})

    async with serving(serve) as url, model_at(f"{url}#m") as model:

        async def pause(seconds: float) -> None:
            await asyncio.sleep(seconds / 20)

        model.endpoint.sleep = pause
        model.endpoint.now = lambda: asyncio.get_running_loop().time() * 20
        asks = [Ask((Message("user", f"{i}"),)) for i in range(1500)]
        answers = await asyncio.gather(*map(model.answer, asks))
    assert [answer.text for answer in answers] == ["Yes."] * 1500
    # It is halved at a rejection, whenever that is: what counts is where it mostly stands.
    assert 5 <= statistics.median(limits[len(limits) // 2 :]) <= 11
    assert rejected == model.failures["rate_limit"] < 150


@contextlib.asynccontextmanager
async def serving(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    """A server whose every POST is answered so; its base URL."""
    application = web.Application()
    application.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (402, {"code": 402, "message": "Insufficient credits."}),  # OpenRouter
        (402, {"type": "billing_error", "message": "Check your payment details."}),  # Anthropic
        (400, {"type": "invalid_request_error",
               "message": "Your credit balance is too low to access the Anthropic API."}),
        (400, {"type": "budget_exceeded", "code": "400", "message": "Budget"}),  # LiteLLM's proxy
    ],
)  # fmt: skip
async def test_an_account_that_runs_dry_stops_the_run(status: int, error: dict[str, Any]) -> None:
    """Also after answers: every further call would be a failed one, and none the task's fault."""
    calls = 0

    async def serve(_: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        if calls > 1:
            return web.json_response({"error": error}, status=status)
        return web.json_response({"choices": [{"message": {"content": "Yes."}}]})

    async with serving(serve) as url, model_at(f"{url}#m") as model:
        assert (await model.answer(ASK)).text == "Yes."
        with pytest.raises(EndpointRefused, match="credit") as caught:
            await model.answer(ASK)
    assert (caught.value.kind, calls) == ("refused", 2)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        # OpenRouter's moderation; Azure where the code is missing.
        (403, {"code": 403, "message": "Your input was flagged",
               "metadata": {"reasons": ["violence"], "flagged_input": "My…"}}),
        (400, {"code": None, "message": "The response was filtered",
               "innererror": {"code": "ResponsibleAIPolicyViolation"}}),
    ],
)  # fmt: skip
async def test_moderation_is_an_answer_and_no_wrong_key(status: int, error: dict[str, Any]) -> None:
    """A prompt that was flagged says nothing of the key or of other prompts."""

    async def serve(_: web.Request) -> web.Response:
        return web.json_response({"error": error}, status=status)

    async with serving(serve) as url, model_at(f"{url}#m") as model:
        for _ in range(4):
            assert (await model.answer(ASK)).finish_reason == "content_filter"


async def test_a_request_beyond_the_limit_of_a_minute_is_not_tried_again() -> None:
    """OpenAI calls it a rate limit, but no pause makes it fit; others go on at once."""
    calls = 0
    words = "Request too large for gpt-4.1 on tokens per min (TPM): Limit 30000, Requested 35000."

    async def serve(_: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        if calls <= 4:
            error = {"message": words, "type": "tokens", "code": "rate_limit_exceeded"}
            return web.json_response({"error": error}, status=429)
        return web.json_response({"choices": [{"message": {"content": "Yes."}}]})

    async with serving(serve) as url, model_at(f"{url}#m") as model:
        for _ in range(4):
            with pytest.raises(EndpointError, match="too large") as caught:
                await model.answer(ASK)
            assert caught.value.kind == "bad_request"
            assert not isinstance(caught.value, EndpointRefused)
        assert (await model.answer(ASK)).text == "Yes."
    assert calls == 5


async def test_a_bare_error_is_quoted_by_its_words() -> None:
    """Older vLLM has the error's fields in the body itself."""

    async def serve(_: web.Request) -> web.Response:
        body = {"object": "error", "message": "No such model.", "type": "NotFoundError"}
        return web.json_response(body, status=404)

    async with serving(serve) as url, model_at(f"{url}#m") as model:
        with pytest.raises(EndpointRefused, match=r"HTTP 404: 'No such model\.': check key"):
            await model.answer(ASK)


@pytest.mark.parametrize(
    "error",
    [
        {"message": "This model's maximum context length is 128 tokens.", "code": 400},
        {"message": "too many", "code": "context_length_exceeded"},
        {"message": "prompt is too long: 209 tokens > 200 maximum"},
        {"message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."},
        {"message": "the request exceeds the available context size", "type": "x"},
    ],
)
async def test_prompts_that_are_too_long_say_nothing_of_others(error: dict[str, Any]) -> None:
    """Five of them before the first answer are five failed calls, and no refusal of every call."""
    calls = 0

    async def serve(_: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        if calls <= 5:
            return web.json_response({"error": error}, status=400)
        return web.json_response({"choices": [{"message": {"content": "Yes."}}]})

    async with serving(serve) as url, model_at(f"{url}#m") as model:
        for _ in range(5):
            with pytest.raises(EndpointError) as caught:
                await model.answer(ASK)
            assert not isinstance(caught.value, EndpointRefused)
            assert caught.value.kind == "bad_request"
        assert (await model.answer(ASK)).text == "Yes."


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"ear \ud83d hurts", "ear \ufffd hurts"),
        (r"\uDE00\ud83d\ude00", "\ufffd\U0001f600"),
        (r"a \\ud800 b \\\ud800", "a \\ud800 b \\\ufffd"),
        (r"\ud83d\n\ud83d", "\ufffd\n\ufffd"),
    ],
)
async def test_half_of_a_character_is_a_mark_in_the_text(written: str, read: str) -> None:
    """A text that was cut between two surrogates is kept; the rest of it stays as it is."""

    async def serve(_: web.Request) -> web.Response:
        text = f'{{"choices": [{{"message": {{"content": "{written}"}}}}]}}'
        return web.Response(text=text, content_type="application/json")

    async with serving(serve) as url, model_at(f"{url}#m") as model:
        assert (await model.answer(ASK)).text == read
    assert model.failures.total() == 0


@pytest.mark.parametrize("status", [201, 202, 204, 206])
async def test_other_kinds_of_success_are_read_or_tried_again(status: int, clock: Clock) -> None:
    """What a gateway answers instead of 200 is an answer if it holds one, and else a bad moment."""
    calls = 0

    async def serve(_: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        if calls == 1:
            return web.Response(status=status)
        said = {"choices": [{"message": {"content": "Yes."}}]}
        return web.json_response(said, status=200 if status == 204 else status)

    async with serving(serve) as url, model_at(f"{url}#m", clock) as model:
        assert (await model.answer(ASK)).text == "Yes."
    assert calls == 2
    assert model.failures == {"malformed": 1}


async def test_reply_that_counts_nothing_is_not_free() -> None:
    """Where a server says nothing of tokens, a cap on them or on dollars must hold all the same."""

    async def serve(_: web.Request) -> web.Response:
        return web.json_response({"choices": [{"message": {"content": "Yes, it does."}}]})

    async with serving(serve) as url, model_at(f"{url}#m", price="1000000/1000000") as model:
        completion = await model.answer(ASK)
    # 14 and 13 characters, at the fewest that a token has: 3.5.
    assert completion.usage == Usage(4, 4)
    assert completion.cost_usd == 8
