"""A model behind HTTP, whatever its wire format: what all providers have in common."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import msgspec

from preceptor.errors import EndpointError, InputError
from preceptor.records import Completion, Message, Role, ToolCall, Usage
from preceptor.systems.base import MODEL, Ask, Parameters, System
from preceptor.systems.endpoint import ContentFiltered, Endpoint
from preceptor.systems.events import EventReader
from preceptor.systems.media_tokens import tokens_of_media
from preceptor.systems.prices import Price
from preceptor.systems.reserving import prompt_bytes
from preceptor.systems.servers import SERVER
from preceptor.systems.streaming import Heard
from preceptor.systems.tokens import FEWEST_CHARS

__all__ = [
    "Exchange",
    "HttpModel",
    "count_of",
    "counts_in",
    "instructions_apart",
    "length_of",
    "merged",
    "present",
    "usage_of",
]

T = TypeVar("T", bound=msgspec.Struct)

_MOST_TOKENS = 2**53
#: What of a model's parameters its answers depend on.
_TELLING = (
    "system_prompt",
    "temperature",
    "max_tokens",
    "reasoning_effort",
    "verbosity",
    "seed",
    "extra_body",
)


class Exchange(msgspec.Struct, frozen=True):
    """One question on the wire: what is posted where, and how the body that comes back is read.

    Attributes
    ----------
    path
        Behind the endpoint's base URL, with its query where there is one.
    payload
        The request's JSON.
    parse
        A whole body of a 200 → the completion, without latency and ``sent``, and without cost where
        that follows from the usage. Raises `msgspec.MsgspecError` or ValueError for a body that is
        no reply, ErrorInReply where it is an error.
    events
        Makes the reader of a reply that is asked for as a stream; None where it is not.
    """

    path: str
    payload: dict[str, Any]
    parse: Callable[[bytes], Completion]
    events: Callable[[], EventReader[Completion]] | None = None


class HttpModel(System):
    """A model that is asked by posting JSON. A subclass knows one provider's wire format.

    Parameters
    ----------
    headers
        What goes with every request, the key included.
    secret
        The key itself, which never gets into a message.

    Raises
    ------
    InputError
        A parameter for which the provider has no field.

    Attributes
    ----------
    model
        Its name at the provider.
    provider
        ``openai``, ``anthropic``, ``google``, ``azure``, ``openrouter`` or ``openai-compatible``.
    endpoint
        Where it is asked: concurrency, retries, rate limits.
    """

    capabilities = MODEL
    provider: str = "openai-compatible"
    #: Parameters for which the provider's requests have no field.
    lacks: tuple[str, ...] = ()

    def __init__(
        self,
        address: str,
        base_url: str,
        model: str,
        parameters: Parameters,
        *,
        headers: Mapping[str, str],
        secret: str | None = None,
        price: Price | None = None,
    ) -> None:
        for name in self.lacks:
            if getattr(parameters, name) is not None:
                raise InputError(f"{address}: {name}: {self.provider} has no such setting")
        self.address = address
        self.model = model
        self.parameters = parameters
        self._telling = present({name: getattr(parameters, name) for name in _TELLING})
        self.price = price
        self.max_tokens = parameters.max_tokens
        self.sampled = parameters.temperature != 0
        self.endpoint = Endpoint(
            base_url,
            headers=headers,
            secret=secret,
            timeout=parameters.timeout,
            retries=parameters.retries,
            concurrency=parameters.concurrency,
        )
        self.limiter = self.endpoint.limiter
        self.concurrency = self.limiter.ceiling
        self.failures = self.endpoint.failures

    def identity(self) -> dict[str, Any]:
        return {"model": self.address, **self._telling, **present({SERVER: self.server})}

    def exchange(self, ask: Ask, *, stream: bool = False) -> Exchange:
        """What would be posted for a question. Pure: nothing is sent.

        With ``stream`` the reply is asked for as server-sent events.
        """
        raise NotImplementedError

    def sent(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """The conversation as the model gets it: behind the system prompt, where there is one."""
        if self.parameters.system_prompt is None:
            return messages
        return (Message(self._system_role(), self.parameters.system_prompt), *messages)

    def media_tokens(self, messages: Collection[Message]) -> int:
        return tokens_of_media(self.provider, self.model, messages)

    def completed(self, ask: Ask, completion: Completion, latency_s: float) -> Completion:
        """A parsed completion with its latency (seconds), cost (dollars) and what was sent.

        Where the server counted no tokens, they are what the texts are likely to have at the most:
        a call is never free because nobody says what it took, and a cap holds.
        """
        sent = self.sent(ask.messages)
        if not completion.usage.total and completion.finish_reason != "content_filter":
            given = _likely(prompt_bytes(sent, ask.tools)) + self.media_tokens(sent)
            usage = Usage(given, _likely(len(completion.whole)))
            completion = msgspec.structs.replace(completion, usage=usage, cost_usd=None)
        cost = completion.cost_usd
        if cost is None and self.price is not None:
            cost = self.price.cost(completion.usage)
        clean, raw = self.endpoint.secret.out_of_answer, completion.raw
        return msgspec.structs.replace(
            completion,
            text=clean(completion.text),
            raw=None if raw is None else clean(raw),
            calls=tuple(
                ToolCall(clean(call.id), clean(call.name), clean(call.arguments))
                for call in completion.calls
            ),
            finish_reason=clean(completion.finish_reason),
            latency_s=round(latency_s, 4),
            cost_usd=cost,
            sent=None if sent == ask.messages else sent,
        )

    async def answer(self, ask: Ask) -> Completion:
        return await self._complete(ask, stream=bool(self.parameters.stream))

    async def hear(self, ask: Ask, heard: Heard) -> Completion:
        return await self._complete(ask, stream=self.parameters.stream is not False, heard=heard)

    def visible(self, text: str) -> str:
        return super().visible(self.endpoint.secret.out_of_beginning(text))

    async def _complete(
        self, ask: Ask, *, stream: bool, heard: Heard = lambda _: None
    ) -> Completion:
        exchange = self.exchange(ask, stream=stream)
        try:
            completion, latency = await self.endpoint.post(
                exchange.path,
                exchange.payload,
                exchange.parse,
                events=exchange.events,
                heard=heard,
            )
        except ContentFiltered:
            completion, latency = Completion("", finish_reason="content_filter"), 0.0
        return self.completed(ask, completion, latency)

    async def close(self) -> None:
        await self.endpoint.close()

    def _system_role(self) -> Role:
        return "system"


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that are not None: only what is set is sent."""
    return {name: value for name, value in values.items() if value is not None}


def merged(payload: dict[str, Any], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """A request with the user's own fields, which win; objects in both are merged too."""
    whole = dict(payload)
    for name, value in (extra or {}).items():
        old = whole.get(name)
        deeper = isinstance(old, dict) and isinstance(value, dict)
        whole[name] = merged(old, value) if deeper else value  # type: ignore[arg-type]
    return whole


def instructions_apart(
    address: str, messages: tuple[Message, ...]
) -> tuple[str | None, tuple[Message, ...]]:
    """The system messages at the beginning as one text, and the turns behind them.

    Raises
    ------
    EndpointError
        ``bad_request``: there is one among the turns, or a tool's, where the provider knows only
        users and models.
    """
    turns = tuple(message for message in messages if _is_turn(message))
    first = messages[: len(messages) - len(turns)]
    if messages[len(first) :] != turns or any(message.role == "tool" for message in first):
        raise EndpointError(
            "bad_request",
            f"{address}: expected user and assistant turns behind the system prompt, found "
            f"{', '.join(message.role for message in messages)}",
        )
    return "\n\n".join(message.text for message in first) or None, turns


def _is_turn(message: Message) -> bool:
    """A tool's result belongs to the turns only where it says which call it answers."""
    results = message.role == "tool" and not isinstance(message.content, str)
    return results or message.role in ("user", "assistant")


def count_of(tokens: int | None) -> int:
    """Tokens as counted by a server, which may say null, or nonsense that no database can hold."""
    return min(max(tokens or 0, 0), _MOST_TOKENS)


def usage_of(*counts: int | None) -> Usage:
    """Input, output, cached and reasoning tokens as counted by a server.

    No more of a prompt is cached than there is of it: else the rest would have a negative price.
    """
    usage = Usage(*map(count_of, counts))
    if usage.cached_tokens <= usage.input_tokens:
        return usage
    return msgspec.structs.replace(usage, cached_tokens=usage.input_tokens)


def counts_in(found: object, form: type[T]) -> T:
    """A server's counts as ``form``, whose fields all have a default.

    Numbers may be texts or have a fraction of 0, as some gateways write them. A field with anything
    else counts as not said: the answer and the other counts are right all the same.
    """
    given = found if isinstance(found, dict) else {}
    with contextlib.suppress(msgspec.ValidationError):
        return msgspec.convert(given, form)  # nearly always; field by field takes ten times as long
    counts = {}
    for field in msgspec.structs.fields(form):
        if field.encode_name in given:
            with contextlib.suppress(msgspec.ValidationError):
                value = msgspec.convert(given[field.encode_name], field.type, strict=False)
                counts[field.name] = value
    return form(**counts)


def _likely(characters: int) -> int:
    """Tokens of this many characters, rather too many than too few."""
    return math.ceil(characters / FEWEST_CHARS)


def length_of(*texts: object) -> int | None:
    """Characters of the longest that is a text; None where none is."""
    return max((len(text) for text in texts if isinstance(text, str)), default=None)
