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

__all__ = ["keep_media", "with_media"]


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
    query = sa.select(t.blobs.c.sha256, t.blobs.c.bytes).where(t.blobs.c.sha256.in_(wanted))
    found = {row.sha256: bytes(row.bytes) for row in connection.execute(query)}
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


def _media(messages: Iterable[Message]) -> Iterator[Image | File]:
    for message in messages:
        if not isinstance(message.content, str):
            for part in message.content:
                yield from media_of(part)
