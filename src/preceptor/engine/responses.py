"""One question to a system: its completions, as the response that is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, isfinite, log
from typing import Any

import msgspec

from preceptor.engine.budget import Budget
from preceptor.errors import BudgetExceeded, EndpointError, EndpointRefused, shorten
from preceptor.records import Completion, Message, Response, Text, Turn, as_answer
from preceptor.records.responses import CANDIDATES
from preceptor.store.rows import storable, storable_message
from preceptor.systems.base import Ask, System, without_text
from preceptor.systems.first_token import token_text

__all__ = ["answer_to", "failed_response", "response_of"]

#: Attempts at a question whose reply is empty without a reason.
_EMPTY_ATTEMPTS = 3


async def answer_to(
    key: str, ask: Ask, system: System, budget: Budget, is_stopping: Callable[[], bool]
) -> Response:
    """The answer or its failure. Asks again after a reply with neither text nor reason.

    Raises BudgetExceeded, EndpointRefused where nothing was paid for this question.
    """
    empty: list[Completion] = []
    while True:
        try:
            completion = await budget.answer(system, ask)
        except (BudgetExceeded, EndpointRefused):
            if not empty:
                raise  # otherwise keep what was paid first; the next call raises again
            return failed_response(key, empty)
        except EndpointError as error:
            failed = failed_response(key, empty) if empty else Response(key, cost_usd=0.0)
            return msgspec.structs.replace(failed, failure=error.kind, detail=str(error))
        usable = ask.tools if completion.calls else system.may_be_empty
        why = None if usable else without_text(completion)
        if why is None:
            return response_of(key, completion, empty)
        system.failures[why] += 1
        empty.append(completion)
        again = why == "empty" and not system.slow and len(empty) < _EMPTY_ATTEMPTS
        if not again or is_stopping():
            return failed_response(key, empty)


def response_of(key: str, completion: Completion, before: Sequence[Completion] = ()) -> Response:
    """A completion as a response, with the usage of the useless ones ``before`` it."""
    costs = [each.cost_usd for each in (*before, completion)]
    response = Response(
        key,
        # As it will be read again: the grader must be shown the same text after a resume.
        text=storable(completion.whole),
        finish_reason=completion.finish_reason,
        sent=completion.sent,
        usage=sum((each.usage for each in before), completion.usage),
        latency_s=round(sum(each.latency_s for each in before) + completion.latency_s, 4),
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        reasoning_length=completion.reasoning_length,
        turns=tuple(
            msgspec.structs.replace(turn, message=storable_message(turn.message))
            for turn in completion.turns or _with_calls(completion)
        ),
        state=_state(completion),
        stop_reason=completion.stop_reason,
        served_model=completion.served_model,
        created_at=completion.created_at,
    )
    return as_answer(response)


def _state(completion: Completion) -> Any:
    """What the system says of its state, else the candidates for its first token where listed."""
    if completion.state is not None or not completion.first_token:
        return completion.state
    chances: dict[str, float] = {}
    for token, logprob in completion.first_token.items():
        if isfinite(logprob):
            text = storable(token_text(token))  # two tokens may have one text
            chances[text] = log(exp(chances[text]) + exp(logprob)) if text in chances else logprob
    return {CANDIDATES: chances}


def _with_calls(completion: Completion) -> tuple[Turn, ...]:
    """The turn with its tool calls; none where the text is all there is."""
    if not completion.calls:
        return ()
    words = (Text(completion.text),) if completion.text else ()
    said = Message("assistant", (*completion.thoughts, *words, *completion.calls))
    return (Turn(said),)


def failed_response(key: str, completions: Sequence[Completion]) -> Response:
    """The failure for replies without a text."""
    last = completions[-1]
    times = f" {len(completions)} times" if len(completions) > 1 else ""
    return msgspec.structs.replace(
        response_of(key, last, completions[:-1]),
        failure="reasoning_only" if last.only_thought else without_text(last),
        detail=last.only_thought
        or f"the reply had no text{times}: it ended with {shorten(last.finish_reason, 60)}",
    )
