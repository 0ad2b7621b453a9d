"""Answers while they are made: the pieces are the answer, and a broken stream is none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from conftest import Clock
from preceptor.errors import EndpointError
from preceptor.records import Completion, Message
from preceptor.systems import Ask, Parameters, System, resolve
from preceptor.systems.http_model import HttpModel
from preceptor.systems.secret import Secret
from preceptor.systems.streaming import Restarted, Shown, visible
from preceptor.testing import FakeEndpoint, Fault

pytestmark = pytest.mark.usefixtures("bare")

ASK = Ask((Message("user", "My ear hurts. Name every number from 1 to 60."),))
#: Wire → address and parameters of a model that is asked over it.
WIRES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("openai/gpt-4.1", {}),
    "responses": ("openai/gpt-5-mini", {"api": "responses"}),
    "anthropic": ("anthropic/claude-sonnet-4-5", {}),
    "gemini": ("google/gemini-3-pro", {}),
    "azure": ("azure/ward", {}),
    "openrouter": ("openrouter/meta/llama-3", {}),
}
every_wire = pytest.mark.parametrize("wire", WIRES)


@contextlib.asynccontextmanager
async def model_at(
    monkeypatch: pytest.MonkeyPatch, fake: FakeEndpoint, wire: str = "chat", **values: Any
) -> AsyncIterator[HttpModel]:
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


async def heard(system: System, ask: Ask = ASK) -> list[str | Restarted | Completion]:
    return [each async for each in system.stream(ask)]


def without_time(completion: object) -> object:
    assert isinstance(completion, Completion)
    return {
        name: getattr(completion, name)
        for name in completion.__struct_fields__
        if name != "latency_s"
    }


@every_wire
async def test_pieces_are_the_answer(monkeypatch: pytest.MonkeyPatch, wire: str) -> None:
    """Joined they are its text, and the end is what ``answer`` gives, whole or streamed."""
    with FakeEndpoint(pace=0.001) as fake:
        async with model_at(monkeypatch, fake, wire) as model:
            *pieces, last = await heard(model)
            whole = await model.answer(ASK)
        async with model_at(monkeypatch, fake, wire, stream=True) as model:
            collected = await model.answer(ASK)
    assert len(pieces) > 2
    assert "".join(map(str, pieces)) == whole.text
    assert without_time(last) == without_time(whole) == without_time(collected)


@every_wire
@pytest.mark.parametrize("fault", ["reset", "truncated", "error_in_reply"])
async def test_a_text_that_broke_off_is_void(
    monkeypatch: pytest.MonkeyPatch, wire: str, fault: str
) -> None:
    """The next attempt begins again, and says so before its first piece."""
    with FakeEndpoint(script=[fault]) as fake:
        async with model_at(monkeypatch, fake, wire) as model:
            *pieces, last = await heard(model)
    assert isinstance(last, Completion)
    restarts = [place for place, piece in enumerate(pieces) if isinstance(piece, Restarted)]
    # The error may come with the first pieces, which are then never shown.
    assert len(restarts) == 1 or (fault != "truncated" and not restarts)
    begin = restarts[0] + 1 if restarts else 0
    assert begin != 1
    assert "".join(map(str, pieces[begin:])) == last.text
    assert model.failures.total() == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("reset", "connection"), ("truncated", "malformed"), ("stall", "timeout"),
     ("bad_event", "malformed"), ("stall_midway", "timeout"),
     ("error_in_reply", "server_error"), ("html", "malformed"), ("hang_up", "connection")],
)  # fmt: skip
async def test_a_stream_that_stays_broken_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, fault: str, kind: str
) -> None:
    """It ends with the kind of the last attempt, and never with a completion."""
    came: list[object] = []
    with FakeEndpoint(script=[fault] * 3) as fake:
        timeout = 0.2 if "stall" in fault else 20.0
        async with model_at(monkeypatch, fake, retries=1, timeout=timeout) as model:
            with pytest.raises(EndpointError) as caught:
                [came.append(piece) async for piece in model.stream(ASK)]
    assert caught.value.kind == kind
    assert not [piece for piece in came if isinstance(piece, Completion)]


async def test_nothing_is_void_where_nothing_was_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate limit before the first piece is waited for in silence."""
    with FakeEndpoint(script=["rate_limit", Fault("error_503")]) as fake:
        async with model_at(monkeypatch, fake) as model:
            pieces = await heard(model)
    assert not [piece for piece in pieces if isinstance(piece, Restarted)]
    assert isinstance(pieces[-1], Completion)


async def test_who_stops_listening_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint's turn is free again, and the next question is answered."""
    with FakeEndpoint() as fake:
        async with model_at(monkeypatch, fake, concurrency=1) as model:
            async with contextlib.aclosing(model.stream(ASK)) as pieces:
                async for _ in pieces:
                    break
            assert (await model.answer(ASK)).text


async def test_a_system_that_cannot_stream_gives_one_piece(fake: FakeEndpoint) -> None:
    """So does a model whose parameters say that it must not be asked for a stream."""
    model = resolve(fake.address("m"), Parameters(stream=False))
    text, last = await heard(model)
    assert isinstance(last, Completion)
    assert text == last.text
    assert "stream" not in fake.log[-1].payload
    await model.close()

    class Silent(System):
        async def answer(self, ask: Ask) -> Completion:
            return Completion("", "content_filter")

    assert await heard(Silent()) == [Completion("", "content_filter")]


def shown(*pieces: str, end: str | None = None, secret: Secret | None = None) -> list[object]:
    out: list[object] = []
    clean = secret.out_of_beginning if secret else str
    text = Shown(out.append, lambda so_far: visible(clean(so_far)))
    for piece in pieces:
        text.hear(piece)
    text.end(Completion("".join(pieces)).text if end is None else end)
    return out


def test_reasoning_is_not_shown() -> None:
    """Not its half mark either; where it looked like the answer, the text begins again."""
    assert shown("<thi", "nk>", "hm", "</think>", "Yes", ".") == ["Yes", "."]
    assert shown("a < b", " and c", " [1]", " d" * 40)[0] == "a "
    assert shown("hm", "</think>", "Yes") == ["hm", Restarted("reasoning"), "Yes"]


def test_a_key_is_not_shown_in_pieces() -> None:
    """A server that repeats it gets no part of it into a page."""
    key = "sk-0123456789abcdef"
    found = shown("It is ", key[:4], key[4:], "!", end="It is [key]!", secret=Secret(key))
    assert found == ["It is ", "[key]!"]


async def test_many_small_pieces_take_no_more_than_their_length() -> None:
    """A long text is looked at a bounded number of times while it doubles."""
    looks: list[int] = []
    text = Shown(lambda _: None, lambda so_far: looks.append(len(so_far)) or so_far)  # type: ignore[func-returns-value]
    for _ in range(50_000):
        text.hear("x")
    assert sum(looks) < 50_000 * 256 * 2.5
    await asyncio.sleep(0)
