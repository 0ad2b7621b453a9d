"""The rewards server at the wire: what it logs of broken requests, and connections that idle."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import socket
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from children import Child
from preceptor.rewards.connections import Connections
from preceptor.rewards.logs import ThrottledLog, without_texts
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

TOKEN = "a-token-of-some-length"
SECRET = "the-patients-secret"
KEY = f"Host: x\r\nAuthorization: Bearer {TOKEN}\r\n"
POST = f"POST /v1/reward HTTP/1.1\r\n{KEY}"
#: Requests with something wrong, each with the token or a text where a library might quote it.
BROKEN = [
    f"{SECRET} / {TOKEN}\r\n\r\n",
    f"GET /{SECRET} HTTP/9.9\r\n{KEY}\r\n",
    f"GET /{SECRET * 1000} HTTP/1.1\r\n{KEY}\r\n",
    f"GET / HTTP/1.1\r\n{KEY}X: {SECRET * 1000}\r\n\r\n",
    f"GET /health HTTP/1.1\r\n{KEY}Bad {SECRET}\r\n\r\n",
    f"GET /health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\x01\x00\r\n\r\n",
    f"GET /health HTTP/1.1\r\n{KEY}X: \xff\xfe{SECRET}\r\n\r\n",
    f"GET /health HTTP/1.1\r\n{KEY}Cookie: {SECRET}=\x7f;;;\r\n\r\n",
    f"GET /health?token={TOKEN}&q={SECRET} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET http://[{SECRET}/health HTTP/1.1\r\n{KEY}\r\n",
    f"GET /%ff%zz{SECRET}?token={TOKEN} HTTP/1.1\r\n{KEY}\r\n",
    f"CONNECT {SECRET}:443 HTTP/1.1\r\n{KEY}\r\n",
    f"{SECRET.upper()} /v1/reward HTTP/1.1\r\n{KEY}\r\n",
    f"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{SECRET}",
    f"\x16\x03\x01\x02\x00{SECRET}",
    f"{POST}Content-Length: {SECRET}\r\n\r\n",
    f"{POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n",
    f"{POST}Transfer-Encoding: chunked\r\n\r\n{SECRET}\r\n{SECRET}",
    f"{POST}Content-Encoding: gzip\r\nContent-Length: {len(SECRET)}\r\n\r\n{SECRET}",
    f"{POST}Content-Encoding: {SECRET}\r\nContent-Length: 2\r\n\r\n{{}}",
    f"{POST}Expect: {SECRET}\r\nContent-Length: 2\r\n\r\n{{}}",
    f"{POST}Content-Type: x/y; charset={SECRET}\r\nContent-Length: 2\r\n\r\n{{}}",
    f"{POST}Content-Length: {len(SECRET)}\r\n\r\n{SECRET}",
    f"{POST}Content-Length: 9999999\r\n\r\n{SECRET}",
    f'{POST}Content-Length: 60\r\n\r\n{{"responses": ["{SECRET}\xff"], "id": "{TOKEN}"}}    ',
]


def log_of(tmp_path: Path, requests: list[str], **environment: str) -> list[str]:
    """What a server process logs of requests, each on a connection of its own."""
    with FakeEndpoint() as fake:
        options = ["--grader", fake.address("judge"), "--benchmark", "starter", "--port", "0"]
        options += ["--store", str(tmp_path / "serve.db"), "--token-env", "TOK"]
        process = Child("serve", *options, environment={**os.environ, "TOK": TOKEN, **environment})
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("listening on "):
                port = int(line.rpartition(":")[2])
                break
        for request in requests:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(request.encode("latin-1"))
                connection.settimeout(1)
                with contextlib.suppress(OSError):  # no reply: it waits for more
                    connection.recv(4096)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass
        process.terminate()
        log = process.stderr.read()
        process.close()
        assert process.wait() == 0
    return log.splitlines()


@pytest.mark.parametrize("debug", ["", "1"])
def test_no_broken_request_is_quoted_in_the_log(debug: str, tmp_path: Path) -> None:
    """Whatever is wrong with a request, no log has its token or text."""
    log = log_of(tmp_path, BROKEN, PYTHONASYNCIODEBUG=debug)
    assert log
    assert SECRET.upper() not in "\n".join(log).upper()
    assert TOKEN not in "\n".join(log)
    assert not any("Traceback" in line for line in log)
    assert len(log) <= len(BROKEN)


def test_nobody_without_the_token_fills_the_log(tmp_path: Path) -> None:
    """Of sixty requests without the token there is a line for each of three kinds."""
    kinds = [
        "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /v1/reward HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    ]
    log = log_of(tmp_path, kinds * 20)
    assert sorted(log[:3]) == [
        "GET /health 200 without the token",
        "POST /v1/reward 401 without the token",
        "aiohttp.server: BadStatusLine",
    ]
    assert len(log) == 4  # the last says that the server ends


def test_a_line_is_said_again_with_how_often_it_was_kept_back() -> None:
    """After a minute, once more."""
    said, now = list[str](), [0.0]
    seldom = ThrottledLog(said.append, lambda: now[0])
    for now[0] in (0.0, 1.0, 59.0, 61.0, 62.0):
        seldom("a")
    assert said == ["a", "a (2 more before)"]


def test_what_libraries_log_is_named_and_not_quoted() -> None:
    """Logs with and without an exception, warnings; before and after, logging is as it was."""
    said: list[str] = []
    library, handler = logging.getLogger("some.library"), logging.StreamHandler()
    library.addHandler(handler)
    with warnings.catch_warnings(), without_texts(said.append):
        warnings.simplefilter("always")
        library.error("sent %s", SECRET)
        library.debug(SECRET)
        try:
            raise ValueError(SECRET)
        except ValueError:
            library.exception(SECRET)
        warnings.warn(SECRET, stacklevel=1)
    assert said == ["some.library: error", "some.library: ValueError", "py.warnings: warning"]
    assert library.handlers == [handler]
    library.removeHandler(handler)


@contextlib.asynccontextmanager
async def listening(most: int, idle_s: float) -> AsyncIterator[tuple[int, Connections]]:
    """A server with bounded connections, which takes its time over ``/slow``."""

    @web.middleware
    async def around(request: web.Request, handler: web.Handler) -> web.StreamResponse:
        with connections.request(request.protocol):
            return await handler(request)

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return web.Response()

    app = web.Application(middlewares=[around])
    app.router.add_get("/slow", slow)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    assert runner.server is not None
    connections = Connections(most, idle_s)
    listener = await asyncio.get_running_loop().create_server(
        functools.partial(connections.protocol, runner.server), "127.0.0.1", 0
    )
    yield listener.sockets[0].getsockname()[1], connections
    listener.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    "sent", ["", "G", "GET / HTTP/1.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET"]
)
async def test_a_connection_without_a_request_is_closed(sent: str) -> None:
    """One that sends nothing, a part of a head, or nothing more after a request."""
    async with listening(9, 0.2) as (port, connections):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent.encode())
        with contextlib.suppress(ConnectionResetError):
            while await reader.read(1000):
                pass
        assert not len(connections)
        writer.close()


async def test_a_request_under_way_is_not_idle() -> None:
    """A reply that takes longer than a connection may idle arrives."""
    async with listening(9, 0.2) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_connections_are_bounded() -> None:
    """One too many replaces the longest idle; where none is idle, it is closed."""
    async with listening(2, 60) as (port, connections):
        idle, one = await asyncio.open_connection("127.0.0.1", port)
        _, two = await asyncio.open_connection("127.0.0.1", port)
        two.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        busy, three = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionResetError):
            assert await idle.read() == b""
        assert len(connections) == 2
        three.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.1)
        late, four = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionResetError):
            assert await late.read() == b""
        assert (await busy.readline()).startswith(b"HTTP/1.1 200")
        for writer in (one, two, three, four):
            writer.close()
