"""What systems said."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import force_setattr

from preceptor.billing import Usage
from preceptor.reasoning import split_reasoning
from preceptor.records.messages import Message, Turn
from preceptor.records.parts import Reasoning, ToolCall

__all__ = [
    "CALL_AS_TEXT",
    "CANDIDATES",
    "ENVIRONMENT_FAILED",
    "Completion",
    "Response",
    "as_answer",
]

#: In the state of an answer: text of a candidate for its first token → log-probability.
CANDIDATES = "first_token"

#: Kind of the failure that is the environment's and not the system's.
ENVIRONMENT_FAILED = "environment_failed"
#: Stop reason of a turn that is a tool call by its form, and was written as text.
CALL_AS_TEXT = "call_as_text"


class Completion(msgspec.Struct, frozen=True, gc=False):
    """What one call to a system returned.

    Attributes
    ----------
    text
        What was said. Reasoning is taken out of the text that a record is made with: see
        :mod:`preceptor.reasoning`.
    finish_reason
        The endpoint's word: ``stop``, ``length``, ``content_filter``, ``refusal``, …
    sent
        The messages actually sent, when they are not simply the conversation that was given
        (a system prompt was put before it): a grader is shown these.
    first_token
        Log-probabilities of the candidates for the first token of what was said, where they were
        asked for.
    reasoning_length
        Characters of the reasoning that came with the answer, beside its text or in it; None where
        none came. Only what came in the text is kept.
    raw
        The whole text where reasoning stood in it; None where ``text`` is all there was.
    served_model
        The model that the reply names; None where it names none.
    calls
        Tools that the model asks for.
    thoughts
        What its provider wants back before the results of these calls.
    turns
        The steps of a system that took several, such as an agent.
    state, stop_reason, created_at
        As of a :class:`Response`, where the system says it.
    """

    text: str
    finish_reason: str = "stop"
    usage: Usage = Usage()
    latency_s: float = 0.0
    cost_usd: float | None = None
    sent: tuple[Message, ...] | None = None
    first_token: dict[str, float] | None = None
    reasoning_length: int | None = None
    raw: str | None = None
    served_model: str | None = None
    calls: tuple[ToolCall, ...] = ()
    thoughts: tuple[Reasoning, ...] = ()
    turns: tuple[Turn, ...] = ()
    state: Any = None
    stop_reason: str | None = None
    created_at: str | None = None

    def __post_init__(self) -> None:
        _take_reasoning_out(self)

    @property
    def whole(self) -> str:
        """The text as it came, with its reasoning."""
        return self.text if self.raw is None else self.raw

    @property
    def only_thought(self) -> str | None:
        """A sentence on reasoning without an answer; None where something was said."""
        return _only_thought(self)


class Response(msgspec.Struct, frozen=True, gc=False):
    """What one system said to one example in one repeat; or why it said nothing.

    ``failure`` is None for an answer, else the kind of the failure (``timeout``, ``rate_limit``,
    …) with ``detail`` in words. An empty ``text`` without failure is a real, empty answer.
    ``text``, ``reasoning_length``, ``raw`` and ``served_model`` are as in a :class:`Completion`.

    Attributes
    ----------
    turns
        The transcript after the messages of the example; empty where ``text`` is all there was.
    state
        What the environment was left in, as JSON; None where there is none.
    stop_reason
        Why the interaction ended, where that is not that the system was done.
    created_at
        When it was made: UTC, ISO 8601; None where that was not recorded.
    """

    key: str
    text: str = ""
    finish_reason: str = "stop"
    sent: tuple[Message, ...] | None = None
    usage: Usage = Usage()
    latency_s: float = 0.0
    cost_usd: float | None = None
    failure: str | None = None
    detail: str = ""
    reasoning_length: int | None = None
    raw: str | None = None
    turns: tuple[Turn, ...] = ()
    state: Any = None
    stop_reason: str | None = None
    served_model: str | None = None
    created_at: str | None = None

    def __post_init__(self) -> None:
        _take_reasoning_out(self)

    @property
    def whole(self) -> str:
        """The text as it came, with its reasoning."""
        return self.text if self.raw is None else self.raw

    @property
    def reasoning(self) -> str:
        """What was taken out of the text; empty where nothing was."""
        return "" if self.raw is None else split_reasoning(self.raw).reasoning


def as_answer(response: Response) -> Response:
    """The response; the failure ``reasoning_only`` where only reasoning came."""
    # A turn that calls tools has no text to say.
    called = any(
        isinstance(p, ToolCall) for turn in response.turns[-1:] for p in turn.message.parts
    )
    done = response.failure is not None or called
    if done or (detail := _only_thought(response)) is None:
        return response
    return msgspec.structs.replace(response, failure="reasoning_only", detail=detail)


def _take_reasoning_out(record: Completion | Response) -> None:
    if record.raw is not None or not record.text:
        return  # already taken out, or nothing there
    said = split_reasoning(record.text)
    if said.text == record.text:
        return
    force_setattr(record, "raw", record.text)
    force_setattr(record, "text", said.text)
    if said.reasoning:
        # Some servers give the same reasoning beside the text too: it counts once.
        length = max(record.reasoning_length or 0, len(said.reasoning))
        force_setattr(record, "reasoning_length", length)


def _only_thought(record: Completion | Response) -> str | None:
    if record.text.strip() or record.finish_reason in ("content_filter", "refusal"):
        return None
    if record.raw is None and not record.reasoning_length and not record.usage.reasoning_tokens:
        return None
    length = record.reasoning_length
    thought = f"reasoning ({length:,} characters)" if length else "reasoning"
    if record.finish_reason == "length":
        return f"cut off at the token limit within its {thought}: raise max_tokens"
    return f"{thought} and nothing after it"
