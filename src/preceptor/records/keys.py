"""Hashes of content."""

from __future__ import annotations

import hashlib

import msgspec

__all__ = ["content_key"]

_canonical = msgspec.json.Encoder(order="deterministic")


def content_key(*parts: object) -> str:
    """128-bit BLAKE2b of the parts' canonical JSON, in hex: the address of a call or an example."""
    whole = b"".join([_canonical.encode(part) + b"\x00" for part in parts])
    return hashlib.blake2b(whole, digest_size=16).hexdigest()
