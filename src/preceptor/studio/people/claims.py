"""What a provider of OpenID Connect says of somebody, and whether it counts. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from preceptor.errors import InputError
from preceptor.studio.ids import digest
from preceptor.studio.people.credentials import email_of

__all__ = ["NotProven", "Proven", "check_id_token", "proven"]

#: Seconds by which two clocks may differ.
_SKEW_S = 60


class NotProven(InputError):
    """The provider did not prove who somebody is. In one line, without its words."""


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is, as their provider says."""

    #: Digest of the provider and of the id that it has for the person.
    account: str
    email: str
    name: str


def check_id_token(
    claims: Mapping[str, Any], *, issuer: str, client: str, nonce: str, now: float, max_age_s: int
) -> str:
    """The subject of an ID token whose signature is right. Raises NotProven.

    OpenID Connect Core 1.0, 3.1.3.7; ``max_age_s`` was asked for, so ``auth_time`` is required.
    """
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    begun = _number(claims, "auth_time")
    subject = claims.get("sub")
    faults = {
        "iss: of another issuer": claims.get("iss") != issuer,
        "aud: for another client": client not in audiences,
        "azp: for another client": claims.get("azp", client) != client
        or (len(audiences) > 1 and "azp" not in claims),
        "nonce: not of this sign-in": claims.get("nonce") != nonce,
        "sub: missing": not isinstance(subject, str) or not 0 < len(subject) <= 255,
        "exp: over": (_number(claims, "exp") or 0) <= now - _SKEW_S,
        "iat: missing, or later than our clock": not 0
        < (_number(claims, "iat") or 0)
        <= now + _SKEW_S,
        "nbf: later than our clock": (_number(claims, "nbf") or 0) > now + _SKEW_S,
        "auth_time: missing": begun is None,
        "auth_time: too long ago": (begun or 0) < now - max_age_s - _SKEW_S,
        "auth_time: later than our clock": (begun or 0) > now + _SKEW_S,
    }
    if fault := next((words for words, found in faults.items() if found), None):
        raise NotProven(f"ID token: {fault}: sign in again; if it stays, tell a lead")
    return str(subject)


def proven(
    found: Mapping[str, Any], *, subject: str, issuer: str, domains: Collection[str]
) -> Proven:
    """The person of a userinfo response. Raises NotProven.

    The e-mail address counts where ``email_verified`` is JSON's ``true``, and nothing else.
    """
    if found.get("sub") != subject:
        raise NotProven("userinfo: of another person than the ID token: sign in again")
    email, name = found.get("email"), found.get("name")
    if not isinstance(email, str) or not email or not email.isprintable():
        raise NotProven("e-mail: the provider gives none: ask its administrators for it")
    if found.get("email_verified") is not True:
        raise NotProven("e-mail: not verified by the provider: ask its administrators")
    domain = email.rpartition("@")[2]
    if not domain.isascii() or domain.lower() not in domains:
        expected = " or ".join(domains)
        raise NotProven(f"e-mail: expected an address of {expected}: use another account")
    return Proven(
        account=digest(issuer, "\n", subject),
        email=email_of(email),
        name=_line(name) if isinstance(name, str) else "",
    )


def _line(text: str) -> str:
    plain = "".join(each for each in text if unicodedata.category(each) not in ("Cc", "Cs"))
    return " ".join(plain.split())[:200]


def _number(claims: Mapping[str, Any], name: str) -> float | None:
    found = claims.get(name)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None
