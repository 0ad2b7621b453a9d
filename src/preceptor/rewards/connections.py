"""Connections to the server: how many, and how long one may go without a request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

__all__ = ["Connections"]


class Connections:
    """Bounds around those of one server.

    Parameters
    ----------
    most
        Most connections open at once. Beyond that, the one longest without a request is closed, or
        the new one where all have a request.
    idle_s
        Seconds for the head of a request to arrive, and for a reply to be taken.
    """

    def __init__(self, most: int, idle_s: float) -> None:
        self._most, self._idle_s = most, idle_s
        self._open: dict[asyncio.BaseProtocol, _Connection] = {}
        #: Those without a request, the longest first.
        self._idle: dict[_Connection, asyncio.TimerHandle] = {}

    def protocol(self, server: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """The server's protocol for a new connection, within the bounds."""
        return _Connection(server(), self)

    @contextlib.contextmanager
    def request(self, protocol: asyncio.BaseProtocol) -> Iterator[None]:
        """Context of a request under way on the connection of the server's protocol."""
        connection = self._open.get(protocol)
        if connection is None:  # not made here, as in tests
            yield
            return
        self._busy(connection)
        try:
            yield
        finally:
            if protocol in self._open:
                self._rest(connection)

    def opened(self, connection: _Connection) -> bool:
        """Whether it may stay open."""
        if len(self._open) >= self._most:
            if not self._idle:
                return False
            next(iter(self._idle)).abort()
        self._open[connection.inner] = connection
        self._rest(connection)
        return True

    def __len__(self) -> int:
        return len(self._open)

    def closed(self, connection: _Connection) -> None:
        self._open.pop(connection.inner, None)
        self._busy(connection)

    def _rest(self, connection: _Connection) -> None:
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.call_later(self._idle_s, connection.abort)

    def _busy(self, connection: _Connection) -> None:
        timer = self._idle.pop(connection, None)
        if timer is not None:
            timer.cancel()


class _Connection(asyncio.Protocol):
    """Passes everything on to the server's protocol."""

    def __init__(self, inner: asyncio.Protocol, connections: Connections) -> None:
        self.inner, self._connections = inner, connections
        self._transport: asyncio.Transport | None = None
        self._refused = False

    def abort(self) -> None:
        """Close it at once."""
        self._connections.closed(self)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._refused = not self._connections.opened(self)
        if self._refused:
            self.abort()
        else:
            self.inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.closed(self)
        if not self._refused:
            self.inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        return None if self._refused else self.inner.eof_received()

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()
