"""Whether the tools that a run offers reach the model: many servers drop them in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from preceptor.errors import EndpointRefused
from preceptor.records import Response, ToolCall
from preceptor.records.responses import CALL_AS_TEXT
from preceptor.systems.base import Ask, System

__all__ = ["ToolCheck"]

Find = Callable[[Ask], Awaitable[Response]]
#: Failed first questions after which the others no longer wait for one.
_ATTEMPTS = 3


class ToolCheck:
    """Lets the first question that offers tools go ahead of the others, and judges by its answer.

    A call shows that they arrive. Without one, the question is asked once more without tools: where
    the server counts as many tokens of the prompt, it has dropped them. Both are turns that are
    kept, so a resumed run pays for neither again.

    Parameters
    ----------
    say
        Shows a sentence, each once, and keeps it beside the score.
    """

    def __init__(self, system: System, say: Callable[[str], None]) -> None:
        self._system, self._say = system, say
        self._settled = system.recorded or system.slow
        self._failed = 0
        self._dropped: EndpointRefused | None = None
        self._one = asyncio.Lock()

    async def turn(self, ask: Ask, find: Find) -> Response:
        """The answer to a turn that ``find`` asks for, or finds in the store.

        Raises
        ------
        EndpointRefused
            The tools do not arrive: the run would measure nothing.
        """
        if ask.tools and not self._settled:
            async with self._one:
                if self._dropped is not None:
                    raise self._dropped
                if not self._settled:
                    return await self._first(ask, find)
        return await find(ask)

    async def _first(self, ask: Ask, find: Find) -> Response:
        answer = await find(ask)
        if answer.failure is not None:
            self._failed += 1
            self._settled = self._failed >= _ATTEMPTS
            return answer
        if not _calls(answer) and _prompt(answer):
            plain = await find(msgspec.structs.replace(ask, tools=()))
            if plain.failure is None and _prompt(plain):
                self._compare(_prompt(answer), _prompt(plain))
        self._settled = True
        return answer

    def answered(self, answer: Response) -> None:
        """Say where calls are written as text."""
        if answer.stop_reason == CALL_AS_TEXT:
            self._say(
                f"{self._system.address} writes tool calls as text, which nobody makes: its server "
                f"does not read the calls of this model."
            )

    def _compare(self, offered: int, plain: int) -> None:
        if offered == plain:
            self._dropped = EndpointRefused(
                "tools_dropped",
                f"{self._system.address}: expected a server that hands tools to its model, found "
                f"{plain:,} tokens in the first prompt with tools and without: name a model or "
                f"server that takes tools",
            )
            raise self._dropped
        self._say(
            f"The first question was asked once more without tools, to see that they reach the "
            f"model: {offered:,} tokens in the prompt with them, {plain:,} without."
        )


def _calls(answer: Response) -> bool:
    last = answer.turns[-1:]
    return any(isinstance(part, ToolCall) for turn in last for part in turn.message.parts)


def _prompt(answer: Response) -> int:
    """Tokens of the prompt; 0 where the server does not count."""
    usage = answer.usage
    # Some gateways do not count what was cached as input.
    return max(usage.input_tokens, usage.cached_tokens) if usage.input_tokens else 0
