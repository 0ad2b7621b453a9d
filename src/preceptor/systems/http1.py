"""HTTP/1.1 on connections that are kept: a request in one piece, and its response as it comes.

For calls to models, where a general client takes more of the processor than all our other work.
No redirect is followed, no cookie kept, nothing sent twice. Sources: RFC 9112 (HTTP/1.1), RFC 8305
(connections to a name with several addresses).
"""

from __future__ import annotations

import asyncio
import functools
import re
import socket
import ssl
import urllib.parse
from collections.abc import Mapping
from typing import Any, cast

from aiohappyeyeballs import start_connection
from httptools import HttpParserError, HttpResponseParser
from multidict import CIMultiDict

from preceptor.errors import EndpointRefused, shorten
from preceptor.systems.wire import Transient
from preceptor.version import VERSION

__all__ = ["Connections", "Response", "serves"]

#: How long a connection may take, and one that nobody uses is kept, in seconds.
_CONNECTED_S, _KEPT_S = 30.0, 15.0
#: How long the addresses of a name are kept, in seconds.
_ADDRESSES_S = 300.0
#: Until the next address is tried beside the last, in seconds (RFC 8305, section 8).
_NEXT_ADDRESS_S = 0.25
#: Bytes of a response's headers, and of whatever else is no body.
_MOST_HEAD = 2**16
#: Bytes that came and nobody has read yet: more are not taken from the network.
_MOST_UNREAD = 2**18
#: Addresses that need no encoding.
_PLAIN = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[!-~]*)?")
#: Characters of a path that stay as they are.
_SAFE = "/%:@!$&'()*+,;=~?"


def serves(url: str) -> bool:
    """Whether requests to it can be made here: its host is in plain letters, and no user named."""
    try:
        return _PLAIN.fullmatch(url) is not None and urllib.parse.urlsplit(url).port != 0
    except ValueError:  # no port has this number
        return False


@functools.cache
def _verified() -> ssl.SSLContext:
    """Certificates of servers are verified, with the certificates that the system trusts."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Response:
    """What a server says to one request, which is made where its ``async with`` begins.

    A connection whose response was not read to its end is closed where it ends.

    Attributes
    ----------
    status
        Its HTTP status; 0 until the headers are there.
    headers
        By name, whatever its case.
    """

    def __init__(self, connections: Connections, path: str, body: bytes) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.ended = False
        self._connections, self._path, self._body = connections, path, body
        self._connection: _Connection | None = None
        self._came: list[bytes] = []
        self._unread = 0
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Response:
        loop, pool = asyncio.get_running_loop(), self._connections
        ends, head = loop.time() + pool.timeout, pool.head(self._path)
        self._connection = pool.kept(loop.time()) or await pool.connected(ends)
        self._timer = loop.call_at(ends, self._late)
        try:
            self._connection.send(self, head, self._body)
            while not self.status:
                await self._more(loop)
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def content(self) -> Response:
        """Where its body is read, as other clients have it."""
        return self

    async def readany(self) -> bytes:
        """The next piece of the body; empty at its end. Raises Transient where it breaks off."""
        while not self._came:
            if self.ended:
                return b""
            await self._more(asyncio.get_running_loop())
        piece = self._came[0] if len(self._came) == 1 else b"".join(self._came)
        self._came, self._unread = [], 0
        if self._connection is not None:
            self._connection.resume(self)
        return piece

    def close(self) -> None:
        """Read no further."""
        self._timer.cancel()
        if self._connection is not None:
            self._connection.leave(self)

    # What the connection tells

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.status, self.headers = status, headers
        self._wake()

    def feed(self, data: bytes) -> bool:
        """Take a piece of the body; whether that is enough for now."""
        self._came.append(data)
        self._unread += len(data)
        self._wake()
        return self._unread > _MOST_UNREAD

    def end(self) -> None:
        self.ended = True
        self._wake()

    def fail(self, failure: Exception) -> None:
        self._failure = failure
        self.close()
        self._wake()

    def _late(self) -> None:
        self.fail(self._connections.late())

    async def _more(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._failure is not None:
            raise self._failure from None
        self._waiter = loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Connection(asyncio.Protocol):
    """One connection, with one request at a time on it."""

    def __init__(self, pool: Connections) -> None:
        self._pool = pool
        self._response: Response | None = None
        self._headers: CIMultiDict[str] = CIMultiDict()
        # Bytes of headers so far, and bytes that were neither their end nor a body.
        self._head = self._other = 0
        self._interim = self._delimited = self._again = self._paused = False

    @property
    def usable(self) -> bool:
        return not self._transport.is_closing()

    def send(self, response: Response, head: bytes, body: bytes) -> None:
        """Ask for a response."""
        self._response, self._other = response, 0
        self._transport.write(b"%b%d\r\n\r\n%b" % (head, len(body), body))

    def leave(self, response: Response) -> None:
        """Close, if the response is still coming: the rest of it is of no use to anybody."""
        if self._response is response:
            self._response = None
            self._transport.abort()

    def resume(self, response: Response) -> None:
        """Take more from the network: the response's reader has read what there was."""
        if self._paused and self._response is response:
            self._paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        if self._response is not None:
            self._response.fail(Transient("connection", "the connection was closed"))
        self._transport.abort()

    # What the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = HttpResponseParser(self)
        # What servers get wrong and everybody understands.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._pool.opened.add(self)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:  # nobody asked
            self._transport.abort()
            return
        self._other += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            said = shorten(str(error.__context__ or error) or type(error).__name__, 150)
            response.fail(Transient("malformed", f"not HTTP that can be read: {said}"))
            return
        if self._other > _MOST_HEAD:
            words = f"not HTTP that can be read: more than {_MOST_HEAD:,} bytes before a body"
            response.fail(Transient("malformed", words))
        elif response.ended:
            self.resume(response)
            self._response = None
            self._settle()

    def connection_lost(self, error: Exception | None) -> None:
        self._pool.closed(self)
        response, self._response = self._response, None
        if response is None or response.ended:
            return
        if response.status and not self._delimited and error is None:
            response.end()
        else:
            words = str(error or "") or "the server closed the connection"
            response.fail(Transient("connection", words))

    def _settle(self) -> None:
        """Keep the connection for the next request, or close it."""
        if not self._again:
            self._transport.close()
        elif self._transport.get_write_buffer_size():  # answered before it was asked
            self._transport.abort()
        else:
            self._pool.keep(self)

    # What the parser tells

    def on_message_begin(self) -> None:
        if self._response is None or self._response.ended:
            raise ValueError("more than one response")
        self._headers = CIMultiDict()
        self._head = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value) + 4  # ": " and the line's end
        if self._head > _MOST_HEAD:
            raise ValueError(f"more than {_MOST_HEAD:,} bytes of headers")
        self._headers.add(name.decode("latin-1"), value.decode("utf-8", "replace").strip())

    def on_headers_complete(self) -> None:
        status, headers = self._parser.get_status_code(), self._headers
        self._other = 0
        self._interim = 100 <= status < 200 and status != 101
        if not self._interim and self._response is not None:
            chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
            self._delimited = chunked or "Content-Length" in headers
            self._response.begin(status, headers)

    def on_body(self, data: bytes) -> None:
        self._other = 0
        if self._response is not None and self._response.feed(data) and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if not self._interim and self._response is not None:
            self._again = self._parser.should_keep_alive()
            self._response.end()


class Connections:
    """Connections to one server, as many as there are requests at once.

    Parameters
    ----------
    base_url
        One that :func:`serves` says yes to.
    headers
        What goes with every request.
    timeout
        For a request as a whole, in seconds, with connecting and the reading of its response.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout: float) -> None:
        self._base, self.timeout = urllib.parse.urlsplit(base_url), timeout
        self._tls = _verified() if self._base.scheme == "https" else None
        self._host = (self._base.hostname or "").rstrip(".")
        self._port = self._base.port or (443 if self._tls else 80)
        own = {"Host": self._base.netloc, "Accept": "*/*", "User-Agent": f"preceptor/{VERSION}"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**own, **headers}.items())
        self._lines = f" HTTP/1.1\r\n{lines}Content-Length: "
        self._heads: dict[str, bytes] = {}
        self._addresses: asyncio.Future[list[Any]] | None = None
        self._outdated = 0.0
        #: Those that are not closed, and when each was used last of those that nobody uses.
        self.opened: set[_Connection] = set()
        self._idle: dict[_Connection, float] = {}

    def post(self, path: str, body: bytes) -> Response:
        """Post to a path behind the base URL.

        The block raises Transient (``connection``, ``timeout`` or ``malformed``), or
        EndpointRefused where no host can have this name.
        """
        return Response(self, path, body)

    async def close(self) -> None:
        for connection in [*self.opened]:
            connection.abort()
        for _ in range(4):  # the transports hear of it in the next turns of the loop
            await asyncio.sleep(0)

    def keep(self, connection: _Connection) -> None:
        """Keep a connection for the next request, and close those that nobody needed lately."""
        now = asyncio.get_running_loop().time()
        self._idle[connection] = now
        while (oldest := next(iter(self._idle))) and now - self._idle[oldest] > _KEPT_S:
            del self._idle[oldest]
            oldest.abort()

    def closed(self, connection: _Connection) -> None:
        self.opened.discard(connection)
        self._idle.pop(connection, None)

    def kept(self, now: float) -> _Connection | None:
        while self._idle:
            connection, since = self._idle.popitem()
            if now - since < _KEPT_S and connection.usable:
                return connection
            connection.abort()
        return None

    def head(self, path: str) -> bytes:
        """A request up to the number of its body's bytes."""
        if path not in self._heads:
            whole = self._base._replace(scheme="", netloc="").geturl() + path
            target = urllib.parse.quote(whole.partition("#")[0], safe=_SAFE)
            self._heads[path] = f"POST {target}{self._lines}".encode()
        return self._heads[path]

    def late(self) -> Transient:
        return Transient("timeout", f"no answer within {self.timeout:g} s")

    async def connected(self, ends: float) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(min(ends, loop.time() + _CONNECTED_S)):
                sock = await start_connection(
                    await self._resolved(loop),
                    happy_eyeballs_delay=_NEXT_ADDRESS_S,
                    interleave=1,
                    loop=loop,
                )
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                _, connection = await loop.create_connection(
                    lambda: _Connection(self),
                    sock=sock,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )
                return connection
        except TimeoutError:
            if loop.time() >= ends:
                raise self.late() from None
            words = f"no connection within {_CONNECTED_S:g} s"
            raise Transient("connection", words, unreached=True) from None
        except UnicodeError:
            raise EndpointRefused("refused", f"{self._base.geturl()}: not a URL") from None
        except OSError as error:
            self._addresses = None  # the name may have got others
            raise Transient("connection", shorten(str(error), 200), unreached=True) from None

    async def _resolved(self, loop: asyncio.AbstractEventLoop) -> list[Any]:
        """The addresses of the host, looked up once for all who wait for them."""
        if self._addresses is None or loop.time() > self._outdated:
            looked_up = loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._addresses = asyncio.ensure_future(looked_up)
            # Whoever waited for it may have been cancelled: then nobody hears of its failure.
            self._addresses.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._outdated = loop.time() + _ADDRESSES_S
        return await asyncio.shield(self._addresses)
