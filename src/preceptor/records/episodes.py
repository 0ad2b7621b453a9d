"""How an answer came about: what exports write beside its text, and imports and replays read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from preceptor.records.messages import Message, Turn, lean
from preceptor.records.responses import Response

__all__ = ["Episode", "episode_in", "episode_of"]


class Episode(msgspec.Struct, frozen=True, gc=False):
    """Fields of a :class:`Response` beside its text; images and files by their hash alone."""

    turns: tuple[Turn, ...] = ()
    state: Any = None
    stop_reason: str | None = None
    served_model: str | None = None
    created_at: str | None = None

    def added_to(self, response: Response) -> Response:
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return msgspec.structs.replace(response, **fields)


def episode_of(response: Response | None) -> Episode:
    """The episode of a response; an empty one where there is none."""
    if response is None:
        return Episode()
    messages: tuple[Message, ...] = lean(tuple(turn.message for turn in response.turns))
    turns = (
        msgspec.structs.replace(turn, message=message)
        for turn, message in zip(response.turns, messages, strict=True)
    )
    rest = Episode.__struct_fields__[1:]
    return Episode(tuple(turns), *(getattr(response, name) for name in rest))


def episode_in(row: Mapping[str, Any]) -> Episode | None:
    """The episode in a row that we exported; None in any other.

    Raises
    ------
    ValueError
        In words, where a field is not as we write it.
    """
    if not {"turns", "stop_reason"} <= row.keys():
        return None
    found = {name: row[name] for name in Episode.__struct_fields__ if row.get(name) is not None}
    try:
        for name in ("turns", "state"):  # tables have their JSON
            if isinstance(found.get(name), str):
                found[name] = msgspec.json.decode(found[name])
        return msgspec.convert(found, Episode)
    except msgspec.MsgspecError as error:
        raise ValueError(f"turns as `preceptor export` writes them: {error}") from None
