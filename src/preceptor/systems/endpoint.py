"""One HTTP endpoint of models: concurrency, retries, rate limits, and failures named by kind."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import math
import random
import time
import urllib.parse
import urllib.request
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from preceptor.errors import EndpointError, EndpointRefused, shorten

if TYPE_CHECKING:
    import aiohttp

__all__ = ["MAX_BODY_BYTES", "ContentFiltered", "Endpoint"]

T = TypeVar("T")

#: A completion beyond this is not one; reading stops there.
MAX_BODY_BYTES = 32 * 2**20
#: How much of an error page is read: enough to find words in.
_MAX_ERROR_BYTES = 64 * 2**10
#: How long a call may be put off by rate limits alone before it counts as failed.
PATIENCE_S = 900.0
_SHORTEST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.5, 30.0
#: A server that says "again in 0 seconds" is not asked in a tight loop.
_LEAST_WAIT_S = 0.05
#: Bad requests with nothing ever answered that show a wrong parameter and not a bad task.
_HOPELESS = 3
#: How often a server that was never reached is tried again: it may just be starting.
_UNREACHED_RETRIES = 2
#: Codes of an error body that say that the provider's filter stopped the prompt.
_FILTERED = ("content_filter", "content_policy_violation", "invalid_prompt")


class ContentFiltered(Exception):
    """The provider's filter refused this prompt: what the system does, not a failed call."""


class _Transient(Exception):
    """One attempt failed in a way that another may not."""

    def __init__(
        self, kind: str, message: str, wait: float | None = None, *, unreached: bool = False
    ) -> None:
        super().__init__(message)
        self.kind, self.wait, self.unreached = kind, wait, unreached


class _TooLong(Exception):
    """A body is longer than what was to be read of it."""


class _ErrorBody(msgspec.Struct):
    code: object = None
    type: object = None
    message: object = None


class _ErrorReply(msgspec.Struct):
    error: _ErrorBody | str | None = None


class Endpoint:
    """Posts JSON to one base URL, at most ``concurrency`` at once.

    A transient failure (429, 5xx, a timeout, a reset, a reply that is not the expected JSON) is
    tried again with growing, jittered pauses; 429 holds back the whole endpoint for as long as its
    Retry-After says. Redirects are not followed: a key must not travel to another host. Nor does
    it get into a message, should a server repeat it.

    Attributes
    ----------
    failures
        Failed attempts so far, by kind, for progress display.
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
        concurrency: int,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.failures: Counter[str] = Counter()
        self.now: Callable[[], float] = time.monotonic
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
        self._headers = dict(headers)
        self._secret = self._headers.get("Authorization", "").removeprefix("Bearer ")
        self._timeout = timeout
        self._retries = retries
        self._slots = asyncio.Semaphore(concurrency)
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
        self, path: str, payload: object, parse: Callable[[bytes], T]
    ) -> tuple[T, float]:
        """Post ``payload`` and parse the body; returns the result and the seconds it took.

        ``parse`` raises `msgspec.MsgspecError` or ValueError for a body that is not a reply; the
        attempt is then repeated.

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
        async with self._slots:
            started = self.now()
            tries: Counter[str] = Counter()
            while True:
                await self._held_back()
                if self._refused is not None:  # what another call has learnt holds for this one
                    raise EndpointRefused(self._refused.kind, str(self._refused))
                try:
                    return await self._attempt(path, body, parse)
                except EndpointRefused as refusal:
                    self._refused = refusal
                    raise
                except _Transient as failure:
                    self.failures[failure.kind] += 1
                    tries[failure.kind] += 1
                    if self._gives_up(failure, tries, started):
                        raise self._final(failure) from None
                    await self._pause(failure, tries.total())

    def _gives_up(self, failure: _Transient, tries: Counter[str], started: float) -> bool:
        failed = tries.total() - tries["rate_limit"]
        if self.now() - started > PATIENCE_S or failed > self._retries:
            return True
        return failure.unreached and not self._successes and failed > _UNREACHED_RETRIES

    def _final(self, failure: _Transient) -> EndpointError:
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

    async def _pause(self, failure: _Transient, failed: int) -> None:
        backoff = min(_LONGEST_BACKOFF_S, _SHORTEST_BACKOFF_S * 2 ** (failed - 1))
        wait = backoff * random.uniform(0.5, 1.0) if failure.wait is None else failure.wait  # noqa: S311
        if failure.kind == "rate_limit":
            self._hold_until = max(self._hold_until, self.now() + wait)
        else:
            await self.sleep(wait)

    async def _attempt(
        self, path: str, body: bytes, parse: Callable[[bytes], T]
    ) -> tuple[T, float]:
        started = time.monotonic()
        async with self._exchange(path, body) as response:
            if response.status != 200:
                raise self._fault(response.status, response.headers, await _beginning(response))
            try:
                content = await _read(response, MAX_BODY_BYTES)
            except _TooLong:
                words = self._say(f"the reply is longer than {MAX_BODY_BYTES:,} bytes")
                raise EndpointError("too_large", words) from None
        try:
            result = parse(content)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            begin = shorten(self._without_key(content)[:60].decode("utf-8", "replace"), 70)
            words = f"expected a completion, found {begin} ({error})"
            raise _Transient("malformed", words) from None
        self._successes += 1
        return result, time.monotonic() - started

    @contextlib.asynccontextmanager
    async def _exchange(self, path: str, body: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
        import aiohttp

        session = self._open()
        try:
            async with session.post(
                self.base_url + path, data=body, allow_redirects=False, proxy=self._proxy
            ) as response:
                yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            words = str(error) or "no connection within 30 s"
            raise _Transient("connection", words, unreached=True) from None
        except TimeoutError:
            raise _Transient("timeout", f"no answer within {self._timeout:g} s") from None
        except (aiohttp.InvalidURL, UnicodeError):
            raise EndpointRefused("refused", f"{self.base_url}: not a URL") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _Transient("connection", str(error) or type(error).__name__) from None

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            # aiohttp's own `trust_env` looks for a proxy and into ~/.netrc, whose password would
            # take our key's place, in another thread before each request.
            self._proxy = _proxy_for(self.base_url)
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

    def _fault(self, status: int, headers: Mapping[str, str], content: bytes) -> Exception:
        code, words = _error_words(self._without_key(content))
        said = f"HTTP {status}: {words}"
        if code in _FILTERED:
            return ContentFiltered(said)
        kind = _kind_of(status, code, proven=self._successes > 0)
        if kind in ("rate_limit", "server_error"):
            return _Transient(kind, said, _retry_after(headers))
        if kind == "refused":
            return EndpointRefused(kind, self._say(f"{said}: check key, model and address"))
        self._bad_requests += 1
        if not self._successes and self._bad_requests >= _HOPELESS:
            return EndpointRefused(kind, self._say(f"refuses every call: {said}"))
        return EndpointError(kind, self._say(said))

    def _say(self, words: str) -> str:
        whole = f"{self.base_url}: {words}"
        return whole.replace(self._secret, "[key]") if self._secret else whole

    def _without_key(self, content: bytes) -> bytes:
        """Before it is cut anywhere, so that not even a part of the key is left."""
        return content.replace(self._secret.encode(), b"[key]") if self._secret else content


def _kind_of(status: int, code: str, *, proven: bool) -> str:
    """The kind of a failure by its HTTP status; ``proven``: this endpoint has answered before."""
    if status == 401 or code == "insufficient_quota":
        return "refused"
    if status == 429:
        return "rate_limit"
    if status in (403, 404, 405) or 300 <= status < 400:
        # Once it has answered, this is some gateway's bad moment.
        return "server_error" if proven else "refused"
    return "server_error" if status in (408, 409, 425) or status >= 500 else "bad_request"


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) names for a URL."""
    parts = urllib.parse.urlsplit(url)
    if parts.hostname in (None, "127.0.0.1", "::1", "localhost"):
        return None  # a server on this machine, such as a local model's, is behind no proxy
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
    return proxy if proxy and proxy.startswith(("http://", "https://")) else None


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, decompressed if the server compressed it unasked; raises _TooLong."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip", "deflate"):
        raise _Transient("malformed", f"unexpected Content-Encoding {shorten(coding)}")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32) if coding in ("gzip", "deflate") else None
    whole = bytearray()
    async for chunk in response.content.iter_any():
        try:
            whole += inflate.decompress(chunk, limit + 1 - len(whole)) if inflate else chunk
        except zlib.error as error:
            raise _Transient("malformed", f"compressed body is damaged: {error}") from None
        if len(whole) > limit:
            response.close()
            raise _TooLong
    return bytes(whole)


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """What an error page says, as far as it is worth reading."""
    try:
        return await _read(response, _MAX_ERROR_BYTES)
    except _TooLong:
        return b"a long page"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date; None without one."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        wait = float(value)
    except ValueError:
        try:
            wait = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(wait) else min(max(wait, _LEAST_WAIT_S), PATIENCE_S)


def _error_words(content: bytes) -> tuple[str, str]:
    """(code, message) of an error body in any of the common shapes; bounded, on one line."""
    try:
        error = msgspec.json.decode(content, type=_ErrorReply).error
    except (msgspec.MsgspecError, ValueError, RecursionError):
        error = None
    if isinstance(error, _ErrorBody):
        code = error.code if isinstance(error.code, str) else str(error.type or "")
        return code, shorten(str(error.message or code), 200)
    text = error or content[:300].decode("utf-8", "replace").strip()
    return "", shorten(" ".join(text.split()), 200)
