"""The steps of a program of the user's: messages in the form of chat completions → turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from preceptor.records import Message, Part, Text, ToolResult, Turn
from preceptor.records.messages import PARTY_OF
from preceptor.systems.content import text_of_parts
from preceptor.systems.tool_calls import calls_of_chat

__all__ = ["read_steps"]


def read_steps(messages: Sequence[object]) -> tuple[Turn, ...]:
    """The turns that a program gives behind the conversation that it was asked with.

    Each is ``{"role": …, "content": text or parts}``, of ``assistant``, ``tool`` or ``user``, with
    ``tool_calls`` or ``tool_call_id`` as in chat completions, or a message in our own form. The
    last must be the assistant's.

    Raises
    ------
    ValueError
        In words, where they are something else.
    """
    if not messages:
        raise ValueError("expected messages, found none")
    turns = tuple(_turn(number, each) for number, each in enumerate(messages))
    if turns[-1].message.role != "assistant":
        last = turns[-1].message.role
        raise ValueError(f"expected the assistant's message last, found the {last}'s")
    return turns


def _turn(number: int, message: object) -> Turn:
    if not isinstance(message, Mapping) or message.get("role") not in PARTY_OF:
        expected = " or ".join(PARTY_OF)
        raise ValueError(f"message {number}: expected an object whose role is {expected}")
    return Turn(_message(message), PARTY_OF[message["role"]])


def _message(message: Mapping[str, Any]) -> Message:
    role, content = message["role"], message.get("content")
    try:  # in our own form
        plain = isinstance(content, str) and not {"tool_calls", "tool_call_id"} & message.keys()
        if plain or (isinstance(content, Sequence) and not isinstance(content, str)):
            return msgspec.convert({"role": role, "content": content}, Message)
    except msgspec.ValidationError:
        pass
    text = content if isinstance(content, str) else text_of_parts(content or ())
    if role == "tool":
        names = (message.get("tool_call_id"), message.get("name"))
        id_, name = (each if isinstance(each, str) else "" for each in names)
        return Message("tool", (ToolResult(id_, name, text),))
    calls = calls_of_chat(message.get("tool_calls"), message.get("function_call"))
    parts: tuple[Part, ...] = (*((Text(text),) if text else ()), *calls)
    return Message(role, parts if calls else text)
