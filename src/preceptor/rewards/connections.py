"""Limits on a server's connections: their number and idle time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

__all__ = ["Connections"]


class Connections:
    """Connections of one server, with limits.

    Parameters
    ----------
    most
        Maximum of open connections. Beyond it, the one idle longest is closed, or the new one if
        none is idle.
    idle_s
        Seconds that a connection may wait for the head of a request, or for a reply to be read.
    """

    def __init__(self, most: int, idle_s: float) -> None:
        self._most, self._idle_s = most, idle_s
        self._open: dict[asyncio.BaseProtocol, _Connection] = {}
        #: Connections without a request, the longest idle first.
        self._idle: dict[_Connection, asyncio.TimerHandle] = {}

    def protocol(self, server: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """Wrap the server's protocol for a new connection."""
        return _Connection(server(), self)

    @contextlib.contextmanager
    def request(self, protocol: asyncio.BaseProtocol) -> Iterator[None]:
        """Mark the connection of a server's protocol as busy during a request."""
        connection = self._open.get(protocol)
        if connection is None:  # not made here, as in tests
            yield
            return
        self._mark_busy(connection)
        try:
            yield
        finally:
            if protocol in self._open:
                self._mark_idle(connection)

    def opened(self, connection: _Connection) -> bool:
        """Register a new connection; False if it must be closed."""
        if len(self._open) >= self._most:
            if not self._idle:
                return False
            next(iter(self._idle)).abort()
        self._open[connection.inner] = connection
        self._mark_idle(connection)
        return True

    def __len__(self) -> int:
        return len(self._open)

    def closed(self, connection: _Connection) -> None:
        self._open.pop(connection.inner, None)
        self._mark_busy(connection)

    def _mark_idle(self, connection: _Connection) -> None:
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.call_later(self._idle_s, connection.abort)

    def _mark_busy(self, connection: _Connection) -> None:
        timer = self._idle.pop(connection, None)
        if timer is not None:
            timer.cancel()


class _Connection(asyncio.Protocol):
    """Protocol of one connection, which delegates to the server's protocol."""

    def __init__(self, inner: asyncio.Protocol, connections: Connections) -> None:
        self.inner, self._connections = inner, connections
        self._transport: asyncio.Transport | None = None
        self._refused = False

    def abort(self) -> None:
        """Close the connection at once."""
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
