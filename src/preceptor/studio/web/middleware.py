"""Between the guard and the screens: whose request it is, and whether a form is one of ours.

The browser has one cookie: a random secret. Where it is a session's, somebody is signed in; before
that it only makes the token of the forms for signing in. A new one is drawn at each sign-in.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from preceptor.studio.people.sessions import new_secret
from preceptor.studio.web.forms import Given
from preceptor.web.guard import Refusal

__all__ = ["Cookie", "address_of", "cross_site", "is_autosave", "is_scripted"]

#: The header of requests by our script, and its value where that saves by itself: no form of
#: another site can send it.
_SCRIPT, _SAVE = "x-studio", "save"


class Cookie(msgspec.Struct, frozen=True):
    """The cookie of a studio.

    ``project`` makes its name, since the ports of a host share their cookies; ``secure`` where the
    browser reaches us over TLS.
    """

    project: str
    secure: bool

    @property
    def name(self) -> str:
        short = sha256(self.project.encode()).hexdigest()[:8]
        return f"__Host-studio-{short}" if self.secure else f"studio-{short}"

    def of(self, request: Request) -> str:
        """The browser's secret, or a new one: then :meth:`give` it."""
        found = request.cookies.get(self.name, "")
        return found if len(found) == 43 and found.isascii() else new_secret()

    def give(self, response: Response, secret: str) -> None:
        response.set_cookie(
            self.name, secret, httponly=True, samesite="lax", secure=self.secure, path="/"
        )

    def token(self, secret: str) -> str:
        """What each form of that browser carries."""
        return hmac.digest(secret.encode(), b"form", "sha256").hex()

    def outbox(self, secret: str) -> str:
        """The key of what that browser keeps until it is sent: of one session, known to both."""
        return hmac.digest(secret.encode(), b"outbox", "sha256").hex()

    def is_ours(self, secret: str, given: Given) -> bool:
        """Whether a form was made for that browser."""
        found = given.raw("token").encode("utf-8", "replace")
        return hmac.compare_digest(found, self.token(secret).encode())


def cross_site(request: Request) -> Refusal | None:
    """The refusal of a form that another site made the browser send."""
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        ours = fetched in ("same-origin", "none")
    else:  # Safari before 16.4, and what is no browser
        origin = request.headers.get("origin", "")
        ours = origin.partition("://")[2] == request.headers.get("host", "")
    return None if ours else Refusal(403, "another site sent this form: nothing was done")


def is_scripted(request: Request) -> bool:
    """Whether our script asks, which can show a form for signing in by itself."""
    return _SCRIPT in request.headers


def is_autosave(request: Request) -> bool:
    """Whether our script saves by itself: what changes in its page is enough as an answer."""
    return request.headers.get(_SCRIPT) == _SAVE


def address_of(request: Request, *, proxied: bool) -> str:
    """The network address of the browser; what a proxy of ours says of it is the last entry."""
    if proxied:
        said = request.headers.getlist("x-forwarded-for")
        if said and (last := said[-1].rpartition(",")[2].strip()):
            return last[:60]
    return "" if request.client is None else request.client.host
