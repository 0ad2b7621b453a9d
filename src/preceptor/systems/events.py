"""Server-sent events: a body as it comes → the data of each event, and the reply that they make.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from preceptor.systems.wire import parsed

__all__ = ["DONE", "Body", "EventReader"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: What OpenAI-compatible servers end a stream with.
DONE = b"[DONE]"


class EventReader(Protocol[T_co]):
    """One provider's stream, event by event.

    Attributes
    ----------
    done
        Whether the last event was taken: what follows is not read.
    """

    done: bool

    def take(self, data: bytes) -> str:
        """The text that an event adds to the answer. Raises as a parser of whole bodies does."""

    def end(self) -> T_co:
        """The reply as a whole. Raises ValueError where the stream was cut."""


class Body(Generic[T]):
    """A body as it comes: a stream of events, or a reply in one piece.

    A server that cannot stream answers in one piece, too.

    Parameters
    ----------
    parse
        Reads a reply in one piece.
    events
        Reads a stream; None where none was asked for.
    clean
        What is done to data before it is read.
    """

    def __init__(
        self,
        parse: Callable[[bytes], T],
        events: EventReader[T] | None = None,
        clean: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._parse, self._events, self._clean = parse, events, clean
        self._whole = bytearray()
        self._lines: _Lines | None = None

    def feed(self, chunk: bytes) -> str:
        """The text that a chunk adds to the answer; a reply in one piece adds none before its end.

        Raises as ``parse`` does.
        """
        if self._events is not None and self._lines is None and (begun := chunk.lstrip()):
            if begun.startswith(b"{"):
                self._events = None
            else:
                self._lines, chunk = _Lines(), bytes(self._whole) + chunk
        if self._events is None or self._lines is None:
            self._whole += chunk
            return ""
        return self._taken(self._lines.feed(chunk))

    def end(self) -> T:
        """The reply. Raises as ``parse`` does."""
        if self._events is None:
            return parsed(self._clean(bytes(self._whole)), self._parse)
        if self._lines is not None:
            self._taken(self._lines.end())
        return self._events.end()

    def _taken(self, found: Iterator[bytes]) -> str:
        events = self._events
        assert events is not None
        return "".join(parsed(self._clean(data), events.take) for data in found if not events.done)


class _Lines:
    """Data of events. Comments, which proxies send to keep a connection, are left out.

    A last event without its blank line is given too: whether the stream is whole is for the reader
    of its events to see.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        self._rest.append(chunk)
        if b"\n" not in chunk and b"\r" not in chunk:
            return
        text = b"".join(self._rest)
        # Its line feed may come with the next chunk.
        held = b"\r" if text.endswith(b"\r") else b""
        lines = text.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = [lines.pop() + held]
        for line in lines:
            yield from self._line(line)

    def end(self) -> Iterator[bytes]:
        yield from self._line(b"".join(self._rest).removesuffix(b"\r"))
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[bytes]:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif not line:
            data, self._data = self._data, []
            if any(data):  # one without any keeps the connection open
                yield b"\n".join(data)
