"""One loop for a script, a patient and tools: the turn of the system, then of its environment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from preceptor.environments.base import Session
from preceptor.errors import BudgetExceeded, EndpointRefused, StoreError
from preceptor.records import (
    File,
    Image,
    Message,
    Part,
    Response,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
)
from preceptor.records.responses import CALL_AS_TEXT, ENVIRONMENT_FAILED
from preceptor.store.rows import storable_message
from preceptor.systems.base import EVERY, Ask, Capability, Postponed
from preceptor.systems.tool_calls import written_call

__all__ = ["NEEDED", "attend", "environment_failure", "interact"]

#: Kind of a part → what a system must take.
NEEDED: dict[type[Part], Capability] = {Image: "images", File: "files"}
#: Characters of what an environment raised.
_LONGEST = 300
#: What says nothing of the environment, and stops the run.
_NOT_ITS_OWN = (BudgetExceeded, EndpointRefused, StoreError, Postponed)


class _EnvironmentError(Exception):
    """The environment gave what it must not, in words."""


async def interact(
    key: str,
    ask: Ask,
    session: Session,
    call: Callable[[Ask], Awaitable[Response]],
    capabilities: frozenset[Capability] = EVERY,
    *,
    patient: Callable[[tuple[Message, ...]], Awaitable[Response]] | None = None,
    recorded: bool = False,
) -> Response:
    """Bring an interaction to its end.

    Calls of tools that are not offered, or whose arguments are no JSON object, are answered here.

    Parameters
    ----------
    key
        Of the whole interaction, under which its response is kept.
    ask
        The first question.
    call
        Asks the system, or finds its answer in the store. It keeps what each turn took.
    capabilities
        What the system takes beside words.
    patient
        Asks the model that plays the patient, or finds its answer.
    recorded
        Whether an answer that has a transcript is the whole interaction.

    Returns
    -------
    Response
        The last turn's text with the conversation before it, and the transcript. Its usage is
        zero: what the turns took was kept with them. A failed turn, or a failure of the
        environment, ends it with that failure.
    """
    answers: list[Response] = []
    turns: list[Turn] = []
    asked = _Asked(patient)
    session.ask = asked.ask
    stop_reason, broken = None, None
    try:
        if not recorded and (first := await session.begin()) is not None:
            first = storable_message(first)
            turns.append(asked.turn(first, session.party))
            ask = msgspec.structs.replace(ask, messages=(*ask.messages, first))
        while True:
            seen = ask.messages[-1:] if session.alone else ask.messages
            answer = await call(msgspec.structs.replace(ask, messages=seen, tools=session.tools))
            answers.append(answer)
            steps = answer.turns if recorded and answer.turns else _steps(answer)
            turns += steps
            if answer.failure is not None or (recorded and answer.turns):
                break
            said = _to_answer(steps[-1].message, session)
            stop_reason = _limit(session, turns, len(answers), said) or _no_call(
                answer, said, session
            )
            following = None if stop_reason else await _following(session, said, capabilities)
            if following is None:
                break
            if len(answers) == session.max_turns:
                stop_reason = "max_turns"
                break
            turns.append(asked.turn(following, session.party))
            if session.over:
                break
            ask = msgspec.structs.replace(ask, messages=(*ask.messages, said, following))
        state, stop_reason = session.state, stop_reason or session.stop_reason
        if recorded and answer.turns:
            state, stop_reason = answer.state, answer.stop_reason
    except _NOT_ITS_OWN:
        raise
    except Exception as error:
        state, broken = None, error
    finally:
        await session.close()
    if broken is not None and not answers:
        return environment_failure(key, broken)
    lengths = [each.reasoning_length for each in answers if each.reasoning_length is not None]
    whole = msgspec.structs.replace(
        answers[-1],
        key=key,
        sent=(None if session.alone else answers[-1].sent) or ask.messages,
        usage=Usage(),
        latency_s=round(sum(each.latency_s for each in answers), 4),
        cost_usd=0.0,
        reasoning_length=sum(lengths) if lengths else None,
        turns=tuple(turns),
        state=state,
        stop_reason=stop_reason,
    )
    if broken is None:
        return whole
    failed = environment_failure(key, broken)
    return msgspec.structs.replace(whole, text="", failure=failed.failure, detail=failed.detail)


class _Asked:
    """Asks the patient's model for a session, and knows what its calls took."""

    def __init__(
        self, patient: Callable[[tuple[Message, ...]], Awaitable[Response]] | None
    ) -> None:
        self._patient, self._answers = patient, list[Response]()

    async def ask(self, messages: tuple[Message, ...]) -> str:
        """Raises _EnvironmentError where the model fails."""
        assert self._patient is not None
        answer = await self._patient(messages)
        if answer.failure is not None:
            raise _EnvironmentError(
                f"had no answer of its patient: {answer.failure}: {answer.detail}"
            )
        self._answers.append(answer)
        return answer.text

    def turn(self, message: Message, party: str) -> Turn:
        """A turn of the session, with what the calls since its last one took."""
        answers, self._answers = self._answers, []
        costs = [each.cost_usd for each in answers]
        return Turn(
            message,
            party,
            sum((each.usage for each in answers), Usage()),
            None if None in costs else sum(cost for cost in costs if cost is not None),
            sum(each.latency_s for each in answers),
            answers[-1].created_at if answers else None,
        )


async def attend(
    key: str, ask: Ask, session: Session, call: Callable[[Ask], Awaitable[Response]]
) -> Response:
    """Let a system work in a session by itself: what it did is in the session's log.

    It is one call of the system, kept as a whole: a session that was broken off begins anew. The
    steps that the system itself tells of are left out, since the log has what happened.
    """
    answer = Response(key, cost_usd=0.0)
    try:
        answer = await call(msgspec.structs.replace(ask, addresses=await session.serve()))
        # Where the session failed, a failure of the system may come of that.
        await session.reply(Message("assistant", answer.text))
    except _NOT_ITS_OWN:
        raise
    except Exception as error:
        failed = environment_failure(key, error)
        answer = msgspec.structs.replace(
            answer, text="", failure=failed.failure, detail=failed.detail
        )
    finally:
        await session.close()
    last = () if answer.failure else (Turn(Message("assistant", answer.text)),)
    return msgspec.structs.replace(
        answer,
        turns=(*session.turns, *last),
        state=session.state,
        stop_reason=session.stop_reason,
    )


def environment_failure(key: str, error: Exception) -> Response:
    """The failure of the environment alone: no answer is lost by the system."""
    own = isinstance(error, _EnvironmentError)
    words = str(error) if own else f"raised {type(error).__name__}: {error}"
    detail = f"the environment {' '.join(words.split())[:_LONGEST]}"
    return Response(key, cost_usd=0.0, failure=ENVIRONMENT_FAILED, detail=detail)


def _steps(answer: Response) -> tuple[Turn, ...]:
    """The turns of an answer, the last of which has what it took; a text is one turn."""
    *before, last = answer.turns or (Turn(Message("assistant", answer.text)),)
    took = (answer.usage, answer.cost_usd, answer.latency_s, answer.created_at)
    return (*before, Turn(last.message, "system", *took))


def _to_answer(said: Message, session: Session) -> Message:
    """The turn that is to be answered: without calls where nothing is offered to call."""
    if session.tools or isinstance(said.content, str):
        return said
    kept = tuple(part for part in said.content if not isinstance(part, ToolCall))
    return msgspec.structs.replace(said, content=kept) if kept != said.content else said


def _limit(session: Session, turns: Iterable[Turn], asked: int, said: Message) -> str | None:
    """The limit that the calls of the last turn would exceed."""
    if not _calls(said):
        return None
    if asked == session.max_turns:
        return "max_turns"
    calls = sum(len(_calls(turn.message)) for turn in turns)
    beyond = session.max_tool_calls is not None and calls > session.max_tool_calls
    return "max_tool_calls" if beyond else None


def _no_call(answer: Response, said: Message, session: Session) -> str | None:
    """Why a turn is no call, though it looks like one; None where it does not.

    A turn that was cut off may call what was never meant; a call that is written as text has been
    made by nobody. Neither is an answer.
    """
    if _calls(said):
        return "cut_off" if answer.finish_reason == "length" else None
    names = [tool.name for tool in session.tools]
    return CALL_AS_TEXT if written_call(answer.text, names) else None


async def _following(
    session: Session, said: Message, capabilities: frozenset[Capability]
) -> Message | None:
    """What follows on a turn: the session's reply, and the results of calls that it never sees.

    Raises _EnvironmentError where a call has no result, or the system cannot take the reply.
    """
    results = [_refused(call, session) for call in _calls(said)]
    if results and all(results):
        return Message("tool", tuple(result for result in results if result))
    if any(results):
        refused = [call for call, no in zip(_calls(said), results, strict=True) if no]
        kept = tuple(part for part in said.content if part not in refused)
        reply = await session.reply(msgspec.structs.replace(said, content=kept))
    else:
        reply = await session.reply(said)
    if reply is None:
        return None
    given = [part for part in reply.parts if isinstance(part, ToolResult)]
    for place, call in enumerate(_calls(said)):
        if results[place] is None:
            results[place] = found = next((each for each in given if each.id == call.id), None)
            if found is None:
                raise _EnvironmentError(f"gave no result to the call of {call.name}")
            given.remove(found)
    if any(results):
        rest = (part for part in reply.parts if not isinstance(part, ToolResult))
        reply = Message(reply.role, (*(result for result in results if result), *rest))
    for part in reply.parts:
        lacking = _needs(part) - capabilities
        if lacking:
            raise _EnvironmentError(
                f"gave {' and '.join(sorted(lacking))}, which the system does not take: name it "
                f"among the needs of the environment"
            )
    return storable_message(reply)


def _needs(part: Part) -> set[Capability]:
    if isinstance(part, ToolResult):
        return {"tool_media"} if part.media else set()
    return {NEEDED[type(part)]} if type(part) in NEEDED else set()


def _calls(message: Message) -> list[ToolCall]:
    return [part for part in message.parts if isinstance(part, ToolCall)]


def _refused(call: ToolCall, session: Session) -> ToolResult | None:
    """The result of a call that no tool can answer; None for one that it can."""
    names = [tool.name for tool in session.tools]
    if call.name not in names:
        words = f"there is no tool {call.name}: expected one of {', '.join(names)}"
    elif call.parsed is None:
        words = f"expected the arguments of {call.name} as a JSON object"
    else:
        return None
    return ToolResult(call.id, call.name, words, failed=True)
