"""A script: what the user says next is written in the example."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from preceptor.environments.base import Environment, Session
from preceptor.records import Example, Message

__all__ = ["Script"]


class Script(Environment):
    """The user's later turns, in order, whatever the system says.

    Parameters
    ----------
    later
        The turns behind the first one, which is the last message of the example.
    """

    def __init__(self, later: Callable[[Example], Sequence[str]]) -> None:
        self.later = later

    def open(self, example: Example) -> Session:
        return _Lines(self.later(example))


class _Lines(Session):
    max_turns = None

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = iter(lines)

    async def reply(self, said: Message) -> Message | None:
        line = next(self._lines, None)
        return None if line is None else Message("user", line)
