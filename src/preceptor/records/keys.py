"""Hashes of content."""

from __future__ import annotations

import hashlib

import msgspec

__all__ = ["content_key"]

_canonical = msgspec.json.Encoder(order="deterministic")


def content_key(*parts: object) -> str:
    """128-bit BLAKE2b of the parts' canonical JSON, in hex: the address of a call or an example."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(_canonical.encode(part))
        digest.update(b"\x00")
    return digest.hexdigest()
