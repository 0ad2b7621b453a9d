"""Tools: each call of the system is answered by a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from preceptor.environments.base import Session
from preceptor.records import Message, ToolCall, ToolResult

__all__ = ["ToolError", "ToolSession"]


class ToolError(Exception):
    """What a tool says of a call that was wrong: the system sees it, and may call again.

    Whatever else a tool raises is the environment's own failure: the answer is then ungraded.
    """


class ToolSession(Session):
    """Answers the calls of a turn, one after the other; a turn without a call is the last."""

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str | ToolResult:
        """What a tool gives: its words, or a result with images or files.

        Parameters
        ----------
        name
            One of those offered.
        arguments
            As the system gave them; nobody has compared them with the tool's schema.

        Raises
        ------
        ToolError
            The system called it wrongly.
        """
        raise NotImplementedError

    async def reply(self, said: Message) -> Message | None:
        calls = [part for part in said.parts if isinstance(part, ToolCall)]
        results = tuple([await self.result(call) for call in calls])
        return Message("tool", results) if results else None

    async def result(self, call: ToolCall) -> ToolResult:
        """What a call gives, or what is wrong with it."""
        try:
            given = await self.call(call.name, call.decoded())
        except ToolError as error:
            return ToolResult(call.id, call.name, str(error), failed=True)
        if isinstance(given, str):
            return ToolResult(call.id, call.name, given)
        return msgspec.structs.replace(given, id=call.id, name=call.name)
