"""Inspect's messages ↔ ours: text, images, tool calls and their results, reasoning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.records import (
    File,
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
from preceptor.systems.base import ToolSpec
from preceptor.systems.tool_calls import thought, wanted_back

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

__all__ = [
    "calls_of",
    "chat_messages",
    "message_of",
    "thought_in",
    "thoughts_of",
    "tools_for",
    "turns_of",
]


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
    if isinstance(message.content, str):
        return message.content
    return [_part(part) for part in message.content if isinstance(part, Text | Image | File)]


def _part(part: Text | Image | File) -> Any:
    from inspect_ai.model import ContentDocument, ContentImage, ContentText

    if isinstance(part, Text):
        return ContentText(text=part.text)
    if not part.data:  # in an import without them
        return ContentText(text=f"[{part.name or part.media_type}]")
    if isinstance(part, Image):
        return ContentImage(image=part.url)
    return ContentDocument(
        document=part.url, filename=part.name or part.sha256[:12], mime_type=part.media_type
    )


def _assistant(message: Message) -> ChatMessage:
    from inspect_ai.model import ChatMessageAssistant, ContentReasoning, ContentText
    from inspect_ai.tool import ToolCall as InspectCall

    calls = [
        InspectCall(id=part.id, function=part.name, arguments=part.decoded())
        for part in message.parts
        if isinstance(part, ToolCall)
    ]
    thoughts = [
        ContentReasoning(**wanted_back(part, _OWN).get(_OWN, {"reasoning": part.text}))
        for part in message.parts
        if isinstance(part, Reasoning)
    ]
    content: Any = message.text
    if thoughts:
        content = [*thoughts, *([ContentText(text=message.text)] if message.text else [])]
    return ChatMessageAssistant(content=content, tool_calls=calls or None)


#: Name of the fields of Inspect's reasoning that its providers want back, and these.
_OWN = "inspect"
_THOUGHT = ("reasoning", "summary", "signature", "redacted", "internal")


def thoughts_of(content: Any) -> tuple[Reasoning, ...]:
    """Reasoning that goes back to Inspect's provider with the results of tools."""
    parts = () if isinstance(content, str) else content
    return tuple(
        thought(thought_in(part), {_OWN: part.model_dump(include={*_THOUGHT}, exclude_none=True)})
        for part in parts
        if part.type == "reasoning"
    )


def tools_for(tools: Iterable[ToolSpec]) -> list[Any]:
    """The tools that are offered, in Inspect's types."""
    from inspect_ai.tool import ToolInfo, ToolParams

    return [
        ToolInfo(
            name=tool.name,
            description=tool.description,
            parameters=ToolParams.model_validate(tool.parameters or {}),
        )
        for tool in tools
    ]


def _results(message: Message) -> list[ChatMessage]:
    from inspect_ai.model import ChatMessageTool, ContentText
    from inspect_ai.tool import ToolCallError

    if isinstance(message.content, str):
        return [ChatMessageTool(content=message.content)]
    return [
        ChatMessageTool(
            content=[ContentText(text=part.text), *map(_part, part.media)]
            if part.media
            else part.text,
            tool_call_id=part.id,
            function=part.name,
            error=ToolCallError("unknown", part.text) if part.failed else None,
        )
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
    return Turn(message_of(message), PARTY_OF[message.role])


def message_of(message: Any) -> Message:
    """One of Inspect's messages in ours: a text, or parts."""
    parts: tuple[Part, ...]
    if message.role == "tool":
        error = getattr(message, "error", None)
        text = message.text or (error.message if error is not None else "")
        media = tuple(part for part in _said(message.content) if isinstance(part, Image | File))
        names = (message.tool_call_id or "", message.function or "")
        parts = (ToolResult(*names, text, error is not None, media),)
    else:
        parts = (*_said(message.content), *calls_of(getattr(message, "tool_calls", None)))
    plain = all(isinstance(part, Text) for part in parts)
    return Message(message.role, message.text if plain else parts)


def _said(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    found: list[Part] = []
    for part in content:
        if part.type == "text":
            found.append(Text(part.text))
        elif part.type == "reasoning":
            said = thought_in(part)
            found += [Reasoning(said)] if said else []
        elif part.type == "image":
            found.append(Image.from_url(part.image) or _elsewhere("image", part.image))
        elif part.type == "document":
            document = File.from_url(part.document, part.filename)
            found.append(document or _elsewhere("document", part.document))
        else:
            found.append(Text(f"[{part.type}]"))
    return found


def thought_in(part: Any) -> str:
    """The words: redacted reasoning is a signature, and only its summary can be read."""
    return (not part.redacted and part.reasoning) or part.summary or ""


def _elsewhere(kind: str, url: str) -> Text:
    """Of what is not within the log only the address is known."""
    return Text(f"[{kind} that cannot be read]" if url[:5] == "data:" else f"[{kind}: {url[:200]}]")


def calls_of(calls: Any) -> tuple[ToolCall, ...]:
    """Inspect's tool calls; of arguments that it could not parse it keeps only what was wrong."""
    return tuple(
        ToolCall(
            call.id,
            call.function,
            call.parse_error or msgspec.json.encode(call.arguments, enc_hook=str).decode(),
        )
        for call in calls or ()
    )
