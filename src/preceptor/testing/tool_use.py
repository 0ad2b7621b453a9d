"""What providers refuse in requests with parts and tools; and how often a model has called any.

Sources: https://platform.openai.com/docs/guides/function-calling,
https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use,
https://ai.google.dev/gemini-api/docs/thought-signatures.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from preceptor.testing.replies import Reply, reply_to

__all__ = ["anthropic_problem", "chat_problem", "gemini_problem", "reply_with", "responses_problem"]

_IMAGES = ("image/png", "image/jpeg", "image/webp", "image/gif")
_RESULTS = ("input_text", "input_image", "input_file")


#: Name and arguments of the tools that are called, turn by turn.
Plan = Sequence[Sequence[tuple[str, str]]]


def reply_with(payload: dict[str, Any], asked: dict[str, Any], plan: Plan) -> Reply:
    """The reply to a request: the calls that are planned for this turn, else the answer."""
    right, turn = reply_to(asked), rounds(payload)
    if turn is None or turn >= len(plan):
        return right
    return Reply(None, "tool_calls", reasoning=right.reasoning, calls=tuple(plan[turn]))


def rounds(payload: Mapping[str, Any]) -> int | None:
    """How many turns with calls of tools there are; None where none is offered."""
    if not payload.get("tools"):
        return None
    turns = payload.get("messages") or payload.get("contents") or payload.get("input")
    calling = [_calls(turn) for turn in turns] if isinstance(turns, list) else []
    return sum(called for called, _ in itertools.groupby(calling))


def _calls(turn: Mapping[str, Any]) -> bool:
    parts = turn.get("parts", turn.get("content"))
    inside = any(_uses(part) for part in parts) if isinstance(parts, list) else False
    return bool(turn.get("tool_calls")) or turn.get("type") == "function_call" or inside


def _uses(part: Mapping[str, Any]) -> bool:
    return part.get("type") == "tool_use" or "functionCall" in part


def chat_problem(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Of OpenAI's chat completions."""
    waiting: set[str] = set()
    for number, message in enumerate(messages):
        place, content = f"messages[{number}]", message.get("content")
        if message["role"] == "tool":
            if message.get("tool_call_id") not in waiting:
                return f"{place}: role 'tool' must be a response to a preceding 'tool_calls'"
            waiting.discard(message["tool_call_id"])
            kinds: tuple[str, ...] = ("text",)
        elif waiting:
            return f"{place}: tool_call_ids did not have response messages: {min(waiting)}"
        else:
            kinds = ("text", "image_url", "file") if message["role"] == "user" else ("text",)
        if content is None and not message.get("tool_calls"):
            return f"Invalid type for '{place}.content': got null instead."
        if problem := next(_odd_parts(content, kinds), None):
            return f"Invalid value for '{place}.content': {problem}"
        waiting |= {call["id"] for call in message.get("tool_calls") or ()}
    return f"tool_call_ids did not have response messages: {min(waiting)}" if waiting else None


def responses_problem(items: Sequence[Mapping[str, Any]]) -> str | None:
    """Of OpenAI's Responses API."""
    waiting: set[str] = set()
    for number, item in enumerate(items):
        kind, place = item.get("type", "message"), f"input[{number}]"
        problem = None
        if kind == "function_call":
            waiting.add(item["call_id"])
        elif kind == "function_call_output":
            if item["call_id"] not in waiting:
                return f"No tool call found for function call output with call_id {item['call_id']}"
            waiting.discard(item["call_id"])
            problem = next(_odd_parts(item["output"], _RESULTS), None)
        elif kind == "reasoning":
            problem = None if item.get("encrypted_content") and "summary" in item else "not stored"
        elif kind != "message":
            problem = f"type {kind!r}"
        else:
            assistant = item.get("role") == "assistant"
            problem = next(
                _odd_parts(item["content"], ("output_text",) if assistant else _RESULTS), None
            )
        if problem:
            return f"Invalid value for '{place}': {problem}"
    return f"No tool output found for function call {min(waiting)}." if waiting else None


def anthropic_problem(turns: Sequence[Mapping[str, Any]]) -> str | None:
    """Of Anthropic's Messages API."""
    waiting: set[str] = set()
    for number, turn in enumerate(turns):
        blocks = turn["content"] if isinstance(turn["content"], list) else []
        results = [each for each in blocks if each["type"] == "tool_result"]
        if unknown := {each["tool_use_id"] for each in results} - waiting:
            return f"messages.{number}: unexpected `tool_use_id` in `tool_result`: {min(unknown)}"
        if missing := waiting - {each["tool_use_id"] for each in results}:
            return f"messages.{number}: `tool_use` ids without `tool_result`: {min(missing)}"
        inner = [
            part
            for each in results
            if isinstance(each["content"], list)
            for part in each["content"]
        ]
        for block in (*blocks, *inner):
            if problem := _odd_block(block):
                return f"messages.{number}.content: {problem}"
        waiting = {each["id"] for each in blocks if each["type"] == "tool_use"}
    return f"`tool_use` ids without `tool_result`: {min(waiting)}" if waiting else None


def _odd_block(block: Mapping[str, Any]) -> str | None:
    kind, source = block["type"], block.get("source", {})
    if kind == "text":
        return None if block["text"].strip() else "text content blocks must be non-empty"
    if kind == "image":
        known = source.get("media_type") in _IMAGES and _is_base64(source.get("data"))
        return None if known else "image: Input should be a base64 image of a known type"
    if kind == "document":
        text = source.get("type") == "text" and source.get("media_type") == "text/plain"
        pdf = source.get("media_type") == "application/pdf" and _is_base64(source.get("data"))
        return None if text or pdf else "document: Input should be a PDF or plain text"
    if kind == "thinking":
        return None if block.get("signature") else "thinking.signature: Field required"
    if kind == "tool_use":
        return (
            None
            if isinstance(block.get("input"), dict)
            else "tool_use.input: Input should be an object"
        )
    return None if kind in ("tool_result", "redacted_thinking") else f"unknown type {kind!r}"


def gemini_problem(model: str, turns: Sequence[Mapping[str, Any]]) -> str | None:
    """Of Google's Gemini API; Gemini 3 wants the signature of the first of its calls back."""
    later = model.startswith("gemini-3")
    called: list[Mapping[str, Any]] = []
    for turn in turns:
        given = [part["functionResponse"] for part in turn["parts"] if "functionResponse" in part]
        if len(given) != len(called) or [each["name"] for each in given] != [
            each["name"] for each in called
        ]:
            return (
                "Please ensure that the number of function response parts is equal to the number "
                "of function call parts of the function call turn."
            )
        if any("parts" in each for each in given) and not later:
            return "Multimodal function responses are not supported by this model."
        parts = [*turn["parts"], *(part for each in given for part in each.get("parts", ()))]
        for part in parts:
            data = part.get("inlineData")
            if data is not None and not _is_base64(data.get("data")):
                return "Invalid value at 'inline_data.data'"
        calls = [part for part in turn["parts"] if "functionCall" in part]
        if later and calls and not calls[0].get("thoughtSignature"):
            return "Function call is missing a thought_signature in functionCall parts."
        called = [part["functionCall"] for part in calls]
    return None


def _odd_parts(content: object, kinds: Sequence[str]) -> Iterator[str]:
    for part in content if isinstance(content, list) else ():
        kind = part.get("type")
        file = part.get("file") if kind == "file" else part
        url = part.get("image_url") if "image" in str(kind) else file.get("file_data")
        url = url.get("url") if isinstance(url, Mapping) else url
        if kind not in kinds:
            yield f"{kind!r}. Supported values are: {', '.join(kinds)}"
        elif "text" not in str(kind) and not _is_data_url(url):
            yield "expected a base64-encoded data URL"


def _is_data_url(url: object) -> bool:
    head, _, data = str(url).partition(",")
    return head.startswith("data:") and head.endswith(";base64") and _is_base64(data)


def _is_base64(data: object) -> bool:
    try:
        return bool(base64.b64decode(str(data), validate=True))
    except ValueError:
        return False
