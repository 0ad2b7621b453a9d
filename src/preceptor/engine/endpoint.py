"""One HTTP endpoint of models: concurrency, retries, rate limits, and failures named by kind."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from preceptor.errors import EndpointError, EndpointRefused, shorten

if TYPE_CHECKING:
    import aiohttp

__all__ = ["MAX_BODY_BYTES", "ContentFiltered", "Endpoint"]

T = TypeVar("T")

#: A completion beyond this is not one; reading stops there.
MAX_BODY_BYTES = 32 * 2**20
#: How long a call may be put off by rate limits alone before it counts as failed.
PATIENCE_S = 900.0
_LONGEST_BACKOFF_S = 30.0
#: Bad requests in a row, with nothing ever answered, that show a wrong parameter and not a bad task.
_HOPELESS = 3


class ContentFiltered(Exception):
    """The provider's filter refused this prompt: the system's behaviour, not a failure of the call."""


class _Transient(Exception):
    """One attempt failed in a way that another may not."""

    def __init__(self, kind: str, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.kind, self.wait = kind, wait


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
    Retry-After says. Redirects are not followed: a key must not travel to another host.

    Attributes
    ----------
    failures
        Failed attempts so far, by kind, for progress display.
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
        self._headers = dict(headers)
        self._timeout = timeout
        self._retries = retries
        self._slots = asyncio.Semaphore(concurrency)
        self._hold_until = 0.0
        self._successes = 0
        self._bad_requests = 0
        self._session: aiohttp.ClientSession | None = None

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
        started = time.monotonic()
        attempt = 0
        async with self._slots:
            while True:
                await self._held_back()
                try:
                    return await self._attempt(path, body, parse)
                except _Transient as failure:
                    self.failures[failure.kind] += 1
                    attempt += failure.kind != "rate_limit"
                    late = time.monotonic() - started > PATIENCE_S
                    if attempt > self._retries or late:
                        raise self._final(failure) from None
                    await self._pause(failure, attempt)

    def _final(self, failure: _Transient) -> EndpointError:
        if failure.kind == "connection" and not self._successes:
            return EndpointRefused(
                "connection",
                f"{self.base_url}: cannot be reached ({failure}): is the server running, and the "
                f"address right?",
            )
        return EndpointError(failure.kind, f"{self.base_url}: {failure}")

    async def _held_back(self) -> None:
        while (wait := self._hold_until - time.monotonic()) > 0:
            await asyncio.sleep(wait)

    async def _pause(self, failure: _Transient, attempt: int) -> None:
        backoff = min(_LONGEST_BACKOFF_S, 0.5 * 2 ** max(0, attempt - 1))
        wait = backoff * random.uniform(0.5, 1.0) if failure.wait is None else failure.wait  # noqa: S311
        if failure.kind == "rate_limit":
            self._hold_until = max(self._hold_until, time.monotonic() + wait)
        else:
            await asyncio.sleep(wait)

    async def _attempt(
        self, path: str, body: bytes, parse: Callable[[bytes], T]
    ) -> tuple[T, float]:
        started = time.monotonic()
        async with self._exchange(path, body) as response:
            content = await _bounded(response)
            if response.status != 200:
                raise self._fault(response.status, response.headers, content)
        try:
            result = parse(content)
        except (msgspec.MsgspecError, ValueError) as error:
            start = shorten(content[:60].decode("utf-8", "replace"), 70)
            raise _Transient(
                "malformed", f"expected a completion, found {start} ({error})"
            ) from None
        self._successes += 1
        return result, time.monotonic() - started

    @contextlib.asynccontextmanager
    async def _exchange(self, path: str, body: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
        import aiohttp

        try:
            async with self._open().post(
                self.base_url + path, data=body, allow_redirects=False
            ) as response:
                yield response
        except TimeoutError:
            raise _Transient("timeout", f"no answer within {self._timeout:g} s") from None
        except aiohttp.InvalidURL:
            raise EndpointRefused("refused", f"{self.base_url}: not a URL") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _Transient("connection", str(error) or type(error).__name__) from None

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
                timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=30),
                headers={"Content-Type": "application/json", **self._headers},
                trust_env=True,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _fault(self, status: int, headers: Mapping[str, str], content: bytes) -> Exception:
        code, words = _error_words(content)
        said = f"HTTP {status}: {words}"
        if code == "content_filter":
            return ContentFiltered(said)
        if status == 429 and code != "insufficient_quota":
            return _Transient("rate_limit", said, _retry_after(headers))
        if status in (408, 409, 425) or status >= 500:
            return _Transient("server_error", said, _retry_after(headers))
        if status in (401, 429) or (status in (403, 404, 405) and not self._successes):
            return EndpointRefused(
                "refused", f"{self.base_url}: {said}: check key, model and address"
            )
        if status in (403, 404, 405) or 300 <= status < 400:
            return _Transient("server_error", said)
        self._bad_requests += 1
        if not self._successes and self._bad_requests >= _HOPELESS:
            return EndpointRefused("bad_request", f"{self.base_url}: refuses every call: {said}")
        return EndpointError("bad_request", f"{self.base_url}: {said}")


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            response.close()
            raise EndpointError("too_large", f"the reply is longer than {MAX_BODY_BYTES:,} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date; None where there is none."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        wait = float(value)
    except ValueError:
        try:
            wait = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    return min(max(wait, 0.0), PATIENCE_S) if wait == wait else None


def _error_words(content: bytes) -> tuple[str, str]:
    """(code, message) of an error body in any of the common shapes; bounded, on one line."""
    try:
        error = msgspec.json.decode(content, type=_ErrorReply).error
    except msgspec.MsgspecError:
        error = None
    if isinstance(error, _ErrorBody):
        code = error.code if isinstance(error.code, str) else str(error.type or "")
        return code, shorten(str(error.message or code), 200)
    text = error or content[:300].decode("utf-8", "replace").strip()
    return "", shorten(" ".join(text.split()), 200)
