"""What OpenAI-compatible endpoints send back, whole or as a stream of events → a completion.

Sources: https://platform.openai.com/docs/api-reference/chat,
https://platform.openai.com/docs/api-reference/responses (and -streaming); for errors within a reply
https://openrouter.ai/docs/api/reference/streaming.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from preceptor.records import Completion, Reasoning, ToolCall
from preceptor.systems.content import text_of_parts
from preceptor.systems.endpoint import ErrorInReply
from preceptor.systems.events import DONE, event_data, is_stream
from preceptor.systems.first_token import first_said
from preceptor.systems.http_model import counts_in, length_of, usage_of
from preceptor.systems.tool_calls import (
    CHAT_THOUGHTS,
    calls_of_chat,
    joined_calls,
    thought,
    tool_call,
)

__all__ = ["parse_chat", "parse_chat_stream", "parse_responses", "parse_responses_stream"]

#: Codes and types of OpenAI's errors → the status that they come with. Others are the server's.
_STATUS = {
    "insufficient_quota": 429,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "invalid_request_error": 400,
    "BadRequestError": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "invalid_prompt": 400,
}


#: Words of other providers for a limit of tokens, as gateways and Mistral hand them on.
_LIMITS = ("max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens")


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _ChatUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Said(msgspec.Struct):
    """A message. Odd values of optional fields must not cost the answer."""

    content: str | list[Any] | None = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    # Not in OpenAI's description: one name or the other, by server and version, or both.
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None


class _Choice(msgspec.Struct):
    message: _Said | None = None
    finish_reason: Any = None
    logprobs: Any = None
    error: Any = None


class _ChatReply(msgspec.Struct):
    choices: list[_Choice] = []
    model: Any = None
    usage: Any = None
    error: Any = None


class _Piece(msgspec.Struct):
    index: Any = 0
    delta: _Said | None = None
    finish_reason: Any = None
    logprobs: Any = None
    error: Any = None


class _Chunk(msgspec.Struct):
    choices: list[_Piece] | None = None
    model: Any = None
    usage: Any = None
    error: Any = None


_chat_decoder = msgspec.json.Decoder(_ChatReply)
_chunk_decoder = msgspec.json.Decoder(_Chunk)


def parse_chat(body: bytes) -> Completion:
    """The completion in a body of ``POST /chat/completions``.

    Raises
    ------
    ErrorInReply
        The body is an error.
    msgspec.MsgspecError, ValueError
        It is something else.
    """
    reply = _chat_decoder.decode(body)
    choice = reply.choices[0] if reply.choices else None
    _check(reply.error or (choice and choice.error))
    if choice is None or choice.message is None:
        raise ValueError("no message")
    return _chat_completion(choice, reply.usage, reply.model)


def parse_chat_stream(body: bytes) -> Completion:
    """The same from a stream of chunks, of which one must say how the answer ended.

    Without that the stream was cut, which is a ValueError. Some servers send no ``[DONE]``; broken
    data after the end does not matter.
    """
    if not is_stream(body):
        return parse_chat(body)
    pieces: list[_Piece] = []
    end, usage, model = "", None, None
    for data in event_data(body):
        if data == DONE:
            break
        try:
            chunk = _chunk_decoder.decode(data)
        except msgspec.MsgspecError:
            if end:
                break
            raise
        _check(chunk.error)
        usage, model = chunk.usage or usage, chunk.model or model
        for piece in chunk.choices or ():
            if piece.index in (0, None):
                _check(piece.error)
                pieces.append(piece)
                end = _word(piece.finish_reason) or end
    if not end:
        raise ValueError("the stream was cut: no last event")
    said = [piece.delta for piece in pieces if piece.delta is not None]
    listed = [token for piece in pieces for token in _tokens(piece.logprobs)]
    message = _Said(
        _joined([_text(delta.content) for delta in said]),
        _joined([delta.refusal for delta in said]),
        joined_calls(delta.tool_calls or delta.function_call for delta in said if _calls(delta)),
        None,
        _joined([delta.reasoning_content for delta in said]),
        _joined([delta.reasoning for delta in said]),
        [each for delta in said for each in _list(delta.reasoning_details)],
    )
    return _chat_completion(_Choice(message, end, {"content": listed}), usage, model)


def _joined(pieces: Sequence[object]) -> str | None:
    """The texts among the pieces in one; None where there was not even an empty one."""
    texts = [piece for piece in pieces if isinstance(piece, str)]
    return "".join(texts) if texts else None


def _text(content: str | list[Any] | None) -> str:
    return content or "" if not isinstance(content, list) else text_of_parts(content)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _calls(said: _Said) -> bool:
    return bool(said.tool_calls or said.function_call)


def _chat_completion(choice: _Choice, usage: object, model: object) -> Completion:
    said = choice.message or _Said()
    text, finish_reason = _text(said.content), _word(choice.finish_reason) or "stop"
    if finish_reason in _LIMITS:
        finish_reason = "length"
    if finish_reason == "error":  # OpenRouter's word, not always with the error itself
        _check("the reply broke off with an error")
    if not text and _word(said.refusal):
        text, finish_reason = said.refusal, "refusal"
    elif not text and _calls(said):
        finish_reason = "tool_calls"
    counts = counts_in(usage, _ChatUsage)
    given = counts.prompt_tokens_details or _Details()
    made = counts.completion_tokens_details or _Details()
    return Completion(
        text=text,
        finish_reason=finish_reason,
        usage=usage_of(
            counts.prompt_tokens,
            counts.completion_tokens,
            given.cached_tokens,
            made.reasoning_tokens,
        ),
        first_token=_first_token(choice.logprobs, text),
        reasoning_length=length_of(said.reasoning_content, said.reasoning),
        served_model=_word(model) or None,
        calls=calls_of_chat(said.tool_calls, said.function_call) if _calls(said) else (),
        thoughts=tuple(_thoughts(said)) if _calls(said) else (),
    )


def _thoughts(said: _Said) -> Iterator[Reasoning]:
    """The reasoning under the name that its server gave it: whole where there are details."""
    for name in CHAT_THOUGHTS:
        given = getattr(said, name)
        if given and isinstance(given, str | list):
            text = _word(said.reasoning) or _word(said.reasoning_content)
            yield thought(text, {name: given if isinstance(given, list) else None})
            return


def _first_token(logprobs: object, text: str) -> dict[str, float] | None:
    tokens = _tokens(logprobs)
    return first_said([(_word(token.get("token")), _candidates(token)) for token in tokens], text)


def _tokens(logprobs: object) -> list[dict[str, Any]]:
    if not isinstance(logprobs, dict):
        return []
    content = logprobs.get("content")
    if isinstance(content, list):
        return [each for each in content if isinstance(each, dict)]
    # The form of the older API for completions, in which some servers answer chats too.
    names = ("tokens", "token_logprobs", "top_logprobs")
    columns = [column if isinstance(column := logprobs.get(name), list) else () for name in names]
    return [
        {
            "token": token,
            "logprob": logprob,
            "top_logprobs": [
                {"token": other, "logprob": chance} for other, chance in (listed or {}).items()
            ],
        }
        for token, logprob, listed in itertools.zip_longest(*columns)
        if isinstance(listed, dict | None)
    ]


def _candidates(token: Mapping[str, Any]) -> dict[str, float]:
    """Those listed for a token, as far as they have a token and a number; else itself."""
    listed = token.get("top_logprobs")
    for chances in (listed if isinstance(listed, list) else (), (token,)):
        found = {
            chance["token"]: float(chance["logprob"])
            for chance in chances
            if isinstance(chance, dict)
            and isinstance(chance.get("token"), str)
            and isinstance(chance.get("logprob"), int | float)
        }
        if found:
            return found
    return {}


def _check(error: object) -> None:
    """Raise what a reply gives as its error, with the status that belongs to it."""
    if not error:
        return
    fields = error if isinstance(error, Mapping) else {"message": str(error)}
    statuses = (_status(fields.get("code")), _status(fields.get("type")))
    status = next((status for status in statuses if status), 500)
    raise ErrorInReply(status, msgspec.json.encode({"error": fields}))


def _status(word: object) -> int | None:
    """The status that an error's code or type stands for; some servers give that itself."""
    text = str(word)
    if len(text) == 3 and text.isascii() and text.isdigit() and text[0] in "45":
        return int(text)
    return _STATUS.get(text)


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
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _ResponsesReply(msgspec.Struct):
    model: Any = None
    output: list[_Item] | None = None
    status: str | None = None
    incomplete_details: Any = None
    usage: Any = None
    error: Any = None


class _Kind(msgspec.Struct):
    type: str = ""


class _ResponsesEvent(msgspec.Struct):
    type: str
    response: _ResponsesReply | None = None


_responses_decoder = msgspec.json.Decoder(_ResponsesReply)
_LAST_EVENTS = ("response.completed", "response.incomplete", "response.failed")


def parse_responses(body: bytes) -> Completion:
    """The completion in a body of ``POST /responses``. Raises like :func:`parse_chat`."""
    return _response_completion(_responses_decoder.decode(body))


def parse_responses_stream(body: bytes) -> Completion:
    """The same from a stream of events, the last of which has the whole response."""
    if not is_stream(body):
        return parse_responses(body)
    for data in event_data(body):
        if data == DONE:
            break
        kind = msgspec.json.decode(data, type=_Kind).type
        if kind == "error":
            fields = msgspec.json.decode(data, type=dict[str, Any])
            _check(fields.get("error") or fields)
        if kind in _LAST_EVENTS:
            event = msgspec.json.decode(data, type=_ResponsesEvent)
            return _response_completion(event.response or _ResponsesReply())
    raise ValueError("the stream was cut: no last event")


def _response_completion(reply: _ResponsesReply) -> Completion:
    _check(reply.error)
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
    text = "".join(_word(part.get("text")) for part in parts if part.get("type") == "output_text")
    refusal = "".join(_word(part.get("refusal")) for part in parts if part.get("type") == "refusal")
    finish_reason = "stop"
    if reply.status == "incomplete":
        details = reply.incomplete_details
        why = _word(details.get("reason")) if isinstance(details, dict) else ""
        finish_reason = "length" if why == "max_output_tokens" else why or "incomplete"
    elif refusal and not text:
        finish_reason = "refusal"
    elif not text and any(item.type.endswith("_call") for item in reply.output):
        finish_reason = "tool_calls"
    calls = tuple(_function_calls(reply.output))
    usage = counts_in(reply.usage, _ResponsesUsage)
    given = usage.input_tokens_details or _Details()
    made = usage.output_tokens_details or _Details()
    return Completion(
        text=text or refusal,
        finish_reason=finish_reason,
        usage=usage_of(
            usage.input_tokens, usage.output_tokens, given.cached_tokens, made.reasoning_tokens
        ),
        reasoning_length=_reasoning_length(reply.output),
        served_model=_word(reply.model) or None,
        calls=calls,
        thoughts=tuple(_encrypted(reply.output)) if calls else (),
    )


def _encrypted(output: Sequence[_Item]) -> Iterator[Reasoning]:
    """Reasoning that goes back with the results of tools, as the provider stores nothing."""
    for item in output:
        if item.type == "reasoning" and item.encrypted_content:
            parts = _parts(item.summary, "summary_text")
            words = "\n\n".join(_word(part.get("text")) for part in parts)
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
