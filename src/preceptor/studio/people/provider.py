"""A provider of OpenID Connect on the wire: code flow with PKCE, one request at a time.

Its addresses are those of the issuer's configuration. Each reply is bounded in time and size, no
redirection is followed, and no text of a reply is repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlsplit

import httpx2
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from preceptor.errors import InputError, shorten
from preceptor.studio.people.claims import NotProven, Proven, check_id_token, proven

__all__ = ["Asked", "Provider", "Settings"]

_T = TypeVar("_T")
#: Of one reply.
_LONGEST_S, _LARGEST = 10, 256 * 1024
#: Of the provider's configuration.
_KEPT_S = 600
#: Those with a key that the provider alone has.
_SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
#: What is raised for a reply that is refused or not valid.
_FAULTS = (AuthlibBaseError, JoseError, httpx2.HTTPError, msgspec.MsgspecError, ValueError)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A provider, and this studio as its client.

    ``back`` is the address to which it sends the browser back, ``domains`` those of the e-mail
    addresses that may come in.
    """

    issuer: str
    client: str
    secret: str
    domains: tuple[str, ...]
    back: str


class Asked(msgspec.Struct, frozen=True):
    """The address to which the browser goes, and what has to come back."""

    address: str
    state: str
    nonce: str
    verifier: str


class _Configuration(msgspec.Struct, frozen=True):
    """OpenID Connect Discovery 1.0, section 3."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    code_challenge_methods_supported: tuple[str, ...] | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    authorization_response_iss_parameter_supported: bool = False


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    id_token: str


class _Keys(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class Provider:
    """A provider that people sign in with. Raises InputError for settings that cannot be right."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._read: tuple[float, _Configuration] | None = None
        self._expect_safe(settings.issuer)
        self._tls = httpx2.create_ssl_context()  # slow: once

    @property
    def name(self) -> str:
        """The host, for people to read."""
        return urlsplit(self._settings.issuer).hostname or ""

    async def ask(self, max_age_s: int) -> Asked:
        """Begin: where the browser goes; with 0 one signs in there anew. Raises NotProven."""
        found = await self._configuration()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        async with self._client() as client:
            address, _ = client.create_authorization_url(
                found.authorization_endpoint,
                state=state,
                code_verifier=verifier,
                nonce=nonce,
                max_age=str(max_age_s),
                **({} if max_age_s else {"prompt": "login"}),
            )
        return Asked(address, state, nonce, verifier)

    async def prove(
        self, code: str, issuer: str, nonce: str, verifier: str, max_age_s: int
    ) -> Proven:
        """Who came back with a code. ``issuer`` is the reply's ``iss``. Raises NotProven."""
        settings, found = self._settings, await self._configuration()
        named = issuer or found.authorization_response_iss_parameter_supported
        if named and issuer != settings.issuer:  # RFC 9207
            raise NotProven(f"{self.name}: the reply is of another issuer: sign in again")
        async with self._client() as client:
            token = await self._exchange(client, found, code, verifier)
            keys = await self._get(client, "the keys", found.jwks_uri, _Keys)
            subject = check_id_token(
                self._read_id_token(token.id_token, keys, found),
                issuer=settings.issuer,
                client=settings.client,
                nonce=nonce,
                now=self._clock(),
                max_age_s=max_age_s,
            )
            bearer = {"Authorization": f"Bearer {token.access_token}"}
            said = await self._get(
                client, "userinfo", found.userinfo_endpoint, dict[str, Any], bearer
            )
        return proven(said, subject=subject, issuer=settings.issuer, domains=settings.domains)

    async def _exchange(
        self, client: _Client, found: _Configuration, code: str, verifier: str
    ) -> _Token:
        with self._one_line("the exchange of the code"):
            async with asyncio.timeout(_LONGEST_S):
                reply = await client.fetch_token(
                    found.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    auth=self._authentication(found),
                )
            return msgspec.convert(dict(reply), _Token)

    def _read_id_token(self, token: str, keys: _Keys, found: _Configuration) -> dict[str, Any]:
        allowed = set(_SIGNATURES) & set(found.id_token_signing_alg_values_supported)
        given: Any = {"keys": keys.keys}
        # The last three: what joserfc raises for a key that is none.
        with self._one_line("the ID token", KeyError, TypeError, AttributeError):
            key_set = KeySet.import_key_set(given)
            return dict(jwt.decode(token, key_set, algorithms=sorted(allowed)).claims)

    async def _configuration(self) -> _Configuration:
        now, settings = self._clock(), self._settings
        if self._read is not None and now - self._read[0] < _KEPT_S:
            return self._read[1]
        where = settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        async with self._client() as client:
            found = await self._get(client, "the configuration", where, _Configuration)
        if found.issuer != settings.issuer:
            raise NotProven(
                f"{self.name}: expected a configuration of {shorten(settings.issuer)}, "
                f"found {shorten(found.issuer)}: tell a lead (--oidc)"
            )
        for address in (
            found.authorization_endpoint,
            found.token_endpoint,
            found.userinfo_endpoint,
            found.jwks_uri,
        ):
            self._expect_safe(address)
        if "S256" not in (found.code_challenge_methods_supported or ("S256",)):
            raise NotProven(f"{self.name}: expected PKCE with S256, found none: tell a lead")
        self._read = (now, found)
        return found

    def _client(self) -> _Client:
        return _Client(
            client_id=self._settings.client,
            client_secret=self._settings.secret,
            token_endpoint_auth_method="client_secret_post",  # noqa: S106
            scope="openid email profile",
            redirect_uri=self._settings.back,
            code_challenge_method="S256",
            timeout=_LONGEST_S,
            verify=self._tls,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
        )

    def _authentication(self, found: _Configuration) -> httpx2.BasicAuth | None:
        """In the header where the provider takes that; None: in the form."""
        if "client_secret_basic" not in found.token_endpoint_auth_methods_supported:
            return None
        # RFC 6749, 2.3.1: each is encoded first. Authlib's own does not.
        return httpx2.BasicAuth(
            quote_plus(self._settings.client), quote_plus(self._settings.secret)
        )

    async def _get(
        self,
        client: _Client,
        what: str,
        address: str,
        kind: type[_T],
        headers: dict[str, str] | None = None,
    ) -> _T:
        with self._one_line(what):
            async with asyncio.timeout(_LONGEST_S):
                reply = await client.request("GET", address, headers=headers, withhold_token=True)
            if reply.status_code != 200:
                raise NotProven(
                    f"{self.name}: {what}: expected status 200, found {reply.status_code}: "
                    "try again later, or tell a lead"
                )
            return msgspec.json.decode(reply.content, type=kind)

    @contextlib.contextmanager
    def _one_line(self, what: str, *faults: type[Exception]) -> Iterator[None]:
        """Make one line of whatever is wrong with a reply."""
        expected: tuple[type[Exception], ...] = (*_FAULTS, *faults)
        try:
            yield
        except NotProven:
            raise
        except (TimeoutError, httpx2.TransportError):
            raise NotProven(
                f"{self.name}: {what}: no reply within {_LONGEST_S} s: try again later"
            ) from None
        except expected:
            raise NotProven(
                f"{self.name}: {what}: refused or not valid: sign in again, or tell a lead"
            ) from None

    def _expect_safe(self, address: str) -> None:
        """Over TLS; or on this machine, where the issuer is, too."""
        if not _is_safe(address, local=_is_loopback(self._settings.issuer)):
            raise InputError(
                f"--oidc: expected addresses with https:// (without TLS only on this machine), "
                f"found {shorten(address)}"
            )


class _Client(AsyncOAuth2Client):  # type: ignore[misc]
    """Reads no more of a reply than is bounded."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        options["stream"] = True
        reply: httpx2.Response = await super().send(request, **options)
        try:
            if reply.headers.get("content-encoding", "identity") != "identity":
                raise ValueError("compressed")
            body = b"".join([part async for part in _bounded(reply)])
        finally:
            await reply.aclose()
        kept = {"content-type": reply.headers.get("content-type", "")}
        return httpx2.Response(reply.status_code, headers=kept, content=body, request=request)


async def _bounded(reply: httpx2.Response) -> AsyncIterator[bytes]:
    size = 0
    async for part in reply.aiter_raw():
        size += len(part)
        if size > _LARGEST:
            raise ValueError("too large")
        yield part


def _is_safe(address: str, *, local: bool) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.fragment:
        return False
    return (
        (parts.scheme in ("https", "http"))
        if _is_loopback(address) and local
        else (parts.scheme == "https" and not _is_loopback(address))
    )


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
