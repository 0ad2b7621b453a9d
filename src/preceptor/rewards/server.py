"""``preceptor serve``: rewards over HTTP, for trainers on other machines."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hmac
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec
from aiohttp import web

from preceptor import benchmarks
from preceptor.errors import (
    BudgetExceeded,
    EndpointRefused,
    InputError,
    PreceptorError,
    StoreError,
    Unavailable,
    UnknownName,
)
from preceptor.records import Example
from preceptor.rewards.connections import Connections
from preceptor.rewards.logs import ThrottledLog, without_texts
from preceptor.rewards.records import Reward
from preceptor.rewards.rewarder import Rewarder
from preceptor.rewards.wire import (
    BenchmarkEntry,
    BenchmarksReply,
    ErrorBody,
    ErrorWords,
    Health,
    decode_request,
    grade_reply,
    openapi,
    reward_reply,
)

__all__ = ["Limits", "application", "serve"]

Tell = Callable[[str], None]
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: Seconds until a rejected client may try again.
_RETRY_AFTER_S = 1
#: Seconds for a request's body to arrive: a slow one holds a slot.
_BODY_S = 30.0
#: Seconds for a request's head to arrive, on a new or kept-alive connection.
_IDLE_S = 60.0
#: Class of an error → status and one word.
_STATUS: tuple[tuple[type[PreceptorError], int, str], ...] = (
    (UnknownName, 404, "not_found"),
    (InputError, 400, "bad_request"),
    (BudgetExceeded, 402, "budget"),
    (EndpointRefused, 502, "grader_refused"),
    (Unavailable, 503, "unavailable"),
    (StoreError, 500, "store"),
)

#: Beginning of an endpoint's refusal: its address and the status.
_REFUSAL = re.compile(r"\S+: HTTP \d{3}\b")


class Limits(msgspec.Struct, frozen=True):
    """Limits of one server.

    Attributes
    ----------
    requests
        Concurrent requests; one more is rejected with 429.
    timeout_s
        Seconds for the grading of one request. Unfinished grading continues and is stored, so the
        same request finds it later.
    body_bytes, responses
        Size of one request.
    connections
        Open connections; see :class:`preceptor.rewards.connections.Connections`.
    idle_s
        Seconds that a connection may be open without a request.
    prompt_characters
        Total of the prompts for one answer: its criteria, each with the whole conversation.
    """

    requests: int = 64
    timeout_s: float = 600.0
    body_bytes: int = 4 * 2**20
    responses: int = 256
    prompt_characters: int = 64 * 2**20
    connections: int = 256
    idle_s: float = _IDLE_S


class _Refusal(Exception):
    """Error reply to a request."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


_OnRequest = Callable[[asyncio.BaseProtocol], contextlib.AbstractContextManager[None]]


def application(
    rewarder: Rewarder,
    token: str,
    limits: Limits,
    tell: Tell,
    on_request: _OnRequest = contextlib.nullcontext,  # type: ignore[assignment]
) -> web.Application:
    """Build the server as an aiohttp application.

    Parameters
    ----------
    tell
        Called with a line per request with the token (method, path, status, seconds), and one of
        each kind a minute for others. Lines have no text of an example, an answer or a header.
    on_request
        Makes a context for each request, given the protocol of its connection.
    """
    server = _Server(rewarder, token, limits, tell, on_request)
    app = web.Application(client_max_size=limits.body_bytes, middlewares=[server.guard])
    app.add_routes(
        [
            web.post("/v1/reward", server.reward),
            web.post("/v1/grade", server.grade),
            web.get("/v1/benchmarks", server.benchmarks),
            web.get("/openapi.json", server.openapi),
            web.get("/health", server.health),
        ]
    )
    return app


class _Server:
    def __init__(
        self, rewarder: Rewarder, token: str, limits: Limits, tell: Tell, on_request: _OnRequest
    ) -> None:
        self.rewarder, self.limits, self.tell = rewarder, limits, tell
        self._throttled, self._on_request = ThrottledLog(tell), on_request
        self._expected = f"Bearer {token}".encode()
        self._under_way = 0

    # Every request

    @web.middleware
    async def guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Check the token, give every error one shape, and log a line."""
        with self._on_request(request.protocol):
            return await self._guarded(request, handler)

    async def _guarded(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        started = time.monotonic()
        try:
            self._authorise(request)
            response = await handler(request)
        except _Refusal as refusal:
            response = _refused(refusal)
        except web.HTTPException as error:  # from aiohttp: no such path, a body too large
            response = _refused(_Refusal(error.status, *_http_error(error, self.limits)))
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except PreceptorError as error:
            response = _refused(self._explain(error))
        except asyncio.CancelledError:  # the client has gone
            self._note(request, 499, started)
            raise
        except ConnectionResetError:  # the client has gone while its body was read
            response = web.Response(status=499)
        except Exception as error:  # its text may quote a request, and is not logged
            self.tell(f"internal error: {type(error).__name__}")
            response = _refused(_Refusal(500, "internal", "internal server error"))
        self._note(request, response.status, started)
        return response

    def _authorise(self, request: web.Request) -> None:
        if request.path != "/health" and not self._has_token(request):
            raise _Refusal(401, "unauthorized", "expected the header `Authorization: Bearer TOKEN`")

    def _has_token(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, self._expected)

    def _explain(self, error: PreceptorError) -> _Refusal:
        status, word = next(
            ((status, word) for kind, status, word in _STATUS if isinstance(error, kind)),
            (500, "internal"),
        )
        message = str(error)
        if isinstance(error, EndpointRefused):
            # The endpoint's own text may quote the request, and is not logged.
            status_only = _REFUSAL.match(message)
            shown = error.kind if status_only is None else status_only[0]
            shown = message if error.kind == "connection" else shown
            self.tell(f"the grader refuses every call: {shown}")
            message = f"the grader refuses every call ({error.kind}); see the server's log"
        elif isinstance(error, BudgetExceeded):
            self.tell(message)
            message = "the server's cap is reached; restart the server with a higher one"
        elif isinstance(error, StoreError):
            self.tell(message)
            message = "the store cannot be used; see the server's log"
        return _Refusal(status, word, message)

    def _note(self, request: web.Request, status: int, started: float) -> None:
        # The route's path, since the client's path may hold anything.
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else "(no such path)"
        method = request.method if request.method in ("GET", "POST", "HEAD") else "(other)"
        line = f"{method} {path} {status}"
        if self._has_token(request):
            self.tell(f"{line} {time.monotonic() - started:.3f} s")
        else:
            self._throttled(f"{line} without the token")

    # The paths

    async def reward(self, request: web.Request) -> web.Response:
        """POST /v1/reward."""
        return _json(reward_reply(await self._graded(request)))

    async def grade(self, request: web.Request) -> web.Response:
        """POST /v1/grade."""
        return _json(grade_reply(await self._graded(request)))

    async def benchmarks(self, _: web.Request) -> web.Response:
        """GET /v1/benchmarks."""
        mine = self.rewarder.benchmark.name
        entries = [
            BenchmarkEntry(
                each.name,
                each.title,
                each.n_examples,
                available=each.path().exists(),
                served=each.name == mine,
            )
            for each in benchmarks.all_benchmarks()
        ]
        grader = self.rewarder.grader.address
        return _json(BenchmarksReply(entries, grader, self.rewarder.departures))

    async def openapi(self, _: web.Request) -> web.Response:
        """GET /openapi.json."""
        return _json(openapi())

    async def health(self, _: web.Request) -> web.Response:
        """GET /health."""
        return _json(Health())

    async def _graded(self, request: web.Request) -> list[Reward]:
        async with self._slot():
            asked = decode_request(await self._body(request), self.limits.responses)
            if asked.example is not None:
                example = asked.example.example()
            else:
                example = await self._by_id(asked.id or "")
            self._check_prompts(example, asked.responses)
            pairs = [(example, response) for response in asked.responses]
            try:
                async with asyncio.timeout(self.limits.timeout_s):
                    return await self.rewarder.agrade(pairs)
            except TimeoutError:
                words = f"not graded within {self.limits.timeout_s:g} s; grading continues: retry"
                raise _Refusal(504, "timeout", words) from None

    def _check_prompts(self, example: Example, responses: Sequence[str | None]) -> None:
        longest = max(len(response or "") for response in responses)
        whole = longest + sum(len(turn.text) for turn in example.messages)
        if whole * len(example.criteria) > self.limits.prompt_characters:
            words = (
                f"expected at most {self.limits.prompt_characters:,} characters of criteria × "
                f"conversation, found {len(example.criteria):,} × {whole:,}"
            )
            raise _Refusal(413, "too_large", words)

    @contextlib.asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._under_way >= self.limits.requests:
            raise _Refusal(
                429, "busy", f"{self.limits.requests} requests are under way; try again later"
            )
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def _body(self, request: web.Request) -> bytes:
        coding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if coding != "identity":  # the decoded size would be unknown
            raise _Refusal(415, "encoding", "expected a body without Content-Encoding")
        try:
            async with asyncio.timeout(_BODY_S):
                return await request.read()
        except TimeoutError:
            raise _Refusal(408, "slow", f"the body did not arrive within {_BODY_S:g} s") from None

    async def _by_id(self, example_id: str) -> Example:
        # In a thread, since the first call reads the benchmark's file.
        return await asyncio.to_thread(self.rewarder.example, example_id)


def _http_error(error: web.HTTPException, limits: Limits) -> tuple[str, str]:
    if error.status == 413:
        return "too_large", f"expected a body of at most {limits.body_bytes:,} bytes"
    if error.status == 405:
        return "method", "method not allowed for this path"
    if error.status == 404:
        return "not_found", "no such path; see /openapi.json"
    return "bad_request", error.reason


def _refused(refusal: _Refusal) -> web.Response:
    response = _json(ErrorBody(ErrorWords(refusal.kind, refusal.message)), refusal.status)
    if refusal.status == 429:
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )


def serve(  # noqa: PLR0917
    rewarder: Rewarder, token: str, limits: Limits, host: str, port: int, tell: Tell
) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests under way and return.

    Raises
    ------
    InputError
        The server cannot listen at that address.
    KeyboardInterrupt
        A second signal came; the requests under way were dropped.
    """
    with without_texts(ThrottledLog(tell)):
        if not asyncio.run(_serve(rewarder, token, limits, host, port, tell)):
            raise KeyboardInterrupt
        rewarder.close()


async def _serve(  # noqa: PLR0917
    rewarder: Rewarder, token: str, limits: Limits, host: str, port: int, tell: Tell
) -> bool:
    """Serve; return whether all requests under way were finished."""
    signals: asyncio.Queue[int] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, signals.put_nowait, number)
    await asyncio.to_thread(rewarder.open)
    connections = Connections(limits.connections, limits.idle_s)
    runner = web.AppRunner(
        application(rewarder, token, limits, tell, connections.request),
        access_log=None,
        auto_decompress=False,
        shutdown_timeout=limits.timeout_s + _BODY_S,
    )
    await runner.setup()
    try:
        assert runner.server is not None
        protocol = functools.partial(connections.protocol, runner.server)
        listener = await asyncio.get_running_loop().create_server(protocol, host, port)
    except OSError as error:
        await runner.cleanup()
        await asyncio.to_thread(rewarder.close)
        raise InputError(f"--host {host} --port {port}: {error.strerror or error}") from None
    tell(f"listening on {_url(listener)}")
    await signals.get()
    tell("finishing the requests under way; interrupt again to drop them")
    listener.close()
    again = asyncio.ensure_future(signals.get())
    finished = asyncio.ensure_future(runner.cleanup())
    await asyncio.wait([again, finished], return_when=asyncio.FIRST_COMPLETED)
    again.cancel()
    return finished.done()


def _url(listener: asyncio.Server) -> str:
    host, port = listener.sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
