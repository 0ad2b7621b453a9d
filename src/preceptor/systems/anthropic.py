"""Anthropic's Messages API.

Sources: https://platform.claude.com/docs/en/api/messages, …/build-with-claude/streaming,
…/build-with-claude/prompt-caching, …/build-with-claude/adaptive-thinking, …/api/errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from preceptor.records import Completion, Message, Reasoning, ToolCall
from preceptor.systems.base import Ask, Parameters
from preceptor.systems.endpoint import ErrorInReply
from preceptor.systems.http_model import (
    Exchange,
    HttpModel,
    count_of,
    counts_in,
    instructions_apart,
    merged,
    present,
    usage_of,
)
from preceptor.systems.parts import anthropic_tools, anthropic_turns
from preceptor.systems.prices import Price
from preceptor.systems.tokens import CHARS_PER_TOKEN, LEAST_CACHED
from preceptor.systems.tool_calls import thought, tool_call

__all__ = [
    "DEFAULT_MAX_TOKENS",
    "STATUS",
    "AnthropicModel",
    "parse_message",
    "takes_temperature",
]

#: The API wants a limit. This one is beyond any answer, and not beyond any model's own limit.
DEFAULT_MAX_TOKENS = 16_000
_VERSION = "2023-06-01"
#: Shared text of fewer characters is not worth a mark: it would not be cached.
_LEAST_SHARED = round(LEAST_CACHED * CHARS_PER_TOKEN)
#: Models that take a temperature; later ones refuse it.
_OLDER_MODELS = (
    "claude-2",
    "claude-3",
    "claude-instant",
    "claude-opus-4-0",
    "claude-opus-4-1",
    "claude-opus-4-2",
    "claude-opus-4-5",
    "claude-opus-4-6",
    "claude-sonnet-4",
    "claude-haiku-4",
)
_ENDS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}
#: Type of an error → its HTTP status.
STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def takes_temperature(model: str) -> bool:
    """Whether a model of Anthropic's takes a sampling temperature."""
    return model.startswith(_OLDER_MODELS)


class AnthropicModel(HttpModel):
    """A model behind ``POST {base_url}/v1/messages``.

    A reasoning effort asks for adaptive thinking with that effort. Where ``ask.shared`` says that
    other questions begin alike, and the price of cached tokens is known, the end of that part is
    marked for the cache: writing it costs more than reading it anew, so nothing else is marked.
    """

    provider = "anthropic"
    lacks = ("verbosity", "seed", "api")
    marks_shared = True

    def __init__(
        self,
        address: str,
        base_url: str,
        model: str,
        api_key: str,
        parameters: Parameters,
        *,
        price: Price | None = None,
    ) -> None:
        super().__init__(
            address,
            base_url,
            model,
            parameters,
            headers={"x-api-key": api_key, "anthropic-version": _VERSION},
            secret=api_key,
            price=price,
        )
        self.max_tokens = parameters.max_tokens or DEFAULT_MAX_TOKENS

    def identity(self) -> dict[str, Any]:
        return {**super().identity(), "max_tokens": self.max_tokens}

    def exchange(self, ask: Ask, *, stream: bool = False) -> Exchange:
        system, turns = instructions_apart(self.address, self.sent(ask.messages))
        effort = self.parameters.reasoning_effort
        optional = {
            "system": system,
            "temperature": self.parameters.temperature,
            "thinking": None if effort is None else {"type": "adaptive"},
            "output_config": None if effort is None else {"effort": effort},
            "stream": True if stream else None,
            "tools": anthropic_tools(ask.tools) or None,
        }
        discounts = self.price is not None and self.price.discounts
        payload = {
            "model": self.model,
            "max_tokens": self.max_tokens,
            "messages": _turns(turns, ask.shared if discounts else 0),
            **present(optional),
        }
        return Exchange(
            "/v1/messages",
            merged(payload, self.parameters.extra_body),
            partial(parse_message, self.price),
            partial(_MessageEvents, self.price) if stream else None,
        )


def _turns(turns: tuple[Message, ...], shared: int) -> list[Any]:
    """The turns; what the last one shares is a block of its own, with a mark for the cache."""
    plain = anthropic_turns(turns)
    text = turns[-1].content if turns else ""
    if not isinstance(text, str) or not _LEAST_SHARED <= shared < len(text):
        return plain
    marked = {"type": "text", "text": text[:shared], "cache_control": {"type": "ephemeral"}}
    blocks = [marked, {"type": "text", "text": text[shared:]}]
    return [*plain[:-1], {"role": turns[-1].role, "content": blocks}]


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    id: Any = None
    name: Any = None
    input: Any = None
    signature: str | None = None
    data: str | None = None


class _Details(msgspec.Struct):
    thinking_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None
    output_tokens_details: _Details | None = None


class _Reply(msgspec.Struct):
    model: Any = None
    content: list[_Block] | None = None
    stop_reason: str | None = None
    usage: Any = None
    type: str = "message"
    error: Any = None


class _Event(msgspec.Struct):
    type: str = ""
    message: _Reply | None = None
    content_block: _Block | None = None
    delta: msgspec.Raw = msgspec.Raw(b"{}")
    usage: Any = None
    error: Any = None


class _Delta(msgspec.Struct):
    type: str = ""
    partial_json: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None


_reply_decoder = msgspec.json.Decoder(_Reply)
_event_decoder = msgspec.json.Decoder(_Event)
_delta_decoder = msgspec.json.Decoder(_Delta)


def parse_message(price: Price | None, body: bytes) -> Completion:
    """The completion in a body of ``POST /messages``. Raises like ``openai_replies.parse_chat``."""
    reply = _reply_decoder.decode(body)
    if reply.type == "error":
        raise _error(reply.error)
    if reply.stop_reason is None or reply.content is None:
        raise ValueError("no content, or no stop_reason")
    usage = counts_in(reply.usage, _Usage)
    return _completion(reply.content, reply.stop_reason, usage, price, reply.model)


class _MessageEvents:
    """The completion in a stream of events."""

    def __init__(self, price: Price | None) -> None:
        self.done = False
        self._price = price
        self._blocks: list[_Block] = []
        self._usage = _Usage()
        self._stop_reason: str | None = None
        self._model: object = None

    def take(self, data: bytes) -> str:
        event = _event_decoder.decode(data)
        delta = _delta_decoder.decode(event.delta)
        if event.type == "error":
            raise _error(event.error)
        if event.type == "message_start" and event.message is not None:
            self._usage, self._model = counts_in(event.message.usage, _Usage), event.message.model
        elif event.type == "content_block_start" and event.content_block is not None:
            return self._add(event.content_block)
        elif event.type == "content_block_delta" and delta.partial_json is not None:
            return self._add(_Block("input", delta.partial_json))
        elif event.type == "content_block_delta":
            kind = delta.type.removesuffix("_delta")
            return self._add(_Block(kind, delta.text, delta.thinking, signature=delta.signature))
        elif event.type == "message_delta":
            self._stop_reason = delta.stop_reason or self._stop_reason
            self._usage = _later(self._usage, counts_in(event.usage, _Usage))
        elif event.type == "message_stop":
            self.done = True
        return ""

    def _add(self, block: _Block) -> str:
        self._blocks.append(block)
        return _said([block])

    def end(self) -> Completion:
        if not self.done or self._stop_reason is None:
            raise ValueError("the stream was cut: no last event")
        return _completion(self._blocks, self._stop_reason, self._usage, self._price, self._model)


def _later(before: _Usage, after: _Usage) -> _Usage:
    """Counts so far: what the later event gives is the whole, not more."""
    names = _Usage.__struct_fields__
    values = {name: getattr(after, name) for name in names}
    return msgspec.structs.replace(before, **present(values))


def _error(error: object) -> ErrorInReply:
    fields = error if isinstance(error, dict) else {"message": str(error)}
    status = STATUS.get(str(fields.get("type")), 500)
    return ErrorInReply(status, msgspec.json.encode({"error": fields}))


def _completion(
    blocks: list[_Block], stop_reason: str, usage: _Usage, price: Price | None, model: object
) -> Completion:
    thought = sum(len(block.thinking or "") for block in blocks if block.type == "thinking")
    made = usage.output_tokens_details or _Details()
    # `input_tokens` is only what was neither read from the cache nor written to it.
    written = count_of(usage.cache_creation_input_tokens)
    read = count_of(usage.cache_read_input_tokens)
    fresh = count_of(usage.input_tokens)
    counts = usage_of(fresh + written + read, usage.output_tokens, read, made.thinking_tokens)
    calls = _calls(blocks)
    return Completion(
        text=_said(blocks),
        finish_reason=_ENDS.get(stop_reason, stop_reason),
        usage=counts,
        cost_usd=None if price is None else price.cost(counts, written),
        reasoning_length=thought or None,
        served_model=model if isinstance(model, str) else None,
        calls=calls,
        thoughts=tuple(_thoughts(blocks)) if calls else (),
    )


def _said(blocks: list[_Block]) -> str:
    return "".join(block.text or "" for block in blocks if block.type == "text")


def _thoughts(blocks: list[_Block]) -> Iterator[Reasoning]:
    """Blocks that go back with the results of tools; in a stream the signature comes last."""
    said = ""
    for block in blocks:
        if block.type == "redacted_thinking":
            yield thought("", {"type": block.type, "data": block.data})
        elif block.type in ("thinking", "signature"):
            said += block.thinking or ""
            if block.signature:
                yield thought(said, {"type": "thinking", "signature": block.signature})
                said = ""


def _calls(blocks: list[_Block]) -> tuple[ToolCall, ...]:
    """Calls of tools; in a stream the input of one follows it in pieces."""
    found: list[tuple[_Block, list[str]]] = []
    for block in blocks:
        if block.type == "tool_use":
            found.append((block, []))
        elif block.type == "input" and found:
            found[-1][1].append(block.text or "")
    calls = (
        tool_call(block.id, block.name, "".join(pieces) or block.input, number)
        for number, (block, pieces) in enumerate(found)
    )
    return tuple(call for call in calls if call is not None)
