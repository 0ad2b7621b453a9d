"""Images and files of messages: each kept once, under its hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import sqlalchemy as sa

from preceptor.errors import StoreError
from preceptor.records import File, Image, Message
from preceptor.records.parts import map_media, media_of
from preceptor.store import schema as t
from preceptor.store.statements import upsert

__all__ = ["keep_media", "read_media", "with_media"]

#: Hashes asked for at once: SQLite takes at most 32,766 variables.
_AT_ONCE = 500


def keep_media(connection: sa.Connection, messages: Iterable[Message]) -> None:
    """Keep the bytes of all images and files in messages."""
    rows = {
        part.sha256: {"sha256": part.sha256, "media_type": part.media_type, "bytes": part.data}
        for part in _media(messages)
        if part.data
    }
    upsert(connection, t.blobs, list(rows.values()))


def with_media(connection: sa.Connection, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages with the bytes of their images and files. Raises StoreError without them."""
    wanted = {part.sha256 for part in _media(messages) if not part.data}
    if not wanted:
        return messages
    found = read_media(connection, wanted)
    if missing := wanted - found.keys():
        raise StoreError(f"the image or file {min(missing)[:12]}… is not in the store")

    def filled(media: Image | File) -> Image | File:
        return media if media.data else msgspec.structs.replace(media, data=found[media.sha256])

    return tuple(
        message
        if isinstance(message.content, str)
        else Message(message.role, tuple(map_media(part, filled) for part in message.content))
        for message in messages
    )


def read_media(connection: sa.Connection, wanted: Iterable[str]) -> dict[str, bytes]:
    """Hash → bytes, of those that are there."""
    found: dict[str, bytes] = {}
    listed = list(wanted)
    for start in range(0, len(listed), _AT_ONCE):
        some = listed[start : start + _AT_ONCE]
        query = sa.select(t.blobs.c.sha256, t.blobs.c.bytes).where(t.blobs.c.sha256.in_(some))
        found |= {row.sha256: bytes(row.bytes) for row in connection.execute(query)}
    return found


def _media(messages: Iterable[Message]) -> Iterator[Image | File]:
    for message in messages:
        if not isinstance(message.content, str):
            for part in message.content:
                yield from media_of(part)
