"""The rubric grader: one call per criterion, answered in JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from preceptor.errors import EndpointError, EndpointRefused, shorten
from preceptor.graders.base import Grader, Question, render_conversation, render_item
from preceptor.graders.template import Template
from preceptor.records import Completion, Criterion, Message, Usage, Verdict
from preceptor.systems.base import System

__all__ = ["ATTEMPTS", "RubricGrader", "ask_until_parsed", "parse_verdict"]

#: How often one criterion is asked before it is ungraded.
ATTEMPTS = 4


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
        reply = _decoder.decode(_without_fence(text))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ValueError(f"{error}; the reply was {shorten(text[:200].strip(), 120)}") from None
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    explanation = reply.explanation
    if not isinstance(explanation, str):
        explanation = "" if explanation is None else msgspec.json.encode(explanation).decode()
    return reply.criteria_met, explanation


def _without_fence(text: str) -> str:
    # No regular expression: some take minutes for a reply of a hundred thousand newlines.
    inner = text.strip()
    if inner.startswith("```"):
        inner = inner[3:]
        inner = inner[4:] if inner[:4].lower() == "json" else inner
    return inner.removesuffix("```").strip()


class RubricGrader(Grader):
    """HealthBench's grader: the whole conversation and one rubric item in one user message."""

    def __init__(self, address: str, system: System, template: Template) -> None:
        self.address = address
        self.system = system
        self.template = template

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
    verdict = Verdict(question.key, None, reason="unparseable")
    completions: list[Completion] = []
    while verdict.met is None and len(completions) < ATTEMPTS:
        try:
            completions.append(await system.answer(question.ask))
        except EndpointRefused:
            raise
        except EndpointError as error:
            # The endpoint has already tried again for as long as it makes sense.
            verdict = Verdict(question.key, None, reason=error.kind, detail=str(error))
            break
        try:
            verdict = read(completions[-1])
        except ValueError as error:
            reason = _why_unreadable(completions[-1])
            system.failures[reason] += 1
            verdict = Verdict(question.key, None, reason=reason, detail=str(error))
    costs = [completion.cost_usd for completion in completions]
    return msgspec.structs.replace(
        verdict,
        usage=sum((completion.usage for completion in completions), Usage()),
        latency_s=round(sum(completion.latency_s for completion in completions), 4),
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        attempts=max(1, len(completions)),
    )


def _why_unreadable(completion: Completion) -> str:
    if completion.finish_reason in ("refusal", "content_filter"):
        return completion.finish_reason
    if not completion.text.strip():
        return "empty"
    return "cut_off" if completion.finish_reason == "length" else "unparseable"
