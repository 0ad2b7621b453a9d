"""HTTP/1.1 at the wire: what a server may do with a connection, and what becomes of the call."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from preceptor.systems import http1
from preceptor.systems.http1 import Connections, serves
from preceptor.systems.wire import Transient

OK = b"HTTP/1.1 200 OK\r\n"
FOUR = OK + b"Content-Length: 4\r\n\r\nfour"
#: What a server says to one request → (status, body, whether the connection is kept).
SAID: dict[str, tuple[bytes, tuple[int, bytes, bool]]] = {
    "whole": (FOUR, (200, b"four", True)),
    "chunked": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nfo\r\n2 \r\nur\r\n0\r\nX-Sum: 1\r\n\r\n",
        (200, b"four", True),
    ),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + FOUR,
        (200, b"four", True),
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"", True)),
    "empty": (OK + b"Content-Length: 0\r\n\r\n", (200, b"", True)),
    "bare line feeds": (FOUR.replace(b"\r\n", b"\n"), (200, b"four", True)),
    "up to the end": (OK + b"\r\nfour", (200, b"four", False)),
    "closing": (FOUR.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), (200, b"four", False)),
    "older": (FOUR.replace(b"1.1", b"1.0"), (200, b"four", False)),
}
#: What is no response, or the half of one → the kind of the failure.
BROKEN = {
    "nothing": (b"", "connection"),
    "half of the headers": (OK + b"Content-Le", "connection"),
    "half of the body": (OK + b"Content-Length: 9\r\n\r\nfour", "connection"),
    "half of the chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n", "connection"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n", "malformed"),
    "odd length": (OK + b"Content-Length: 4x\r\n\r\nfour", "malformed"),
    "two lengths": (OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nfour.", "malformed"),
    "odd chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nfour\r\n", "malformed"),
    "endless trailer": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: " + b"b" * 200_000,
        "malformed",
    ),
    "many headers": (OK + b"A: b\r\n" * 20_000 + b"\r\n", "malformed"),
}


class Server:
    """Says the same to every request, in pieces of ``size``; ``closing`` after each response."""

    def __init__(self, said: bytes, *, size: int = 2**20, closing: bool = False) -> None:
        self.said, self.size, self.closing = said, size, closing
        self.requests: list[bytes] = []
        self.connections: list[asyncio.StreamWriter] = []
        self.gone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                for at in range(0, len(self.said), self.size):
                    writer.write(self.said[at : at + self.size])
                    await writer.drain()
                    await asyncio.sleep(0)
                if self.closing:
                    break
        self.gone.set()
        writer.close()


@contextlib.asynccontextmanager
async def served(server: Server, **tls: Any) -> AsyncIterator[int]:
    """The server's port."""
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, **tls)
    async with listener:
        yield listener.sockets[0].getsockname()[1]
        for writer in server.connections:
            writer.transport.abort()
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def connected(
    port: int, *, timeout: float = 20, base: str = "http://127.0.0.1:{}/v1", **headers: str
) -> AsyncIterator[Connections]:
    url = base.format(port)
    assert serves(url)
    connections = Connections(url, headers, timeout)
    try:
        yield connections
    finally:
        await connections.close()
        assert not connections.opened


async def body_of(response: http1.Response) -> bytes:
    pieces = []
    while piece := await response.readany():
        pieces.append(piece)
    return b"".join(pieces)


async def ask(connections: Connections, path: str = "/x", body: bytes = b"{}") -> tuple[int, bytes]:
    async with connections.post(path, body) as response:
        return response.status, await body_of(response)


@pytest.mark.parametrize("size", [1, 2**20])
@pytest.mark.parametrize("kind", SAID)
async def test_responses_of_every_form_are_read(kind: str, size: int) -> None:
    """In whatever pieces one comes; the connection is kept where the server keeps it."""
    said, (status, body, kept) = SAID[kind]
    server = Server(said, size=size, closing=not kept)
    async with served(server) as port, connected(port) as connections:
        assert [await ask(connections) for _ in range(3)] == [(status, body)] * 3
    assert len(server.connections) == (1 if kept else 3)


@pytest.mark.parametrize("size", [3, 2**20])
@pytest.mark.parametrize("kind", BROKEN)
async def test_what_is_no_response_is_a_failure_of_one_line(kind: str, size: int) -> None:
    """It is named by its kind, its words quote nothing, and the connection is used no more."""
    said, expected = BROKEN[kind]
    server = Server(said, size=max(size, len(said) // 50), closing=True)
    async with served(server) as port, connected(port) as connections:
        for _ in range(2):
            with pytest.raises(Transient) as caught:
                await ask(connections)
            assert caught.value.kind == expected
            assert not caught.value.unreached
            assert "\n" not in str(caught.value)
            assert len(str(caught.value)) < 200
    assert len(server.connections) == 2


async def test_what_goes_out_is_one_request() -> None:
    """Path, headers and length, with nothing in the path that could begin another request."""
    server = Server(FOUR)
    async with served(server) as port, connected(port, Authorization="Bearer k") as connections:
        await ask(connections, "/a b\r\nX: y?q=ä&r=%20#z", b"12345")
    (sent,) = server.requests
    head, _, body = sent.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    assert first == "POST /v1/a%20b%0D%0AX:%20y?q=%C3%A4&r=%20 HTTP/1.1"
    headers = dict(line.split(": ", 1) for line in lines)
    assert headers.pop("User-Agent").startswith("preceptor/")
    assert headers == {
        "Host": f"127.0.0.1:{port}",
        "Accept": "*/*",
        "Authorization": "Bearer k",
        "Content-Length": "5",
    }
    assert body == "12345"


async def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    """Nor one on which something came that nobody had asked for, nor one that idled too long."""
    server = Server(FOUR)
    async with served(server) as port, connected(port) as connections:
        for ended in ("closed", "unasked", "idle"):
            assert await ask(connections) == (200, b"four")
            (connection,) = connections.opened
            writer = server.connections[-1]
            if ended == "idle":
                connections._idle[connection] -= 20
            else:
                writer.write(FOUR if ended == "unasked" else b"")
                writer.close() if ended == "closed" else await writer.drain()
                while connections.opened:
                    await asyncio.sleep(0.001)
            assert await ask(connections) == (200, b"four")
            assert len(connections.opened) == 1
    assert len(server.connections) == 4


@pytest.mark.parametrize("how", ["cancelled", "left", "late", "closed"])
async def test_a_response_that_is_not_read_to_its_end_closes_its_connection(how: str) -> None:
    """Whoever is cancelled, leaves early or is answered too late: the server hears of it."""
    length = b"" if how == "closed" else b"Content-Length: 9\r\n"  # else up to its end
    server = Server(OK + length + b"\r\nfour")
    async with served(server) as port, connected(port, timeout=0.2) as connections:
        if how == "late":
            with pytest.raises(Transient, match=r"no answer within 0\.2 s") as caught:
                await ask(connections)
            assert caught.value.kind == "timeout"
        elif how == "left":
            async with connections.post("/x", b"") as response:
                assert response.headers["content-length"] == "9"
        else:
            task = asyncio.ensure_future(ask(connections))
            while not server.requests:
                await asyncio.sleep(0.001)
            ended = asyncio.CancelledError if how == "cancelled" else Transient
            task.cancel() if how == "cancelled" else await connections.close()
            with pytest.raises(ended):
                await task
        await asyncio.wait_for(server.gone.wait(), 5)
        assert not connections._idle


async def test_a_body_that_nobody_reads_is_not_taken_from_the_network() -> None:
    """A server waits for a slow reader; then all of it arrives, and the connection is kept."""
    long = b"x" * 50_000_000
    server = Server(OK + b"Content-Length: %d\r\n\r\n" % len(long) + long, size=2**16)
    async with served(server) as port, connected(port) as connections:
        async with connections.post("/x", b"") as response:
            most = 0
            for _ in range(300):
                await asyncio.sleep(0)
                most = max(most, response._unread)
            assert 0 < most <= 2**18 + 2**18
            assert await body_of(response) == long
        server.said = FOUR
        assert await ask(connections) == (200, b"four")
    assert len(server.connections) == 1


async def test_many_at_once_have_a_connection_each() -> None:
    """And the next ones use them again."""
    server = Server(FOUR)
    async with served(server) as port, connected(port) as connections:
        for _ in range(3):
            answers = await asyncio.gather(*(ask(connections) for _ in range(100)))
            assert set(answers) == {(200, b"four")}
    assert len(server.connections) == 100


def certificate(folder: Path, name: str) -> Path:
    """A file with a key and a certificate for a name of this machine, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / f"{name}.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


async def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody trusts, or of another host, is no connection; a trusted one is."""
    asked: list[str | None] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate(tmp_path, "localhost"))
    context.sni_callback = lambda _, name, __: asked.append(name)
    server = Server(FOUR)
    async with served(server, ssl=context) as port:

        async def failure(base: str) -> str:
            async with connected(port, base=base) as connections:
                with pytest.raises(Transient, match="certificate verify failed") as caught:
                    await ask(connections)
            assert (caught.value.kind, caught.value.unreached) == ("connection", True)
            return str(caught.value)

        assert "self-signed" in await failure("https://localhost:{}")
        trusted = ssl.create_default_context(cafile=tmp_path / "localhost.pem")
        monkeypatch.setattr(http1, "_verified", lambda: trusted)
        assert "not valid for '127.0.0.1'" in await failure("https://127.0.0.1:{}")
        async with connected(port, base="https://localhost:{}") as connections:
            answers = await asyncio.gather(*(ask(connections) for _ in range(3)))
            assert [*answers, await ask(connections)] == [(200, b"four")] * 4
    assert asked[-1] == "localhost"
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("https://[::1]:8000/v1", True),
        ("https://api.example.com/v1?a=b", True),
        ("http://user:password@example.com/v1", False),
        ("http://exämple.com/v1", False),
        ("ftp://example.com/v1", False),
        ("http:///v1", False),
        ("http://example.com:99999/v1", False),
    ],
)
def test_addresses_that_need_more_go_another_way(url: str, here: bool) -> None:
    """A user in an address, or a name in other letters, is for the general client."""
    assert serves(url) is here
