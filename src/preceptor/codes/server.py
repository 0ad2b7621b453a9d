"""The search as a page and as JSON. No query is stored, logged, or in an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from preceptor.codes.search import Search
from preceptor.errors import InputError, PreceptorError
from preceptor.web.guard import Guard
from preceptor.web.pages import Pages, refusal_of
from preceptor.web.serving import threaded

__all__ = ["application"]

_PACKAGE = "preceptor.codes"
_SHOWN = 10


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    query: str
    limit: int = _SHOWN


def application(
    search: Search,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Guard:
    """The search as an ASGI application.

    ``GET /`` and ``POST /`` are the page; ``POST /codes`` takes ``{"query": …, "limit": …}`` and
    replies ``{"query": …, "codes": […]}``. Parameters as of `preceptor.view.app.application`.
    """
    pages = Pages(_PACKAGE, {"card": search.card}, tell)

    def page(request: Request) -> Response:
        query = request.state.query
        hits = search(query, _SHOWN) if query.strip() else None
        return pages.page("search.html.jinja", {"query": query, "hits": hits})

    def codes(request: Request) -> Response:
        try:
            asked = _asked(request.state.body)
            content = {"query": asked.query, "codes": search(asked.query, asked.limit)}
            return _json(content, 200)
        except PreceptorError as error:
            refusal = refusal_of(error)
            return _json({"error": refusal.message}, refusal.status)

    def reads(answer: Callable[[Request], Response]) -> Any:
        """The body is read before the thread begins: only the event loop can."""

        async def endpoint(request: Request) -> Response:
            request.state.body = await request.body() if request.method == "POST" else b""
            request.state.query = _field(request.state.body)
            return await threaded(answer)(request)

        return endpoint

    routes = [
        Route("/", reads(page), methods=["GET", "POST"]),
        Route("/codes", reads(codes), methods=["POST"]),
        Route("/assets/{hash:str}/{name:str}", pages.asset),
    ]
    kinds = (HTTPException, PreceptorError, Exception)
    app = Starlette(routes=routes, exception_handlers=dict.fromkeys(kinds, pages.explain))
    return Guard(app, pages.refusal, host=host, token=token, methods=("GET", "HEAD", "POST"))


def _field(body: bytes) -> str:
    """The query of a form."""
    try:
        found = parse_qs(body.decode("ascii"), max_num_fields=4)
    except ValueError:
        return ""
    return found.get("query", [""])[0]


def _asked(body: bytes) -> _Asked:
    try:
        asked = msgspec.json.decode(body, type=_Asked)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        expected = 'expected {"query": "dolor torácico", "limit": 10}'
        raise InputError(f"body: {expected}: {' '.join(str(error).split())[:200]}") from None
    return asked


def _json(content: object, status: int) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
