"""Replies of the Responses API, whole or as a stream of events → a completion.

Source: https://platform.openai.com/docs/api-reference/responses (and -streaming).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from preceptor.records import Completion, Reasoning, ToolCall
from preceptor.systems.events import DONE
from preceptor.systems.http_model import counts_in, usage_of
from preceptor.systems.openai_replies import Details, check_error, word_of
from preceptor.systems.tool_calls import (
    thought,
    tool_call,
)

__all__ = ["ResponseEvents", "parse_responses"]


class _Item(msgspec.Struct):
    type: str = ""
    call_id: Any = None
    name: Any = None
    arguments: Any = None
    content: Any = None
    summary: Any = None
    encrypted_content: str | None = None


class _ResponsesUsage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: Details | None = None
    output_tokens_details: Details | None = None


class _ResponsesReply(msgspec.Struct):
    model: Any = None
    output: list[_Item] | None = None
    status: str | None = None
    incomplete_details: Any = None
    usage: Any = None
    error: Any = None


class _Kind(msgspec.Struct):
    type: str = ""
    delta: Any = None


class _ResponsesEvent(msgspec.Struct):
    type: str
    response: _ResponsesReply | None = None


_responses_decoder = msgspec.json.Decoder(_ResponsesReply)
_kind_decoder = msgspec.json.Decoder(_Kind)
_event_decoder = msgspec.json.Decoder(_ResponsesEvent)
#: Events whose ``delta`` is a piece of what is said.
_SAID = ("response.output_text.delta", "response.refusal.delta")
_LAST_EVENTS = ("response.completed", "response.incomplete", "response.failed")


def parse_responses(body: bytes) -> Completion:
    """The completion in a body of ``POST /responses``. Raises like :func:`parse_chat`."""
    return _response_completion(_responses_decoder.decode(body))


class ResponseEvents:
    """The same from a stream of events, the last of which has the whole response."""

    def __init__(self) -> None:
        self.done = False
        self._completion: Completion | None = None

    def take(self, data: bytes) -> str:
        if data == DONE:
            self.done = True
            return ""
        found = _kind_decoder.decode(data)
        if found.type == "error":
            fields = msgspec.json.decode(data, type=dict[str, Any])
            check_error(fields.get("error") or fields)
        if found.type in _LAST_EVENTS:
            event = _event_decoder.decode(data)
            self._completion = _response_completion(event.response or _ResponsesReply())
            self.done = True
        return word_of(found.delta) if found.type in _SAID else ""

    def end(self) -> Completion:
        if self._completion is None:
            raise ValueError("the stream was cut: no last event")
        return self._completion


def _response_completion(reply: _ResponsesReply) -> Completion:
    check_error(reply.error)
    if reply.status not in (None, "completed", "incomplete"):
        raise ValueError(f"status {reply.status}")
    if reply.output is None:
        raise ValueError("no output")
    parts = [
        part
        for item in reply.output
        if item.type == "message"
        for part in _parts(item.content, "output_text")
    ]
    text = "".join(word_of(part.get("text")) for part in parts if part.get("type") == "output_text")
    refusal = "".join(
        word_of(part.get("refusal")) for part in parts if part.get("type") == "refusal"
    )
    finish_reason = "stop"
    if reply.status == "incomplete":
        details = reply.incomplete_details
        why = word_of(details.get("reason")) if isinstance(details, dict) else ""
        finish_reason = "length" if why == "max_output_tokens" else why or "incomplete"
    elif refusal and not text:
        finish_reason = "refusal"
    elif not text and any(item.type.endswith("_call") for item in reply.output):
        finish_reason = "tool_calls"
    calls = tuple(_function_calls(reply.output))
    usage = counts_in(reply.usage, _ResponsesUsage)
    given = usage.input_tokens_details or Details()
    made = usage.output_tokens_details or Details()
    return Completion(
        text=text or refusal,
        finish_reason=finish_reason,
        usage=usage_of(
            usage.input_tokens, usage.output_tokens, given.cached_tokens, made.reasoning_tokens
        ),
        reasoning_length=_reasoning_length(reply.output),
        served_model=word_of(reply.model) or None,
        calls=calls,
        thoughts=tuple(_encrypted(reply.output)) if calls else (),
    )


def _encrypted(output: Sequence[_Item]) -> Iterator[Reasoning]:
    """Reasoning that goes back with the results of tools, as the provider stores nothing."""
    for item in output:
        if item.type == "reasoning" and item.encrypted_content:
            parts = _parts(item.summary, "summary_text")
            words = "\n\n".join(word_of(part.get("text")) for part in parts)
            yield thought(words, {"encrypted_content": item.encrypted_content})


def _function_calls(output: Sequence[_Item]) -> Iterator[ToolCall]:
    for number, item in enumerate(output):
        if item.type == "function_call":
            call = tool_call(item.call_id, item.name, item.arguments, number)
            if call is not None:
                yield call


def _parts(content: object, kind: str) -> list[dict[str, Any]]:
    """The parts of an item; some servers write a text in their place."""
    if isinstance(content, str):
        return [{"type": kind, "text": content}]
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _reasoning_length(output: Sequence[_Item]) -> int | None:
    """Characters of the reasoning, where a server shows it, else of its summary."""
    lengths = []
    for item in output:
        if item.type != "reasoning":
            continue
        summary = item.summary if isinstance(item.summary, list) else []
        parts = _parts(item.content, "reasoning_text") or _parts(summary, "summary_text")
        texts = [part.get("text") for part in parts]
        lengths += [len(text) for text in texts if isinstance(text, str)]
    return sum(lengths) if lengths else None
