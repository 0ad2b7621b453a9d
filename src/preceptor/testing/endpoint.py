"""The fake endpoint: OpenAI's two APIs over real HTTP on 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import gzip
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Any

import msgspec
from aiohttp import web

from preceptor.testing.faults import CONTENT, Fault, Schedule
from preceptor.testing.replies import (
    Reply,
    chat_body,
    is_judgement,
    prompt_key,
    reply_to,
    responses_body,
)

__all__ = ["Call", "FakeEndpoint"]

_HTML = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_ENDLESS_BYTES = 2**30
_BOMB_BYTES = 2**26
_KEPT_CALLS = 10_000


class Call(msgspec.Struct, frozen=True):
    """One request that arrived.

    Attributes
    ----------
    prompt
        :func:`prompt_key` of its payload.
    headers
        All but Authorization; ``authorized`` says whether that was sent.
    fault
        The kind of the fault that it met, or None.
    """

    path: str
    prompt: str
    payload: dict[str, Any]
    headers: dict[str, str]
    authorized: bool
    fault: str | None


class FakeEndpoint:
    """An OpenAI-compatible endpoint for tests, in a thread of its own.

    It serves ``/v1/chat/completions``, ``/v1/responses`` and ``/v1/models``, with usage, and with
    ``top_logprobs`` for graders that read the chance of a yes. What it answers is a function of
    model, conversation and seed; a ``verbosity`` makes it longer or shorter, an effort does the
    same for the reasoning. A prompt that contains ``criteria_met`` is answered with a verdict; one
    that asks for ``every number from 1 to N`` with that many.

    Parameters
    ----------
    faults
        What may go wrong: names of FAULTS or :class:`Fault`; :data:`CHAOS` is everything that a
        second attempt can get past. Each attempt meets one with probability ``rate``, but no
        prompt more than ``most_faults``.
    script
        Faults of the first calls in the order in which they arrive, None for a right answer.
    latency
        Seconds that an answer takes: a number, or the ends of a range.
    api_key
        Requests with another one are refused with 401.
    reasoning
        The name under which a chat completion's message has the reasoning text, where the request
        asks for an effort: ``reasoning_content`` or ``reasoning``. None for a server that shows
        none, as OpenAI's.
    seed
        Decides which attempts meet which faults, and nothing else.
    port
        0 for any that is free.

    Attributes
    ----------
    url
        The base URL, ``http://127.0.0.1:PORT/v1``.
    calls, delivered
        Requests and right answers so far, by :func:`prompt_key`.
    met
        Faults so far, by kind.
    log
        The last calls, in the order of their arrival.
    peak
        The most calls at any one time, by model.

    Examples
    --------
    >>> with FakeEndpoint(faults=["rate_limit", "reset"], seed=1) as fake:
    ...     run = preceptor.run(
    ...         "starter", system=fake.address("model-a"), grader=fake.address("judge")
    ...     )
    """

    def __init__(
        self,
        *,
        faults: Iterable[str | Fault] = (),
        rate: float = 0.3,
        most_faults: int = 2,
        script: Iterable[str | Fault | None] = (),
        latency: float | tuple[float, float] = 0.0,
        api_key: str | None = None,
        reasoning: str | None = None,
        seed: int = 0,
        port: int = 0,
    ) -> None:
        self.calls: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.log: deque[Call] = deque(maxlen=_KEPT_CALLS)
        self.peak: Counter[str] = Counter()
        self._schedule = Schedule(faults, script, rate=rate, most=most_faults, seed=seed)
        self._latency = latency if isinstance(latency, tuple) else (latency, latency)
        self._api_key = api_key
        self._reasoning = reasoning
        self._random = random.Random(seed)  # noqa: S311
        self._under_way: Counter[str] = Counter()
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._serve, name="fake-endpoint", daemon=True)

    # Life

    def __enter__(self) -> FakeEndpoint:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def address(self, model: str) -> str:
        """For ``--system`` and ``--grader``."""
        return f"{self.url}#{model}"

    def counts(self) -> dict[str, Any]:
        """What ``GET /counts`` answers, for a server in another process."""
        return {
            "calls": self.calls.total(),
            "delivered": self.delivered.total(),
            "met": dict(self.met),
            "peak": dict(self.peak),
        }

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _start(self) -> None:
        application = web.Application(client_max_size=2**28)
        application.router.add_post("/v1/chat/completions", self._chat)
        application.router.add_post("/v1/responses", self._responses)
        application.router.add_get("/v1/models", self._models)
        application.router.add_get("/counts", self._counts)
        application.router.add_route("*", "/{elsewhere:.*}", self._elsewhere)
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    # Requests

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._complete(request, partial(chat_body, reasoning_field=self._reasoning))

    async def _responses(self, request: web.Request) -> web.StreamResponse:
        shape = partial(responses_body, reasoning_field=self._reasoning)
        return await self._complete(request, shape)

    async def _models(self, _: web.Request) -> web.StreamResponse:
        data = [{"id": model, "object": "model"} for model in self.peak]
        return web.json_response({"object": "list", "data": data})

    async def _counts(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self.counts())

    async def _elsewhere(self, request: web.Request) -> web.StreamResponse:
        self._note(request, {}, "", None)
        return _error(404, "Invalid URL", kind="invalid_request_error")

    async def _complete(
        self, request: web.Request, shape: Callable[[dict[str, Any], Reply], dict[str, Any]]
    ) -> web.StreamResponse:
        try:
            payload = msgspec.json.decode(await request.read(), type=dict[str, Any])
            prompt, judgement = prompt_key(payload), is_judgement(payload)
        except (msgspec.MsgspecError, AttributeError, KeyError, IndexError) as error:
            return _error(400, f"We could not parse the JSON body: {error}")
        fault = self._schedule.draw(prompt, judgement=judgement)
        self._note(request, payload, prompt, fault)
        if self._api_key and request.headers.get("Authorization") != f"Bearer {self._api_key}":
            return _error(401, "Incorrect API key provided", code="invalid_api_key")
        model = str(payload.get("model"))
        self._under_way[model] += 1
        self.peak[model] = max(self.peak[model], self._under_way[model])
        try:
            await asyncio.sleep(self._random.uniform(*self._latency))
            return await self._respond(request, payload, fault, shape)
        finally:
            self._under_way[model] -= 1

    def _note(
        self, request: web.Request, payload: dict[str, Any], prompt: str, fault: Fault | None
    ) -> None:
        self.calls[prompt] += 1
        if fault is not None:
            self.met[fault.kind] += 1
        headers = dict(request.headers)
        authorized = headers.pop("Authorization", None) is not None
        kind = None if fault is None else fault.kind
        self.log.append(Call(request.path, prompt, payload, headers, authorized, kind))

    async def _respond(
        self,
        request: web.Request,
        payload: dict[str, Any],
        fault: Fault | None,
        shape: Callable[[dict[str, Any], Reply], dict[str, Any]],
    ) -> web.StreamResponse:
        right = reply_to(payload)
        if fault is not None and fault.kind in CONTENT:
            return _json(shape(payload, _spoiled(right, fault.kind)))
        body = msgspec.json.encode(shape(payload, right))
        if fault is not None and fault.kind in _ANSWERED:
            return _ANSWERED[fault.kind](fault, body)
        if fault is not None and fault.kind in _ACTED:
            return await _ACTED[fault.kind](request, body)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        compressed = fault is not None and fault.kind == "gzip"
        response = web.Response(
            body=gzip.compress(body) if compressed else body,
            content_type="application/json",
            headers={"Content-Encoding": "gzip"} if compressed else None,
        )
        await response.prepare(request)
        # Counted just before it leaves: whoever got an answer finds it counted.
        self.delivered[prompt_key(payload)] += 1
        await response.write_eof()
        return response


def _spoiled(right: Reply, kind: str) -> Reply:
    """A reply whose content is not what was asked for."""
    text = right.text or ""
    verdicts = {"met_text": '"true"', "met_number": "1", "met_null": "null"}
    if kind in verdicts:
        return Reply(f'{{"explanation": "so-so", "criteria_met": {verdicts[kind]}}}')
    if kind in ("item_missing", "item_text"):
        return Reply(_without_first(text, kind))
    half = text[: len(text) // 2]
    return {
        "prose": Reply("The answer meets the criterion, I would say."),
        "met_missing": Reply('{"explanation": "so-so", "met": true}'),
        "empty": Reply(""),
        "null": Reply(None),
        "refusal": Reply(None, refusal="I'm sorry, but I can't help with that."),
        "filtered": Reply(half, "content_filter"),
        "cut_off": Reply(half, "length"),
        "no_logprobs": Reply(text),
    }[kind]


def _without_first(text: str, kind: str) -> str:
    """Verdicts by number without the first; one verdict alone stays as it is."""
    items = msgspec.json.decode(text) if text.startswith('{"1":') else None
    if items is None:
        return text
    items["1"] = "met" if kind == "item_text" else None
    return msgspec.json.encode({n: item for n, item in items.items() if item}).decode()


def _json(body: dict[str, Any]) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


def _error(
    status: int,
    message: str,
    *,
    code: str | None = None,
    kind: str = "invalid_request_error",
    headers: dict[str, str] | None = None,
) -> web.Response:
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return web.json_response(body, status=status, headers=headers)


def _limited(headers: dict[str, str] | None) -> web.Response:
    words = "Rate limit reached for requests"
    return _error(429, words, code="rate_limit_exceeded", kind="requests", headers=headers)


def _date(fault: Fault) -> str:
    return email.utils.formatdate(time.time() + fault.seconds, usegmt=True)


#: Kind of a fault → the response that it is, from the fault and the right body.
_ANSWERED: dict[str, Callable[[Fault, bytes], web.Response]] = {
    "rate_limit": lambda fault, _: _limited({"Retry-After": f"{fault.seconds:g}"}),
    "rate_limit_date": lambda fault, _: _limited({"Retry-After": _date(fault)}),
    "rate_limit_bare": lambda *_: _limited(None),
    "quota": lambda *_: _error(429, "You exceeded your quota", code="insufficient_quota"),
    "error_500": lambda *_: _error(500, "The server had an error", kind="server_error"),
    "error_502": lambda *_: web.Response(status=502, text=_HTML, content_type="text/html"),
    "error_503": lambda fault, _: _error(
        503, "Overloaded", kind="server_error", headers={"Retry-After": f"{fault.seconds:g}"}
    ),
    "bad_request": lambda *_: _error(400, "This model does not support that"),
    "unauthorized": lambda *_: _error(401, "Incorrect API key", code="invalid_api_key"),
    "forbidden": lambda *_: _error(403, "Country not supported"),
    "not_found": lambda *_: _error(404, "The model does not exist", code="model_not_found"),
    "content_filter": lambda *_: _error(400, "The prompt was filtered", code="content_filter"),
    "redirect": lambda *_: web.Response(status=307, headers={"Location": "/elsewhere"}),
    "truncated": lambda _, body: web.Response(
        body=body[: len(body) // 2], content_type="application/json"
    ),
    "html": lambda *_: web.Response(text=_HTML, content_type="text/html"),
    "nested": lambda *_: web.Response(body=b'{"x":' + b"[" * 100_000),
    "gzip_bomb": lambda *_: web.Response(
        body=gzip.compress(bytes(_BOMB_BYTES), 1), headers={"Content-Encoding": "gzip"}
    ),
}


async def _reset(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response


async def _hang_up(request: web.Request, _: bytes) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def _stall(_: web.Request, __: bytes) -> web.StreamResponse:
    await asyncio.sleep(3600)  # ended when the client gives up or the server stops
    return web.Response()


async def _endless(request: web.Request, _: bytes) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        for _sent in range(_ENDLESS_BYTES // 65_536):
            await response.write(b" " * 65_536)
    return response


async def _echo_key(request: web.Request, _: bytes) -> web.StreamResponse:
    # Where the client cuts a long message, a part of the key must not be left over.
    said = "." * 170 + request.headers.get("Authorization", "no key")
    return _error(500, said, kind="server_error")


#: Kind of a fault → what is done with the request or its connection.
_ACTED: dict[str, Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]] = {
    "reset": _reset,
    "hang_up": _hang_up,
    "stall": _stall,
    "endless": _endless,
    "echo_key": _echo_key,
}
