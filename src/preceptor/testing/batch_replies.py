"""A batch of the fake batch APIs, and the lines of its result files."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from preceptor.testing.replies import Reply, as_object, called, chat_body, responses_body
from preceptor.testing.tool_use import (
    Plan,
    anthropic_problem,
    chat_problem,
    reply_with,
    responses_problem,
)

__all__ = [
    "ANSWERED",
    "BODIES",
    "ERRORS",
    "KEY",
    "STAGES",
    "Job",
    "authorized",
    "error",
    "line_of",
    "message_body",
    "problem_of",
    "result_line",
]

#: The key that both fakes accept.
KEY = "sk-batch-test-0123456789"
#: OpenAI's endpoints with a batch API → the body of an answer.
BODIES = {"/v1/chat/completions": chat_body, "/v1/responses": responses_body}
#: Fault of one request → status, type and message.
ERRORS = {
    "too_long": (400, "invalid_request_error", "This model's maximum context length is 8 tokens"),
    "bad_request": (400, "invalid_request_error", "temperature is not supported by this model"),
    "server_error": (500, "api_error", "The server had an error"),
    "filtered": (400, "content_filter", "The prompt was filtered"),
}
#: Outcomes of a request that is answered, and so paid for.
ANSWERED = {"ok", "prose", "malformed"}
_MALFORMED = b'{"no": "completion"}'


#: States of a batch that has not ended, in their order.
STAGES = ("validating", "in_progress", "finalizing")


class Job(msgspec.Struct):
    """A batch that was submitted.

    Attributes
    ----------
    requests
        Custom id → payload.
    state
        OpenAI's name of it; ``expired`` and ``cancelled`` leave out what did not run.
    outcomes
        Custom id → ``ok``, ``prose`` (no verdict), ``malformed``, ``missing``, ``expired``,
        ``cancelled``, or a key of ``ERRORS``; filled in as it ends.
    """

    id: str
    api: str
    requests: dict[str, Any]
    endpoint: str = ""
    metadata: dict[str, str] | None = None
    state: str = "validating"
    error: tuple[str, str] | None = None
    looks: int = 0
    outcomes: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.state not in STAGES


def line_of(
    endpoint: str, custom_id: str, payload: dict[str, Any], outcome: str, plan: Plan = ()
) -> bytes:
    """A line of OpenAI's output file, or of its error file."""
    response: dict[str, Any] | None = None
    error = None
    if outcome in ("ok", "prose"):
        body = BODIES[endpoint](payload, _reply(payload, outcome, plan))
        response = {"status_code": 200, "request_id": f"req_{custom_id}", "body": body}
    elif outcome == "malformed":
        response = {"status_code": 200, "request_id": "", "body": msgspec.Raw(_MALFORMED)}
    elif outcome in ERRORS:
        status, code, words = ERRORS[outcome]
        body = {"error": {"message": words, "type": code, "param": None, "code": code}}
        response = {"status_code": status, "request_id": f"req_{custom_id}", "body": body}
    else:
        error = {"code": f"batch_{outcome}", "message": f"The request was {outcome}."}
    whole = {"id": "batch_req", "custom_id": custom_id, "response": response, "error": error}
    return msgspec.json.encode(whole) + b"\n"


def result_line(custom_id: str, outcome: str, payload: dict[str, Any], plan: Plan = ()) -> bytes:
    """A line of Anthropic's results."""
    result: dict[str, Any]
    if outcome in ("ok", "prose"):
        message = message_body(payload, _reply(payload, outcome, plan))
        result = {"type": "succeeded", "message": message}
    elif outcome == "malformed":
        result = {"type": "succeeded", "message": msgspec.Raw(_MALFORMED)}
    elif outcome in ERRORS:
        _, kind, words = ERRORS[outcome]
        error = {"type": "error", "error": {"type": kind, "message": words}}
        result = {"type": "errored", "error": error}
    else:
        result = {"type": "canceled" if outcome == "cancelled" else outcome}
    return msgspec.json.encode({"custom_id": custom_id, "result": result}) + b"\n"


def _reply(payload: dict[str, Any], outcome: str, plan: Plan) -> Reply:
    if outcome == "ok":
        return reply_with(payload, payload, plan)
    return Reply("It meets the criterion, I would say.")


def message_body(payload: dict[str, Any], reply: Reply) -> dict[str, Any]:
    """A body of Anthropic's ``POST /v1/messages``."""
    text = reply.text or ""
    ends = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
    uses = [
        {"type": "tool_use", "id": f"toolu_{id_}", "name": name, "input": as_object(arguments)}
        for id_, name, arguments in called(payload, reply)
    ]
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": payload.get("model"),
        "content": [*([{"type": "text", "text": text}] if text else []), *uses],
        "stop_reason": ends.get(reply.finish_reason, "refusal"),
        "stop_sequence": None,
        "usage": {
            "input_tokens": len(msgspec.json.encode(payload["messages"])) // 4 + 1,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": len(text.split()) + 1,
        },
    }


def error(status: int, code: str, words: str) -> web.Response:
    """A failed call, in a body that fits both providers."""
    body = {"type": "error", "error": {"type": code, "code": code, "message": words}}
    return web.json_response(body, status=status)


def problem_of(endpoint: str, payload: dict[str, Any]) -> str | None:
    """What the provider refuses a request of a batch for."""
    if endpoint == "/v1/responses":
        given = payload["input"]
        return responses_problem(given) if isinstance(given, list) else None
    check = anthropic_problem if endpoint == "/v1/messages" else chat_problem
    return check(payload["messages"])


def authorized(request: web.Request) -> bool:
    """Whether a request has the key, in its provider's header."""
    if request.path.startswith("/v1/messages"):
        versioned = request.headers.get("anthropic-version") == "2023-06-01"
        return versioned and request.headers.get("x-api-key") == KEY
    return request.headers.get("Authorization") == f"Bearer {KEY}"
