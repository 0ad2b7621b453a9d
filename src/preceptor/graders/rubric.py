"""The rubric grader: one call per criterion, answered in JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

import msgspec

from preceptor.errors import (
    BudgetExceeded,
    EndpointError,
    EndpointRefused,
    Unavailable,
    shorten,
)
from preceptor.graders.base import Question, render_conversation, render_item
from preceptor.graders.model import ModelGrader
from preceptor.graders.template import OWN, Template
from preceptor.reasoning import said_in, without_fence
from preceptor.records import Completion, Criterion, Message, Usage, Verdict
from preceptor.systems.base import DECLINED, Ask, Postponed, System, without_text

__all__ = [
    "ATTEMPTS",
    "Asked",
    "RubricGrader",
    "Unreadable",
    "ask_until",
    "ask_until_parsed",
    "in_words",
    "parse_verdict",
]

T = TypeVar("T")

#: How often one criterion is asked before it is ungraded.
ATTEMPTS = 4
#: Reasons that another attempt changes only where the model samples.
_ENDLESS = ("cut_off", "reasoning_only")


class Unreadable(ValueError):
    """A reply that is no verdict, with a reason of its own in one word."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason


class _Reply(msgspec.Struct):
    criteria_met: bool
    explanation: object = ""


_decoder = msgspec.json.Decoder(_Reply)


def parse_verdict(text: str) -> tuple[bool, str]:
    """(met, explanation) from a grader's reply: bare JSON, or JSON in one Markdown fence.

    Nothing is guessed: ``criteria_met`` must be a JSON boolean. As in the reference implementation,
    one end of the fence may be missing, of a key that stands twice the last counts, and the
    explanation may be anything.

    Raises
    ------
    ValueError
        It is anything else; the message says what.
    """
    try:
        reply = _decoder.decode(without_fence(said_in(text)))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ValueError(f"{error}; the reply was {shorten(text[:200].strip(), 120)}") from None
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    return reply.criteria_met, in_words(reply.explanation)


def in_words(explanation: object) -> str:
    """A grader's explanation, which may be any JSON, as text."""
    if isinstance(explanation, str):
        return explanation
    return "" if explanation is None else msgspec.json.encode(explanation).decode()


class RubricGrader(ModelGrader):
    """HealthBench's grader: the whole conversation and one rubric item in one user message."""

    def __init__(self, address: str, system: System, template: Template) -> None:
        self.address = address
        self.system = system
        self.template = template

    def departures(self) -> list[str]:
        if self.template.name == OWN.name:
            return [
                "Graded with Preceptor's own prompt, not the reference prompt: "
                "not comparable with published scores."
            ]
        if self.template.name != "reference":
            return ["Graded with a prompt of the user's, not the reference prompt."]
        return []

    def prompt(self, conversation: Sequence[Message], criterion: Criterion) -> str:
        return self.template.render(render_conversation(conversation), render_item(criterion))

    async def judge(self, question: Question) -> Verdict:
        def read(completion: Completion) -> Verdict:
            met, explanation = parse_verdict(completion.text)
            return Verdict(question.key, met, explanation)

        return await ask_until_parsed(self.system, question, read)


async def ask_until_parsed(
    system: System, question: Question, read: Callable[[Completion], Verdict]
) -> Verdict:
    """Ask up to ATTEMPTS times until ``read`` makes a verdict of the reply.

    Tokens, cost and seconds of all attempts are added up. ``read`` raises ValueError for a reply
    that is no verdict.
    """
    asked = await ask_until(system, question.ask, read, ATTEMPTS)
    verdict = asked.value or Verdict(question.key, None, reason=asked.reason, detail=asked.detail)
    return msgspec.structs.replace(
        verdict,
        usage=asked.usage,
        latency_s=asked.latency_s,
        cost_usd=asked.cost_usd,
        attempts=asked.attempts,
        served_model=asked.served_model,
    )


class Asked(msgspec.Struct, Generic[T], frozen=True):
    """What came of asking: a value, or None with the reason; and what all attempts took."""

    value: T | None
    reason: str | None
    detail: str
    usage: Usage
    latency_s: float
    cost_usd: float | None
    attempts: int
    served_model: str | None = None


async def ask_until(
    system: System, ask: Ask, read: Callable[[Completion], T], attempts: int
) -> Asked[T]:
    """Ask until ``read`` accepts the reply, at most ``attempts`` times.

    A question whose reply the token limit cut off, or that ended in reasoning, is not asked again
    at temperature 0: the reply would be the same. Each attempt waits until the cap has room for it.
    If no further one may start, the useless reply is kept, and a resumed run asks again.
    """
    meter = system.meter
    answer = system.answer if meter is None else partial(meter.answer, system)
    value: T | None = None
    reason: str | None = None
    detail = ""
    completions: list[Completion] = []
    while value is None and len(completions) < attempts:
        try:
            completions.append(await answer(ask))
        except (BudgetExceeded, Postponed, Unavailable):
            if not completions:
                raise
            break
        except EndpointError as error:
            if isinstance(error, EndpointRefused) and not completions:
                raise  # else what was paid must be kept first: the next call will say the same
            # The endpoint has already tried again for as long as it makes sense.
            reason, detail = error.kind, str(error)
            break
        try:
            value, reason, detail = read(completions[-1]), None, ""
        except ValueError as error:
            reason, detail = _why_unreadable(completions[-1], error)
            system.failures[reason] += 1
            if reason in _ENDLESS and not system.sampled:
                break
    costs = [completion.cost_usd for completion in completions]
    return Asked(
        value,
        reason,
        detail,
        usage=sum((completion.usage for completion in completions), Usage()),
        latency_s=round(sum(completion.latency_s for completion in completions), 4),
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        attempts=max(1, len(completions)),
        served_model=completions[-1].served_model if completions else None,
    )


def _why_unreadable(completion: Completion, error: ValueError) -> tuple[str, str]:
    """(reason, detail) of a reply that is no verdict."""
    detail = str(error)
    if completion.finish_reason in DECLINED:
        return completion.finish_reason, detail
    if isinstance(error, Unreadable):
        return error.reason, detail
    if completion.only_thought is not None:
        return "reasoning_only", completion.only_thought
    if completion.reasoning_length:
        detail += f"; {completion.reasoning_length:,} characters of reasoning came before it"
    cut_off = completion.finish_reason == "length"
    return without_text(completion) or ("cut_off" if cut_off else "unparseable"), detail
