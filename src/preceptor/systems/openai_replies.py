"""Replies of chat completions, whole or as a stream of events → a completion.

Sources: https://platform.openai.com/docs/api-reference/chat; for errors within a reply
https://openrouter.ai/docs/api/reference/streaming.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from preceptor.records import Completion, Reasoning
from preceptor.systems.content import text_of_parts
from preceptor.systems.endpoint import ErrorInReply
from preceptor.systems.events import DONE
from preceptor.systems.first_token import first_said
from preceptor.systems.http_model import counts_in, length_of, usage_of
from preceptor.systems.tool_calls import (
    CHAT_THOUGHTS,
    calls_of_chat,
    joined_calls,
    thought,
)

__all__ = ["ChatEvents", "Details", "check_error", "parse_chat", "word_of"]

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


class Details(msgspec.Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _ChatUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: Details | None = None
    completion_tokens_details: Details | None = None


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
    check_error(reply.error or (choice and choice.error))
    if choice is None or choice.message is None:
        raise ValueError("no message")
    return _chat_completion(choice, reply.usage, reply.model)


class ChatEvents:
    """The same from a stream of chunks, of which one must say how the answer ended.

    Without that the stream was cut, which is a ValueError. Some servers send no ``[DONE]``; broken
    data after the end does not matter.
    """

    def __init__(self) -> None:
        self.done = False
        self._pieces: list[_Piece] = []
        self._end = ""
        self._usage: Any = None
        self._model: Any = None

    def take(self, data: bytes) -> str:
        if data == DONE:
            self.done = True
            return ""
        try:
            chunk = _chunk_decoder.decode(data)
        except msgspec.MsgspecError:
            if not self._end:
                raise
            self.done = True
            return ""
        check_error(chunk.error)
        self._usage, self._model = chunk.usage or self._usage, chunk.model or self._model
        said = ""
        for piece in chunk.choices or ():
            if piece.index in (0, None):
                check_error(piece.error)
                self._pieces.append(piece)
                self._end = word_of(piece.finish_reason) or self._end
                delta = piece.delta or _Said()
                said += _text(delta.content) or word_of(delta.refusal)
        return said

    def end(self) -> Completion:
        if not self._end:
            raise ValueError("the stream was cut: no last event")
        said = [piece.delta for piece in self._pieces if piece.delta is not None]
        listed = [token for piece in self._pieces for token in _tokens(piece.logprobs)]
        message = _Said(
            _joined([_text(delta.content) for delta in said]),
            _joined([delta.refusal for delta in said]),
            joined_calls(
                delta.tool_calls or delta.function_call for delta in said if _calls(delta)
            ),
            None,
            _joined([delta.reasoning_content for delta in said]),
            _joined([delta.reasoning for delta in said]),
            [each for delta in said for each in _list(delta.reasoning_details)],
        )
        choice = _Choice(message, self._end, {"content": listed})
        return _chat_completion(choice, self._usage, self._model)


def _joined(pieces: Sequence[object]) -> str | None:
    """The texts among the pieces in one; None where there was not even an empty one."""
    texts = [piece for piece in pieces if isinstance(piece, str)]
    return "".join(texts) if texts else None


def _text(content: str | list[Any] | None) -> str:
    return content or "" if not isinstance(content, list) else text_of_parts(content)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def word_of(value: object) -> str:
    return value if isinstance(value, str) else ""


def _calls(said: _Said) -> bool:
    return bool(said.tool_calls or said.function_call)


def _chat_completion(choice: _Choice, usage: object, model: object) -> Completion:
    said = choice.message or _Said()
    text, finish_reason = _text(said.content), word_of(choice.finish_reason) or "stop"
    if finish_reason in _LIMITS:
        finish_reason = "length"
    if finish_reason == "error":  # OpenRouter's word, not always with the error itself
        check_error("the reply broke off with an error")
    if not text and word_of(said.refusal):
        text, finish_reason = said.refusal, "refusal"
    elif not text and _calls(said) and finish_reason != "length":
        finish_reason = "tool_calls"
    counts = counts_in(usage, _ChatUsage)
    given = counts.prompt_tokens_details or Details()
    made = counts.completion_tokens_details or Details()
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
        served_model=word_of(model) or None,
        calls=calls_of_chat(said.tool_calls, said.function_call) if _calls(said) else (),
        thoughts=tuple(_thoughts(said)) if _calls(said) else (),
    )


def _thoughts(said: _Said) -> Iterator[Reasoning]:
    """The reasoning under the name that its server gave it: whole where there are details."""
    for name in CHAT_THOUGHTS:
        given = getattr(said, name)
        if given and isinstance(given, str | list):
            text = word_of(said.reasoning) or word_of(said.reasoning_content)
            yield thought(text, {name: given if isinstance(given, list) else None})
            return


def _first_token(logprobs: object, text: str) -> dict[str, float] | None:
    tokens = _tokens(logprobs)
    return first_said([(word_of(token.get("token")), _candidates(token)) for token in tokens], text)


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


def check_error(error: object) -> None:
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
