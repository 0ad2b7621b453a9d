"""Google's Gemini API: ``generateContent``.

Sources: https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/thinking.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from preceptor.records import Completion, ToolCall, Usage
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
from preceptor.systems.parts import gemini_tools, gemini_turns
from preceptor.systems.prices import Price
from preceptor.systems.tool_calls import thought, tool_call

__all__ = ["GeminiModel", "parse_generated"]

#: Models before Gemini 3, which take no images in a tool's result.
_WITHOUT_MEDIA = ("gemini-1", "gemini-2", "gemma")
_ROLES = {"user": "user", "assistant": "model"}
_ENDS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "ESCALATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
}


class GeminiModel(HttpModel):
    """A model behind ``POST {base_url}/v1beta/models/MODEL:generateContent``.

    A reasoning effort is sent as ``thinkingLevel``, which models before Gemini 3 do not know; those
    take a ``thinkingBudget`` by ``extra_body``.
    """

    provider = "google"
    lacks = ("verbosity", "api")

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
            headers={"x-goog-api-key": api_key},
            secret=api_key,
            price=price,
        )
        if model.startswith(_WITHOUT_MEDIA):
            self.capabilities -= {"tool_media"}

    def exchange(self, ask: Ask, *, stream: bool = False) -> Exchange:
        system, turns = instructions_apart(self.address, self.sent(ask.messages))
        parameters = self.parameters
        effort, seed = parameters.reasoning_effort, parameters.seed
        config = {
            "temperature": parameters.temperature,
            "maxOutputTokens": parameters.max_tokens,
            # Repeats of one question must differ though the run is seeded.
            "seed": None if seed is None else seed + ask.repeat,
            "thinkingConfig": None if effort is None else {"thinkingLevel": effort},
        }
        optional = {
            "systemInstruction": None if system is None else {"parts": [{"text": system}]},
            "generationConfig": present(config) or None,
            "tools": gemini_tools(ask.tools) or None,
        }
        payload = {
            "contents": gemini_turns(turns, _ROLES),
            **present(optional),
        }
        model = urllib.parse.quote(self.model, safe="")
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return Exchange(
            f"/v1beta/models/{model}:{method}",
            merged(payload, parameters.extra_body),
            parse_generated,
            _GeneratedEvents if stream else None,
        )


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: Any = None
    function_call: Any = None
    thought_signature: str | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    index: Any = 0


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: Any = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None


class _Reply(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: Any = None
    model_version: Any = None
    error: Any = None


_decoder = msgspec.json.Decoder(_Reply)


def parse_generated(body: bytes) -> Completion:
    """The completion in a body of ``generateContent``. Raises like ``parse_chat``."""
    return _completion([_decoder.decode(body)])


class _GeneratedEvents:
    """The completion in a stream of events, each of which is a reply with a piece."""

    done = False

    def __init__(self) -> None:
        self._replies: list[_Reply] = []

    def take(self, data: bytes) -> str:
        reply = _decoder.decode(data)
        if reply.error:
            raise _error(reply.error)
        self._replies.append(reply)
        return _said([part for candidate in _first(reply) for part in _parts(candidate)])

    def end(self) -> Completion:
        return _completion(self._replies)


def _first(reply: _Reply) -> Iterator[_Candidate]:
    """The first answer, where several are given."""
    return (each for each in reply.candidates or () if each.index in (0, None))


def _parts(candidate: _Candidate) -> Sequence[_Part]:
    return (candidate.content.parts or ()) if candidate.content else ()


def _said(parts: Sequence[_Part]) -> str:
    return "".join(part.text or "" for part in parts if not part.thought)


def _completion(replies: list[_Reply]) -> Completion:
    """A reply in one piece or several; each has the counts so far, the last one the end."""
    parts: list[_Part] = []
    usage, end = None, None
    for reply in replies:
        if reply.error:
            raise _error(reply.error)
        usage = reply.usage_metadata or usage
        if reply.prompt_feedback is not None and reply.prompt_feedback.block_reason:
            end = "content_filter"
        for candidate in _first(reply):
            parts += _parts(candidate)
            reason = candidate.finish_reason
            end = _ENDS.get(reason, reason.lower()) if reason else end
    if end is None:
        raise ValueError("no finishReason: the reply was cut, or is none")
    models = (reply.model_version for reply in replies)
    thoughts = [part.text or "" for part in parts if part.thought]
    text = _said(parts)
    called = [part for part in parts if part.function_call is not None]
    calls = tuple(_calls([part.function_call for part in called]))
    # Of calls made at once the first has the signature.
    signature = called[0].thought_signature if called else None
    signed = {"thoughtSignature": signature}
    return Completion(
        text=text,
        finish_reason="tool_calls" if called and not text and end != "length" else end,
        usage=_counts(counts_in(usage, _Usage)),
        reasoning_length=sum(map(len, thoughts)) if thoughts else None,
        served_model=next((name for name in models if isinstance(name, str)), None),
        calls=calls,
        thoughts=(thought("".join(thoughts), signed),) if signature else (),
    )


def _calls(found: list[Any]) -> Iterator[ToolCall]:
    for number, each in enumerate(each for each in found if isinstance(each, dict)):
        call = tool_call(each.get("id"), each.get("name"), each.get("args"), number)
        if call is not None:
            yield call


def _counts(usage: _Usage) -> Usage:
    """Google counts the tokens of thoughts apart; they are paid for as output."""
    thought = count_of(usage.thoughts_token_count)
    return usage_of(
        count_of(usage.prompt_token_count) + count_of(usage.tool_use_prompt_token_count),
        count_of(usage.candidates_token_count) + thought,
        usage.cached_content_token_count,
        thought,
    )


def _error(error: object) -> ErrorInReply:
    fields = error if isinstance(error, dict) else {"message": str(error)}
    code = fields.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    return ErrorInReply(status, msgspec.json.encode({"error": fields}))
