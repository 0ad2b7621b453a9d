"""What the fake endpoint does for each fault, in its provider's format."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import gzip
import time
from collections.abc import Awaitable, Callable
from math import log

import msgspec
from aiohttp import web

from preceptor.testing.faults import Fault
from preceptor.testing.replies import Reply
from preceptor.testing.wires import Wire

__all__ = ["ACTED", "ANSWERED", "Sent", "spoiled"]

_HTML = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_ENDLESS_BYTES = 2**30
_BOMB_BYTES = 2**26


class Sent(msgspec.Struct, frozen=True):
    """The reply without the fault.

    Attributes
    ----------
    parts
        The body, or the events of a stream.
    """

    wire: Wire
    streaming: bool
    parts: tuple[bytes, ...]

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def content_type(self) -> str:
        return "text/event-stream" if self.streaming else "application/json"


def spoiled(right: Reply, kind: str) -> Reply:
    """A reply whose content is wrong."""
    text = right.text or ""
    verdicts = {"met_text": '"true"', "met_number": "1", "met_null": "null"}
    if kind in verdicts:
        return Reply(f'{{"explanation": "so-so", "criteria_met": {verdicts[kind]}}}')
    if kind in ("item_missing", "item_text"):
        return Reply(_without_first(text, kind))
    half = text[: len(text) // 2]
    return {
        "prose": Reply("The answer meets the criterion, I would say."),
        "met_missing": Reply('{"explanation": "so-so", "met": true}'),
        "empty": Reply(""),
        "null": Reply(None),
        "tool_calls": Reply(None, "tool_calls", calls=(("look_up", "{}"),)),
        "malformed_call": Reply(None, "malformed_call"),
        "refusal": Reply(None, refusal="I'm sorry, but I can't help with that."),
        "filtered": Reply(half, "content_filter"),
        "cut_off": Reply(half, "length", calls=right.calls),
        "no_logprobs": Reply(text),
        "other_words": Reply("The", "length", top_logprobs={"The": log(0.8), "Yes": log(0.2)}),
    }[kind]


def _without_first(text: str, kind: str) -> str:
    """Numbered verdicts without the first; a single verdict is unchanged."""
    items = msgspec.json.decode(text) if text.startswith('{"1":') else None
    if items is None:
        return text
    items["1"] = "met" if kind == "item_text" else None
    return msgspec.json.encode({n: item for n, item in items.items() if item}).decode()


def _date(fault: Fault) -> str:
    return email.utils.formatdate(time.time() + fault.seconds, usegmt=True)


def _after(seconds: str) -> dict[str, str]:
    return {"Retry-After": seconds}


def _in_reply(_: Fault, sent: Sent) -> web.Response:
    """An error after status 200 was sent."""
    if not sent.streaming:
        return web.json_response(sent.wire.error_body("server_error"))
    begun = sent.parts[: len(sent.parts) // 2]
    body = b"".join([*begun, sent.wire.error_event()])
    return web.Response(body=body, content_type=sent.content_type)


#: Kind of a fault → its response, from the fault and the right reply.
ANSWERED: dict[str, Callable[[Fault, Sent], web.Response]] = {
    "rate_limit": lambda fault, sent: sent.wire.error(
        "rate_limit", headers=_after(f"{fault.seconds:g}")
    ),
    "rate_limit_date": lambda fault, sent: sent.wire.error(
        "rate_limit", headers=_after(_date(fault))
    ),
    "rate_limit_bare": lambda _, sent: sent.wire.error("rate_limit"),
    "quota": lambda _, sent: sent.wire.error("quota"),
    "error_500": lambda _, sent: sent.wire.error("server_error"),
    "error_502": lambda *_: web.Response(status=502, text=_HTML, content_type="text/html"),
    "error_503": lambda fault, sent: sent.wire.error(
        "overloaded", headers=_after(f"{fault.seconds:g}")
    ),
    "no_images": lambda _, sent: sent.wire.error("no_images"),
    "bad_request": lambda _, sent: sent.wire.error("bad_request"),
    "unauthorized": lambda _, sent: sent.wire.error("unauthorized"),
    "forbidden": lambda _, sent: sent.wire.error("forbidden"),
    "not_found": lambda _, sent: sent.wire.error("not_found"),
    "content_filter": lambda _, sent: sent.wire.filtered(sent.streaming),
    "redirect": lambda *_: web.Response(status=307, headers={"Location": "/elsewhere"}),
    "truncated": lambda _, sent: web.Response(
        body=sent.body[: len(sent.body) // 2], content_type=sent.content_type
    ),
    "html": lambda *_: web.Response(text=_HTML, content_type="text/html"),
    "nested": lambda *_: web.Response(body=b'{"x":' + b"[" * 100_000),
    "error_in_reply": _in_reply,
    "gzip_bomb": lambda *_: web.Response(
        body=gzip.compress(bytes(_BOMB_BYTES), 1), headers={"Content-Encoding": "gzip"}
    ),
}


async def _reset(request: web.Request, sent: Sent) -> web.StreamResponse:
    body = sent.body
    response = web.StreamResponse(headers={"Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response


async def _stall_midway(request: web.Request, sent: Sent) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": sent.content_type})
    await response.prepare(request)
    await response.write(sent.body[: len(sent.body) // 2])
    await asyncio.sleep(3600)
    return response


async def _bad_event(request: web.Request, sent: Sent) -> web.StreamResponse:
    half = len(sent.parts) // 2
    broken = [*sent.parts[:half], b'data: {"\n\n', *sent.parts[half:]]
    return web.Response(
        body=b"".join(broken) if sent.streaming else sent.body[: len(sent.body) // 2],
        content_type=sent.content_type,
    )


async def _hang_up(request: web.Request, _: Sent) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def _stall(_: web.Request, __: Sent) -> web.StreamResponse:
    await asyncio.sleep(3600)  # ended when the client gives up or the server stops
    return web.Response()


async def _endless(request: web.Request, _: Sent) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        for _sent in range(_ENDLESS_BYTES // 65_536):
            await response.write(b" " * 65_536)
    return response


async def _echo_key(request: web.Request, sent: Sent) -> web.StreamResponse:
    # If the client cuts a long message, no part of the key may be left over.
    return sent.wire.error("server_error", "." * 170 + (sent.wire.key(request) or "no key"))


#: Kind of a fault → what the server does with the request or its connection.
ACTED: dict[str, Callable[[web.Request, Sent], Awaitable[web.StreamResponse]]] = {
    "reset": _reset,
    "hang_up": _hang_up,
    "stall": _stall,
    "stall_midway": _stall_midway,
    "bad_event": _bad_event,
    "endless": _endless,
    "echo_key": _echo_key,
}
