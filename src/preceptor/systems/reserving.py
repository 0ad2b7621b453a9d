"""Reservations of calls under way, and whether the caps have room for one more."""

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
    """Dollars and tokens of one call or several."""

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
    #: Whether a call is under way that may take less than its reservation.
    pending: bool = False

    def __sub__(self, size: Size) -> Room:
        return Room(
            None if self.dollars is None else self.dollars - size.dollars,
            None if self.tokens is None else self.tokens - size.tokens,
            self.pending,
        )

    def fits(self, size: Size) -> bool:
        """Whether this much may still be spent."""
        cheap = self.dollars is None or size.dollars <= self.dollars + _ROUNDING
        return cheap and (self.tokens is None or size.tokens <= self.tokens + _ROUNDING)


class Reserved(msgspec.Struct, eq=False):
    """One call: what its prompt takes, the most that the whole takes, and when it began."""

    prompt: Size
    most: Size = Size()
    since: float = 0.0


class Calls:
    """Calls to one system that are under way, with estimates from those that have ended.

    Beyond its prompt, a call is likely to take as much as the largest one that has ended. A call
    that has lasted longer than any of them may take the most: long answers take long, and short
    ones end first.

    Parameters
    ----------
    assumed
        Estimate beyond the prompt until a call has ended.

    Attributes
    ----------
    ended
        How many have ended with a reply.
    most
        The most that those under way can take.
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
        """Add a call that begins."""
        call.since = now
        self._under_way[call] = None
        self._prompts += call.prompt
        self.most += call.most

    def end(self, call: Reserved) -> None:
        """Remove a call that is over."""
        del self._under_way[call]
        self._prompts -= call.prompt
        self.most -= call.most
        if not self._under_way:  # drops rounding errors
            self._prompts, self.most = Size(), Size()

    def learn(self, call: Reserved, took: Size, now: float = 0.0) -> None:
        """Learn from the size of a call that has ended."""
        beyond = took - call.prompt
        self._worst = self._worst.larger(beyond) if self.ended else beyond
        self._longest = max(self._longest, now - call.since)
        self.ended += 1

    def likely(self, now: float, *more: Reserved) -> Size:
        """Estimate of those under way, and of ``more``."""
        whole = sum((call.prompt for call in more), self._prompts)
        whole += self._worst * (self.under_way + len(more))
        for call in self._under_way:
            if now - call.since <= self._longest:
                break  # all others began later
            whole += call.most - call.prompt - self._worst
        return whole


def prompt_bytes(messages: Iterable[Message]) -> int:
    """Bytes of a conversation in UTF-8: no tokeniser makes more tokens of it."""
    return sum(len(message.content.encode("utf-8", "replace")) for message in messages)


def prompt_tokens(size: int) -> int:
    """The most tokens that a prompt of this many bytes is likely to have."""
    return math.ceil(size / FEWEST_CHARS)
