"""Turns of a conversation."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import msgspec

from preceptor.billing import Usage
from preceptor.records.parts import (
    File,
    Image,
    Part,
    Text,
    ToolCall,
    ToolResult,
    map_media,
)

__all__ = ["PARTY_OF", "Message", "Role", "Turn", "closing", "lean"]

Role = Literal["system", "developer", "user", "assistant", "tool"]


class Message(msgspec.Struct, frozen=True, gc=False):
    """One turn of a conversation: a text, or parts.

    A message whose content is a text encodes as it always did, so its keys stay valid.
    """

    role: Role
    content: str | tuple[Part, ...]

    @property
    def text(self) -> str:
        """The words: those of all text parts, an empty line between them."""
        if isinstance(self.content, str):
            return self.content
        return "\n\n".join(part.text for part in self.content if isinstance(part, Text))

    @property
    def shown(self) -> str:
        """What a judge is shown: the words, and in brackets the other parts but reasoning."""
        if isinstance(self.content, str):
            return self.content
        return "\n\n".join(shown for part in self.content if (shown := _shown(part)))

    @property
    def is_reply(self) -> bool:
        """Whether it is the system's, and no step towards a reply: it calls no tool."""
        called = any(isinstance(part, ToolCall) for part in self.parts)
        return self.role == "assistant" and not called

    @property
    def parts(self) -> tuple[Part, ...]:
        return (Text(self.content),) if isinstance(self.content, str) else self.content

    def with_text(self, text: str) -> Message:
        """The message with other words; its other parts stand before them."""
        if isinstance(self.content, str):
            return Message(self.role, text)
        others = (part for part in self.content if not isinstance(part, Text))
        return Message(self.role, (*others, Text(text)))


def _shown(part: Part) -> str:
    if isinstance(part, Text):
        return part.text
    if isinstance(part, ToolCall):
        return f"[calls {part.name}: {part.arguments}]"
    if isinstance(part, ToolResult):
        said = " ".join((part.text, *map(_shown, part.media))).strip()
        return f"[{'error' if part.failed else 'result'} of {part.name}: {said}]"
    return f"[{part.name or part.media_type}]" if isinstance(part, Image | File) else ""


#: Role of a message → who gave it, where a program or log names no other.
PARTY_OF = {"assistant": "system", "tool": "environment", "user": "environment"}


class Turn(msgspec.Struct, frozen=True, gc=False):
    """One turn of what happened between a system and its environment.

    Attributes
    ----------
    party
        Who gave it: ``system``, ``environment`` or ``patient``.
    usage, cost_usd, latency_s
        What the call behind it took; zero for a turn without a call. ``cost_usd`` is None where
        no price is known.
    at
        When it ended: UTC, ISO 8601; None where that was not recorded.
    """

    message: Message
    party: str = "system"
    usage: Usage = Usage()
    cost_usd: float | None = None
    latency_s: float = 0.0
    at: str | None = None


def closing(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """What the other side said after the answer, where it had the last word."""
    messages = (turn.message for turn in reversed(turns))
    return tuple(itertools.takewhile(lambda each: each.role == "user", messages))[::-1]


def lean(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages as keys and stores have them: images and files by their hash alone."""
    if all(isinstance(message.content, str) for message in messages):
        return messages
    return tuple(
        Message(message.role, tuple(map_media(part, _lean) for part in message.content))
        if not isinstance(message.content, str)
        else message
        for message in messages
    )


def _lean(media: Image | File) -> Image | File:
    return msgspec.structs.replace(media, data=b"")
