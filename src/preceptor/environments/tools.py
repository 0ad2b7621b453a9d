"""Tools: each call of the system is answered by a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from preceptor.environments.base import Session
from preceptor.records import Message, ToolCall, ToolResult
from preceptor.systems.base import ToolSpec

__all__ = ["FINISH", "FinishSession", "ToolError", "ToolSession", "taken", "tool_spec"]

#: The tool by which a system ends a task.
FINISH = "finish"

T = TypeVar("T")


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


class FinishSession(ToolSession):
    """Answers calls until the system has finished by one; a turn without a call ends it, too.

    The results of the turn with a call of :data:`FINISH` that was taken are the last, and the
    system is not shown them.
    """

    async def reply(self, said: Message) -> Message | None:
        results = await super().reply(said)
        if results is None:
            self.stop_reason = "no_call"
            return None
        return None if any(map(_finishes, results.parts)) else results


def _finishes(part: object) -> bool:
    return isinstance(part, ToolResult) and part.name == FINISH and not part.failed


def taken(name: str, arguments: Mapping[str, Any], kind: type[T]) -> T:
    """The arguments of a call as what the tool takes. Raises ToolError."""
    try:
        return msgspec.convert(arguments, kind)
    except msgspec.ValidationError as error:
        raise ToolError(f"{name}: {error}") from None


def tool_spec(name: str, words: str, takes: type[msgspec.Struct]) -> ToolSpec:
    """A tool that takes the fields of a struct, as a system is offered it."""
    (schema,), parts = msgspec.json.schema_components([takes])
    return ToolSpec(name, words, _inline(schema, parts))


def _inline(schema: Any, parts: Mapping[str, Any]) -> Any:
    """A schema without references, which not every provider takes."""
    if isinstance(schema, list):
        return [_inline(each, parts) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {
        key: {field: _inline(kind, parts) for field, kind in value.items()}
        if key == "properties"
        else _inline(value, parts)
        for key, value in schema.items()
        if key not in ("title", "description")
    }
