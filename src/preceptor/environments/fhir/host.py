"""One server on this machine for the records of all episodes: FHIR over HTTP, tools over MCP."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING
from urllib.parse import quote

from preceptor.environments.fhir.outcomes import Refusal
from preceptor.environments.fhir.served import ServedRecord
from preceptor.environments.fhir.server import LONGEST_BODY, Reply
from preceptor.installation import MissingExtra

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

__all__ = ["RecordHost"]

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
#: Of HTTP: a request that is sent again with the same key is not done again.
_KEY = "idempotency-key"


class RecordHost:
    """Listens on 127.0.0.1. Each episode has an address that cannot be guessed, while it lasts."""

    def __init__(self) -> None:
        self.episodes: dict[str, ServedRecord] = {}
        self._url = ""
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    def admit(self, episode: str, record: ServedRecord) -> dict[str, str]:
        """Serve a record; the variables that a system needs to find it."""
        self.episodes[episode] = record
        own = f"{self._url}/e/{episode}"
        return {
            "PRECEPTOR_FHIR_URL": f"{own}/fhir",
            "PRECEPTOR_MCP_URL": f"{own}/mcp",
            "PRECEPTOR_EPISODE": episode,
        }

    def dismiss(self, episode: str) -> None:
        self.episodes.pop(episode, None)

    async def start(self) -> None:
        """Listen. Raises MissingExtra where a package is not here."""
        try:
            import uvicorn

            app = self._app()
        except ImportError:
            raise MissingExtra("A record is served by starlette, uvicorn and mcp", "fhir") from None
        listener = socket.create_server(("127.0.0.1", 0))
        self._url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            http="h11",  # whatever else is installed
            ws="none",
            log_config=None,
            log_level="critical",
            lifespan="on",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        # The socket listens already: who comes before the server is ready waits for it.
        self._serving = asyncio.ensure_future(self._server.serve(sockets=[listener]))

    async def stop(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving

    def _app(self) -> Starlette:
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.routing import Route

        from preceptor.environments.fhir.mcp_server import session_manager

        tools = session_manager(self.episodes)

        class OverMcp:
            async def __call__(this, scope: Scope, receive: Receive, send: Send) -> None:
                if scope["path_params"]["episode"] in self.episodes:
                    await tools.handle_request(scope, receive, send)
                else:
                    await _json(_NO_EPISODE)(scope, receive, send)

        return Starlette(
            routes=[
                Route("/e/{episode}/fhir", self._fhir, methods=_METHODS),
                Route("/e/{episode}/fhir/{address:path}", self._fhir, methods=_METHODS),
                Route("/e/{episode}/mcp", OverMcp()),
            ],
            # A page of another site that finds the port must not reach it through a browser.
            middleware=[Middleware(TrustedHostMiddleware, ["127.0.0.1", "localhost"])],
            lifespan=lambda _: tools.run(),
        )

    async def _fhir(self, request: Request) -> Response:
        record = self.episodes.get(request.path_params["episode"])
        if record is None:
            return _json(_NO_EPISODE)
        address = quote(request.path_params.get("address", ""))
        if request.url.query:
            address = f"{address}?{request.url.query}"
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LONGEST_BODY:
                break  # it is refused: no more of it is needed
        key = request.headers.get(_KEY)
        reply = await record.request(request.method, address, bytes(body), key and f"http {key}")
        made = _json(reply)
        if reply.status == 201:
            kind, created = reply.body.get("resourceType"), reply.body.get("id")
            made.headers["location"] = f"{record.server.base}/{kind}/{created}"
        return made


def _json(reply: Reply) -> Response:
    from starlette.responses import Response

    return Response(reply.text, reply.status, media_type="application/fhir+json")


_NO_EPISODE = Reply.of(
    404, Refusal(404, "not-found", "no such episode: it has ended, or never was").body
)
