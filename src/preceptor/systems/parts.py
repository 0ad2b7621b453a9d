"""Messages of parts and tools, in the form of each provider's API.

Sources: https://platform.openai.com/docs/api-reference/chat/create and …/responses/create,
https://platform.claude.com/docs/en/api/messages,
https://ai.google.dev/api/caching#Content.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from preceptor.records import File, Image, Message, Part, Text, ToolCall, ToolResult
from preceptor.systems.base import ToolSpec

__all__ = [
    "anthropic_tools",
    "anthropic_turns",
    "chat_messages",
    "chat_tools",
    "gemini_tools",
    "gemini_turns",
    "responses_items",
    "responses_tools",
]


def chat_messages(messages: Sequence[Message]) -> list[Any]:
    """``messages`` of ``POST /chat/completions``. A message that is a text stays as it is."""
    return [item for message in messages for item in _chat(message)]


def _chat(message: Message) -> list[Any]:
    if isinstance(message.content, str):
        return [message]
    results = _of(message, ToolResult)
    said = _mapped(message, {Text: _text, Image: _chat_image, File: _chat_file})
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in _of(message, ToolCall)
    ]
    items: list[Any] = [
        {"role": "tool", "tool_call_id": result.id, "content": result.text} for result in results
    ]
    if message.role == "assistant":  # of an assistant only words and calls are taken
        item: dict[str, Any] = {"role": "assistant", "content": message.text or None}
        items.append(item | ({"tool_calls": calls} if calls else {}))
    elif said:
        items.append({"role": message.role, "content": said})
    return items


def responses_items(messages: Sequence[Message]) -> list[Any]:
    """``input`` of ``POST /responses``. A message that is a text stays as it is."""
    items: list[Any] = []
    for message in messages:
        if isinstance(message.content, str):
            items.append(message)
            continue
        items += [
            {"type": "function_call_output", "call_id": each.id, "output": each.text}
            for each in _of(message, ToolResult)
        ]
        words = "output_text" if message.role == "assistant" else "input_text"
        forms: dict[type[Any], Callable[[Any], Any]] = {
            **_RESPONSES,
            Text: partial(_words, words),
        }
        said = _mapped(message, forms)
        if said:
            items.append({"role": message.role, "content": said})
        items += [
            {
                "type": "function_call",
                "call_id": call.id,
                "name": call.name,
                "arguments": call.arguments,
            }
            for call in _of(message, ToolCall)
        ]
    return items


def anthropic_turns(messages: Sequence[Message]) -> list[Any]:
    """``messages`` of ``POST /v1/messages``; results of tools stand in the user's turn."""
    return [
        {
            "role": "user" if message.role == "tool" else message.role,
            "content": message.content
            if isinstance(message.content, str)
            else _mapped(message, _ANTHROPIC),
        }
        for message in messages
    ]


def gemini_turns(messages: Sequence[Message], roles: dict[str, str]) -> list[Any]:
    """``contents`` of ``POST …:generateContent``."""
    return [
        {"role": roles.get(message.role, "user"), "parts": _mapped(message, _GEMINI)}
        for message in messages
    ]


def chat_tools(tools: Iterable[ToolSpec]) -> list[Any]:
    """``tools`` of ``POST /chat/completions``."""
    return [{"type": "function", "function": _tool(tool, "parameters")} for tool in tools]


def responses_tools(tools: Iterable[ToolSpec]) -> list[Any]:
    """``tools`` of ``POST /responses``."""
    return [{"type": "function", **_tool(tool, "parameters")} for tool in tools]


def anthropic_tools(tools: Iterable[ToolSpec]) -> list[Any]:
    """``tools`` of ``POST /v1/messages``."""
    return [_tool(tool, "input_schema") for tool in tools]


def gemini_tools(tools: Sequence[ToolSpec]) -> list[Any]:
    """``tools`` of ``POST …:generateContent``; its schemas are OpenAPI's, JSON's under a name."""
    if not tools:
        return []
    return [{"functionDeclarations": [_tool(tool, "parametersJsonSchema") for tool in tools]}]


def _tool(tool: ToolSpec, schema: str) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, schema: tool.parameters}


def _of(message: Message, kind: type[Any]) -> list[Any]:
    return [part for part in message.parts if isinstance(part, kind)]


def _mapped(message: Message, forms: Mapping[type[Any], Callable[[Any], Any]]) -> list[Any]:
    """The parts that have a form; reasoning, which belongs to another call, never has one."""
    return [forms[type(part)](part) for part in message.parts if type(part) in forms]


def _words(kind: str, part: Text) -> Any:
    return {"type": kind, "text": part.text}


def _text(part: Text) -> Any:
    return _words("text", part)


def _base64(part: Image | File) -> str:
    return base64.b64encode(part.data).decode()


def _file(part: File) -> dict[str, str]:
    return {"filename": part.name or part.sha256[:12], "file_data": part.url}


def _chat_image(part: Image) -> Any:
    return {"type": "image_url", "image_url": {"url": part.url}}


def _chat_file(part: File) -> Any:
    return {"type": "file", "file": _file(part)}


def _source(part: Image | File) -> dict[str, str]:
    return {"type": "base64", "media_type": part.media_type, "data": _base64(part)}


def _gemini_data(part: Image | File) -> Any:
    return {"inlineData": {"mimeType": part.media_type, "data": _base64(part)}}


_RESPONSES: dict[type[Part], Callable[[Any], Any]] = {
    Image: lambda part: {"type": "input_image", "image_url": part.url},
    File: lambda part: {"type": "input_file", **_file(part)},
}
_ANTHROPIC: dict[type[Part], Callable[[Any], Any]] = {
    Text: _text,
    Image: lambda part: {"type": "image", "source": _source(part)},
    File: lambda part: {"type": "document", "source": _source(part)},
    ToolCall: lambda part: {
        "type": "tool_use",
        "id": part.id,
        "name": part.name,
        "input": part.decoded(),
    },
    ToolResult: lambda part: {
        "type": "tool_result",
        "tool_use_id": part.id,
        "content": part.text,
        **({"is_error": True} if part.failed else {}),
    },
}
_GEMINI: dict[type[Part], Callable[[Any], Any]] = {
    Text: lambda part: {"text": part.text},
    Image: _gemini_data,
    File: _gemini_data,
    ToolCall: lambda part: {"functionCall": {"name": part.name, "args": part.decoded()}},
    ToolResult: lambda part: {
        "functionResponse": {
            "name": part.name,
            "response": {"error" if part.failed else "result": part.text},
        }
    },
}
