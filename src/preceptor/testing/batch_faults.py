"""What a fault of the fake batch APIs does to one call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from aiohttp import web

from preceptor.testing.batch_replies import error

__all__ = ["answered"]

_STATUS = {"error_500": 500, "rate_limit": 429, "not_found": 404}


async def answered(
    request: web.Request,
    answer: Callable[[web.Request], Awaitable[web.Response]],
    fault: str,
    stalled: threading.Event,
) -> web.StreamResponse:
    """The answer to a call, but for its fault; empty for none. ``stalled`` is set when it hangs."""
    if fault == "hang_up":
        await request.read()
        _cut(request)
    if fault in _STATUS:
        await request.read()
        return error(_STATUS[fault], fault, "The server had an error")
    if fault == "html":
        return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
    if fault == "stall":
        await _stall(stalled)
    response = await answer(request)
    if fault == "stall_after":
        await _stall(stalled)
    if fault == "stall_half":
        return await _half(request, response, stalled)
    if fault == "lost":
        _cut(request)
    if fault == "truncated":
        assert isinstance(response.body, bytes)
        return web.Response(body=response.body[: len(response.body) * 2 // 3])
    return response


async def _stall(stalled: threading.Event) -> None:
    stalled.set()
    await asyncio.sleep(3600)  # ended when the client leaves


async def _half(
    request: web.Request, whole: web.Response, stalled: threading.Event
) -> web.StreamResponse:
    assert isinstance(whole.body, bytes)
    response = web.StreamResponse(headers={"Content-Length": str(len(whole.body))})
    await response.prepare(request)
    await response.write(whole.body[: len(whole.body) // 2])
    await _stall(stalled)
    return response


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
