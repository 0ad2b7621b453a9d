"""Names of things that nobody can guess, and of texts."""

from __future__ import annotations

import hashlib
import secrets
import string

__all__ = ["digest", "new_id"]


_SIGNS = string.ascii_letters + string.digits


def new_id() -> str:
    """A random name of 12 letters and digits, 71 bits.

    It has no other characters: a command cannot take it for an option, nor a form split it.
    """
    return "".join(secrets.choice(_SIGNS) for _ in range(12))


def digest(*parts: str | bytes) -> str:
    """SHA-256 of the parts one after the other, in 64 hex digits."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else part)
    return found.hexdigest()
