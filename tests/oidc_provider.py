"""A provider of OpenID Connect as on the wire: discovery, keys, code with PKCE, token, userinfo.

What it says can be changed per test. It refuses what a strict provider refuses.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "studio id", "a:secret+with%25 signs"


class FakeProvider:
    """``claims``, ``userinfo`` and ``configuration`` are laid over what it says by itself."""

    def __init__(self, issuer: str, clock: Callable[[], float]) -> None:
        self.issuer, self.clock = issuer, clock
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
        self._codes: dict[str, dict[str, str]] = {}
        self._tokens: dict[str, str] = {}
        self.asked: list[str] = []
        self.reset()

    def reset(self) -> None:
        self.subject = "Person-1"
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.configuration: dict[str, Any] = {}
        self.bodies: dict[str, bytes] = {}
        self.asked.clear()

    def authorize(self, address: str) -> dict[str, str]:
        """Somebody signs in: the parameters with which the browser comes back."""
        given = dict(parse_qsl(urlsplit(address).query, strict_parsing=True))
        assert given["response_type"] == "code"
        assert given["client_id"] == CLIENT
        assert set(given["scope"].split()) == {"openid", "email", "profile"}
        assert given["code_challenge_method"] == "S256"
        assert int(given["max_age"]) > 0 or given["prompt"] == "login"
        code = secrets.token_urlsafe(16)
        self._codes[code] = given
        return {"code": code, "state": given["state"], "iss": self.issuer}

    def answer(self, path: str, form: dict[str, str], header: str) -> tuple[int, Any]:
        self.asked.append(path)
        if path in self.bodies:
            return 200, self.bodies[path]
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                **{
                    f"{name}_endpoint": f"{self.issuer}/{name}"
                    for name in ("authorization", "token", "userinfo")
                },
                "jwks_uri": f"{self.issuer}/jwks",
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
                **self.configuration,
            }
        if path == "/jwks":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        if path == "/token":
            return self._token(form, header)
        if path == "/userinfo" and (subject := self._tokens.get(header.removeprefix("Bearer "))):
            person = {"email": f"{subject}@Hospital.example", "email_verified": True}
            return 200, {"sub": subject, "name": "Canary-name Ada", **person, **self.userinfo}
        return 404, b"<h1>canary page of the provider</h1>"

    def _token(self, form: dict[str, str], header: str) -> tuple[int, Any]:
        name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        asked = self._codes.pop(form["code"], None)
        challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
        if (
            asked is None
            or (unquote_plus(name), unquote_plus(secret)) != (CLIENT, SECRET)
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != asked["redirect_uri"]
            or base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant", "error_description": "canary of the provider"}
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 600,
            "auth_time": now - (60 if int(asked["max_age"]) else 0),
            "nonce": asked["nonce"],
            # Of nobody: only userinfo's counts.
            "email": "other@elsewhere.example",
            "email_verified": True,
            **self.claims,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        token = secrets.token_urlsafe(16)
        self._tokens[token] = self.subject
        signed = jwt.encode({"alg": "RS256", "kid": "k1"}, said, self.key)
        return 200, {"access_token": token, "token_type": "Bearer", "id_token": signed}


@contextmanager
def served_provider(clock: Callable[[], float]) -> Iterator[FakeProvider]:
    """One in a thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._reply({name: found[0] for name, found in parse_qs(body).items()})

        def _reply(self, form: dict[str, str]) -> None:
            header = self.headers.get("Authorization", "")
            status, said = provider.answer(urlsplit(self.path).path, form, header)
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = FakeProvider(f"http://127.0.0.1:{server.server_port}", clock)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
