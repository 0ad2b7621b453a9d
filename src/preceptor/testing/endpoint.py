"""The fake endpoint: the APIs of several providers over real HTTP on 127.0.0.1."""

from __future__ import annotations

import asyncio
import gzip
import random
import threading
from collections import Counter, deque
from collections.abc import Iterable
from functools import partial
from types import TracebackType
from typing import Any

import msgspec
from aiohttp import web

from preceptor.testing.anthropic_wire import AnthropicMessages
from preceptor.testing.embeddings import OpenAIEmbeddings
from preceptor.testing.faults import CONTENT, Fault, Schedule
from preceptor.testing.gemini_wire import GeminiGenerate
from preceptor.testing.mishaps import ACTED, ANSWERED, Sent, spoiled
from preceptor.testing.replies import is_judgement, prompt_key
from preceptor.testing.tool_use import Plan, reply_with
from preceptor.testing.wires import (
    SECRET_HEADERS,
    AzureChat,
    AzureResponses,
    OpenAIChat,
    OpenAIResponses,
    Wire,
)

__all__ = ["Call", "FakeEndpoint"]

_KEPT_CALLS = 10_000
_GENERATE = "/{version:v1(beta)?}/models/{model}:{method:(stream)?[gG]enerateContent}"


class Call(msgspec.Struct, frozen=True):
    """One request that arrived.

    Attributes
    ----------
    prompt
        :func:`prompt_key` of its payload.
    headers
        Headers without the key; ``authorized`` says whether there was one.
    fault
        The kind of its fault, or None.
    """

    path: str
    prompt: str
    payload: dict[str, Any]
    headers: dict[str, str]
    authorized: bool
    fault: str | None


class FakeEndpoint:
    """A fake endpoint for tests, in its own thread, that speaks several providers' formats.

    It serves ``/v1/chat/completions``, ``/v1/responses``, ``/v1/embeddings`` and ``/v1/models``,
    with usage, and with ``top_logprobs`` for graders that read the probability of a yes; and
    Anthropic, Gemini, Azure and OpenRouter, each in its own format, at the addresses of
    :meth:`environment`. An answer is a function of model, conversation and seed, the same in every
    format; a ``verbosity`` sets its length, an effort that of the reasoning. A prompt that contains
    ``criteria_met`` is answered with a verdict; one that asks for ``every number from 1 to N`` with
    that many. A request for events is answered with a stream.

    Parameters
    ----------
    faults
        Possible faults: names of FAULTS or :class:`Fault`; :data:`CHAOS` is every fault that a
        second attempt can overcome. Each attempt meets one with probability ``rate``, but no
        prompt more than ``most_faults``.
    tools
        Name and arguments (JSON) of the tools that are called, turn by turn, before an answer, in
        requests that offer any.
    drops_tools
        Whether the server drops the tools of a request in silence, as many do.
    script
        Faults of the first calls in order of arrival, None for a right answer.
    latency
        Seconds per answer: a number, or the ends of a range.
    pace
        Seconds between two events of a stream.
    api_key
        The only key that is accepted; others are refused, in most formats with 401.
    reasoning
        The name under which a chat completion's message has the reasoning text, where the request
        asks for an effort: ``reasoning_content`` or ``reasoning``. None for a server that shows
        none, as OpenAI's.
    seed
        Seed of the faults, and of nothing else.
    port
        The port; 0 for any free one.

    Attributes
    ----------
    url
        The base URL, ``http://127.0.0.1:PORT/v1``.
    calls, delivered
        Requests and right answers so far, by :func:`prompt_key`.
    met
        Faults so far, by kind.
    log
        The last calls, in order of arrival.
    peak
        The most calls at once, by model.

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
        tools: Plan = (),
        drops_tools: bool = False,
        script: Iterable[str | Fault | None] = (),
        latency: float | tuple[float, float] = 0.0,
        pace: float = 0.0,
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
        self._pace = pace
        self._api_key = api_key
        self._reasoning = reasoning
        self._tools, self._drops_tools = tools, drops_tools
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
        """The address for ``--system`` and ``--grader``."""
        return f"{self.url}#{model}"

    def environment(self) -> dict[str, str]:
        """Variables that lead ``openai/…``, ``anthropic/…``, ``google/…``, ``azure/…`` and
        ``openrouter/…`` to this endpoint, with the right key.
        """
        key, root = self._api_key or "fake-key", self.url.removesuffix("/v1")
        urls = {
            "OPENAI": ("BASE_URL", self.url),
            "ANTHROPIC": ("BASE_URL", root),
            "GOOGLE": ("GEMINI_BASE_URL", root),
            "AZURE_OPENAI": ("ENDPOINT", root),
            "OPENROUTER": ("BASE_URL", f"{root}/api/v1"),
        }
        keys = {f"{name}_API_KEY": key for name in urls}
        return keys | {f"{name}_{what}": url for name, (what, url) in urls.items()}

    def counts(self) -> dict[str, Any]:
        """The counts of ``GET /counts``, for a server in another process."""
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
        application.add_routes(self._routes())
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    # Requests

    def _routes(self) -> list[web.RouteDef]:
        chat, responses = OpenAIChat(self._reasoning), OpenAIResponses(self._reasoning)
        azure_chat = AzureChat(self._reasoning)
        azure_responses = AzureResponses(self._reasoning)
        wires: dict[str, Wire] = {
            "/v1/chat/completions": chat,
            "/v1/responses": responses,
            "/v1/embeddings": OpenAIEmbeddings(),
            "/api/v1/chat/completions": OpenAIChat(self._reasoning, comments=True),
            "/v1/messages": AnthropicMessages(),
            _GENERATE: GeminiGenerate(),
            "/openai/v1/chat/completions": azure_chat,
            "/openai/v1/responses": azure_responses,
            "/openai/deployments/{deployment}/chat/completions": azure_chat,
            "/openai/responses": azure_responses,
        }
        return [
            *(web.post(path, partial(self._complete, wire)) for path, wire in wires.items()),
            web.get("/v1/models", self._models),
            web.get("/counts", self._counts),
            web.route("*", "/{elsewhere:.*}", self._elsewhere),
        ]

    async def _models(self, _: web.Request) -> web.StreamResponse:
        data = [{"id": model, "object": "model"} for model in self.peak]
        return web.json_response({"object": "list", "data": data})

    async def _counts(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self.counts())

    async def _elsewhere(self, request: web.Request) -> web.StreamResponse:
        self._note(request, {}, "", None)
        return OpenAIChat().error("not_found", "Invalid URL")

    async def _complete(self, wire: Wire, request: web.Request) -> web.StreamResponse:
        try:
            payload = msgspec.json.decode(await request.read(), type=dict[str, Any])
            if self._drops_tools:
                payload.pop("tools", None)
            if problem := wire.problem(request, payload):
                self._note(request, payload, "", None)
                return wire.error("bad_request", problem)
            asked = wire.asked(request, payload)
            prompt, judgement = prompt_key(asked), is_judgement(asked)
        except (msgspec.MsgspecError, AttributeError, LookupError, TypeError) as error:
            return wire.error("bad_request", f"We could not parse the JSON body: {error}")
        fault = self._schedule.draw(prompt, judgement=judgement)
        self._note(request, payload, prompt, fault)
        if self._api_key and wire.key(request) != self._api_key:
            return wire.error("unauthorized")
        model = str(asked.get("model"))
        self._under_way[model] += 1
        self.peak[model] = max(self.peak[model], self._under_way[model])
        try:
            await asyncio.sleep(self._random.uniform(*self._latency))
            return await self._respond(request, wire, payload, asked, fault)
        finally:
            self._under_way[model] -= 1

    def _note(
        self, request: web.Request, payload: dict[str, Any], prompt: str, fault: Fault | None
    ) -> None:
        self.calls[prompt] += 1
        if fault is not None:
            self.met[fault.kind] += 1
        secret = [name for name in request.headers if name.lower() in SECRET_HEADERS]
        headers = {name: text for name, text in request.headers.items() if name not in secret}
        kind = None if fault is None else fault.kind
        self.log.append(Call(request.path_qs, prompt, payload, headers, bool(secret), kind))

    async def _respond(
        self,
        request: web.Request,
        wire: Wire,
        payload: dict[str, Any],
        asked: dict[str, Any],
        fault: Fault | None,
    ) -> web.StreamResponse:
        kind = None if fault is None else fault.kind
        right = reply_with(payload, asked, self._tools)
        streaming = wire.streams(request, payload)
        body = wire.body(asked, spoiled(right, kind) if kind in CONTENT else right)
        parts = wire.events(asked, body) if streaming else [msgspec.json.encode(body)]
        sent = Sent(wire, streaming, tuple(parts))
        if fault is not None and kind in ANSWERED:
            return ANSWERED[kind](fault, sent)
        if kind in ACTED:
            return await ACTED[kind](request, sent)
        if fault is not None and kind == "slow":
            await asyncio.sleep(fault.seconds)
        response = web.StreamResponse(headers={"Content-Type": sent.content_type})
        if kind == "gzip":
            response.headers["Content-Encoding"] = "gzip"
            sent = msgspec.structs.replace(sent, parts=(gzip.compress(sent.body),))
        if len(sent.parts) == 1:
            response.content_length = len(sent.body)
        await response.prepare(request)
        for part in sent.parts[:-1]:
            await response.write(part)
            if self._pace:
                await asyncio.sleep(self._pace)
        if kind not in CONTENT:
            # Counted just before it ends, so that a client with an answer finds it counted.
            self.delivered[prompt_key(asked)] += 1
        await response.write_eof(sent.parts[-1])
        return response
