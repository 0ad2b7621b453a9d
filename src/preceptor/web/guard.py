"""What stands before every page: who may ask, and what a browser may do with the reply.

No page runs or loads anything but this server's own files, and none can be framed. A name that an
attacker points at this address (DNS rebinding) is refused, so that no other site's script reads a
page through the browser of somebody who has it open. Where a token is asked for that is no danger:
the browser has its cookie under the server's own name alone.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Callable
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.datastructures import URL, Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard", "Refusal"]

#: Bytes of a request's body.
_BODY = 1_000_000
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types "
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Refusal(NamedTuple):
    """A reply of one line: status, and what to do."""

    status: int
    message: str


class Guard:
    """ASGI middleware: host, token, size of the body, headers.

    Parameters
    ----------
    app
        The application behind it.
    refuse
        Makes the page of a refusal.
    host
        The name or address that the server listens on.
    token
        None: everybody who reaches the address may read.
    methods
        Those that the application has.
    trusted_types
        The name of the one policy by which the server's script makes markup of a text.
    encrypted
        Browsers reach it over TLS, and for a year are to try nothing else.
    """

    def __init__(
        self,
        app: ASGIApp,
        refuse: Callable[[Refusal], Response],
        *,
        host: str,
        token: str | None = None,
        methods: tuple[str, ...] = ("GET", "HEAD"),
        trusted_types: str = "'none'",
        encrypted: bool = False,
    ) -> None:
        self._app, self._refuse = app, refuse
        self._names = {"localhost", host.lower(), socket.gethostname().lower()}
        self._headers = {"Content-Security-Policy": _POLICY + trusted_types, **_HEADERS}
        if encrypted:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"
        self._token = token
        # Cookies are shared between the ports of a host: each token has a cookie of its own.
        self._key = "" if token is None else sha256(f"preceptor {token}".encode()).hexdigest()
        self._cookie = f"preceptor-{self._key[:8]}"
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":  # no WebSocket
            return

        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        response = self._answer(scope, Headers(scope=scope))
        try:
            await (self._app if response is None else response)(scope, receive, guarded)
        except Exception:  # Starlette raises it again when its page has been sent
            if not begun:
                raise

    def _answer(self, scope: Scope, headers: Headers) -> Response | None:
        """The reply, where the application is not to be asked."""
        if self._token is None and not self._is_known(headers.get("host", "")):
            words = "this server is not known by that name: open the address that it printed"
            return self._refuse(Refusal(421, words))
        if scope["method"] not in self._methods:
            return self._refuse(Refusal(405, f"expected {' or '.join(self._methods)}"))
        if not _is_small(headers):
            return self._refuse(Refusal(413, f"expected a body of at most {_BODY:,} bytes"))
        return None if self._token is None else self._admit(URL(scope=scope), headers)

    def _is_known(self, host: str) -> bool:
        """An address cannot be pointed elsewhere; a name can."""
        name = host.rpartition(":")[0] if _has_port(host) else host
        if name.lower() in self._names:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    def _admit(self, url: URL, headers: Headers) -> Response | None:
        """None for those with the cookie; a link with the token is exchanged for it."""
        given = _parameter(url, "token")
        if given is not None and _same(given, self._token or ""):
            response = RedirectResponse(_rest(url), 303)
            response.set_cookie(self._cookie, self._key, httponly=True, samesite="lax")
            return response
        if _same(_cookie(headers.get("cookie", ""), self._cookie), self._key):
            return None
        return self._refuse(Refusal(401, "open the address with the token that the server printed"))


def _has_port(host: str) -> bool:
    return ":" in host and not host.endswith("]")


def _is_small(headers: Headers) -> bool:
    if "transfer-encoding" in headers:
        return False
    length = headers.get("content-length", "0")
    return length.isdecimal() and len(length) < 12 and int(length) <= _BODY


def _parameter(url: URL, name: str) -> str | None:
    return next(iter(parse_qs(url.query).get(name, ())), None)


def _rest(url: URL) -> str:
    """The same page without the token, as a path: a host that was given is not repeated."""
    left = url.remove_query_params("token")
    return "/" + left.path.lstrip("/") + (f"?{left.query}" if left.query else "")


def _cookie(text: str, name: str) -> str:
    try:
        found = SimpleCookie(text).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
