"""Reservations of calls under way, and whether the caps have room for one more."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from preceptor.records import File, Image, Message
from preceptor.systems.tokens import FEWEST_CHARS

if TYPE_CHECKING:
    from preceptor.systems.base import ToolSpec

__all__ = ["Calls", "Outlook", "Reserved", "Room", "Size", "prompt_bytes", "prompt_tokens"]

#: Dollars or tokens by which a sum of decimals may miss its cap.
_ROUNDING = 1e-9
#: Probability that calls under way take more than is reserved for them by more than the error of
#: one call's estimate; and the standard deviations that a normal variable exceeds with it.
_RISK, _DEVIATIONS = 0.01, 2.326
#: Durations below this count as equal, seconds.
_SHORTEST_S = 0.001


class Size(msgspec.Struct, frozen=True):
    """Dollars and tokens of one call or several."""

    dollars: float = 0.0
    tokens: float = 0

    def __add__(self, other: Size) -> Size:
        return Size(self.dollars + other.dollars, self.tokens + other.tokens)

    def __sub__(self, other: Size) -> Size:
        return Size(self.dollars - other.dollars, self.tokens - other.tokens)

    def __mul__(self, times: float) -> Size:
        return Size(self.dollars * times, self.tokens * times)

    def root(self) -> Size:
        """The square root of each; 0 for a rounding error below 0."""
        return Size(math.sqrt(max(0.0, self.dollars)), math.sqrt(max(0.0, self.tokens)))

    def smaller(self, other: Size) -> Size:
        """The smaller of both, dollars and tokens each."""
        return Size(min(self.dollars, other.dollars), min(self.tokens, other.tokens))

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
    """One call: the size of its prompt, the most that the whole can take, and when it began."""

    prompt: Size
    bound: Size = Size()
    since: float = 0.0


class Outlook(msgspec.Struct, frozen=True):
    """Estimate of calls under way.

    Attributes
    ----------
    likely
        What they stay below together, with a probability of about 99 %.
    calls
        Their number.
    late
        Number of them that have lasted longer than any that has ended.
    records
        Expected number of the others that take more than any that has ended.
    most
        The most that one of them can take beyond the estimate of its prompt.
    """

    likely: Size = Size()
    calls: int = 0
    late: int = 0
    records: float = 0.0
    most: Size = Size()

    def __add__(self, other: Outlook) -> Outlook:
        return Outlook(
            self.likely + other.likely,
            self.calls + other.calls,
            self.late + other.late,
            self.records + other.records,
            self.most.larger(other.most),
        )

    @property
    def reserved(self) -> Size:
        """Size that is exceeded by at most the error of one call, with a probability of 99 %.

        That all j largest of n + k values are among k of them has a probability of at most
        (k / (n + k))^j. So many calls but one are counted at the most that they can take.
        """
        surprises = self.calls
        if self.records < 1:
            surprises = math.ceil(math.log(_RISK, self.records)) - 1 if self.records else 0
        surprises = min(self.calls, max(surprises, self.late))
        return self.likely + self.most * max(0, surprises - 1)


class _Ended:
    """Dollars and tokens of calls of about the same duration: their sums, and of their squares."""

    __slots__ = ("n", "squares", "sums")

    def __init__(self) -> None:
        self.n, self.sums, self.squares = 0, [0.0, 0.0], [0.0, 0.0]

    def add(self, took: Size) -> None:
        self.n += 1
        for place, each in enumerate((took.dollars, took.tokens)):
            self.sums[place] += each
            self.squares[place] += each**2


#: Calls that ended at a step of duration, those under way that have lasted as long, and all that
#: lasted at least this long.
_Risk: TypeAlias = tuple[_Ended, int, int]


def _beyond(risks: Iterable[_Risk], worst: float, place: int) -> tuple[float, float]:
    """Mean and variance of what those under way take beyond their prompts: of dollars, at the place
    0, or of tokens, at 1. ``worst`` stands for what has no call that lasted longer.
    """
    mean, square, total, variance = worst, worst**2, 0.0, 0.0
    for ended, under_way, at_risk in risks:
        if ended.n:  # mean and mean square of those that last at least this long
            mean += (ended.sums[place] - mean * ended.n) / at_risk
            square += (ended.squares[place] - square * ended.n) / at_risk
        total += mean * under_way
        variance += (square - mean**2) * under_way
    return total, variance


_NONE = _Ended()


class Calls:
    """Calls to one system that are under way, with estimates from those that have ended.

    Parameters
    ----------
    assumed
        Estimate beyond the prompt until a call has ended.
    """

    def __init__(self, assumed: Size) -> None:
        self._worst = assumed
        self._ended: dict[int, _Ended] = {}  # by the step of their duration
        self._n_ended = 0
        self._under_way: dict[Reserved, None] = {}  # in the order in which they began
        self._prompts = self._bounds = Size()

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def begin(self, call: Reserved, now: float = 0.0) -> None:
        """Add a call that begins."""
        call.since = now
        self._under_way[call] = None
        self._prompts += call.prompt
        self._bounds += call.bound

    def end(self, call: Reserved) -> None:
        """Remove a call that is over."""
        del self._under_way[call]
        self._prompts -= call.prompt
        self._bounds -= call.bound
        if not self._under_way:  # drops rounding errors
            self._prompts = self._bounds = Size()

    def learn(self, call: Reserved, took: Size, now: float = 0.0) -> None:
        """Learn from the size of a call that has ended."""
        beyond = took - call.prompt
        self._worst = self._worst.larger(beyond) if self._n_ended else beyond
        self._ended.setdefault(_step(now - call.since), _Ended()).add(beyond)
        self._n_ended += 1

    def bound(self, *more: Reserved) -> Size:
        """The most that those under way, and ``more``, can take."""
        return sum((call.bound for call in more), self._bounds)

    def at_worst(self, *more: Reserved) -> Size:
        """Estimate if each answer is as long as the longest."""
        return self._given(*more) + self._worst * (self.under_way + len(more))

    def outlook(self, now: float = 0.0, *more: Reserved) -> Outlook:
        """Estimate of those under way, and of ``more``.

        Long answers take long, and those that end first are the short ones. So a call is measured
        by those that lasted longer than it has, weighted after Kaplan and Meier (1958), as others
        are under way still.
        """
        begun = [call.since for call in self._under_way]  # the oldest first
        calls = len(begun) + len(more)
        counted = at_risk = late = 0
        records = 0.0
        steps = sorted({*self._ended, *(step + 1 for step in self._ended)}, reverse=True)
        risks: list[_Risk] = []
        for step in (*steps, None):
            older = calls if step is None else bisect_right(begun, now - _seconds(step))
            ended = _NONE if step is None else self._ended.get(step, _NONE)
            under_way, counted = older - counted, older
            at_risk += under_way + ended.n
            if at_risk == older and steps:
                late = older
            elif at_risk:
                records += under_way / at_risk
            if ended.n or under_way:
                risks.append((ended, under_way, at_risk))
        likely = self.at_worst(*more)
        if self._n_ended > 1:
            # The mean is itself an estimate from the calls that have ended.
            deviations = _DEVIATIONS * math.sqrt(1 + calls / self._n_ended)
            (dollars, of_dollars), (tokens, of_tokens) = (
                _beyond(risks, self._worst.dollars, 0),
                _beyond(risks, self._worst.tokens, 1),
            )
            spread = Size(of_dollars, of_tokens).root() * deviations
            likely = likely.smaller(self._given(*more) + Size(dollars, tokens) + spread)
        most = (self.bound(*more) - self._given(*more)) * (1 / max(1, calls))
        return Outlook(likely, calls, late, records, most)

    def _given(self, *more: Reserved) -> Size:
        return sum((call.prompt for call in more), self._prompts)


def _step(seconds: float) -> int:
    """Durations that differ by less than a fifth have one step."""
    return math.floor(4 * math.log2(max(seconds, _SHORTEST_S)))


def _seconds(step: int) -> float:
    """The shortest duration of a step."""
    return float(2 ** (step / 4))


def prompt_bytes(messages: Iterable[Message], tools: Collection[ToolSpec] = ()) -> int:
    """Bytes of a conversation in UTF-8 without its images and files, and of the tools offered: no
    tokeniser makes more tokens of it.
    """
    offered = len(msgspec.json.encode(tools)) if tools else 0
    return offered + sum(len(_words(message).encode("utf-8", "replace")) for message in messages)


def _words(message: Message) -> str:
    """All that is text: words, calls of tools and their results, reasoning that goes back."""
    if isinstance(message.content, str):
        return message.content
    parts = (part for part in message.content if not isinstance(part, Image | File))
    texts = (getattr(part, name) for part in parts for name in part.__struct_fields__)
    return "".join(text for text in texts if isinstance(text, str))


def prompt_tokens(size: int) -> int:
    """The most tokens that a prompt of this many bytes is likely to have."""
    return math.ceil(size / FEWEST_CHARS)
