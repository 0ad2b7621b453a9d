"""Anthropic's Messages API, as the fake endpoint serves it.

Sources: https://platform.claude.com/docs/en/api/messages, …/api/errors,
…/build-with-claude/streaming, …/build-with-claude/prompt-caching.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from aiohttp import web

from preceptor.testing.replies import Reply, as_object, called, prompt_key, tokens
from preceptor.testing.tool_use import anthropic_problem
from preceptor.testing.wires import Errors, Wire, event, pieces

__all__ = ["AnthropicMessages", "chat_of", "message_body", "problem_of"]

_KNOWN = {
    "model", "max_tokens", "messages", "system", "temperature", "top_p", "top_k", "thinking",
    "output_config", "stream", "stop_sequences", "metadata", "tools", "tool_choice",
    "service_tier", "cache_control", "container", "inference_geo", "speed",
}  # fmt: skip
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
#: A prefix of fewer tokens is not cached.
_LEAST_CACHED = 1024
_STOPS = {"length": "max_tokens", "content_filter": "refusal", "tool_calls": "tool_use"}


_ERRORS: Errors = {
    "rate_limit": (429, "rate_limit_error", None, "Number of requests has exceeded your limit"),
    "quota": (400, "invalid_request_error", None, "Your credit balance is too low"),
    "server_error": (500, "api_error", None, "Internal server error"),
    "overloaded": (529, "overloaded_error", None, "Overloaded"),
    "no_images": (400, "invalid_request_error", None, "This model does not support image input"),
    "bad_request": (400, "invalid_request_error", None, "max_tokens: too large"),
    "unauthorized": (401, "authentication_error", None, "invalid x-api-key"),
    "forbidden": (403, "permission_error", None, "Your key cannot use this resource"),
    "not_found": (404, "not_found_error", None, "model: no such model"),
    "content_filter": (
        400,
        "invalid_request_error",
        None,
        "Output blocked by content filtering policy",
    ),
}


class AnthropicMessages(Wire):
    """``POST /v1/messages``. A marked prefix is written to the cache once, and read afterwards."""

    errors = _ERRORS

    def __init__(self) -> None:
        self._cached: set[str] = set()

    def key(self, request: web.Request) -> str | None:
        # Anthropic's newer clients send it as a bearer token.
        return request.headers.get("x-api-key") or super().key(request)

    def problem(self, request: web.Request, payload: dict[str, Any]) -> str | None:
        if "anthropic-version" not in request.headers:
            return "anthropic-version: header is required"
        return problem_of(payload)

    def asked(self, request: web.Request, payload: dict[str, Any]) -> dict[str, Any]:
        return chat_of(payload)

    def body(self, asked: dict[str, Any], reply: Reply) -> dict[str, Any]:
        prefix = asked.get("_prefix")
        known = prefix is not None and prefix in self._cached
        if prefix is not None:
            self._cached.add(prefix)
        return message_body(asked, reply, known=known)

    def events(self, asked: dict[str, Any], body: dict[str, Any]) -> Iterator[bytes]:
        counts = body["usage"]
        begun = {
            **body,
            "content": [],
            "stop_reason": None,
            "usage": {**counts, "output_tokens": 1},
        }
        yield _named("message_start", message=begun)
        yield _named("ping")
        for index, block in enumerate(body["content"]):
            if block["type"] == "tool_use":
                begun = {**block, "input": {}}
                yield _named("content_block_start", index=index, content_block=begun)
                for piece in pieces(json.dumps(block["input"])):
                    delta = {"type": "input_json_delta", "partial_json": piece}
                    yield _named("content_block_delta", index=index, delta=delta)
                yield _named("content_block_stop", index=index)
                continue
            field = "thinking" if block["type"] == "thinking" else "text"
            empty = {**block, field: ""}
            yield _named("content_block_start", index=index, content_block=empty)
            for piece in pieces(block[field]):
                delta = {"type": f"{field}_delta", field: piece}
                yield _named("content_block_delta", index=index, delta=delta)
            if field == "thinking":
                signed = {"type": "signature_delta", "signature": block["signature"]}
                yield _named("content_block_delta", index=index, delta=signed)
            yield _named("content_block_stop", index=index)
        end = {"stop_reason": body["stop_reason"], "stop_sequence": None}
        yield _named("message_delta", delta=end, usage={"output_tokens": counts["output_tokens"]})
        yield _named("message_stop")

    def error_body(self, name: str, words: str | None = None) -> dict[str, Any]:
        _, kind, _, usual = self.errors[name]
        error = {"type": kind, "message": words or usual}
        return {"type": "error", "error": error, "request_id": "req_0"}

    def error_event(self) -> bytes:
        return event(self.error_body("overloaded"), "error")


def problem_of(payload: dict[str, Any]) -> str | None:
    """The API's complaint about a request's JSON; None if there is none."""
    missing = [field for field in ("model", "max_tokens", "messages") if field not in payload]
    unknown = [field for field in payload if field not in _KNOWN]
    if missing or unknown:
        words = "Field required" if missing else "Extra inputs are not permitted"
        return f"{[*missing, *unknown][0]}: {words}"
    if not payload["messages"]:
        return "messages: at least one message is required"
    for number, turn in enumerate(payload["messages"]):
        if turn["role"] not in ("user", "assistant"):
            return f"messages.{number}.role: Input should be 'user' or 'assistant'"
        if not _text(turn["content"]):
            return f"messages.{number}: text content blocks must be non-empty"
    effort = (payload.get("output_config") or {}).get("effort")
    if effort is not None and effort not in _EFFORTS:
        return "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"
    return anthropic_problem(payload["messages"])


def chat_of(payload: dict[str, Any]) -> dict[str, Any]:
    """The request as a chat completion's; ``_prefix`` is the part marked for the cache."""
    system = payload.get("system")
    first = [] if system is None else [{"role": "system", "content": _text(system)}]
    turns = [
        {"role": turn["role"], "content": _text(turn["content"])} for turn in payload["messages"]
    ]
    asked = {
        "model": payload["model"],
        "messages": [*first, *turns],
        "max_tokens": payload["max_tokens"],
    }
    if (payload.get("thinking") or {}).get("type") in ("adaptive", "enabled"):
        asked["reasoning_effort"] = (payload.get("output_config") or {}).get("effort", "high")
    prefix = _prefix(payload)
    return asked if prefix is None else {**asked, "_prefix": prefix}


def message_body(asked: dict[str, Any], reply: Reply, *, known: bool = False) -> dict[str, Any]:
    """A body of ``POST /v1/messages``; ``known``: the marked part was in the cache."""
    given, made, _, thought = tokens(asked, reply)
    content: list[dict[str, Any]] = []
    if thought:
        content.append({"type": "thinking", "thinking": reply.reasoning or "", "signature": "c2ln"})
    if reply.text is not None:
        content.append({"type": "text", "text": reply.text})
    content += [
        {"type": "tool_use", "id": f"toolu_{id_}", "name": name, "input": as_object(arguments)}
        for id_, name, arguments in called(asked, reply)
    ]
    marked = min(given, len(asked.get("_prefix", "")) // 4)
    marked = marked if marked >= _LEAST_CACHED else 0
    refused = reply.refusal is not None
    return {
        "id": f"msg_{prompt_key(asked)}",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": content,
        "stop_reason": "refusal" if refused else _STOPS.get(reply.finish_reason, "end_turn"),
        "stop_sequence": None,
        "usage": {
            "input_tokens": given - marked,
            "cache_creation_input_tokens": 0 if known else marked,
            "cache_read_input_tokens": marked if known else 0,
            "output_tokens": made,
            "output_tokens_details": {"thinking_tokens": thought},
        },
    }


def _named(name: str, **fields: Any) -> bytes:
    return event({"type": name, **fields}, name)


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "".join(map(_words, content))


def _words(block: dict[str, Any]) -> str:
    """The text of a block; for tools and images, its JSON."""
    return block["text"] if block.get("type", "text") == "text" else json.dumps(block)


def _prefix(payload: dict[str, Any]) -> str | None:
    """Everything up to the last mark, with the model; None without a mark."""
    before: list[str] = [payload["model"], _text(payload.get("system") or "")]
    found = None
    for turn in payload["messages"]:
        content = turn["content"]
        blocks = [{"text": content}] if isinstance(content, str) else content
        for block in blocks:
            before += [turn["role"], _words(block)]
            if "cache_control" in block:
                found = msgspec.json.encode(before).decode()
    return found
