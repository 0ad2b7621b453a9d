"""What calls under way are going to take, and whether caps have room for one more."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from preceptor.records import Message
from preceptor.systems.tokens import FEWEST_CHARS

__all__ = ["Calls", "Reserved", "Room", "Size", "prompt_bytes", "prompt_tokens"]

#: Dollars or tokens by which a sum of decimals may miss its cap.
_ROUNDING = 1e-9


class Size(msgspec.Struct, frozen=True):
    """What a call is thought to take, or several."""

    dollars: float = 0.0
    tokens: float = 0

    def __add__(self, other: Size) -> Size:
        return Size(self.dollars + other.dollars, self.tokens + other.tokens)

    def __sub__(self, other: Size) -> Size:
        return Size(self.dollars - other.dollars, self.tokens - other.tokens)

    def __mul__(self, times: int) -> Size:
        return Size(self.dollars * times, self.tokens * times)

    def larger(self, other: Size) -> Size:
        """The larger of both, dollars and tokens each."""
        return Size(max(self.dollars, other.dollars), max(self.tokens, other.tokens))


class Room(msgspec.Struct, frozen=True):
    """What the caps leave; None without a cap."""

    dollars: float | None = None
    tokens: float | None = None
    #: Whether anything is under way that may turn out to take less than was thought.
    pending: bool = False

    def __sub__(self, size: Size) -> Room:
        return Room(
            None if self.dollars is None else self.dollars - size.dollars,
            None if self.tokens is None else self.tokens - size.tokens,
            self.pending,
        )

    def fits(self, size: Size) -> bool:
        """Whether so much may still be spent."""
        cheap = self.dollars is None or size.dollars <= self.dollars + _ROUNDING
        return cheap and (self.tokens is None or size.tokens <= self.tokens + _ROUNDING)


class Reserved(msgspec.Struct, eq=False):
    """One call: what its prompt takes, the most that the whole takes, and when it began."""

    prompt: Size
    most: Size = Size()
    since: float = 0.0


class Calls:
    """Those to one system that are under way, and what those that have ended are a measure for.

    A call is likely to take, beyond its prompt, as much as the worst that has ended. One that has
    lasted longer than any of them may take the most: long answers take long, and those that end
    first are the short ones.

    Parameters
    ----------
    assumed
        What one takes beyond its prompt while none has ended.

    Attributes
    ----------
    ended
        How many have ended with a reply.
    most
        What those under way take at the most.
    """

    def __init__(self, assumed: Size) -> None:
        self.ended = 0
        self._worst, self._longest = assumed, 0.0
        self._under_way: dict[Reserved, None] = {}  # in the order in which they began
        self._prompts, self.most = Size(), Size()

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def begin(self, call: Reserved, now: float = 0.0) -> None:
        """One more is under way."""
        call.since = now
        self._under_way[call] = None
        self._prompts += call.prompt
        self.most += call.most

    def end(self, call: Reserved) -> None:
        """One is not under way any more."""
        del self._under_way[call]
        self._prompts -= call.prompt
        self.most -= call.most
        if not self._under_way:  # nor is a rounding error
            self._prompts, self.most = Size(), Size()

    def learn(self, call: Reserved, took: Size, now: float = 0.0) -> None:
        """What one has taken in all."""
        beyond = took - call.prompt
        self._worst = self._worst.larger(beyond) if self.ended else beyond
        self._longest = max(self._longest, now - call.since)
        self.ended += 1

    def likely(self, now: float, *more: Reserved) -> Size:
        """What those under way are going to take, and more."""
        whole = sum((call.prompt for call in more), self._prompts)
        whole += self._worst * (self.under_way + len(more))
        for call in self._under_way:
            if now - call.since <= self._longest:
                break  # all others began later
            whole += call.most - call.prompt - self._worst
        return whole


def prompt_bytes(messages: Iterable[Message]) -> int:
    """Of a conversation in UTF-8: no tokeniser makes more tokens of it."""
    return sum(len(message.content.encode("utf-8", "replace")) for message in messages)


def prompt_tokens(size: int) -> int:
    """What so many bytes of a prompt are likely to have at the most."""
    return math.ceil(size / FEWEST_CHARS)
