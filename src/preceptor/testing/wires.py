"""Wire formats of the fake endpoint: the base class, and OpenAI's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from aiohttp import web

from preceptor.testing.replies import Reply, chat_body, responses_body
from preceptor.testing.tool_use import chat_problem, responses_problem

__all__ = [
    "SECRET_HEADERS",
    "AzureChat",
    "AzureResponses",
    "Errors",
    "OpenAIChat",
    "OpenAIResponses",
    "Wire",
    "event",
    "pieces",
]

#: Name of an error → status, type, code and words.
Errors = Mapping[str, tuple[int, str, str | None, str]]
#: Headers with a key, in lower case.
SECRET_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
_PIECE = 12
#: Type of a part of a response → the field with its text, and the name of its events.
_PARTS = {
    "output_text": ("text", "output_text"),
    "refusal": ("refusal", "refusal"),
    "reasoning_text": ("text", "reasoning_text"),
}


_ERRORS: Errors = {
    "rate_limit": (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests"),
    "quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your quota"),
    "server_error": (500, "server_error", None, "The server had an error"),
    "overloaded": (503, "server_error", None, "Overloaded"),
    "no_images": (500, "server_error", None, "image input is not supported: no mmproj"),
    "bad_request": (400, "invalid_request_error", None, "This model does not support that"),
    "unauthorized": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key"),
    "forbidden": (403, "invalid_request_error", None, "Country not supported"),
    "not_found": (404, "invalid_request_error", "model_not_found", "The model does not exist"),
    "content_filter": (
        400,
        "invalid_request_error",
        "content_filter",
        "The prompt was filtered",
    ),
}


class Wire:
    """One provider's requests, replies, streams and errors; errors are OpenAI's by default.

    Attributes
    ----------
    errors
        Name → status, type, code and words. Names: ``rate_limit``, ``quota``, ``server_error``,
        ``overloaded``, ``bad_request``, ``no_images``, ``unauthorized``, ``forbidden``,
        ``not_found``, ``content_filter``.
    """

    errors: Errors = _ERRORS

    def key(self, request: web.Request) -> str | None:
        """The key in a request, or None."""
        given = request.headers.get("Authorization")
        return None if given is None else given.removeprefix("Bearer ")

    def streams(self, request: web.Request, payload: dict[str, Any]) -> bool:
        """Whether the request asks for a stream."""
        return payload.get("stream") is True

    def problem(self, request: web.Request, payload: dict[str, Any]) -> str | None:
        """The provider's reason to refuse the request, in its words."""
        raise NotImplementedError

    def asked(self, request: web.Request, payload: dict[str, Any]) -> dict[str, Any]:
        """The request as a chat completion's."""
        return payload

    def body(self, asked: dict[str, Any], reply: Reply) -> dict[str, Any]:
        """The reply in one piece."""
        raise NotImplementedError

    def events(self, asked: dict[str, Any], body: dict[str, Any]) -> Iterator[bytes]:
        """The reply in pieces."""
        raise NotImplementedError

    def error_body(self, name: str, words: str | None = None) -> dict[str, Any]:
        """The body of an error."""
        _, kind, code, usual = self.errors[name]
        return {"error": {"message": words or usual, "type": kind, "param": None, "code": code}}

    def error_event(self) -> bytes:
        """An error within a stream."""
        return event(self.error_body("server_error"))

    def error(
        self,
        name: str,
        words: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:
        """The HTTP response of an error."""
        body = self.error_body(name, words)
        return web.json_response(body, status=self.errors[name][0], headers=headers)

    def filtered(self, streaming: bool) -> web.Response:
        """The reply to a prompt that the provider's filter stops."""
        return self.error("content_filter")


class OpenAIChat(Wire):
    """``POST /v1/chat/completions``, as OpenAI and many servers have it.

    Parameters
    ----------
    reasoning
        The message's field with the reasoning text; None for a server that shows none.
    comments
        Whether to send comments between a stream's events, as OpenRouter does.
    """

    def __init__(self, reasoning: str | None = None, *, comments: bool = False) -> None:
        self._reasoning, self._comments = reasoning, comments

    def problem(self, request: web.Request, payload: dict[str, Any]) -> str | None:
        if not isinstance(payload.get("model"), str) and "deployment" not in request.match_info:
            return "you must provide a model parameter"
        messages = payload.get("messages")
        return _no_turns(messages, "messages") or chat_problem(messages or [])

    def body(self, asked: dict[str, Any], reply: Reply) -> dict[str, Any]:
        return chat_body(asked, reply, self._reasoning)

    def events(self, asked: dict[str, Any], body: dict[str, Any]) -> Iterator[bytes]:
        choice = body["choices"][0]
        message = choice["message"]
        shell = {**body, "object": "chat.completion.chunk", "choices": []}
        usage = shell.pop("usage")

        def chunk(delta: dict[str, Any], end: str | None = None, chances: Any = None) -> bytes:
            piece = {"index": 0, "delta": delta, "finish_reason": end, "logprobs": chances}
            return event({**shell, "choices": [piece]})

        yield chunk({"role": "assistant", "content": "", "refusal": None})
        if self._comments:
            yield b": OPENROUTER PROCESSING\n\n"
        chances = choice["logprobs"]
        for field in (self._reasoning, "refusal", "content"):
            for piece in pieces(message.get(field) if field else None):
                yield chunk({field or "": piece}, None, chances)
                chances = None
        for index, call in enumerate(message.get("tool_calls", ())):
            yield chunk({"tool_calls": [{"index": index, **call}]})
        yield chunk({}, choice["finish_reason"])
        if (asked.get("stream_options") or {}).get("include_usage"):
            yield event({**shell, "usage": usage})
        yield b"data: [DONE]\n\n"


class OpenAIResponses(Wire):
    """``POST /v1/responses``; ``reasoning``: whether to show the reasoning, as vLLM does."""

    def __init__(self, reasoning: str | None = None) -> None:
        self._reasoning = reasoning

    def problem(self, request: web.Request, payload: dict[str, Any]) -> str | None:
        if not isinstance(payload.get("model"), str):
            return "Missing required parameter: 'model'."
        given = payload.get("input")
        if isinstance(given, str):
            return None
        return _no_turns(given, "input") or responses_problem(given or [])

    def body(self, asked: dict[str, Any], reply: Reply) -> dict[str, Any]:
        return responses_body(asked, reply, self._reasoning)

    def events(self, asked: dict[str, Any], body: dict[str, Any]) -> Iterator[bytes]:
        begun = {**body, "status": "in_progress", "output": [], "usage": None}
        last = f"response.{body['status']}"
        kinds: list[tuple[str, dict[str, Any]]] = [("response.created", {"response": begun})]
        for index, item in enumerate(body["output"]):
            kinds.append(
                (
                    "response.output_item.added",
                    {"output_index": index, "item": {**item, "content": []}},
                )
            )
            for number, part in enumerate(item.get("content") or ()):
                place = {"output_index": index, "content_index": number, "item_id": item["id"]}
                field, name = _PARTS[part["type"]]
                empty = {"part": {**part, field: ""}}
                kinds.append(("response.content_part.added", place | empty))
                kinds += [
                    (f"response.{name}.delta", place | {"delta": piece, "logprobs": []})
                    for piece in pieces(part[field])
                ]
                kinds.append(("response.content_part.done", place | {"part": part}))
            kinds.append(("response.output_item.done", {"output_index": index, "item": item}))
        kinds.append((last, {"response": body}))
        for number, (kind, fields) in enumerate(kinds):
            yield event({"type": kind, "sequence_number": number, **fields}, kind)

    def error_event(self) -> bytes:
        words = self.errors["server_error"][3]
        error = {"type": "error", "code": "server_error", "message": words, "param": None}
        return event(error, "error")


class _Azure(Wire):
    """Azure's differences from OpenAI: the header of the key, and errors."""

    def key(self, request: web.Request) -> str | None:
        return request.headers.get("api-key")

    def error_body(self, name: str, words: str | None = None) -> dict[str, Any]:
        status, _, code, usual = self.errors[name]
        error: dict[str, Any] = {"code": code or str(status), "message": words or usual}
        if name == "unauthorized":
            error = {"code": "401", "message": "Access denied due to invalid subscription key"}
        if name == "content_filter":
            result = {"violence": {"filtered": True, "severity": "medium"}}
            inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": result}
            error |= {"param": "prompt", "type": None, "status": status, "innererror": inner}
        return {"error": error}


class AzureChat(_Azure, OpenAIChat):
    """``/openai/v1/chat/completions``, and with a date ``/openai/deployments/NAME/…``."""

    def problem(self, request: web.Request, payload: dict[str, Any]) -> str | None:
        if "deployment" in request.match_info and not request.query.get("api-version"):
            return "Missing required query parameter: api-version"
        return super().problem(request, payload)

    def asked(self, request: web.Request, payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "model": request.match_info.get("deployment", payload.get("model"))}

    def events(self, asked: dict[str, Any], body: dict[str, Any]) -> Iterator[bytes]:
        safe = {"violence": {"filtered": False, "severity": "safe"}}
        results = [{"prompt_index": 0, "content_filter_results": safe}]
        yield event({"id": "", "object": "", "choices": [], "prompt_filter_results": results})
        yield from super().events(asked, body)


class AzureResponses(_Azure, OpenAIResponses):
    """``/openai/v1/responses``, and ``/openai/responses`` with a date."""


def event(data: object, name: str | None = None) -> bytes:
    """One server-sent event."""
    head = b"" if name is None else f"event: {name}\n".encode()
    return head + b"data: " + msgspec.json.encode(data) + b"\n\n"


def pieces(text: str | None) -> Iterator[str]:
    """A text in pieces of a few characters, as a stream has it."""
    for start in range(0, len(text or ""), _PIECE):
        yield (text or "")[start : start + _PIECE]


def _no_turns(turns: object, name: str) -> str | None:
    if not isinstance(turns, list) or not turns:
        return f"Missing required parameter: '{name}'."
    for number, turn in enumerate(turns):
        role = turn.get("role") if isinstance(turn, dict) else None
        if name == "input" and isinstance(turn, dict) and turn.get("type", "message") != "message":
            continue  # an item that is no message
        if role not in ("system", "developer", "user", "assistant", "tool"):
            return f"Invalid value for '{name}[{number}].role'."
    return None
