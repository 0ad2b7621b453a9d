"""Any OpenAI-compatible endpoint: chat completions, and the Responses API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from preceptor.records import Completion, Message, Role, Usage
from preceptor.systems.base import Ask, Parameters, System
from preceptor.systems.endpoint import ContentFiltered, Endpoint
from preceptor.systems.prices import Price

__all__ = ["ChatModel"]

DEFAULT_CONCURRENCY = 32
_MOST_TOKENS = 2**53
#: Models that take a temperature and ``max_tokens``; later ones take neither.
OLDER_MODELS = ("gpt-3", "gpt-4", "chatgpt-4")


class ChatModel(System):
    """A model behind ``POST {base_url}/chat/completions`` or ``POST {base_url}/responses``.

    The Responses API is used where ``api=responses`` says so, and for OpenAI's own models where a
    reasoning effort is asked for.
    """

    def __init__(
        self,
        address: str,
        base_url: str,
        model: str,
        api_key: str | None,
        parameters: Parameters,
        *,
        price: Price | None = None,
    ) -> None:
        self.address = address
        self.model = model
        self.parameters = parameters
        self.price = price
        self.concurrency = parameters.concurrency or DEFAULT_CONCURRENCY
        self.own = address.startswith("openai/")
        implied = "responses" if self.own and parameters.reasoning_effort else "chat"
        self.api = parameters.api or implied
        self.endpoint = Endpoint(
            base_url,
            # A key that was read from a file often ends with its newline.
            headers={"Authorization": f"Bearer {api_key.strip()}"} if api_key else {},
            timeout=parameters.timeout,
            retries=parameters.retries,
            concurrency=self.concurrency,
        )
        self.failures = self.endpoint.failures

    def identity(self) -> dict[str, Any]:
        shown = (
            "system_prompt",
            "temperature",
            "max_tokens",
            "reasoning_effort",
            "verbosity",
            "seed",
            "extra_body",
        )
        values = {name: getattr(self.parameters, name) for name in shown}
        return {
            "model": self.address,
            "api": self.api,
            **{name: value for name, value in values.items() if value is not None},
        }

    async def close(self) -> None:
        await self.endpoint.close()

    async def answer(self, ask: Ask) -> Completion:
        sent = self._with_system_prompt(ask.messages)
        try:
            completion, latency = await self._post(sent, ask.repeat)
        except ContentFiltered:
            completion, latency = Completion("", finish_reason="content_filter"), 0.0
        return msgspec.structs.replace(
            completion,
            latency_s=round(latency, 4),
            cost_usd=None if self.price is None else self.price.cost(completion.usage),
            sent=None if sent == ask.messages else sent,
        )

    async def _post(self, sent: tuple[Message, ...], repeat: int) -> tuple[Completion, float]:
        if self.api == "responses":
            return await self.endpoint.post(
                "/responses", self._responses_payload(sent), _parse_responses
            )
        return await self.endpoint.post(
            "/chat/completions", self._chat_payload(sent, repeat), _parse_chat
        )

    def _with_system_prompt(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        if self.parameters.system_prompt is None:
            return messages
        role: Role = "developer" if self.api == "responses" else "system"
        return (Message(role, self.parameters.system_prompt), *messages)

    def _chat_payload(self, sent: tuple[Message, ...], repeat: int) -> dict[str, Any]:
        parameters = self.parameters
        # OpenAI's reasoning models know only the newer name, other servers often only the older.
        newer = self.own and not self.model.startswith(OLDER_MODELS)
        optional = {
            "temperature": parameters.temperature,
            "max_completion_tokens" if newer else "max_tokens": parameters.max_tokens,
            "reasoning_effort": parameters.reasoning_effort,
            "verbosity": parameters.verbosity,
            # Repeats of one question must differ though the run is seeded.
            "seed": None if parameters.seed is None else parameters.seed + repeat,
        }
        return {
            "model": self.model,
            "messages": sent,
            **_present(optional),
            **(parameters.extra_body or {}),
        }

    def _responses_payload(self, sent: tuple[Message, ...]) -> dict[str, Any]:
        parameters = self.parameters
        effort, verbosity = parameters.reasoning_effort, parameters.verbosity
        optional = {
            "temperature": parameters.temperature,
            "max_output_tokens": parameters.max_tokens,
            "reasoning": None if effort is None else {"effort": effort},
            "text": None if verbosity is None else {"verbosity": verbosity},
        }
        return {
            "model": self.model,
            "input": sent,
            "store": False,
            **_present(optional),
            **(parameters.extra_body or {}),
        }


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _ChatUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Cached | None = None


class _TokenChance(msgspec.Struct):
    token: str
    logprob: float


class _Token(msgspec.Struct):
    top_logprobs: list[_TokenChance] = []


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None


class _Said(msgspec.Struct):
    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    # Not in OpenAI's description: one name or the other, by server and version, or both.
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(msgspec.Struct):
    message: _Said
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _ChatReply(msgspec.Struct):
    choices: list[_Choice]
    usage: _ChatUsage | None = None


_chat_decoder = msgspec.json.Decoder(_ChatReply)


def _parse_chat(body: bytes) -> Completion:
    reply = _chat_decoder.decode(body)
    if not reply.choices:
        raise ValueError("no choices")
    choice = reply.choices[0]
    text = choice.message.content or ""
    if isinstance(text, list):
        text = "".join(str(part.get("text") or "") for part in text)
    finish_reason = choice.finish_reason or "stop"
    if not text and choice.message.refusal:
        text, finish_reason = choice.message.refusal, "refusal"
    return Completion(
        text=text,
        finish_reason=finish_reason,
        usage=_chat_usage(reply.usage or _ChatUsage()),
        first_token=_first_token(choice.logprobs),
        reasoning_length=_length(choice.message.reasoning_content, choice.message.reasoning),
    )


def _length(*texts: object) -> int | None:
    """Characters of the longest that is a text; None where none is."""
    return max((len(text) for text in texts if isinstance(text, str)), default=None)


def _chat_usage(usage: _ChatUsage) -> Usage:
    given = usage.prompt_tokens_details or _Cached()
    made = usage.completion_tokens_details or _Cached()
    return _usage(
        usage.prompt_tokens, usage.completion_tokens, given.cached_tokens, made.reasoning_tokens
    )


def _usage(*counts: int | None) -> Usage:
    """Tokens as counted by a server, which may say null, or nonsense that no database can hold."""
    return Usage(*(min(max(count or 0, 0), _MOST_TOKENS) for count in counts))


def _first_token(logprobs: _Logprobs | None) -> dict[str, float] | None:
    if logprobs is None or not logprobs.content:
        return None
    return {chance.token: chance.logprob for chance in logprobs.content[0].top_logprobs}


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""
    refusal: str = ""


class _Item(msgspec.Struct):
    type: str = ""
    content: list[_Part] | None = None
    summary: Any = None


class _Why(msgspec.Struct):
    reason: str | None = None


class _ResponsesUsage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Cached | None = None
    output_tokens_details: _Cached | None = None


class _ResponsesReply(msgspec.Struct):
    output: list[_Item]
    status: str = "completed"
    incomplete_details: _Why | None = None
    usage: _ResponsesUsage | None = None


_responses_decoder = msgspec.json.Decoder(_ResponsesReply)


def _parse_responses(body: bytes) -> Completion:
    reply = _responses_decoder.decode(body)
    if reply.status not in ("completed", "incomplete"):
        raise ValueError(f"status {reply.status}")
    parts = [part for item in reply.output if item.type == "message" for part in item.content or []]
    text = "".join(part.text for part in parts if part.type == "output_text")
    refusal = "".join(part.refusal for part in parts if part.type == "refusal")
    finish_reason = "stop"
    if reply.status == "incomplete":
        why = reply.incomplete_details.reason if reply.incomplete_details else None
        finish_reason = "length" if why == "max_output_tokens" else why or "incomplete"
    elif refusal and not text:
        finish_reason = "refusal"
    usage = reply.usage or _ResponsesUsage()
    given = usage.input_tokens_details or _Cached()
    made = usage.output_tokens_details or _Cached()
    return Completion(
        text=text or refusal,
        finish_reason=finish_reason,
        usage=_usage(
            usage.input_tokens, usage.output_tokens, given.cached_tokens, made.reasoning_tokens
        ),
        reasoning_length=_reasoning_length(reply.output),
    )


def _reasoning_length(output: Sequence[_Item]) -> int | None:
    """Characters of the reasoning, where a server shows it, else of its summary."""
    lengths = []
    for item in output:
        if item.type != "reasoning":
            continue
        texts: list[object] = [part.text for part in item.content or []]
        if not texts and isinstance(item.summary, list):
            texts = [part.get("text") for part in item.summary if isinstance(part, dict)]
        lengths += [len(text) for text in texts if isinstance(text, str)]
    return sum(lengths) if lengths else None
