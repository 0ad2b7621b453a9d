"""A record in which a system works by itself: over HTTP, or with the record's tools over MCP."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from preceptor.environments.base import Session
from preceptor.environments.fhir.outcomes import Refusal
from preceptor.environments.fhir.server import FhirServer, Reply
from preceptor.environments.fhir.tools import FhirTools
from preceptor.records import Message, ToolCall, ToolResult, Turn

if TYPE_CHECKING:
    from preceptor.environments.fhir.host import RecordHost

__all__ = ["HTTP", "ServedRecord", "last_answers"]

#: Name under which a request over HTTP stands among the calls.
HTTP = "http"
#: Requests of an episode; more are refused.
_MOST_REQUESTS = 500
#: Characters of a result that are kept in the transcript.
_KEPT = 100_000
_Said = TypeVar("_Said", Reply, ToolResult)
_FINISHED = re.compile(r"FINISH\((.*)\)", re.DOTALL)


class ServedRecord(Session):
    """What one system does in a record at an address of its own, and a log of it.

    The answers are those of the tool `finish`; without that, the system's last words.

    Parameters
    ----------
    server
        What is served; the log has its own address, whatever it is served at.
    host
        Where it is served.
    names
        Of the tools that are offered over MCP.
    beside
        Name of a tool → what is said behind its description.
    """

    def __init__(
        self,
        server: FhirServer,
        host: RecordHost,
        names: Iterable[str],
        beside: Mapping[str, str],
    ) -> None:
        self.server, self._host = server, host
        self._known_as = server.base
        self.tools_over_mcp = FhirTools(server, names, beside, rounds=None)
        self._left = _MOST_REQUESTS
        self._episode = secrets.token_urlsafe(16)
        self._turns: list[Turn] = []
        self._given: dict[str, Any] = {}
        self._finish: str | None = None
        self._broken: Exception | None = None

    async def serve(self) -> Mapping[str, str]:
        addresses = self._host.admit(self._episode, self)
        self.server.base = addresses["PRECEPTOR_FHIR_URL"]
        return addresses

    async def close(self) -> None:
        self._host.dismiss(self._episode)

    async def reply(self, said: Message) -> None:
        """The last words. Raises what the record itself failed of."""
        if self._broken is not None:
            raise self._broken
        if self._finish is None:
            self._finish = last_answers(said.text)

    @property
    def turns(self) -> tuple[Turn, ...]:
        return tuple(self._turns)

    @property
    def state(self) -> Any:
        return {"requests": msgspec.to_builtins(self.server.log), "finish": self._finish}

    async def request(
        self, method: str, address: str, body: bytes, once: str | None = None
    ) -> Reply:
        """Answer a request over HTTP."""
        asked = {"method": method, "address": address}
        if body:
            asked["body"] = body.decode("utf-8", "replace")

        async def answer() -> Reply:
            refusal = self._over()
            if refusal is not None:
                return Reply.of(refusal.status, refusal.body)
            return self.server.request(method, address, body)

        return await self._logged(once, HTTP, asked, answer)

    async def call(self, name: str, arguments: Any, once: str | None = None) -> ToolResult:
        """Answer a call over MCP."""
        known = [tool.name for tool in self.tools_over_mcp.tools]

        async def answer() -> ToolResult:
            refusal = self._over()
            if refusal is None and name in known:
                call = ToolCall("", name, msgspec.json.encode(arguments).decode())
                result = await self.tools_over_mcp.result(call)
                if (answers := self.tools_over_mcp.answers) is not None:
                    self._finish = msgspec.json.encode(answers).decode()
                return result
            why = str(refusal or f"there is no tool {name}: expected one of {', '.join(known)}")
            return ToolResult("", name, why, failed=True)

        return await self._logged(once, name, arguments, answer)

    async def _logged(
        self, once: str | None, name: str, asked: Any, answer: Callable[[], Awaitable[_Said]]
    ) -> _Said:
        """What is answered; to the same key, which means that it was sent again, the same."""
        if once is not None and once in self._given:
            again: _Said = self._given[once]
            return again
        try:
            said = await answer()
        except Exception as error:
            self._broken = self._broken or error
            raise
        if self._left < 0:
            return said
        if once is not None:
            self._given[once] = said
        key = str(len(self._turns) // 2 + 1)
        call = ToolCall(key, name, msgspec.json.encode(asked).decode())
        # The same episode has the same transcript, wherever it was served.
        text = said.text.replace(self.server.base, self._known_as)
        more = f"… and {len(text) - _KEPT:,} characters more" if len(text) > _KEPT else ""
        result = ToolResult(key, name, text[:_KEPT] + more, failed=said.failed)
        self._turns += [
            Turn(Message("assistant", (call,))),
            Turn(Message("tool", (result,)), "environment"),
        ]
        return said

    def _over(self) -> Refusal | None:
        """Why nothing more is answered; None where it is."""
        self._left -= 1
        if self._left < 0:
            self.stop_reason = "max_tool_calls"
            return Refusal(429, "not-supported", "There were too many requests in this task.")
        ended = self._finish is not None
        return Refusal(410, "not-supported", "The task has ended.") if ended else None


def last_answers(text: str) -> str | None:
    """The JSON list that a text is or ends with, also as ``FINISH([…])``; None without one."""
    lines = [line for line in text.strip().splitlines() if not line.startswith("```")]
    for words in ("\n".join(lines), lines[-1] if lines else ""):
        match = _FINISHED.fullmatch(words.strip())
        found = words if match is None else match[1]
        try:
            if isinstance(msgspec.json.decode(found), list):
                return found.strip()
        except msgspec.DecodeError:
            continue
    return None
