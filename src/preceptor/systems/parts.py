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

from preceptor.records import File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from preceptor.systems.base import ToolSpec
from preceptor.systems.tool_calls import CHAT_THOUGHTS, is_made, wanted_back

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
    said = _mapped(message, _CHAT)
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in _of(message, ToolCall)
    ]
    items: list[Any] = [
        {"role": "tool", "tool_call_id": result.id, "content": _chat_result(result)}
        for result in results
    ]
    if message.role == "assistant":  # of an assistant only words and calls are taken
        item: dict[str, Any] = {"role": "assistant", "content": message.text or None}
        if calls:
            item |= {"tool_calls": calls} | _thoughts_of_chat(message)
        items.append(item)
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
            {"type": "function_call_output", "call_id": each.id, "output": _responses_result(each)}
            for each in _of(message, ToolResult)
        ]
        items += [item for thought in _of(message, Reasoning) for item in _responses_item(thought)]
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
        {"role": roles.get(message.role, "user"), "parts": _gemini_parts(message)}
        for message in messages
    ]


def _gemini_parts(message: Message) -> list[Any]:
    """The parts; a call has the signature of the thought before it, which Gemini 3 insists on."""
    parts: list[Any] = []
    signed: dict[str, Any] = {}
    for part in message.parts:
        if isinstance(part, Reasoning):
            signed = wanted_back(part, "thoughtSignature")
        elif type(part) in _GEMINI:
            mapped = _GEMINI[type(part)](part)
            if isinstance(part, ToolCall):
                mapped, signed = mapped | signed, {}
            parts.append(mapped)
    return parts


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
    """The parts that have a form, and of which something is to be sent."""
    mapped = (forms[type(part)](part) for part in message.parts if type(part) in forms)
    return [part for part in mapped if part]


def _thoughts_of_chat(message: Message) -> dict[str, Any]:
    """Fields of an assistant's message, by the names under which its server gave them."""
    fields: dict[str, Any] = {}
    for thought in _of(message, Reasoning):
        wanted = wanted_back(thought, *CHAT_THOUGHTS)
        fields |= {name: thought.text if value is None else value for name, value in wanted.items()}
    return fields


def _chat_result(result: ToolResult) -> Any:
    if not result.media:
        return result.text
    return [_words("text", result), *(_CHAT[type(each)](each) for each in result.media)]


def _responses_result(result: ToolResult) -> Any:
    if not result.media:
        return result.text
    media = [_RESPONSES[type(each)](each) for each in result.media]
    return [_words("input_text", result), *media]


def _responses_item(thought: Reasoning) -> list[Any]:
    if not (wanted := wanted_back(thought, "encrypted_content")):
        return []
    summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
    return [{"type": "reasoning", "summary": summary, **wanted}]


def _words(kind: str, part: Text | ToolResult) -> Any:
    return {"type": kind, "text": part.text}


def _text(part: Text) -> Any:
    return _words("text", part)


def _base64(part: Image | File) -> str:
    return base64.b64encode(part.data).decode()


def _file(part: File) -> dict[str, str]:
    return {"filename": part.name or part.sha256[:12], "file_data": part.url}


def _source(part: Image | File) -> dict[str, str]:
    return {"type": "base64", "media_type": part.media_type, "data": _base64(part)}


def _gemini_data(part: Image | File) -> Any:
    return {"inlineData": {"mimeType": part.media_type, "data": _base64(part)}}


_CHAT: dict[type[Part], Callable[[Any], Any]] = {
    Text: _text,
    Image: lambda part: {"type": "image_url", "image_url": {"url": part.url}},
    File: lambda part: {"type": "file", "file": _file(part)},
}
_RESPONSES: dict[type[Part], Callable[[Any], Any]] = {
    Image: lambda part: {"type": "input_image", "image_url": part.url},
    File: lambda part: {"type": "input_file", **_file(part)},
}


def _anthropic_text(part: Text | ToolResult) -> Any:
    return _words("text", part) if part.text.strip() else None  # an empty block is refused


def _anthropic_file(part: File) -> Any:
    source = _source(part)
    if part.media_type == "text/plain":
        data = part.data.decode("utf-8", "replace")
        source = {"type": "text", "media_type": part.media_type, "data": data}
    return {"type": "document", "source": source, **({"title": part.name} if part.name else {})}


def _anthropic_thought(part: Reasoning) -> Any:
    wanted = wanted_back(part, "type", "signature", "data")
    return wanted | ({"thinking": part.text} if wanted.get("type") == "thinking" else {})


def _anthropic_result(part: ToolResult) -> Any:
    content: Any = part.text
    if part.media:
        said = _anthropic_text(part)
        media = [_ANTHROPIC[type(each)](each) for each in part.media]
        content = [*([said] if said else []), *media]
    failed = {"is_error": True} if part.failed else {}
    return {"type": "tool_result", "tool_use_id": part.id, "content": content, **failed}


def _gemini_id(part: ToolCall | ToolResult) -> dict[str, str]:
    """The id that Gemini gave a call; older models give none, and are told none."""
    return {} if is_made(part.id) else {"id": part.id}


def _gemini_result(part: ToolResult) -> Any:
    given: dict[str, Any] = {
        **_gemini_id(part),
        "name": part.name,
        "response": {"error" if part.failed else "result": part.text},
    }
    if part.media:
        given["parts"] = [_gemini_data(each) for each in part.media]
    return {"functionResponse": given}


_ANTHROPIC: dict[type[Part], Callable[[Any], Any]] = {
    Text: _anthropic_text,
    Image: lambda part: {"type": "image", "source": _source(part)},
    File: _anthropic_file,
    Reasoning: _anthropic_thought,
    ToolCall: lambda part: {
        "type": "tool_use",
        "id": part.id,
        "name": part.name,
        "input": part.decoded(),
    },
    ToolResult: _anthropic_result,
}
_GEMINI: dict[type[Part], Callable[[Any], Any]] = {
    Text: lambda part: {"text": part.text},
    Image: _gemini_data,
    File: _gemini_data,
    ToolCall: lambda part: {
        "functionCall": {**_gemini_id(part), "name": part.name, "args": part.decoded()}
    },
    ToolResult: _gemini_result,
}
