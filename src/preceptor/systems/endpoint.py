"""One HTTP endpoint of models: concurrency, retries, rate limits, and failures named by kind."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from preceptor.errors import EndpointError, EndpointRefused, shorten
from preceptor.systems.events import Body, EventReader
from preceptor.systems.limiter import Limiter
from preceptor.systems.secret import Secret
from preceptor.systems.streaming import Heard, Restarted
from preceptor.systems.wire import (
    CROWDED,
    MAX_BODY_BYTES,
    NO_IMAGES,
    NO_LOGPROBS,
    PATIENCE_S,
    ContentFiltered,
    ErrorInReply,
    NotThere,
    TooLong,
    Transient,
    beginning,
    chunks,
    error_words,
    is_filtered,
    kind_of,
    of_this_prompt,
    proxy_for,
    refuses_images,
    refuses_logprobs,
    retry_after,
)

if TYPE_CHECKING:
    import aiohttp

__all__ = ["MAX_BODY_BYTES", "ContentFiltered", "Endpoint", "ErrorInReply", "NotThere"]

T = TypeVar("T")

_SHORTEST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.5, 30.0
#: Bad requests with nothing ever answered that show a wrong parameter and not a bad task.
_HOPELESS = 3
#: How long a call outwaits an endpoint that has answered before and now answers nobody.
_OUTAGE_S = 180.0
#: Of a reply that is none, more than is shown of it: a key that begins there is whole.
_LOOKED_AT = 4096
#: How often a server that was never reached is tried again: it may just be starting.
_UNREACHED_RETRIES = 2


class _Tries(msgspec.Struct):
    """The attempts of one call.

    Attributes
    ----------
    started
        When the first began.
    since
        When one failed last with answers to others since the one before.
    heard
        Answers that the endpoint had given to anybody when one failed last.
    all, own
        Failed ones so far, and those of them that were neither a rate limit nor an outage.
    """

    started: float
    heard: int = 0
    since: float = 0.0
    all: int = 0
    own: int = 0


class Endpoint:
    """Posts JSON to one base URL, as many calls at once as it takes.

    A transient failure (429, 5xx, a timeout, a reset, a reply that is not the expected JSON) is
    tried again with growing, jittered pauses, ``retries`` times or for as long as the endpoint
    answers nobody at all, up to three minutes; 429 holds back the whole endpoint for as long as its
    Retry-After says. Redirects are not followed: a key must not travel to another host. Nor does
    it get into a message, should a server repeat it.

    Parameters
    ----------
    concurrency
        Calls at once at the most; None to find out how many pay.
    secret
        The key, where a header other than ``Authorization: Bearer …`` has it: it is kept out of
        every message.

    Attributes
    ----------
    failures
        Failed attempts so far, by kind, for progress display.
    secret
        Keeps the key out of what came back.
    limiter
        How many calls may be under way. Who holds a turn of it needs none here.
    now, sleep
        The clock of pauses; a test may put another in their place.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        timeout: float,
        retries: int,
        concurrency: int | None = None,
        secret: str | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.failures: Counter[str] = Counter()
        self.now: Callable[[], float] = time.monotonic
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
        self._headers = dict(headers)
        bearer = self._headers.get("Authorization", "").removeprefix("Bearer ")
        self.secret = Secret(secret or bearer)
        self._timeout = timeout
        self._retries = retries
        self.limiter = Limiter(concurrency)
        self._hold_until = 0.0
        self._successes = 0
        self._bad_requests = 0
        self._refused: EndpointRefused | None = None
        self._session: aiohttp.ClientSession | None = None
        self._proxy: str | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(
        self,
        path: str,
        payload: object,
        parse: Callable[[bytes], T],
        *,
        events: Callable[[], EventReader[T]] | None = None,
        heard: Heard = lambda _: None,
    ) -> tuple[T, float]:
        """Post ``payload`` and read the body; returns the result and the seconds it took.

        ``parse`` raises `msgspec.MsgspecError` or ValueError for a body that is not a reply, and so
        do the readers that ``events`` makes of a body that is a stream; the attempt is then
        repeated. ``heard`` is told the text of a stream as it comes, and when it begins again.

        Raises
        ------
        ContentFiltered
            The provider's filter refused the prompt.
        EndpointRefused
            The endpoint will refuse every call alike.
        EndpointError
            This call failed, and retrying did not help.
        """
        body = msgspec.json.encode(payload)

        async def attempt() -> T:
            reader = None if events is None else events()
            return await self._attempt(
                path, body, Body(parse, reader, self.secret.out_of_reply), heard
            )

        async with self.limiter.turn():
            tries = _Tries(self.now())
            while True:
                try:
                    return await self._in_turn(attempt)
                except EndpointRefused as refusal:
                    self._refused = refusal
                    raise
                except Transient as failure:
                    self.failures[failure.kind] += 1
                    self._count(tries, failure)
                    if self._gives_up(failure, tries):
                        raise self._final(failure) from None
                    heard(Restarted(failure.kind))
                    await self._pause(failure, tries.all)

    async def _in_turn(self, attempt: Callable[[], Awaitable[T]]) -> tuple[T, float]:
        """One attempt, as soon as there is room for it and nothing holds the endpoint back."""
        while True:
            await self._held_back()
            begun = await self.limiter.begin()
            try:
                if self._hold_until > self.now():  # another was told to wait meanwhile
                    continue
                if self._refused is not None:  # what another call has learnt holds for this one
                    raise EndpointRefused(self._refused.kind, str(self._refused))
                return await self._measured(attempt, begun)
            finally:
                self.limiter.end()

    async def _measured(self, attempt: Callable[[], Awaitable[T]], begun: int) -> tuple[T, float]:
        started = time.monotonic()
        try:
            result = await attempt()
        except Transient as failure:
            if failure.crowded:
                self.limiter.turned_away(begun)
            elif failure.kind != "connection":
                self.limiter.answered(time.monotonic() - started, well=False)
            raise
        seconds = time.monotonic() - started
        self.limiter.answered(seconds, well=True)
        return result, seconds

    def _count(self, tries: _Tries, failure: Transient) -> None:
        """A failure is the call's own, unless nobody else was answered either since the last one.

        Then the whole endpoint is down, which says nothing of this call; for so long, it waits.
        """
        tries.all += 1
        silent = tries.all > 1 and 0 < self._successes == tries.heard
        if not silent:
            tries.since = self.now()
        tries.heard = self._successes
        out = silent and self.now() - tries.since < _OUTAGE_S
        tries.own += failure.kind != "rate_limit" and not out

    def _gives_up(self, failure: Transient, tries: _Tries) -> bool:
        if self.now() - tries.started > PATIENCE_S or tries.own > self._retries:
            return True
        return failure.unreached and not self._successes and tries.own > _UNREACHED_RETRIES

    def _final(self, failure: Transient) -> EndpointError:
        if failure.unreached and not self._successes:
            return EndpointRefused(
                "connection",
                self._say(
                    f"cannot be reached ({failure}): is the server running, and the address right?"
                ),
            )
        return EndpointError(failure.kind, self._say(str(failure)))

    async def _held_back(self) -> None:
        while (wait := self._hold_until - self.now()) > 0:
            # A little later than that, and not all at the same moment.
            await self.sleep(wait + random.uniform(0, min(0.5, wait / 4)))  # noqa: S311

    async def _pause(self, failure: Transient, failed: int) -> None:
        backoff = min(_LONGEST_BACKOFF_S, _SHORTEST_BACKOFF_S * 2 ** (failed - 1))
        wait = backoff * random.uniform(0.5, 1.0) if failure.wait is None else failure.wait  # noqa: S311
        if failure.kind == "rate_limit":
            self._hold_until = max(self._hold_until, self.now() + wait)
        else:
            await self.sleep(wait)

    async def _attempt(self, path: str, content: bytes, body: Body[T], heard: Heard) -> T:
        begin = bytearray()
        async with self._exchange(path, content) as response:
            if not 200 <= response.status < 300:
                page = self.secret.out_of_error(await beginning(response))
                raise self._fault(response.status, response.headers, page, content)
            try:
                async for chunk in chunks(response, MAX_BODY_BYTES):
                    begin += chunk[: _LOOKED_AT - len(begin)]
                    with self._named(begin, content):
                        text = body.feed(chunk)
                    if text:
                        heard(text)
            except TooLong:
                words = self._say(f"the reply is longer than {MAX_BODY_BYTES:,} bytes")
                raise EndpointError("too_large", words) from None
        with self._named(begin, content):
            result = body.end()
        self._successes += 1
        return result

    @contextlib.contextmanager
    def _named(self, begin: bytearray, sent: bytes) -> Iterator[None]:
        """Around the reading of a body that begins so: no reply is a failure by its kind."""
        try:
            yield
        except ErrorInReply as error:
            content = self.secret.out_of_error(error.content)
            raise self._fault(error.status, {}, content, sent) from None
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            looked = self.secret.out_of_error(bytes(begin))[:60].decode("utf-8", "replace")
            words = f"expected a completion, found {shorten(looked, 70)} ({error})"
            raise Transient("malformed", words) from None

    @contextlib.asynccontextmanager
    async def send(
        self,
        method: str,
        path: str,
        *,
        body: AsyncIterator[bytes] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request that is no call to a model, such as a file; the response, if it is a 200.

        It is tried once. The time limit is for each wait for bytes and not for the whole, which may
        be hundreds of megabytes.

        Raises
        ------
        NotThere
            HTTP 404 or 410.
        EndpointRefused, EndpointError
            As of :meth:`post`; the kind says whether another attempt may succeed.
        """
        import aiohttp

        waits = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=self._timeout)
        more = {"headers": dict(headers or {}), "timeout": waits}
        try:
            async with self._exchange(path, body, method, **more) as response:
                if response.status != 200:
                    content = self.secret.out_of_error(await beginning(response))
                    if response.status in (404, 410):
                        _, words = error_words(content)
                        raise NotThere("refused", self._say(f"HTTP {response.status}: {words}"))
                    raise self._fault(response.status, response.headers, content)
                yield response
        except (Transient, ContentFiltered) as failure:
            kind = failure.kind if isinstance(failure, Transient) else "bad_request"
            self.failures[kind] += 1
            raise EndpointError(kind, self._say(str(failure))) from None

    @contextlib.asynccontextmanager
    async def _exchange(
        self, path: str, body: object, method: str = "POST", **more: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        import aiohttp

        session = self._open()
        whole = {"data": body, "allow_redirects": False, "proxy": self._proxy, **more}
        try:
            async with session.request(method, self.base_url + path, **whole) as response:
                yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            words = str(error) or "no connection within 30 s"
            raise Transient("connection", words, unreached=True) from None
        except TimeoutError:
            raise Transient("timeout", f"no answer within {self._timeout:g} s") from None
        except (aiohttp.InvalidURL, UnicodeError):
            raise EndpointRefused("refused", f"{self.base_url}: not a URL") from None
        except aiohttp.ClientResponseError as error:  # its message may quote what was sent
            words = f"not HTTP that can be read: {error.message.partition(':')[0]}"
            raise Transient("malformed", shorten(words, 200)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Transient("connection", str(error) or type(error).__name__) from None

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            if not all(value.isprintable() for value in self._headers.values()):
                words = "the key holds a line break or control character: set it anew"
                raise EndpointRefused("refused", self._say(words))
            # aiohttp's own `trust_env` looks for a proxy and into ~/.netrc, whose password would
            # take our key's place, in another thread before each request.
            self._proxy = proxy_for(self.base_url)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
                timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=30),
                headers={
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",
                    **self._headers,
                },
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _fault(
        self, status: int, headers: Mapping[str, str], content: bytes, sent: bytes = b""
    ) -> Exception:
        code, words = error_words(content)
        said = f"HTTP {status}: {words}"
        if is_filtered(code, words):
            return ContentFiltered(said)
        lacking = (refuses_images, NO_IMAGES), (refuses_logprobs, NO_LOGPROBS)
        for refuses, remedy in lacking:
            if refuses(status, words, sent):
                return EndpointRefused("refused", self._say(f"{said}: {remedy}"))
        kind = kind_of(status, code, proven=self._successes > 0)
        if kind in ("rate_limit", "server_error"):
            return Transient(kind, said, retry_after(headers, content), crowded=status in CROWDED)
        if kind == "refused":
            return EndpointRefused(kind, self._say(f"{said}: check key, credit, model and address"))
        self._bad_requests += not of_this_prompt(status, code, words)
        if not self._successes and self._bad_requests >= _HOPELESS:
            return EndpointRefused(kind, self._say(f"refuses every call: {said}"))
        return EndpointError(kind, self._say(said))

    def _say(self, words: str) -> str:
        return self.secret.out_of_message(f"{self.base_url}: {words}")
