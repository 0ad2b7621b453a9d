"""Hashes of content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

__all__ = ["Begun", "content_key", "encoded"]

_canonical = msgspec.json.Encoder(order="deterministic")


def content_key(*parts: object) -> str:
    """128-bit BLAKE2b of the parts' canonical JSON, in hex: the address of a call or an example."""
    return hashlib.blake2b(encoded(parts), digest_size=16).hexdigest()


class Begun:
    """The content keys of parts that begin alike: the first parts are hashed once."""

    def __init__(self, *parts: object) -> None:
        self._hash = hashlib.blake2b(encoded(parts), digest_size=16)

    def key(self, *parts: object) -> str:
        """``content_key(*first parts, *parts)``."""
        hashed = self._hash.copy()
        hashed.update(encoded(parts))
        return hashed.hexdigest()

    def key_after(self, head: bytes, part: object) -> str:
        """``key(*those of the head, part)``, where the head is :func:`encoded` already."""
        hashed = self._hash.copy()
        hashed.update(head + _canonical.encode(part) + b"\x00")
        return hashed.hexdigest()

    def key_of(self, items: Iterable[object]) -> str:
        """``key(list(items))``; only one item at a time is in memory as JSON."""
        hashed = self._hash.copy()
        between = b"["
        for item in items:
            hashed.update(between + _canonical.encode(item))
            between = b","
        hashed.update(b"]\x00" if between == b"," else b"[]\x00")
        return hashed.hexdigest()


def encoded(parts: Iterable[object]) -> bytes:
    """What is hashed of the parts."""
    return b"\x00".join([*map(_canonical.encode, parts), b""])
