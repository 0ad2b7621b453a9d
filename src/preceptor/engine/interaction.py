"""One loop for a script, a patient and tools: the turn of the system, then of its environment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from preceptor.environments.base import Session
from preceptor.records import Message, Response, Turn, Usage
from preceptor.systems.base import Ask

__all__ = ["interact", "said_in_turn"]


async def interact(
    key: str, ask: Ask, session: Session, call: Callable[[Ask], Awaitable[Response]]
) -> Response:
    """Bring an interaction to its end.

    Parameters
    ----------
    key
        Of the whole interaction, under which its response is kept.
    ask
        The first question.
    call
        Asks the system, or finds its answer in the store. It keeps what each turn took.

    Returns
    -------
    Response
        The last turn's text with the conversation before it, and the transcript. Its usage is
        zero: what the turns took was kept with them. A failed turn ends it with that failure.
    """
    ask = msgspec.structs.replace(ask, tools=session.tools)
    answers: list[Response] = []
    turns: list[Turn] = []
    try:
        while True:
            answer = await call(ask)
            answers.append(answer)
            said = said_in_turn(answer)
            took = (answer.usage, answer.cost_usd, answer.latency_s, answer.created_at)
            turns.append(Turn(said, "system", *took))
            following = None if answer.failure is not None else await session.reply(said)
            if following is None:
                break
            turns.append(Turn(following, "environment", cost_usd=0.0))
            ask = msgspec.structs.replace(ask, messages=(*ask.messages, said, following))
        state, stop_reason = session.state, session.stop_reason
    finally:
        await session.close()
    lengths = [each.reasoning_length for each in answers if each.reasoning_length is not None]
    return msgspec.structs.replace(
        answers[-1],
        key=key,
        sent=answers[-1].sent or ask.messages,
        usage=Usage(),
        latency_s=round(sum(each.latency_s for each in answers), 4),
        cost_usd=0.0,
        reasoning_length=sum(lengths) if lengths else None,
        turns=tuple(turns),
        state=state,
        stop_reason=stop_reason,
    )


def said_in_turn(answer: Response) -> Message:
    """The system's turn: its text, or text and tool calls where it has any."""
    own = answer.turns[-1].message if answer.turns else None
    return Message("assistant", answer.text) if own is None else own
