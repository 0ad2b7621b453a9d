"""What a program of the user's is given and gives back: messages in the form of chat completions.

That form is what most libraries of models take and return, so a program may hand it on as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from preceptor.errors import shorten
from preceptor.records import (
    Completion,
    File,
    Image,
    Message,
    Part,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from preceptor.records.messages import PARTY_OF
from preceptor.systems.base import Ask
from preceptor.systems.content import text_of_parts
from preceptor.systems.parts import chat_messages, chat_tools
from preceptor.systems.tool_calls import CHAT_THOUGHTS, calls_of_chat, thought

__all__ = ["completion_of", "messages_for", "read_steps", "tools_for"]


def messages_for(ask: Ask) -> list[Any]:
    """The conversation as a program is given it: plain lists, dicts and texts."""
    found: list[Any] = msgspec.to_builtins(chat_messages(ask.messages))
    return found


def tools_for(ask: Ask) -> list[Any]:
    """The tools that are offered, as a program is given them."""
    return chat_tools(ask.tools)


def completion_of(returned: object) -> Completion:
    """The answer in what a program returned: the last message's text, all of them as its steps.

    Parameters
    ----------
    returned
        A text, a message, or messages: see :func:`read_steps`.

    Raises
    ------
    ValueError
        In words, where it is something else.
    """
    if isinstance(returned, str):
        return Completion(returned, cost_usd=0.0)
    listed = returned if isinstance(returned, list) else [returned]
    messages = [each.model_dump() if hasattr(each, "model_dump") else each for each in listed]
    if not isinstance(returned, list) and not isinstance(messages[0], Mapping):
        raise ValueError(f"expected a str, got {shorten(returned)}")
    turns = read_steps(messages)
    last = turns[-1].message
    calls = tuple(part for part in last.parts if isinstance(part, ToolCall))
    # A message that is a text says no more than its text.
    plain = len(turns) == 1 and isinstance(last.content, str)
    return Completion(
        last.text,
        "tool_calls" if calls and not last.text else "stop",
        cost_usd=0.0,
        calls=calls,
        turns=() if plain else turns,
    )


def read_steps(messages: Sequence[object]) -> tuple[Turn, ...]:
    """The turns that a program gives behind the conversation that it was asked with.

    Each is ``{"role": …, "content": text or parts}``, of ``assistant``, ``tool`` or ``user``, with
    ``tool_calls`` or ``tool_call_id`` as in chat completions. The last must be the assistant's.

    Raises
    ------
    ValueError
        In words, where they are something else.
    """
    if not messages:
        raise ValueError("expected messages, found none")
    names: dict[str, str] = {}
    turns = tuple(_turn(number, each, names) for number, each in enumerate(messages))
    if turns[-1].message.role != "assistant":
        last = turns[-1].message.role
        raise ValueError(f"expected the assistant's message last, found the {last}'s")
    return turns


def _turn(number: int, message: object, names: dict[str, str]) -> Turn:
    if not isinstance(message, Mapping) or message.get("role") not in PARTY_OF:
        expected = " or ".join(PARTY_OF)
        raise ValueError(f"message {number}: expected an object whose role is {expected}")
    return Turn(_message(message, names), PARTY_OF[message["role"]])


def _message(message: Mapping[str, Any], names: dict[str, str]) -> Message:
    """A message; ``names`` are the tools' names by the ids of the calls so far."""
    role, parts = message["role"], _parts(message.get("content"))
    text = "\n\n".join(part.text for part in parts if isinstance(part, Text))
    id_ = message.get("tool_call_id")
    if role == "tool" and (isinstance(id_, str) or isinstance(message.get("content"), str)):
        id_ = id_ if isinstance(id_, str) else ""
        name = message.get("name")
        name = name if isinstance(name, str) else names.get(id_, "")
        media = tuple(part for part in parts if isinstance(part, Image | File))
        return Message("tool", (ToolResult(id_, name, text, media=media),))
    calls = calls_of_chat(message.get("tool_calls"), message.get("function_call"))
    thoughts = [
        thought(message[name], {name: None})
        for name in CHAT_THOUGHTS
        if isinstance(message.get(name), str) and message[name]
    ][:1]
    whole = (*thoughts, *parts, *calls)
    names.update((part.id, part.name) for part in whole if isinstance(part, ToolCall))
    return Message(role, text if all(isinstance(part, Text) for part in whole) else whole)


def _parts(content: object) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    listed = content if isinstance(content, Sequence) else ()
    return [part for part in map(_part, listed) if part is not None]


def _part(item: object) -> Part | None:
    """A part in the form of chat completions or in our own; None for nothing."""
    if not isinstance(item, Mapping):
        return None
    kind = item.get("type")
    if kind in ("image_url", "file") and isinstance(item.get(kind), Mapping):
        given = item[kind]
        made = Image if kind == "image_url" else File
        url, name = given.get("url", given.get("file_data")), given.get("filename")
        found = made.from_url(str(url), name if isinstance(name, str) else "")
        return found or Text(f"[{kind}: {str(url)[:200]}]")
    try:
        part: Part = msgspec.convert(item, Part)
    except msgspec.ValidationError:
        text = text_of_parts([item])
        return Text(text) if text else None
    if isinstance(part, Image | File) and part.data:  # named by what it holds, whatever was said
        return type(part).of(part.data, part.media_type, part.name)
    return part
