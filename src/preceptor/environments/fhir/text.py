"""The record as text: an agent writes GET, POST or FINISH, and reads what the server says."""

from __future__ import annotations

from typing import Any

import msgspec

from preceptor.environments.base import Session
from preceptor.environments.fhir.server import FhirServer
from preceptor.records import Message

__all__ = ["FhirText", "Replies", "Written", "written"]

_FENCES = ("```tool_code", "```")


class Replies(msgspec.Struct, frozen=True):
    """The words between which an agent reads the server's answers: a benchmark's own, or ours.

    ``{}`` in ``found`` and ``failed`` is where the answer stands.
    """

    found: str = "The server answers:\n{}\nGo on, or end with FINISH([…])."
    failed: str = "The GET request failed: {}"
    accepted: str = "The POST request was accepted. Go on, or end with FINISH([…])."
    refused: str = "The POST request is invalid"


class Written(msgspec.Struct, frozen=True):
    """What a turn asks for.

    Attributes
    ----------
    action
        ``get``, ``post``, ``finish``, or ``invalid`` for what is none of these.
    address
        Where to.
    body
        Of a POST: JSON; UNSET where it is none. Of FINISH: what stands between its brackets.
    """

    action: str
    address: str = ""
    body: Any = msgspec.UNSET


def written(text: str) -> Written:
    """The action of a turn, by MedAgentBench's own rules."""
    text = text.strip()
    for fence in _FENCES:
        text = text.replace(fence, "")
    text = text.strip()
    if text.startswith("GET"):
        return Written("get", text[3:].strip())
    if text.startswith("POST"):
        first, _, rest = text.partition("\n")
        try:
            return Written("post", first[4:].strip(), msgspec.json.decode(rest))
        except msgspec.DecodeError:
            return Written("post", first[4:].strip())
    if text.startswith("FINISH("):
        # The last character goes, whatever it is: so does the benchmark's own loop.
        return Written("finish", body=text[len("FINISH(") : -1])
    return Written("invalid")


class FhirText(Session):
    """Answers an agent's turns until it finishes, or writes something else."""

    def __init__(self, server: FhirServer, replies: Replies, *, rounds: int | None) -> None:
        self.server, self.replies, self.max_turns = server, replies, rounds
        self.finish: str | None = None

    async def reply(self, said: Message) -> Message | None:
        asked = written(said.text)
        if asked.action == "finish":
            self.finish = asked.body
            return None
        if asked.action == "invalid":
            self.stop_reason = "invalid_action"
            return None
        if asked.action == "get":
            form = self.replies.found
            reply = self.server.get(asked.address)
            if reply.status >= 400:
                form = self.replies.failed
            return Message("user", form.replace("{}", reply.text, 1))
        if asked.body is msgspec.UNSET:
            return Message("user", self.replies.refused)
        reply = self.server.post(asked.address, asked.body)
        words = self.replies.accepted if reply.status < 400 else self.replies.refused
        if reply.status >= 400:
            words = f"{words}: {reply.text}"
        return Message("user", words)

    @property
    def state(self) -> Any:
        return {"requests": msgspec.to_builtins(self.server.log), "finish": self.finish}
