"""Types of columns: checked truth values, keys as bytes, compressed texts."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Boolean, Dialect, LargeBinary, Text, TypeDecorator

__all__ = [
    "Compressed",
    "Key",
    "Truth",
    "key_bytes",
    "key_text",
    "keys_bytes",
    "truth",
    "unpacked_text",
]


def truth(value: object) -> bool | None:
    """A truth value of a database. SQLite takes any value in any column.

    Raises
    ------
    ValueError
        Neither 0 nor 1.
    """
    if value is None:
        return None
    if value not in (0, 1):
        raise ValueError(value)
    return bool(value)


class Truth(Boolean):
    """A column of truth values that are checked when they are read."""

    cache_ok = True

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[object], bool | None] | None:
        del coltype
        return None if dialect.supports_native_boolean else truth


#: Bytes of a content hash. Keys that are none are longer, so that both can be told apart.
_HASH = 16


def key_bytes(key: str) -> bytes:
    """A key as it is stored: the 16 bytes of a content hash, or those of any other text."""
    if len(key) == 2 * _HASH:
        try:  # a run has a million: contextlib.suppress takes three times as long
            if (stored := bytes.fromhex(key)).hex() == key:
                return stored
        except ValueError:
            pass
    return key.encode().ljust(_HASH + 1, b"\0")


def keys_bytes(keys: Sequence[str]) -> list[bytes]:
    """:func:`key_bytes` of each: in one go where all are content hashes."""
    joined = "".join(keys)
    if all(len(key) == 2 * _HASH for key in keys):
        with contextlib.suppress(ValueError):
            if (stored := bytes.fromhex(joined)).hex() == joined:
                return [stored[at : at + _HASH] for at in range(0, len(stored), _HASH)]
    return list(map(key_bytes, keys))


def key_text(stored: bytes) -> str:
    """The key that :func:`key_bytes` made the bytes of."""
    return stored.hex() if len(stored) == _HASH else stored.rstrip(b"\0").decode()


class Key(TypeDecorator[str]):
    """A content key: 32 hex digits in Python, 16 bytes in the database."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        del dialect
        return None if value is None else key_bytes(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else key_text(value)


#: Bytes of a text that is worth compressing.
_LONG = 200


def unpacked_text(stored: Any) -> Any:
    """The text that :class:`Compressed` stored."""
    return zlib.decompress(stored).decode() if isinstance(stored, bytes) else stored


class Compressed(TypeDecorator[str]):
    """A text. On SQLite a long one is stored as zlib's bytes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite" or len(value) < _LONG:
            return value
        return zlib.compress(value.encode())

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        del dialect
        text: str | None = unpacked_text(value)
        return text
