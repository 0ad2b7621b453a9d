"""What judges one criterion against one response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from preceptor.records import Criterion, Message, Verdict, content_key
from preceptor.systems.base import Ask, System

__all__ = ["Grader", "Question", "render_conversation", "render_item"]


class Question(msgspec.Struct, frozen=True):
    """One judgement to make: the prompt, and the key under which its verdict is kept."""

    key: str
    ask: Ask


class Grader:
    """Judges one criterion at a time with a model, itself a :class:`System`."""

    #: As the user typed it, and what it is for tables.
    address: str
    system: System

    def identity(self) -> dict[str, Any]:
        """All that its verdicts depend on beside the prompt, as JSON."""
        return self.system.identity()

    def prompt(self, conversation: Sequence[Message], criterion: Criterion) -> str:
        """The text that the model is shown. ``conversation`` ends with the answer under review."""
        raise NotImplementedError

    def question(self, conversation: Sequence[Message], criterion: Criterion, run: str) -> Question:
        """The judgement of one criterion in the run of that name.

        The user's own code may change from run to run, so its verdicts stay in theirs.
        """
        prompt = self.prompt(conversation, criterion)
        scope = None if self.system.reusable else run
        return Question(
            content_key("verdict", self.identity(), prompt, scope),
            Ask((Message("user", prompt),)),
        )

    async def judge(self, question: Question) -> Verdict:
        """Ask, and ask again where the reply is no verdict; ungraded with a reason in the end.

        Raises EndpointRefused where no call can succeed; every other failure is a verdict.
        """
        raise NotImplementedError


def render_conversation(messages: Sequence[Message]) -> str:
    """``role: content``, with a blank line between messages."""
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)


def render_item(criterion: Criterion) -> str:
    """``[points] text``."""
    return f"[{criterion.points}] {criterion.text}"
