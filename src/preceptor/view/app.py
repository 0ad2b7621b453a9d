"""The application: an address for each page, each made in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from preceptor.errors import PreceptorError, UnknownName
from preceptor.reports.media import image_type
from preceptor.view.answers import answers_page
from preceptor.view.live import Pace, live_page
from preceptor.view.pages import compare_page, leaderboard_page, run_page, runs_page
from preceptor.view.pairs import pairs_page
from preceptor.view.workspace import Workspace
from preceptor.web.guard import Guard
from preceptor.web.pages import Pages
from preceptor.web.serving import threaded

__all__ = ["application"]

_PACKAGE = "preceptor.view"


def application(
    workspace: Workspace,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Guard:
    """The workspace as an ASGI application.

    Parameters
    ----------
    host
        The name or address that it listens on.
    token
        Asked for once in each browser, which gets a cookie for it; None: everybody may read.
    tell
        Called with a line for each internal error.
    """
    pages = Pages(_PACKAGE, {"store": workspace.store.where}, tell)
    pace = Pace()

    def page(template: str, context: Callable[[QueryParams], dict[str, Any]]) -> Any:
        return threaded(lambda request: pages.page(template, context(request.query_params)))

    def image(request: Request) -> Response:
        found = workspace.store.media([request.path_params["sha256"]])
        data = next(iter(found.values()), b"")
        kind = image_type(data)
        if kind is None:
            raise UnknownName("no such image in this store, or not of a type that is shown")
        return Response(data, media_type=kind)

    routes = [
        Route("/", page("runs.html.jinja", lambda given: runs_page(workspace, given))),
        Route("/run", page("report.html.jinja", lambda given: run_page(workspace, pace, given))),
        Route("/live", page("live.html.jinja", lambda given: live_page(workspace, pace, given))),
        Route("/answers", page("explore.html.jinja", lambda given: answers_page(workspace, given))),
        Route(
            "/compare",
            page("comparison_page.html.jinja", lambda given: compare_page(workspace, given)),
        ),
        Route(
            "/compare/answers", page("pairs.html.jinja", lambda given: pairs_page(workspace, given))
        ),
        Route(
            "/leaderboard",
            page("leaderboard.html.jinja", lambda given: leaderboard_page(workspace, given)),
        ),
        Route("/image/{sha256:str}", threaded(image)),
        Route("/assets/{hash:str}/{name:str}", pages.asset),
    ]
    kinds = (HTTPException, PreceptorError, Exception)
    app = Starlette(routes=routes, exception_handlers=dict.fromkeys(kinds, pages.explain))
    return Guard(app, pages.refusal, host=host, token=token)
