"""The server of a base URL: one form for all spellings, so that it can be part of a key."""

from __future__ import annotations

import os
import re
import urllib.parse
from typing import Any

from preceptor.errors import InputError

__all__ = ["SERVER", "elsewhere", "from_environment", "server_of", "without_server"]

#: The entry of an identity that names the server.
SERVER = "server"
_PORTS = {"http": 80, "https": 443}


def server_of(url: str, source: str) -> str:
    """A base URL with scheme and host in lower case, without default port, ``/v1`` and slashes.

    Parameters
    ----------
    source
        The variable that holds it, for messages: the URL itself may hold a key.

    Raises
    ------
    InputError
        It is no URL, or holds a user, a password or a query, which would be stored.
    """
    try:
        parts = urllib.parse.urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in _PORTS:
        raise InputError(f"{source}: expected http://HOST:PORT/PATH or https://…, found neither")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError(
            f"{source}: expected a URL without user, password, ? and #, which would be stored: "
            f"put the key into the provider's variable for keys, or name one with api_key_env=NAME"
        )
    host = f"[{host}]" if ":" in host else host
    place = host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"
    path = re.sub("/{2,}", "/", parts.path).rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{place}{path}"


def elsewhere(url: str, own: str, source: str) -> str | None:
    """The server, where it is not the provider's own. Raises like :func:`server_of`."""
    server = server_of(url, source)
    return None if server == server_of(own, source) else server


def from_environment(words: tuple[str, ...], own: str | None) -> str | None:
    """The servers that variables such as ``WORD_BASE_URL`` name for another program's providers.

    ``own`` is the provider's own base URL, where that is known. Raises like :func:`server_of`.
    """
    names = "|".join(re.escape(re.sub(r"\W", "_", word).upper()) for word in words)
    form = re.compile(rf"(?:\w+_)?(?:{names})(?:_\w+)?_BASE_URL|INSPECT_EVAL_MODEL_BASE_URL")
    found = {name: url for name, url in os.environ.items() if url and form.fullmatch(name)}
    servers = {server_of(url, name) for name, url in found.items()}
    if own is not None:
        servers.discard(server_of(own, ""))
    return " ".join(sorted(servers)) or None


def without_server(identity: dict[str, Any]) -> dict[str, Any] | None:
    """The older identity, without the server; None where it names none."""
    if SERVER not in identity:
        return None
    return {name: value for name, value in identity.items() if name != SERVER}
