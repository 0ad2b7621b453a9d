"""Names of things that nobody can guess, and of texts."""

from __future__ import annotations

import hashlib
import secrets

__all__ = ["digest", "new_id"]


def new_id() -> str:
    """A random name, safe in an address: 12 characters, 72 bits."""
    return secrets.token_urlsafe(9)


def digest(*parts: str | bytes) -> str:
    """SHA-256 of the parts one after the other, in 64 hex digits."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else part)
    return found.hexdigest()
