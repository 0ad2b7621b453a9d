"""Inspect's messages ↔ ours: text, images, tool calls and their results, reasoning."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.records import (
    Image,
    Message,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from preceptor.records.messages import PARTY_OF

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

__all__ = ["chat_messages", "turns_of"]


def chat_messages(messages: Sequence[Message]) -> list[ChatMessage]:
    """A conversation in Inspect's types, which have no developer: that is a system message."""
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser

    kinds = {
        "system": ChatMessageSystem,
        "developer": ChatMessageSystem,
        "user": ChatMessageUser,
    }
    found: list[ChatMessage] = []
    for message in messages:
        if message.role == "assistant":
            found.append(_assistant(message))
        elif message.role == "tool":
            found += _results(message)
        else:
            found.append(kinds[message.role](content=_content(message)))
    return found


def _content(message: Message) -> Any:
    from inspect_ai.model import ContentImage, ContentText

    if isinstance(message.content, str):
        return message.content
    return [
        ContentText(text=part.text) if isinstance(part, Text) else ContentImage(image=part.url)
        for part in message.content
        if isinstance(part, Text | Image)
    ]


def _assistant(message: Message) -> ChatMessage:
    from inspect_ai.model import ChatMessageAssistant
    from inspect_ai.tool import ToolCall as InspectCall

    calls = [
        InspectCall(id=part.id, function=part.name, arguments=part.decoded())
        for part in message.parts
        if isinstance(part, ToolCall)
    ]
    return ChatMessageAssistant(content=message.text, tool_calls=calls or None)


def _results(message: Message) -> list[ChatMessage]:
    from inspect_ai.model import ChatMessageTool

    if isinstance(message.content, str):
        return [ChatMessageTool(content=message.content)]
    return [
        ChatMessageTool(content=part.text, tool_call_id=part.id, function=part.name)
        for part in message.content
        if isinstance(part, ToolResult)
    ]


def turns_of(messages: Iterable[Any]) -> tuple[Turn, ...]:
    """An agent's own messages as a transcript; none where it only said its answer.

    What each turn took is not in them.
    """
    turns = tuple(_turn(message) for message in messages if message.role in PARTY_OF)
    return () if len(turns) == 1 and isinstance(turns[0].message.content, str) else turns


def _turn(message: Any) -> Turn:
    parts: tuple[Part, ...]
    if message.role == "tool":
        error = getattr(message, "error", None)
        text = message.text or (error.message if error is not None else "")
        result = ToolResult(
            message.tool_call_id or "", message.function or "", text, error is not None
        )
        parts = (result,)
    else:
        parts = (*_said(message.content), *_calls(getattr(message, "tool_calls", None)))
    plain = len(parts) == 1 and isinstance(parts[0], Text)
    content = parts[0].text if plain and isinstance(parts[0], Text) else parts
    return Turn(Message(message.role, content), PARTY_OF[message.role])


def _said(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    found: list[Part] = []
    for part in content:
        if part.type == "text":
            found.append(Text(part.text))
        elif part.type == "reasoning":
            thought = (not part.redacted and part.reasoning) or part.summary or ""
            found += [Reasoning(thought)] if thought else []
        elif part.type == "image":
            found.append(_image(part.image))
        else:
            found.append(Text(f"[{part.type}]"))
    return found


def _image(url: str) -> Part:
    """An image within the log; of one elsewhere only the address is known."""
    head, comma, data = url.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        try:
            found = base64.b64decode(data, validate=True)
        except binascii.Error:
            return Text("[image that cannot be read]")
        return Image.of(found, head.removeprefix("data:").removesuffix(";base64"))
    return Text(f"[image: {url[:200]}]")


def _calls(calls: Any) -> list[ToolCall]:
    return [
        ToolCall(call.id, call.function, msgspec.json.encode(call.arguments, enc_hook=str).decode())
        for call in calls or ()
    ]
