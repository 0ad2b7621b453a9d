"""The bytes of a result's images and files, which the store keeps once under their hash."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from preceptor.records import File, Image, Message, Result
from preceptor.records.parts import map_media, media_of
from preceptor.store import Store

__all__ = ["media_in", "read_media", "with_bytes"]


def media_in(result: Result) -> dict[str, Image | File]:
    """All images and files of examples and transcripts, by hash."""
    found: dict[str, Image | File] = {}
    for graded in result.graded:
        turns = graded.response.turns if graded.response is not None else ()
        for message in (*graded.example.messages, *(turn.message for turn in turns)):
            if not isinstance(message.content, str):
                found |= {each.sha256: each for part in message.content for each in media_of(part)}
    return found


def read_media(result: Result, names: Iterable[str]) -> dict[str, bytes]:
    """Hash → bytes, of those that are in the store that the result was read from."""
    wanted = list(dict.fromkeys(names))
    if not wanted or result.store is None:
        return {}
    with Store(result.store, create=False) as store:
        return store.media(wanted)


def with_bytes(messages: tuple[Message, ...], known: dict[str, bytes]) -> tuple[Message, ...]:
    """The messages with the bytes of their images and files, as far as they are known."""

    def filled(media: Image | File) -> Image | File:
        data = media.data or known.get(media.sha256, b"")
        return msgspec.structs.replace(media, data=data)

    return tuple(
        message
        if isinstance(message.content, str)
        else Message(message.role, tuple(map_media(part, filled) for part in message.content))
        for message in messages
    )
