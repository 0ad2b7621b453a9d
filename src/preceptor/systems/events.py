"""Server-sent events: a whole body → the JSON of each event.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["DONE", "event_data", "is_stream"]

#: What OpenAI-compatible servers end a stream with.
DONE = b"[DONE]"


def is_stream(body: bytes) -> bool:
    """Whether a body is a stream of events; a server that cannot stream answers in one piece."""
    return not body.lstrip().startswith(b"{")


def event_data(body: bytes) -> Iterator[bytes]:
    """The data of each event. Comments, which proxies send to keep a connection, are left out.

    A last event without its blank line is given too: whether the stream is whole is for the reader
    of its events to see.
    """
    data: list[bytes] = []
    for line in body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line:
            if any(data):  # one without any keeps the connection open
                yield b"\n".join(data)
            data = []
    if any(data):
        yield b"\n".join(data)
