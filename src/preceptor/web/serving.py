"""Listening: an address that is taken is one line, and Ctrl-C ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from preceptor.errors import InputError

__all__ = ["is_loopback", "listen", "serve", "threaded", "url_of"]

_Page = Callable[[Request], Response]
#: Pages that are made at the same time; more wait.
_AT_ONCE = 8
#: Seconds that a connection is kept without a request: longer than proxies keep theirs (nginx, load
#: balancers: 60), which would else send a form into one that is being closed, and answer 502.
_KEEP_ALIVE_S = 75


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises InputError where it cannot."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except (OSError, UnicodeError) as error:
        taken = ": another program has that port: choose another, or 0 for any free one"
        why = getattr(error, "strerror", None) or error
        hint = taken if getattr(error, "errno", None) in (48, 98, 10048) else ""
        raise InputError(f"--host {host} --port {port}: {why}{hint}") from None


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine reaches it."""
    host = str(listener.getsockname()[0])
    return host == "::1" or host.startswith("127.")


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104  a name, not a place to listen
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(
    app: ASGIApp,
    listener: socket.socket,
    *,
    certificate: str | None = None,
    key: str | None = None,
    grace_s: int = 0,
) -> None:
    """Serve until SIGINT or SIGTERM; requests under way then have ``grace_s`` seconds.

    With the file of a ``certificate`` and of its ``key``, over TLS.
    """
    config = uvicorn.Config(
        app,
        http="h11",  # whatever else is installed
        log_config=None,
        log_level="critical",
        lifespan="on",
        server_header=False,
        proxy_headers=False,  # what a client says of its address is not believed
        timeout_graceful_shutdown=grace_s,
        timeout_keep_alive=_KEEP_ALIVE_S,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def threaded(page: _Page) -> Callable[[Request], Awaitable[Response]]:
    """The page made in a thread, so that others are served meanwhile.

    The thread is a daemon: one that computes does not keep the program from ending.
    """

    async def answer(request: Request) -> Response:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Response] = loop.create_future()

        def settle(result: Response | None, error: BaseException | None) -> None:
            if done.cancelled():
                return
            if error is not None:
                done.set_exception(error)
            elif result is not None:
                done.set_result(result)

        def work() -> None:
            result, failed = None, None
            with _room:
                try:
                    result = page(request)
                except BaseException as error:  # for the one who waits
                    failed = error
            with contextlib.suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(settle, result, failed)

        threading.Thread(target=work, daemon=True).start()
        return await done

    return answer


_room = threading.BoundedSemaphore(_AT_ONCE)
