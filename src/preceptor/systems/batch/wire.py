"""What batch APIs have in common on the wire: submit, find again, look, read results."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Collection
from typing import IO, Literal, TypeVar

import msgspec

from preceptor.errors import EndpointError, Unavailable
from preceptor.systems.endpoint import MAX_BODY_BYTES, Endpoint
from preceptor.systems.http_model import Exchange
from preceptor.systems.wire import error_words, is_filtered, kind_of, of_this_prompt

__all__ = ["Look", "Outcome", "Spool", "Wire", "failure"]

T = TypeVar("T")

_CHUNK = 1 << 20
#: What the results of a batch may be long, for each request on average: reading stops there.
_BYTES_PER_RESULT = 1 << 20


class Look(msgspec.Struct, frozen=True):
    """What the provider says of a batch.

    ``expired`` and ``cancelled`` batches may have results; ``failed`` ones never ran, and ``why``
    says why. ``done`` counts requests; Anthropic counts them only when all have ended.
    """

    state: Literal["under_way", "ended", "expired", "cancelled", "failed"]
    done: int = 0
    files: tuple[str, ...] = ()
    why: str = ""
    code: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one request of a batch: a body, or an error's kind and words.

    ``telling``: the error says something of other requests too, and not only of this one.
    """

    custom_id: str
    kind: str
    body: bytes = b""
    words: str = ""
    telling: bool = False


class Spool:
    """The body of a batch in the making, in a file without a name: memory stays free of it."""

    def __init__(self, head: bytes, between: bytes, tail: bytes) -> None:
        self.ids: list[str] = []
        self.size = len(head) + len(tail)
        self._between, self._tail = between, tail
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as we
            self._file.write(head)
        except OSError as error:
            raise _no_room(error) from None

    def add(self, custom_id: str, line: bytes) -> None:
        """Raises Unavailable where the disk is full."""
        try:
            self._file.write(self._between + line if self.ids else line)
        except OSError as error:
            raise _no_room(error) from None
        self.size += len(line) + (len(self._between) if self.ids else 0)
        self.ids.append(custom_id)

    async def read(self) -> AsyncIterator[bytes]:
        """The whole body, from its beginning."""
        try:
            self._file.flush()
        except OSError as error:
            raise _no_room(error) from None
        place = 0
        while chunk := os.pread(self._file.fileno(), _CHUNK, place):
            place += len(chunk)
            yield chunk
        yield self._tail

    def close(self) -> None:
        self._file.close()


def _no_room(error: OSError) -> Unavailable:
    return Unavailable(
        f"{tempfile.gettempdir()}: a batch cannot be put together there: {error.strerror}: make "
        f"room, or name another folder with TMPDIR"
    )


class Wire:
    """One provider's batch API.

    Attributes
    ----------
    most_requests, most_bytes
        What one batch may hold.
    share
        Part of the price of a single call that a request in a batch costs.
    marked
        Whether a batch carries our mark in the provider's list.
    """

    most_requests: int
    most_bytes: int
    share = 0.5
    marked = True

    def __init__(self, endpoint: Endpoint, path: str) -> None:
        self.endpoint, self.path = endpoint, path

    def spool(self, mark: str) -> Spool:
        """An empty body for the batch with that mark."""
        raise NotImplementedError

    def line(self, custom_id: str, exchange: Exchange) -> bytes:
        raise NotImplementedError

    async def newest(self) -> str:
        """Id of the latest batch, '' for none: where they are not marked, ours will be newer."""
        raise NotImplementedError

    async def create(self, mark: str, spool: Spool) -> str:
        """Submit; the provider's id. Tried once: whether it failed may not be known."""
        raise NotImplementedError

    async def find(self, mark: str, after: str, count: int, known: Collection[str]) -> str | None:
        """The batch that was submitted with that mark, or None.

        Parameters
        ----------
        after
            What :meth:`newest` said before.
        count
            Requests in it.
        known
            Ids that are other batches'.
        """
        raise NotImplementedError

    async def look(self, batch: str) -> Look:
        """Raises NotThere where the provider has no such batch."""
        raise NotImplementedError

    async def outcomes(self, file: str, count: int) -> AsyncIterator[Outcome]:
        """One file of results, line by line. A line that is none is left out."""
        async with self.endpoint.send("GET", file) as response:
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise EndpointError("malformed", f"{self.endpoint.base_url}: compressed results")
            left = count * _BYTES_PER_RESULT + MAX_BODY_BYTES
            rest = bytearray()
            async for chunk in response.content.iter_any():
                left -= len(chunk)
                if left < 0 or len(rest) > MAX_BODY_BYTES:
                    words = f"{self.endpoint.base_url}: results of a batch that do not end"
                    raise EndpointError("too_large", words)
                *lines, last = chunk.split(b"\n")
                for line in lines:
                    rest += line
                    if outcome := self._read(bytes(rest)):
                        yield outcome
                    rest.clear()
                rest += last
            if outcome := self._read(bytes(rest)):
                yield outcome

    def _read(self, line: bytes) -> Outcome | None:
        try:
            return self.outcome(self.endpoint.secret.out_of_reply(line))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None

    def outcome(self, line: bytes) -> Outcome:
        """One line of results. Raises `msgspec.MsgspecError`."""
        raise NotImplementedError

    async def json(
        self,
        method: str,
        path: str,
        kind: type[T],
        body: AsyncIterator[bytes] | bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> T:
        """One request with a reply in JSON. Raises EndpointError."""
        async with self.endpoint.send(method, path, body=body, headers=headers) as response:
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > MAX_BODY_BYTES:
                    raise EndpointError("too_large", f"{self.endpoint.base_url}: too long a reply")
        try:
            return msgspec.json.decode(self.endpoint.secret.out_of_error(bytes(content)), type=kind)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            words = f"{self.endpoint.base_url}{path}: expected a batch or file, found {error}"
            raise EndpointError("malformed", words) from None


def failure(custom_id: str, status: int, content: bytes) -> Outcome:
    """What an error's status and body say of one request."""
    code, words = error_words(content)
    if is_filtered(code, words):
        return Outcome(custom_id, "content_filter")
    kind = kind_of(status, code, proven=False)
    telling = kind in ("bad_request", "refused") and not of_this_prompt(status, code, words)
    return Outcome(custom_id, kind, words=f"in a batch, HTTP {status}: {words}", telling=telling)
